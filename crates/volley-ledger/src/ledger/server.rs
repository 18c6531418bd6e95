//! Making a ledger on a server, and taking one into use: the schema `volley` of a PostgreSQL database.
//!
//! Several processes may come at once: whoever makes the schema holds an advisory lock. There is one format so far, and any other is
//! refused.
//! Not here: what keeps the runs of several processes apart.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Hold, Ledger, Opening, Terms};
use crate::database::{Connection, OptionalExtension as _, params};
use crate::place::Place;
use crate::postgres::{Address, Hurry, Patience, Session, Use};
use crate::schema::VERSION;
use crate::{Absent, LedgerError, Occupant, campaign, list_campaigns, schedule};

pub(crate) const SCHEMA: &str = include_str!("../postgres/schema.sql");
/// "VLLY", as SQLite's files are marked: the advisory lock of whoever makes a ledger.
const LOCK: i64 = 0x564c_4c59;
const STEP: &str = "opening the ledger";

/// What is found where a ledger should be.
enum Found {
    Nothing,
    /// A schema of that name that is not ours.
    Other,
    Ledger,
}

/// See [`Ledger::init`].
pub(super) fn init(path: &Path, now: Timestamp) -> Result<(), LedgerError> {
    let ledger = open(path, Opening::MakeIfMissing, now)?;
    if ledger.made {
        return Ok(());
    }
    Err(LedgerError::Exists {
        path: ledger.place.ledger,
        occupant: Occupant::Ledger,
    })
}

/// See [`Ledger::open`].
pub(super) fn open(path: &Path, opening: Opening, now: Timestamp) -> Result<Ledger, LedgerError> {
    let hurry = Hurry::default();
    let (address, connection, place) = connect(path, Use::Write, Patience::to_begin(hurry.clone()))?;
    let mut made = false;
    if let Err(missing) = check(&connection, &place) {
        match (&missing, opening) {
            (LedgerError::Missing { .. }, Opening::MakeIfMissing) => made = make(&connection, &place, now)?,
            _ => return Err(missing),
        }
        check(&connection, &place)?;
    }
    // As of a file: what must not be taken for something else is held against its checksums before a run may trust it.
    campaign::check_rows(&connection, &place.ledger)?;
    schedule::check_rows(&connection, &place.ledger)?;
    list_campaigns::check_rows(&connection, &place.ledger)?;
    Ok(Ledger {
        connection,
        place,
        hold: Hold::Among(address),
        terms: Terms::default(),
        common: None,
        committed: Arc::default(),
        hurry,
        made,
    })
}

/// See [`Reader::open`](crate::Reader::open).
pub(crate) fn look(path: &Path) -> Result<(Connection, Place), LedgerError> {
    let (_, connection, place) = connect(path, Use::Read, Patience::endless())?;
    check(&connection, &place)?;
    Ok((connection, place))
}

/// A server's ledger has no lock file that it could disagree with.
pub(super) fn nothing_to_adopt() -> LedgerError {
    LedgerError::Address {
        detail: "a ledger on a server is where its address says, and has nothing to adopt; after a restore from a backup, \
                 hold its last tickets against the provider's before you send"
            .to_owned(),
    }
}

fn connect(path: &Path, use_: Use, patience: Patience) -> Result<(Address, Connection, Place), LedgerError> {
    let address = Address::parse(path).map_err(|error| LedgerError::Address {
        detail: error.to_string(),
    })?;
    let place = Place::on_server(&address.to_string());
    let session = Session::connect(&address, use_, patience);
    let session =
        session.map_err(|error| LedgerError::database(&place.ledger, "connecting", error.into()))?;
    Ok((address, Connection::Postgres(session), place))
}

/// Whether a ledger is there that we can read and write.
fn check(connection: &Connection, place: &Place) -> Result<(), LedgerError> {
    let path = &place.ledger;
    let failed = |error| LedgerError::database(path, STEP, error);
    match find(connection).map_err(failed)? {
        Found::Nothing => {
            return Err(LedgerError::Missing {
                path: path.clone(),
                absent: Absent::Ledger,
            });
        }
        Found::Other => {
            return Err(LedgerError::Foreign {
                path: path.clone(),
                detail: "its schema volley is not ours".to_owned(),
            });
        }
        Found::Ledger => {}
    }
    let format: Option<u32> = connection
        .query_row("SELECT format FROM ledger", [], |row| row.get(0))
        .optional()
        .map_err(failed)?;
    match format {
        Some(VERSION) => Ok(()),
        Some(found) if found > VERSION => Err(LedgerError::Newer {
            path: path.clone(),
            found,
            known: VERSION,
        }),
        // Server ledgers began with format 4.
        Some(found) => Err(LedgerError::damaged(
            path,
            format!("on a server its format {found} never existed"),
        )),
        None => Err(LedgerError::damaged(path, "its mark is gone")),
    }
}

fn find(connection: &Connection) -> crate::database::Result<Found> {
    let query = "SELECT to_regnamespace('volley') IS NOT NULL, to_regclass('volley.ledger') IS NOT NULL";
    let (schema, ledger) = connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match (schema, ledger) {
        (_, true) => Found::Ledger,
        (true, false) => Found::Other,
        (false, false) => Found::Nothing,
    })
}

/// Makes an empty ledger, all of it or nothing; `false` if another process was quicker.
fn make(connection: &Connection, place: &Place, now: Timestamp) -> Result<bool, LedgerError> {
    let failed = |error| LedgerError::database(&place.ledger, "making the ledger", error);
    let transaction = connection.transaction().map_err(failed)?;
    transaction
        .query_row(
            "SELECT pg_advisory_xact_lock(?1)::text",
            params![LOCK],
            |_| Ok(()),
        )
        .map_err(failed)?;
    if !matches!(find(&transaction).map_err(failed)?, Found::Nothing) {
        return Ok(false);
    }
    transaction
        .execute_batch(&format!("CREATE SCHEMA volley; {SCHEMA}"))
        .map_err(failed)?;
    let mark = "INSERT INTO ledger (one, ledger_id, made_at, format) \
        VALUES (1, replace(gen_random_uuid()::text, '-', ''), ?1, ?2)";
    transaction
        .execute(mark, params![now.as_microsecond(), VERSION])
        .map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(true)
}
