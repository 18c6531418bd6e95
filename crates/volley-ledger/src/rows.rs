//! Batches as rows: the columns in their order, written with their checksums and checked when they are read.
//!
//! An intent's columns and an outcome's columns have a checksum each: they are written once each, by one statement each.

mod cursor;

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, Row, params};
use jiff::Timestamp;
use rusqlite::types::Value;
use volley_model::{Amount, BatchState, BodyHash, CostSource, Currency, Msisdn};

use crate::checksum;
use crate::{Attempt, BatchId, CampaignId, Intent, LedgerError, Outcome, RunId};

pub(crate) use cursor::{Cursor, timestamp};

const INSERT: &str = "INSERT INTO batch (campaign, run, sequence, parent, generation, request_key, body_hash, \
    body_bytes, slot, member_count, units, simulated, reserved, currency, lines_invalid, lines_suppressed, \
    lines_duplicate, lines_already_sent, lines_refused, lines_in_doubt, lines_planned, lines_read, intended_at, \
    intent_sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
    ?21, ?22, ?23, ?24)";
const CONCLUDE: &str = "UPDATE batch SET state = ?2, reason = ?3, status = ?4, code = ?5, ticket = ?6, \
    contacts = ?7, billed_units = ?8, cost = ?9, cost_currency = ?10, cost_source = ?11, residual_credit = ?12, \
    named_number = ?13, doubt_since = ?14, concluded_at = ?15, concluded_run = ?16, outcome_sum = ?17 WHERE id = ?1";
const ADD_ATTEMPT: &str = "INSERT INTO attempt (batch, number, run, handed_over_at, ended_at, evidence) \
    VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM attempt WHERE batch = ?1), ?2, ?3, ?4, ?5)";
/// The columns of a batch, in the order in which [`BatchRow::read`] takes them.
pub(crate) const COLUMNS: &str = "id, campaign, run, sequence, parent, generation, request_key, body_hash, body_bytes, \
    slot, member_count, units, simulated, reserved, currency, lines_invalid, lines_suppressed, lines_duplicate, \
    lines_already_sent, lines_refused, lines_in_doubt, lines_planned, lines_read, intended_at, intent_sum, state, \
    reason, status, code, ticket, contacts, billed_units, cost, cost_currency, cost_source, residual_credit, \
    named_number, doubt_since, concluded_at, concluded_run, outcome_sum";
/// The columns under an outcome's checksum, in their order; how many they are, and where those stand that are changed
/// behind an outcome: the reason, the cost with its currency and its source, the named number.
pub(crate) const SUMMED: &str = "id, state, reason, status, code, ticket, contacts, billed_units, cost, cost_currency, \
    cost_source, residual_credit, named_number, doubt_since, concluded_at, concluded_run";
const SUMMED_COUNT: usize = 16;
const REASON_AT: usize = 2;
const COST_AT: usize = 8;
const NAMED_AT: usize = 12;
/// How many [`COLUMNS`] are: where a column put behind them stands.
pub(crate) const COLUMN_COUNT: usize = 41;

/// Where an intent's row goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) campaign: CampaignId,
    pub(crate) run: RunId,
    pub(crate) sequence: u64,
    pub(crate) slot: u64,
    pub(crate) lines_read: u64,
    /// Its id, where it was drawn before; else the table gives one.
    pub(crate) id: Option<BatchId>,
}

/// An outcome's columns.
#[derive(Debug, Clone)]
pub(crate) struct Concluded {
    pub(crate) state: BatchState,
    pub(crate) reason: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<u32>,
    pub(crate) ticket: Option<String>,
    pub(crate) contacts: Option<u64>,
    pub(crate) billed_units: Option<u64>,
    pub(crate) cost: Option<Cost>,
    pub(crate) residual_credit: Option<Amount>,
    pub(crate) named_number: Option<Msisdn>,
    pub(crate) doubt_since: Option<Timestamp>,
    pub(crate) at: Timestamp,
    /// The run that concluded it; `None` for the operator, and for a command that withdrew it.
    pub(crate) run: Option<RunId>,
}

/// A booked cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) amount: Amount,
    pub(crate) currency: Currency,
    pub(crate) source: CostSource,
}

/// What must be known of a batch to conclude it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenBatch {
    pub(crate) slot: u64,
    pub(crate) body_bytes: u64,
    pub(crate) simulated: bool,
    pub(crate) reserved: Option<Amount>,
    pub(crate) currency: Currency,
    pub(crate) doubt_since: Option<Timestamp>,
}

