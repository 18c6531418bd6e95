//! What is known of numbers: exact sets, no filter that may err.
//!
//! Bounds: see [`packed`] for the memory a number takes.

mod packed;

use std::collections::HashMap;

pub(crate) use packed::FETCHED_MAX;
use packed::{NumberSet, Plane};
use volley_model::Msisdn;

/// Met in this run's inputs.
const SEEN: Plane = Plane::Low;
/// Reached by earlier runs.
const REACHED: Plane = Plane::High;
/// Never to be contacted.
const SUPPRESSED: Plane = Plane::Low;
/// Refused by the provider earlier.
const REFUSED: Plane = Plane::High;

/// What a number that is met may expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never contacted by this campaign, as far as is known: it may be sent to.
    Free,
    /// On a list of numbers that must not be contacted.
    Suppressed,
    /// Met before in this run.
    Duplicate,
    /// Reached by an earlier run.
    AlreadySent,
    /// In a batch of an earlier run of which nobody knows whether it was sent: the batch's id.
    InDoubt(u64),
    /// Refused by the provider in an earlier run.
    Refused,
}

/// The numbers known before a run, and those met in it.
#[derive(Default)]
pub struct NumberBook {
    met: NumberSet,
    barred: NumberSet,
    doubts: HashMap<Msisdn, u64, foldhash::fast::RandomState>,
}

impl NumberBook {
    /// Knows nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number must never be contacted.
    pub fn suppress(&mut self, number: Msisdn) {
        self.barred.mark(number, SUPPRESSED);
    }

    /// Whether the number must never be contacted.
    pub fn is_suppressed(&self, number: Msisdn) -> bool {
        self.barred.planes(number).has(SUPPRESSED)
    }

    /// An earlier run reached the number.
    pub fn reach(&mut self, number: Msisdn) {
        self.met.mark(number, REACHED);
    }

    /// The number is in a batch of an earlier run that is in doubt.
    pub fn doubt(&mut self, number: Msisdn, batch: u64) {
        self.doubts.insert(number, batch);
    }

    /// The provider refused the number earlier, or its batch and the message is the same.
    pub fn refuse(&mut self, number: Msisdn) {
        self.barred.mark(number, REFUSED);
    }

    /// Brings what is known of these numbers near, [`FETCHED_MAX`] at most, for [`meet`](Self::meet) to find it there.
    pub(crate) fn fetch(&self, numbers: impl Iterator<Item = Msisdn> + Clone) {
        self.met.fetch(numbers.clone());
        self.barred.fetch(numbers);
    }

    /// A number of this run's inputs: what becomes of it. From now on it is a duplicate.
    pub(crate) fn meet(&mut self, number: Msisdn) -> Standing {
        let barred = self.barred.planes(number);
        if barred.has(SUPPRESSED) {
            return Standing::Suppressed;
        }
        let before = self.met.mark(number, SEEN);
        if before.has(SEEN) {
            return Standing::Duplicate;
        }
        if before.has(REACHED) {
            return Standing::AlreadySent;
        }
        if !self.doubts.is_empty()
            && let Some(&batch) = self.doubts.get(&number)
        {
            return Standing::InDoubt(batch);
        }
        if barred.has(REFUSED) {
            return Standing::Refused;
        }
        Standing::Free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: u64) -> Msisdn {
        Msisdn::new(digits).unwrap()
    }

    #[test]
    fn the_first_meeting_tells_the_standing_and_the_second_is_a_duplicate() {
        let mut book = NumberBook::new();
        book.reach(number(33_612_345_671));
        book.doubt(number(33_612_345_672), 7);
        book.refuse(number(33_612_345_673));
        book.suppress(number(33_612_345_674));
        for (digits, first, second) in [
            (33_612_345_670, Standing::Free, Standing::Duplicate),
            (33_612_345_671, Standing::AlreadySent, Standing::Duplicate),
            (33_612_345_672, Standing::InDoubt(7), Standing::Duplicate),
            (33_612_345_673, Standing::Refused, Standing::Duplicate),
            (33_612_345_674, Standing::Suppressed, Standing::Suppressed),
        ] {
            assert_eq!(book.meet(number(digits)), first, "{digits}");
            assert_eq!(book.meet(number(digits)), second, "{digits}");
        }
    }

    #[test]
    fn suppression_outranks_what_happened_before() {
        let mut book = NumberBook::new();
        let both = number(4_915_112_345_678);
        book.reach(both);
        book.suppress(both);
        assert_eq!(book.meet(both), Standing::Suppressed);
    }
}
