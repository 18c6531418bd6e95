//! Rows as they are copied: values in the order of their columns, ids exchanged for the target's, checksums made anew.

use std::collections::HashMap;

use rusqlite::types::Value;

use super::Way;
use crate::database::{self, Connection, Row};
use crate::{LedgerError, checksum};

pub(super) const READING: &str = "reading what is to be copied";
pub(super) const WRITING: &str = "writing the copy";

/// The target's ids by the source's.
#[derive(Debug, Default)]
pub(super) struct Ids(HashMap<i64, i64>);

impl Ids {
    pub(super) fn insert(&mut self, old: &Value, new: i64) {
        if let Value::Integer(old) = old {
            self.0.insert(*old, new);
        }
    }

    /// The target's id in the place of the source's; null stays null. `false` for a row that was not copied.
    #[must_use]
    pub(super) fn exchange(&self, id: &mut Value) -> bool {
        if let Value::Integer(old) = id {
            let Some(new) = self.0.get(old) else { return false };
            *id = Value::Integer(*new);
        }
        true
    }
}

/// All columns of a row.
pub(super) fn values(row: &Row<'_>) -> database::Result<Vec<Value>> {
    (0..row.column_count()).map(|column| row.get(column)).collect()
}

impl Way<'_> {
    /// The rows of the source that belong to that id, all of them: behind them more is asked over the same connection.
    pub(super) fn rows(&self, query: &str, id: &Value) -> Result<Vec<Vec<Value>>, LedgerError> {
        let read = || -> database::Result<_> {
            let mut statement = self.from.prepare_cached(query)?;
            statement.query_map(vec![id.clone()], values)?.collect()
        };
        read().map_err(|error| self.unread(error))
    }

    /// The same of rows whose last column is the checksum of those before it, which is checked and taken off.
    pub(super) fn summed_rows(
        &self,
        table: &str,
        columns: &str,
        condition: &str,
        id: &Value,
    ) -> Result<Vec<Vec<Value>>, LedgerError> {
        let mut rows = self.rows(&format!("SELECT {columns} FROM {table} WHERE {condition}"), id)?;
        for row in &mut rows {
            let sum = row.pop();
            if sum != Some(Value::Blob(checksum::of_values(&*row).to_vec())) {
                let detail = format!("a row of table {table} fails its checksum");
                return Err(LedgerError::damaged(&self.from_place.ledger, detail));
            }
        }
        Ok(rows)
    }

    /// Writes a row into the target.
    pub(super) fn write(&self, table: &str, columns: &str, row: Vec<Value>) -> Result<(), LedgerError> {
        let written = self.to.prepare_cached(&insert(table, columns));
        written
            .and_then(|mut statement| statement.execute(row).map(drop))
            .map_err(|error| self.unwritten(error))
    }

    /// Writes a row into the target that gets an id there.
    pub(super) fn write_with_id(
        &self,
        table: &str,
        columns: &str,
        row: Vec<Value>,
    ) -> Result<i64, LedgerError> {
        let written = self.to.insert(&insert(table, columns), row);
        written.map_err(|error| self.unwritten(error))
    }

    /// Writes a row with the checksum of its values behind them.
    pub(super) fn write_summed(
        &self,
        table: &str,
        columns: &str,
        mut row: Vec<Value>,
    ) -> Result<(), LedgerError> {
        row.push(Value::Blob(checksum::of_values(&row).to_vec()));
        self.write(table, columns, row)
    }

    /// Exchanges an id, which must have been copied.
    pub(super) fn exchange(&self, ids: &Ids, id: &mut Value) -> Result<(), LedgerError> {
        if ids.exchange(id) {
            return Ok(());
        }
        let detail = format!("a row refers to {id:?}, which its campaign does not have");
        Err(LedgerError::damaged(&self.from_place.ledger, detail))
    }

    /// Whether the source is on a server, and has what only servers have.
    pub(super) fn is_from_server(&self) -> bool {
        let connection: &Connection = self.from;
        connection.postgres().is_some()
    }
}

fn insert(table: &str, columns: &str) -> String {
    let places: Vec<String> = (1..=columns.split(',').count())
        .map(|at| format!("?{at}"))
        .collect();
    format!("INSERT INTO {table} ({columns}) VALUES ({})", places.join(", "))
}
