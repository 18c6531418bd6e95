//! Short checksums of what is stored: against failing disks and torn files, not against people.

use crate::database::{self};
use crate::database::{Connection, Row};
use rusqlite::types::{FromSql, Value, ValueRef};
use volley_model::{BodyHash, Msisdn};

/// Bytes of a checksum. Eight: one damaged row in 2⁶⁴ goes unnoticed.
pub(crate) const BYTES: usize = 8;

/// The checksum of columns as they are stored: gathered first, since a hash of many small pieces costs twice as much.
#[derive(Default)]
pub(crate) struct Columns(Vec<u8>);

impl Columns {
    /// Takes one column. Its type and length go in too, so that neighbours cannot trade bytes.
    pub(crate) fn push(&mut self, column: ValueRef<'_>) {
        let (kind, bytes): (u8, &[u8]) = match column {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(integer) => {
                self.0.push(1);
                self.0.extend(integer.to_le_bytes());
                return;
            }
            ValueRef::Real(real) => {
                self.0.push(2);
                self.0.extend(real.to_le_bytes());
                return;
            }
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        self.0.push(kind);
        self.0.extend((bytes.len() as u64).to_le_bytes());
        self.0.extend(bytes);
    }

    pub(crate) fn finish(&self) -> [u8; BYTES] {
        shorten(blake3::hash(&self.0))
    }
}

/// The checksum of values about to be stored.
pub(crate) fn of_values<'a>(values: impl IntoIterator<Item = &'a Value>) -> [u8; BYTES] {
    let mut columns = Columns::default();
    for value in values {
        columns.push(value.into());
    }
    columns.finish()
}

/// Whether the columns from `first` on fit their checksum, which is the last one.
pub(crate) fn fits(row: &Row<'_>, first: usize) -> database::Result<bool> {
    let last = row.column_count() - 1;
    let mut columns = Columns::default();
    for column in first..last {
        columns.push(row.get_ref(column)?);
    }
    let stored: Vec<u8> = row.get(last)?;
    Ok(stored == columns.finish())
}

/// The ids of the rows that do not fit their checksum. `query` selects the id, the columns under the checksum, and it.
pub(crate) fn unfit<T: FromSql>(connection: &Connection, query: &str) -> database::Result<Vec<T>> {
    let mut statement = connection.prepare(query)?;
    let mut rows = statement.query([])?;
    let mut unfit = Vec::new();
    while let Some(row) = rows.next()? {
        if !fits(&row, 1)? {
            unfit.push(row.get(0)?);
        }
    }
    Ok(unfit)
}

/// The checksum of bytes that belong to the batch with that request key, and to no other.
pub(crate) fn of_bytes(key: &str, bytes: &[u8]) -> [u8; BYTES] {
    shorten(keyed(key, bytes))
}

/// The same, whole, for a body by its hash: what decides over a body that might be sent again.
pub(crate) fn of_body(key: &str, hash: BodyHash) -> [u8; 32] {
    *keyed(key, &hash.0).as_bytes()
}

fn keyed(key: &str, bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The checksum of a number, as sums of them are made.
pub(crate) fn of_number(number: Msisdn) -> u64 {
    u64::from_le_bytes(shorten(blake3::hash(&number.get().to_le_bytes())))
}

fn shorten(hash: blake3::Hash) -> [u8; BYTES] {
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}
