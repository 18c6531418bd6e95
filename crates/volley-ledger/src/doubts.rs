//! Batches of which nobody knows whether they were sent, with all that settling them takes.

use std::path::Path;

use crate::database::Connection;
use crate::database::{self};
use jiff::Timestamp;
use volley_model::{Amount, BatchState, BodyHash, Currency, RequestKey};

use crate::ledger::kept_body;
use crate::place::Place;
use crate::rows::{self, BatchRow};
use crate::schema::{self, Format};
use crate::{BatchId, CampaignId, LedgerError, RunId, campaign, lookup, queries};

/// A batch without a definite outcome. Simulated ones are never among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDoubt {
    /// The batch.
    pub batch: BatchId,
    /// Its campaign's name.
    pub campaign: String,
    /// Who knows.
    pub provider: String,
    /// The run that intended it.
    pub run: RunId,
    /// `InDoubt`; or `Intended`: a run is sending it now, or was killed while it did. Behind
    /// [`enter`](crate::Ledger::enter) there are none of the latter.
    pub state: BatchState,
    /// Its key.
    pub request_key: RequestKey,
    /// The hash of its body without the key.
    pub body_hash: BodyHash,
    /// Its numbers.
    pub recipients: u64,
    /// Segments; 0 where they are not counted.
    pub units: u64,
    /// What is set aside for it.
    pub reserved: Option<Amount>,
    /// The currency of `reserved`.
    pub currency: Currency,
    /// What happened last; `None` while intended.
    pub reason: Option<String>,
    /// When it first was in doubt; `None` while intended.
    pub doubt_since: Option<Timestamp>,
    /// When its last attempt was found to be in doubt; `None` while intended.
    pub failed_at: Option<Timestamp>,
    /// When its intent was written.
    pub intended_at: Timestamp,
    /// When its first attempt was handed over, where that is known: a crash loses it, and what later runs tried since is
    /// no measure.
    pub first_handed_over_at: Option<Timestamp>,
    /// The attempts that are known.
    pub attempts: u64,
    /// Whether its body can still be sent again as it was.
    pub body_kept: bool,
    /// How many of the provider's listings lacked it while it was in doubt.
    pub absent: u64,
    /// When the first of them was asked for.
    pub first_absent_at: Option<Timestamp>,
    /// When the last of them was asked for.
    pub last_absent_at: Option<Timestamp>,
}

impl OpenDoubt {
    /// When its first attempt was handed over, at the earliest: from then on the provider may have known its key.
    pub fn first_attempt_at(&self) -> Timestamp {
        self.first_handed_over_at.unwrap_or(self.intended_at)
    }
}

/// Which batches are asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Which {
    All,
    Of(CampaignId),
    One(BatchId),
}

/// Those of the campaign of that name, or all; `None` if no campaign has it.
pub(crate) fn named(
    connection: &Connection,
    path: &Path,
    campaign: Option<&str>,
) -> Result<Option<Which>, LedgerError> {
    let Some(name) = campaign else {
        return Ok(Some(Which::All));
    };
    let found = campaign::find(connection, name);
    let found = found.map_err(|error| LedgerError::database(path, "looking the campaign up", error))?;
    Ok(found.map(Which::Of))
}

/// The open batches, oldest first.
pub(crate) fn open(
    connection: &Connection,
    place: &Place,
    which: Which,
) -> Result<Vec<OpenDoubt>, LedgerError> {
    find(connection, place, "state IN ('intended', 'in_doubt')", which)
}

/// The batches that were sent and whose ticket is not known, oldest first. They are no doubts; their bodies are gone.
pub(crate) fn unticketed(
    connection: &Connection,
    place: &Place,
    which: Which,
) -> Result<Vec<OpenDoubt>, LedgerError> {
    find(connection, place, "state = 'unticketed'", which)
}

/// The batches in those states, oldest first. Simulated ones are not among them.
pub(crate) fn find(
    connection: &Connection,
    place: &Place,
    states: &str,
    which: Which,
) -> Result<Vec<OpenDoubt>, LedgerError> {
    let path = &place.ledger;
    let (column, id) = match which {
        // An id that is above none.
        Which::All => ("id >", 0),
        Which::Of(campaign) => ("campaign =", campaign.0),
        Which::One(batch) => ("id =", batch.0),
    };
    let condition = format!("{states} AND simulated = 0 AND {column} ?1 ORDER BY id");
    let mut rows = Vec::new();
    queries::each_batch(connection, path, &condition, [id], &mut |batch| rows.push(batch))?;
    let format = schema::format(connection, path)?;
    rows.into_iter()
        .map(|row| complete(connection, place, format, row))
        .collect()
}

/// Adds what stands beside the batch's row.
fn complete(
    connection: &Connection,
    place: &Place,
    format: Format,
    row: BatchRow,
) -> Result<OpenDoubt, LedgerError> {
    let path = &place.ledger;
    let Beside {
        campaign,
        provider,
        attempts,
        first_handed_over_at,
    } = beside(connection, row.id).map_err(|error| LedgerError::database(path, "reading doubts", error))?;
    let absences = lookup::absences(connection, path, format, row.id)?;
    let body_kept = row.is_open() && kept_body(connection, place, &row)?.is_some();
    Ok(OpenDoubt {
        batch: row.id,
        campaign,
        provider,
        run: row.run,
        state: row.state,
        request_key: RequestKey(row.request_key),
        body_hash: row.body_hash,
        recipients: row.member_count,
        units: row.units,
        reserved: row.reserved,
        currency: row.currency,
        reason: row.reason,
        doubt_since: row.doubt_since,
        failed_at: row.concluded_at,
        intended_at: row.intended_at,
        first_handed_over_at,
        attempts,
        body_kept,
        absent: absences.listings,
        first_absent_at: absences.first_at,
        last_absent_at: absences.last_at,
    })
}

/// What stands beside a batch's row.
struct Beside {
    campaign: String,
    provider: String,
    attempts: u64,
    /// Of the run that intended it.
    first_handed_over_at: Option<Timestamp>,
}

fn beside(connection: &Connection, batch: BatchId) -> database::Result<Beside> {
    let query = "SELECT campaign.name, campaign.provider, \
        (SELECT count(*) FROM attempt WHERE attempt.batch = batch.id), \
        (SELECT min(handed_over_at) FROM attempt WHERE attempt.batch = batch.id AND attempt.run = batch.run) \
        FROM batch JOIN campaign ON campaign.id = batch.campaign WHERE batch.id = ?1";
    connection.prepare_cached(query)?.query_row([batch], |row| {
        let first: Option<i64> = row.get(3)?;
        Ok(Beside {
            campaign: row.get(0)?,
            provider: row.get(1)?,
            attempts: row.get(2)?,
            first_handed_over_at: first.map(|first| rows::timestamp(3, first)).transpose()?,
        })
    })
}
