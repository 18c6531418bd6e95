//! Batches that a ticket names, and what withdraws one: the provider has cancelled it before its time.
//!
//! A withdrawn batch's numbers are free again. Its ticket stays, and so does its cost: whether the provider gives the
//! money back is not known, and until it is, the budget counts it.

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, Params};
use crate::postgres::workers;
use jiff::Timestamp;
use volley_model::{BatchState, RequestKey};

use crate::rows::{self, BatchRow, Concluded};
use crate::{BatchId, Ledger, LedgerError, Resolved, WordError, campaign, queries, schedule, schema};

/// A batch that the provider gave an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticketed {
    /// The batch.
    pub batch: BatchId,
    /// The id.
    pub ticket: String,
    /// The key of its request; where the provider has no keys, the name it has there.
    pub request_key: RequestKey,
    /// Its campaign's name.
    pub campaign: String,
    /// The provider that gave the ticket.
    pub provider: String,
    /// The account there that it was given to.
    pub account: String,
    /// The provider's host that gave it. A campaign that no number counts as reached of any more may have moved since:
    /// whoever asks about the ticket compares this with where they would ask.
    pub host: String,
    /// Where it stands.
    pub state: BatchState,
    /// Its numbers.
    pub recipients: u64,
    /// When the batches of the run that intended it are to go out; `None`: at once.
    pub send_at: Option<Timestamp>,
}

const STEP: &str = "withdrawing a batch";
const HOLDING: &str = "keeping runs from beginning";

impl Ledger {
    /// The batches with that ticket, of every campaign, oldest first. Simulated ones are not among them.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn ticketed(&self, ticket: &str) -> Result<Vec<Ticketed>, LedgerError> {
        ticketed(&self.connection, &self.place.ledger, ticket)
    }

    /// For whoever is about to have the provider cancel a batch: no run of its campaign is under way, and none begins until this
    /// ledger is closed. In a file nobody else is there.
    ///
    /// # Errors
    /// [`Running`](LedgerError::Running); or the server fails.
    pub fn hold_campaign(&mut self, of: &Ticketed, at: Timestamp) -> Result<(), LedgerError> {
        if self.connection.postgres().is_none() {
            return Ok(());
        }
        self.transact(HOLDING, at, |connection, place| {
            if let Some(row) = queries::batch(connection, &place.ledger, of.batch)? {
                workers::refuse_living(connection, &place.ledger, row.campaign, at)?;
            }
            workers::stay_alone(connection, &of.campaign)
                .map_err(|error| LedgerError::database(&place.ledger, HOLDING, error))
        })
    }

    /// Takes an accepted batch for withdrawn, since the provider has confirmed that it cancelled it before its time. Its
    /// numbers are free again; ticket, contacts and cost stay as they were booked.
    ///
    /// # Errors
    /// [`WordError::NoReason`]; [`WordError::NoBatch`]; [`WordError::Settled`] for a batch in any other state; or the
    /// ledger cannot be read or written. Nothing was changed then.
    pub fn withdraw(&mut self, batch: BatchId, reason: &str, at: Timestamp) -> Result<Resolved, WordError> {
        if reason.trim().is_empty() {
            return Err(WordError::NoReason);
        }
        self.transact(STEP, at, |connection, place| {
            withdraw(connection, &place.ledger, batch, reason, at)
        })
    }
}

pub(crate) fn ticketed(
    connection: &Connection,
    path: &Path,
    ticket: &str,
) -> Result<Vec<Ticketed>, LedgerError> {
    let condition = "ticket = ?1 AND simulated = 0 ORDER BY id";
    select(connection, path, condition, [ticket])
}

/// The batches that `condition` selects, all of which have a ticket.
pub(crate) fn select(
    connection: &Connection,
    path: &Path,
    condition: &str,
    values: impl Params,
) -> Result<Vec<Ticketed>, LedgerError> {
    let failed = |error| LedgerError::database(path, "looking the ticket up", error);
    let mut rows = Vec::new();
    queries::each_batch(connection, path, condition, values, &mut |batch| rows.push(batch))?;
    let format = schema::format(connection, path)?;
    rows.into_iter()
        .map(|row| {
            let ticket = row.ticket.clone();
            let ticket = ticket
                .ok_or_else(|| LedgerError::damaged(path, format!("batch {} has no ticket", row.id)))?;
            let send_at = schedule::send_at(connection, path, format, row.run)?;
            complete(connection, &row, ticket, send_at).map_err(failed)
        })
        .collect()
}

/// Adds what stands beside the batch's row.
fn complete(
    connection: &Connection,
    row: &BatchRow,
    ticket: String,
    send_at: Option<Timestamp>,
) -> database::Result<Ticketed> {
    let whereabouts = campaign::whereabouts(connection, row.campaign, row.run)?;
    Ok(Ticketed {
        batch: row.id,
        ticket,
        request_key: RequestKey(row.request_key.clone()),
        campaign: campaign::name(connection, row.campaign)?,
        provider: whereabouts.provider,
        account: whereabouts.account,
        host: whereabouts.host,
        state: row.state,
        recipients: row.member_count,
        send_at,
    })
}

fn withdraw(
    connection: &Connection,
    path: &Path,
    batch: BatchId,
    reason: &str,
    at: Timestamp,
) -> Result<Resolved, WordError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let row = queries::batch(connection, path, batch)?.ok_or_else(|| WordError::NoBatch {
        path: path.to_owned(),
        batch,
    })?;
    workers::refuse_living(connection, path, row.campaign, at)?;
    if row.state != BatchState::Accepted {
        return Err(WordError::Settled {
            batch,
            state: row.state,
        });
    }
    let mut withdrawn = concluded(&row, at);
    withdrawn.reason = Some(reason.to_owned());
    rows::conclude(connection, batch, &withdrawn).map_err(failed)?;
    Ok(Resolved {
        campaign: campaign::name(connection, row.campaign).map_err(failed)?,
        was: row.state,
        state: BatchState::Withdrawn,
        recipients: row.member_count,
    })
}

/// An accepted batch withdrawn: what was booked of it stays.
pub(crate) fn concluded(row: &BatchRow, at: Timestamp) -> Concluded {
    let mut withdrawn = Concluded::bare(BatchState::Withdrawn, &row.open(), at, None);
    withdrawn.ticket.clone_from(&row.ticket);
    withdrawn.contacts = row.contacts;
    withdrawn.billed_units = row.billed_units;
    withdrawn.cost = row.cost;
    withdrawn.residual_credit = row.residual_credit;
    withdrawn
}
