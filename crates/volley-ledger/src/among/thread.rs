//! The thread of a run among others: what it is asked for goes first, then what the time asks for.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc as queue, oneshot, watch};

use super::beats::Beats;
use super::clocks::Clocks;
use super::set_back::{Horizon, Moments};
use super::spacing::{Due, Spacing};
use super::{
    Among, AmongThread, Ask, BEAT, GateNews, LEASED_MAX, Left, News, POLL, TOKEN_LIFE, Token, TrialEnd,
    Uptime, micros,
};
use crate::database::{self, Connection, params};
use crate::doubts::{self, Which};
use crate::place::Place;
use crate::postgres::workers::{self, IS_OVER, LIVES};
use crate::postgres::{Address, Patience, Session, Use};
use crate::{BatchId, CampaignId, LedgerError, RunId, RunLimits, queries};

/// How long the server may be away before the run ends.
const PATIENCE: Duration = Duration::from_mins(5);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// How far ahead tokens are leased: their life is a second, and some of it is for waking up in time.
pub(super) const AHEAD: Duration = Duration::from_millis(300);

/// Of ?2, a run: what it asked for is still its to ask. It may have ended since, and said it while it lived.
const UNBURIED: &str = "EXISTS (SELECT FROM run WHERE run.id = ?2 AND fenced_at IS NULL)";

/// What the thread begins with.
pub(crate) struct Start {
    pub(crate) address: Address,
    pub(crate) campaign: CampaignId,
    pub(crate) run: RunId,
    pub(crate) limits: RunLimits,
    /// How long an answer is waited for.
    pub(crate) patience: Patience,
    /// How many commits of the run were acknowledged.
    pub(crate) committed: Arc<AtomicU64>,
    /// The doubts that it has taken up already; `None` if it is to take up none.
    pub(crate) doubts: Option<HashSet<BatchId>>,
}

struct Worker {
    start: Start,
    place: Place,
    spacing: Spacing,
    horizon: Horizon,
    connection: Connection,
    clocks: Clocks,
    /// Leases that wait, the oldest first.
    leases: VecDeque<(u32, oneshot::Sender<Result<Token, LedgerError>>)>,
    /// When there is no use in leasing before.
    lease_at: Instant,
    /// What else was asked for, the oldest first.
    asked: VecDeque<Ask>,
    poll_at: Instant,
    beat_at: Instant,
    beats: Beats,
    /// Since when nothing has gone well, through however many connections.
    failing_since: Option<Instant>,
    /// How long is waited before the next connection, ever longer until something goes well.
    pause: Duration,
    /// Whether the answer to a statement may have been lost, so that the server has taken up doubts of which nothing was heard.
    may_have_taken: bool,
    news: watch::Sender<News>,
    left: queue::UnboundedSender<Left>,
}

impl Among {
    /// Connects, and starts the thread.
    pub(crate) fn start(start: Start) -> Result<(Self, AmongThread), LedgerError> {
        let place = Place::on_server(&start.address.to_string());
        let (connection, clocks) = connect(&start, &place)?;
        let (asks, asked) = mpsc::channel();
        let (news, heard) = watch::channel(News::default());
        let (found, left) = queue::unbounded_channel();
        let now = Instant::now();
        let spacing = Spacing::of(&start.limits);
        let worker = Worker {
            spacing,
            horizon: Horizon::of(spacing),
            start,
            place,
            connection,
            clocks,
            leases: VecDeque::new(),
            lease_at: now,
            asked: VecDeque::new(),
            poll_at: now,
            beat_at: now,
            beats: Beats::new(now),
            failing_since: None,
            pause: PAUSE_MIN,
            may_have_taken: false,
            news,
            left: found,
        };
        let thread = thread::Builder::new().name("among".to_owned());
        let thread = thread.spawn(move || worker.run(&asked));
        let thread = thread.map_err(|error| LedgerError::WriterStopped {
            detail: format!("it could not be started: {error}"),
        })?;
        Ok((Self { asks, news: heard }, AmongThread { left, thread }))
    }
}

