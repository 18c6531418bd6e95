//! The limits that a run kept to: what its rate is held against in reports. Nothing is decided by them.

use crate::database::{self};
use crate::database::{Connection, OptionalExtension as _, params};
use jiff::Timestamp;

use crate::{Ledger, LedgerError, RunId};

/// The limits of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunLimits {
    /// Requests a second.
    pub requests_per_second: f64,
    /// Requests that may go at once after a pause.
    pub burst: u32,
    /// Recipients a second; `None`: no limit.
    pub recipients_per_second: Option<f64>,
    /// Requests under way at once.
    pub max_in_flight: u32,
}

impl Ledger {
    /// Writes the limits of a run that has begun.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn note_limits(&mut self, run: RunId, limits: &RunLimits, now: Timestamp) -> Result<(), LedgerError> {
        const STEP: &str = "noting the limits of a run";
        self.transact(STEP, now, |connection, place| {
            let insert = "INSERT INTO run_limits VALUES (?1, ?2, ?3, ?4, ?5)";
            let values = params![
                run,
                limits.requests_per_second,
                limits.burst,
                limits.recipients_per_second,
                limits.max_in_flight
            ];
            connection
                .execute(insert, values)
                .map(drop)
                .map_err(|error| LedgerError::database(&place.ledger, STEP, error))
        })
    }
}

/// The limits of a run; `None` where they were not noted.
pub(crate) fn of(connection: &Connection, run: RunId) -> database::Result<Option<RunLimits>> {
    let query = "SELECT requests_per_second, burst, recipients_per_second, max_in_flight FROM run_limits \
        WHERE run = ?1";
    connection
        .prepare_cached(query)?
        .query_row([run], |row| {
            Ok(RunLimits {
                requests_per_second: row.get(0)?,
                burst: row.get(1)?,
                recipients_per_second: row.get(2)?,
                max_in_flight: row.get(3)?,
            })
        })
        .optional()
}
