//! Another worker of the campaign: it takes up numbers that ours has not, keeps them for good, and reserves money.

use std::collections::BTreeMap;

use volley_ledger::{BatchId, Held, Holding, Intended, Intent};

use super::world::World;

/// What the other worker holds.
#[derive(Debug, Default)]
pub(super) struct Others {
    held: BTreeMap<u64, Holding>,
    /// Our run that has sent a batch which was not full: the last of that run.
    ended: Option<i64>,
    pub(super) hits: Hits,
}

/// What the histories met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hits {
    /// Batches that went back.
    pub(super) returned: u64,
    /// Intents that there was no money for: for now, and for good.
    pub(super) crowded: u64,
    pub(super) spent: u64,
}

impl Others {
    pub(super) fn holding(&self, number: u64) -> Option<Holding> {
        self.held.get(&number).copied()
    }

    /// An intent of ours is about to be durable: nobody else has a number of it, and whatever is cut is full but the last.
    pub(super) fn check(&mut self, intent: &Intent, run: i64, batch_size: usize) {
        let key = &intent.batch.key;
        let members = &intent.batch.members;
        let theirs = members
            .iter()
            .find(|number| self.held.contains_key(&number.get()));
        assert_eq!(
            theirs, None,
            "invariant 1, once: the other worker holds a number of {key}"
        );
        if intent.parent.is_some() {
            return;
        }
        assert_ne!(
            self.ended,
            Some(run),
            "full batches: {key} goes behind one that was not full"
        );
        if members.len() < batch_size {
            self.ended = Some(run);
        }
    }
}

/// What the ledger says of an intent if another worker is in its way.
pub(super) fn in_the_way(world: &World, intent: &Intent) -> Option<Intended> {
    if !world.scenario.shared || intent.simulated {
        return None;
    }
    let others = &mut *world.others.borrow_mut();
    // A child's numbers are ours already.
    if intent.parent.is_none() {
        let members = || intent.batch.members.iter();
        if world.faults.get() && world.chance(0.2) {
            for number in members().filter(|_| world.chance(0.4)) {
                let open = Holding::Open(BatchId(7));
                let holding = [open, Holding::Reached, Holding::Refused];
                let drawn = usize::try_from(world.below(3)).unwrap_or_default();
                others.held.entry(number.get()).or_insert(holding[drawn]);
            }
        }
        let held: Vec<Held> = members()
            .filter_map(|&number| {
                let holding = others.holding(number.get())?;
                Some(Held { number, holding })
            })
            .collect();
        if !held.is_empty() {
            others.hits.returned += 1;
            return Some(Intended::Held(held));
        }
    }
    let reserved = intent.reserved?;
    let max_cost = world.scenario.limits.max_cost;
    if !world.faults.get() || !world.chance(0.1) {
        return None;
    }
    let open = max_cost.is_none() || world.chance(0.8);
    others.hits.crowded += u64::from(open);
    others.hits.spent += u64::from(!open);
    let spent = max_cost.unwrap_or(reserved);
    Some(Intended::OverBudget { spent, open })
}