impl Worker {
    /// Until nobody asks any more, or the run must end.
    fn run(mut self, asks: &mpsc::Receiver<Ask>) {
        let end = loop {
            let wake = self.wake_at().saturating_duration_since(Instant::now());
            match asks.recv_timeout(wake) {
                Ok(ask) => self.take(ask),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(ask) = asks.try_recv() {
                self.take(ask);
            }
            let done = self.work();
            if let Err(failure) = done
                && let Err(end) = self.come_back(failure, asks)
            {
                break end;
            }
        };
        self.news.send_modify(|news| news.end = Some(end.clone()));
        for (_, reply) in self.leases.drain(..) {
            // Whoever does not wait any more need not hear it.
            drop(reply.send(Err(end.clone())));
        }
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Lease(recipients, reply) => self.leases.push_back((recipients, reply)),
            other => self.asked.push_back(other),
        }
    }

    fn wake_at(&self) -> Instant {
        let next = self.poll_at.min(self.beat_at);
        if self.leases.is_empty() {
            next
        } else {
            next.min(self.lease_at)
        }
    }

    /// Does what is due; what fails is still to be done.
    fn work(&mut self) -> Result<(), LedgerError> {
        let told = !self.asked.is_empty();
        while let Some(ask) = self.asked.front_mut() {
            let done = carry_out(&self.connection, &self.start, ask);
            done.map_err(|error| self.failed("telling the others", error))?;
            self.asked.pop_front();
        }
        if told || Instant::now() >= self.poll_at {
            self.poll()?;
        }
        // Before the leases: whoever wakes from a long sleep finds out first whether it was buried.
        if Instant::now() >= self.beat_at {
            self.beat()?;
        }
        self.lease()?;
        (self.failing_since, self.pause) = (None, PAUSE_MIN);
        Ok(())
    }

    /// Leases for those who wait, as far as tokens are due soon.
    fn lease(&mut self) -> Result<(), LedgerError> {
        // Who gave up waiting needs none.
        self.leases.retain(|(_, reply)| !reply.is_closed());
        while !self.leases.is_empty() && Instant::now() >= self.lease_at {
            let count = self.leases.len().min(LEASED_MAX);
            let waiting = self.leases.iter().take(count).map(|(count, _)| *count);
            let (due, next) = self.spacing.soon(waiting, micros(AHEAD));
            let count = due.len();
            let Some(tokens) = self.lease_for(&due, next)? else {
                break;
            };
            for (token, (_, reply)) in tokens.into_iter().zip(self.leases.drain(..count)) {
                // A token that nobody waits for any more is lost.
                drop(reply.send(Ok(token)));
            }
        }
        Ok(())
    }

    /// Tokens for these moments, from the first on, and the time up to the next; `None` where none is due soon.
    fn lease_for(&mut self, due: &[Due], next: i64) -> Result<Option<Vec<Token>>, LedgerError> {
        // First: after a sleep between the two it is void all the sooner.
        let asked_asleep = Uptime::now();
        let asked = Instant::now();
        let leased = lease(&self.connection, &self.start, next)
            .map_err(|error| self.failed("leasing tokens", error))?;
        self.clocks.narrow(asked, leased.now, Instant::now());
        if !leased.lives {
            return Err(LedgerError::Buried {
                path: self.place.ledger.clone(),
                run: self.start.run,
            });
        }
        if !leased.has_commits {
            let detail = format!(
                "the server lacks commits that it had acknowledged to run {}",
                self.start.run
            );
            return Err(LedgerError::displaced(&self.place.ledger, detail));
        }
        let Some(from) = leased.from else {
            let soonest = self.clocks.not_yet_come(leased.next - micros(AHEAD));
            // Somebody's cool-down may end it sooner than is said; nobody else's lease may.
            self.lease_at = soonest.clamp(Instant::now() + Duration::from_millis(1), Instant::now() + POLL);
            return Ok(None);
        };
        let life = asked + TOKEN_LIFE;
        let token = |due: &Due| {
            let late = self.clocks.not_yet_come(from + due.at + self.spacing.late);
            let void = late.min(life);
            Token {
                due: self.clocks.surely_come(from + due.at),
                void,
                void_asleep: asked_asleep + void.saturating_duration_since(asked),
                put_off_by_recipients: due.behind_recipients,
                next: self.clocks.surely_come(from + next),
            }
        };
        Ok(Some(due.iter().map(token).collect()))
    }

