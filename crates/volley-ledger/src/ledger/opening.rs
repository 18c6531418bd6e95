//! Making a ledger, and taking one into use: everything that must be true before a run may trust it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::database::{self};
use crate::database::{Connection, params};
use jiff::Timestamp;

use crate::ledger::{Hold, Terms, server};
use crate::lock::{LockFile, Memory};
use crate::place::Place;
use crate::postgres::{Address, Hurry};
use crate::schema::Format;
use crate::{Ledger, LedgerError, Occupant, Signature, filesystem, rows, schema};

/// What a missing ledger means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A fault: without it, numbers would be sent to twice.
    MustExist,
    /// The first campaign: make one.
    MakeIfMissing,
}

/// The one row of table `ledger`.
pub(crate) struct Marks {
    ledger_id: String,
    commit_number: u64,
}

impl Ledger {
    /// Makes a new, empty ledger.
    ///
    /// # Errors
    /// [`Exists`](LedgerError::Exists) if there is a file, and everything that [`open`](Self::open) reports of places.
    pub fn init(path: &Path, now: Timestamp) -> Result<(), LedgerError> {
        if Address::is_one(path) {
            return server::init(path, now);
        }
        let place = Place::at(path)?;
        if place.has_ledger()? {
            let occupant = match schema::check_marks(&place) {
                Err(LedgerError::Foreign { .. }) => Occupant::Other,
                _ => Occupant::Ledger,
            };
            let path = place.ledger;
            return Err(LedgerError::Exists { path, occupant });
        }
        let ledger = Self::open(path, Opening::MakeIfMissing, now)?;
        if ledger.made {
            return Ok(());
        }
        // Another process was quicker.
        Err(LedgerError::Exists {
            path: place.ledger,
            occupant: Occupant::Ledger,
        })
    }

    /// Opens a ledger, takes its lock, and checks that it is sound and the one that was left here. One of an older format
    /// is brought to the present one.
    ///
    /// # Errors
    /// [`Missing`](LedgerError::Missing), [`Locked`](LedgerError::Locked), [`Foreign`](LedgerError::Foreign),
    /// [`Newer`](LedgerError::Newer), [`Damaged`](LedgerError::Damaged), [`Displaced`](LedgerError::Displaced),
    /// [`NetworkFileSystem`](LedgerError::NetworkFileSystem), [`Storage`](LedgerError::Storage); on a server
    /// [`Server`](LedgerError::Server), [`Unflushed`](LedgerError::Unflushed).
    pub fn open(path: &Path, opening: Opening, now: Timestamp) -> Result<Self, LedgerError> {
        if Address::is_one(path) {
            return server::open(path, opening, now);
        }
        let place = Place::at(path)?;
        filesystem::refuse_network(&place)?;
        if place.has_ledger()? {
            // Before the lock: a foreign file has none, and gets none.
            schema::check_marks(&place)?;
        } else if opening == Opening::MustExist && !place.has_lock()? {
            return Err(place.missing());
        }
        // A ledger has its lock file already; where that is gone, something happened to it.
        let mut lock = LockFile::take(&place, !place.has_ledger()?)?;
        // Asked again under the lock: another process may have made it since.
        let made = !place.has_ledger()?;
        if made {
            refuse_vanished(&place, &lock, opening)?;
            make(&place, now)?;
        }
        schema::check_marks(&place)?;
        let connection = schema::connect_to_write(&place.ledger)?;
        let marks = marks(&connection, &place.ledger)?;
        let memory = lock.memory()?;
        let inode = place.inode()?;
        if let Some(detail) = misfit(memory.as_ref(), &marks, inode) {
            return Err(LedgerError::displaced(&place.ledger, detail));
        }
        let format = schema::check_structure(&connection, &place.ledger)?;
        lock.remember(&marks.memory(inode))?;
        let mut ledger = Self {
            connection,
            place,
            hold: Hold::Alone {
                lock,
                commit_number: marks.commit_number,
            },
            terms: Terms::default(),
            common: None,
            committed: Arc::default(),
            hurry: Hurry::default(),
            made,
        };
        if format != Format::Current {
            ledger.upgrade(now)?;
        }
        Ok(ledger)
    }

