//! The server's clock against this machine's, as far as its answers tell: between two bounds, which every answer narrows.
//!
//! The server read its clock after it was asked and before it had answered. Clocks drift apart, so that bounds widen with time;
//! where an answer contradicts them, a clock was set, and only the answer counts.

use std::time::{Duration, Instant};

use super::micros;

/// Clocks are told to be right to 500 parts in a million (Linux's adjtimex slews by no more).
const DRIFT_PER_SECOND: i64 = 500;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    /// Where this machine's microseconds begin.
    begun: Instant,
    /// What is to be added to the server's time to get ours: at least, and at most. Microseconds.
    least: i64,
    most: i64,
    /// When that was so.
    at: i64,
}

impl Clocks {
    /// From a first answer: asked, told (the server's microseconds), answered.
    pub(super) fn new(asked: Instant, told: i64, answered: Instant) -> Self {
        let ours = micros(answered - asked);
        Self {
            begun: asked,
            least: -told,
            most: ours - told,
            at: ours,
        }
    }

    /// Takes another answer.
    pub(super) fn narrow(&mut self, asked: Instant, told: i64, answered: Instant) {
        let (asked, answered) = (self.ours(asked), self.ours(answered));
        let drift = (answered - self.at).max(0).saturating_mul(DRIFT_PER_SECOND) / 1_000_000;
        let (least, most) = (asked - told, answered - told);
        (self.least, self.most) = ((self.least - drift).max(least), (self.most + drift).min(most));
        if self.least > self.most {
            (self.least, self.most) = (least, most);
        }
        self.at = answered;
    }

    /// A moment of the server's that has surely come by then.
    pub(super) fn surely_come(&self, theirs: i64) -> Instant {
        self.instant(theirs.saturating_add(self.most))
    }

    /// A moment of the server's that has surely not come before then.
    pub(super) fn not_yet_come(&self, theirs: i64) -> Instant {
        self.instant(theirs.saturating_add(self.least))
    }

    fn ours(&self, at: Instant) -> i64 {
        micros(at.saturating_duration_since(self.begun))
    }

    fn instant(&self, ours: i64) -> Instant {
        self.begun + Duration::from_micros(ours.max(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: i64 = 1_800_000_000_000_000;

    fn after(begun: Instant, micros: u64) -> Instant {
        begun + Duration::from_micros(micros)
    }

    #[test]
    fn bounds_hold_the_truth_and_get_narrower() {
        let begun = Instant::now();
        // The server's clock shows SERVER + our microseconds + 40.
        let told = |ours: u64| SERVER + ours.cast_signed() + 40;
        let mut clocks = Clocks::new(begun, told(900), after(begun, 1_000));
        for (asked, read, answered) in [
            (2_000, 2_100, 2_200),
            (3_000, 3_700, 4_000),
            (5_000, 5_010, 9_000),
        ] {
            clocks.narrow(after(begun, asked), told(read), after(begun, answered));
        }
        let (soonest, latest) = (
            clocks.not_yet_come(told(20_000)),
            clocks.surely_come(told(20_000)),
        );
        let truth = after(begun, 20_000);
        assert!(soonest <= truth && truth <= latest, "{clocks:?}");
        assert!(latest - soonest < Duration::from_micros(150), "{clocks:?}");
    }

    #[test]
    fn a_clock_that_was_set_is_believed_at_the_next_answer() {
        let begun = Instant::now();
        let mut clocks = Clocks::new(begun, SERVER, after(begun, 100));
        let set = SERVER + 3_600_000_000;
        clocks.narrow(after(begun, 1_000), set, after(begun, 1_100));
        let latest = clocks.surely_come(set + 1_000);
        assert!(
            latest >= after(begun, 2_000) && latest <= after(begun, 2_101),
            "{clocks:?}"
        );
    }
}
