//! Outcomes that reach a ledger late: its storage had failed while they were still arriving.
//!
//! A failed writer never writes again. The process that still knows what came of its requests opens the ledger anew once
//! the disk is back, and tells it here, so that no ticket is lost.

use crate::database::Connection;
use volley_model::{BatchState, RequestKey};

use crate::place::Place;
use crate::rows::{self, BatchRow, Concluded};
use crate::{Conclusion, Ledger, LedgerError, Outcome, RunId, queries, split};

impl Ledger {
    /// Writes what `run` still knew of its requests when its writer had failed, in one commit. Whether a later run began
    /// since makes no difference: what the provider answered is so. Nothing happens where the failed commit proves to have
    /// been durable after all, nor for a release of an intent that never was.
    ///
    /// Returns what the ledger does not take, since its batch is unknown or has another outcome by now; a batch that is in
    /// doubt takes a ticket or another doubt, and no proof that it was not sent.
    ///
    /// # Errors
    /// The ledger cannot be read or written; then nothing of it was written, and it may be tried again.
    pub fn record_late(
        &mut self,
        run: RunId,
        late: Vec<(RequestKey, Conclusion)>,
    ) -> Result<Vec<(RequestKey, Conclusion)>, LedgerError> {
        let Some(at) = late.iter().map(|(_, conclusion)| conclusion.at).max() else {
            return Ok(late);
        };
        self.transact("writing late outcomes", at, |connection, place| {
            let mut untaken = Vec::new();
            for (key, conclusion) in late {
                if !take(connection, place, run, &key, &conclusion)? {
                    untaken.push((key, conclusion));
                }
            }
            Ok(untaken)
        })
    }
}

/// Whether the ledger says it now.
fn take(
    connection: &Connection,
    place: &Place,
    run: RunId,
    key: &RequestKey,
    conclusion: &Conclusion,
) -> Result<bool, LedgerError> {
    let Some(found) = queries::batch_with_key(connection, &place.ledger, &key.0)? else {
        return Ok(matches!(conclusion.outcome, Outcome::Released { .. }));
    };
    let row = Concluded::new(conclusion.outcome.clone(), &found.open(), conclusion.at, run);
    if is_written(&found, &row) {
        return Ok(true);
    }
    if let Outcome::Split { named, .. } = &conclusion.outcome {
        match split::refuse_stranger(connection, &place.ledger, found.id, *named) {
            Err(LedgerError::Refused { .. }) => return Ok(false),
            checked => checked?,
        }
    }
    let drawn = match found.state {
        BatchState::Intended => true,
        BatchState::InDoubt => matches!(
            row.state,
            BatchState::InDoubt | BatchState::Accepted | BatchState::Unticketed
        ),
        _ => false,
    };
    if drawn {
        rows::conclude(connection, found.id, &row)
            .and_then(|()| rows::add_attempts(connection, found.id, run, &conclusion.attempts))
            .map_err(|error| LedgerError::database(&place.ledger, "writing late outcomes", error))?;
    }
    Ok(drawn)
}

/// Whether the commit that seemed to fail was durable. Times are kept to the microsecond.
fn is_written(found: &BatchRow, row: &Concluded) -> bool {
    let at = found.concluded_at.map(jiff::Timestamp::as_microsecond);
    found.state == row.state && found.ticket == row.ticket && at == Some(row.at.as_microsecond())
}
