//! The providers, and what a test that runs for both must know of each: where they differ is written here, or as a
//! difference in the table of the test itself.
//!
//! Octopush has a key: a doubt is asked about by the same request once more, a probe. Exotel has none: its listing is read,
//! which finds what it has by name; what it lacks stays in doubt until the operator frees it.

use volley_model::BatchState;

use super::TEXT;
use super::campaign::Campaign;

/// Whose the campaign of a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Octopush,
    Exotel,
}

use Provider::{Exotel, Octopush};

/// Whether the provider has a batch in doubt, before anybody asks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    HasIt,
    LacksIt,
}

use Holding::{HasIt, LacksIt};

impl Provider {
    /// For the tests of one table.
    pub(crate) const BOTH: [Self; 2] = [Octopush, Exotel];

    /// As a campaign file names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Octopush => "octopush",
            Exotel => "exotel",
        }
    }

    /// The `base_url` of a server.
    pub(crate) fn base_url(self, server: &str) -> String {
        match self {
            Octopush => format!("{server}/v1/public"),
            Exotel => server.to_owned(),
        }
    }

    /// The section of a campaign file, valid, without its `base_url`.
    pub(super) fn section(self, campaign: Campaign<'_>) -> Campaign<'_> {
        match self {
            Octopush => campaign
                .set("octopush.text", TEXT)
                .set("octopush.type", "sms_premium")
                .set("octopush.purpose", "wholesale")
                .set("octopush.sender", "Acme"),
            Exotel => campaign
                .set("exotel.account_sid", "acme1")
                .set("exotel.caller_id", "08012345678")
                .set("exotel.url", "http://my.exotel.com/acme1/exoml/start_voice/4242"),
        }
    }

    /// Of a fault: that it meets the requests that send, and no others.
    pub(crate) fn sends(self) -> &'static str {
        match self {
            Octopush => r#""path":"sms-campaign/send""#,
            Exotel => r#""path":"campaigns","method":"POST""#,
        }
    }

    /// Of a fault: that it meets the free GET.
    pub(crate) fn free_get(self) -> &'static str {
        match self {
            Octopush => r#""path":"wallet/check-balance""#,
            Exotel => r#""path":"campaigns?limit=1""#,
        }
    }

    /// Of a fault: that it meets what asks about a doubt, whose batch has this number: its probe, or any page of the listing.
    pub(crate) fn question(self, number: &str) -> String {
        match self {
            Octopush => format!(r#""number":"{number}""#),
            Exotel => r#""path":"campaigns?offset=""#.to_owned(),
        }
    }

    /// Attempts that asking about a doubt adds to its batch: only a probe is one.
    pub(crate) fn probes(self) -> u64 {
        match self {
            Octopush => 1,
            Exotel => 0,
        }
    }

    /// What becomes of a doubt that is asked about.
    pub(crate) fn settled(self, holding: Holding) -> BatchState {
        match (self, holding) {
            // A duplicate tells no ticket.
            (Octopush, HasIt) => BatchState::Unticketed,
            // The probe was sent anew, the listing tells the id.
            (Octopush, LacksIt) | (Exotel, HasIt) => BatchState::Accepted,
            // Absent, which proves nothing.
            (Exotel, LacksIt) => BatchState::InDoubt,
        }
    }

    /// Whether a doubt is over once it was asked about.
    pub(crate) fn settles(self, holding: Holding) -> bool {
        self.settled(holding) != BatchState::InDoubt
    }
}
