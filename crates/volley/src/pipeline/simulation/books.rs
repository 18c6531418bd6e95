//! What is durable: the ledger as a plain model, with the transitions that the guarantee draws and no other.
//!
//! Whatever is written is checked against the provider's own record at once: a commit that books a number as free while
//! the provider has it is the moment to fail, not the end of the history.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use volley_ledger::{BatchId, Conclusion, Intent, OpenDoubt, Outcome, RunId};
use volley_model::{Amount, BatchState, BodyHash, Currency, LineCounts, RequestKey};

use super::super::settle::deadline;
use super::provider::Provider;

/// A batch as the disk has it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) run: i64,
    pub(super) key: String,
    pub(super) body: Option<Bytes>,
    pub(super) sealed: Bytes,
    body_hash: BodyHash,
    pub(super) numbers: Vec<u64>,
    units: u64,
    pub(super) simulated: bool,
    pub(super) reserved: Option<Amount>,
    intended_at: Timestamp,
    pub(super) state: BatchState,
    pub(super) ticket: Option<String>,
    /// The provider's, or estimated.
    pub(super) cost: Option<Amount>,
    doubt_since: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    /// The run, and when the request was handed over.
    attempts: Vec<(i64, Option<Timestamp>)>,
    pub(super) lines: LineCounts,
}

impl Row {
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, BatchState::Intended | BatchState::InDoubt)
    }

    fn reserved_still(&self) -> Amount {
        let stands = matches!(
            self.state,
            BatchState::Intended
                | BatchState::InDoubt
                | BatchState::Accepted
                | BatchState::Unticketed
                | BatchState::DeclaredSent
                | BatchState::Abandoned
        );
        let reserved = self
            .reserved
            .filter(|_| stands && !self.simulated && self.cost.is_none());
        reserved.unwrap_or(Amount::ZERO)
    }

    /// Its key's time is over by our clock, or what would be sent is lost.
    pub(super) fn is_beyond_us(&self, now: Timestamp) -> bool {
        self.body.is_none() || now >= self.deadline()
    }

    /// The time that is left, by our clock, until it can no longer be asked about.
    pub(super) fn left(&self, now: Timestamp) -> Duration {
        Duration::try_from(self.deadline().duration_since(now)).unwrap_or_default()
    }

    fn deadline(&self) -> Timestamp {
        deadline(self.first_handed_over_at().unwrap_or(self.intended_at))
    }

    /// When its key may first have been used. A run that was killed while it sent the batch told nothing of its attempts:
    /// those of later runs are no measure.
    fn first_handed_over_at(&self) -> Option<Timestamp> {
        let own = self.attempts.iter().filter(|(run, _)| *run == self.run);
        own.filter_map(|(_, at)| *at).min()
    }
}

#[derive(Debug)]
pub(super) struct Books {
    max_cost: Option<Amount>,
    pub(super) rows: Vec<Row>,
    by_key: BTreeMap<String, usize>,
    pub(super) run: i64,
    pub(super) last_at: Timestamp,
    /// Whether a run never told its end.
    pub(super) unended: bool,
    /// Batches in doubt before this run that are settled since.
    pub(super) settled: Vec<BatchId>,
}