    /// Hears what others have written.
    fn poll(&mut self) -> Result<(), LedgerError> {
        let query = format!(
            "SELECT server_time(), cool_until, generation, closed_at IS NOT NULL, trials_in_doubt, \
             EXISTS (SELECT FROM run WHERE id = ?2 AND {LIVES}), next_request_at, trial_until - trial_for \
             FROM pace JOIN gate ON gate.campaign = pace.campaign WHERE pace.campaign = ?1"
        );
        let asked = Instant::now();
        let heard = self
            .connection
            .prepare_cached(&query)
            .and_then(|mut statement| {
                statement.query_row(params![self.start.campaign, self.start.run], |row| {
                    let gate = GateNews {
                        generation: row.get(2)?,
                        closed: row.get(3)?,
                        trials_in_doubt: row.get(4)?,
                    };
                    let moments = Moments {
                        now: row.get(0)?,
                        next_request: row.get(6)?,
                        cool_until: row.get(1)?,
                        trial: row.get(7)?,
                    };
                    Ok((moments, gate, row.get(5)?))
                })
            })
            .map_err(|error| self.failed("hearing of the others", error))?;
        let (moments, gate, lives): (Moments, GateNews, bool) = heard;
        self.clocks.narrow(asked, moments.now, Instant::now());
        if !lives {
            return Err(LedgerError::Buried {
                path: self.place.ledger.clone(),
                run: self.start.run,
            });
        }
        if self.horizon.is_before(&moments) {
            let set_right = self.horizon.set_right(&self.connection, self.start.campaign);
            set_right.map_err(|error| self.failed("setting moments right", error))?;
            // They are heard at once, as they are now.
            self.lease_at = Instant::now();
            return Ok(());
        }
        self.poll_at = Instant::now() + POLL;
        let Moments { now, cool_until, .. } = moments;
        let cool_until = (cool_until > now).then(|| self.clocks.surely_come(cool_until));
        self.news.send_if_modified(|news| {
            let changed = (news.gate, news.cool_until.is_some()) != (gate, cool_until.is_some());
            (news.gate, news.cool_until) = (gate, cool_until);
            changed
        });
        Ok(())
    }

    /// Shows that this run lives, looks who else does, and takes up what the dead left.
    fn beat(&mut self) -> Result<(), LedgerError> {
        // A transaction of this run's that holds its row shows the same when it commits, and must not hold up the leases.
        let update = format!(
            "UPDATE run SET beat = beat + 1, beat_at = server_time() \
             WHERE id = (SELECT id FROM run WHERE id = ?1 AND {LIVES} FOR UPDATE SKIP LOCKED)"
        );
        let beaten = self
            .connection
            .prepare_cached(&update)
            .and_then(|mut statement| statement.execute([self.start.run]))
            .map_err(|error| self.failed("showing that the run lives", error))?;
        if beaten == 0 && !self.lives()? {
            return Err(LedgerError::Buried {
                path: self.place.ledger.clone(),
                run: self.start.run,
            });
        }
        self.beat_at = Instant::now() + BEAT;
        self.bury_the_silent()?;
        self.take_up_doubts()
    }

    fn take_up_doubts(&mut self) -> Result<(), LedgerError> {
        let (Some(had), Some(session)) = (&self.start.doubts, self.connection.postgres()) else {
            return Ok(());
        };
        let taken = if self.may_have_taken {
            workers::taken_up(session, self.start.run)
        } else {
            workers::take_up_doubts(session, self.start.campaign, self.start.run, had)
        };
        let taken = taken.map_err(|error| self.failed("taking up doubts", error))?;
        self.may_have_taken = false;
        for batch in taken {
            self.tell_of(batch)?;
        }
        Ok(())
    }

