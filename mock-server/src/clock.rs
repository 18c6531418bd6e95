//! The provider's own clock, which a test can move.
//!
//! It decides when a `request_id` expires, whether a `send_at` is still ahead, and when a campaign on a list is
//! computed. *Not here*: the `Date` header and the rate windows, which are
//! always real time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Milliseconds since the mock started, plus what it was advanced by.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    advanced_ms: AtomicI64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            advanced_ms: AtomicI64::new(0),
        }
    }

    /// Milliseconds on this clock; negative after a jump back.
    pub(crate) fn now_ms(&self) -> i64 {
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        elapsed.saturating_add(self.advanced_ms.load(Ordering::Relaxed))
    }

    /// The instant on this clock: real time plus what it was advanced by.
    #[expect(clippy::disallowed_methods, reason = "this is the mock's one clock module")]
    pub(crate) fn wall(&self) -> Timestamp {
        let advanced = SignedDuration::from_millis(self.advanced_ms.load(Ordering::Relaxed));
        let end = if advanced.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        };
        Timestamp::now().checked_add(advanced).unwrap_or(end)
    }

    /// Jumps by that many seconds, back if negative; returns the seconds advanced in all.
    pub(crate) fn advance(&self, seconds: i64) -> i64 {
        let step = seconds.saturating_mul(1000);
        let before = self.advanced_ms.fetch_add(step, Ordering::Relaxed);
        before.saturating_add(step) / 1000
    }

    /// Back to real time.
    pub(crate) fn reset(&self) {
        self.advanced_ms.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_jumps_along_and_stops_at_its_ends() {
        let clock = Clock::start();
        let before = clock.wall();
        clock.advance(3600);
        let jumped = clock.wall().duration_since(before);
        assert!(jumped >= SignedDuration::from_hours(1), "{jumped}");
        clock.advance(i64::MAX / 1000 - 3600);
        assert_eq!(clock.wall(), Timestamp::MAX);
        clock.reset();
        clock.advance(i64::MIN / 1000);
        assert_eq!(clock.wall(), Timestamp::MIN);
    }
}
