//! The columns of each kind of row, and their cells.
//!
//! Names are those of the ledger's views. Money and times are text, as everywhere: exact decimals, and RFC 3339.

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use volley_ledger::BatchRecord;
use volley_model::{BatchState, CostSource, Currency, Msisdn};

/// A row: the names of its columns, and as many cells.
pub(super) struct Row<const N: usize> {
    pub(super) columns: &'static [&'static str; N],
    pub(super) cells: [Cell; N],
}

/// What a formula begins with in one spreadsheet or another; full-width signs are taken for the narrow ones.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Count(u64),
    Flag(bool),
    /// Text of our own making: a number, an amount, a time, a name of ours.
    Exact(String),
    /// Text that somebody else had a hand in.
    Foreign(String),
}

pub(super) const TICKETS: [&str; 12] = [
    "campaign",
    "provider",
    "ticket",
    "batch",
    "state",
    "recipients",
    "contacts",
    "dropped",
    "cost",
    "currency",
    "cost_source",
    "concluded",
];

pub(super) const BATCHES: [&str; 23] = [
    "campaign",
    "provider",
    "batch",
    "run",
    "parent",
    "request_key",
    "state",
    "reason",
    "status",
    "code",
    "ticket",
    "recipients",
    "contacts",
    "units",
    "billed_units",
    "reserved",
    "cost",
    "currency",
    "cost_source",
    "simulated",
    "attempts",
    "intended",
    "concluded",
];

pub(super) const RECIPIENTS: [&str; 7] = [
    "campaign",
    "number",
    "state",
    "batch",
    "run",
    "ticket",
    "concluded",
];

pub(super) const REFUSED: [&str; 8] = [
    "campaign",
    "number",
    "batch",
    "run",
    "status",
    "code",
    "reason",
    "concluded",
];

/// The row of a batch that has a ticket.
pub(super) fn ticket(batch: &BatchRecord) -> Option<Row<{ TICKETS.len() }>> {
    let ticket = batch.ticket.as_ref()?;
    let dropped = batch
        .contacts
        .map(|contacts| batch.recipients.saturating_sub(contacts));
    Some(Row {
        columns: &TICKETS,
        cells: [
            foreign(&batch.campaign),
            exact(&batch.provider),
            foreign(ticket),
            id(batch.batch.0),
            exact(batch.state.name()),
            Cell::Count(batch.recipients),
            count(batch.contacts),
            count(dropped),
            optional(batch.cost),
            currency(batch.currency),
            optional(batch.cost_source.map(CostSource::name)),
            time(batch.concluded_at),
        ],
    })
}

pub(super) fn batch(batch: &BatchRecord) -> Row<{ BATCHES.len() }> {
    Row {
        columns: &BATCHES,
        cells: [
            foreign(&batch.campaign),
            exact(&batch.provider),
            id(batch.batch.0),
            id(batch.run.0),
            batch.parent.map_or(Cell::Null, |parent| id(parent.0)),
            exact(&batch.request_key),
            exact(batch.state.name()),
            batch.reason.as_deref().map_or(Cell::Null, foreign),
            count(batch.status),
            count(batch.code),
            batch.ticket.as_deref().map_or(Cell::Null, foreign),
            Cell::Count(batch.recipients),
            count(batch.contacts),
            Cell::Count(batch.units),
            count(batch.billed_units),
            optional(batch.reserved),
            optional(batch.cost),
            currency(batch.currency),
            optional(batch.cost_source.map(CostSource::name)),
            Cell::Flag(batch.simulated),
            Cell::Count(batch.attempts.count),
            time(Some(batch.intended_at)),
            time(batch.concluded_at),
        ],
    }
}

pub(super) fn recipient(number: Msisdn, state: BatchState, batch: &BatchRecord) -> Row<{ RECIPIENTS.len() }> {
    Row {
        columns: &RECIPIENTS,
        cells: [
            foreign(&batch.campaign),
            exact(number.e164()),
            exact(state.name()),
            id(batch.batch.0),
            id(batch.run.0),
            batch.ticket.as_deref().map_or(Cell::Null, foreign),
            time(batch.concluded_at),
        ],
    }
}

pub(super) fn refused(number: Msisdn, batch: &BatchRecord) -> Row<{ REFUSED.len() }> {
    Row {
        columns: &REFUSED,
        cells: [
            foreign(&batch.campaign),
            exact(number.e164()),
            id(batch.batch.0),
            id(batch.run.0),
            count(batch.status),
            count(batch.code),
            batch.reason.as_deref().map_or(Cell::Null, foreign),
            time(batch.concluded_at),
        ],
    }
}

fn foreign(text: &str) -> Cell {
    Cell::Foreign(text.to_owned())
}

fn exact(text: impl Into<String>) -> Cell {
    Cell::Exact(text.into())
}

fn id(id: i64) -> Cell {
    Cell::Count(id.unsigned_abs())
}

fn count(count: Option<impl Into<u64>>) -> Cell {
    count.map_or(Cell::Null, |count| Cell::Count(count.into()))
}

fn optional(shown: Option<impl ToString>) -> Cell {
    shown.map_or(Cell::Null, |shown| Cell::Exact(shown.to_string()))
}

fn time(at: Option<Timestamp>) -> Cell {
    optional(at)
}

fn currency(currency: Currency) -> Cell {
    optional((currency != Currency::NONE).then(|| currency.code().to_owned()))
}

impl Cell {
    /// As a cell of CSV. A foreign text that a spreadsheet would take for a formula has an apostrophe before it.
    ///
    /// Source: OWASP, "CSV Injection". A phone number begins with a plus and is none: `+` and digits are a number there too.
    pub(super) fn in_csv(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Count(count) => count.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Foreign(text) if text.starts_with(FORMULA) => {
                format!("'{text}")
            }
            Self::Exact(text) | Self::Foreign(text) => text.clone(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => out.serialize_none(),
            Self::Count(count) => out.serialize_u64(*count),
            Self::Flag(flag) => out.serialize_bool(*flag),
            Self::Exact(text) | Self::Foreign(text) => out.serialize_str(text),
        }
    }
}

impl<const N: usize> Serialize for Row<N> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(N))?;
        for (column, cell) in self.columns.iter().zip(&self.cells) {
            map.serialize_entry(column, cell)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_none_in_a_spreadsheet_and_numbers_stay_as_they_are() {
        for text in ["=1+1", "+cmd", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"] {
            assert_eq!(foreign(text).in_csv(), format!("'{text}"));
        }
        for text in ["", "bad text", "a=b", "'"] {
            assert_eq!(foreign(text).in_csv(), text);
        }
        assert_eq!(exact("+33612345678").in_csv(), "+33612345678");
        assert_eq!(
            (Cell::Null.in_csv(), Cell::Flag(true).in_csv()),
            (String::new(), "true".to_owned())
        );
    }
}
