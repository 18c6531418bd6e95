//! The runs of a campaign that are under way at once, and how one of them is found dead.
//!
//! A run lives until it has told its end or is fenced. It beats; whoever sees its beat stand still for as long as the run has said
//! (15 seconds, or what its ledger's address says) fences it:
//! from then on the server takes nothing more from it, and what it had intended is in doubt, for others to settle. A run that
//! was only slow loses nothing by that but its time.
//! Not here: who watches, and when.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use volley_model::BatchState;

use crate::database::{self, Connection, OptionalExtension as _, Params, params};
use crate::postgres::Session;
use crate::rows::{self, Concluded};
use crate::{Asked, BatchId, CampaignId, FoundOpen, LedgerError, Outcome, RunId, RunLimits, queries};

/// Of a run's row: it may still write.
pub(crate) const LIVES: &str = "ended_at IS NULL AND fenced_at IS NULL";
/// It may write no more, for good: a statement that has waited for a lock may go by this, where it sees rows as they were when it
/// began. Of a run that has begun since it would say that none lives.
pub(crate) const IS_OVER: &str = "(ended_at IS NOT NULL OR fenced_at IS NOT NULL)";

// What `probe.done` says of a run and a doubt that it has taken up, or of a doubt of its own.
/// It will ask about it.
const TO_ASK: i64 = 0;
/// It has asked, or cannot: nobody need wait for it.
const ASKED: i64 = 1;
/// It cannot ask about this one of a dead run, which is anybody's again.
const GIVEN_BACK: i64 = 2;

/// A run that is under way, and the beat that was last seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) run: RunId,
    pub(crate) beat: i64,
    /// For how long that may stand still. The run itself goes by it, too, before it hands anything over.
    pub(crate) silence: Duration,
}

/// Lets one at a time begin a run of a campaign, until the transaction ends. Whoever wants the suppression list, too, takes that
/// first.
pub(crate) fn enter_alone(connection: &Connection, name: &str) -> database::Result<()> {
    let lock = "SELECT pg_advisory_xact_lock(hashtext('volley campaign'), hashtext(?1))::text";
    wait_for(connection, lock, params![name])
}

/// Waits for an advisory lock behind runs that begin: many may begin at once, one after another.
pub(crate) fn wait_for(connection: &Connection, lock: &str, of: impl Params) -> database::Result<()> {
    connection.execute_batch("SET LOCAL lock_timeout = '60s'")?;
    connection.query_row(lock, of, |_| Ok(()))?;
    connection.execute_batch("SET LOCAL lock_timeout = '5s'")
}

/// The runs of a campaign that are under way, without this one.
pub(crate) fn living(
    connection: &Connection,
    campaign: CampaignId,
    but: RunId,
) -> database::Result<Vec<Living>> {
    let query =
        format!("SELECT id, beat, silence FROM run WHERE campaign = ?1 AND id <> ?2 AND {LIVES} ORDER BY id");
    let mut statement = connection.prepare_cached(&query)?;
    let found = statement.query_map(params![campaign, but], |row| {
        Ok(Living {
            run: row.get(0)?,
            beat: row.get(1)?,
            silence: Duration::from_micros(row.get(2)?),
        })
    })?;
    found.collect()
}

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
    let mut found = FoundOpen::default();
    for batch in left {
        let outcome = Outcome::InDoubt {
            reason: reason.to_owned(),
        };
        let mut row = Concluded::new(outcome, &batch.open(), now, batch.run);
        row.run = by;
        if row.state == BatchState::Simulated {
            found.simulated += 1;
        } else {
            found.in_doubt += 1;
        }
        rows::conclude(connection, batch.id, &row)
            .map_err(|error| LedgerError::database(path, "marking what was found open", error))?;
    }
    Ok(found)
}

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
    let name = crate::campaign::name(connection, campaign).map_err(failed)?;
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

/// Fences the runs of a campaign that have been silent for too long by the server's clock, inside the caller's transaction. (Who
/// watches by itself need not trust a clock; who has only just come must.)
fn bury_the_silent(
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

/// What all who send a campaign at once have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Common {
    pub(crate) limits: RunLimits,
    /// Recipients in a full batch.
    pub(crate) batch_size: u32,
    pub(crate) max_cost: Option<volley_model::Amount>,
}

