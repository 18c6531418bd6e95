//! Campaigns on lists and tags that the provider keeps: their drafts, the intent to send them, and what came of it.
//!
//! The intent is durable before the request that sends a draft leaves, as it is for a batch. Each change of state is an
//! event that is only ever added, written in the same commit before the state itself; the schema refuses a transition that
//! is not drawn.
//! Not here: the recipients, whom the provider alone knows, and what a budget makes of the cost.
//! Sources: crates/volley-model/src/list_campaign.rs draws the states.

mod check;
pub(crate) mod hold;
mod message;
mod rows;
mod steps;
mod word;

use std::path::Path;

use crate::database::{Connection, params};
use jiff::Timestamp;
use volley_model::{Amount, Audience, Currency, ListCampaignState};

use crate::{Ledger, LedgerError, ListCampaignId};

pub(crate) use check::{check_rows, faults};
pub(crate) use message::{doubtful_like, parts};
pub(crate) use rows::{COLUMNS, EVENT_COLUMNS, next_id};
pub use word::ListResolved;

/// A campaign that the provider has made, and not sent; or one that it makes and sends by one order, which is recorded
/// before the order is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The provider.
    pub provider: String,
    /// The account there; a login, or a hash of one. Never a secret.
    pub account: String,
    /// The provider's host, without its port.
    pub host: String,
    /// The provider's id of it; before there is one, the unique name under which the provider will list it.
    pub ticket: String,
    /// Whom it goes to; `None` for one that was made elsewhere.
    pub audience: Option<Audience>,
    /// What the recipients get: key and value of each part, in any order, no key twice. Empty where it is not known.
    pub message: Vec<(String, String)>,
    /// The currency of its cost.
    pub currency: Currency,
    /// Now.
    pub at: Timestamp,
}

/// A campaign on a list or a tag, as it stands. Times are kept to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCampaign {
    /// Its row.
    pub id: ListCampaignId,
    /// The provider.
    pub provider: String,
    /// The account there.
    pub account: String,
    /// The provider's host that it was made at.
    pub host: String,
    /// What it was recorded under: the provider's id of it, or its unique name. No two have the same one in one account.
    pub ticket: String,
    /// The provider's id of one that was recorded under its name; known once it is sent.
    pub provider_id: Option<String>,
    /// Whom it goes to; `None` for one that was made elsewhere.
    pub audience: Option<Audience>,
    /// Where it stands.
    pub state: ListCampaignState,
    /// Why, where the state alone does not say it.
    pub reason: Option<String>,
    /// How many contacts the provider counts.
    pub contacts: Option<u64>,
    /// What it costs, as the provider or the operator says.
    pub cost: Option<Amount>,
    /// The currency of `cost`.
    pub currency: Currency,
    /// When it is sent, in the provider's words.
    pub sending_date: Option<String>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it was last intended to be sent; `None` for a draft, also for one that has become a draft again.
    pub intended_at: Option<Timestamp>,
    /// When it first was in doubt, settled or not; `None` for a draft.
    pub doubt_since: Option<Timestamp>,
    /// When anything of it last changed.
    pub changed_at: Timestamp,
}

/// What happens to a campaign on a list or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListStep {
    /// The provider says how large it is and what it costs: the state stays. What it does not say stays as it was. For a
    /// draft, and one that is being sent, in doubt or sent.
    Priced {
        /// How many contacts the provider counts.
        contacts: Option<u64>,
        /// What it costs.
        cost: Option<Amount>,
    },
    /// A draft is about to be sent: only after this may the request's first byte leave.
    Intended,
    /// One that was being sent is a draft again: there is proof that nothing was sent.
    Unsent {
        /// Which. Not blank.
        reason: String,
    },
    /// One that was being sent, or in doubt, was sent.
    Sent {
        /// The provider's id of it, where that is not its ticket.
        provider_id: Option<String>,
        /// When, in the provider's words.
        sending_date: Option<String>,
        /// What else there is to say.
        reason: Option<String>,
    },
    /// Nobody knows whether one that was being sent was sent. One in doubt stays so, since when it first was, for the new
    /// reason.
    InDoubt {
        /// What happened.
        reason: String,
    },
    /// The provider says that it failed: a draft, or one that was being sent or in doubt.
    Failed {
        /// In which words.
        reason: String,
    },
    /// A draft, or one that was to be sent later, was deleted at the provider.
    Cancelled {
        /// How that is known.
        reason: String,
    },
}

impl Ledger {
    /// Records a draft. One whose ticket is known already for that provider and account is returned as it stands, its host
    /// too, and nothing is written.
    ///
    /// # Errors
    /// The ledger cannot be read or written, or a checksum fails.
    pub fn record_draft(&mut self, draft: &Draft) -> Result<ListCampaign, LedgerError> {
        if let Some(known) = self.list_campaign(&draft.provider, &draft.account, &draft.ticket)? {
            return Ok(known);
        }
        self.transact("a draft recorded", draft.at, |connection, place| {
            steps::record(connection, &place.ledger, draft)
        })
    }

    /// The campaign with that ticket. Its host is the one it was made at, and no part of what it is found by: callers
    /// compare it with the host they would ask before they ask it anything about the ticket.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn list_campaign(
        &self,
        provider: &str,
        account: &str,
        ticket: &str,
    ) -> Result<Option<ListCampaign>, LedgerError> {
        one(&self.connection, &self.place.ledger, provider, account, ticket)
    }

    /// Writes what happened to a campaign, in one durable commit, and returns it as it stands then.
    ///
    /// # Errors
    /// A transition that is not drawn is [`Refused`](LedgerError::Refused), and so is an id that no campaign has: nothing
    /// was written. Else the ledger cannot be read or written, or a checksum fails.
    pub fn step(
        &mut self,
        id: ListCampaignId,
        step: &ListStep,
        at: Timestamp,
    ) -> Result<ListCampaign, LedgerError> {
        self.transact(steps::STEP, at, |connection, place| {
            steps::take(connection, &place.ledger, id, step, at)
        })
    }
}

/// All of them, oldest first.
pub(crate) fn all(connection: &Connection, path: &Path) -> Result<Vec<ListCampaign>, LedgerError> {
    let found = rows::select(connection, path, "TRUE", [])?;
    Ok(found.into_iter().map(|stored| stored.campaign).collect())
}

/// The campaign with that ticket of that account.
pub(crate) fn one(
    connection: &Connection,
    path: &Path,
    provider: &str,
    account: &str,
    ticket: &str,
) -> Result<Option<ListCampaign>, LedgerError> {
    let condition = "provider = ?1 AND account = ?2 AND ticket = ?3";
    let mut found = rows::select(connection, path, condition, params![provider, account, ticket])?;
    Ok(found.pop().map(|stored| stored.campaign))
}
