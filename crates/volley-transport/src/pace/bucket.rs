//! One token bucket: governor's decision, and its outlook, which governor does not tell.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use tokio::time::Instant;

use super::clock::{COARSE, Moment, TokioClock, sleep_until, sleep_until_exactly};

/// A bucket that gains a token each period and holds at most `depth`.
#[derive(Debug)]
pub(super) struct Bucket {
    limiter: RateLimiter<NotKeyed, Arrival, TokioClock, NoOpMiddleware<Moment>>,
    arrival: Arrival,
    start: Instant,
    period: Duration,
    depth: NonZeroU32,
}

impl Bucket {
    /// A bucket without a token in it, filling at `rate` a second. The period is rounded up to a nanosecond.
    pub(super) fn empty(rate: f64, depth: NonZeroU32) -> Self {
        // GCRA multiplies period and depth in nanoseconds; past 146 years nobody can tell the difference.
        let period_max = (1_u64 << 62) / u64::from(depth.get());
        let period = Duration::from_nanos(period_nanos(rate).min(period_max));
        let arrival = Arrival::default();
        let quota = Quota::with_period(period)
            .unwrap_or(Quota::per_second(NonZeroU32::MIN))
            .allow_burst(depth);
        let limiter = RateLimiter::new(quota, arrival.clone(), TokioClock);
        let bucket = Self {
            limiter,
            arrival,
            start: Instant::now(),
            period,
            depth,
        };
        // governor's buckets start full.
        let _ = bucket.take(depth);
        bucket
    }

    pub(super) fn depth(&self) -> NonZeroU32 {
        self.depth
    }

    /// Takes that many tokens, at most [`depth`](Self::depth), or says when they will be there.
    pub(super) fn take(&self, tokens: NonZeroU32) -> Result<(), Instant> {
        match self.limiter.check_n(tokens.min(self.depth)) {
            Ok(Err(not_until)) => Err(not_until.earliest_possible().0),
            // The outer error is "more than the depth", which `min` rules out.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
    }

    /// Waits for a moment that [`take`](Self::take) named: exactly, where the bucket would overflow meanwhile.
    pub(super) async fn wait_until(&self, due: Instant, tokens: NonZeroU32) {
        let spare = self
            .period
            .saturating_mul(self.depth.get().saturating_sub(tokens.get()));
        if spare < COARSE * 2 {
            sleep_until_exactly(due).await;
        } else {
            sleep_until(due).await;
        }
    }

    /// When `tokens` more could all have been taken, one after another.
    pub(super) fn due(&self, tokens: u64, now: Instant) -> Instant {
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        let held = period.saturating_mul(u64::from(self.depth.get()));
        let now_nanos = u64::try_from((now - self.start).as_nanos()).unwrap_or(u64::MAX);
        let last = self
            .arrival
            .nanos()
            .max(now_nanos)
            .saturating_add(period.saturating_mul(tokens))
            .saturating_sub(held);
        // A century ahead is as good as never, and an `Instant` can hold it.
        let ahead = last.saturating_sub(now_nanos).min(1 << 61);
        now + Duration::from_nanos(ahead)
    }
}

/// Nanoseconds a token, rounded up so that the rate is never passed.
fn period_nanos(rate: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and the bounds follow"
    )]
    let nanos = (1e9 / rate).ceil() as u64;
    nanos.max(1)
}

/// governor's state, the theoretical arrival time of the next token in nanoseconds from its start, kept where we
/// can read it too.
#[derive(Debug, Clone, Default)]
struct Arrival(Arc<AtomicU64>);

impl Arrival {
    fn nanos(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut before = self.nanos();
        loop {
            let (outcome, after) = decide((before != 0).then(|| before.into()))?;
            let exchanged =
                self.0
                    .compare_exchange_weak(before, after.into(), Ordering::AcqRel, Ordering::Acquire);
            match exchanged {
                Ok(_) => return Ok(outcome),
                Err(now) => before = now,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rate: f64, expected: u64) {
        assert_eq!(period_nanos(rate), expected, "{rate}");
    }

    #[test]
    fn the_period_is_rounded_against_us() {
        check(20.0, 50_000_000);
        check(0.5, 2_000_000_000);
        check(3.0, 333_333_334);
        check(5_000.0, 200_000);
        check(1e12, 1);
        check(1e-30, u64::MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn the_outlook_agrees_with_the_decisions() {
        let bucket = Bucket::empty(10.0, NonZeroU32::new(3).unwrap());
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(bucket.due(1, start), after(100));
        assert_eq!(bucket.due(5, start), after(500));
        assert_eq!(bucket.take(NonZeroU32::MIN), Err(after(100)));

        tokio::time::advance(Duration::from_secs(10)).await;
        let now = Instant::now();
        assert_eq!(bucket.due(3, now), now, "three were gathered, no more");
        assert_eq!(bucket.due(4, now), now + Duration::from_millis(100));
        assert_eq!(bucket.take(bucket.depth()), Ok(()));
        assert_eq!(
            bucket.take(NonZeroU32::MIN),
            Err(now + Duration::from_millis(100))
        );
    }
}