impl Common {
    /// Sets it down for a campaign that nobody sends; with others it must be theirs. Inside the transaction that begins a run,
    /// before there is its row.
    pub(crate) fn agree(
        &self,
        connection: &Connection,
        path: &Path,
        campaign: CampaignId,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::database(path, "agreeing on limits", error);
        bury_the_silent(connection, path, campaign, now)?;
        let others = living(connection, campaign, RunId(0)).map_err(failed)?;
        let theirs = self.found(connection, campaign).map_err(failed)?;
        match (others.first(), theirs) {
            (Some(_), Some(theirs)) if theirs == self.told() => Ok(()),
            (Some(other), Some(theirs)) => {
                let (key, is, was) = difference(&self.told(), &theirs);
                Err(LedgerError::OtherLimits {
                    key,
                    is,
                    was,
                    run: other.run,
                })
            }
            _ => {
                let spending = queries::spending(connection, path, campaign)?;
                self.set(connection, campaign, &spending).map_err(failed)
            }
        }
    }

    /// As the limits are told, key by key.
    fn told(&self) -> Vec<(&'static str, String)> {
        let none = || "no limit".to_owned();
        let rate = |rate: f64| rate.to_string();
        vec![
            (
                "limits.requests_per_second",
                rate(self.limits.requests_per_second),
            ),
            ("limits.burst", self.limits.burst.to_string()),
            (
                "limits.recipients_per_second",
                self.limits.recipients_per_second.map_or_else(none, rate),
            ),
            ("limits.batch_size", self.batch_size.to_string()),
            ("limits.max_cost", self.max_cost.map_or_else(none, plainly)),
        ]
    }

    fn found(
        &self,
        connection: &Connection,
        campaign: CampaignId,
    ) -> database::Result<Option<Vec<(&'static str, String)>>> {
        let query = "SELECT requests_per_second, burst, recipients_per_second, batch_size, max_cost \
            FROM pace JOIN budget ON budget.campaign = pace.campaign WHERE pace.campaign = ?1";
        let found = connection.query_row(query, [campaign], |row| {
            let max_cost: Option<String> = row.get(4)?;
            Ok((
                Self {
                    limits: RunLimits {
                        requests_per_second: row.get(0)?,
                        burst: row.get(1)?,
                        recipients_per_second: row.get(2)?,
                        max_in_flight: self.limits.max_in_flight,
                    },
                    batch_size: row.get(3)?,
                    max_cost: None,
                },
                max_cost,
            ))
        });
        Ok(found.optional()?.map(|(found, max_cost)| {
            let mut told = found.told();
            if let (Some(max_cost), Some(last)) = (max_cost, told.last_mut()) {
                last.1 = max_cost.parse().map_or(max_cost, plainly);
            }
            told
        }))
    }

    fn set(
        &self,
        connection: &Connection,
        campaign: CampaignId,
        spending: &crate::Spending,
    ) -> database::Result<()> {
        let pace = "INSERT INTO pace (campaign, requests_per_second, burst, recipients_per_second, batch_size) \
            VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (campaign) DO UPDATE SET requests_per_second = excluded.requests_per_second, \
            burst = excluded.burst, recipients_per_second = excluded.recipients_per_second, batch_size = excluded.batch_size";
        connection.execute(
            pace,
            params![
                campaign,
                self.limits.requests_per_second,
                self.limits.burst,
                self.limits.recipients_per_second,
                self.batch_size
            ],
        )?;
        let budget = "INSERT INTO budget (campaign, max_cost, settled, reserved) \
            VALUES (?1, ?2, ?3::text::numeric, ?4::text::numeric) ON CONFLICT (campaign) DO UPDATE \
            SET max_cost = excluded.max_cost, settled = excluded.settled, reserved = excluded.reserved";
        let max_cost = self.max_cost.map(|cost| cost.to_string());
        let (settled, reserved) = (spending.settled.to_string(), spending.reserved.to_string());
        connection.execute(budget, params![campaign, max_cost, settled, reserved])?;
        let gate = "INSERT INTO gate (campaign) VALUES (?1) ON CONFLICT (campaign) DO UPDATE \
            SET generation = gate.generation + 1, closed_at = NULL, trials_in_doubt = 0, trial_run = NULL, trial_until = NULL, trial_for = NULL";
        connection.execute(gate, [campaign]).map(drop)
    }
}

/// An amount, whichever way it was written: 50 is 50.00.
fn plainly(amount: volley_model::Amount) -> String {
    amount.decimal().normalize().to_string()
}

/// The first key in which they differ, with the value here and there.
fn difference(
    ours: &[(&'static str, String)],
    theirs: &[(&'static str, String)],
) -> (&'static str, String, String) {
    let differing = ours.iter().zip(theirs).find(|(ours, theirs)| ours != theirs);
    differing.map_or(
        ("limits", String::new(), String::new()),
        |((key, is), (_, was))| (key, is.clone(), was.clone()),
    )
}

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
