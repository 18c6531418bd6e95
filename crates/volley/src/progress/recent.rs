//! The last half minute of a run, so that a speed is that of now and not the average since the start.
//!
//! Bounds: a sample every half second, for [`KEPT`].

use std::collections::VecDeque;
use std::time::Duration;

use crate::pipeline::Snapshot;

/// What is kept: what is left to do is reckoned from it, so that it does not jump with every batch.
const KEPT: Duration = Duration::from_secs(30);
/// "Now" at a rate of many requests a second.
const NOW_MIN: Duration = Duration::from_secs(5);
/// "Now" has so many requests at the allowed rate, at Exotel's too.
const NOW_REQUESTS: f64 = 10.0;
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
/// Nothing is said before there is something to go by.
const TELLING: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    requests: u64,
    recipients: u64,
    waits: [(Duration, &'static str); 7],
}

/// Samples of a run, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<Sample>);

/// A speed over some time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Speed {
    pub(super) requests_per_second: f64,
    /// Recipients whose fate was decided.
    pub(super) recipients_per_second: f64,
    /// What batches waited for most in that time; `None` if for nothing.
    pub(super) limited_by: Option<&'static str>,
}

impl Sample {
    fn of(snapshot: &Snapshot) -> Self {
        Self {
            at: snapshot.elapsed,
            requests: snapshot.account.requests_sent,
            recipients: snapshot.account.accepted + snapshot.account.refused + snapshot.account.in_doubt,
            waits: snapshot.account.waits.by_limit(),
        }
    }
}

impl Recent {
    /// Takes a sample, if it is time for one.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        let due = self
            .0
            .back()
            .is_none_or(|last| snapshot.elapsed >= last.at + SAMPLE_EVERY);
        if due {
            self.0.push_back(Sample::of(snapshot));
        }
        // One at or before the border stays, to measure from.
        while self
            .0
            .get(1)
            .is_some_and(|second| second.at + KEPT <= snapshot.elapsed)
        {
            self.0.pop_front();
        }
    }

    /// The speed of the last seconds.
    pub(super) fn now(&self, snapshot: &Snapshot) -> Option<Speed> {
        let requests = Duration::from_secs_f64(NOW_REQUESTS / snapshot.limits.requests_per_second.max(0.1));
        self.over(requests.clamp(NOW_MIN, KEPT), snapshot)
    }

    /// The speed of all that is kept.
    pub(super) fn steady(&self, snapshot: &Snapshot) -> Option<Speed> {
        self.over(KEPT, snapshot)
    }

    fn over(&self, span: Duration, snapshot: &Snapshot) -> Option<Speed> {
        let now = Sample::of(snapshot);
        let first = self.0.iter().rfind(|sample| sample.at + span <= now.at);
        let first = first.or(self.0.front())?;
        let took = now.at.saturating_sub(first.at);
        if took < TELLING {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a speed for a display")]
        let per_second = |count: u64| count as f64 / took.as_secs_f64();
        let waits = now.waits.iter().zip(first.waits);
        let (waited, limit) = waits
            .map(|((now, limit), (then, _))| (now.saturating_sub(then), *limit))
            .max_by_key(|(waited, _)| *waited)?;
        Some(Speed {
            requests_per_second: per_second(now.requests - first.requests),
            // A doubt that was settled as not sent is taken back.
            recipients_per_second: per_second(now.recipients.saturating_sub(first.recipients)),
            limited_by: (waited > Duration::ZERO).then_some(limit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::snapshot;

    #[test]
    fn a_speed_is_that_of_the_last_seconds() {
        let mut recent = Recent::default();
        let mut shown = snapshot();
        // Ten requests a second for a minute, then none.
        for tick in 0..=350_u32 {
            shown.elapsed = Duration::from_millis(200) * tick;
            shown.account.requests_sent = u64::from(tick.min(300)) * 2;
            shown.account.accepted = shown.account.requests_sent * 500;
            let waits = &mut shown.account.waits;
            if tick <= 300 {
                waits.requests = shown.elapsed;
            } else {
                waits.provider += Duration::from_millis(10);
            }
            recent.note(&shown);
            let now = recent.now(&shown);
            match tick {
                0..5 => assert_eq!(now, None, "{tick}"),
                5..=300 => {
                    let now = now.expect("a speed");
                    assert!((now.requests_per_second - 10.0).abs() < 0.01, "{tick}: {now:?}");
                    assert!(
                        (now.recipients_per_second - 5_000.0).abs() < 5.0,
                        "{tick}: {now:?}"
                    );
                    assert_eq!(now.limited_by, Some("requests_per_second"));
                }
                _ => {}
            }
        }
        let now = recent.now(&shown).expect("a speed");
        assert!(now.requests_per_second < 0.01, "{now:?}");
        assert_eq!(now.limited_by, Some("max_in_flight"));
        let steady = recent.steady(&shown).expect("a speed");
        assert!((steady.requests_per_second - 6.67).abs() < 0.2, "{steady:?}");
        assert!(recent.0.len() <= 62, "{}", recent.0.len());
    }

    #[test]
    fn at_a_slow_rate_now_is_longer() {
        let mut recent = Recent::default();
        let mut shown = snapshot();
        shown.limits.requests_per_second = 0.5;
        for tick in 0..=100_u32 {
            shown.elapsed = Duration::from_millis(200) * tick;
            shown.account.requests_sent = u64::from(tick / 10);
            recent.note(&shown);
        }
        let now = recent.now(&shown).expect("a speed");
        assert!((now.requests_per_second - 0.5).abs() < 0.01, "{now:?}");
    }
}
