//! Which run asks about a doubt: the one that intended it, while it lives; of a dead one's whoever takes it up, one at a time.
//!
//! Not here: how it is asked, and what the answer means.

use std::collections::HashSet;

use super::{IS_OVER, LIVES};
use crate::database::{self, Connection, params};
use crate::postgres::Session;
use crate::{Asked, BatchId, CampaignId, RunId};

// What `probe.done` says of a run and a doubt that it has taken up, or of a doubt of its own.
/// It will ask about it.
const TO_ASK: i64 = 0;
/// It has asked, or cannot: nobody need wait for it.
const ASKED: i64 = 1;
/// It cannot ask about this one of a dead run, which is anybody's again.
const GIVEN_BACK: i64 = 2;

/// Takes up the doubts of a campaign that nobody asks about: those of runs that do not live any more, but for those that this
/// run has had already. From then on they are this run's to ask about, while it lives.
pub(crate) fn take_up_doubts(
    session: &Session,
    campaign: CampaignId,
    run: RunId,
    had: &HashSet<BatchId>,
) -> database::Result<Vec<BatchId>> {
    let take = format!(
        "INSERT INTO probe (batch, run) SELECT batch.id, $2 FROM batch WHERE batch.campaign = $1 AND batch.state = 'in_doubt' \
         AND batch.simulated = 0 AND batch.run <> $2 AND EXISTS (SELECT 1 FROM run WHERE run.id = batch.run AND {IS_OVER}) \
         AND NOT batch.id = ANY($3) ORDER BY batch.id \
         ON CONFLICT (batch) DO UPDATE SET run = excluded.run, done = {TO_ASK} \
         WHERE probe.done = {GIVEN_BACK} OR EXISTS (SELECT 1 FROM run WHERE run.id = probe.run AND {IS_OVER}) RETURNING batch"
    );
    let had: Vec<i64> = had.iter().map(|batch| batch.0).collect();
    let taken = session.column(&take, &[&campaign.0, &run.0, &had])?;
    Ok(taken.into_iter().map(BatchId).collect())
}

/// Those that it has taken up, as the server has it: the answer to a statement may have been lost.
pub(crate) fn taken_up(session: &Session, run: RunId) -> database::Result<Vec<BatchId>> {
    let query = format!("SELECT batch FROM probe WHERE run = $1 AND done = {TO_ASK} ORDER BY batch");
    let taken = session.column(&query, &[&run.0])?;
    Ok(taken.into_iter().map(BatchId).collect())
}

/// A run asks no more about a doubt: nobody need wait for it. One of a dead run's that it has not asked about is anybody's again.
pub(crate) fn leave_doubt(
    connection: &Connection,
    run: RunId,
    batch: BatchId,
    asked: Asked,
) -> database::Result<()> {
    if asked == Asked::No {
        let give_back = format!(
            "UPDATE probe SET done = {GIVEN_BACK} WHERE batch = ?1 AND run = ?2 \
             AND EXISTS (SELECT 1 FROM batch WHERE id = ?1 AND run <> ?2)"
        );
        let back = connection
            .prepare_cached(&give_back)?
            .execute(params![batch, run])?;
        if back > 0 {
            return Ok(());
        }
    }
    // Only if it is this run's: told again after a lost answer, another may have taken it up since.
    let done = format!(
        "INSERT INTO probe (batch, run, done) SELECT id, ?2, {ASKED} FROM batch WHERE id = ?1 AND state = 'in_doubt' \
         AND (run = ?2 OR EXISTS (SELECT 1 FROM probe WHERE batch = ?1 AND probe.run = ?2)) \
         ON CONFLICT (batch) DO UPDATE SET done = {ASKED} WHERE probe.run = excluded.run"
    );
    connection
        .prepare_cached(&done)?
        .execute(params![batch, run])
        .map(drop)
}

/// Of a batch's row: a living run will still ask about it.
pub(crate) fn is_to_be_asked_about() -> String {
    format!(
        "batch.state = 'in_doubt' AND EXISTS (SELECT 1 FROM run LEFT JOIN probe ON probe.batch = batch.id AND probe.run = run.id \
         WHERE {LIVES} AND (run.id = batch.run OR probe.run IS NOT NULL) AND coalesce(probe.done, {TO_ASK}) = {TO_ASK})"
    )
}

/// Those of a campaign's doubts that are not this run's to ask about: neither intended by it nor taken up. Another run will ask about
/// them; or it has died, and somebody is about to find out.
pub(crate) fn left_to_others(
    connection: &Connection,
    campaign: CampaignId,
    run: RunId,
) -> database::Result<Vec<BatchId>> {
    let query = format!(
        "SELECT id FROM batch WHERE campaign = ?1 AND state = 'in_doubt' AND run <> ?2 \
         AND NOT EXISTS (SELECT 1 FROM probe JOIN run ON run.id = probe.run WHERE probe.batch = batch.id \
           AND (run.id = ?2 OR probe.done = {GIVEN_BACK} OR probe.done = {ASKED} AND {LIVES}))"
    );
    let mut statement = connection.prepare_cached(&query)?;
    statement
        .query_map(params![campaign, run], |row| row.get(0).map(BatchId))?
        .collect()
}
