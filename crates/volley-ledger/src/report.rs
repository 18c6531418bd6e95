//! A campaign as `volley report` shows it: totals, tickets with their costs, runs with their accounts, doubts.

use std::collections::HashMap;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, Row};
use jiff::Timestamp;
use volley_model::{Amount, BatchState, CostSource, Currency, LineCounts};

use crate::rows::{self, BatchRow};
use crate::schema::Format;
use crate::{BatchId, CampaignId, LedgerError, RunId, RunLimits, queries, run_limits, schedule, schema};

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignReport {
    /// The campaign's name.
    pub name: String,
    /// Its provider.
    pub provider: String,
    /// The provider's host.
    pub host: String,
    /// When it was first run.
    pub created_at: Timestamp,
    /// Whether its numbers were erased.
    pub closed: bool,
    /// A row for each state that batches are in.
    pub states: Vec<StateTotals>,
    /// What it cost.
    pub cost: CostTotals,
    /// The provider's ids, oldest first. Those of simulated batches are not among them.
    pub tickets: Vec<Ticket>,
    /// The runs, oldest first.
    pub runs: Vec<RunReport>,
    /// The batches in doubt, oldest first.
    pub doubts: Vec<Doubt>,
}

/// The batches in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateTotals {
    /// The state.
    pub state: BatchState,
    /// How many.
    pub batches: u64,
    /// Their numbers; of split batches those that no child has taken up, the one that each was refused for among them.
    pub recipients: u64,
    /// Contacts as the provider counts them, where it does.
    pub contacts: u64,
    /// Recipients whom the provider dropped: sent minus contacts, where it counts them.
    pub dropped: u64,
    /// Segments, where they are counted; of split batches without their children's.
    pub units: u64,
}

/// What a campaign cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CostTotals {
    /// Everything sent, what was withdrawn again too, unpriced batches at their reservation; `None` while nothing is known.
    pub total: Option<Amount>,
    /// The part of it that the provider has not confirmed.
    pub estimated: Amount,
    /// Batches that were sent and whose cost is not known.
    pub unpriced_batches: u64,
    /// The currency.
    pub currency: Option<Currency>,
}

/// A batch that the provider gave an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The batch.
    pub batch: BatchId,
    /// The provider's id.
    pub ticket: String,
    /// Its state.
    pub state: BatchState,
    /// Its numbers.
    pub recipients: u64,
    /// Contacts as the provider counts them.
    pub contacts: Option<u64>,
    /// What it cost.
    pub cost: Option<Amount>,
    /// The currency of `cost`.
    pub currency: Option<Currency>,
    /// Where the cost comes from.
    pub cost_source: Option<CostSource>,
    /// When it was booked.
    pub at: Option<Timestamp>,
}

/// One run with the account of its lines.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` for one that is running or was killed.
    pub ended_at: Option<Timestamp>,
    /// When its batches were to go out; `None`: at once.
    pub send_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The exit code.
    pub exit_code: Option<u8>,
    /// Whose it is, in a ledger on a server; `None` in a file.
    pub worker: Option<Worker>,
    /// Whether it was simulated.
    pub simulated: bool,
    /// The limits it kept to; `None` for a run of before they were noted.
    pub limits: Option<RunLimits>,
    /// Its batches.
    pub batches: u64,
    /// Its input lines as they stand now: doubts settled since count as accepted. `planned` are those pending: read, and
    /// not sent.
    pub lines: LineCounts,
    /// The lines whose numbers were sent to; in a simulated run, those that would have been.
    pub accepted: u64,
}

/// One of the processes that share a ledger on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Host and process; `None` where that is not known, as for a run that was copied from a file.
    pub name: Option<String>,
    /// What it is at.
    pub state: WorkerState,
}

/// What a worker is at with its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// It sends, and shows that it lives.
    UnderWay,
    /// It has told no end, and given no sign of life for longer than the ledger's address allows: whoever comes next fences it.
    Silent,
    /// It was found dead, and may write nothing more.
    Fenced,
    /// It has told its end.
    Ended,
}

impl WorkerState {
    /// As reports have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnderWay => "under_way",
            Self::Silent => "silent",
            Self::Fenced => "fenced",
            Self::Ended => "ended",
        }
    }
}

/// A batch of which nobody knows whether it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The batch.
    pub batch: BatchId,
    /// Its numbers.
    pub recipients: u64,
    /// Its request key.
    pub request_key: String,
    /// What happened.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
    /// When its first attempt was handed over, where that is known.
    pub first_handed_over_at: Option<Timestamp>,
}

