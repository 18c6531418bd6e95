//! The ledger in the hands of the one process that may write it: opened, locked, and entered by a run.
//!
//! From here on the order is [`open`](Ledger::open), [`enter`](Ledger::enter), the questions (standing, generations,
//! spending), [`start`](Ledger::start).

mod opening;
pub(crate) mod server;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::database::Connection;
use jiff::Timestamp;
use volley_model::{Amount, BodyHash, Msisdn};

use crate::campaign;
use crate::doubts::{self, Which};
use crate::lock::LockFile;
use crate::place::Place;
use crate::postgres::workers::Common;
use crate::postgres::{Address, Hurry};
use crate::rows::BatchRow;
use crate::writer::{self, Writer, WriterThread};
use crate::{
    BatchId, CampaignId, CampaignIdentity, Changes, Entry, LedgerError, OpenDoubt, RunId, Spending,
    StoredMembers,
};
use crate::{bodies, postgres, queries, schema, suppress};

pub use opening::Opening;
pub(crate) use opening::{marks, misfit};

/// See the module. Holds the lock until it, or the writer made of it, is dropped.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) connection: Connection,
    pub(crate) place: Place,
    pub(crate) hold: Hold,
    pub(crate) terms: Terms,
    /// What all who send a campaign at once must have in common, if it was told.
    pub(crate) common: Option<Common>,
    /// How many commits of its run a server has acknowledged.
    pub(crate) committed: Arc<AtomicU64>,
    /// Whether a server is still waited for.
    pub(crate) hurry: Hurry,
    made: bool,
}

/// On what terms a run sends, as far as those who share a ledger on a server must agree. In a file they are of no account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms {
    /// Whether numbers that the provider refused with this message are sent to again.
    pub retry_refused: bool,
    /// What the campaign may cost over all of its runs.
    pub max_cost: Option<Amount>,
    /// Recipients in a full batch.
    pub batch_size: u32,
}

/// What keeps others from writing what must be written once.
#[derive(Debug)]
pub(crate) enum Hold {
    /// A file is held by one process, and its commits are counted.
    Alone { lock: LockFile, commit_number: u64 },
    /// On a server there are others, and rows say who may write what.
    Among(Address),
}

impl Ledger {
    /// Whether opening it made it.
    pub fn made(&self) -> bool {
        self.made
    }

    /// Where it lies, symbolic links resolved.
    pub fn path(&self) -> &Path {
        &self.place.ledger
    }

