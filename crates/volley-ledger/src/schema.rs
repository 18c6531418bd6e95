//! The database file: its marks, its tables, and how a connection to it is set up.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use crate::database::Connection;
use crate::database::{self};
use jiff::Timestamp;
use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;

use crate::place::{self, Place};
use crate::{LedgerError, bodies, campaign, list_campaigns, lock, schedule, upgrade};

/// "VLLY": what `file(1)` and we know a ledger by.
const APPLICATION_ID: u32 = 0x564c_4c59;
/// The number of the format of `schema.sql`.
pub(crate) const VERSION: u32 = 4;
const SCHEMA: &str = include_str!("schema.sql");

/// The formats that are understood. An older one is read as it is, and brought on before it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Format {
    /// Number 1: without schedules, lookups, later prices and list campaigns.
    First,
    /// Number 2: the same tables and rules, some of them in slower words.
    Second,
    /// Number 3: without a list of suppressed numbers and the limits of runs.
    Third,
    /// That of `schema.sql`.
    Current,
}

/// How long a statement waits for another SQLite tool that holds the database.
const BUSY_PATIENCE: Duration = Duration::from_secs(5);
/// Statements kept prepared.
const STATEMENTS_MAX: usize = 32;

/// Looks at the file's own marks, before SQLite touches it. What has none of ours is foreign; or damaged, where the files
/// beside it remember that it was a ledger: to go on with another file would be to send to everybody again.
///
/// Source: the SQLite file format, 1.3: magic, user version at 60, application id at 68, big-endian.
pub(crate) fn check_marks(place: &Place) -> Result<(), LedgerError> {
    let path = place.ledger.as_path();
    let foreign = |detail: &str| match remembered_by(place) {
        None => LedgerError::Foreign {
            path: path.to_owned(),
            detail: detail.to_owned(),
        },
        Some(beside) => {
            let beside = beside.display();
            LedgerError::damaged(
                path,
                format!("it is {detail}, and was a ledger, as {beside} shows"),
            )
        }
    };
    let failed = |error| LedgerError::file(path, "reading the ledger", error);
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(foreign("not a file"));
    }
    let mut header = [0; 100];
    match file.read_exact_at(&mut header, 0) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(foreign("too short")),
        Err(error) => return Err(failed(error)),
    }
    let mark = |at: usize| {
        header[at..]
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes))
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(foreign("not a SQLite file"));
    }
    if mark(68) != APPLICATION_ID {
        return Err(foreign("a SQLite file of another program"));
    }
    Format::numbered(mark(60), path).map(drop)
}

/// The format of the ledger as it stands. The file's own mark does not tell: it lags behind the log.
pub(crate) fn format(connection: &Connection, path: &Path) -> Result<Format, LedgerError> {
    if connection.postgres().is_some() {
        // Whoever opened it saw to that.
        return Ok(Format::Current);
    }
    let number = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(|error| LedgerError::database(path, "reading the ledger's format", error))?;
    Format::numbered(number, path)
}

impl Format {
    fn numbered(number: u32, path: &Path) -> Result<Self, LedgerError> {
        match number {
            0 => Err(LedgerError::damaged(path, "its format 0 never existed")),
            1 => Ok(Self::First),
            2 => Ok(Self::Second),
            3 => Ok(Self::Third),
            VERSION => Ok(Self::Current),
            found => Err(LedgerError::Newer {
                path: path.to_owned(),
                found,
                known: VERSION,
            }),
        }
    }
}

/// The file beside it that only a ledger has.
fn remembered_by(place: &Place) -> Option<&Path> {
    if lock::recall(place).is_ok_and(|memory| memory.is_some()) {
        return Some(&place.lock);
    }
    bodies::has_mark(place).then_some(place.bodies.as_path())
}

