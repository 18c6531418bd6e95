//! Prices that come after the ticket: some providers tell what a batch cost only once it is over.
//!
//! A price is told once. It is recorded for good, and the batch has it from then on as if it had come with the ticket.
//! Not here: asking the provider.
//! Sources: docs/guarantee.md, "Money".

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, params};
use crate::postgres::workers;
use jiff::Timestamp;
use rusqlite::types::Value;
use volley_model::{Amount, BatchState, CostSource, Currency};

use crate::queries::REACHING;
use crate::rows::{self, BatchRow, Cost, text, time};
use crate::{BatchId, Ledger, LedgerError, Ticketed, WordError, checksum, queries, withdraw};

/// The columns of a price, its checksum last.
pub(crate) const COLUMNS: &str = "batch, at, cost, currency, sum";
const RECORD: &str = "INSERT INTO pricing (batch, at, cost, currency, sum) VALUES (?1, ?2, ?3, ?4, ?5)";
const STEP: &str = "a price written";

impl Ledger {
    /// Books what the provider says that an accepted batch without a cost has cost. Nothing else of the batch changes.
    ///
    /// # Errors
    /// [`WordError::NoBatch`]; [`WordError::NotPriced`] for a batch in another state, or one that has a cost;
    /// [`WordError::OtherCurrency`] if the campaign counts in another one; or the ledger cannot be read or written. Nothing
    /// was changed then.
    pub fn price(
        &mut self,
        batch: BatchId,
        cost: Amount,
        currency: Currency,
        at: Timestamp,
    ) -> Result<(), WordError> {
        let cost = Cost {
            amount: cost,
            currency,
            source: CostSource::Provider,
        };
        self.transact(STEP, at, |connection, place| {
            price(connection, &place.ledger, batch, cost, at)
        })
    }

    /// The accepted batches of that provider, of the campaign of that name or of all, whose cost is not known; oldest
    /// first. A name that no campaign has gives an empty list.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn unpriced(&self, provider: &str, campaign: Option<&str>) -> Result<Vec<Ticketed>, LedgerError> {
        unpriced(&self.connection, &self.place.ledger, provider, campaign)
    }
}

pub(crate) fn unpriced(
    connection: &Connection,
    path: &Path,
    provider: &str,
    campaign: Option<&str>,
) -> Result<Vec<Ticketed>, LedgerError> {
    let condition = "state = 'accepted' AND cost IS NULL AND simulated = 0 AND campaign IN \
        (SELECT id FROM campaign WHERE provider = ?1 AND (CAST(?2 AS TEXT) IS NULL OR name = ?2)) ORDER BY id";
    withdraw::select(connection, path, condition, params![provider, campaign])
}

fn price(
    connection: &Connection,
    path: &Path,
    batch: BatchId,
    cost: Cost,
    at: Timestamp,
) -> Result<(), WordError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let row = queries::batch(connection, path, batch)?.ok_or_else(|| WordError::NoBatch {
        path: path.to_owned(),
        batch,
    })?;
    workers::refuse_living(connection, path, row.campaign, at)?;
    if row.state != BatchState::Accepted || row.cost.is_some() {
        return Err(WordError::NotPriced {
            batch,
            state: row.state,
        });
    }
    if let Some(known) = other_currency(connection, &row, cost.currency).map_err(failed)? {
        return Err(WordError::OtherCurrency {
            batch,
            known,
            told: cost.currency,
        });
    }
    let mut values = vec![
        batch.into(),
        time(at),
        text(Some(cost.amount)),
        text(Some(cost.currency.code())),
    ];
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    connection
        .execute(RECORD, values)
        .and_then(|_| rows::add_cost(connection, batch, cost))
        .map_err(|error| failed(error).into())
}

/// The currency in which the campaign counts already, if what is in it and in `told` cannot be added up: booked all the
/// same, it would leave nobody able to say what the campaign cost.
fn other_currency(
    connection: &Connection,
    row: &BatchRow,
    told: Currency,
) -> database::Result<Option<String>> {
    let query = format!(
        "SELECT DISTINCT coalesce(cost_currency, currency) FROM batch WHERE campaign = ?1 AND simulated = 0 \
         AND (cost IS NOT NULL OR (reserved IS NOT NULL AND ({REACHING} OR state = 'withdrawn')))"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let mut found = statement.query([row.campaign])?;
    while let Some(found) = found.next()? {
        let code: String = found.get(0)?;
        let known: Option<Currency> = code.parse().ok();
        if known.is_none_or(|known| known.with(told).is_none()) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// The batches whose price fails its checksum.
pub(crate) fn changed_rows(connection: &Connection, path: &Path) -> Result<Vec<BatchId>, LedgerError> {
    let query = format!("SELECT batch, {COLUMNS} FROM pricing ORDER BY batch");
    checksum::unfit(connection, &query)
        .map_err(|error| LedgerError::database(path, "checking the prices", error))
}
