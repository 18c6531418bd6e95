//! Erases a campaign's numbers, so that they are in none of the ledger's files any more, and closes its name.
//!
//! Output: totals, tickets, costs and the account of its lines stay; who was reached is gone, and with it every proof
//! that nobody is sent to twice, hence the closed name.
//! Bounds: the ledger is written anew (SQLite's VACUUM), which takes its size again, for a moment, in memory and as log.
//! Not here: copies, backups, and what a disk keeps of files it has written over.

use std::path::Path;

use crate::database::{Connection, params};
use crate::postgres::{Patience, workers};

use crate::bodies;
use crate::place::Place;
use crate::rows::{self, Concluded};
use crate::{CampaignId, Ledger, LedgerError, Outcome, Signature, WordError, campaign, queries};

const STEP: &str = "erasing numbers";

/// What was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// The campaign's batches; they stay, without their numbers.
    pub batches: u64,
    /// The numbers that are gone.
    pub recipients: u64,
    /// Whether the campaign had been closed before: an interrupted erasure is finished by asking for it again.
    pub again: bool,
}

impl Ledger {
    /// Erases the numbers of the campaign of that name from database, log and bodies, by the operator's word, which is
    /// recorded.
    ///
    /// # Errors
    /// [`WordError::NoCampaign`], [`WordError::Doubtful`]: nothing was changed. [`LedgerError::Storage`], and
    /// [`WordError::Busy`] while another program reads the ledger: numbers may be left in its files; ask again.
    pub fn forget(&mut self, name: &str, signature: &Signature) -> Result<Forgotten, WordError> {
        signature.check()?;
        let failed = {
            let path = self.place.ledger.clone();
            move |error| LedgerError::database(&path, STEP, error)
        };
        if self.connection.postgres().is_none() {
            // What is deleted is overwritten, should we not get as far as writing the file anew.
            self.connection
                .execute_batch("PRAGMA secure_delete = ON")
                .map_err(&failed)?;
        }
        // A campaign may have more numbers than a server deletes in any while that one would say.
        self.connection.wait_as(Patience::endless());
        let forgotten = self.transact(STEP, signature.at, |connection, place| {
            erase(connection, &place.ledger, name, signature)
        })?;
        if self.connection.postgres().is_some() {
            // So that their places are used again; what its log and its backups keep is the server's administrator's.
            for table in ["VACUUM members", "VACUUM claim"] {
                self.connection.execute_batch(table).map_err(&failed)?;
            }
            return Ok(forgotten);
        }
        wipe_bodies(&self.connection, &self.place)?;
        self.connection.execute_batch("VACUUM").map_err(&failed)?;
        let busy: bool = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .map_err(&failed)?;
        if busy {
            return Err(WordError::Busy {
                path: self.place.ledger.clone(),
            });
        }
        Ok(forgotten)
    }
}

fn erase(
    connection: &Connection,
    path: &Path,
    name: &str,
    signature: &Signature,
) -> Result<Forgotten, WordError> {
    let failed = |error| LedgerError::database(path, STEP, error);
    let Some(campaign) = campaign::find(connection, name).map_err(failed)? else {
        return Err(campaign::unknown(connection, path, name)?);
    };
    workers::refuse_living(connection, path, campaign, signature.at)?;
    settle(connection, path, campaign, name, signature)?;
    let at = signature.at.as_microsecond();
    let record = "INSERT INTO erasure (campaign, at, who, why) VALUES (?1, ?2, ?3, ?4)";
    connection
        .execute(record, params![campaign, at, signature.who, signature.why])
        .map_err(failed)?;
    let close = "UPDATE campaign SET closed_at = ?2 WHERE id = ?1 AND closed_at IS NULL";
    let closed = connection.execute(close, params![campaign, at]).map_err(failed)?;
    let delete = "DELETE FROM members WHERE batch IN (SELECT id FROM batch WHERE campaign = ?1)";
    connection.execute(delete, [campaign]).map_err(failed)?;
    if connection.postgres().is_some() {
        let delete = "DELETE FROM claim WHERE campaign = ?1";
        connection.execute(delete, [campaign]).map_err(failed)?;
    }
    rows::erase_named(connection, campaign).map_err(failed)?;
    // A child's numbers are its parent's.
    let totals = "SELECT count(*), CAST(coalesce(sum(CASE WHEN parent IS NULL THEN member_count ELSE 0 END), 0) AS BIGINT) \
        FROM batch WHERE campaign = ?1";
    let (batches, recipients) = connection
        .query_row(totals, [campaign], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(failed)?;
    Ok(Forgotten {
        batches,
        recipients,
        again: closed == 0,
    })
}

/// Doubts need their numbers and bodies. What a killed run left of a simulation reached nobody, and needs neither.
fn settle(
    connection: &Connection,
    path: &Path,
    campaign: CampaignId,
    name: &str,
    signature: &Signature,
) -> Result<(), WordError> {
    let mut open = Vec::new();
    queries::each_open(connection, path, &mut |batch| {
        if batch.campaign == campaign {
            open.push(batch);
        }
    })?;
    let doubts = open.iter().filter(|batch| !batch.simulated).count() as u64;
    if doubts > 0 {
        return Err(WordError::Doubtful {
            name: name.to_owned(),
            batches: doubts,
        });
    }
    for batch in open {
        let outcome = Outcome::Simulated { ticket: None };
        let row = Concluded::new(outcome, &batch.open(), signature.at, batch.run);
        rows::conclude(connection, batch.id, &row)
            .map_err(|error| LedgerError::database(path, STEP, error))?;
    }
    Ok(())
}

/// Leaves of the bodies' file nothing but the bodies of open batches.
fn wipe_bodies(connection: &Connection, place: &Place) -> Result<(), LedgerError> {
    let mut open = Vec::new();
    queries::each_open(connection, &place.ledger, &mut |batch| {
        open.push((batch.slot, batch.body_bytes));
    })?;
    bodies::wipe_all_but(place, open)
}