/// The reports of the campaign of that name, or of all.
pub(crate) fn campaigns(
    connection: &Connection,
    path: &Path,
    name: Option<&str>,
) -> Result<Vec<CampaignReport>, LedgerError> {
    let failed = |error| LedgerError::database(path, "reporting", error);
    // One moment for all the questions below, while another process may be writing.
    let moment = connection.moment().map_err(failed)?;
    let format = schema::format(&moment, path)?;
    let headings = headings(&moment, name).map_err(failed)?;
    let mut reports = Vec::with_capacity(headings.len());
    for (campaign, mut report) in headings {
        let condition = "campaign = ?1 ORDER BY id";
        queries::each_batch(connection, path, condition, [campaign], &mut |batch| {
            report.add(batch);
        })?;
        for doubt in &mut report.doubts {
            doubt.first_handed_over_at = first_handed_over_at(connection, doubt.batch).map_err(failed)?;
        }
        report.runs = runs(connection, &report.name).map_err(failed)?;
        let mut workers = workers(connection, campaign).map_err(failed)?;
        for run in &mut report.runs {
            run.worker = workers.remove(&run.run);
            run.send_at = schedule::send_at(connection, path, format, run.run)?;
            if format == Format::Current {
                run.limits = run_limits::of(connection, run.run).map_err(failed)?;
            }
        }
        reports.push(report);
    }
    Ok(reports)
}

/// The rows of the view `conservation`: place and fault.
pub(crate) fn faults(connection: &Connection, path: &Path) -> Result<Vec<(String, String)>, LedgerError> {
    let failed = |error| LedgerError::database(path, "checking the account", error);
    let mut statement = connection
        .prepare("SELECT place, fault FROM conservation")
        .map_err(failed)?;
    let faults = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    faults.collect::<database::Result<_>>().map_err(failed)
}

impl CampaignReport {
    fn add(&mut self, batch: BatchRow) {
        self.add_state(&batch);
        self.cost.add(&batch);
        if let (Some(ticket), false) = (&batch.ticket, batch.simulated) {
            self.tickets.push(Ticket {
                batch: batch.id,
                ticket: ticket.clone(),
                state: batch.state,
                recipients: batch.member_count,
                contacts: batch.contacts,
                cost: batch.cost.map(|cost| cost.amount),
                currency: batch.cost.map(|cost| cost.currency),
                cost_source: batch.cost.map(|cost| cost.source),
                at: batch.concluded_at,
            });
        }
        if let (BatchState::InDoubt, Some(since)) = (batch.state, batch.doubt_since) {
            self.doubts.push(Doubt {
                batch: batch.id,
                recipients: batch.member_count,
                request_key: batch.request_key,
                reason: batch.reason.unwrap_or_default(),
                since,
                first_handed_over_at: None,
            });
        }
    }

    fn add_state(&mut self, batch: &BatchRow) {
        if batch.parent.is_some() {
            // Its parent came before it, and counted its numbers.
            let parents = self.totals(BatchState::Split);
            parents.recipients = parents.recipients.saturating_sub(batch.member_count);
            parents.units = parents.units.saturating_sub(batch.units);
        }
        let totals = self.totals(batch.state);
        totals.batches += 1;
        totals.recipients += batch.member_count;
        totals.contacts += batch.contacts.unwrap_or(0);
        totals.dropped += batch
            .contacts
            .map_or(0, |contacts| batch.member_count.saturating_sub(contacts));
        totals.units += batch.units;
    }

    fn totals(&mut self, state: BatchState) -> &mut StateTotals {
        let at = self.states.iter().position(|totals| totals.state == state);
        let at = at.unwrap_or_else(|| {
            self.states.push(StateTotals {
                state,
                batches: 0,
                recipients: 0,
                contacts: 0,
                dropped: 0,
                units: 0,
            });
            self.states.len() - 1
        });
        &mut self.states[at]
    }
}

