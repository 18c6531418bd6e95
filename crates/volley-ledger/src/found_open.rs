//! What runs left without an outcome. A crash is one more way of losing the answer: what no run is working on any more is in doubt.
//!
//! Not here: which batches those are. In a file that is every one that is intended when a run begins, on a server those of
//! the dead (`postgres/workers/death.rs`).

use std::path::Path;

use jiff::Timestamp;
use volley_model::BatchState;

use crate::database::Connection;
use crate::rows::{self, BatchRow, Concluded};
use crate::{LedgerError, Outcome, RunId};

/// Intents that an earlier run left without an outcome, in all campaigns of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FoundOpen {
    /// Batches that are in doubt now.
    pub in_doubt: u64,
    /// Batches in simulation mode: nobody was reached.
    pub simulated: u64,
}

/// How they were found.
pub(crate) struct Found<'a> {
    pub(crate) reason: &'a str,
    /// `None`: by the operator's command.
    pub(crate) by: Option<RunId>,
    pub(crate) at: Timestamp,
}

/// Marks them, inside the caller's transaction.
pub(crate) fn conclude(
    connection: &Connection,
    path: &Path,
    left: Vec<BatchRow>,
    found: &Found<'_>,
) -> Result<FoundOpen, LedgerError> {
    let mut counts = FoundOpen::default();
    for batch in left {
        let outcome = Outcome::InDoubt {
            reason: found.reason.to_owned(),
        };
        let mut row = Concluded::new(outcome, &batch.open(), found.at, batch.run);
        row.run = found.by;
        if row.state == BatchState::Simulated {
            counts.simulated += 1;
        } else {
            counts.in_doubt += 1;
        }
        rows::conclude(connection, batch.id, &row)
            .map_err(|error| LedgerError::database(path, "marking what was found open", error))?;
    }
    Ok(counts)
}
