//! SIGHUP, SIGINT and SIGTERM: the first stops the intake and starts the grace, the second ends it.

use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::stop::{Stop, StopReason};
use crate::exit::Exit;

/// Listens for as long as the run goes on; never ends by itself.
pub(super) async fn listen(stop: &Stop, grace: Duration) {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            // Without them a signal ends the process at once: what is in flight is found in doubt by the next run.
            tracing::warn!(%error, "signals cannot be listened for");
            return std::future::pending::<()>().await;
        }
    };
    let first = signals.next().await;
    stop.request(StopReason::Signal(first));
    tokio::select! {
        _ = signals.next() => {}
        () = tokio::time::sleep(grace) => {}
    }
    stop.end_grace();
    std::future::pending::<()>().await;
}

struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.hangup.recv() => Exit::Hangup,
            _ = self.interrupt.recv() => Exit::Interrupt,
            _ = self.terminate.recv() => Exit::Terminate,
        }
    }
}
