//! Bodies of open batches as rows, compressed: whoever settles a doubt may be on another machine than whoever sent it.
//!
//! Bounds: a body is at most [`BODY_BYTES_MAX`] long; a row is there from the intent to the definite outcome.

use std::path::Path;

use bytes::Bytes;
use rusqlite::types::Type;
use volley_model::{BodyHash, SealedBatch};

use crate::database::{self, Connection, OptionalExtension as _, params};
use crate::rows::BatchRow;
use crate::{BatchId, LedgerError, checksum};

/// Far above any: 5,000 recipients with all of their fields.
const BODY_BYTES_MAX: usize = 16 << 20;
/// The level that costs least: numbers and JSON shrink to a third by it already.
const LEVEL: i32 = 1;

/// Keeps the body of a batch whose intent is being written.
pub(crate) fn write(connection: &Connection, id: BatchId, batch: &SealedBatch) -> database::Result<()> {
    insert(
        connection,
        id,
        &batch.body,
        checksum::of_body(&batch.key.0, batch.sealed_hash),
    )
}

/// The same of a body that was kept elsewhere until now, and is whole.
pub(crate) fn keep(connection: &Connection, id: BatchId, key: &str, body: &[u8]) -> database::Result<()> {
    insert(connection, id, body, checksum::of_body(key, BodyHash::of(body)))
}

fn insert(connection: &Connection, id: BatchId, body: &[u8], sum: [u8; 32]) -> database::Result<()> {
    let insert = "INSERT INTO body (batch, bytes, sum) VALUES (?1, ?2, ?3)";
    let packed = zstd::bulk::compress(body, LEVEL)
        .map_err(|error| database::Error::senseless(1, Type::Blob, error))?;
    connection.prepare_cached(insert)?.post(params![id, packed, sum])
}

/// The body of an open batch; `None` if it is gone, or not what it was.
pub(crate) fn read(
    connection: &Connection,
    path: &Path,
    row: &BatchRow,
) -> Result<Option<Bytes>, LedgerError> {
    let found: Option<(Vec<u8>, Vec<u8>)> = connection
        .query_row("SELECT bytes, sum FROM body WHERE batch = ?1", [row.id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(|error| LedgerError::database(path, "reading a body", error))?;
    let body = found.and_then(|(packed, sum)| {
        let body = zstd::bulk::decompress(&packed, BODY_BYTES_MAX).ok()?;
        let is_whole = checksum::of_body(&row.request_key, BodyHash::of(&body)).as_slice() == sum;
        is_whole.then_some(body)
    });
    Ok(body.map(Bytes::from))
}
