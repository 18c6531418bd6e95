//! A simulation of workers over one PostgreSQL, event by event: who waits for whom, and how much comes out.
//!
//! ```text
//!  intake ─ its work ─► asks for the numbers ─► batches, 16 ahead
//!                          (a session)              │
//!   ┌───────────────────────────────────────────────┘  at most 64 that are not handed over
//!   ▼
//!  ledger ─ a group of all that waits ─► claims ─► rows ─► the budget's row ─► COMMIT, a flush for all that wait for one
//!   ▲        (another session)                              └── held up to the end of the flush ──┘
//!   └─ outcomes ◄─ provider, some time ◄─ mock, where it is here ◄─┘ intents
//! ```
//! Cores are shared fairly by all that want one; locks and flushes go by turn. Costs come in as [`Costs`]. What is not in it:
//! PostgreSQL's own waiting for its pages and its log, disks that read, networks that are full.
//! Bounds: events are few per batch, so that a minute of sixty workers takes a second.

mod pool;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::costs::Costs;
use pool::Pool;

/// Sealed batches that wait: `crates/volley/src/pipeline/reading.rs`.
const BATCHES_AHEAD: usize = 16;
/// Intents that are written or being written, and not handed over: `crates/volley/src/pipeline/dispatch.rs`.
const INTENTS_AHEAD: usize = 64;
/// Ways to the server and back of a transaction, whatever is in it: BEGIN with the run's count and the ids; the claims; half a one each
/// with the rows, and with the answer to COMMIT. (What needs no answer is sent behind what does: `crates/volley-ledger/src/postgres/posted.rs`.)
const TRIPS_A_GROUP: f64 = 3.0;
/// While the budget's row is held: half a one each with its answer, and with COMMIT.
const TRIPS_OF_MONEY: f64 = 1.0;

/// What is simulated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setting {
    pub(super) workers: usize,
    pub(super) batch_size: f64,
    pub(super) max_in_flight: usize,
    /// Batches of each worker.
    pub(super) batches: usize,
    pub(super) cores: Cores,
    /// Seconds to the server and back.
    pub(super) round_trip: f64,
    /// Seconds for a flush of the log.
    pub(super) flush: f64,
    /// Seconds that the provider takes to answer.
    pub(super) answer: f64,
}

/// Who has which cores.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cores {
    /// Workers, server and mock share so many.
    Together(f64),
    /// The server has so many; workers have their own, and so has the provider.
    Apart(f64),
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) recipients_per_second: f64,
    pub(super) commits: f64,
    /// How much of the time each was busy; of sessions that write: on the average.
    pub(super) server_cores: f64,
    pub(super) writing: f64,
    pub(super) budget: f64,
    pub(super) flushing: f64,
    pub(super) provider: f64,
}

/// Whose turn it is, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Intake(usize, Reading),
    Ledger(usize, Writing),
    /// A request of a worker.
    Request(usize, Sending),
    Flushed,
    /// PostgreSQL writes its log and its pages: nobody waits for that.
    Background,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    Worked,
    Sent,
    Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Writing {
    Prepared,
    Claiming,
    Claimed,
    Inserted,
    Locked,
    Booked,
    Committed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sending {
    Sent,
    Received,
    Answered,
}

#[derive(Debug, Clone, Default)]
struct Worker {
    /// Batches that the intake has yet to read.
    unread: usize,
    /// Sealed, or waiting for the ledger.
    ready: usize,
    /// The intake waits for room.
    full: bool,
    /// Durable, and not handed over.
    intended: usize,
    in_flight: usize,
    answered: usize,
    concluded: usize,
    /// What the transaction has in it, while there is one.
    group: Option<Group>,
    writing_since: f64,
    wrote: f64,
    pool: usize,
}

#[derive(Debug, Clone, Copy)]
struct Group {
    intents: usize,
    outcomes: usize,
}

pub(super) struct Simulation<'a> {
    costs: &'a Costs,
    setting: Setting,
    now: f64,
    workers: Vec<Worker>,
    /// Pool 0 is the server's.
    pools: Vec<Pool<Task>>,
    mock_pool: Option<usize>,
    /// By time; times are compared as whole nanoseconds.
    timers: BinaryHeap<Reverse<(u64, Task)>>,
    budget: Lock,
    flushing: Vec<usize>,
    to_flush: Vec<usize>,
    flushed_for: f64,
    commits: f64,
    in_flight: usize,
    provider_for: f64,
}

/// A row that one transaction at a time may write.
#[derive(Default)]
struct Lock {
    holder: Option<usize>,
    waiting: VecDeque<usize>,
    since: f64,
    held_for: f64,
}

