//! How often each number was accepted.
//!
//! Nearly every number is accepted once, so that a set of the numbers carries the load, and the few accepted
//! more often are counted beside it.
//! *Bounds*: 9 to 18 bytes a distinct number; a map with counts took twice that, and the time to clear it.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::number::Number;

/// Numbers with how often they were counted.
#[derive(Debug, Default)]
pub(super) struct Census {
    numbers: HashSet<Number, FixedState>,
    /// Those counted at least twice.
    repeated: HashMap<Number, u32, FixedState>,
    most: u32,
}

impl Census {
    pub(super) fn count(&mut self, number: Number) {
        let times = if self.numbers.insert(number) {
            1
        } else {
            let times = self.repeated.entry(number).or_insert(1);
            *times += 1;
            *times
        };
        self.most = self.most.max(times);
    }

    /// Distinct numbers.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The most often a number was counted; 0 without any.
    pub(super) fn most(&self) -> u32 {
        self.most
    }

    fn times(&self, number: Number) -> u32 {
        match self.repeated.get(&number) {
            Some(times) => *times,
            None => u32::from(self.numbers.contains(&number)),
        }
    }

    /// Every number once, in no order, with how often it was counted.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Number, u32)> {
        self.numbers.iter().map(|number| (*number, self.times(*number)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Model;

    use super::*;

    #[test]
    fn a_census_agrees_with_a_plain_map() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut census, mut model) = (Census::default(), Model::new());
        for _ in 0..2000 {
            let number = Number::parse(&format!("+33600000{:03}", random.u32(0..900))).expect("a number");
            census.count(number);
            *model.entry(number).or_insert(0_u32) += 1;
        }
        assert_eq!(census.len(), model.len());
        assert_eq!(Some(census.most()), model.values().max().copied());
        assert_eq!(census.iter().collect::<Model<_, _>>(), model);
    }
}
