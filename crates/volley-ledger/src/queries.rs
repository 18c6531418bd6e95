//! What is asked of the ledger, the same over the writing connection and over a reader's.

use std::collections::HashMap;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, Params};
use rusqlite::types::FromSqlResult;
use volley_model::{Amount, BatchState, BodyHash, Currency, Msisdn};

use crate::rows::{BatchRow, COLUMN_COUNT, COLUMNS, RowError};
use crate::{BatchId, CampaignId, LedgerError, MessageId, RunId, members};

/// The states in which numbers count as reached, as SQL.
pub(crate) const REACHING: &str =
    "state IN ('intended', 'in_doubt', 'accepted', 'unticketed', 'declared_sent', 'abandoned')";

/// A batch with its numbers. The slice is used again for the next one.
#[derive(Debug, Clone, Copy)]
pub struct StoredMembers<'a> {
    /// The batch.
    pub batch: BatchId,
    /// The run that sent it.
    pub run: RunId,
    /// The wording it was sent with.
    pub message: MessageId,
    /// Where it stands.
    pub state: BatchState,
    /// The member that a split batch was refused for. Its others are free, but for those that stand in a child, which
    /// comes behind it.
    pub named: Option<Msisdn>,
    /// Its numbers, rising.
    pub members: &'a [Msisdn],
}

/// A campaign's money, over all its runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spending {
    /// Costs that are booked, the provider's and estimated ones.
    pub settled: Amount,
    /// Reservations of batches that are open, in doubt, or were sent, withdrawn ones too, and have no price.
    pub reserved: Amount,
    /// Batches that may be owed for and have neither a cost nor a reservation: they went out without a `unit_price`.
    pub unreserved: u64,
    /// The currency of both; `None` while there is neither. What is in no currency that is known yet counts in that of the
    /// others.
    pub currency: Option<Currency>,
}

/// Every batch of the campaign with its numbers, oldest first. Every row and every blob is checked on the way.
pub(crate) fn standing(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
    each: &mut dyn FnMut(StoredMembers<'_>),
) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::database(path, "reading the standing", error);
    let messages = messages(connection, campaign).map_err(failed)?;
    let mut numbers = Vec::new();
    let query = format!(
        "SELECT {COLUMNS}, numbers FROM batch LEFT JOIN members ON members.batch = batch.id WHERE campaign = ?1 ORDER BY id"
    );
    let mut statement = connection.prepare(&query).map_err(failed)?;
    let mut rows = statement.query([campaign]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let batch = BatchRow::read(&row).map_err(|error| error.at(path))?;
        let blob = row.get_ref(COLUMN_COUNT).map_err(failed)?.as_blob_or_null();
        decode(&batch, blob, &mut numbers).map_err(|detail| at_batch(path, &batch, &detail))?;
        let message = messages.get(&batch.run).copied();
        each(StoredMembers {
            batch: batch.id,
            run: batch.run,
            message: message.ok_or_else(|| at_batch(path, &batch, "its run is gone"))?,
            state: batch.state,
            named: batch.named_number,
            members: &numbers,
        });
    }
    Ok(())
}

/// The numbers of a batch, rising.
pub(crate) fn members(
    connection: &Connection,
    path: &Path,
    batch: &BatchRow,
) -> Result<Vec<Msisdn>, LedgerError> {
    let failed = |error| LedgerError::database(path, "reading a batch's numbers", error);
    let mut numbers = Vec::new();
    let mut statement = connection
        .prepare_cached("SELECT numbers FROM members WHERE batch = ?1")
        .map_err(failed)?;
    let mut rows = statement.query([batch.id]).map_err(failed)?;
    let blob = match rows.next().map_err(failed)? {
        Some(row) => row.get_ref(0).map_err(failed)?.as_blob_or_null(),
        None => Ok(None),
    };
    decode(batch, blob, &mut numbers).map_err(|detail| at_batch(path, batch, &detail))?;
    Ok(numbers)
}

/// Reads a batch's numbers into `numbers`, or says what is wrong with them.
fn decode(
    batch: &BatchRow,
    blob: FromSqlResult<Option<&[u8]>>,
    numbers: &mut Vec<Msisdn>,
) -> Result<(), String> {
    let blob = blob.map_err(|error| error.to_string())?;
    let blob = blob.ok_or("its numbers are gone")?;
    members::decode(&batch.request_key, blob, numbers).map_err(|error| error.to_string())?;
    if numbers.len() as u64 != batch.member_count {
        return Err("its numbers are not as many as they were".to_owned());
    }
    Ok(())
}

