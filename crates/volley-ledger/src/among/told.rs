//! What all are told: to cool down, that the gate is closed, whose trial it is and how it ended, and who asks no more about a doubt.
//!
//! It may have waited until the server came back: of a run that was buried meanwhile nothing is taken (who sends goes by the
//! living), and what is too late by now changes nothing.
//! Not here: what a gate is, and how the others come to hear of it ([`heard`](super::heard)).

use std::time::Duration;

use tokio::sync::oneshot;

use super::server::Server;
use super::{Ask, micros};
use crate::database::{self, params};
use crate::postgres::workers::{self, IS_OVER};

/// Of ?2, a run: what it asked for is still its to ask. It may have ended since, and said it while it lived.
const UNBURIED: &str = "EXISTS (SELECT FROM run WHERE run.id = ?2 AND fenced_at IS NULL)";

/// How a trial ended that this run had the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// Somebody answered definitely: the gate opens for all.
    Definite,
    /// In doubt once more.
    Doubt,
    /// It was never sent.
    Neither,
}

/// Writes what all are to know, and answers whoever waits for it.
pub(super) fn tell(server: &Server, ask: &mut Ask) -> database::Result<()> {
    match ask {
        Ask::Lease(..) => Ok(()),
        Ask::CoolDown(for_, asked) => cool_down(server, for_.saturating_sub(asked.elapsed())),
        Ask::Close => close(server),
        Ask::Try(at_most, reply) => {
            let taken = try_alone(server, *at_most)?;
            // Whoever no longer waits lets the right run out.
            answer(reply, taken);
            Ok(())
        }
        Ask::EndTrial(end) => end_trial(server, *end),
        Ask::Leave(batch, asked) => workers::leave_doubt(&server.connection, server.run, *batch, *asked),
        Ask::Time(reply) => {
            // Whoever no longer waits needs no time.
            answer(reply, server.time()?);
            Ok(())
        }
    }
}

fn answer<T>(reply: &mut oneshot::Sender<T>, with: T) {
    let (unheard, _) = oneshot::channel();
    drop(std::mem::replace(reply, unheard).send(with));
}

/// Nobody sends for so long.
fn cool_down(server: &Server, rest: Duration) -> database::Result<()> {
    if rest.is_zero() {
        return Ok(());
    }
    let update = format!(
        "UPDATE pace SET cool_until = greatest(cool_until, server_time() + ?3) WHERE campaign = ?1 AND {UNBURIED}"
    );
    let values = params![server.campaign, server.run, micros(rest)];
    server
        .connection
        .prepare_cached(&update)?
        .execute(values)
        .map(drop)
}

fn close(server: &Server) -> database::Result<()> {
    let update = format!(
        "UPDATE gate SET generation = generation + 1, closed_at = server_time() \
         WHERE campaign = ?1 AND closed_at IS NULL AND {UNBURIED}"
    );
    let values = params![server.campaign, server.run];
    server
        .connection
        .prepare_cached(&update)?
        .execute(values)
        .map(drop)
}

/// Whether the right to a trial is this run's now.
fn try_alone(server: &Server, at_most: Duration) -> database::Result<bool> {
    let update = format!(
        "UPDATE gate SET trial_run = ?2, trial_for = ?3, trial_until = server_time() + ?3 \
         WHERE campaign = ?1 AND closed_at IS NOT NULL AND {UNBURIED} \
         AND (trial_run IS NULL OR trial_run = ?2 OR trial_until < server_time() \
         OR EXISTS (SELECT FROM run WHERE run.id = trial_run AND {IS_OVER}))"
    );
    let values = params![server.campaign, server.run, micros(at_most)];
    Ok(server.connection.prepare_cached(&update)?.execute(values)? == 1)
}

/// Writes how a trial ended, if the right to it is this run's still.
fn end_trial(server: &Server, end: TrialEnd) -> database::Result<()> {
    let (change, only_if) = match end {
        // An answer from before an absence says nothing of the provider as it is now.
        TrialEnd::Definite => (
            "generation = generation + 1, closed_at = NULL, trials_in_doubt = 0",
            "trial_until >= server_time()",
        ),
        TrialEnd::Doubt => (
            "generation = generation + 1, trials_in_doubt = trials_in_doubt + 1",
            "true",
        ),
        TrialEnd::Neither => ("generation = generation", "true"),
    };
    let update = format!(
        "UPDATE gate SET {change}, trial_run = NULL, trial_until = NULL, trial_for = NULL \
         WHERE campaign = ?1 AND trial_run = ?2 AND {UNBURIED} AND {only_if}"
    );
    let values = params![server.campaign, server.run];
    let ended = server.connection.prepare_cached(&update)?.execute(values)?;
    if ended == 0 && end == TrialEnd::Definite {
        // The gate of this run's own has opened: that of all is closed still, and is heard of anew.
        let again = format!(
            "UPDATE gate SET generation = generation + 1 WHERE campaign = ?1 AND closed_at IS NOT NULL AND {UNBURIED}"
        );
        server.connection.prepare_cached(&again)?.execute(values)?;
    }
    Ok(())
}
