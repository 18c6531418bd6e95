//! The writer: a thread that commits what waits, in groups, and the handle by which the pipeline talks to it.
//!
//! Nothing is acknowledged before its COMMIT has returned. The first write or sync that fails ends all writing of this
//! process: SQLite may well say OK afterwards, about data that never reached the disk.
//! While several batches are on their way and orders come fast, a group waits a little for more of them, but for a disk that
//! takes longer than that by itself: there they gather while it syncs.
//! Bounds: [`WAITING_MAX`] calls wait in the channel, [`GROUP_MAX`] go into one transaction, [`LINGER`] is the wait.

mod desk;

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use volley_model::{LineCounts, Msisdn};

use crate::postgres::Hurry;
use crate::{BatchId, Conclusion, Intended, Intent, Ledger, LedgerError, Outlook, RunEnd, RunId};

use desk::Desk;
pub(crate) use desk::number_commit;

/// Calls that wait for the thread. More than 64 intents that may be unsent and 256 answers that may wait for their
/// commit, so that the channel is never what limits; their callers wait for the acknowledgement anyway.
const WAITING_MAX: usize = 512;
/// Calls in one transaction: all that can wait. The sync, not the rows, is what a commit costs.
const GROUP_MAX: usize = WAITING_MAX;
/// How long a group waits for others to join it: only if its first order came within as long of the last commit, and that
/// commit took no longer, so that what a slow disk leaves of the rate stays whole.
const LINGER: Duration = Duration::from_millis(2);
/// So many batches on their way have an order to give soon. A run that keeps fewer waits for each of them, and would be
/// held up for nothing. (What other databases call `commit_siblings`.)
const LINGER_FOR: usize = 5;

/// Talks to the writer's thread; cheap to clone. Each call resolves once what it wrote is durable.
#[derive(Debug, Clone)]
pub struct Writer {
    orders: mpsc::Sender<Order>,
    hurry: Hurry,
}

/// The writer's thread. It ends when the last [`Writer`] is dropped.
#[derive(Debug)]
pub struct WriterThread {
    thread: Result<JoinHandle<Result<(), LedgerError>>, String>,
}

/// What the thread is asked to write.
#[derive(Debug)]
enum Order {
    Intend(Box<Intent>, Reply<Intended>),
    Conclude(BatchId, Box<Conclusion>, Reply<()>),
    Absent(Vec<BatchId>, Timestamp, Reply<()>),
    ReadBody(BatchId, Reply<Option<Bytes>>),
    BookLines(LineCounts, Reply<()>),
    EndRun(RunEnd, Reply<()>),
    Look(Vec<Msisdn>, Reply<Outlook>),
}

/// Who waits for an order, and what they are told once its transaction is durable.
#[derive(Debug)]
struct Reply<T> {
    waiting: oneshot::Sender<Result<T, LedgerError>>,
    result: Option<Result<T, LedgerError>>,
}

impl Writer {
    /// Writes an intent, its body with it. Only after this has returned [`Durable`](Intended::Durable) may the request's first
    /// byte leave. In a file, where a run is alone, it returns nothing else. That of a child is
    /// [`Refused`](LedgerError::Refused) unless its parent is a split batch of this run that has left it all of its numbers.
    ///
    /// # Errors
    /// [`Refused`](LedgerError::Refused), and on a server [`KeyUsed`](LedgerError::KeyUsed), for this call alone. Else, then and
    /// for every later call: [`Damaged`](LedgerError::Damaged) for what contradicts itself;
    /// [`WriterStopped`](LedgerError::WriterStopped); in a file [`Storage`](LedgerError::Storage), and
    /// [`Fenced`](LedgerError::Fenced) once a later run has begun; on a server [`Server`](LedgerError::Server), where one that is
    /// away was waited for in vain, [`Buried`](LedgerError::Buried) if this run was taken for dead, and
    /// [`Displaced`](LedgerError::Displaced) if the server lacks commits that it had acknowledged.
    pub async fn intend(&self, intent: Intent) -> Result<Intended, LedgerError> {
        self.ask(|reply| Order::Intend(Box::new(intent), reply)).await
    }

    /// Writes what came of a batch, with its attempts, which are numbered on behind those it has. A definite outcome gives
    /// the body's slot back. A doubt may be concluded again: as in doubt (with the new reason, since when it first was),
    /// as accepted, or as unticketed. A split names one of the batch's numbers.
    ///
    /// # Errors
    /// As [`intend`](Self::intend); a transition that `docs/guarantee.md` does not draw is [`Refused`](LedgerError::Refused).
    pub async fn conclude(&self, batch: BatchId, conclusion: Conclusion) -> Result<(), LedgerError> {
        self.ask(|reply| Order::Conclude(batch, Box::new(conclusion), reply))
            .await
    }

    /// Writes that a listing of the provider's lacked these batches, all of which are in doubt. `at` is when it was asked
    /// for: among others by the server's clock, since another run's listing is held against it.
    ///
    /// # Errors
    /// As [`intend`](Self::intend); if one of them is not in doubt it is [`Refused`](LedgerError::Refused) for all.
    pub async fn absent(&self, batches: Vec<BatchId>, at: Timestamp) -> Result<(), LedgerError> {
        self.ask(|reply| Order::Absent(batches, at, reply)).await
    }

