//! The operator's word on a batch whose outcome cannot be known, whose ticket is missing, or whose cancellation nobody
//! confirmed: checked, recorded for good, and followed.
//!
//! Sources: docs/guarantee.md, "States of a batch" and "Money".

use std::fmt;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, OptionalExtension as _, params};
use crate::postgres::workers;
use rusqlite::types::Value;
use volley_model::{Amount, BatchState, CostSource};

use crate::rows::{self, BatchRow, Concluded, Cost};
use crate::{BatchId, Ledger, LedgerError, Signature, WordError, campaign, checksum, queries, withdraw};

/// What the operator says of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// It was sent: its numbers count as reached. Without a cost its reservation stands for it.
    Sent(Option<Receipt>),
    /// It was not sent: its numbers are free again, and so is its reservation.
    NotSent,
    /// Nobody will ever know: its numbers count as reached, its reservation as spent.
    Abandon,
    /// It was accepted, and cancelled before it went out, though the confirmation was lost: its numbers are free again.
    /// Ticket and cost stay, as [`withdraw`](Ledger::withdraw) leaves them.
    Withdrawn,
}

/// What the provider told the operator of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's id of it.
    pub ticket: String,
    /// What it cost, in the batch's currency.
    pub cost: Option<Amount>,
}

/// What a word did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The batch's campaign.
    pub campaign: String,
    /// Its state before.
    pub was: BatchState,
    /// Its state now.
    pub state: BatchState,
    /// Its numbers.
    pub recipients: u64,
}

const RECORD: &str = "INSERT INTO resolution (batch, at, who, why, was, becomes, ticket, cost, currency, sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
/// The columns under a resolution's checksum, in their order, and the checksum.
pub(crate) const SUMMED: &str = "batch, at, who, why, was, becomes, ticket, cost, currency, sum";

impl Ledger {
    /// Takes the operator's word on a batch: on one in doubt, or found open, whether it was sent; on an unticketed one a
    /// receipt with ticket and cost; on an accepted one that it was withdrawn. Its body's slot is free from then on.
    ///
    /// # Errors
    /// [`WordError`]; nothing was changed then.
    pub fn resolve(
        &mut self,
        batch: BatchId,
        word: &Word,
        signature: &Signature,
    ) -> Result<Resolved, WordError> {
        signature.check()?;
        self.transact(
            "recording the operator's word",
            signature.at,
            |connection, place| resolve(connection, &place.ledger, batch, word, signature),
        )
    }
}

impl Signature {
    pub(crate) fn check(&self) -> Result<(), WordError> {
        if self.why.trim().is_empty() {
            return Err(WordError::NoReason);
        }
        Ok(())
    }
}

/// Follows the word on one batch, inside the caller's transaction.
pub(crate) fn resolve(
    connection: &Connection,
    path: &Path,
    batch: BatchId,
    word: &Word,
    signature: &Signature,
) -> Result<Resolved, WordError> {
    let failed = |error| LedgerError::database(path, "recording the operator's word", error);
    let row = queries::batch(connection, path, batch)?.ok_or_else(|| WordError::NoBatch {
        path: path.to_owned(),
        batch,
    })?;
    workers::refuse_living(connection, path, row.campaign, signature.at)?;
    let state = follow(&row, word)?;
    if let Word::Sent(Some(receipt)) = word {
        refuse_taken(connection, path, &row, &receipt.ticket)?;
    }
    record(connection, &row, state, word, signature).map_err(failed)?;
    if row.state == BatchState::Intended {
        // A killed run left it: no run has found it open yet, so the operator does.
        let mut found = Concluded::bare(BatchState::InDoubt, &row.open(), signature.at, None);
        found.reason = Some("found open by the operator".to_owned());
        found.doubt_since = Some(signature.at);
        rows::conclude(connection, batch, &found).map_err(failed)?;
    }
    rows::conclude(connection, batch, &concluded(&row, state, word, signature)).map_err(failed)?;
    Ok(Resolved {
        campaign: campaign::name(connection, row.campaign).map_err(failed)?,
        was: row.state,
        state,
        recipients: row.member_count,
    })
}

