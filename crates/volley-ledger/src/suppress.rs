//! The list of numbers that are never contacted, whatever the campaign.
//!
//! Every change of it is an operator's word and stays on record. With the last one stands how many numbers the list has, and
//! the sum of their checksums: whoever reads the list adds them up again, so that no number is lost unnoticed.
//! Not here: the files of numbers that a campaign names besides.

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, OptionalExtension as _, Row, params};
use jiff::Timestamp;
use rusqlite::types::Value;
use volley_model::Msisdn;

use crate::list_campaigns::hold;
use crate::postgres::workers;
use crate::schema::{self, Format};
use crate::{Ledger, LedgerError, Signature, checksum, rows};

/// The columns under a change's checksum, in their order, and the checksum.
const COLUMNS: &str = "at, who, why, added, removed, listed, list_sum, sum";
const STEP: &str = "changing the suppression list";
const READING: &str = "reading the suppression list";

/// What a change of the list did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppressed {
    /// The numbers that were not on the list, or were, and now are not.
    pub changed: u64,
    /// The numbers on the list now.
    pub listed: u64,
}

/// How many numbers the list has, and the sum of their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Total {
    listed: u64,
    sum: u64,
}

impl Total {
    fn with(self, number: Msisdn) -> Self {
        Self {
            listed: self.listed + 1,
            sum: self.sum.wrapping_add(checksum::of_number(number)),
        }
    }

    fn without(self, number: Msisdn) -> Self {
        Self {
            listed: self.listed.saturating_sub(1),
            sum: self.sum.wrapping_sub(checksum::of_number(number)),
        }
    }
}

impl Ledger {
    /// Puts numbers on the list; those that are on it stay as they are. All of them, or none.
    ///
    /// # Errors
    /// The ledger cannot be read or written, or the list is damaged.
    pub fn suppress(&mut self, numbers: &[Msisdn], signature: &Signature) -> Result<Suppressed, LedgerError> {
        let at = signature.at.as_microsecond();
        let insert = "INSERT INTO suppressed (number, since) VALUES (?1, ?2) ON CONFLICT (number) DO NOTHING";
        self.change_list(signature, |connection, before| {
            let mut statement = connection.prepare(insert)?;
            let mut total = before;
            for number in numbers {
                if statement.execute(params![number.get(), at])? > 0 {
                    total = total.with(*number);
                }
            }
            Ok(total)
        })
    }

    /// Takes numbers off the list; those that are not on it do not matter. All of them, or none.
    ///
    /// # Errors
    /// As [`suppress`](Self::suppress).
    pub fn unsuppress(
        &mut self,
        numbers: &[Msisdn],
        signature: &Signature,
    ) -> Result<Suppressed, LedgerError> {
        self.change_list(signature, |connection, before| {
            let mut statement = connection.prepare("DELETE FROM suppressed WHERE number = ?1")?;
            let mut total = before;
            for number in numbers {
                if statement.execute([number.get()])? > 0 {
                    total = total.without(*number);
                }
            }
            Ok(total)
        })
    }

    /// All numbers on the list, the lowest first, each with since when.
    ///
    /// # Errors
    /// The ledger cannot be read, or the list is damaged; numbers may have been told by then.
    pub fn suppressed(&self, each: &mut dyn FnMut(Msisdn, Timestamp)) -> Result<(), LedgerError> {
        all(&self.connection, &self.place.ledger, each)
    }

    /// Makes a change, and records it if it changed anything.
    fn change_list(
        &mut self,
        signature: &Signature,
        change: impl FnOnce(&Connection, Total) -> database::Result<Total>,
    ) -> Result<Suppressed, LedgerError> {
        self.transact(STEP, signature.at, |connection, place| {
            let failed = |error| LedgerError::database(&place.ledger, STEP, error);
            alone(connection).map_err(failed)?;
            // Each has read the list when it began, and so has whoever gives an order.
            workers::refuse_any_living(connection, &place.ledger, signature.at)?;
            hold::refuse_while_held(connection, &place.ledger)?;
            let before = total(connection, &place.ledger)?;
            let after = change(connection, before).map_err(failed)?;
            if after != before {
                record(connection, before, after, signature).map_err(failed)?;
            }
            Ok(Suppressed {
                changed: after.listed.abs_diff(before.listed),
                listed: after.listed,
            })
        })
    }
}

/// Lets one at a time change the list of a ledger on a server, until the transaction ends: who changes it adds to what stands
/// with its last change. Nobody begins a run meanwhile.
pub(crate) fn alone(connection: &Connection) -> database::Result<()> {
    if connection.postgres().is_none() {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtext('volley suppression list'))::text";
    workers::wait_for(connection, lock, [])
}