fn at_batch(path: &Path, batch: &BatchRow, detail: &str) -> LedgerError {
    LedgerError::damaged(path, format!("batch {}: {detail}", batch.id))
}

/// How many batches of the campaign with each body ended without reaching anybody.
pub(crate) fn generations(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
) -> Result<HashMap<BodyHash, u32>, LedgerError> {
    let mut generations = HashMap::new();
    each_batch(
        connection,
        path,
        "campaign = ?1 AND state IN ('refused', 'released', 'split', 'simulated', 'withdrawn', \
        'declared_not_sent')",
        [campaign],
        &mut |batch| *generations.entry(batch.body_hash).or_default() += 1,
    )?;
    Ok(generations)
}

/// What the campaign has cost and may yet cost.
pub(crate) fn spending(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
) -> Result<Spending, LedgerError> {
    let mut spending = Spending::default();
    let mut mixed = None;
    each_batch(
        connection,
        path,
        "campaign = ?1 ORDER BY id",
        [campaign],
        &mut |batch| {
            let (sum, amount, currency) = match (batch.cost, reservation(&batch)) {
                (Some(cost), _) => (&mut spending.settled, cost.amount, cost.currency),
                (None, Some(reserved)) => (&mut spending.reserved, reserved, batch.currency),
                (None, None) => {
                    if may_be_owed(&batch) {
                        spending.unreserved += 1;
                    }
                    return;
                }
            };
            *sum += amount;
            match currency.with(spending.currency.unwrap_or(currency)) {
                Some(united) => spending.currency = Some(united),
                None => mixed = Some(batch.id),
            }
        },
    )?;
    match mixed {
        None => Ok(spending),
        Some(batch) => Err(LedgerError::damaged(
            path,
            format!("batch {batch} has another currency than its campaign"),
        )),
    }
}

/// The reservation that still stands for a batch without a booked cost.
pub(crate) fn reservation(batch: &BatchRow) -> Option<Amount> {
    batch.reserved.filter(|_| may_be_owed(batch))
}

/// Whether a batch without a booked cost may still cost something.
fn may_be_owed(batch: &BatchRow) -> bool {
    !batch.simulated && batch.cost.is_none() && state_may_be_owed(batch.state)
}

/// Whether a batch in that state may cost something.
pub(crate) fn state_may_be_owed(state: BatchState) -> bool {
    match state {
        BatchState::Intended
        | BatchState::InDoubt
        | BatchState::Accepted
        | BatchState::Unticketed
        | BatchState::DeclaredSent
        | BatchState::Abandoned
        // Whether the provider gives back what it cost is not known.
        | BatchState::Withdrawn => true,
        BatchState::Refused
        | BatchState::Released
        | BatchState::Split
        | BatchState::Simulated
        | BatchState::DeclaredNotSent => false,
    }
}

/// Every batch of the ledger that has no definite outcome.
pub(crate) fn each_open(
    connection: &Connection,
    path: &Path,
    each: &mut dyn FnMut(BatchRow),
) -> Result<(), LedgerError> {
    each_batch(connection, path, "state IN ('intended', 'in_doubt')", [], each)
}

/// Every batch that `condition` selects, without its numbers.
pub(crate) fn each_batch(
    connection: &Connection,
    path: &Path,
    condition: &str,
    values: impl Params,
    each: &mut dyn FnMut(BatchRow),
) -> Result<(), LedgerError> {
    let failed = |error| RowError::Unreadable(error).at(path);
    let mut statement = connection
        .prepare(&format!("SELECT {COLUMNS} FROM batch WHERE {condition}"))
        .map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        each(BatchRow::read(&row).map_err(|error| error.at(path))?);
    }
    Ok(())
}

/// One batch.
pub(crate) fn batch(
    connection: &Connection,
    path: &Path,
    id: BatchId,
) -> Result<Option<BatchRow>, LedgerError> {
    let mut found = None;
    each_batch(connection, path, "id = ?1", [id], &mut |batch| {
        found = Some(batch);
    })?;
    Ok(found)
}

/// The batch with that key.
pub(crate) fn batch_with_key(
    connection: &Connection,
    path: &Path,
    key: &str,
) -> Result<Option<BatchRow>, LedgerError> {
    let mut found = None;
    each_batch(connection, path, "request_key = ?1", [key], &mut |batch| {
        found = Some(batch);
    })?;
    Ok(found)
}

fn messages(connection: &Connection, campaign: CampaignId) -> database::Result<HashMap<RunId, MessageId>> {
    let mut statement = connection.prepare("SELECT id, message FROM run WHERE campaign = ?1")?;
    let runs = statement.query_map([campaign], |row| Ok((row.get(0)?, row.get(1)?)))?;
    runs.collect()
}
