//! The thread's side of the writer: one group of orders, one transaction.

mod files;
mod orders;
mod replies;
mod server;

use std::collections::HashMap;
use std::path::Path;

use super::Order;
use crate::database::{self, Connection};
use crate::ledger::Hold;
use crate::place::Place;
use crate::postgres::Patience;
use crate::rows::OpenBatch;
use crate::{BatchId, CampaignId, Ledger, LedgerError, MessageId, RunId, queries, schema};
use files::Files;
pub(crate) use files::number_commit;
use server::{Money, Server, Signs};

/// The connection, with what must be known to write without reading.
pub(super) struct Desk {
    connection: Connection,
    place: Place,
    keeping: Keeping,
    campaign: CampaignId,
    run: RunId,
    /// Commits so far: of the ledger in a file, of the run on a server.
    commit_number: u64,
    /// The last sequence number given, and the lines read up to it.
    sequence: u64,
    lines_read: u64,
    open: HashMap<BatchId, OpenBatch>,
    /// The first failure: nothing is written any more.
    failure: Option<LedgerError>,
}

/// What a file and a server do differently.
enum Keeping {
    /// Alone with a file: bodies in slots beside it, its commits numbered in the lock file.
    Files(Files),
    /// Among others on a server: numbers are claimed, money is reserved, and what a lost connection left open is found out.
    Server(Server),
}

/// How the orders of a group are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// One after another, nothing between them: if one is refused, the transaction is given up.
    Together,
    /// Each by itself, so that a refused one is told from the others.
    Apart,
}

/// What is known of the run.
#[derive(Debug, Clone, Copy)]
struct Facts {
    campaign: CampaignId,
    message: MessageId,
    simulated: bool,
}

impl Facts {
    fn of(connection: &Connection, path: &Path, run: RunId) -> Result<Self, LedgerError> {
        let query = "SELECT campaign, message, simulated FROM run WHERE id = ?1";
        let facts = connection.query_row(query, [run], |row| {
            Ok(Self {
                campaign: row.get(0)?,
                message: row.get(1)?,
                simulated: row.get(2)?,
            })
        });
        facts.map_err(|error| LedgerError::database(path, "looking the run up", error))
    }
}

/// What an intent needs before it can be written: where its body is in a file, or the id that its numbers are claimed for.
#[derive(Debug, Clone, Copy)]
enum Room {
    Slot(u64),
    Row(BatchId),
}

/// What a transaction changes outside the database once it is durable.
#[derive(Default)]
struct Effects {
    /// What the campaign's reservations and costs become, on a server.
    money: Money,
    /// Slots to give back: of definite outcomes, and of refused intents.
    freed: Vec<(u64, u64)>,
    /// Batches as they stand now: `None` has no body to keep.
    open: Vec<(BatchId, Option<OpenBatch>)>,
}

impl Desk {
    pub(super) fn new(ledger: Ledger, run: RunId) -> Result<Self, LedgerError> {
        let Ledger {
            mut connection,
            place,
            hold,
            terms,
            committed,
            hurry,
            ..
        } = ledger;
        let mut open = HashMap::new();
        let (keeping, commit_number, facts) = match hold {
            Hold::Alone { lock, commit_number } => {
                let facts = Facts::of(&connection, &place.ledger, run)?;
                queries::each_open(&connection, &place.ledger, &mut |batch| {
                    open.insert(batch.id, batch.open());
                })?;
                (
                    Keeping::Files(Files::new(&place, lock, open.values())?),
                    commit_number,
                    facts,
                )
            }
            Hold::Among(address) => {
                let patience = Patience::at_work(address.silence(), hurry);
                connection.wait_as(patience.clone());
                let signs = Signs { patience, committed };
                let facts = match Facts::of(&connection, &place.ledger, run) {
                    Err(lost) if lost.is_passing() => {
                        connection = server::connect(&place.ledger, &address, &signs)?;
                        Facts::of(&connection, &place.ledger, run)?
                    }
                    facts => facts?,
                };
                let server = Server::new(address, facts, &terms, signs);
                (Keeping::Server(server), 0, facts)
            }
        };
        Ok(Self {
            connection,
            place,
            keeping,
            campaign: facts.campaign,
            run,
            commit_number,
            sequence: 0,
            lines_read: 0,
            open,
            failure: None,
        })
    }

    /// Whether at least so many batches are intended and not concluded. Those in doubt may stay so for long.
    pub(super) fn has_on_their_way(&self, batches: usize) -> bool {
        let on_their_way = self.open.values().filter(|batch| batch.doubt_since.is_none());
        on_their_way.take(batches).count() == batches
    }

    /// Commits a group and acknowledges each of its orders.
    pub(super) fn commit(&mut self, group: &mut Vec<Order>) {
        if self.failure.is_none()
            && let Err(failure) = self.transact(group)
        {
            self.failure = Some(failure);
            // What failed may have ended the transaction already.
            drop(self.connection.roll_back());
        }
        for order in group.drain(..) {
            order.acknowledge(self.failure.as_ref());
        }
    }

    fn transact(&mut self, group: &mut [Order]) -> Result<(), LedgerError> {
        match self.keeping {
            Keeping::Files(_) => self.transact_alone(group),
            Keeping::Server(_) => self.transact_among_others(group),
        }
    }

    /// Frees what the commit made free. Not before: until then a crash would bring the old row back.
    fn apply(&mut self, effects: Effects) {
        let mut freed = effects.freed;
        for (batch, open) in effects.open {
            if let Some(open) = open {
                self.open.insert(batch, open);
            } else {
                let was = self.open.remove(&batch);
                freed.extend(was.map(|was| (was.slot, was.body_bytes)));
            }
        }
        if let Keeping::Files(files) = &mut self.keeping {
            files.release(freed);
        }
    }

    /// Waits for what was posted to a server.
    fn settle(&self, step: &'static str) -> Result<(), LedgerError> {
        self.connection.settle().map_err(|error| self.failed(step, error))
    }

    fn roll_back(&self) -> Result<(), LedgerError> {
        let done = self.connection.roll_back();
        done.map_err(|error| self.failed("ROLLBACK", error))
    }

    fn failed(&self, step: &'static str, error: database::Error) -> LedgerError {
        if error.is_not_one_row() {
            // Only of its own row a run demands that.
            return LedgerError::Buried {
                path: self.place.ledger.clone(),
                run: self.run,
            };
        }
        LedgerError::database(&self.place.ledger, step, error)
    }

    /// Moves the log into the main file and closes it.
    pub(super) fn close(self) -> Result<(), LedgerError> {
        let path = &self.place.ledger;
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if let Keeping::Files(_) = self.keeping {
            schema::checkpoint(&self.connection, path)?;
        }
        let closed = self.connection.close();
        // The lock goes last, with the rest of the desk.
        closed.map_err(|error| LedgerError::database(path, "closing the ledger", error))
    }
}

#[cfg(test)]
mod tests;
