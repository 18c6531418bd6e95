//! What is durable: the ledger as a plain model, with the transitions that the guarantee draws and no other.
//!
//! Whatever is written is checked against the provider's own record at once: a commit that books a number as free while
//! the provider has it is the moment to fail, not the end of the history.

mod checks;
mod row;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use volley_ledger::{BatchId, Conclusion, Intent, OpenDoubt, Outcome};
use volley_model::{Amount, BatchState, BodyHash, LineCounts, RequestKey};

use super::provider::Provider;
pub(super) use row::{Row, Standing};
pub(super) use words::Word;

#[derive(Debug)]
pub(super) struct Books {
    provider: volley_provider::Provider,
    max_cost: Option<Amount>,
    pub(super) rows: Vec<Row>,
    by_key: BTreeMap<String, usize>,
    pub(super) run: i64,
    pub(super) last_at: Timestamp,
    /// Whether a run never told its end.
    pub(super) unended: bool,
    /// Batches in doubt before this run that are settled since.
    pub(super) settled: Vec<BatchId>,
    pub(super) hits: Hits,
}

/// What the histories met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hits {
    /// Batches refused for one number, children, and lines that went on as two.
    pub(super) splits: u64,
    pub(super) children: u64,
    pub(super) halved: u64,
    /// Doubts that were settled after all: by a probe, or since the listing had them.
    pub(super) found: u64,
    /// Listings that lacked a doubt.
    pub(super) absences: u64,
    /// Batches freed by the operator's word on all that was absent.
    pub(super) freed: u64,
    /// Prices that came later.
    pub(super) priced: u64,
}

