//! What an attempt's evidence means for its batch: the classes of `docs/guarantee.md`, "What the wire proves".

use std::time::Duration;

use crate::{Amount, Currency, Msisdn};

/// The provider's judgement on one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Sent, with a ticket.
    Accepted(Acceptance),
    /// Sent, but the ticket is unknown.
    Unticketed {
        /// What is missing, and why.
        reason: String,
    },
    /// This request was refused; nothing was sent.
    Refused(Refusal),
    /// The request was refused for one number that the provider names; nothing was sent. The other numbers may go again
    /// without it.
    RefusedFor {
        /// The number.
        number: Msisdn,
        /// What the provider said.
        refusal: Refusal,
    },
    /// Credentials or credit: nothing was sent, and the run stops.
    Account(Refusal),
    /// Proven unsent: the same key may go again.
    Unsent {
        /// What happened.
        reason: String,
        /// Whether trying again is of no use (a certificate fault).
        hopeless: bool,
    },
    /// Proven unprocessed: the same key may go again, after a delay.
    NotProcessed {
        /// What happened.
        reason: String,
        /// The delay the provider asks for.
        after: Option<Duration>,
        /// Whether all senders have to wait (429), rather than this batch alone.
        cools_all: bool,
    },
    /// Nobody knows. Never sent again by itself.
    InDoubt {
        /// What happened.
        reason: String,
        /// Whether the run stops (a redirect: the base URL is wrong).
        stops: bool,
    },
}

/// What the provider said of a message it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The provider's id of the sent batch; opaque.
    pub ticket: String,
    /// How many contacts the provider counts; fewer than sent means that it dropped some.
    pub contacts: Option<u64>,
    /// What it costs; `None` where the answer has no readable cost.
    pub cost: Option<Amount>,
    /// The currency of `cost`.
    pub currency: Currency,
    /// The segments the provider counts.
    pub units: Option<u64>,
    /// The account's credit after this request.
    pub residual_credit: Option<Amount>,
}

/// What the provider said of a request it refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The provider's error code.
    pub code: Option<u32>,
    /// The provider's message, without control characters, cut at 256 characters.
    pub message: String,
}
