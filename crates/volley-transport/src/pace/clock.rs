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

/// Waits until then, some 100 µs longer: a thread of the blocking pool is parked for the last stretch.
pub(super) async fn sleep_until_exactly(due: Instant) {
    sleep_until(due - COARSE).await;
    let rest = due.saturating_duration_since(Instant::now());
    if !rest.is_zero() {
        // Fails only when the runtime shuts down; then the line below is never reached either.
        let _ = tokio::task::spawn_blocking(move || std::thread::park_timeout(rest)).await;
    }
    // Nothing is left to wait for, but where the thread was woken early or the clock is paused.
    sleep_until(due).await;
}
