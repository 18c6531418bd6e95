//! How long to wait before trying again: exponential with full jitter.
//!
//! Sources: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: of the variants, full jitter
//! needs the fewest tries when many wait for the same thing.

use std::time::Duration;

use fastrand::Rng;

/// A seeded source of waits.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    rng: Rng,
}

impl Backoff {
    /// No wait is longer, whatever the cap asked for (guarantee, "What the wire proves").
    pub const WAIT_MAX: Duration = Duration::from_secs(30);

    /// Waits between nothing and `base` × 2^attempt, at most `cap`, at most [`WAIT_MAX`](Self::WAIT_MAX).
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self::seeded(base, cap, fastrand::u64(..))
    }

    /// As [`new`](Self::new), with waits that the seed decides.
    pub fn seeded(base: Duration, cap: Duration, seed: u64) -> Self {
        Self {
            base,
            cap: cap.min(Self::WAIT_MAX),
            rng: Rng::with_seed(seed),
        }
    }

    /// The wait after that attempt, counted from 0.
    pub fn next(&mut self, attempt: u32) -> Duration {
        let most = self
            .base
            .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap);
        most.mul_f64(self.rng.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shortest and the longest of many waits after `attempt`, in milliseconds.
    fn extremes(attempt: u32) -> (u128, u128) {
        let mut backoff = Backoff::seeded(Duration::from_millis(100), Duration::from_mins(1), 7);
        let waits = (0..2_000).map(|_| backoff.next(attempt).as_millis());
        waits.fold((u128::MAX, 0), |(low, high), wait| {
            (low.min(wait), high.max(wait))
        })
    }

    #[test]
    fn waits_fill_the_range_from_nothing_to_the_doubled_base() {
        for (attempt, most) in [
            (0, 100),
            (1, 200),
            (5, 3_200),
            (9, 30_000),
            (31, 30_000),
            (99, 30_000),
        ] {
            let (low, high) = extremes(attempt);
            assert!(low <= most / 50, "attempt {attempt}: {low}");
            assert!(
                high <= most && high >= most - most / 50,
                "attempt {attempt}: {high}"
            );
        }
    }

    #[test]
    fn the_seed_decides_the_waits() {
        let waits = |seed| {
            let mut backoff = Backoff::seeded(Duration::from_millis(100), Duration::from_secs(9), seed);
            (0..10).map(|attempt| backoff.next(attempt)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