    /// The body of an open batch, to be sent again as it was; `None` if it is missing, torn, or another batch's by now.
    ///
    /// # Errors
    /// The files cannot be read: this call's failure alone. Else as [`intend`](Self::intend).
    pub async fn body(&self, batch: BatchId) -> Result<Option<Bytes>, LedgerError> {
        self.ask(|reply| Order::ReadBody(batch, reply)).await
    }

    /// Books the lines behind the last batch; `planned` are those that were read and not sent.
    ///
    /// # Errors
    /// As [`intend`](Self::intend).
    pub async fn book_lines(&self, lines: LineCounts) -> Result<(), LedgerError> {
        self.ask(|reply| Order::BookLines(lines, reply)).await
    }

    /// How the campaign stands, and who holds these numbers.
    ///
    /// # Errors
    /// As [`intend`](Self::intend).
    pub async fn look(&self, numbers: Vec<Msisdn>) -> Result<Outlook, LedgerError> {
        self.ask(|reply| Order::Look(numbers, reply)).await
    }

    /// Writes how the run ended. Once a run.
    ///
    /// # Errors
    /// As [`intend`](Self::intend).
    pub async fn end_run(&self, end: RunEnd) -> Result<(), LedgerError> {
        self.ask(|reply| Order::EndRun(end, reply)).await
    }

    /// By which to tell that nothing is waited for any more: a server that is away, or does not answer, ends the writing then.
    pub fn hurry(&self) -> Hurry {
        self.hurry.clone()
    }

    async fn ask<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<T, LedgerError> {
        let stopped = || LedgerError::WriterStopped {
            detail: "it does not answer".to_owned(),
        };
        let (waiting, answer) = oneshot::channel();
        let reply = Reply {
            waiting,
            result: None,
        };
        self.orders.send(order(reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl WriterThread {
    /// Waits until every [`Writer`] is dropped and all they asked for is written, and closes the ledger. Blocks.
    ///
    /// # Errors
    /// The first failure of the storage, or of closing; [`WriterStopped`](LedgerError::WriterStopped) if the thread
    /// panicked or never started.
    pub fn join(self) -> Result<(), LedgerError> {
        match self.thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
                Err(LedgerError::WriterStopped {
                    detail: said.unwrap_or("it panicked").to_owned(),
                })
            }),
            Err(detail) => Err(LedgerError::WriterStopped { detail }),
        }
    }
}

/// Starts the thread.
pub(crate) fn start(ledger: Ledger, run: RunId) -> (Writer, WriterThread) {
    let (orders, waiting) = mpsc::channel(WAITING_MAX);
    let hurry = ledger.hurry.clone();
    let thread = thread::Builder::new()
        .name("ledger".to_owned())
        .spawn(move || write(Desk::new(ledger, run), waiting));
    let thread = thread.map_err(|error| format!("it could not be started: {error}"));
    (Writer { orders, hurry }, WriterThread { thread })
}

/// The thread: waits for an order, takes what waits behind it, commits it all, acknowledges.
fn write(desk: Result<Desk, LedgerError>, mut waiting: mpsc::Receiver<Order>) -> Result<(), LedgerError> {
    let mut desk = match desk {
        Ok(desk) => desk,
        Err(failure) => {
            while let Some(order) = waiting.blocking_recv() {
                order.acknowledge(Some(&failure));
            }
            return Err(failure);
        }
    };
    let mut group = Vec::with_capacity(GROUP_MAX);
    let mut idle_since = Instant::now();
    let mut commit_took = Duration::ZERO;
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        let fast = idle_since.elapsed() < LINGER && commit_took < LINGER;
        if fast && desk.has_on_their_way(LINGER_FOR) {
            linger();
            while group.len() < GROUP_MAX
                && let Ok(order) = waiting.try_recv()
            {
                group.push(order);
            }
        }
        let begun = Instant::now();
        desk.commit(&mut group);
        idle_since = Instant::now();
        commit_took = idle_since - begun;
    }
    desk.close()
}

#[expect(
    clippy::disallowed_methods,
    reason = "it waits for nothing but the time: a wait for the next order would wake for each"
)]
fn linger() {
    thread::sleep(LINGER);
}

impl Order {
    /// Answers: as it went, unless the whole group failed.
    fn acknowledge(self, failure: Option<&LedgerError>) {
        match self {
            Self::Intend(_, reply) => reply.send(failure),
            Self::ReadBody(_, reply) => reply.send(failure),
            Self::Look(_, reply) => reply.send(failure),
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => reply.send(failure),
        }
    }
}

impl<T> Reply<T> {
    fn send(self, failure: Option<&LedgerError>) {
        let result = failure.map_or(self.result, |failure| Some(Err(failure.clone())));
        if let Some(result) = result {
            // Whoever no longer waits for the answer does not need it.
            drop(self.waiting.send(result));
        }
    }
}