/// A batch as it stands.
#[derive(Debug, Clone)]
pub(crate) struct BatchRow {
    pub(crate) id: BatchId,
    pub(crate) campaign: CampaignId,
    pub(crate) run: RunId,
    /// The split batch whose numbers go again in it.
    pub(crate) parent: Option<BatchId>,
    pub(crate) request_key: String,
    pub(crate) body_hash: BodyHash,
    pub(crate) body_bytes: u64,
    pub(crate) slot: u64,
    pub(crate) member_count: u64,
    pub(crate) units: u64,
    pub(crate) simulated: bool,
    pub(crate) reserved: Option<Amount>,
    pub(crate) currency: Currency,
    pub(crate) intended_at: Timestamp,
    pub(crate) state: BatchState,
    pub(crate) reason: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<u32>,
    pub(crate) ticket: Option<String>,
    pub(crate) contacts: Option<u64>,
    pub(crate) billed_units: Option<u64>,
    pub(crate) cost: Option<Cost>,
    pub(crate) residual_credit: Option<Amount>,
    pub(crate) named_number: Option<Msisdn>,
    pub(crate) doubt_since: Option<Timestamp>,
    pub(crate) concluded_at: Option<Timestamp>,
}

/// Why a row cannot be taken as it is.
#[derive(Debug)]
pub(crate) enum RowError {
    Unreadable(database::Error),
    Checksum(BatchId),
}

impl RowError {
    pub(crate) fn at(self, path: &Path) -> LedgerError {
        match self {
            Self::Unreadable(error) => LedgerError::database(path, "reading batches", error),
            Self::Checksum(batch) => LedgerError::damaged(path, format!("batch {batch} fails its checksum")),
        }
    }
}

