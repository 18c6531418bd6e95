//! What only a ledger in a file has: slots for bodies, a lock file that remembers its commits, a log that is moved into it.
//!
//! ```text
//!  bodies into slots ─► BEGIN ─► the commit is counted: nobody else has begun ─► orders ─► COMMIT ─► the lock file notes it
//! ```

use std::path::Path;

use jiff::Timestamp;
use volley_model::SealedBatch;

use super::{Desk, Effects, Keeping, Order, Pass, Room};
use crate::bodies::BodySlots;
use crate::database::{Connection, params};
use crate::lock::LockFile;
use crate::place::Place;
use crate::rows::OpenBatch;
use crate::{LedgerError, RunId, schema};

/// Pages in the log before they go to the main file: 16 MiB, so that a page which several batches share is copied
/// once, and the syncs of a checkpoint are rare.
const LOG_PAGES_MAX: u64 = 4096;
/// What goes into the log, about: the shared pages of a commit (marks, ends of the indexes), and those of an order.
const PAGES_PER_COMMIT: u64 = 4;
const PAGES_PER_ORDER: u64 = 2;

pub(super) struct Files {
    lock: LockFile,
    bodies: BodySlots,
    /// Pages in the log since it was last moved into the main file, about.
    log_pages: u64,
}

impl Files {
    pub(super) fn new<'a>(
        place: &Place,
        lock: LockFile,
        open: impl Iterator<Item = &'a OpenBatch>,
    ) -> Result<Self, LedgerError> {
        let bodies = BodySlots::open(place, open.map(|batch| (batch.slot, batch.body_bytes)))?;
        place.sync_folder()?;
        Ok(Self {
            lock,
            bodies,
            log_pages: 0,
        })
    }

    /// Writes a body into a free slot.
    pub(super) fn write(&mut self, batch: &SealedBatch) -> Result<u64, LedgerError> {
        self.bodies.write(&batch.key.0, &batch.body, batch.sealed_hash)
    }

    /// Gives slots back, with the lengths of the bodies in them.
    pub(super) fn release(&mut self, slots: Vec<(u64, u64)>) {
        for (slot, body_bytes) in slots {
            self.bodies.release(slot, body_bytes);
        }
    }

    /// Notes a commit of so many orders.
    pub(super) fn committed(
        &mut self,
        connection: &Connection,
        place: &Place,
        number: u64,
        orders: usize,
    ) -> Result<(), LedgerError> {
        self.lock.note_commit(number)?;
        self.log_pages += PAGES_PER_COMMIT + PAGES_PER_ORDER * orders as u64;
        if self.log_pages >= LOG_PAGES_MAX {
            schema::checkpoint(connection, &place.ledger)?;
            self.log_pages = 0;
        }
        Ok(())
    }
}

/// Counts the commit of a ledger in a file, and checks that no other run has begun since: one statement does both.
pub(crate) fn number_commit(
    connection: &Connection,
    path: &Path,
    run: RunId,
    number: u64,
    at: Timestamp,
) -> Result<(), LedgerError> {
    let update = "UPDATE ledger SET commit_number = ?2, last_at = max(last_at, ?3) \
        WHERE latest_run = ?1 AND commit_number = ?2 - 1";
    let rows = connection
        .prepare_cached(update)
        .and_then(|mut statement| statement.execute(params![run, number, at.as_microsecond()]))
        .map_err(|error| LedgerError::database(path, "counting the commit", error))?;
    if rows == 1 {
        return Ok(());
    }
    Err(LedgerError::Fenced {
        path: path.to_owned(),
        run,
    })
}

impl Desk {
    /// Commits a group.
    pub(super) fn transact_alone(&mut self, group: &mut [Order]) -> Result<(), LedgerError> {
        let slots = self.write_bodies(group)?;
        let effects = self.carry_out_all(group, &slots)?;
        let committed = self.connection.commit();
        committed.map_err(|error| self.failed("COMMIT", error))?;
        self.commit_number += 1;
        if let Keeping::Files(files) = &mut self.keeping {
            files.committed(&self.connection, &self.place, self.commit_number, group.len())?;
        }
        self.apply(effects);
        Ok(())
    }

    /// The bodies come before their intents: an intent without its body could never be settled.
    fn write_bodies(&mut self, group: &[Order]) -> Result<Vec<Room>, LedgerError> {
        let Keeping::Files(files) = &mut self.keeping else {
            return Ok(Vec::new());
        };
        let mut slots = Vec::new();
        for order in group {
            if let Order::Intend(intent, _) = order {
                slots.push(Room::Slot(files.write(&intent.batch)?));
            }
        }
        Ok(slots)
    }

    /// Begins a transaction and carries the group out in it.
    ///
    /// A savepoint costs two statements and a copy of each page that is changed in it, and an order is hardly ever refused.
    /// So none has one at first; if one is refused, the transaction is given up, and the same orders are carried out anew,
    /// each in its own. The bodies stay where they are.
    fn carry_out_all(&mut self, group: &mut [Order], slots: &[Room]) -> Result<Effects, LedgerError> {
        let before = (self.sequence, self.lines_read);
        self.begin(group)?;
        match self.pass(Pass::Together, group, slots) {
            Err(refusal) if refusal.is_of_one_order() => {
                self.roll_back()?;
                (self.sequence, self.lines_read) = before;
                self.begin(group)?;
                self.pass(Pass::Apart, group, slots)
            }
            passed => passed,
        }
    }

    fn begin(&self, group: &[Order]) -> Result<(), LedgerError> {
        let at = group.iter().filter_map(Order::at).max();
        let at = at.unwrap_or(Timestamp::UNIX_EPOCH);
        self.execute("BEGIN IMMEDIATE")?;
        let path = &self.place.ledger;
        number_commit(&self.connection, path, self.run, self.commit_number + 1, at)
    }

    /// Carries the group out in the transaction that was begun, and leaves it open.
    fn pass(&mut self, pass: Pass, group: &mut [Order], slots: &[Room]) -> Result<Effects, LedgerError> {
        let mut slots = slots.iter().copied();
        let mut effects = Effects::default();
        for order in group {
            match pass {
                Pass::Together => self.carry_out(order, &mut slots, &mut effects)?,
                Pass::Apart => self.carry_out_in_a_savepoint(order, &mut slots, &mut effects)?,
            }
        }
        Ok(effects)
    }

    /// Runs one order so that, refused by the database's rules, it leaves nothing behind and takes no other with it.
    fn carry_out_in_a_savepoint(
        &mut self,
        order: &mut Order,
        slots: &mut impl Iterator<Item = Room>,
        effects: &mut Effects,
    ) -> Result<(), LedgerError> {
        let before = (self.sequence, self.lines_read);
        self.execute("SAVEPOINT one")?;
        if let Err(failure) = self.carry_out(order, slots, effects) {
            if !failure.is_of_one_order() {
                return Err(failure);
            }
            order.refuse(failure);
            (self.sequence, self.lines_read) = before;
            self.execute("ROLLBACK TO one")?;
        }
        self.execute("RELEASE one")
    }

    fn execute(&self, statement: &'static str) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute([]))
            .map(drop)
            .map_err(|error| self.failed(statement, error))
    }
}