impl Books {
    pub(super) fn new(max_cost: Option<Amount>) -> Self {
        Self {
            max_cost,
            rows: Vec::new(),
            by_key: BTreeMap::new(),
            run: 0,
            last_at: Timestamp::UNIX_EPOCH,
            unended: false,
            settled: Vec::new(),
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<&Row> {
        Some(&self.rows[*self.by_key.get(key)?])
    }

    pub(super) fn id_of(&self, key: &str) -> Option<BatchId> {
        Some(id(*self.by_key.get(key)?))
    }

    pub(super) fn row(&mut self, id: BatchId) -> &mut Row {
        &mut self.rows[usize::try_from(id.0).expect("ids are rows")]
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

    /// The state that tells of a number what may become of it; the last of its batches that is not forgotten.
    pub(super) fn standing(&self, number: u64) -> Option<BatchState> {
        let batches = self.rows.iter().filter(|row| row.numbers.contains(&number));
        let telling = batches.map(|row| row.state).filter(|state| {
            !matches!(
                state,
                BatchState::Released
                    | BatchState::Simulated
                    | BatchState::DeclaredNotSent
                    | BatchState::Withdrawn
            )
        });
        // What reached somebody outranks a refusal.
        telling.max_by_key(|state| *state != BatchState::Refused)
    }

    pub(super) fn generations(&self) -> impl Iterator<Item = BodyHash> {
        let ended = self.rows.iter().filter(|row| {
            matches!(
                row.state,
                BatchState::Refused
                    | BatchState::Released
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
        let open = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.is_open() && !row.simulated);
        open.map(|(at, row)| OpenDoubt {
            batch: id(at),
            campaign: "simulated".to_owned(),
            provider: "octopush".to_owned(),
            run: RunId(row.run),
            state: row.state,
            request_key: RequestKey(row.key.clone()),
            body_hash: row.body_hash,
            recipients: row.numbers.len() as u64,
            units: row.units,
            reserved: row.reserved,
            currency: Currency::EUR,
            reason: None,
            doubt_since: row.doubt_since,
            failed_at: row.failed_at,
            intended_at: row.intended_at,
            first_handed_over_at: row.first_handed_over_at(),
            attempts: row.attempts.len() as u64,
            body_kept: row.body.is_some(),
            absent: 0,
            first_absent_at: None,
            last_absent_at: None,
        })
        .collect()
    }

    /// An intent is durable.
    pub(super) fn intend(&mut self, intent: &Intent) -> BatchId {
        let batch = &intent.batch;
        let numbers: Vec<u64> = batch.members.iter().map(|number| number.get()).collect();
        assert!(
            !self.by_key.contains_key(&batch.key.0),
            "invariant 6, keys: {} was used before",
            batch.key
        );
        assert_eq!(
            batch.lines.planned,
            numbers.len() as u64,
            "invariant 2, none lost"
        );
        if !intent.simulated {
            let reached =
                |number: &&u64| !matches!(self.standing(**number), None | Some(BatchState::Refused));
            let twice = numbers.iter().find(reached);
            assert_eq!(
                twice, None,
                "invariant 1, once: a number of {} is in another batch",
                batch.key
            );
        }
        let at = self.rows.len();
        self.by_key.insert(batch.key.0.clone(), at);
        self.last_at = self.last_at.max(intent.at);
        self.rows.push(Row {
            run: self.run,
            key: batch.key.0.clone(),
            body: Some(batch.body.clone()),
            sealed: batch.body.clone(),
            body_hash: batch.body_hash,
            numbers,
            units: batch.units,
            simulated: intent.simulated,
            reserved: intent.reserved,
            intended_at: intent.at,
            state: BatchState::Intended,
            ticket: None,
            cost: None,
            doubt_since: None,
            failed_at: None,
            attempts: Vec::new(),
            lines: batch.lines,
        });
        self.check_budget();
        id(at)
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
            Outcome::Refused { .. }
            | Outcome::Split { .. }
            | Outcome::Released { .. }
            | Outcome::Simulated { .. } => {}
        }
        if !row.is_open() {
            row.body = None;
        }
        check_against(row, provider);
        if was == BatchState::InDoubt && !row.is_open() && row.run != run {
            self.settled.push(id);
        }
        self.check_budget();
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

    fn check_budget(&self) {
        let Some(max_cost) = self.max_cost else { return };
        let (settled, reserved) = self.spending();
        let dearer = |row: &Row| {
            row.cost
                .unwrap_or_default()
                .saturating_sub(row.reserved.unwrap_or_default())
        };
        let excess: Amount = self.rows.iter().map(dearer).sum();
        assert!(
            settled + reserved <= max_cost + excess,
            "invariant 8, budget: {settled} settled and {reserved} reserved, {max_cost} allowed, {excess} dearer"
        );
    }

    /// Ledger against provider, at the end of a run: tickets and costs.
    pub(super) fn check_tickets(&self, provider: &Provider) {
        for (key, order) in &provider.orders {
            let row = self.find(key);
            let row = row.unwrap_or_else(|| panic!("invariant 4, tickets: {key} is not in the ledger"));
            check_against(row, provider);
            assert_eq!(row.numbers, order.numbers, "invariant 6, keys: {key}");
        }
        self.rows.iter().for_each(|row| check_against(row, provider));
    }
}

/// One batch against the provider's record.
fn check_against(row: &Row, provider: &Provider) {
    let key = &row.key;
    let order = provider.orders.get(key);
    match row.state {
        BatchState::Accepted => {
            let order = order.unwrap_or_else(|| panic!("invariant 4, tickets: {key} was never accepted"));
            assert_eq!(
                row.ticket.as_ref(),
                Some(&order.ticket),
                "invariant 4, tickets: {key}"
            );
            assert_eq!(row.cost, order.cost, "invariant 5, costs: {key}");
        }
        BatchState::Unticketed => assert!(
            order.is_some() || provider.burned.contains_key(key),
            "invariant 4, tickets: {key} counts as sent and was not"
        ),
        BatchState::Refused | BatchState::Released | BatchState::Simulated => assert!(
            !provider.has_or_will(key),
            "invariant 4, tickets: {key} is {:?} and the provider has accepted it",
            row.state
        ),
        _ => {}
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

/// What an operator may say of a doubt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Sent,
    NotSent,
    Abandon,
}

impl Books {
    /// The operator's word on a doubt; a number that is said not to be reached may be reached once more.
    pub(super) fn declare(&mut self, id: BatchId, word: Word, provider: &mut Provider) {
        let row = self.row(id);
        row.body = None;
        row.state = match word {
            Word::Sent => BatchState::DeclaredSent,
            Word::Abandon => BatchState::Abandoned,
            Word::NotSent => {
                for number in &row.numbers {
                    *provider.pardoned.entry(*number).or_default() += 1;
                }
                BatchState::DeclaredNotSent
            }
        };
    }
}