impl Books {
    pub(super) fn new(provider: volley_provider::Provider, max_cost: Option<Amount>) -> Self {
        Self {
            provider,
            max_cost,
            rows: Vec::new(),
            by_key: BTreeMap::new(),
            run: 0,
            last_at: Timestamp::UNIX_EPOCH,
            unended: false,
            settled: Vec::new(),
            hits: Hits::default(),
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<&Row> {
        Some(&self.rows[*self.by_key.get(key)?])
    }

    pub(super) fn id_of(&self, key: &str) -> Option<BatchId> {
        Some(id(*self.by_key.get(key)?))
    }

    pub(super) fn row(&mut self, id: BatchId) -> &mut Row {
        &mut self.rows[at(id)]
    }

    /// Begins a run: what is found open is in doubt.
    pub(super) fn enter(&mut self, now: Timestamp) {
        self.run += 1;
        self.settled.clear();
        self.last_at = self.last_at.max(now);
        for row in self
            .rows
            .iter_mut()
            .filter(|row| row.state == BatchState::Intended)
        {
            row.state = if row.simulated {
                BatchState::Simulated
            } else {
                BatchState::InDoubt
            };
            row.doubt_since = Some(now);
            row.failed_at = Some(now);
        }
    }

    /// What may become of a number, by all of its batches.
    pub(super) fn standing(&self, number: u64) -> Standing {
        let batches = self.rows.iter().filter(|row| row.numbers.contains(&number));
        let standings = batches.map(|row| row.standing(number));
        standings.max().unwrap_or(Standing::Free)
    }

    pub(super) fn generations(&self) -> impl Iterator<Item = BodyHash> {
        let ended = self.rows.iter().filter(|row| {
            matches!(
                row.state,
                BatchState::Refused
                    | BatchState::Released
                    | BatchState::Split
                    | BatchState::Simulated
                    | BatchState::DeclaredNotSent
            )
        });
        ended.map(|row| row.body_hash)
    }

    /// What is settled, and what is reserved.
    pub(super) fn spending(&self) -> (Amount, Amount) {
        let settled = self.rows.iter().filter_map(|row| row.cost).sum();
        (settled, self.rows.iter().map(Row::reserved_still).sum())
    }

    pub(super) fn doubts(&self) -> Vec<OpenDoubt> {
        let rows = self.rows.iter().enumerate();
        let open = rows.filter(|(_, row)| row.is_open() && !row.simulated);
        open.map(|(at, row)| row.doubt(id(at), self.provider)).collect()
    }

    /// An intent is durable.
    pub(super) fn intend(&mut self, intent: &Intent) -> BatchId {
        let batch = &intent.batch;
        let row = Row::of(intent, self.run);
        assert!(
            !self.by_key.contains_key(&batch.key.0),
            "invariant 6, keys: {} was used before",
            batch.key
        );
        match intent.parent {
            None => assert_eq!(
                batch.lines.planned,
                row.numbers.len() as u64,
                "invariant 2, none lost"
            ),
            Some(parent) => self.check_child(&row, parent),
        }
        if !intent.simulated {
            let taken = |number: &&u64| self.standing(**number) > Standing::Refused;
            let twice = row.numbers.iter().find(taken);
            assert_eq!(
                twice, None,
                "invariant 1, once: a number of {} is in another batch, or was refused for good",
                batch.key
            );
        }
        let at = self.rows.len();
        self.by_key.insert(batch.key.0.clone(), at);
        self.last_at = self.last_at.max(intent.at);
        self.rows.push(row);
        self.check_budget();
        id(at)
    }

    /// The guarantee's "split": a child has numbers that its parent of this run left free, and no lines.
    fn check_child(&mut self, child: &Row, parent: BatchId) {
        let row = &self.rows[at(parent)];
        let key = &child.key;
        assert_eq!(
            (row.state, row.run),
            (BatchState::Split, self.run),
            "states: {key} is a child of a batch that was not split in this run"
        );
        let siblings = || self.rows.iter().filter(|row| row.parent == Some(parent));
        let taken: BTreeSet<u64> = siblings().flat_map(|row| row.numbers.iter().copied()).collect();
        let is_left = |number: &&u64| row.named != Some(**number) && !taken.contains(number);
        let mut left: BTreeSet<u64> = row.numbers.iter().filter(is_left).copied().collect();
        assert!(
            child.numbers.iter().all(|number| left.remove(number)),
            "states: {key} has numbers that its parent did not leave to it"
        );
        assert_eq!(
            child.lines,
            LineCounts::default(),
            "invariant 2, none lost: {key}"
        );
        self.hits.halved += siblings().count() as u64;
        self.hits.children += 1;
    }

    /// An outcome is durable.
    pub(super) fn conclude(&mut self, id: BatchId, conclusion: &Conclusion, provider: &Provider) {
        let run = self.run;
        let at = conclusion.at;
        self.last_at = self.last_at.max(at);
        let row = self.row(id);
        let was = row.state;
        let state = target(&conclusion.outcome, row.simulated);
        assert!(
            is_drawn(was, state),
            "the guarantee draws no such transition: {was:?} to {state:?}"
        );
        row.state = state;
        row.attempts.extend(
            conclusion
                .attempts
                .iter()
                .map(|attempt| (run, attempt.handed_over_at)),
        );
        match &conclusion.outcome {
            _ if row.simulated => {}
            Outcome::Accepted { ticket, cost, .. } => {
                row.ticket = Some(ticket.clone());
                row.cost = *cost;
            }
            Outcome::Unticketed { estimated, .. } => row.cost = *estimated,
            Outcome::InDoubt { .. } => {
                row.doubt_since = row.doubt_since.or(Some(at));
                row.failed_at = Some(at);
            }
            Outcome::Split { named, .. } => row.named = Some(named.get()),
            Outcome::Refused { .. } | Outcome::Released { .. } | Outcome::Simulated { .. } => {}
        }
        if !row.is_open() {
            row.body = None;
        }
        checks::check_against(row, provider);
        let (is_open, is_earlier) = (row.is_open(), row.run != run);
        self.hits.splits += u64::from(state == BatchState::Split);
        if was == BatchState::InDoubt && !is_open {
            self.hits.found += 1;
            if is_earlier {
                self.settled.push(id);
            }
        }
        self.check_budget();
    }

    /// It is durable that a listing, asked for then, lacked these.
    pub(super) fn absent(&mut self, ids: &[BatchId], at: Timestamp) {
        let run = self.run;
        self.last_at = self.last_at.max(at);
        self.hits.absences += ids.len() as u64;
        for id in ids {
            let row = self.row(*id);
            assert_eq!(
                row.state,
                BatchState::InDoubt,
                "lookups: {} is called absent, and is not in doubt",
                row.key
            );
            assert!(
                row.absences.iter().all(|(told, _)| *told != run),
                "lookups: {} was looked for twice in one run",
                row.key
            );
            row.absences.push((run, at));
        }
    }

    /// What a process still knew when its storage had failed, over a fresh connection.
    pub(super) fn conclude_late(&mut self, key: &RequestKey, conclusion: &Conclusion, provider: &Provider) {
        let Some(id) = self.id_of(&key.0) else { return };
        let row = self.row(id);
        let drawn = row.is_open() && is_drawn(row.state, target(&conclusion.outcome, row.simulated));
        if drawn {
            self.conclude(id, conclusion, provider);
        }
    }
}

fn target(outcome: &Outcome, simulated: bool) -> BatchState {
    match outcome {
        Outcome::Accepted { .. } | Outcome::Unticketed { .. } | Outcome::InDoubt { .. } if simulated => {
            BatchState::Simulated
        }
        Outcome::Accepted { .. } => BatchState::Accepted,
        Outcome::Unticketed { .. } => BatchState::Unticketed,
        Outcome::Refused { .. } => BatchState::Refused,
        Outcome::Split { .. } => BatchState::Split,
        Outcome::Released { .. } => BatchState::Released,
        Outcome::Simulated { .. } => BatchState::Simulated,
        Outcome::InDoubt { .. } => BatchState::InDoubt,
    }
}

fn is_drawn(from: BatchState, to: BatchState) -> bool {
    match from {
        BatchState::Intended => true,
        BatchState::InDoubt => {
            matches!(
                to,
                BatchState::InDoubt | BatchState::Accepted | BatchState::Unticketed
            )
        }
        _ => false,
    }
}

fn id(row: usize) -> BatchId {
    BatchId(i64::try_from(row).expect("few rows"))
}

fn at(id: BatchId) -> usize {
    usize::try_from(id.0).expect("ids are rows")
}