impl From<database::Error> for RowError {
    fn from(error: database::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// Writes an intent, without its members.
pub(crate) fn insert(
    connection: &Connection,
    intent: &Intent,
    position: Position,
) -> database::Result<BatchId> {
    let Intent {
        batch,
        parent,
        simulated,
        reserved,
        currency,
        at,
    } = intent;
    let mut values = vec![
        position.campaign.into(),
        position.run.into(),
        integer(position.sequence),
        parent.map_or(Value::Null, Value::from),
        integer(batch.generation),
        Value::Text(batch.key.0.clone()),
        Value::Blob(batch.body_hash.0.to_vec()),
        integer(batch.body.len() as u64),
        integer(position.slot),
        integer(batch.members.len() as u64),
        integer(batch.units),
        Value::Integer(i64::from(*simulated)),
        text(*reserved),
        Value::Text(currency.code().to_owned()),
    ];
    values.extend(batch.lines.in_order().map(integer));
    values.extend([integer(position.lines_read), time(*at)]);
    let Some(id) = position.id else {
        return insert_values(connection, values);
    };
    let mut values = sealed(values);
    values.push(id.into());
    let insert = INSERT
        .replace(", intent_sum)", ", intent_sum, id)")
        .replace("?24)", "?24, ?25)");
    connection.prepare_cached(&insert)?.post(values)?;
    Ok(id)
}

/// Writes an outcome of a batch that there is.
pub(crate) fn conclude(connection: &Connection, batch: BatchId, row: &Concluded) -> database::Result<()> {
    let values = vec![
        batch.into(),
        Value::Text(row.state.name().to_owned()),
        text(row.reason.as_ref()),
        optional(row.status),
        optional(row.code),
        text(row.ticket.as_ref()),
        optional(row.contacts),
        optional(row.billed_units),
        text(row.cost.map(|cost| cost.amount)),
        text(row.cost.as_ref().map(|cost| cost.currency.code())),
        text(row.cost.map(|cost| cost.source.name())),
        text(row.residual_credit),
        optional(row.named_number.map(Msisdn::get)),
        row.doubt_since.map_or(Value::Null, time),
        time(row.at),
        row.run.map_or(Value::Null, Value::from),
    ];
    connection.prepare_cached(CONCLUDE)?.post(sealed(values))
}

/// Inserts a batch from the values of its intent, in the order of [`INSERT`], and seals them.
pub(crate) fn insert_values(connection: &Connection, values: Vec<Value>) -> database::Result<BatchId> {
    connection.insert(INSERT, sealed(values)).map(BatchId)
}

/// Sets an outcome from the values of [`SUMMED`], and seals them; whether there is such a batch.
pub(crate) fn conclude_values(connection: &Connection, values: Vec<Value>) -> database::Result<bool> {
    let rows = connection.prepare_cached(CONCLUDE)?.execute(sealed(values))?;
    Ok(rows == 1)
}

/// The values with their checksum behind them.
fn sealed(mut values: Vec<Value>) -> Vec<Value> {
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    values
}

/// Writes the attempts of a batch behind those it has.
pub(crate) fn add_attempts(
    connection: &Connection,
    batch: BatchId,
    run: RunId,
    attempts: &[Attempt],
) -> database::Result<()> {
    for attempt in attempts {
        connection.prepare_cached(ADD_ATTEMPT)?.post(params![
            batch,
            run,
            attempt.handed_over_at.map(Timestamp::as_microsecond),
            attempt.ended_at.as_microsecond(),
            attempt.evidence
        ])?;
    }
    Ok(())
}

/// Takes the named numbers of a campaign's split batches out of their outcomes, with what the provider said of them, and
/// gives these new checksums.
pub(crate) fn erase_named(connection: &Connection, campaign: CampaignId) -> database::Result<()> {
    let query = format!("SELECT {SUMMED} FROM batch WHERE campaign = ?1 AND named_number IS NOT NULL");
    let mut statement = connection.prepare(&query)?;
    let mut rows = statement.query([campaign])?;
    let mut erased = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = summed(&row)?;
        values[NAMED_AT] = Value::Null;
        values[REASON_AT] = Value::Null;
        erased.push((row.get::<_, BatchId>(0)?, checksum::of_values(&values)));
    }
    let update = "UPDATE batch SET named_number = NULL, reason = NULL, outcome_sum = ?2 WHERE id = ?1";
    for (batch, sum) in erased {
        connection.execute(update, params![batch, sum])?;
    }
    Ok(())
}

/// Gives a batch without a cost one, and its outcome a new checksum.
pub(crate) fn add_cost(connection: &Connection, batch: BatchId, cost: Cost) -> database::Result<()> {
    let query = format!("SELECT {SUMMED} FROM batch WHERE id = ?1");
    let mut values = connection.query_row(&query, [batch], summed)?;
    let columns = [
        text(Some(cost.amount)),
        text(Some(cost.currency.code())),
        text(Some(cost.source.name())),
    ];
    values[COST_AT..COST_AT + columns.len()].clone_from_slice(&columns);
    let [amount, currency, source] = columns;
    let update =
        "UPDATE batch SET cost = ?2, cost_currency = ?3, cost_source = ?4, outcome_sum = ?5 WHERE id = ?1";
    let sum = checksum::of_values(&values);
    connection
        .execute(update, params![batch, amount, currency, source, sum])
        .map(drop)
}

/// The values of [`SUMMED`].
fn summed(row: &Row<'_>) -> database::Result<Vec<Value>> {
    (0..SUMMED_COUNT).map(|column| row.get(column)).collect()
}

impl Concluded {
    /// The columns of an outcome. A simulated batch is never reached and never in doubt.
    pub(crate) fn new(outcome: Outcome, open: &OpenBatch, at: Timestamp, run: RunId) -> Self {
        let mut row = Self::bare(BatchState::Simulated, open, at, Some(run));
        match outcome {
            Outcome::Accepted { ticket, .. } if open.simulated => row.ticket = Some(ticket),
            Outcome::Unticketed { reason, .. } | Outcome::InDoubt { reason } if open.simulated => {
                row.reason = Some(reason);
            }
            Outcome::Simulated { ticket } => row.ticket = ticket,
            Outcome::Accepted {
                ticket,
                contacts,
                units,
                cost,
                currency,
                residual_credit,
            } => {
                row.state = BatchState::Accepted;
                row.ticket = Some(ticket);
                row.contacts = contacts;
                row.billed_units = units;
                row.cost = cost.map(|amount| Cost {
                    amount,
                    currency,
                    source: CostSource::Provider,
                });
                row.residual_credit = residual_credit;
            }
            Outcome::Unticketed { reason, estimated } => {
                row.state = BatchState::Unticketed;
                row.reason = Some(reason);
                row.cost = estimated.map(|amount| Cost {
                    amount,
                    currency: open.currency,
                    source: CostSource::Estimated,
                });
            }
            Outcome::Refused {
                code,
                message,
                status,
            } => {
                row.state = BatchState::Refused;
                row.reason = Some(message);
                row.status = Some(status);
                row.code = code;
            }
            Outcome::Split {
                named,
                code,
                message,
                status,
            } => {
                row.state = BatchState::Split;
                row.named_number = Some(named);
                row.reason = Some(message);
                row.status = Some(status);
                row.code = code;
            }
            Outcome::Released { reason } => {
                row.state = BatchState::Released;
                row.reason = Some(reason);
            }
            Outcome::InDoubt { reason } => {
                row.state = BatchState::InDoubt;
                row.reason = Some(reason);
                row.doubt_since = open.doubt_since.or(Some(at));
            }
        }
        row
    }

