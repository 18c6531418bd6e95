//! How long requests take, from handing over to the end of what was heard: counts in buckets, one addition a request.

use std::time::Duration;

/// The upper bounds of the buckets. Close together where answers are; the last one is twice the default `request_timeout`.
const BOUNDS: [Duration; 14] = [
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_mins(1),
];

/// A histogram of durations.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Latency {
    /// Each up to its bound and above the one before.
    buckets: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Latency {
    pub(crate) fn observe(&mut self, took: Duration) {
        let place = BOUNDS.partition_point(|bound| *bound < took);
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket += 1;
        }
        self.count += 1;
        self.sum += took;
    }

    /// Each bound with the count of all that took no longer.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut sum = 0;
        BOUNDS.into_iter().zip(self.buckets).map(move |(bound, count)| {
            sum += count;
            (bound, sum)
        })
    }

    /// All of them.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Together.
    pub(crate) fn sum(&self) -> Duration {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_every_bucket_that_it_does_not_pass() {
        let mut latency = Latency::default();
        for millis in [0, 5, 6, 60_000, 60_001] {
            latency.observe(Duration::from_millis(millis));
        }
        let counts: Vec<u64> = latency.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
        assert_eq!(
            (latency.count(), latency.sum()),
            (5, Duration::from_millis(120_012))
        );
    }
}
