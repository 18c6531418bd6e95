//! When a run's batches are to go out. It decides whether a cancelled batch frees its numbers, so that it has a checksum,
//! held wherever it is read, and for all of them when a ledger is opened.

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, OptionalExtension as _, Row, params};
use jiff::Timestamp;
use rusqlite::types::Value;

use crate::rows;
use crate::schema::Format;
use crate::{LedgerError, RunId, checksum};

/// The row of a run, its checksum last.
pub(crate) const COLUMNS: &str = "run, send_at, sum";

/// Writes the time of a run.
pub(crate) fn write(connection: &Connection, run: RunId, send_at: Timestamp) -> database::Result<()> {
    let values = [Value::from(run), rows::time(send_at)];
    let sum = checksum::of_values(&values);
    let [run, send_at] = values;
    connection
        .execute(
            "INSERT INTO schedule (run, send_at, sum) VALUES (?1, ?2, ?3)",
            params![run, send_at, sum],
        )
        .map(drop)
}

/// When the run's batches are to go out; `None`: at once. Format 1 does not say.
pub(crate) fn send_at(
    connection: &Connection,
    path: &Path,
    format: Format,
    run: RunId,
) -> Result<Option<Timestamp>, LedgerError> {
    if format == Format::First {
        return Ok(None);
    }
    let query = format!("SELECT {COLUMNS} FROM schedule WHERE run = ?1");
    let read = || {
        let mut statement = connection.prepare_cached(&query)?;
        let read = |row: &Row<'_>| Ok((checksum::fits(row, 0)?, rows::timestamp(1, row.get(1)?)?));
        statement.query_row([run], read).optional()
    };
    match read().map_err(|error| LedgerError::database(path, "reading when a run goes out", error))? {
        None => Ok(None),
        Some((true, send_at)) => Ok(Some(send_at)),
        Some((false, _)) => Err(changed(path, run)),
    }
}

/// Holds every run's time against its checksum.
pub(crate) fn check_rows(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    match changed_rows(connection, path)?.first() {
        None => Ok(()),
        Some(run) => Err(changed(path, *run)),
    }
}

/// The runs whose times fail their checksums.
pub(crate) fn changed_rows(connection: &Connection, path: &Path) -> Result<Vec<RunId>, LedgerError> {
    let query = format!("SELECT run, {COLUMNS} FROM schedule NOT INDEXED");
    checksum::unfit(connection, &query)
        .map_err(|error| LedgerError::database(path, "checking when runs go out", error))
}

fn changed(path: &Path, run: RunId) -> LedgerError {
    LedgerError::damaged(
        path,
        format!("run {run}: the time it goes out fails its checksum"),
    )
}