impl<'a> Simulation<'a> {
    pub(super) fn new(costs: &'a Costs, setting: Setting) -> Self {
        let (pools, mock_pool) = match setting.cores {
            Cores::Together(cores) => (vec![Pool::new(cores)], Some(0)),
            // A worker needs two or three cores at most: its own are never short.
            Cores::Apart(cores) => {
                let own = std::iter::repeat_with(|| Pool::new(4.0)).take(setting.workers);
                (std::iter::once(Pool::new(cores)).chain(own).collect(), None)
            }
        };
        let worker = |nth: usize| Worker {
            unread: setting.batches,
            pool: if mock_pool.is_some() { 0 } else { nth + 1 },
            ..Worker::default()
        };
        Self {
            costs,
            setting,
            now: 0.0,
            workers: (0..setting.workers).map(worker).collect(),
            pools,
            mock_pool,
            timers: BinaryHeap::new(),
            budget: Lock::default(),
            flushing: Vec::new(),
            to_flush: Vec::new(),
            flushed_for: 0.0,
            commits: 0.0,
            in_flight: 0,
            provider_for: 0.0,
        }
    }

    pub(super) fn run(mut self) -> Outcome {
        for worker in 0..self.workers.len() {
            self.read(worker);
        }
        while let Some(task) = self.next() {
            match task {
                Task::Intake(worker, reading) => self.intake(worker, reading),
                Task::Ledger(worker, writing) => self.ledger(worker, writing),
                Task::Request(worker, sending) => self.request(worker, sending),
                Task::Flushed => self.flushed(),
                Task::Background => {}
            }
        }
        let workers = to_f64(self.workers.len());
        let batches = to_f64(self.workers.iter().map(|worker| worker.concluded).sum());
        let wrote: f64 = self.workers.iter().map(|worker| worker.wrote).sum();
        Outcome {
            recipients_per_second: batches * self.setting.batch_size / self.now,
            commits: self.commits,
            server_cores: self.pools[0].used(self.now),
            writing: wrote / workers / self.now,
            budget: self.budget.held_for / self.now,
            flushing: self.flushed_for / self.now,
            provider: self.provider_for / (self.now * workers * to_f64(self.setting.max_in_flight)),
        }
    }

    /// What is done next, at its time.
    fn next(&mut self) -> Option<Task> {
        let timer = self.timers.peek().map(|Reverse((at, _))| seconds(*at));
        let job = self
            .pools
            .iter()
            .enumerate()
            .filter_map(|(pool, jobs)| Some((self.now + jobs.next_in()?, pool)))
            .min_by(|one, other| one.0.total_cmp(&other.0));
        let at = match (timer, job) {
            (None, None) => return None,
            (Some(timer), None) => timer,
            (None, Some((job, _))) => job,
            (Some(timer), Some((job, _))) => timer.min(job),
        };
        let passed = (at - self.now).max(0.0);
        self.now = self.now.max(at);
        self.provider_for += to_f64(self.in_flight) * passed;
        for pool in &mut self.pools {
            pool.pass(passed);
        }
        match (timer, job) {
            (timer, Some((job, pool))) if timer.is_none_or(|timer| job <= timer) => {
                self.pools[pool].take_done()
            }
            _ => self.timers.pop().map(|Reverse((_, task))| task),
        }
    }

    fn after(&mut self, wait: f64, task: Task) {
        self.timers.push(Reverse((nanoseconds(self.now + wait), task)));
    }

    fn work(&mut self, pool: usize, seconds: f64, task: Task) {
        self.pools[pool].add(seconds, task);
    }

    /// The intake reads the next batch, if there is room for it.
    fn read(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        worker.full = worker.ready >= BATCHES_AHEAD + INTENTS_AHEAD - worker.intended;
        if worker.unread == 0 || worker.full {
            return;
        }
        worker.unread -= 1;
        let (pool, work) = (worker.pool, self.costs.intake * self.setting.batch_size);
        self.work(pool, work, Task::Intake(at, Reading::Worked));
    }

    fn intake(&mut self, at: usize, reading: Reading) {
        match reading {
            Reading::Worked => self.after(self.setting.round_trip, Task::Intake(at, Reading::Sent)),
            Reading::Sent => {
                let asked = self.costs.asking.of(1.0, self.setting.batch_size);
                self.work(0, asked, Task::Intake(at, Reading::Asked));
            }
            Reading::Asked => {
                self.workers[at].ready += 1;
                self.read(at);
                self.write(at);
            }
        }
    }