/// The state that a word leads to, if the guarantee draws it.
fn follow(row: &BatchRow, word: &Word) -> Result<BatchState, WordError> {
    let settled = || WordError::Settled {
        batch: row.id,
        state: row.state,
    };
    match (row.state, word) {
        // Nobody was reached, and the next run says so by itself.
        _ if row.simulated => Err(settled()),
        (BatchState::Accepted, Word::Withdrawn) => Ok(BatchState::Withdrawn),
        (_, Word::Withdrawn) => Err(settled()),
        (BatchState::Intended | BatchState::InDoubt, Word::Sent(_)) => Ok(BatchState::DeclaredSent),
        (BatchState::Intended | BatchState::InDoubt, Word::NotSent) => Ok(BatchState::DeclaredNotSent),
        (BatchState::Intended | BatchState::InDoubt, Word::Abandon) => Ok(BatchState::Abandoned),
        (BatchState::Unticketed, Word::Sent(Some(Receipt { cost: Some(_), .. }))) => Ok(BatchState::Accepted),
        (BatchState::Unticketed, _) => Err(WordError::ReceiptNeeded { batch: row.id }),
        _ => Err(settled()),
    }
}

/// One ticket for two batches is a slip of the pen, or an alarm; in neither case is it booked.
fn refuse_taken(connection: &Connection, path: &Path, row: &BatchRow, ticket: &str) -> Result<(), WordError> {
    let query =
        "SELECT id FROM batch WHERE campaign = ?1 AND ticket = ?2 AND state <> 'simulated' AND id <> ?3";
    let holder = connection
        .query_row(query, params![row.campaign, ticket, row.id], |row| row.get(0))
        .optional()
        .map_err(|error| LedgerError::database(path, "looking the ticket up", error))?;
    match holder {
        None => Ok(()),
        Some(holder) => Err(WordError::TicketTaken {
            ticket: ticket.to_owned(),
            holder,
        }),
    }
}

fn record(
    connection: &Connection,
    row: &BatchRow,
    becomes: BatchState,
    word: &Word,
    signature: &Signature,
) -> database::Result<()> {
    let receipt = match word {
        Word::Sent(receipt) => receipt.as_ref(),
        Word::NotSent | Word::Abandon | Word::Withdrawn => None,
    };
    let text = |text: &str| Value::Text(text.to_owned());
    let cost = receipt.and_then(|receipt| receipt.cost);
    let mut values = vec![
        row.id.into(),
        Value::Integer(signature.at.as_microsecond()),
        text(&signature.who),
        text(&signature.why),
        text(row.state.name()),
        text(becomes.name()),
        receipt.map_or(Value::Null, |receipt| text(&receipt.ticket)),
        cost.map_or(Value::Null, |cost| Value::Text(cost.to_string())),
        text(row.currency.code()),
    ];
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    connection.execute(RECORD, values).map(drop)
}

fn concluded(row: &BatchRow, state: BatchState, word: &Word, signature: &Signature) -> Concluded {
    if state == BatchState::Withdrawn {
        return withdraw::concluded(row, signature.at);
    }
    let mut concluded = Concluded::bare(state, &row.open(), signature.at, None);
    if row.is_open() {
        concluded.doubt_since = row.doubt_since.or(Some(signature.at));
    }
    // Why it was in doubt; why the operator says so stands in the record.
    concluded.reason.clone_from(&row.reason);
    if let Word::Sent(Some(Receipt { ticket, cost })) = word {
        concluded.ticket = Some(ticket.clone());
        concluded.cost = cost.map(|amount| Cost {
            amount,
            currency: row.currency,
            source: CostSource::Operator,
        });
    }
    concluded
}

impl fmt::Display for Word {
    /// As it is typed.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Sent(_) => "--sent",
            Self::NotSent => "--not-sent",
            Self::Abandon => "--abandon",
            Self::Withdrawn => "--withdrawn",
        })
    }
}
