//! The death of a run: whoever sees its beat stand still for as long as the run has said (15 seconds, or what its ledger's address
//! says) fences it.
//!
//! From then on the server takes nothing more from it, and what it had intended is in doubt, for others to settle. A run that
//! was only slow loses nothing by that but its time.
//! Not here: for how long a beat was seen to stand still (`among/beats.rs`), and what it is to be in doubt (`found_open.rs`).

use std::path::Path;

use jiff::Timestamp;

use super::{IS_OVER, LIVES, Living, living};
use crate::database::{Connection, params};
use crate::found_open::{self, Found};
use crate::{CampaignId, FoundOpen, LedgerError, RunId, queries};

/// Fences a run that was silent, unless it has beaten since, inside the caller's transaction. What it had intended is in doubt
/// from then on.
pub(crate) fn bury(
    connection: &Connection,
    path: &Path,
    silent: Living,
    by: Option<RunId>,
    now: Timestamp,
) -> Result<FoundOpen, LedgerError> {
    let failed = |error| LedgerError::database(path, "fencing a run", error);
    let fence =
        format!("UPDATE run SET fenced_at = ?3, fenced_by = ?4 WHERE id = ?1 AND beat = ?2 AND {LIVES}");
    let fenced = connection
        .execute(&fence, params![silent.run, silent.beat, now.as_microsecond(), by])
        .map_err(failed)?;
    if fenced == 0 {
        return Ok(FoundOpen::default());
    }
    let reason = match by {
        Some(by) => format!("run {} was found dead by run {by}", silent.run),
        None => format!("run {} was found dead", silent.run),
    };
    conclude_left(connection, path, "run = ?1", silent.run.0, &reason, by, now)
}

/// Fences the runs of a campaign that have been silent for too long by the server's clock, inside the caller's transaction. (Who
/// watches by itself need not trust a clock; who has only just come must.)
pub(super) fn bury_the_silent(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<(), LedgerError> {
    if connection.postgres().is_none() {
        return Ok(());
    }
    let failed = |error| LedgerError::database(path, "looking for runs", error);
    for run in living(connection, campaign, RunId(0)).map_err(failed)? {
        let query = "SELECT server_time() - beat_at FROM run WHERE id = ?1";
        let silent: i64 = connection
            .query_row(query, [run.run], |row| row.get(0))
            .map_err(failed)?;
        if u128::from(silent.max(0).unsigned_abs()) >= run.silence.as_micros() {
            bury(connection, path, run, None, now)?;
        }
    }
    Ok(())
}

/// What runs of this campaign left without an outcome that do not live any more: a failed ledger has them end so.
pub(crate) fn conclude_left_by_dead(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
    by: RunId,
    now: Timestamp,
) -> Result<FoundOpen, LedgerError> {
    let of_dead =
        format!("campaign = ?1 AND EXISTS (SELECT 1 FROM run WHERE run.id = batch.run AND {IS_OVER})");
    let reason = format!("found open by run {by}");
    conclude_left(connection, path, &of_dead, campaign.0, &reason, Some(by), now)
}

fn conclude_left(
    connection: &Connection,
    path: &Path,
    whose: &str,
    id: i64,
    reason: &str,
    by: Option<RunId>,
    now: Timestamp,
) -> Result<FoundOpen, LedgerError> {
    let mut left = Vec::new();
    let condition = format!("{whose} AND state = 'intended' ORDER BY id");
    queries::each_batch(connection, path, &condition, [id], &mut |batch| left.push(batch))?;
    let found = Found { reason, by, at: now };
    found_open::conclude(connection, path, left, &found)
}
