//! A batch as the disk has it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use volley_ledger::{BatchId, Intent, OpenDoubt, RunId};
use volley_model::{Amount, BatchState, BodyHash, Currency, LineCounts, RequestKey};
use volley_provider::Provider;

use super::super::super::settle::deadline;

/// The guarantee's "Standing of a number"; where batches differ the last of these counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Free,
    /// In a refused batch: sent to again only with `--retry-refused`.
    Refused,
    /// Named by the provider, for good.
    Named,
    InDoubt,
    Reached,
}

/// A batch as the disk has it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) run: i64,
    /// The split batch whose numbers go again here.
    pub(crate) parent: Option<BatchId>,
    pub(crate) key: String,
    pub(crate) body: Option<Bytes>,
    pub(crate) sealed: Bytes,
    pub(crate) body_hash: BodyHash,
    pub(crate) numbers: Vec<u64>,
    pub(crate) units: u64,
    pub(crate) simulated: bool,
    pub(crate) reserved: Option<Amount>,
    pub(crate) intended_at: Timestamp,
    pub(crate) state: BatchState,
    /// The number that a split batch was refused for.
    pub(crate) named: Option<u64>,
    pub(crate) ticket: Option<String>,
    /// The provider's, or estimated.
    pub(crate) cost: Option<Amount>,
    pub(crate) doubt_since: Option<Timestamp>,
    pub(crate) failed_at: Option<Timestamp>,
    /// The run, and when the request was handed over.
    pub(crate) attempts: Vec<(i64, Option<Timestamp>)>,
    /// The run, and when a listing that lacked it was asked for.
    pub(crate) absences: Vec<(i64, Timestamp)>,
    pub(crate) lines: LineCounts,
}

impl Row {
    /// A batch whose intent is being written.
    pub(crate) fn of(intent: &Intent, run: i64) -> Self {
        let batch = &intent.batch;
        Self {
            run,
            parent: intent.parent,
            key: batch.key.0.clone(),
            body: Some(batch.body.clone()),
            sealed: batch.body.clone(),
            body_hash: batch.body_hash,
            numbers: batch.members.iter().map(|number| number.get()).collect(),
            units: batch.units,
            simulated: intent.simulated,
            reserved: intent.reserved,
            intended_at: intent.at,
            state: BatchState::Intended,
            named: None,
            ticket: None,
            cost: None,
            doubt_since: None,
            failed_at: None,
            attempts: Vec::new(),
            absences: Vec::new(),
            lines: batch.lines,
        }
    }

    /// As the ledger tells of it while it is open.
    pub(crate) fn doubt(&self, id: BatchId, provider: Provider) -> OpenDoubt {
        OpenDoubt {
            batch: id,
            campaign: "simulated".to_owned(),
            provider: provider.name().to_owned(),
            run: RunId(self.run),
            state: self.state,
            request_key: RequestKey(self.key.clone()),
            body_hash: self.body_hash,
            recipients: self.numbers.len() as u64,
            units: self.units,
            reserved: self.reserved,
            currency: Currency::EUR,
            reason: None,
            doubt_since: self.doubt_since,
            failed_at: self.failed_at,
            intended_at: self.intended_at,
            first_handed_over_at: self.first_handed_over_at(),
            attempts: self.attempts.len() as u64,
            body_kept: self.body.is_some(),
            absent: self.absences.len() as u64,
            first_absent_at: self.absences.first().map(|(_, at)| *at),
            last_absent_at: self.absences.last().map(|(_, at)| *at),
        }
    }

    /// What becomes of one of its numbers.
    pub(crate) fn standing(&self, number: u64) -> Standing {
        match self.state {
            BatchState::Accepted
            | BatchState::Unticketed
            | BatchState::DeclaredSent
            | BatchState::Abandoned => Standing::Reached,
            BatchState::Intended | BatchState::InDoubt => Standing::InDoubt,
            BatchState::Split if self.named == Some(number) => Standing::Named,
            BatchState::Refused => Standing::Refused,
            BatchState::Split
            | BatchState::Released
            | BatchState::Simulated
            | BatchState::DeclaredNotSent
            | BatchState::Withdrawn => Standing::Free,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, BatchState::Intended | BatchState::InDoubt)
    }

    pub(crate) fn reserved_still(&self) -> Amount {
        let member = self.numbers.first().copied().unwrap_or_default();
        let stands = self.standing(member) >= Standing::InDoubt;
        let reserved = self
            .reserved
            .filter(|_| stands && !self.simulated && self.cost.is_none());
        reserved.unwrap_or(Amount::ZERO)
    }

    /// Its key's time is over by our clock, or what would be sent is lost.
    pub(crate) fn is_beyond_us(&self, now: Timestamp) -> bool {
        self.body.is_none() || now >= self.deadline()
    }

    /// The time that is left, by our clock, until it can no longer be asked about.
    pub(crate) fn left(&self, now: Timestamp) -> Duration {
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