impl CostTotals {
    fn add(&mut self, batch: &BatchRow) {
        let open = matches!(batch.state, BatchState::Intended | BatchState::InDoubt);
        let sent = matches!(
            batch.state,
            BatchState::Accepted
                | BatchState::Unticketed
                | BatchState::DeclaredSent
                | BatchState::Abandoned
                // Whether the provider gives back what it cost is not known.
                | BatchState::Withdrawn
        );
        let (amount, currency, confirmed) = match (batch.cost, queries::reservation(batch)) {
            (Some(cost), _) => (cost.amount, cost.currency, cost.source != CostSource::Estimated),
            (None, reserved) if sent => {
                self.unpriced_batches += 1;
                let Some(reserved) = reserved else { return };
                (reserved, batch.currency, false)
            }
            // A doubt's reservation is no cost yet, and nothing else has one.
            (None, reserved) => {
                debug_assert!(reserved.is_none() || open, "only open batches keep a reservation");
                return;
            }
        };
        self.total = Some(self.total.unwrap_or_default() + amount);
        let united = currency.with(self.currency.unwrap_or(currency));
        self.currency = united.or(self.currency);
        if !confirmed {
            self.estimated += amount;
        }
    }
}

fn headings(
    connection: &Connection,
    name: Option<&str>,
) -> database::Result<Vec<(CampaignId, CampaignReport)>> {
    let mut statement = connection.prepare(
        "SELECT id, name, provider, host, created_at, closed_at IS NOT NULL FROM campaign \
         WHERE CAST(?1 AS TEXT) IS NULL OR name = ?1 ORDER BY id",
    )?;
    let headings = statement.query_map([name], |row| {
        let report = CampaignReport {
            name: row.get(1)?,
            provider: row.get(2)?,
            host: row.get(3)?,
            created_at: rows::timestamp(4, row.get(4)?)?,
            closed: row.get(5)?,
            states: Vec::new(),
            cost: CostTotals::default(),
            tickets: Vec::new(),
            runs: Vec::new(),
            doubts: Vec::new(),
        };
        Ok((row.get(0)?, report))
    })?;
    headings.collect()
}

fn first_handed_over_at(connection: &Connection, batch: BatchId) -> database::Result<Option<Timestamp>> {
    let query = "SELECT min(handed_over_at) FROM attempt WHERE batch = ?1";
    let found: Option<i64> = connection.query_row(query, [batch], |row| row.get(0))?;
    found
        .map(|microseconds| rows::timestamp(0, microseconds))
        .transpose()
}

/// The account is the view's, so that it and the report cannot disagree. What only newer formats have the caller adds.
fn runs(connection: &Connection, campaign: &str) -> database::Result<Vec<RunReport>> {
    let mut statement = connection.prepare(
        "SELECT runs.run, run.started_at, run.ended_at, runs.outcome, runs.reason, runs.exit_code, runs.simulated, \
         batches, accepted, invalid, suppressed, duplicate, already_sent, refused, in_doubt, pending \
         FROM runs JOIN run ON run.id = runs.run WHERE runs.campaign = ?1 ORDER BY runs.run",
    )?;
    statement.query_map([campaign], run_report)?.collect()
}

/// The workers of a campaign's runs, on a server.
fn workers(connection: &Connection, campaign: CampaignId) -> database::Result<HashMap<RunId, Worker>> {
    if connection.postgres().is_none() {
        return Ok(HashMap::new());
    }
    let query = "SELECT id, worker, fenced_at IS NOT NULL, ended_at IS NOT NULL, server_time() - beat_at >= silence \
        FROM run WHERE campaign = ?1";
    let mut statement = connection.prepare(query)?;
    let workers = statement.query_map([campaign], |row| {
        let (fenced, ended, silent): (bool, bool, bool) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let state = match (fenced, ended) {
            (true, _) => WorkerState::Fenced,
            (false, true) => WorkerState::Ended,
            (false, false) if silent => WorkerState::Silent,
            (false, false) => WorkerState::UnderWay,
        };
        let name = row.get(1)?;
        Ok((row.get(0)?, Worker { name, state }))
    })?;
    workers.collect()
}

fn run_report(row: &Row<'_>) -> database::Result<RunReport> {
    let ended_at: Option<i64> = row.get(2)?;
    Ok(RunReport {
        run: row.get(0)?,
        started_at: rows::timestamp(1, row.get(1)?)?,
        ended_at: ended_at
            .map(|ended_at| rows::timestamp(2, ended_at))
            .transpose()?,
        send_at: None,
        limits: None,
        worker: None,
        outcome: row.get(3)?,
        reason: row.get(4)?,
        exit_code: row.get(5)?,
        simulated: row.get(6)?,
        batches: row.get(7)?,
        accepted: row.get(8)?,
        lines: LineCounts {
            invalid: row.get(9)?,
            suppressed: row.get(10)?,
            duplicate: row.get(11)?,
            already_sent: row.get(12)?,
            refused: row.get(13)?,
            in_doubt: row.get(14)?,
            planned: row.get(15)?,
        },
    })
}
