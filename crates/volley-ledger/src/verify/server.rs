//! What of a ledger on a server is checked in another way: what its schema is made of ([`objects`]), and who holds each number.
//!
//! Bounds: batches are read [`PAGE`] at a time, and the numbers of one batch are looked up at once. Of claims one count a batch is
//! kept.
//! Not here: the pages of its tables, which are PostgreSQL's own matter (`amcheck`).

mod objects;

use std::collections::HashMap;
use std::path::Path;

use volley_model::{BatchState, Msisdn};

use super::{Check, STEP, Step, Verification};
use crate::database::{self, Connection, Row};
use crate::ledger::server;
use crate::postgres;
use crate::rows::{BatchRow, COLUMN_COUNT, COLUMNS};
use crate::{BatchId, LedgerError, members};

const PAGE: i64 = 200;

const RESTORE: &str = "keep the database as it is, and restore its newest sound backup beside it";

/// Checks the ledger at that address.
pub(super) fn verify(path: &Path) -> Result<Verification, LedgerError> {
    let (connection, place) = server::look(path)?;
    let made = objects::made(&connection);
    let made = made.map_err(|error| LedgerError::database(&place.ledger, STEP, error))?;
    // One moment for all questions, beside whoever writes.
    connection
        .execute_batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .map_err(|error| LedgerError::database(&place.ledger, STEP, error))?;
    let mut check = Check {
        found: Verification::of(&place),
        connection,
        place,
    };
    if check.objects(made)? {
        check.take(&STEPS)?;
    }
    let mut found = check.found;
    for finding in &mut found.findings {
        if finding.remedy == super::RESTORE {
            RESTORE.clone_into(&mut finding.remedy);
        }
    }
    Ok(found)
}

const STEPS: [Step; 12] = [
    Check::campaigns,
    Check::batches,
    Check::splits,
    Check::words,
    Check::schedules,
    Check::lookups,
    Check::prices,
    Check::list_campaigns,
    Check::suppressions,
    Check::conservation,
    Check::claims,
    Check::bodies,
];

impl Check {
    /// Every number that was reached, or may yet be, is held by its batch; and a batch holds no number that it does not have.
    fn claims(&mut self) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::database(&self.place.ledger, STEP, error);
        let Some(session) = self.connection.postgres() else {
            return Ok(());
        };
        // Of how many of its own numbers each batch is the holder.
        let mut own: HashMap<BatchId, Option<u64>> = HashMap::new();
        let mut unclaimed = Vec::new();
        let mut last = BatchId(0);
        loop {
            let page = page(&self.connection, last).map_err(failed)?;
            let Some((id, _)) = page.last() else { break };
            last = *id;
            for (id, batch) in page {
                let Some((batch, numbers)) = batch else {
                    own.insert(id, None);
                    continue;
                };
                let holders = holders(session, &batch, &numbers).map_err(failed)?;
                let is_own = |number: &Msisdn| holders.get(number) == Some(&id);
                let held = numbers.iter().filter(|number| is_own(number)).count();
                own.insert(id, Some(held as u64));
                if numbers
                    .iter()
                    .any(|number| must_hold(&batch, *number) && !is_own(number))
                {
                    unclaimed.push(id);
                }
            }
        }
        let query = "SELECT batch, count(*) FROM claim GROUP BY batch ORDER BY batch";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let counts = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect::<database::Result<Vec<(BatchId, u64)>>>)
            .map_err(failed)?;
        drop(statement);
        for batch in unclaimed {
            let fault = "it has numbers that it does not hold: they could be sent to again";
            self.found.find(format!("batch {batch}"), fault, super::RESTORE);
        }
        for (batch, held) in counts {
            if own
                .get(&batch)
                .copied()
                .unwrap_or(Some(0))
                .is_some_and(|own| own != held)
            {
                let fault = "it holds numbers that it does not have";
                self.found.find(format!("batch {batch}"), fault, super::RESTORE);
            }
        }
        Ok(())
    }
}

/// Whether nobody else may have this number of the batch's.
fn must_hold(batch: &BatchRow, number: Msisdn) -> bool {
    match batch.state {
        BatchState::Intended
        | BatchState::InDoubt
        | BatchState::Accepted
        | BatchState::Unticketed
        | BatchState::DeclaredSent
        | BatchState::Abandoned => true,
        BatchState::Split => batch.named_number == Some(number),
        BatchState::Refused
        | BatchState::Released
        | BatchState::Simulated
        | BatchState::DeclaredNotSent
        | BatchState::Withdrawn => false,
    }
}

/// A batch with its numbers; `None` where they cannot be read, or are missing: that is another fault, found before.
type Page = Vec<(BatchId, Option<(BatchRow, Vec<Msisdn>)>)>;

/// The batches behind `last`.
fn page(connection: &Connection, last: BatchId) -> database::Result<Page> {
    let query = format!(
        "SELECT {COLUMNS}, (SELECT numbers FROM members WHERE members.batch = batch.id), \
         (SELECT closed_at FROM campaign WHERE campaign.id = batch.campaign) IS NOT NULL \
         FROM batch WHERE id > ?1 ORDER BY id LIMIT {PAGE}"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let page = statement.query_map([last], |row| Ok((row.get(0)?, readable(row)?)))?;
    page.collect()
}

fn readable(row: &Row<'_>) -> database::Result<Option<(BatchRow, Vec<Msisdn>)>> {
    let erased: bool = row.get(COLUMN_COUNT + 1)?;
    let Ok(batch) = BatchRow::read(row) else {
        return Ok(None);
    };
    let mut numbers = Vec::new();
    let is_whole = match row.get_ref(COLUMN_COUNT)?.as_blob_or_null() {
        Ok(Some(blob)) => members::decode(&batch.request_key, blob, &mut numbers).is_ok(),
        Ok(None) => erased,
        Err(_) => false,
    };
    Ok(is_whole.then_some((batch, numbers)))
}

/// The batch that holds each of these numbers.
fn holders(
    session: &postgres::Session,
    batch: &BatchRow,
    numbers: &[Msisdn],
) -> database::Result<HashMap<Msisdn, BatchId>> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.get().cast_signed()).collect();
    let query = "SELECT number, batch FROM claim WHERE campaign = $1 AND number = ANY($2)";
    let found = session.rows(query, &[&batch.campaign.0, &numbers])?;
    let holders = found.iter().filter_map(|row| {
        let number: i64 = row.get(0);
        Some((Msisdn::new(number.cast_unsigned()).ok()?, BatchId(row.get(1))))
    });
    Ok(holders.collect())
}