    /// Tells of a doubt that was taken up, once.
    fn tell_of(&mut self, batch: BatchId) -> Result<(), LedgerError> {
        let is_new = self
            .start
            .doubts
            .as_ref()
            .is_some_and(|had| !had.contains(&batch));
        let path = &self.place.ledger;
        let Some(row) = queries::batch(&self.connection, path, batch)?.filter(|_| is_new) else {
            return Ok(());
        };
        let members = queries::members(&self.connection, path, &row)?;
        for doubt in doubts::open(&self.connection, &self.place, Which::One(batch))? {
            let members = members.clone();
            // Where nobody listens any more the run ends, and the next one takes it up.
            drop(self.left.send(Left { doubt, members }));
        }
        if let Some(had) = &mut self.start.doubts {
            had.insert(batch);
        }
        Ok(())
    }

    fn lives(&self) -> Result<bool, LedgerError> {
        let query = format!("SELECT EXISTS (SELECT FROM run WHERE id = ?1 AND {LIVES})");
        self.connection
            .prepare_cached(&query)
            .and_then(|mut statement| statement.query_row([self.start.run], |row| row.get(0)))
            .map_err(|error| self.failed("looking whether the run lives", error))
    }

    fn bury_the_silent(&mut self) -> Result<(), LedgerError> {
        let living = workers::living(&self.connection, self.start.campaign, self.start.run)
            .map_err(|error| self.failed("looking for runs", error))?;
        let silent = self.beats.look(living, Instant::now());
        silent.into_iter().try_for_each(|run| self.bury(run))
    }

    fn bury(&self, run: workers::Living) -> Result<(), LedgerError> {
        let failed = |error| self.failed("fencing a run", error);
        let now = server_time(&self.connection).map_err(failed)?;
        let transaction = self.connection.transaction().map_err(failed)?;
        workers::bury(&transaction, &self.place.ledger, run, Some(self.start.run), now)?;
        transaction.commit().map_err(failed)
    }

    /// Connects again after a failure that passes. Nobody is taken for dead for what was not heard meanwhile.
    fn come_back(&mut self, failure: LedgerError, asks: &mpsc::Receiver<Ask>) -> Result<(), LedgerError> {
        let begun = *self.failing_since.get_or_insert_with(Instant::now);
        let mut failure = failure;
        let hurry = self.start.patience.hurry().clone();
        while failure.is_passing() && begun.elapsed() < PATIENCE && !hurry.is_told() {
            match asks.recv_timeout(self.pause) {
                Ok(ask) => self.take(ask),
                Err(RecvTimeoutError::Timeout) => self.pause = (self.pause * 2).min(PAUSE_MAX),
                Err(RecvTimeoutError::Disconnected) => return Err(failure),
            }
            match connect(&self.start, &self.place) {
                Ok((connection, clocks)) => {
                    (self.connection, self.clocks) = (connection, clocks);
                    let now = Instant::now();
                    self.beats = Beats::new(now);
                    self.may_have_taken = true;
                    (self.poll_at, self.beat_at, self.lease_at) = (now, now, now);
                    return Ok(());
                }
                Err(again) => failure = again,
            }
        }
        Err(failure)
    }

