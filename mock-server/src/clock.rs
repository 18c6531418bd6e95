//! The provider's own clock, which a test can move.
//!
//! It decides when a `request_id` expires. *Not here*: the `Date` header and the rate windows, which are
//! always real time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

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
