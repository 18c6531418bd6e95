//! How a run begins: the campaign is held against what is known of it, its rows and the run's are written, and what runs before it
//! left open is in doubt; all in one transaction.

use std::path::Path;

use jiff::Timestamp;
use volley_model::BatchState;

use super::changes::{self, Changes};
use super::{CampaignIdentity, row, wording};
use crate::database::{self, Connection, params};
use crate::found_open::{self, Found};
use crate::postgres::workers::{self, Common};
use crate::{CampaignId, FoundOpen, LedgerError, MessageId, RunId, queries, schedule};

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The campaign.
    pub campaign: CampaignId,
    /// This run.
    pub run: RunId,
    /// This run's wording of the message.
    pub message: MessageId,
    /// Whether anybody was reached before.
    pub begun: bool,
    /// What an earlier run left behind.
    pub found_open: FoundOpen,
    /// Whether an earlier run of the campaign never told its end: requests of its may still be on their way.
    pub unended: bool,
}

/// Begins a run, inside the caller's transaction.
pub(crate) fn enter(
    connection: &Connection,
    path: &Path,
    identity: &CampaignIdentity,
    changes: Changes,
    common: Option<&Common>,
    now: Timestamp,
) -> Result<Entry, LedgerError> {
    let failed = |error| LedgerError::database(path, "beginning a run", error);
    if connection.postgres().is_some() {
        workers::enter_alone(connection, &identity.name).map_err(failed)?;
    }
    let known = changes::compare(connection, path, identity, changes)?;
    let campaign = row::write(connection, identity, known.campaign, now).map_err(failed)?;
    let message = match known.message {
        Some(message) => message,
        None => wording::write(connection, campaign, &identity.message).map_err(failed)?,
    };
    if let (Some(_), Some(common)) = (connection.postgres(), common) {
        common.agree(connection, path, campaign, now)?;
    }
    let unended = has_unended(connection, campaign).map_err(failed)?;
    let run = write_run(connection, campaign, message, identity, now).map_err(failed)?;
    changes::write(connection, campaign, run, &known.changes, now).map_err(failed)?;
    let found_open = match connection.postgres() {
        None => conclude_open(connection, path, run, now)?,
        // Others may live, and their intents with them.
        Some(_) => workers::conclude_left_by_dead(connection, path, campaign, run, now)?,
    };
    Ok(Entry {
        campaign,
        run,
        message,
        begun: known.begun,
        found_open,
        unended,
    })
}

fn has_unended(connection: &Connection, campaign: CampaignId) -> database::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM run WHERE campaign = ?1 AND ended_at IS NULL)";
    connection.query_row(query, [campaign], |row| row.get(0))
}

fn write_run(
    connection: &Connection,
    campaign: CampaignId,
    message: MessageId,
    identity: &CampaignIdentity,
    now: Timestamp,
) -> database::Result<RunId> {
    let started_at = now.as_microsecond();
    let run = if let Some(session) = connection.postgres() {
        let insert = "INSERT INTO run (campaign, message, simulated, started_at, last_at, worker, silence, beat_at) \
            VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, server_time())";
        let silence = i64::try_from(session.silence().as_micros()).unwrap_or(i64::MAX);
        let values = params![
            campaign,
            message,
            identity.simulated,
            started_at,
            worker(),
            silence
        ];
        connection.insert(insert, values)?
    } else {
        let insert = "INSERT INTO run (campaign, message, simulated, started_at) VALUES (?1, ?2, ?3, ?4)";
        connection.insert(insert, params![campaign, message, identity.simulated, started_at])?
    };
    let run = RunId(run);
    if let Some(send_at) = identity.send_at {
        schedule::write(connection, run, send_at)?;
    }
    if connection.postgres().is_none() {
        connection.execute("UPDATE ledger SET latest_run = ?1", [run])?;
    }
    Ok(run)
}

/// This process, for whoever wonders which one a run is.
fn worker() -> String {
    let node = rustix::system::uname();
    format!("{}:{}", node.nodename().to_string_lossy(), std::process::id())
}

/// In a file a run is alone: what is intended by then, no run is working on any more.
fn conclude_open(
    connection: &Connection,
    path: &Path,
    run: RunId,
    now: Timestamp,
) -> Result<FoundOpen, LedgerError> {
    let mut open = Vec::new();
    queries::each_open(connection, path, &mut |batch| {
        if batch.state == BatchState::Intended {
            open.push(batch);
        }
    })?;
    let found = Found {
        reason: &format!("found open by run {run}"),
        by: Some(run),
        at: now,
    };
    found_open::conclude(connection, path, open, &found)
}
