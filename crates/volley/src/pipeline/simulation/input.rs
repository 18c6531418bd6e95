//! Inputs, and the intake in a few lines: what the standing of the numbers leaves is cut into batches.

use std::cell::Cell;
use std::collections::BTreeSet;

use volley_ledger::Holding;
use volley_model::{LineCounts, Msisdn, PlannedBatch};

use super::books::Standing;
use super::provider::octopush;
use super::scenario::Habits;
use super::world::World;

/// What an intake made of an input.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) batches: Vec<PlannedBatch>,
    /// All lines of the input.
    pub(super) totals: LineCounts,
    /// Those of the planned lines whose numbers another worker turned out to hold.
    pub(super) theirs: Cell<u64>,
}

/// The numbers of a run's input: as they were, in another order, fewer, none, with some twice.
pub(super) fn lines(world: &World, whole: bool) -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..world.scenario.numbers).collect();
    if !whole {
        match world.below(8) {
            0 => numbers.clear(),
            1 => numbers.truncate(numbers.len() / 2),
            2 => numbers.reverse(),
            3 => world.rng.borrow_mut().shuffle(&mut numbers),
            4 => numbers.extend_from_within(..numbers.len() / 3),
            _ => {}
        }
    }
    numbers.iter().map(|number| 33_600_000_000 + number).collect()
}

/// The guarantee's "Standing of a number", and the cut.
pub(super) fn plan(world: &World, lines: &[u64], simulated: bool, retry: bool) -> Planned {
    let books = world.books.borrow();
    let batch_size = usize::try_from(world.scenario.limits.batch_size.get()).unwrap_or_default();
    let others = world.others.borrow();
    // What is not asked for is found when the intent is written.
    let asks = world.scenario.shared && world.chance(0.5);
    let held = |number: u64| others.holding(number).filter(|_| asks);
    let mut planned = Planned::default();
    let mut met = BTreeSet::new();
    let mut members = Vec::new();
    let mut counts = LineCounts::default();
    for &number in lines {
        let first = met.insert(number);
        match books.standing(number) {
            _ if !first => counts.duplicate += 1,
            _ if held(number) == Some(Holding::Reached) => counts.already_sent += 1,
            _ if held(number) == Some(Holding::Refused) => counts.refused += 1,
            _ if held(number).is_some() => counts.in_doubt += 1,
            Standing::Reached => counts.already_sent += 1,
            Standing::InDoubt => counts.in_doubt += 1,
            Standing::Named => counts.refused += 1,
            Standing::Refused if !retry => counts.refused += 1,
            Standing::Refused | Standing::Free => {
                counts.planned += 1;
                members.push(number);
            }
        }
        if members.len() == batch_size {
            planned.cut(world, &mut members, &mut counts, simulated);
        }
    }
    if !members.is_empty() {
        planned.cut(world, &mut members, &mut counts, simulated);
    }
    planned.totals += counts;
    planned
}

impl Planned {
    fn cut(&mut self, world: &World, numbers: &mut Vec<u64>, counts: &mut LineCounts, simulated: bool) {
        let lines = std::mem::take(counts);
        self.totals += lines;
        let numbers = std::mem::take(numbers).into_iter();
        let members = numbers.map(|number| Msisdn::new(number).expect("a number"));
        self.batches
            .push(batch(world, members.collect(), lines, simulated));
    }
}

/// A batch of these members.
pub(super) fn batch(world: &World, members: Vec<Msisdn>, lines: LineCounts, simulated: bool) -> PlannedBatch {
    let body = match &world.scenario.habits {
        Habits::Octopush(_) => octopush::body(&members, simulated),
        Habits::Exotel(habits) => habits.encoder().child_body(&members),
    };
    PlannedBatch {
        body: body.into(),
        units: members.len() as u64,
        members,
        lines,
        places: Vec::new(),
        parts: Vec::new(),
    }
}