    /// Whether it is no definite outcome.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, BatchState::Intended | BatchState::InDoubt)
    }

    /// An outcome of which nothing more is known than the state. `run` is `None` where no run concluded it.
    pub(crate) fn bare(state: BatchState, open: &OpenBatch, at: Timestamp, run: Option<RunId>) -> Self {
        Self {
            state,
            reason: None,
            status: None,
            code: None,
            ticket: None,
            contacts: None,
            billed_units: None,
            cost: None,
            residual_credit: None,
            named_number: None,
            doubt_since: open.doubt_since,
            at,
            run,
        }
    }
}

impl BatchRow {
    /// Reads a row of [`COLUMNS`] and checks both of its checksums.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, RowError> {
        let id = row.get(0)?;
        let mut columns = Cursor::new(row, 1);
        let campaign = columns.next()?;
        let run = columns.next()?;
        columns.skip(1)?; // sequence
        let parent = columns.next()?;
        columns.skip(1)?; // generation
        let request_key = columns.next()?;
        let body_hash = BodyHash(columns.next()?);
        let body_bytes = columns.next()?;
        let slot = columns.next()?;
        let member_count = columns.next()?;
        let units = columns.next()?;
        let simulated = columns.next()?;
        let reserved = columns.parse()?;
        let currency = columns.parse()?.ok_or_else(database::Error::null)?;
        columns.skip(8)?; // lines
        let intended_at = columns.time()?.ok_or_else(database::Error::null)?;
        let sound = columns.matches()?;
        columns = columns.behind(0)?;
        let state = columns.named(BatchState::named)?;
        let reason = columns.next()?;
        let status = columns.next()?;
        let code = columns.next()?;
        let ticket = columns.next()?;
        let contacts = columns.next()?;
        let billed_units = columns.next()?;
        let cost = columns.cost()?;
        let residual_credit = columns.parse()?;
        let named_number = columns.number()?;
        let doubt_since = columns.time()?;
        let concluded_at = columns.time()?;
        columns.skip(1)?; // concluded_run
        if !sound || !(columns.matches()? || state == BatchState::Intended) {
            return Err(RowError::Checksum(id));
        }
        Ok(Self {
            id,
            campaign,
            run,
            parent,
            request_key,
            body_hash,
            body_bytes,
            slot,
            member_count,
            units,
            simulated,
            reserved,
            currency,
            intended_at,
            state,
            reason,
            status,
            code,
            ticket,
            contacts,
            billed_units,
            cost,
            residual_credit,
            named_number,
            doubt_since,
            concluded_at,
        })
    }

    /// Whether it has no definite outcome.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, BatchState::Intended | BatchState::InDoubt)
    }

    /// What must be known to conclude it.
    pub(crate) fn open(&self) -> OpenBatch {
        OpenBatch {
            slot: self.slot,
            body_bytes: self.body_bytes,
            simulated: self.simulated,
            reserved: self.reserved,
            currency: self.currency,
            doubt_since: self.doubt_since,
        }
    }
}

/// Counts stay far below 2⁶³; one that does not would be refused by its column rather than wrap.
pub(crate) fn integer(count: impl Into<u64>) -> Value {
    i64::try_from(count.into()).map_or(Value::Null, Value::Integer)
}

pub(crate) fn optional(count: Option<impl Into<u64>>) -> Value {
    count.map_or(Value::Null, integer)
}

pub(crate) fn text(shown: Option<impl ToString>) -> Value {
    shown.map_or(Value::Null, |shown| Value::Text(shown.to_string()))
}

pub(crate) fn time(at: Timestamp) -> Value {
    Value::Integer(at.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn writing_a_batch_makes_no_table_in_memory() {
        let ledger = schema::in_memory().unwrap();
        for statement in [INSERT, CONCLUDE] {
            let mut program = ledger.sqlite().prepare(&format!("EXPLAIN {statement}")).unwrap();
            // With its triggers' programs.
            let unbound = vec![Value::Null; program.parameter_count()];
            let steps = program
                .query_map(rusqlite::params_from_iter(unbound), |row| {
                    row.get::<_, String>("opcode")
                })
                .unwrap();
            let steps = steps.collect::<Result<Vec<_>, _>>().unwrap();
            assert!(steps.len() > 100 && steps.iter().any(|step| step == "Program"));
            assert!(
                !steps.iter().any(|step| step == "OpenEphemeral"),
                "{statement}: {steps:?}"
            );
        }
    }
}