/// Makes an empty ledger under its draft name, all of it durable.
pub(crate) fn make_draft(place: &Place, now: Timestamp) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::file(&place.draft, "making the ledger", error);
    // What a crash while making left of an earlier draft.
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let mut path = place.draft.clone().into_os_string();
        path.push(suffix);
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    place::open_private(&place.draft, true).map_err(failed)?;
    let step = "making the ledger";
    let connection = connect(&place.draft, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let now = now.as_microsecond();
    connection
        .execute_batch(&format!(
            "PRAGMA journal_mode = DELETE;
             BEGIN;
             PRAGMA application_id = {APPLICATION_ID};
             PRAGMA user_version = {VERSION};
             {SCHEMA}
             INSERT INTO ledger VALUES (1, lower(hex(randomblob(16))), {now}, 0, 0, {now});
             COMMIT;
             PRAGMA journal_mode = WAL;"
        ))
        .map_err(|error| LedgerError::database(&place.draft, step, error))?;
    connection
        .close()
        .map_err(|error| LedgerError::database(&place.draft, step, error))?;
    File::open(&place.draft)
        .and_then(|file| file.sync_all())
        .map_err(failed)
}

/// The one connection that writes. It moves its log into the main file only when told to, by [`checkpoint`].
pub(crate) fn connect_to_write(path: &Path) -> Result<Connection, LedgerError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;")
        .map_err(|error| LedgerError::database(path, "opening the ledger", error))?;
    Ok(connection)
}

/// Moves the log into the main file, as far as readers let it.
///
/// SQLite's own way of doing so after a commit swallows errors: a sync that failed once would be taken for one that
/// succeeded the next time, and the log thrown away.
pub(crate) fn checkpoint(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(|error| LedgerError::database(path, "moving the log into the ledger", error))
}

/// A connection that only looks, while another may write.
pub(crate) fn connect_to_read(path: &Path) -> Result<Connection, LedgerError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, access: OpenFlags) -> Result<Connection, LedgerError> {
    let connected = connected(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
    connected
        .map(Connection::Sqlite)
        .map_err(|error| LedgerError::database(path, "opening the ledger", error.into()))
}

fn connected(path: &Path, flags: OpenFlags) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // Else a statement is prepared anew each time that a value is bound which could change its plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16384;",
    )?;
    Ok(connection)
}

/// An empty ledger in memory, to hold a schema against.
pub(crate) fn in_memory() -> database::Result<Connection> {
    let connection = Connection::Sqlite(rusqlite::Connection::open_in_memory()?);
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

/// Looks for damage in the structure of the file: its pages, its indexes against its tables, and its rules against those
/// it was made with. Rows have checksums of their own, checked when they are read.
///
/// Not `quick_check`: that one takes indexes on trust, and a batch or a campaign that an index no longer finds would be
/// sent again. The members have no index, so the comparison costs little (20,000 batches for 10 million numbers).
pub(crate) fn check_structure(connection: &Connection, path: &Path) -> Result<Format, LedgerError> {
    let failed = |error| LedgerError::database(path, "checking the ledger", error);
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(failed)?;
    if verdict != "ok" {
        return Err(LedgerError::damaged(path, verdict));
    }
    let found = objects(connection).map_err(failed)?;
    let made = in_memory().and_then(|made| objects(&made)).map_err(failed)?;
    let format = format(connection, path)?;
    if let Some(of) = misshapen(format, &found, &made) {
        let detail = format!("the schema{of} is not as Volley made it");
        return Err(LedgerError::damaged(path, detail));
    }
    campaign::check_rows(connection, path)?;
    if format != Format::First {
        schedule::check_rows(connection, path)?;
        list_campaigns::check_rows(connection, path)?;
    }
    Ok(format)
}

/// What is not as it was made; of an older format it is not known which it is. Further objects are the user's matter, and
/// `verify` tells of them.
fn misshapen(
    format: Format,
    found: &BTreeMap<String, String>,
    made: &BTreeMap<String, String>,
) -> Option<String> {
    match upgrade::hash_of(format) {
        Some(hash) => (!upgrade::is_older(hash, found, made)).then(String::new),
        None => made
            .iter()
            .find(|(name, sql)| found.get(*name) != Some(sql))
            .map(|(name, _)| format!(" of {name}")),
    }
}

/// Tables, indexes, triggers and views, each with the statement that made it. SQLite's own are left out.
pub(crate) fn objects(connection: &Connection) -> database::Result<BTreeMap<String, String>> {
    let query = "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'";
    let mut statement = connection.prepare(query)?;
    statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