    /// The ledger takes all that waits, if it is not at work.
    fn write(&mut self, at: usize) {
        let now = self.now;
        let worker = &mut self.workers[at];
        if worker.group.is_some() {
            return;
        }
        let intents = worker.ready.min(INTENTS_AHEAD - worker.intended);
        let outcomes = std::mem::take(&mut worker.answered);
        if intents + outcomes == 0 {
            return;
        }
        worker.ready -= intents;
        worker.group = Some(Group { intents, outcomes });
        worker.writing_since = now;
        let (pool, is_full) = (worker.pool, worker.full);
        // What an intent costs and its outcome are told together.
        let batches = to_f64(intents + outcomes) / 2.0;
        let work = self.costs.ledger.of(batches, self.setting.batch_size);
        self.work(pool, work, Task::Ledger(at, Writing::Prepared));
        if is_full {
            self.read(at);
        }
    }

    fn ledger(&mut self, at: usize, writing: Writing) {
        let Some(group) = self.workers[at].group else {
            return;
        };
        let (intents, outcomes) = (to_f64(group.intents), to_f64(group.outcomes));
        let next = |writing| Task::Ledger(at, writing);
        match writing {
            Writing::Prepared => {
                let trips = TRIPS_A_GROUP * self.setting.round_trip;
                self.after(trips, next(Writing::Claiming));
            }
            Writing::Claiming => {
                let claims = self.costs.commit + self.costs.claim * intents * self.setting.batch_size;
                self.work(0, claims, next(Writing::Claimed));
            }
            Writing::Claimed => {
                let rows = self.costs.batch * (intents + outcomes) / 2.0;
                self.work(0, rows, next(Writing::Inserted));
            }
            Writing::Inserted => match self.budget.holder {
                Some(_) => self.budget.waiting.push_back(at),
                None => self.lock(at),
            },
            Writing::Locked => {
                let trips = TRIPS_OF_MONEY * self.setting.round_trip;
                self.after(trips, next(Writing::Booked));
            }
            Writing::Booked => {
                self.to_flush.push(at);
                self.flush();
            }
            Writing::Committed => self.committed(at, group),
        }
    }

    fn lock(&mut self, at: usize) {
        self.budget.holder = Some(at);
        self.budget.since = self.now;
        self.after(0.0, Task::Ledger(at, Writing::Locked));
    }

    /// One flush at a time, of all that wait for one.
    fn flush(&mut self) {
        if self.flushing.is_empty() && !self.to_flush.is_empty() {
            self.flushing = std::mem::take(&mut self.to_flush);
            self.flushed_for += self.setting.flush;
            self.after(self.setting.flush, Task::Flushed);
        }
    }

    fn flushed(&mut self) {
        for at in std::mem::take(&mut self.flushing) {
            self.after(0.0, Task::Ledger(at, Writing::Committed));
        }
        self.flush();
    }

    fn committed(&mut self, at: usize, group: Group) {
        self.commits += 1.0;
        if self.budget.holder == Some(at) {
            self.budget.held_for += self.now - self.budget.since;
            self.budget.holder = None;
            if let Some(next) = self.budget.waiting.pop_front() {
                self.lock(next);
            }
        }
        let now = self.now;
        let worker = &mut self.workers[at];
        worker.group = None;
        worker.wrote += now - worker.writing_since;
        worker.concluded += group.outcomes;
        worker.intended += group.intents;
        let behind = self.costs.background * to_f64(group.intents) * self.setting.batch_size;
        self.work(0, behind, Task::Background);
        self.hand_over(at);
        self.write(at);
    }

    /// What is durable goes out, as long as there is room.
    fn hand_over(&mut self, at: usize) {
        let worker = &mut self.workers[at];
        let room = self.setting.max_in_flight - worker.in_flight;
        let requests = worker.intended.min(room);
        worker.intended -= requests;
        worker.in_flight += requests;
        self.in_flight += requests;
        let pool = worker.pool;
        for _ in 0..requests {
            let work = self.costs.sending.of(1.0, self.setting.batch_size);
            self.work(pool, work, Task::Request(at, Sending::Sent));
        }
    }

    fn request(&mut self, at: usize, sending: Sending) {
        match (sending, self.mock_pool) {
            (Sending::Sent, Some(pool)) => {
                let work = self.costs.mock * self.setting.batch_size;
                self.work(pool, work, Task::Request(at, Sending::Received));
            }
            (Sending::Sent, None) | (Sending::Received, _) => {
                self.after(self.setting.answer, Task::Request(at, Sending::Answered));
            }
            (Sending::Answered, _) => {
                self.in_flight -= 1;
                let worker = &mut self.workers[at];
                worker.in_flight -= 1;
                worker.answered += 1;
                self.hand_over(at);
                self.write(at);
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^53")]
pub(super) fn to_f64(count: usize) -> f64 {
    count as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a simulation lasts minutes"
)]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "minutes in nanoseconds are far below 2^53"
)]
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
