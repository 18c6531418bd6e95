//! How often each number was accepted.
//!
//! Nearly every number is accepted once, so that the numbers themselves carry the load, and the few accepted more often are
//! counted beside them. A number is only written behind the others of its shard; whether it was there already is looked for
//! when a shard has doubled, in all of it at once, or when somebody asks. A hash set looks for each number as it comes, and
//! each time waits for memory: it took twice as long.
//! *Bounds*: 8 to 16 bytes a distinct number, and an entry of 20 to 40 more for one counted twice or more often. What comes
//! again lies beside the first until its shard is looked through.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::number::Number;

/// Shards: so many that one of some million numbers is sorted within a processor's cache, and so few that the ends of all
/// of them, where numbers are written, stay there too.
const SHARDS: u32 = 256;
/// Numbers that a shard holds before it is looked through for the first time.
const UNSETTLED_MIN: usize = 128;

/// Numbers with how often they were counted.
#[derive(Debug)]
pub(super) struct Census {
    shards: Box<[Shard]>,
    tally: Tally,
}

/// Some of the numbers.
#[derive(Debug, Default)]
struct Shard {
    numbers: Vec<Number>,
    /// So many of them are sorted, each there once; the others are as they came.
    settled: usize,
}

/// What is known beside the numbers.
#[derive(Debug, Default)]
struct Tally {
    /// Those counted at least twice.
    repeated: HashMap<Number, u32, FixedState>,
    most: u32,
}

impl Default for Census {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            tally: Tally::default(),
        }
    }
}

impl Census {
    pub(super) fn count(&mut self, number: Number) {
        let shard = &mut self.shards[number.shard(SHARDS)];
        shard.numbers.push(number);
        if shard.numbers.len() - shard.settled > shard.settled.max(UNSETTLED_MIN) {
            shard.settle(&mut self.tally);
        }
    }

    /// Takes back numbers that were counted, each once.
    pub(super) fn forget(&mut self, numbers: &[Number]) {
        self.settle();
        for number in numbers {
            self.forget_once(*number);
        }
        let repeated = self.tally.repeated.values().max().copied();
        self.tally.most = repeated.unwrap_or_else(|| u32::from(self.len() > 0));
    }

    fn forget_once(&mut self, number: Number) {
        match self.tally.repeated.entry(number) {
            Entry::Occupied(mut times) if *times.get() > 2 => *times.get_mut() -= 1,
            Entry::Occupied(times) => {
                times.remove();
            }
            Entry::Vacant(_) => self.shards[number.shard(SHARDS)].remove(number),
        }
    }

    /// Distinct numbers.
    pub(super) fn len(&mut self) -> usize {
        self.settle();
        self.shards.iter().map(|shard| shard.numbers.len()).sum()
    }

    /// The most often a number was counted; 0 without any.
    pub(super) fn most(&mut self) -> u32 {
        self.settle();
        self.tally.most
    }

    /// Every number once, in no order, with how often it was counted.
    pub(super) fn iter(&mut self) -> impl Iterator<Item = (Number, u32)> {
        self.settle();
        let repeated = &self.tally.repeated;
        let numbers = self.shards.iter().flat_map(|shard| &shard.numbers);
        numbers.map(|number| (*number, repeated.get(number).copied().unwrap_or(1)))
    }

    fn settle(&mut self) {
        for shard in &mut self.shards {
            shard.settle(&mut self.tally);
        }
    }
}

impl Shard {
    /// Sorts what came, and counts what was there already.
    fn settle(&mut self, tally: &mut Tally) {
        if self.settled == self.numbers.len() {
            return;
        }
        tally.most = tally.most.max(1);
        self.numbers[self.settled..].sort_unstable();
        // Two runs that are in order: the stable sort finds them and joins them in one pass.
        self.numbers.sort();
        self.numbers.dedup_by(|later, first| {
            let same = later == first;
            if same {
                tally.repeat(*first);
            }
            same
        });
        self.settled = self.numbers.len();
    }

    /// Removes a number, if it is there. All are settled.
    fn remove(&mut self, number: Number) {
        if let Ok(place) = self.numbers.binary_search(&number) {
            self.numbers.remove(place);
            self.settled -= 1;
        }
    }
}

impl Tally {
    /// Counts a number that was there already.
    fn repeat(&mut self, number: Number) {
        let times = self.repeated.entry(number).or_insert(1);
        *times += 1;
        self.most = self.most.max(*times);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap as Model;

    use super::*;

    /// One of so few that each shard is looked through several times, and most come again.
    fn number(random: &mut fastrand::Rng) -> Number {
        Number::parse(&format!("+336000{:05}", random.u32(0..20_000))).expect("a number")
    }

    #[test]
    fn a_census_agrees_with_a_plain_map_however_often_it_is_asked() {
        let mut random = fastrand::Rng::with_seed(3);
        let (mut census, mut model) = (Census::default(), Model::new());
        assert_eq!((census.len(), census.most()), (0, 0));
        for nth in 0..100_000 {
            let number = number(&mut random);
            census.count(number);
            *model.entry(number).or_insert(0_u32) += 1;
            if nth < 3 || nth % 20_000 == 0 {
                assert_eq!(Some(census.most()), model.values().max().copied());
                assert_eq!(census.len(), model.len());
            }
        }
        assert_eq!(census.len(), model.len());
        assert_eq!(Some(census.most()), model.values().max().copied());
        assert_eq!(census.iter().collect::<Model<_, _>>(), model);
    }

    #[test]
    fn numbers_taken_back_leave_the_census_as_if_they_had_never_come() {
        let mut random = fastrand::Rng::with_seed(4);
        let kept: Vec<Number> = (0..40_000).map(|_| number(&mut random)).collect();
        let taken: Vec<Number> = (0..60_000).map(|_| number(&mut random)).collect();
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
