//! One command at a time on the campaigns on lists and tags of a ledger on a server, as the lock is for all in a file: an order is
//! looked up, given and written down, and nobody may look, give the same one or have a word on it in between.
//!
//! The lock is the session's: it goes with the connection, and so with the process.

use std::path::Path;

use crate::database::{self, Connection};
use crate::{Ledger, LedgerError};

const STEP: &str = "looking whether an order is being given";

impl Ledger {
    /// Keeps others from the campaigns on lists and tags until this ledger is closed. The suppression list stays as it is
    /// meanwhile: whom an order would reach is held against it. In a file nobody else is there.
    ///
    /// # Errors
    /// [`Locked`](LedgerError::Locked) while another command is at it; or the server fails.
    pub fn hold_list_campaigns(&self) -> Result<(), LedgerError> {
        take(&self.connection, &self.place.ledger, "pg_try_advisory_lock")
    }
}

/// Goes on if nobody is giving an order, and keeps everybody from it until the transaction ends.
pub(crate) fn refuse_while_held(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    take(connection, path, "pg_try_advisory_xact_lock_shared")
}

fn take(connection: &Connection, path: &Path, lock: &str) -> Result<(), LedgerError> {
    let taken = try_lock(connection, lock).map_err(|error| LedgerError::database(path, STEP, error))?;
    if taken {
        return Ok(());
    }
    Err(LedgerError::Locked {
        path: path.to_owned(),
        pid: None,
    })
}

fn try_lock(connection: &Connection, lock: &str) -> database::Result<bool> {
    if connection.postgres().is_none() {
        return Ok(true);
    }
    let query = format!("SELECT {lock}(hashtext('volley list campaigns'))");
    connection.query_row(&query, [], |row| row.get(0))
}