    fn failed(&self, step: &'static str, error: database::Error) -> LedgerError {
        LedgerError::database(&self.place.ledger, step, error)
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
fn lease(connection: &Connection, start: &Start, time: i64) -> database::Result<Leased> {
    // A run that has not shown itself for long may be fenced before its token is used; one whose commits the server does not have
    // stands on a server that was rolled back. (In what is to come by a clock that was set back, none has shown itself.)
    let life = micros(TOKEN_LIFE);
    let shown_within = micros(start.address.silence()) - life - life / 2;
    let committed = start.committed.load(Ordering::Acquire);
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
        start.campaign,
        start.run,
        time,
        micros(AHEAD),
        shown_within,
        committed,
        life
    ];
    connection.prepare_cached(&query)?.query_row(values, |row| {
        Ok(Leased {
            now: row.get(0)?,
            lives: row.get(1)?,
            has_commits: row.get(2)?,
            from: row.get(3)?,
            next: row.get(4)?,
        })
    })
}

/// Writes what all are to know. It may have waited until the server came back: of a run that was buried meanwhile nothing is
/// taken (who sends goes by the living), and what is too late by now changes nothing.
fn carry_out(connection: &Connection, start: &Start, ask: &mut Ask) -> database::Result<()> {
    let execute =
        |sql: &str, values: &[&dyn rusqlite::ToSql]| connection.prepare_cached(sql)?.execute(values);
    match ask {
        Ask::Lease(..) => {}
        Ask::CoolDown(for_, asked) => {
            let rest = for_.saturating_sub(asked.elapsed());
            let update = format!(
                "UPDATE pace SET cool_until = greatest(cool_until, server_time() + ?3) WHERE campaign = ?1 AND {UNBURIED}"
            );
            if !rest.is_zero() {
                execute(&update, params![start.campaign, start.run, micros(rest)])?;
            }
        }
        Ask::Close => {
            let update = format!(
                "UPDATE gate SET generation = generation + 1, closed_at = server_time() \
                 WHERE campaign = ?1 AND closed_at IS NULL AND {UNBURIED}"
            );
            execute(&update, params![start.campaign, start.run])?;
        }
        Ask::Try(at_most, reply) => {
            let update = format!(
                "UPDATE gate SET trial_run = ?2, trial_for = ?3, trial_until = server_time() + ?3 \
                 WHERE campaign = ?1 AND closed_at IS NOT NULL AND {UNBURIED} \
                 AND (trial_run IS NULL OR trial_run = ?2 OR trial_until < server_time() \
                 OR EXISTS (SELECT FROM run WHERE run.id = trial_run AND {IS_OVER}))"
            );
            let taken = execute(&update, params![start.campaign, start.run, micros(*at_most)])?;
            let (unheard, _) = oneshot::channel();
            // Whoever no longer waits lets the right run out.
            let _ = std::mem::replace(reply, unheard).send(taken == 1);
        }
        Ask::Time(reply) => {
            let now = server_time(connection)?;
            let (unheard, _) = oneshot::channel();
            // Whoever no longer waits needs no time.
            let _ = std::mem::replace(reply, unheard).send(now);
        }
        Ask::Leave(batch, asked) => workers::leave_doubt(connection, start.run, *batch, *asked)?,
        Ask::EndTrial(end) => end_trial(connection, start, *end)?,
    }
    Ok(())
}

/// Writes how a trial ended, if the right to it is this run's still.
fn end_trial(connection: &Connection, start: &Start, end: TrialEnd) -> database::Result<()> {
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
    let values = params![start.campaign, start.run];
    let ended = connection.prepare_cached(&update)?.execute(values)?;
    if ended == 0 && end == TrialEnd::Definite {
        // The gate of this run's own has opened: that of all is closed still, and is heard of anew.
        let again = format!(
            "UPDATE gate SET generation = generation + 1 WHERE campaign = ?1 AND closed_at IS NOT NULL AND {UNBURIED}"
        );
        connection.prepare_cached(&again)?.execute(values)?;
    }
    Ok(())
}

fn server_time(connection: &Connection) -> database::Result<Timestamp> {
    let now = connection.query_row("SELECT server_time()", [], |row| row.get(0))?;
    Ok(Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A connection, and the server's clock against ours.
fn connect(start: &Start, place: &Place) -> Result<(Connection, Clocks), LedgerError> {
    let failed = |error| LedgerError::database(&place.ledger, "connecting", error);
    let session = Session::connect(&start.address, Use::Write, start.patience.clone())
        .map_err(|error| failed(error.into()))?;
    let connection = Connection::Postgres(session);
    let asked = Instant::now();
    let told = connection
        .query_row("SELECT server_time()", [], |row| row.get(0))
        .map_err(failed)?;
    Ok((connection, Clocks::new(asked, told, Instant::now())))
}
