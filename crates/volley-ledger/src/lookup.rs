//! Listings of the provider's that lacked a batch in doubt: how often, since when, and the operator's word on all those
//! that were lacking for long enough.
//!
//! One listing proves nothing, since it may lag behind what was accepted. So a lookup frees nobody by itself; it is what
//! the operator's word goes by, and has a checksum, held wherever it is read.
//! Not here: asking for a listing, and how far one may lag.
//! Sources: docs/guarantee.md, "Settling doubts".

use std::path::Path;
use std::time::Duration;

use crate::database::Connection;
use crate::database::{self};
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::Value;

use crate::doubts::{self, Which};
use crate::place::Place;
use crate::rows;
use crate::schema::Format;
use crate::{
    BatchId, Ledger, LedgerError, OpenDoubt, Resolved, RunId, Signature, Word, WordError, campaign, checksum,
    word,
};

/// The columns of a lookup, its checksum last.
pub(crate) const COLUMNS: &str = "batch, number, run, at, sum";
const ADD: &str = "INSERT INTO lookup (batch, number, run, at, sum) VALUES (?1, ?2, ?3, ?4, ?5)";
/// The batches that a listing can tell of: those in doubt of the provider that has one.
const LISTED: &str = "state = 'in_doubt' AND campaign IN (SELECT id FROM campaign WHERE provider = 'exotel')";
/// A batch that a single listing lacked was looked for once, however long ago: another has to lack it still.
const LISTINGS_MIN: u64 = 2;

/// What the listings say that lacked a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Absences {
    pub(crate) listings: u64,
    pub(crate) first_at: Option<Timestamp>,
    pub(crate) last_at: Option<Timestamp>,
}

impl Ledger {
    /// The batches in doubt that [`resolve_absent`](Self::resolve_absent) would free, oldest first. A name that no campaign
    /// has gives an empty list.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn absentees(
        &self,
        campaign: Option<&str>,
        absent_for: Duration,
    ) -> Result<Vec<OpenDoubt>, LedgerError> {
        match doubts::named(&self.connection, &self.place.ledger, campaign)? {
            Some(which) => absentees(&self.connection, &self.place, which, absent_for),
            None => Ok(Vec::new()),
        }
    }

    /// Takes the operator's word, in one commit, that every batch in doubt was not sent which the provider's listings
    /// lacked: a first one, and a last one at least `absent_for` later. Each has a record of its own. Where there
    /// is none, nobody is freed.
    ///
    /// # Errors
    /// [`WordError`]; nothing was changed then. Only [`Word::NotSent`] is taken.
    pub fn resolve_absent(
        &mut self,
        campaign: Option<&str>,
        absent_for: Duration,
        word: &Word,
        signature: &Signature,
    ) -> Result<Vec<(BatchId, Resolved)>, WordError> {
        signature.check()?;
        if *word != Word::NotSent {
            return Err(WordError::NotOfAbsent);
        }
        self.transact(
            "recording the operator's word",
            signature.at,
            |connection, place| {
                let path = &place.ledger;
                let Some(which) = doubts::named(connection, path, campaign)? else {
                    return Err(campaign::unknown(connection, path, campaign.unwrap_or_default())?);
                };
                let found = absentees(connection, place, which, absent_for)?;
                let resolve = |doubt: OpenDoubt| {
                    let resolved = word::resolve(connection, path, doubt.batch, word, signature)?;
                    Ok((doubt.batch, resolved))
                };
                found.into_iter().map(resolve).collect()
            },
        )
    }
}

/// The batches in doubt that the listings have lacked for long enough.
pub(crate) fn absentees(
    connection: &Connection,
    place: &Place,
    which: Which,
    absent_for: Duration,
) -> Result<Vec<OpenDoubt>, LedgerError> {
    let mut found = doubts::find(connection, place, LISTED, which)?;
    found.retain(|doubt| doubt.was_absent_for(absent_for));
    Ok(found)
}

impl OpenDoubt {
    /// Whether the provider's listings have lacked it for so long: a first one, and a last one at least that much later.
    pub fn was_absent_for(&self, absent_for: Duration) -> bool {
        let (Some(first), Some(last)) = (self.first_absent_at, self.last_absent_at) else {
            return false;
        };
        // A duration beyond what times can be apart is never over.
        let absent_for = SignedDuration::try_from(absent_for).unwrap_or(SignedDuration::MAX);
        self.absent >= LISTINGS_MIN && last.duration_since(first) >= absent_for
    }
}

/// Writes that a listing lacked the batch, behind those that did before.
pub(crate) fn add(
    connection: &Connection,
    batch: BatchId,
    run: RunId,
    at: Timestamp,
) -> database::Result<()> {
    let query = "SELECT coalesce(max(number), 0) + 1 FROM lookup WHERE batch = ?1";
    let number: i64 = connection
        .prepare_cached(query)?
        .query_row([batch], |row| row.get(0))?;
    let mut values = vec![batch.into(), number.into(), run.into(), rows::time(at)];
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    connection.prepare_cached(ADD)?.execute(values).map(drop)
}

/// The listings that lacked a batch, in the order in which they were asked for. Format 1 knows of none.
pub(crate) fn absences(
    connection: &Connection,
    path: &Path,
    format: Format,
    batch: BatchId,
) -> Result<Absences, LedgerError> {
    let mut absences = Absences::default();
    if format == Format::First {
        return Ok(absences);
    }
    let failed = |error| LedgerError::database(path, "reading lookups", error);
    let query = format!("SELECT {COLUMNS} FROM lookup WHERE batch = ?1 ORDER BY number");
    let mut statement = connection.prepare_cached(&query).map_err(failed)?;
    let mut found = statement.query([batch]).map_err(failed)?;
    while let Some(row) = found.next().map_err(failed)? {
        if !checksum::fits(&row, 0).map_err(failed)? {
            return Err(LedgerError::damaged(
                path,
                format!("batch {batch}: a lookup of it fails its checksum"),
            ));
        }
        let at = row.get(3).and_then(|at| rows::timestamp(3, at)).map_err(failed)?;
        absences.listings += 1;
        absences.first_at.get_or_insert(at);
        absences.last_at = Some(at);
    }
    Ok(absences)
}

/// The batches with a lookup that fails its checksum.
pub(crate) fn changed_rows(connection: &Connection, path: &Path) -> Result<Vec<BatchId>, LedgerError> {
    let query = format!("SELECT batch, {COLUMNS} FROM lookup ORDER BY batch, number");
    checksum::unfit(connection, &query)
        .map_err(|error| LedgerError::database(path, "checking the lookups", error))
}