/// Keeps the list of a ledger on a server as it is, until the transaction ends: for whoever reads it to begin a run. Whoever
/// changes it looks for runs, and finds none that has read it and is not there yet.
fn keep(connection: &Connection) -> database::Result<()> {
    if connection.postgres().is_none() {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock_shared(hashtext('volley suppression list'))::text";
    workers::wait_for(connection, lock, [])
}

/// All numbers on the list, which stays as it is until the transaction ends.
pub(crate) fn all_kept(
    connection: &Connection,
    path: &Path,
    each: &mut dyn FnMut(Msisdn, Timestamp),
) -> Result<(), LedgerError> {
    keep(connection).map_err(|error| LedgerError::database(path, READING, error))?;
    all(connection, path, each)
}

/// Puts numbers on the list of a ledger on a server that stand on another's, each with since when; those that are on it stay as
/// they are. Inside the caller's transaction.
pub(crate) fn merge(
    connection: &Connection,
    path: &Path,
    numbers: &[(Msisdn, Timestamp)],
    signature: &Signature,
) -> Result<Suppressed, LedgerError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    alone(connection).map_err(failed)?;
    let before = total(connection, path)?;
    let mut after = before;
    if let Some(session) = connection.postgres() {
        let insert = "INSERT INTO suppressed (number, since) SELECT * FROM unnest($1::bigint[], $2::bigint[]) \
            ON CONFLICT (number) DO NOTHING RETURNING number";
        let (numbers, since): (Vec<i64>, Vec<i64>) = numbers
            .iter()
            .map(|(number, since)| (number.get().cast_signed(), since.as_microsecond()))
            .unzip();
        let added = session.column(insert, &[&numbers, &since]);
        for number in added.map_err(|error| failed(error.into()))? {
            let number = Msisdn::new(number.cast_unsigned());
            after = after.with(number.map_err(|_| damaged(path, "it has what is no number"))?);
        }
    }
    if after != before {
        workers::refuse_any_living(connection, path, signature.at)?;
        hold::refuse_while_held(connection, path)?;
        record(connection, before, after, signature).map_err(failed)?;
    }
    Ok(Suppressed {
        changed: after.listed - before.listed,
        listed: after.listed,
    })
}

fn record(
    connection: &Connection,
    before: Total,
    after: Total,
    signature: &Signature,
) -> database::Result<()> {
    let count = |count: u64| Value::Integer(count.cast_signed());
    let why = signature.why.trim();
    let mut values = vec![
        rows::time(signature.at),
        Value::Text(signature.who.clone()),
        if why.is_empty() {
            Value::Null
        } else {
            Value::Text(why.to_owned())
        },
        count(after.listed.saturating_sub(before.listed)),
        count(before.listed.saturating_sub(after.listed)),
        count(after.listed),
        Value::Blob(after.sum.to_le_bytes().to_vec()),
    ];
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    let insert = format!("INSERT INTO suppression ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    connection.execute(&insert, values).map(drop)
}

/// What the last change says of the list.
fn total(connection: &Connection, path: &Path) -> Result<Total, LedgerError> {
    let query = format!("SELECT {COLUMNS} FROM suppression ORDER BY id DESC LIMIT 1");
    let read = |row: &Row<'_>| {
        let total = Total {
            listed: row.get(5)?,
            sum: u64::from_le_bytes(row.get(6)?),
        };
        Ok((checksum::fits(row, 0)?, total))
    };
    let found = connection.query_row(&query, [], read).optional();
    match found.map_err(|error| LedgerError::database(path, READING, error))? {
        None => Ok(Total::default()),
        Some((true, total)) => Ok(total),
        Some((false, _)) => Err(damaged(path, "its last change fails its checksum")),
    }
}

/// All numbers on the list, held against what the last change says of it. Formats before the fourth have none.
pub(crate) fn all(
    connection: &Connection,
    path: &Path,
    each: &mut dyn FnMut(Msisdn, Timestamp),
) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::database(path, READING, error);
    if schema::format(connection, path)? < Format::Current {
        return Ok(());
    }
    let expected = total(connection, path)?;
    let mut found = Total::default();
    let mut statement = connection
        .prepare("SELECT number, since FROM suppressed ORDER BY number")
        .map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number: u64 = row.get(0).map_err(failed)?;
        let number = Msisdn::new(number).map_err(|_| damaged(path, "it has what is no number"))?;
        found = found.with(number);
        each(
            number,
            rows::timestamp(1, row.get(1).map_err(failed)?).map_err(failed)?,
        );
    }
    if found == expected {
        Ok(())
    } else {
        Err(damaged(path, "its numbers are not those that were put on it"))
    }
}

/// The changes that fail their checksums.
pub(crate) fn changed_rows(connection: &Connection, path: &Path) -> Result<Vec<i64>, LedgerError> {
    checksum::unfit(connection, &format!("SELECT id, {COLUMNS} FROM suppression"))
        .map_err(|error| LedgerError::database(path, READING, error))
}

fn damaged(path: &Path, what: &str) -> LedgerError {
    LedgerError::damaged(path, format!("suppression list: {what}"))
}
