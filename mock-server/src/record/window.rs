//! The largest sum within any one second.
//!
//! *Input*: events with the time they arrived; an event may be told late (its request was delayed).
//! *Bounds*: exact as long as no event is told later than [`LATENESS_MAX`] after a younger one; events of
//! that long are kept.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any delay a test waits for.
const LATENESS_MAX: Duration = Duration::from_secs(30);

/// Events in order of time, and the most that fell within one second.
#[derive(Debug, Default)]
pub(super) struct Window {
    events: VecDeque<(Instant, u64)>,
    /// Index of the first event less than a second older than the newest.
    first: usize,
    /// Sum of the events from `first` on.
    sum: u64,
    most: u64,
}

impl Window {
    /// The largest sum within any half-open second so far.
    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Adds an event.
    pub(super) fn add(&mut self, at: Instant, amount: u64) {
        match self.events.back() {
            Some((newest, _)) if *newest > at => self.add_late(at, amount),
            _ => self.add_newest(at, amount),
        }
    }

    fn add_newest(&mut self, at: Instant, amount: u64) {
        self.events.push_back((at, amount));
        self.sum += amount;
        while at - self.events[self.first].0 >= SECOND {
            self.sum -= self.events[self.first].1;
            self.first += 1;
        }
        self.most = self.most.max(self.sum);
        while self.first > 0 && at - self.events[0].0 >= LATENESS_MAX {
            self.events.pop_front();
            self.first -= 1;
        }
    }

    fn add_late(&mut self, at: Instant, amount: u64) {
        let place = self.events.partition_point(|(time, _)| *time <= at);
        self.events.insert(place, (at, amount));
        let newest = self.events[self.events.len() - 1].0;
        self.first = self.events.partition_point(|(time, _)| newest - *time >= SECOND);
        self.sum = self.events.range(self.first..).map(|(_, amount)| amount).sum();
        self.most = self.most.max(self.most_around(place));
    }

    /// The largest sum of a second that holds the event at `place`.
    fn most_around(&self, place: usize) -> u64 {
        let at = self.events[place].0;
        let mut first = self
            .events
            .partition_point(|(time, _)| at.duration_since(*time) >= SECOND);
        let mut sum: u64 = self.events.range(first..place).map(|(_, amount)| amount).sum();
        let mut most = 0;
        for (time, amount) in self.events.range(place..) {
            if *time - at >= SECOND {
                break;
            }
            sum += amount;
            while *time - self.events[first].0 >= SECOND {
                sum -= self.events[first].1;
                first += 1;
            }
            most = most.max(sum);
        }
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(events: &[(u64, u64)]) -> u64 {
        let start = Instant::now();
        let mut window = Window::default();
        for (ms, amount) in events {
            window.add(start + Duration::from_millis(*ms), *amount);
        }
        window.most()
    }

    /// The definition, taken literally.
    fn most_plainly(events: &[(u64, u64)]) -> u64 {
        let sum = |end: u64| -> u64 {
            events
                .iter()
                .filter(|(ms, _)| *ms <= end && end - ms < 1000)
                .map(|(_, amount)| amount)
                .sum()
        };
        events.iter().map(|(ms, _)| sum(*ms)).max().unwrap_or(0)
    }

    #[test]
    fn a_second_is_half_open() {
        assert_eq!(most(&[(0, 1), (999, 1)]), 2);
        assert_eq!(most(&[(0, 1), (1000, 1)]), 1);
        assert_eq!(most(&[]), 0);
    }

    #[test]
    fn a_late_event_counts_at_its_own_time() {
        assert_eq!(most(&[(0, 5), (5000, 1), (500, 5)]), 10);
        assert_eq!(most(&[(0, 5), (5000, 1), (1500, 5)]), 5);
        assert_eq!(most(&[(100, 1), (1050, 1), (50, 1), (1099, 1)]), 3);
    }

    #[test]
    fn any_order_within_the_lateness_agrees_with_the_definition() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let events: Vec<(u64, u64)> = (0..60)
                .map(|_| (random.u64(0..20_000), random.u64(1..9)))
                .collect();
            assert_eq!(most(&events), most_plainly(&events), "seed {seed}");
        }
    }
}
