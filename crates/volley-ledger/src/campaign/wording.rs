//! The wordings of a campaign's message: each is known by the hash of its parts.
//!
//! Not here: whether a campaign may have another one ([`changes`](super::changes)).

use std::path::Path;

use crate::database::{self, Connection, OptionalExtension as _, params};
use crate::{CampaignId, LedgerError, MessageId};

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
    by_hash(connection, campaign, &hash(parts))
}

pub(super) fn by_hash(
    connection: &Connection,
    campaign: CampaignId,
    hash: &[u8; 32],
) -> database::Result<Option<MessageId>> {
    let query = "SELECT id FROM message WHERE campaign = ?1 AND hash = ?2";
    connection
        .query_row(query, params![campaign, hash], |row| row.get(0))
        .optional()
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

pub(super) fn write(
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

/// Holds every wording against its hash.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), LedgerError> {
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
