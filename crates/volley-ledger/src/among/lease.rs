//! Leases: so much of the campaign's time for the requests that wait, by one statement, and the tokens that it comes to.
//!
//! The statement asks whether the run lives, so that nobody hands over who was buried, and whether the server has all that it had
//! acknowledged to the run.
//! Bounds: [`LEASED_MAX`] tokens a statement, none of them due later than [`AHEAD`] but for the first.
//! Not here: how far apart tokens are ([`spacing`](super::spacing)).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::server::Server;
use super::spacing::{Due, Spacing};
use super::token::{TOKEN_LIFE, Token};
use super::{POLL, Uptime, micros};
use crate::LedgerError;
use crate::database::{self, params};
use crate::postgres::workers::LIVES;

/// Tokens that one statement leases.
pub(super) const LEASED_MAX: usize = 64;
/// How far ahead tokens are leased: their life is a second, and some of it is for waking up in time.
pub(super) const AHEAD: Duration = Duration::from_millis(300);

/// Who waits for tokens.
pub(super) struct Leases {
    spacing: Spacing,
    /// How many commits of the run were acknowledged.
    committed: Arc<AtomicU64>,
    /// The oldest first: to how many recipients, and whom to tell.
    waiting: VecDeque<(u32, Reply)>,
    /// When there is no use in leasing before.
    due: Instant,
}

/// Where a token goes.
pub(super) type Reply = oneshot::Sender<Result<Token, LedgerError>>;

impl Leases {
    pub(super) fn new(spacing: Spacing, committed: Arc<AtomicU64>, now: Instant) -> Self {
        Self {
            spacing,
            committed,
            waiting: VecDeque::new(),
            due: now,
        }
    }

    /// One more waits, behind the others.
    pub(super) fn push(&mut self, recipients: u32, reply: Reply) {
        self.waiting.push_back((recipients, reply));
    }

    /// When one is to be leased; `None` while nobody waits.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.due)
    }

    /// There may be some sooner than was told.
    pub(super) fn hasten(&mut self) {
        self.due = Instant::now();
    }

    /// There will be none any more.
    pub(super) fn end(&mut self, end: &LedgerError) {
        for (_, reply) in self.waiting.drain(..) {
            // Whoever does not wait any more need not hear it.
            drop(reply.send(Err(end.clone())));
        }
    }

    /// Leases for those who wait, as far as tokens are due soon.
    pub(super) fn lease(&mut self, server: &mut Server) -> Result<(), LedgerError> {
        // Who gave up waiting needs none.
        self.waiting.retain(|(_, reply)| !reply.is_closed());
        while !self.waiting.is_empty() && Instant::now() >= self.due {
            let count = self.waiting.len().min(LEASED_MAX);
            let waiting = self.waiting.iter().take(count).map(|(count, _)| *count);
            let (due, next) = self.spacing.soon(waiting, micros(AHEAD));
            let count = due.len();
            let Some(tokens) = self.lease_for(server, &due, next)? else {
                break;
            };
            for (token, (_, reply)) in tokens.into_iter().zip(self.waiting.drain(..count)) {
                // A token that nobody waits for any more is lost.
                drop(reply.send(Ok(token)));
            }
        }
        Ok(())
    }

    /// Tokens for these moments, from the first on, and the time up to the next; `None` where none is due soon.
    fn lease_for(
        &mut self,
        server: &mut Server,
        due: &[Due],
        next: i64,
    ) -> Result<Option<Vec<Token>>, LedgerError> {
        // First: after a sleep between the two it is void all the sooner.
        let asked_asleep = Uptime::now();
        let asked = Instant::now();
        let committed = self.committed.load(Ordering::Acquire);
        let leased =
            lease(server, committed, next).map_err(|error| server.failed("leasing tokens", error))?;
        server.clocks.narrow(asked, leased.now, Instant::now());
        if !leased.lives {
            return Err(server.buried());
        }
        if !leased.has_commits {
            let detail = format!(
                "the server lacks commits that it had acknowledged to run {}",
                server.run
            );
            return Err(LedgerError::displaced(&server.place.ledger, detail));
        }
        let Some(from) = leased.from else {
            let soonest = server.clocks.not_yet_come(leased.next - micros(AHEAD));
            // Somebody's cool-down may end it sooner than is said; nobody else's lease may.
            self.due = soonest.clamp(Instant::now() + Duration::from_millis(1), Instant::now() + POLL);
            return Ok(None);
        };
        let life = asked + TOKEN_LIFE;
        let token = |due: &Due| {
            let late = server.clocks.not_yet_come(from + due.at + self.spacing.late);
            let void = late.min(life);
            Token {
                due: server.clocks.surely_come(from + due.at),
                void,
                void_asleep: asked_asleep + void.saturating_duration_since(asked),
                put_off_by_recipients: due.behind_recipients,
                next: server.clocks.surely_come(from + next),
            }
        };
        Ok(Some(due.iter().map(token).collect()))
    }
}

/// What came of leasing.
struct Leased {
    now: i64,
    lives: bool,
    /// Whether it has all of the run's commits that it has acknowledged.
    has_commits: bool,
    /// From when on the time is ours; `None`: not yet.
    from: Option<i64>,
    /// From when on what comes next can be leased.
    next: i64,
}

/// Leases so much of the time, in microseconds.
fn lease(server: &Server, committed: u64, time: i64) -> database::Result<Leased> {
    // A run that has not shown itself for long may be fenced before its token is used; one whose commits the server does not have
    // stands on a server that was rolled back. (In what is to come by a clock that was set back, none has shown itself.)
    let life = micros(TOKEN_LIFE);
    let shown_within = micros(server.silence()) - life - life / 2;
    let query = format!(
        "WITH moment AS (SELECT server_time() AS now), \
         alive AS (SELECT id, beat_at, commit_number FROM run WHERE id = ?2 AND {LIVES}), \
         leased AS (UPDATE pace SET next_request_at = greatest(next_request_at, moment.now, cool_until) + ?3 \
           FROM moment WHERE campaign = ?1 \
             AND EXISTS (SELECT FROM alive WHERE beat_at > moment.now - ?5 AND beat_at < moment.now + ?7) \
             AND greatest(next_request_at, cool_until) <= moment.now + ?4 \
           RETURNING next_request_at - ?3 AS begins) \
         SELECT moment.now, EXISTS (SELECT FROM alive), EXISTS (SELECT FROM alive WHERE commit_number >= ?6), leased.begins, \
           greatest(pace.next_request_at, pace.cool_until) \
         FROM moment JOIN pace ON pace.campaign = ?1 LEFT JOIN leased ON true"
    );
    let values = params![
        server.campaign,
        server.run,
        time,
        micros(AHEAD),
        shown_within,
        committed,
        life
    ];
    server
        .connection
        .prepare_cached(&query)?
        .query_row(values, |row| {
            Ok(Leased {
                now: row.get(0)?,
                lives: row.get(1)?,
                has_commits: row.get(2)?,
                from: row.get(3)?,
                next: row.get(4)?,
            })
        })
}
