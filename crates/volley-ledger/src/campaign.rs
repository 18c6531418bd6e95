//! Who a campaign is, what may change between its runs, and how a run of it begins.
//!
//! Sources: interface.md, "A campaign that changes".

use std::collections::BTreeMap;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, OptionalExtension as _, Row, params};
use crate::postgres::workers::{self, Common};
use jiff::Timestamp;
use volley_model::BatchState;

use crate::checksum::{self, Columns};
use crate::found_open::{self, Found};
use crate::queries::{self, REACHING};
use crate::{CampaignId, FoundOpen, LedgerError, MessageId, RunId, WordError, moved, schedule};

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
    changes: Vec<Change>,
}

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The campaign.
    pub campaign: CampaignId,
    /// This run.
    pub run: RunId,
    /// This run's wording of the message.
    pub message: MessageId,
    /// Whether anybody was reached before.
    pub begun: bool,
    /// What an earlier run left behind.
    pub found_open: FoundOpen,
    /// Whether an earlier run of the campaign never told its end: requests of its may still be on their way.
    pub unended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
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

struct Stored {
    campaign: CampaignId,
    provider: String,
    account: String,
    host: String,
    closed: bool,
}

/// Holds an identity against the ledger.
pub(crate) fn compare(
    connection: &Connection,
    path: &Path,
    identity: &CampaignIdentity,
    changes: Changes,
) -> Result<Known, LedgerError> {
    let failed = |error| LedgerError::database(path, "looking the campaign up", error);
    let Some(stored) = stored(connection, &identity.name).map_err(failed)? else {
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
        message: message_id(connection, stored.campaign, &hash(&identity.message)).map_err(failed)?,
        begun,
        changes: found,
    })
}

/// Begins a run, inside the caller's transaction.
pub(crate) fn enter(
    connection: &Connection,
    path: &Path,
    identity: &CampaignIdentity,
    changes: Changes,
    common: Option<&Common>,
    now: Timestamp,
) -> Result<Entry, LedgerError> {
    let failed = |error| LedgerError::database(path, "beginning a run", error);
    if connection.postgres().is_some() {
        workers::enter_alone(connection, &identity.name).map_err(failed)?;
    }
    let known = compare(connection, path, identity, changes)?;
    let campaign = write_campaign(connection, identity, known.campaign, now).map_err(failed)?;
    let message = match known.message {
        Some(message) => message,
        None => write_message(connection, campaign, &identity.message).map_err(failed)?,
    };
    if let (Some(_), Some(common)) = (connection.postgres(), common) {
        common.agree(connection, path, campaign, now)?;
    }
    let unended = has_unended(connection, campaign).map_err(failed)?;
    let run = write_run(connection, campaign, message, identity, now).map_err(failed)?;
    write_changes(connection, campaign, run, &known.changes, now).map_err(failed)?;
    let found_open = match connection.postgres() {
        None => conclude_open(connection, path, run, now)?,
        // Others may live, and their intents with them.
        Some(_) => workers::conclude_left_by_dead(connection, path, campaign, run, now)?,
    };
    Ok(Entry {
        campaign,
        run,
        message,
        begun: known.begun,
        found_open,
        unended,
    })
}

fn has_unended(connection: &Connection, campaign: CampaignId) -> database::Result<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM run WHERE campaign = ?1 AND ended_at IS NULL)";
    connection.query_row(query, [campaign], |row| row.get(0))
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

