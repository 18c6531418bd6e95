//! Batches with everything that is known of them, one after another: for exports, and for reports by day and by country.
//!
//! Bounds: one batch and its numbers are held at a time.

use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use volley_model::{Amount, BatchState, CostSource, Currency, Msisdn};

use crate::rows::{self, BatchRow, COLUMNS};
use crate::{BatchId, CampaignId, LedgerError, RunId, queries, split};

const STEP: &str = "exporting batches";

/// Whether a batch's numbers are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// Yes.
    Wanted,
    /// No, which saves reading them.
    LeftOut,
}

/// A batch and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its campaign's name.
    pub campaign: String,
    /// The campaign's provider.
    pub provider: String,
    /// The batch.
    pub batch: BatchId,
    /// The run that sent it.
    pub run: RunId,
    /// The split batch whose numbers go again in it.
    pub parent: Option<BatchId>,
    /// Its request key.
    pub request_key: String,
    /// Where it stands.
    pub state: BatchState,
    /// Why, where the state alone does not say it.
    pub reason: Option<String>,
    /// The status of a refusal.
    pub status: Option<u16>,
    /// The provider's code of a refusal.
    pub code: Option<u32>,
    /// The number that a split batch was refused for.
    pub named: Option<Msisdn>,
    /// The provider's id.
    pub ticket: Option<String>,
    /// Its numbers.
    pub recipients: u64,
    /// Contacts as the provider counts them.
    pub contacts: Option<u64>,
    /// Segments or calls, where they are counted.
    pub units: u64,
    /// The same as the provider counts them.
    pub billed_units: Option<u64>,
    /// What was set aside for it.
    pub reserved: Option<Amount>,
    /// What it cost.
    pub cost: Option<Amount>,
    /// Where the cost comes from.
    pub cost_source: Option<CostSource>,
    /// The currency of `cost`, or else of `reserved`.
    pub currency: Currency,
    /// Whether it reached nobody, by design.
    pub simulated: bool,
    /// When its intent was written.
    pub intended_at: Timestamp,
    /// When what came of it was written; `None` while it is open.
    pub concluded_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: Attempts,
}

/// The attempts of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// When the last one was handed over; `None` where nothing left us.
    pub handed_over_at: Option<Timestamp>,
    /// When the evidence of the last one was complete.
    pub ended_at: Option<Timestamp>,
}

struct Campaign {
    id: CampaignId,
    name: String,
    provider: String,
    closed: bool,
}

/// See [`Reader::export`](crate::Reader::export). Of a split batch the numbers are those that no child has taken up, without
/// the named one.
pub(crate) fn batches(
    connection: &Connection,
    path: &Path,
    name: Option<&str>,
    numbers: Numbers,
    each: &mut dyn FnMut(&BatchRecord, &[Msisdn]) -> ControlFlow<()>,
) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::sqlite(path, STEP, error);
    // One moment for batches, numbers and attempts, while another process may be writing.
    let moment = connection.unchecked_transaction().map_err(failed)?;
    for campaign in campaigns(&moment, name).map_err(failed)? {
        let query = format!("SELECT {COLUMNS} FROM batch WHERE campaign = ?1 ORDER BY id");
        let mut statement = moment.prepare(&query).map_err(failed)?;
        let mut rows = statement.query([campaign.id]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let batch = BatchRow::read(row).map_err(|error| error.at(path))?;
            let members = match (numbers, campaign.closed, batch.state) {
                (Numbers::LeftOut, ..) | (_, true, _) => Vec::new(),
                (_, _, BatchState::Split) => split::left(&moment, path, &batch)?.into_iter().collect(),
                _ => queries::members(&moment, path, &batch)?,
            };
            let attempts = attempts(&moment, batch.id).map_err(failed)?;
            if each(&record(&campaign, batch, attempts), &members).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn campaigns(connection: &Connection, name: Option<&str>) -> rusqlite::Result<Vec<Campaign>> {
    let query = "SELECT id, name, provider, closed_at IS NOT NULL FROM campaign WHERE ?1 IS NULL OR name = ?1 ORDER BY id";
    let mut statement = connection.prepare(query)?;
    let campaigns = statement.query_map([name], |row| {
        Ok(Campaign {
            id: row.get(0)?,
            name: row.get(1)?,
            provider: row.get(2)?,
            closed: row.get(3)?,
        })
    })?;
    campaigns.collect()
}

fn attempts(connection: &Connection, batch: BatchId) -> rusqlite::Result<Attempts> {
    let query = "SELECT handed_over_at, ended_at FROM attempt WHERE batch = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([batch])?;
    let mut attempts = Attempts::default();
    while let Some(row) = rows.next()? {
        let handed_over_at: Option<i64> = row.get(0)?;
        attempts.count += 1;
        attempts.handed_over_at = handed_over_at.map(|at| rows::timestamp(0, at)).transpose()?;
        attempts.ended_at = Some(rows::timestamp(1, row.get(1)?)?);
    }
    Ok(attempts)
}

fn record(campaign: &Campaign, batch: BatchRow, attempts: Attempts) -> BatchRecord {
    BatchRecord {
        campaign: campaign.name.clone(),
        provider: campaign.provider.clone(),
        batch: batch.id,
        run: batch.run,
        parent: batch.parent,
        request_key: batch.request_key,
        state: batch.state,
        reason: batch.reason,
        status: batch.status,
        code: batch.code,
        named: batch.named_number,
        ticket: batch.ticket,
        recipients: batch.member_count,
        contacts: batch.contacts,
        units: batch.units,
        billed_units: batch.billed_units,
        reserved: batch.reserved,
        cost: batch.cost.map(|cost| cost.amount),
        cost_source: batch.cost.map(|cost| cost.source),
        currency: batch.cost.map_or(batch.currency, |cost| cost.currency),
        simulated: batch.simulated,
        intended_at: batch.intended_at,
        concluded_at: batch.concluded_at,
        attempts,
    }
}