    /// Takes a restored or moved ledger for what it is from now on, by the operator's word, which is recorded. What it
    /// does not know of was not sent, as far as Volley is concerned.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for [`Displaced`](LedgerError::Displaced).
    pub fn adopt(path: &Path, signature: &Signature) -> Result<(), LedgerError> {
        if Address::is_one(path) {
            return Err(server::nothing_to_adopt());
        }
        let place = Place::at(path)?;
        filesystem::refuse_network(&place)?;
        if !place.has_ledger()? {
            return Err(place.missing());
        }
        schema::check_marks(&place)?;
        let mut lock = LockFile::take(&place, true)?;
        let connection = schema::connect_to_write(&place.ledger)?;
        schema::check_structure(&connection, &place.ledger)?;
        let mut marks = marks(&connection, &place.ledger)?;
        let inode = place.inode()?;
        let (detail, remembered) = match lock.memory() {
            Ok(memory) => {
                let remembered = memory.as_ref().map_or(0, |memory| memory.commit_number);
                (misfit(memory.as_ref(), &marks, inode), remembered)
            }
            Err(LedgerError::Displaced { detail, .. }) => (Some(detail), 0),
            Err(error) => return Err(error),
        };
        marks.commit_number = marks.commit_number.max(remembered) + 1;
        let detail = detail.as_deref().unwrap_or("nothing");
        write_adoption(&connection, &marks, detail, signature)
            .map_err(|error| LedgerError::database(&place.ledger, "recording the adoption", error))?;
        lock.remember(&marks.memory(inode))?;
        place.sync_folder()
    }
}

impl Marks {
    /// What the lock file is to remember.
    fn memory(&self, inode: u64) -> Memory {
        Memory {
            ledger_id: self.ledger_id.clone(),
            inode,
            commit_number: self.commit_number,
            pid: std::process::id(),
        }
    }
}

fn write_adoption(
    connection: &Connection,
    marks: &Marks,
    detail: &str,
    signature: &Signature,
) -> database::Result<()> {
    let at = signature.at.as_microsecond();
    let transaction = connection.transaction()?;
    let insert = "INSERT INTO adoption (at, who, reason, detail) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(insert, params![at, signature.who, signature.why, detail])?;
    let update = "UPDATE ledger SET commit_number = ?1, last_at = max(last_at, ?2)";
    transaction.execute(update, params![marks.commit_number, at])?;
    transaction.commit()
}

/// There is no ledger. That is fine only where there never was one.
fn refuse_vanished(place: &Place, lock: &LockFile, opening: Opening) -> Result<(), LedgerError> {
    if lock.memory()?.is_some() {
        return Err(LedgerError::displaced(
            &place.ledger,
            "the ledger is gone, and its lock file is here",
        ));
    }
    if let Some(path) = place.leftover()? {
        let detail = format!("the ledger is gone, and {} is here", path.display());
        return Err(LedgerError::displaced(&place.ledger, detail));
    }
    match opening {
        Opening::MakeIfMissing => Ok(()),
        Opening::MustExist => Err(place.clone().missing()),
    }
}

/// Makes the ledger under another name, then gives it its own: a crash leaves none, or a whole one with an empty lock
/// file, which [`misfit`] knows.
fn make(place: &Place, now: Timestamp) -> Result<(), LedgerError> {
    schema::make_draft(place, now)?;
    fs::rename(&place.draft, &place.ledger)
        .map_err(|error| LedgerError::file(&place.ledger, "giving the ledger its name", error))?;
    place.sync_folder()
}

/// What speaks against this being the ledger that the lock file remembers.
pub(crate) fn misfit(memory: Option<&Memory>, marks: &Marks, inode: u64) -> Option<String> {
    let Some(memory) = memory else {
        return (marks.commit_number > 0).then(|| "its lock file is empty".to_owned());
    };
    if memory.ledger_id != marks.ledger_id {
        return Some("another ledger was here before".to_owned());
    }
    if memory.inode != inode {
        return Some("it is a copy of the ledger that was here before".to_owned());
    }
    (marks.commit_number < memory.commit_number).then(|| {
        format!(
            "it was rolled back: it ends with commit {}, and there had been {}",
            marks.commit_number, memory.commit_number
        )
    })
}

pub(crate) fn marks(connection: &Connection, path: &Path) -> Result<Marks, LedgerError> {
    connection
        .query_row("SELECT ledger_id, commit_number FROM ledger", [], |row| {
            Ok(Marks {
                ledger_id: row.get(0)?,
                commit_number: row.get(1)?,
            })
        })
        .map_err(|error| LedgerError::database(path, "reading the ledger's marks", error))
}

pub(super) fn last_at(connection: &Connection, path: &Path) -> Result<Timestamp, LedgerError> {
    let query = match connection.postgres() {
        None => "SELECT last_at FROM ledger",
        Some(_) => "SELECT greatest(made_at, (SELECT max(last_at) FROM run)) FROM ledger",
    };
    connection
        .query_row(query, [], |row| rows::timestamp(0, row.get(0)?))
        .map_err(|error| LedgerError::database(path, "reading the ledger's marks", error))
}
