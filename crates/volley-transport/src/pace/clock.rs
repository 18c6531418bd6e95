//! tokio's clock for governor, and waits finer than tokio's.
//!
//! tokio's timer counts milliseconds and rounds up, and the poll below it does too: a sleep ends up to 2 ms late.
//! A bucket of one token loses what it would have gathered meanwhile: at 100 requests a second, a tenth of the rate.

use std::ops::Add;
use std::time::Duration;

use governor::clock::{Clock, Reference};
use governor::nanos::Nanos;
use tokio::time::Instant;

/// By how much a sleep of tokio's may end late.
pub(super) const COARSE: Duration = Duration::from_millis(2);

/// How long it takes to get from a parked thread back to a task, on a busy machine: the rate at 150 requests a second
/// was 0.96 of what it should be without this allowance.
const WAKING: Duration = Duration::from_micros(300);

/// governor's view of tokio's clock, which tests can pause.
#[derive(Debug, Clone, Copy)]
pub(super) struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Instant);

impl Clock for TokioClock {
    type Instant = Moment;

    fn now(&self) -> Moment {
        Moment(Instant::now())
    }
}

impl Reference for Moment {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl Add<Nanos> for Moment {
    type Output = Self;

    fn add(self, duration: Nanos) -> Self {
        Self(self.0 + Duration::from(duration))
    }
}

/// Waits until then, up to 2 ms longer.
pub(super) async fn sleep_until(due: Instant) {
    if due > Instant::now() {
        tokio::time::sleep_until(due).await;
    }
}

/// Waits until then, some 10 µs longer: a thread of the blocking pool is parked for most of the last stretch, and
/// we look at the clock again and again for the rest of it.
pub(super) async fn sleep_until_exactly(due: Instant) {
    sleep_until(due - COARSE).await;
    let rest = due.saturating_duration_since(Instant::now());
    if let Some(parked) = rest.checked_sub(WAKING) {
        // Fails only when the runtime shuts down, and then nobody waits for us.
        let _ = tokio::task::spawn_blocking(move || std::thread::park_timeout(parked)).await;
    }
    // By the real clock, since a paused one would never come to the end.
    let looking = std::time::Instant::now();
    while Instant::now() < due && looking.elapsed() < 2 * WAKING {
        tokio::task::yield_now().await;
    }
    // Nothing is left to wait for, but where the thread was woken early or the clock is paused.
    sleep_until(due).await;
}
