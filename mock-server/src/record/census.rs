//! How often each number was accepted.
//!
//! Nearly every number is accepted once, so that a set of the numbers carries the load, and the few accepted
//! more often are counted beside it.
//! *Bounds*: 9 to 18 bytes a distinct number; a map with counts took twice that, and the time to clear it.

use foldhash::fast::FixedState;
use hashbrown::hash_map::Entry;
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

    /// Takes back numbers that were counted, each once.
    pub(super) fn forget(&mut self, numbers: &[Number]) {
        for number in numbers {
            self.forget_once(*number);
        }
        let repeated = self.repeated.values().max().copied();
        self.most = repeated.unwrap_or_else(|| u32::from(!self.numbers.is_empty()));
    }

    fn forget_once(&mut self, number: Number) {
        match self.repeated.entry(number) {
            Entry::Occupied(mut times) if *times.get() > 2 => *times.get_mut() -= 1,
            Entry::Occupied(times) => {
                times.remove();
            }
            Entry::Vacant(_) => {
                self.numbers.remove(&number);
            }
        }
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

    fn number(random: &mut fastrand::Rng) -> Number {
        Number::parse(&format!("+33600000{:03}", random.u32(0..900))).expect("a number")
    }

    #[test]
    fn a_census_agrees_with_a_plain_map() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut census, mut model) = (Census::default(), Model::new());
        for _ in 0..2000 {
            let number = number(&mut random);
            census.count(number);
            *model.entry(number).or_insert(0_u32) += 1;
        }
        assert_eq!(census.len(), model.len());
        assert_eq!(Some(census.most()), model.values().max().copied());
        assert_eq!(census.iter().collect::<Model<_, _>>(), model);
    }

    #[test]
    fn numbers_taken_back_leave_the_census_as_if_they_had_never_come() {
        let mut random = fastrand::Rng::with_seed(4);
        let kept: Vec<Number> = (0..1000).map(|_| number(&mut random)).collect();
        let taken: Vec<Number> = (0..1500).map(|_| number(&mut random)).collect();
        let (mut census, mut plain) = (Census::default(), Census::default());
        for number in kept.iter().chain(&taken) {
            census.count(*number);
        }
        for number in &kept {
            plain.count(*number);
        }
        census.forget(&taken);
        assert_eq!((census.len(), census.most()), (plain.len(), plain.most()));
        assert_eq!(
            census.iter().collect::<Model<_, _>>(),
            plain.iter().collect::<Model<_, _>>()
        );
        census.forget(&kept);
        assert_eq!((census.len(), census.most()), (0, 0));
    }
}
