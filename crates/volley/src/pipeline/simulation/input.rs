//! Inputs, and the intake in a few lines: what the standing of the numbers leaves is cut into batches.

use std::collections::BTreeSet;

use volley_model::{BatchState, LineCounts, Msisdn, PlannedBatch};

use super::books::Books;
use super::world::World;

/// What an intake made of an input.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) batches: Vec<PlannedBatch>,
    /// All lines of the input.
    pub(super) totals: LineCounts,
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
pub(super) fn plan(lines: &[u64], books: &Books, batch_size: usize, simulated: bool, retry: bool) -> Planned {
    let mut planned = Planned::default();
    let mut met = BTreeSet::new();
    let mut members = Vec::new();
    let mut counts = LineCounts::default();
    for &number in lines {
        let first = met.insert(number);
        match books.standing(number) {
            _ if !first => counts.duplicate += 1,
            Some(BatchState::Refused) if !retry => counts.refused += 1,
            Some(BatchState::Intended | BatchState::InDoubt) => counts.in_doubt += 1,
            None | Some(BatchState::Refused) => {
                counts.planned += 1;
                members.push(number);
            }
            Some(_) => counts.already_sent += 1,
        }
        if members.len() == batch_size {
            planned.cut(&mut members, &mut counts, simulated);
        }
    }
    if !members.is_empty() {
        planned.cut(&mut members, &mut counts, simulated);
    }
    planned.totals += counts;
    planned
}

impl Planned {
    fn cut(&mut self, members: &mut Vec<u64>, counts: &mut LineCounts, simulated: bool) {
        let numbers = std::mem::take(members);
        let lines = std::mem::take(counts);
        self.totals += lines;
        self.batches.push(PlannedBatch {
            body: format!(r#"{{"simulated":{simulated},"numbers":{numbers:?}"#).into_bytes(),
            units: numbers.len() as u64,
            members: numbers
                .into_iter()
                .map(|number| Msisdn::new(number).expect("a number"))
                .collect(),
            lines,
            places: Vec::new(),
        });
    }
}
