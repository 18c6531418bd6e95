//! `--metrics-listen`: a run's figures for Prometheus at `/metrics`, and whether it goes on at `/healthz`.
//!
//! Input: the [`Snapshot`]s that the display gets, a few times a second. Output: text, made when somebody asks for it.
//! A thread of its own answers, so that no scraper, slow or hostile, delays the sending: the dispatcher does no more than put
//! its latest snapshot on the [`Board`].
//! Bounds: see [`server`]. Not here: anything of a recipient; no number and no credential is ever part of a snapshot.

mod exposition;
mod families;
mod health;
mod server;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::Span;

use crate::clock;
use crate::pipeline::Snapshot;

/// Whose figures they are.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) campaign: String,
    pub(crate) provider: &'static str,
    /// `send` or `rehearse`: a rehearsal must not be taken for the real thing.
    pub(crate) command: &'static str,
}

/// Answers scrapers until it is dropped.
pub(crate) struct Exporter {
    address: SocketAddr,
    board: Arc<Board>,
    /// What the server logs is the run's, once that has a number.
    span: Span,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Listens on `HOST:PORT`; port 0 takes any that is free.
    ///
    /// # Errors
    /// The address cannot be listened on, or the system gives no thread.
    pub(crate) fn listen(address: &str, subject: Subject) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let board = Arc::new(Board::new(subject));
        let (stop, stopped) = oneshot::channel();
        let span = tracing::error_span!("run", run = tracing::field::Empty);
        let thread = server::start(listener, Arc::clone(&board), stopped, span.clone())?;
        Ok(Self {
            address,
            board,
            span,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the next scrape gets.
    pub(crate) fn publish(&self, snapshot: &Snapshot) {
        if self.board.put(snapshot.clone()) {
            self.span.record("run", snapshot.run.0);
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Either it hears this, or it has ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Where the dispatcher leaves its latest snapshot, and the server finds it. The lock is held for a copy.
struct Board {
    subject: Subject,
    began_at: Timestamp,
    latest: Mutex<Option<Posted>>,
}

/// A snapshot, and when it was taken.
#[derive(Clone)]
struct Posted {
    at: Instant,
    snapshot: Snapshot,
}

impl Posted {
    fn age(&self) -> Duration {
        self.at.elapsed()
    }
}

impl Board {
    fn new(subject: Subject) -> Self {
        Self {
            subject,
            began_at: clock::now(),
            latest: Mutex::default(),
        }
    }

    /// Returns whether it is the first.
    fn put(&self, snapshot: Snapshot) -> bool {
        let at = Instant::now();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.replace(Posted { at, snapshot }).is_none()
    }

    /// `None` while the run still loads.
    fn latest(&self) -> Option<Posted> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
