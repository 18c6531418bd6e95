//! What may change between the runs of a campaign: with whom it is while nobody was reached, the message where that is accepted.
//! What did change is recorded with the run that it changed for.
//!
//! Sources: interface.md, "A campaign that changes".

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;

use super::row::{self, Stored};
use super::{CampaignIdentity, wording};
use crate::database::{self, Connection, OptionalExtension as _, params};
use crate::queries::REACHING;
use crate::{CampaignId, LedgerError, MessageId, RunId, moved};

/// Whether recipients of one campaign may get different messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changes {
    /// No, once one was reached.
    Refuse,
    /// Yes, and that is recorded.
    Accept,
}

/// What the ledger knows of a campaign before a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Its id; `None` for one that was never run.
    pub campaign: Option<CampaignId>,
    /// This wording of its message; `None` for a new one.
    pub message: Option<MessageId>,
    /// Whether anybody was reached.
    pub begun: bool,
    pub(super) changes: Vec<Change>,
}

/// A part that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    key: String,
    was: Option<String>,
    is: Option<String>,
}

/// With whom a run's batches were.
pub(crate) struct Whereabouts {
    pub(crate) provider: String,
    pub(crate) account: String,
    pub(crate) host: String,
}

/// Holds an identity against the ledger.
pub(crate) fn compare(
    connection: &Connection,
    path: &Path,
    identity: &CampaignIdentity,
    changes: Changes,
) -> Result<Known, LedgerError> {
    let failed = |error| LedgerError::database(path, "looking the campaign up", error);
    let Some(stored) = row::stored(connection, &identity.name).map_err(failed)? else {
        return Ok(Known::default());
    };
    if stored.closed {
        return Err(LedgerError::CampaignClosed {
            name: identity.name.clone(),
        });
    }
    if let Some(to) = moved::to(connection, &moved::campaign(&identity.name)).map_err(failed)? {
        return Err(LedgerError::CampaignMoved {
            path: path.to_owned(),
            name: identity.name.clone(),
            to,
        });
    }
    let begun = begun(connection, stored.campaign).map_err(failed)?;
    let mut found = fixed_changes(&stored, identity, begun)?;
    let parts = latest_message(connection, stored.campaign).map_err(failed)?;
    let differing = parts.map_or_else(Vec::new, |parts| message_changes(parts, &identity.message));
    if begun && changes == Changes::Refuse && !differing.is_empty() {
        return Err(LedgerError::MessageChanged {
            keys: differing.into_iter().map(|change| change.key).collect(),
        });
    }
    found.extend(differing);
    Ok(Known {
        campaign: Some(stored.campaign),
        message: wording::by_hash(connection, stored.campaign, &wording::hash(&identity.message))
            .map_err(failed)?,
        begun,
        changes: found,
    })
}

/// Whether the campaign has reached anybody, or may have.
fn begun(connection: &Connection, campaign: CampaignId) -> database::Result<bool> {
    let query =
        format!("SELECT EXISTS (SELECT 1 FROM batch WHERE campaign = ?1 AND simulated = 0 AND {REACHING})");
    connection.query_row(&query, [campaign], |row| row.get(0))
}

fn fixed_changes(
    stored: &Stored,
    identity: &CampaignIdentity,
    begun: bool,
) -> Result<Vec<Change>, LedgerError> {
    let mut changes = Vec::new();
    for (key, was, is) in [
        ("provider", &stored.provider, &identity.provider),
        ("account", &stored.account, &identity.account),
        ("host", &stored.host, &identity.host),
    ] {
        if was == is {
            continue;
        }
        if begun {
            return Err(LedgerError::CampaignFixed {
                key,
                was: was.clone(),
                is: is.clone(),
            });
        }
        changes.push(Change {
            key: key.to_owned(),
            was: Some(was.clone()),
            is: Some(is.clone()),
        });
    }
    Ok(changes)
}

/// The message of the last run that was not simulated: what others may have got.
fn latest_message(
    connection: &Connection,
    campaign: CampaignId,
) -> database::Result<Option<BTreeMap<String, String>>> {
    let query = "SELECT message FROM run WHERE campaign = ?1 AND simulated = 0 ORDER BY id DESC LIMIT 1";
    let message: Option<MessageId> = connection
        .query_row(query, [campaign], |row| row.get(0))
        .optional()?;
    let Some(message) = message else { return Ok(None) };
    wording::parts(connection, message).map(Some)
}

fn message_changes(mut was: BTreeMap<String, String>, is: &[(String, String)]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (key, value) in is {
        let before = was.remove(key);
        if before.as_ref() != Some(value) {
            changes.push(Change {
                key: key.clone(),
                was: before,
                is: Some(value.clone()),
            });
        }
    }
    changes.extend(was.into_iter().map(|(key, value)| Change {
        key,
        was: Some(value),
        is: None,
    }));
    changes
}

/// Records them.
pub(super) fn write(
    connection: &Connection,
    campaign: CampaignId,
    run: RunId,
    changes: &[Change],
    now: Timestamp,
) -> database::Result<()> {
    for Change { key, was, is } in changes {
        let insert = "INSERT INTO campaign_change (campaign, run, at, key, was, becomes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        connection.execute(insert, params![campaign, run, now.as_microsecond(), key, was, is])?;
    }
    Ok(())
}

/// With whom the run's batches were: the campaign's row says with whom it is now, and may have changed while no number
/// was reached. What the first change after that run replaced is what that run had.
pub(crate) fn whereabouts(
    connection: &Connection,
    campaign: CampaignId,
    run: RunId,
) -> database::Result<Whereabouts> {
    let was = |key: &str| {
        format!(
            "coalesce((SELECT was FROM campaign_change WHERE campaign = ?1 AND run > ?2 AND key = '{key}' \
             ORDER BY id LIMIT 1), {key})"
        )
    };
    let [provider, account, host] = ["provider", "account", "host"].map(was);
    let query = format!("SELECT {provider}, {account}, {host} FROM campaign WHERE id = ?1");
    connection
        .prepare_cached(&query)?
        .query_row(params![campaign, run], |row| {
            Ok(Whereabouts {
                provider: row.get(0)?,
                account: row.get(1)?,
                host: row.get(2)?,
            })
        })
}
