//! The thread of a run among others: what it is asked for goes first, then what the time asks for; and a server that is away is
//! waited for.
//!
//! Not here: the statements, which are each with what they are for.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc as queue, watch};

use super::beats::Beats;
use super::heard::{Clock, Hearing};
use super::lease::Leases;
use super::left::TakenUp;
use super::life::{self, BEAT};
use super::server::Server;
use super::set_back::Horizon;
use super::spacing::Spacing;
use super::{Among, AmongThread, Ask, News, told};
use crate::postgres::{Address, Patience};
use crate::{BatchId, CampaignId, LedgerError, RunId, RunLimits};

/// How long the server may be away before the run ends.
const PATIENCE: Duration = Duration::from_mins(5);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

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
    server: Server,
    leases: Leases,
    /// What else was asked for, the oldest first.
    asked: VecDeque<Ask>,
    hearing: Hearing,
    beat_at: Instant,
    beats: Beats,
    taken_up: TakenUp,
    /// Since when nothing has gone well, through however many connections.
    failing_since: Option<Instant>,
    /// How long is waited before the next connection, ever longer until something goes well.
    pause: Duration,
}

impl Among {
    /// Connects, and starts the thread.
    pub(crate) fn start(start: Start) -> Result<(Self, AmongThread), LedgerError> {
        let server = Server::connect(&start)?;
        let (asks, asked) = mpsc::channel();
        let (news, heard) = watch::channel(News::default());
        let (found, left) = queue::unbounded_channel();
        let now = Instant::now();
        let spacing = Spacing::of(&start.limits);
        let worker = Worker {
            server,
            leases: Leases::new(spacing, start.committed, now),
            asked: VecDeque::new(),
            hearing: Hearing::new(Horizon::of(spacing), news, now),
            beat_at: now,
            beats: Beats::new(now),
            taken_up: TakenUp::new(start.doubts, found),
            failing_since: None,
            pause: PAUSE_MIN,
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
        self.hearing.end(&end);
        self.leases.end(&end);
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Lease(recipients, reply) => self.leases.push(recipients, reply),
            other => self.asked.push_back(other),
        }
    }

    fn wake_at(&self) -> Instant {
        let next = self.hearing.due().min(self.beat_at);
        self.leases.due().map_or(next, |lease| lease.min(next))
    }

    /// Does what is due; what fails is still to be done.
    fn work(&mut self) -> Result<(), LedgerError> {
        let told = !self.asked.is_empty();
        while let Some(ask) = self.asked.front_mut() {
            let done = told::tell(&self.server, ask);
            done.map_err(|error| self.server.failed("telling the others", error))?;
            self.asked.pop_front();
        }
        if told || Instant::now() >= self.hearing.due() {
            self.hear()?;
        }
        // Before the leases: whoever wakes from a long sleep finds out first whether it was buried.
        if Instant::now() >= self.beat_at {
            self.beat()?;
        }
        self.leases.lease(&mut self.server)?;
        (self.failing_since, self.pause) = (None, PAUSE_MIN);
        Ok(())
    }

    fn hear(&mut self) -> Result<(), LedgerError> {
        match self.hearing.hear(&mut self.server)? {
            Clock::GoesOn => {}
            // They are heard at once, as they are now.
            Clock::WasSetBack => self.leases.hasten(),
        }
        Ok(())
    }

    /// Shows that this run lives, looks who else does, and takes up what the dead left.
    fn beat(&mut self) -> Result<(), LedgerError> {
        life::show(&self.server)?;
        self.beat_at = Instant::now() + BEAT;
        life::bury_the_silent(&self.server, &mut self.beats)?;
        self.taken_up.take_up(&self.server)
    }

    /// Connects again after a failure that passes. Nobody is taken for dead for what was not heard meanwhile.
    fn come_back(&mut self, failure: LedgerError, asks: &mpsc::Receiver<Ask>) -> Result<(), LedgerError> {
        let begun = *self.failing_since.get_or_insert_with(Instant::now);
        let mut failure = failure;
        let hurry = self.server.patience().hurry().clone();
        while failure.is_passing() && begun.elapsed() < PATIENCE && !hurry.is_told() {
            match asks.recv_timeout(self.pause) {
                Ok(ask) => self.take(ask),
                Err(RecvTimeoutError::Timeout) => self.pause = (self.pause * 2).min(PAUSE_MAX),
                Err(RecvTimeoutError::Disconnected) => return Err(failure),
            }
            match self.server.connect_again() {
                Ok(()) => {
                    self.start_anew();
                    return Ok(());
                }
                Err(again) => failure = again,
            }
        }
        Err(failure)
    }

    /// What a new connection makes of all that was known: nothing was heard meanwhile, and everything is due.
    fn start_anew(&mut self) {
        let now = Instant::now();
        self.beats = Beats::new(now);
        self.taken_up.came_back();
        self.hearing.hasten();
        self.leases.hasten();
        self.beat_at = now;
    }
}
