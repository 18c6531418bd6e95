//! Batches with everything that is known of them, one after another: for exports, and for reports by day and by country.
//!
//! Bounds: [`PAGE`] batches and their numbers are held at a time.

use std::ops::ControlFlow;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, params};
use jiff::Timestamp;
use volley_model::{Amount, BatchState, CostSource, Currency, Msisdn};

use crate::rows::{self, BatchRow};
use crate::{BatchId, CampaignId, LedgerError, RunId, queries, split};

const STEP: &str = "exporting batches";
/// Batches that are read in one moment.
const PAGE: usize = 50;

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

/// The attempts of a batch; those of later runs, which asked about a doubt, are counted alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// How many.
    pub count: u64,
    /// When the last one of its run that left us was handed over; `None` where nothing left us.
    pub handed_over_at: Option<Timestamp>,
    /// When the evidence of that one was complete.
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
    let failed = |error| LedgerError::database(path, STEP, error);
    for campaign in campaigns(connection, name).map_err(failed)? {
        let mut after = BatchId(0);
        loop {
            let page = page(connection, path, &campaign, after, numbers)?;
            let Some((last, _)) = page.last() else { break };
            after = last.batch;
            for (record, members) in &page {
                if each(record, members).is_break() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// The next batches of a campaign. Each page is one moment, which ends before anybody is told: who reads slowly must not keep
/// the log of a run from being moved into the ledger.
fn page(
    connection: &Connection,
    path: &Path,
    campaign: &Campaign,
    after: BatchId,
    numbers: Numbers,
) -> Result<Vec<(BatchRecord, Vec<Msisdn>)>, LedgerError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let moment = connection.moment().map_err(failed)?;
    let mut batches = Vec::new();
    let condition = format!("campaign = ?1 AND id > ?2 ORDER BY id LIMIT {PAGE}");
    queries::each_batch(
        &moment,
        path,
        &condition,
        params![campaign.id, after],
        &mut |batch| {
            batches.push(batch);
        },
    )?;
    let mut page = Vec::with_capacity(batches.len());
    for batch in batches {
        let members = match (numbers, campaign.closed, batch.state) {
            (Numbers::LeftOut, ..) | (_, true, _) => Vec::new(),
            (_, _, BatchState::Split) => split::left(&moment, path, &batch)?.into_iter().collect(),
            _ => queries::members(&moment, path, &batch)?,
        };
        let attempts = attempts(&moment, &batch).map_err(failed)?;
        page.push((record(campaign, batch, attempts), members));
    }
    Ok(page)
}

fn campaigns(connection: &Connection, name: Option<&str>) -> database::Result<Vec<Campaign>> {
    let query = "SELECT id, name, provider, closed_at IS NOT NULL FROM campaign \
        WHERE CAST(?1 AS TEXT) IS NULL OR name = ?1 ORDER BY id";
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

fn attempts(connection: &Connection, batch: &BatchRow) -> database::Result<Attempts> {
    let query = "SELECT handed_over_at, ended_at, run FROM attempt WHERE batch = ?1 ORDER BY number";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([batch.id])?;
    let mut attempts = Attempts::default();
    while let Some(row) = rows.next()? {
        let handed_over_at: Option<i64> = row.get(0)?;
        attempts.count += 1;
        if let Some(at) = handed_over_at
            && row.get::<_, RunId>(2)? == batch.run
        {
            attempts.handed_over_at = Some(rows::timestamp(0, at)?);
            attempts.ended_at = Some(rows::timestamp(1, row.get(1)?)?);
        }
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
