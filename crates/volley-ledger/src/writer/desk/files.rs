//! What only a ledger in a file has: slots for bodies, a lock file that remembers its commits, a log that is moved into it.

use crate::bodies::BodySlots;
use crate::database::Connection;
use crate::lock::LockFile;
use crate::place::Place;
use crate::rows::OpenBatch;
use crate::{LedgerError, schema};
use volley_model::SealedBatch;

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
