//! Who a campaign is: what it is known by, and by which name it is found.
//!
//! Its [`row`] and the [`wording`]s of its message are kept under checksums; what of them may be otherwise in another run is for
//! [`changes`] to say, and how a run begins for [`entry`].

mod changes;
mod entry;
mod row;
mod wording;

use std::path::Path;

use jiff::Timestamp;

use crate::database::{self, Connection, OptionalExtension as _};
use crate::{CampaignId, LedgerError, WordError};

pub use changes::{Changes, Known};
pub(crate) use changes::{compare, whereabouts};
pub use entry::Entry;
pub(crate) use entry::enter;
pub(crate) use row::{SEALED, seal};
pub(crate) use wording::{hash, message, parts};

/// What a campaign is known by, and what its recipients get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CampaignIdentity {
    /// Its name.
    pub name: String,
    /// The provider.
    pub provider: String,
    /// The account there; a login, or a hash of one. Never a secret.
    pub account: String,
    /// The provider's host, without its port.
    pub host: String,
    /// What the recipients get: key and value of each part, in any order.
    pub message: Vec<(String, String)>,
    /// Whether this run is one in simulation mode.
    pub simulated: bool,
    /// When this run's batches are to go out; `None`: at once. May differ from run to run.
    pub send_at: Option<Timestamp>,
}

/// The id of the campaign with that name.
pub(crate) fn find(connection: &Connection, name: &str) -> database::Result<Option<CampaignId>> {
    connection
        .query_row("SELECT id FROM campaign WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
}

/// What is told of a name that no campaign has.
pub(crate) fn unknown(connection: &Connection, path: &Path, name: &str) -> Result<WordError, LedgerError> {
    let known =
        names(connection).map_err(|error| LedgerError::database(path, "looking the campaign up", error))?;
    Ok(WordError::NoCampaign {
        path: path.to_owned(),
        name: name.to_owned(),
        known: known.join(", "),
    })
}

/// A campaign's name.
pub(crate) fn name(connection: &Connection, campaign: CampaignId) -> database::Result<String> {
    connection.query_row("SELECT name FROM campaign WHERE id = ?1", [campaign], |row| {
        row.get(0)
    })
}

/// The names of all campaigns, oldest first.
pub(crate) fn names(connection: &Connection) -> database::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM campaign ORDER BY id")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Holds every campaign and every wording against its checksum.
pub(crate) fn check_rows(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    row::check(connection, path)?;
    wording::check(connection, path)
}