    /// The latest time that any run wrote: a clock behind it is wrong.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn last_at(&self) -> Result<Timestamp, LedgerError> {
        opening::last_at(&self.connection, &self.place.ledger)
    }

    /// Begins a run of a campaign: makes or compares the campaign, and marks what earlier runs left open.
    ///
    /// # Errors
    /// [`CampaignFixed`](LedgerError::CampaignFixed), [`MessageChanged`](LedgerError::MessageChanged) and
    /// [`CampaignClosed`](LedgerError::CampaignClosed), and then nothing was written; or the ledger cannot be read or
    /// written.
    pub fn enter(
        &mut self,
        identity: &CampaignIdentity,
        changes: Changes,
        now: Timestamp,
    ) -> Result<Entry, LedgerError> {
        self.begin(identity, changes, now, |_, _| Ok(()))
    }

    /// The same, for a run that sends: `each` hears the numbers on the suppression list, each with since when, in the same
    /// transaction. So whoever changes the list before the run is there changes it before it is read, and later is refused.
    ///
    /// # Errors
    /// As [`enter`](Self::enter) and [`suppressed`](Self::suppressed).
    pub fn enter_without(
        &mut self,
        each: &mut dyn FnMut(Msisdn, Timestamp),
        identity: &CampaignIdentity,
        changes: Changes,
        now: Timestamp,
    ) -> Result<Entry, LedgerError> {
        // Before the campaign, as whoever changes the list takes them.
        let read = |connection: &Connection, path: &Path| suppress::all_kept(connection, path, each);
        self.begin(identity, changes, now, read)
    }

    fn begin(
        &mut self,
        identity: &CampaignIdentity,
        changes: Changes,
        now: Timestamp,
        before: impl FnOnce(&Connection, &Path) -> Result<(), LedgerError>,
    ) -> Result<Entry, LedgerError> {
        let common = self.common;
        self.transact("beginning a run", now, |connection, place| {
            before(connection, &place.ledger)?;
            campaign::enter(connection, &place.ledger, identity, changes, common.as_ref(), now)
        })
    }

    /// One durable, counted commit, or nothing at all.
    pub(crate) fn transact<T, E: From<LedgerError>>(
        &mut self,
        step: &'static str,
        at: Timestamp,
        work: impl FnOnce(&Connection, &Place) -> Result<T, E>,
    ) -> Result<T, E> {
        let path = &self.place.ledger;
        let failed = |error| LedgerError::database(path, step, error);
        let transaction = self.connection.transaction().map_err(failed)?;
        let done = work(&transaction, &self.place)?;
        let Hold::Alone { lock, commit_number } = &mut self.hold else {
            transaction.commit().map_err(failed)?;
            return Ok(done);
        };
        let number = *commit_number + 1;
        // We hold the lock: whichever run was the last one is not writing any more.
        let latest = transaction
            .query_row("SELECT latest_run FROM ledger", [], |row| row.get(0))
            .map_err(failed)?;
        writer::number_commit(&transaction, path, latest, number, at)?;
        transaction.commit().map_err(failed)?;
        *commit_number = number;
        lock.note_commit(number)?;
        // This may have been the first write: SQLite has made its log by now.
        self.place.sync_folder()?;
        Ok(done)
    }

    /// Moves the log into the main file and closes it. Dropping it does as much, but tells of no failure.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub fn close(self) -> Result<(), LedgerError> {
        let path = &self.place.ledger;
        if self.connection.postgres().is_none() {
            schema::checkpoint(&self.connection, path)?;
        }
        let closed = self.connection.close();
        // The lock goes last, with the rest of the ledger.
        closed.map_err(|error| LedgerError::database(path, "closing the ledger", error))
    }

    /// The campaign's batches without a definite outcome, oldest first.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn doubts(&self, campaign: CampaignId) -> Result<Vec<OpenDoubt>, LedgerError> {
        doubts::open(&self.connection, &self.place, Which::Of(campaign))
    }

    /// The batch, if it has no definite outcome.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn doubt(&self, batch: BatchId) -> Result<Option<OpenDoubt>, LedgerError> {
        Ok(doubts::open(&self.connection, &self.place, Which::One(batch))?.pop())
    }

    /// Every batch of the campaign with its numbers, oldest first.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn standing(
        &self,
        campaign: CampaignId,
        each: &mut dyn FnMut(StoredMembers<'_>),
    ) -> Result<(), LedgerError> {
        queries::standing(&self.connection, &self.place.ledger, campaign, each)
    }

    /// How many batches of the campaign with each body ended refused, released, split, simulated, withdrawn or declared
    /// not sent: the generation of the next one with that body. Bodies with none are not in it.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn generations(&self, campaign: CampaignId) -> Result<HashMap<BodyHash, u32>, LedgerError> {
        queries::generations(&self.connection, &self.place.ledger, campaign)
    }

    /// What the campaign has cost, and what is reserved.
    ///
    /// # Errors
    /// The ledger cannot be read, a checksum fails, or two currencies are mixed.
    pub fn spending(&self, campaign: CampaignId) -> Result<Spending, LedgerError> {
        queries::spending(&self.connection, &self.place.ledger, campaign)
    }

    /// Hands the ledger to a thread of its own, for the run that [`enter`](Self::enter) began last. A thread that cannot
    /// be started shows in the writer's first call and in [`WriterThread::join`].
    pub fn start(self, run: RunId) -> (Writer, WriterThread) {
        writer::start(self, run)
    }
}

pub(crate) fn read_body(
    connection: &Connection,
    place: &Place,
    batch: BatchId,
) -> Result<Option<bytes::Bytes>, LedgerError> {
    match queries::batch(connection, &place.ledger, batch)? {
        // What is settled is never sent again, even while its slot still holds it.
        Some(row) if row.is_open() => kept_body(connection, place, &row),
        _ => Ok(None),
    }
}

/// The body of a batch, if it is kept whole: in a slot of a file, or in a row.
pub(crate) fn kept_body(
    connection: &Connection,
    place: &Place,
    row: &BatchRow,
) -> Result<Option<bytes::Bytes>, LedgerError> {
    match connection.postgres() {
        None => bodies::read(place, row.slot, &row.request_key, row.body_bytes),
        Some(_) => postgres::bodies::read(connection, &place.ledger, row),
    }
}
