//! A clock that goes on while the machine sleeps. `Instant` stands still then, on Linux and on macOS alike, so that what is void by it
//! would be good again when a lid is opened.
//!
//! Not here: a virtual machine that is paused from outside, where no clock of its own may go on.

use std::ops::Add;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` stands still during a suspend (Linux, `clock_gettime(2)`).
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: ClockId = ClockId::Boottime;
/// On macOS this one goes on while the machine sleeps (`clock_gettime(3)`); `Instant` is of another there.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: ClockId = ClockId::Monotonic;

/// For how long the machine is up, its sleep included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uptime(Duration);

impl Uptime {
    /// By now.
    pub fn now() -> Self {
        let now = clock_gettime(CLOCK);
        let nanoseconds = u32::try_from(now.tv_nsec).unwrap_or(0);
        Self(Duration::new(now.tv_sec.unsigned_abs(), nanoseconds))
    }

    /// What has passed since, awake or asleep.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }
}

impl Add<Duration> for Uptime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}
