//! That nobody sends a campaign while a word is said on it: in a file the lock sees to that, on a server this.
//!
//! Not here: which words want it.

use std::path::Path;

use jiff::Timestamp;

use super::LIVES;
use super::death::bury_the_silent;
use super::turn::enter_alone;
use crate::database::{Connection, OptionalExtension as _};
use crate::{CampaignId, LedgerError, campaign};

/// Refuses a word on a campaign that is being sent, inside the caller's transaction: of a file the lock keeps such words. A run
/// that has been silent for too long by the server's clock is fenced first.
pub(crate) fn refuse_living(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
    now: Timestamp,
) -> Result<(), LedgerError> {
    if connection.postgres().is_none() {
        return Ok(());
    }
    let failed = |error| LedgerError::database(path, "looking for runs", error);
    let name = campaign::name(connection, campaign).map_err(failed)?;
    enter_alone(connection, &name).map_err(failed)?;
    bury_the_silent(connection, path, campaign, now)?;
    let query = format!("SELECT id, worker FROM run WHERE campaign = ?1 AND {LIVES} ORDER BY id LIMIT 1");
    let found = connection.query_row(&query, [campaign], |row| {
        Ok(LedgerError::Running {
            path: path.to_owned(),
            run: row.get(0)?,
            worker: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        })
    });
    if let Some(running) = found.optional().map_err(failed)? {
        return Err(running);
    }
    // The word may move money: the next run counts it anew.
    let uncounted = "UPDATE budget SET max_cost = NULL WHERE campaign = ?1";
    connection
        .execute(uncounted, [campaign])
        .map(drop)
        .map_err(failed)
}

/// The same of a word that concerns all campaigns.
pub(crate) fn refuse_any_living(
    connection: &Connection,
    path: &Path,
    now: Timestamp,
) -> Result<(), LedgerError> {
    if connection.postgres().is_none() {
        return Ok(());
    }
    let failed = |error| LedgerError::database(path, "looking for runs", error);
    let query = format!("SELECT DISTINCT campaign FROM run WHERE {LIVES} ORDER BY campaign");
    let campaigns: Vec<CampaignId> = connection
        .prepare_cached(&query)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(failed)?;
    for campaign in campaigns {
        refuse_living(connection, path, campaign, now)?;
    }
    Ok(())
}
