//! SIGHUP, SIGINT and SIGTERM: the first stops the intake and starts the grace, the second ends it.

use std::cell::Cell;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::{Stop, StopReason};
use crate::exit::Exit;

/// Signals that are no further apart are one; a person is slower.
const SAME_WITHIN: Duration = Duration::from_millis(100);

/// Listens for as long as the run goes on; never ends by itself. Where the run is `over`, and its end is being written, a signal
/// changes nothing of that, but that it is not waited for as long.
pub(super) async fn listen(signals: Option<Signals>, stop: &Stop, over: &Cell<bool>, grace: Duration) {
    let Some(mut signals) = signals else {
        return std::future::pending::<()>().await;
    };
    let first = signals.next().await;
    if !over.get() {
        stop.request(StopReason::Signal(first));
    }
    tokio::select! {
        () = signals.once_more() => {}
        () = tokio::time::sleep(grace) => {}
    }
    stop.end_grace();
    std::future::pending::<()>().await;
}

/// The three signals, caught from the moment this is made.
pub(crate) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them from now on, so that one that comes while the ledger is loaded ends the run as any other. Must be
    /// called inside the runtime. If they cannot be caught, a signal ends the process at once, and what is in flight is
    /// found in doubt by the next run.
    pub(crate) fn catch() -> Option<Self> {
        Self::new()
            .inspect_err(|error| tracing::warn!(%error, "signals cannot be caught"))
            .ok()
    }

    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// A second one, which says that it is to be quick. What comes at once is the first one by another way: a shutdown tells
    /// every process, and a script that runs us passes on what it was told.
    async fn once_more(&mut self) {
        let first_at = Instant::now();
        loop {
            self.next().await;
            if first_at.elapsed() >= SAME_WITHIN {
                return;
            }
        }
    }

    /// The next of them, as the exit it leads to.
    pub(crate) async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.hangup.recv() => Exit::Hangup,
            _ = self.interrupt.recv() => Exit::Interrupt,
            _ = self.terminate.recv() => Exit::Terminate,
        }
    }
}
