//! Where a run is, for whoever watches it: the display and the metrics. Taken a few times a second; nothing is counted for it
//! that a recipient would have to pay for.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use volley_intake::Progress;
use volley_ledger::{BatchId, RunId, Writer};
use volley_model::{Amount, Currency, LineCounts, Reason};
use volley_transport::{Pool, PoolStats};

use super::account::Account;
use super::dispatch::Dispatch;
use super::outside::WallClock;
use super::stop::Stage;
use crate::config::Limits;
use crate::inputs::Extent;

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The ledger is opened, and what it knows is loaded.
    Loading,
    /// Lines are read, and no batch of them is under way.
    Reading,
    /// Batches are under way.
    Sending,
    /// No more batches: the answers to the last ones are waited for.
    Waiting,
    /// Doubts are asked about, or fall due.
    Settling,
    /// The last lines are booked, and the ledger is closed.
    Ending,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 6] = [
        Self::Loading,
        Self::Reading,
        Self::Sending,
        Self::Waiting,
        Self::Settling,
        Self::Ending,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Reading => "reading",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Settling => "settling",
            Self::Ending => "ending",
        }
    }

    /// Of a dispatcher that takes batches or not, and has some under way or not.
    pub(super) fn of(takes_batches: bool, idle: bool) -> Self {
        match (takes_batches, idle) {
            (true, true) => Self::Reading,
            (true, false) => Self::Sending,
            (false, false) => Self::Waiting,
            (false, true) => Self::Settling,
        }
    }
}

/// Where a run is.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The run, as the ledger counts them.
    pub run: RunId,
    /// What it is at.
    pub phase: Phase,
    /// Why it stops, if it does.
    pub stopping: Option<String>,
    /// Since the start.
    pub elapsed: Duration,
    /// The share of the inputs that is read.
    pub share: Option<f64>,
    /// What became of the lines so far: as they were read, but that those of a doubt that was settled since were sent
    /// already.
    pub lines: LineCounts,
    /// Invalid lines by reason, all reasons.
    pub invalid_by_reason: Vec<(Reason, u64)>,
    /// What became of this run's batches.
    pub(crate) account: Account,
    /// The campaign's batches in doubt.
    pub batches_in_doubt: u64,
    /// When the next doubt is asked about, if one is left to ask about.
    pub probe_due_in: Option<Duration>,
    /// Whether batches may go one beside the other.
    pub gate_is_open: bool,
    /// The campaign's cost and reservations, over all runs.
    pub spent: Amount,
    /// Its currency.
    pub currency: Currency,
    /// The account's credit as last heard.
    pub credit_left: Option<Amount>,
    /// What the user allows.
    pub limits: Limits,
    /// The connections.
    pub connections: PoolStats,
    /// Orders that wait for the ledger, those that wait no more, and how long none ended while some waited.
    pub ledger: LedgerOrders,
}

/// How the ledger keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LedgerOrders {
    /// Not durable yet.
    pub waiting: u64,
    /// Durable, failed, or given up.
    pub acknowledged: u64,
    /// How long none was acknowledged while some waited.
    pub silent_for: Duration,
}

impl Snapshot {
    /// Lines in doubt now: this run's, and those whose number an earlier run left in doubt.
    pub(crate) fn lines_in_doubt(&self) -> u64 {
        self.lines.in_doubt + self.account.in_doubt
    }

    /// Lines refused: by this run's provider, or by an earlier run's.
    pub(crate) fn lines_refused(&self) -> u64 {
        self.lines.refused + self.account.refused
    }

    /// Lines read that are to be sent, and of which nothing is decided yet. The reading is told of a little later than the
    /// sending.
    pub(crate) fn lines_pending(&self) -> u64 {
        let decided = self.account.accepted + self.account.refused + self.account.in_doubt;
        self.lines.planned.saturating_sub(decided)
    }
}

/// What snapshots are taken from, besides the dispatcher.
pub(super) struct View<'a> {
    pub(super) progress: &'a Progress,
    pub(super) extent: &'a Extent,
    pub(super) limits: &'a Limits,
    pub(super) run: RunId,
    /// The campaign's when the run began.
    pub(super) batches_in_doubt: u64,
    pub(super) begun: Instant,
}

impl View<'_> {
    pub(super) fn snapshot(&self, dispatch: &Dispatch<Pool, Writer, WallClock>) -> Snapshot {
        let account = dispatch.account.borrow().clone();
        let stops = dispatch.stop.has_reached(Stage::Draining);
        let reasons = dispatch.stop.reasons();
        Snapshot {
            run: self.run,
            phase: dispatch.phase.get(),
            stopping: reasons
                .first()
                .filter(|_| stops)
                .map(super::stop::StopReason::sentence),
            elapsed: self.begun.elapsed(),
            share: self.extent.share(),
            lines: lines(self.progress, &account.settled),
            invalid_by_reason: self.progress.invalid_by_reason().collect(),
            batches_in_doubt: self.batches_in_doubt + account.doubts_taken_up - account.settled.len() as u64
                + account.batches_in_doubt,
            account,
            probe_due_in: dispatch.doubts.due_in(),
            gate_is_open: dispatch.gate.is_open(),
            spent: dispatch.budget.spent(),
            currency: dispatch.currency,
            credit_left: dispatch.credit.left(),
            limits: self.limits.clone(),
            connections: dispatch.wire.stats(),
            ledger: LedgerOrders {
                waiting: dispatch.commits.waiting(),
                acknowledged: dispatch.commits.acknowledged(),
                silent_for: dispatch.commits.silent_for(),
            },
        }
    }
}

/// One for tests: of a run that sends.
#[cfg(test)]
pub(crate) fn snapshot() -> Snapshot {
    let text = "[campaign]\nname = \"c\"\nprovider = \"octopush\"\n[octopush]\nsender = \"Acme\"\ntype = \"sms_premium\"\n\
                purpose = \"alert\"\ntext = \"Hello\"\n";
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("campaign.toml");
    std::fs::write(&file, text).expect("room");
    let campaign = crate::config::Campaign::load(&file, &[]).expect("a campaign");
    Snapshot {
        run: RunId(1),
        phase: Phase::Sending,
        stopping: None,
        elapsed: Duration::ZERO,
        share: None,
        lines: LineCounts::default(),
        invalid_by_reason: Vec::new(),
        account: Account::default(),
        batches_in_doubt: 0,
        probe_due_in: None,
        gate_is_open: true,
        spent: Amount::ZERO,
        currency: Currency::EUR,
        credit_left: None,
        limits: campaign.limits,
        connections: PoolStats {
            tls: None,
            opened: 0,
            open: 0,
            protocol: None,
        },
        ledger: LedgerOrders::default(),
    }
}

/// The lines of an earlier run's doubts go where the summary has them once this run has settled those.
fn lines(progress: &Progress, settled: &[BatchId]) -> LineCounts {
    let in_doubt = progress.in_doubt.load(Ordering::Relaxed);
    let settled = progress.lines_of_doubts(settled.iter().map(|batch| batch.0.unsigned_abs()));
    // The sum of those in doubt is told a little later than each of them.
    let settled = settled.min(in_doubt);
    LineCounts {
        invalid: progress.invalid.load(Ordering::Relaxed),
        duplicate: progress.duplicate.load(Ordering::Relaxed),
        suppressed: progress.suppressed.load(Ordering::Relaxed),
        already_sent: progress.already_sent.load(Ordering::Relaxed) + settled,
        refused: progress.refused.load(Ordering::Relaxed),
        in_doubt: in_doubt - settled,
        planned: progress.planned.load(Ordering::Relaxed),
    }
}