/// The names of all campaigns, oldest first.
pub(crate) fn names(connection: &Connection) -> database::Result<Vec<String>> {
    let mut statement = connection.prepare("SELECT name FROM campaign ORDER BY id")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

fn stored(connection: &Connection, name: &str) -> database::Result<Option<Stored>> {
    let query = "SELECT id, provider, account, host, closed_at IS NOT NULL FROM campaign WHERE name = ?1";
    connection
        .query_row(query, [name], |row| {
            Ok(Stored {
                campaign: row.get(0)?,
                provider: row.get(1)?,
                account: row.get(2)?,
                host: row.get(3)?,
                closed: row.get(4)?,
            })
        })
        .optional()
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
    parts(connection, message).map(Some)
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

/// blake3 of the parts in the order of their keys, each length first.
pub(crate) fn hash(parts: &[(String, String)]) -> [u8; 32] {
    let mut sorted: Vec<_> = parts.iter().collect();
    sorted.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    for text in sorted.iter().flat_map(|(key, value)| [key, value]) {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// The wording with these parts.
pub(crate) fn message(
    connection: &Connection,
    campaign: CampaignId,
    parts: &[(String, String)],
) -> database::Result<Option<MessageId>> {
    message_id(connection, campaign, &hash(parts))
}

fn message_id(
    connection: &Connection,
    campaign: CampaignId,
    hash: &[u8; 32],
) -> database::Result<Option<MessageId>> {
    let query = "SELECT id FROM message WHERE campaign = ?1 AND hash = ?2";
    connection
        .query_row(query, params![campaign, hash], |row| row.get(0))
        .optional()
}

fn write_campaign(
    connection: &Connection,
    identity: &CampaignIdentity,
    known: Option<CampaignId>,
    now: Timestamp,
) -> database::Result<CampaignId> {
    let CampaignIdentity {
        name,
        provider,
        account,
        host,
        ..
    } = identity;
    if let Some(campaign) = known {
        // On a server every batch of those who send it now holds its row: it is written only where it changes.
        let update = "UPDATE campaign SET provider = ?2, account = ?3, host = ?4 \
            WHERE id = ?1 AND (provider <> ?2 OR account <> ?3 OR host <> ?4)";
        return match connection.execute(update, params![campaign, provider, account, host])? {
            0 => Ok(campaign),
            _ => seal(connection, campaign),
        };
    }
    let insert =
        "INSERT INTO campaign (name, provider, account, host, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![name, provider, account, host, now.as_microsecond()];
    seal(connection, CampaignId(connection.insert(insert, values)?))
}

/// Writes the row's checksum: a campaign that is no longer found by its name would begin anew.
pub(crate) fn seal(connection: &Connection, campaign: CampaignId) -> database::Result<CampaignId> {
    let query = format!("SELECT {SEALED} FROM campaign WHERE id = ?1");
    let sum = connection.query_row(&query, [campaign], row_sum)?;
    connection.execute(
        "UPDATE campaign SET sum = ?2 WHERE id = ?1",
        params![campaign, sum],
    )?;
    Ok(campaign)
}

/// The columns of a campaign that its checksum covers.
pub(crate) const SEALED: &str = "id, name, provider, account, host, created_at";

fn row_sum(row: &Row<'_>) -> database::Result<[u8; checksum::BYTES]> {
    let mut columns = Columns::default();
    for column in 0..SEALED.split(',').count() {
        columns.push(row.get_ref(column)?);
    }
    Ok(columns.finish())
}

/// Holds every campaign and every wording against its checksum.
pub(crate) fn check_rows(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::database(path, "checking the campaigns", error);
    let query = format!("SELECT {SEALED}, sum FROM campaign NOT INDEXED");
    let mut statement = connection.prepare(&query).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let stored: Vec<u8> = row.get("sum").map_err(failed)?;
        if stored != row_sum(&row).map_err(failed)? {
            let id: i64 = row.get(0).map_err(failed)?;
            return Err(LedgerError::damaged(
                path,
                format!("campaign {id}: its checksum fails"),
            ));
        }
    }
    check_messages(connection, path)
}

fn check_messages(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::database(path, "checking the messages", error);
    let mut messages = connection
        .prepare("SELECT id, hash FROM message NOT INDEXED")
        .map_err(failed)?;
    let messages = messages
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    for message in messages {
        let (id, stored): (MessageId, [u8; 32]) = message.map_err(failed)?;
        let parts: Vec<(String, String)> = parts(connection, id).map_err(failed)?;
        if hash(&parts) != stored {
            return Err(LedgerError::damaged(
                path,
                format!("message {}: its hash does not fit its parts", id.0),
            ));
        }
    }
    Ok(())
}

/// The parts of a wording.
pub(crate) fn parts<C: FromIterator<(String, String)>>(
    connection: &Connection,
    message: MessageId,
) -> database::Result<C> {
    let mut statement =
        connection.prepare("SELECT key, value FROM message_part WHERE message = ?1 ORDER BY key")?;
    statement
        .query_map([message], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn write_message(
    connection: &Connection,
    campaign: CampaignId,
    parts: &[(String, String)],
) -> database::Result<MessageId> {
    let insert = "INSERT INTO message (campaign, hash) VALUES (?1, ?2)";
    let message = MessageId(connection.insert(insert, params![campaign, hash(parts)])?);
    for (key, value) in parts {
        let insert = "INSERT INTO message_part (message, key, value) VALUES (?1, ?2, ?3)";
        connection.execute(insert, params![message, key, value])?;
    }
    Ok(message)
}

fn write_run(
    connection: &Connection,
    campaign: CampaignId,
    message: MessageId,
    identity: &CampaignIdentity,
    now: Timestamp,
) -> database::Result<RunId> {
    let started_at = now.as_microsecond();
    let run = if let Some(session) = connection.postgres() {
        let insert = "INSERT INTO run (campaign, message, simulated, started_at, last_at, worker, silence, beat_at) \
            VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, server_time())";
        let silence = i64::try_from(session.silence().as_micros()).unwrap_or(i64::MAX);
        let values = params![
            campaign,
            message,
            identity.simulated,
            started_at,
            worker(),
            silence
        ];
        connection.insert(insert, values)?
    } else {
        let insert = "INSERT INTO run (campaign, message, simulated, started_at) VALUES (?1, ?2, ?3, ?4)";
        connection.insert(insert, params![campaign, message, identity.simulated, started_at])?
    };
    let run = RunId(run);
    if let Some(send_at) = identity.send_at {
        schedule::write(connection, run, send_at)?;
    }
    if connection.postgres().is_none() {
        connection.execute("UPDATE ledger SET latest_run = ?1", [run])?;
    }
    Ok(run)
}

/// This process, for whoever wonders which one a run is.
fn worker() -> String {
    let node = rustix::system::uname();
    format!("{}:{}", node.nodename().to_string_lossy(), std::process::id())
}

fn write_changes(
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

/// In a file a run is alone: what is intended by then, no run is working on any more.
fn conclude_open(
    connection: &Connection,
    path: &Path,
    run: RunId,
    now: Timestamp,
) -> Result<FoundOpen, LedgerError> {
    let mut open = Vec::new();
    queries::each_open(connection, path, &mut |batch| {
        if batch.state == BatchState::Intended {
            open.push(batch);
        }
    })?;
    let found = Found {
        reason: &format!("found open by run {run}"),
        by: Some(run),
        at: now,
    };
    found_open::conclude(connection, path, open, &found)
}
