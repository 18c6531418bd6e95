//! What only a ledger on a server has: claims, money that all workers share, and connections that are lost.
//!
//! ```text
//!  BEGIN ─► the run counts its commit: it is still itself ─► numbers claimed ─► orders ─► money reserved ─► COMMIT
//!              │ fenced: it ends                                │ held                       │ too dear: given up,
//!              ▼                                                ▼                            ▼ begun anew without those intents
//! ```
//! What costs time is the way to the server and back, so that what needs no answer is posted: a group of intents takes three ways, four
//! where there is a budget, and one of outcomes two, however many they are.

mod absence;
mod money;

use std::cell::Cell;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use rusqlite::types::Type;
use volley_model::{Amount, Msisdn};

use super::{Desk, Effects, Facts, Keeping, Order, Pass, Room};
use crate::database::{self, Connection, params};
use crate::postgres::claims::{Claimant, Wanted};
use crate::postgres::{Address, Session};
use crate::{BatchId, Held, Intended, LedgerError, RunId, Terms};
use absence::Absence;
pub(super) use absence::{Signs, connect};
pub(super) use money::Money;

/// So often what changed hands meanwhile is asked for once more.
const AGAIN_MAX: u32 = 20;

pub(super) struct Server {
    address: Address,
    claimant: Claimant,
    simulated: bool,
    max_cost: Option<Amount>,
    signs: Signs,
    /// How often in a row numbers were not to be had, and nobody had them when it was asked who does.
    again: Cell<u32>,
}

/// Counts the run's commit, if it is still its own to make: one statement does both, and shows that it lives. That it changed the
/// run's row is known once something is waited for.
fn number_commit(session: &Session, run: RunId, number: u64, at: Timestamp) -> database::Result<()> {
    let update = "UPDATE run SET commit_number = ?2, last_at = greatest(last_at, ?3), beat = beat + 1, beat_at = server_time() \
        WHERE id = ?1 AND commit_number = ?2 - 1 AND fenced_at IS NULL AND ended_at IS NULL";
    let mut update = session.prepare(update)?;
    Ok(update.post_for_one(params![run, number, at.as_microsecond()])?)
}

impl Server {
    pub(super) fn new(address: Address, facts: Facts, terms: &Terms, signs: Signs) -> Self {
        Self {
            address,
            claimant: Claimant {
                campaign: facts.campaign,
                message: facts.message,
                retry_refused: terms.retry_refused,
            },
            simulated: facts.simulated,
            max_cost: terms.max_cost,
            signs,
            again: Cell::new(0),
        }
    }

    /// Claims the numbers of a group's intents, inside the desk's transaction: the rooms of the intents that are to be written,
    /// in their order; `None` if others hold numbers.
    fn secure(&self, connection: &Connection, group: &mut [Order]) -> database::Result<Option<Vec<Room>>> {
        let Some(session) = connection.postgres() else {
            return Ok(Some(Vec::new()));
        };
        let wanting = group.iter().filter(|order| order.wants_room()).count();
        let ids = new_batches(session, wanting)?;
        let claimed = self.claim(session, group, &ids)?;
        Ok(claimed.then(|| ids.into_iter().map(Room::Row).collect()))
    }

    /// `false` if others hold numbers: the intents that have them got their answer.
    fn claim(&self, session: &Session, group: &mut [Order], ids: &[BatchId]) -> database::Result<bool> {
        let mut wanted = Vec::new();
        let mut ids = ids.iter().copied();
        for order in group.iter().filter(|order| order.wants_room()) {
            let (Order::Intend(intent, _), Some(id)) = (order, ids.next()) else {
                continue;
            };
            match intent.parent {
                // That they are not its parent's is refused with the row.
                Some(parent) => drop(
                    self.claimant
                        .hand_on(session, parent, id, &intent.batch.members)?,
                ),
                None => wanted.push((id, intent.batch.members.clone())),
            }
        }
        let lacking = self.claimant.claim(session, &Wanted::of(wanted))?;
        if lacking.is_empty() {
            self.again.set(0);
            return Ok(true);
        }
        let numbers: Vec<Msisdn> = lacking.iter().map(|(number, _)| *number).collect();
        let held = self.claimant.held(session, &numbers)?;
        if held.is_empty() && self.again.replace(self.again.get() + 1) > AGAIN_MAX {
            let why = "numbers are held for a batch that is not there, or change hands without an end";
            return Err(database::Error::senseless(0, Type::Integer, why));
        }
        for order in group.iter_mut().filter(|order| order.wants_room()) {
            let Order::Intend(intent, reply) = order else {
                continue;
            };
            let members = &intent.batch.members;
            let of_it: Vec<_> = held
                .iter()
                .filter(|held| intent.parent.is_none() && members.contains(&held.number))
                .copied()
                .collect();
            if !of_it.is_empty() {
                reply.result = Some(Ok(Intended::Held(of_it)));
            }
        }
        Ok(false)
    }

    /// Which of these numbers others hold, and how.
    pub(super) fn held(&self, connection: &Connection, numbers: &[Msisdn]) -> database::Result<Vec<Held>> {
        match connection.postgres() {
            Some(session) if !numbers.is_empty() => self.claimant.held(session, numbers),
            _ => Ok(Vec::new()),
        }
    }
}

impl Desk {
    /// Commits a group; again and again while the server is away.
    pub(super) fn transact_among_others(&mut self, group: &mut [Order]) -> Result<(), LedgerError> {
        let mut absence = Absence::begun();
        let mut pass = Pass::Together;
        loop {
            let before = (self.sequence, self.lines_read);
            let (failure, effects) = match self.carry_out_among_others(group, pass) {
                Err(failure) => (failure, None),
                Ok(effects) => match self.connection.commit() {
                    Ok(()) => {
                        self.committed(self.commit_number + 1, effects);
                        return Ok(());
                    }
                    Err(failure) => (self.failed("COMMIT", failure), Some(effects)),
                },
            };
            if failure.is_passing() {
                let number = self.come_back(failure, &mut absence)?;
                if number == self.commit_number + 1 {
                    let is_done = effects.is_some();
                    // Where no COMMIT was sent only the count came through: BEGIN alone had failed.
                    self.committed(number, effects.unwrap_or_default());
                    if is_done {
                        return Ok(());
                    }
                }
            } else if failure.is_of_one_order() && pass == Pass::Together {
                // Whose it is shows where each is waited for.
                pass = Pass::Apart;
                match self.roll_back() {
                    Err(lost) if lost.is_passing() => drop(self.come_back(lost, &mut absence)?),
                    rolled_back => rolled_back?,
                }
            } else {
                return Err(failure);
            }
            (self.sequence, self.lines_read) = before;
            group.iter_mut().for_each(Order::forget);
        }
    }

    fn committed(&mut self, number: u64, effects: Effects) {
        self.commit_number = number;
        if let Keeping::Server(server) = &self.keeping {
            server.signs.committed.store(number, Ordering::Release);
        }
        self.apply(effects);
    }

    /// Begins a transaction, claims what the group needs, carries it out and books its money; the transaction is left open.
    /// Whenever an order is answered otherwise than by being carried out, all is begun anew without it: a claim or a reservation
    /// of its must not stay behind.
    fn carry_out_among_others(&mut self, group: &mut [Order], pass: Pass) -> Result<Effects, LedgerError> {
        let before = (self.sequence, self.lines_read);
        loop {
            self.begin_among_others(group)
                .map_err(|error| self.failed("BEGIN", error))?;
            if let Some(rooms) = self.secure(group)?
                && let Some(mut effects) = self.pass_among_others(pass, group, &rooms)?
                && self.reserve(group, &rooms, &mut effects.money)?
            {
                self.book(effects.money)?;
                return Ok(effects);
            }
            self.roll_back()?;
            (self.sequence, self.lines_read) = before;
        }
    }

    fn begin_among_others(&self, group: &[Order]) -> database::Result<()> {
        let Some(session) = self.connection.postgres() else {
            return Ok(());
        };
        let at = group.iter().filter_map(|order| match order {
            // By the server's clock, which runs are not to hold theirs against.
            Order::Absent(..) => None,
            _ => order.at(),
        });
        let at = at.max().unwrap_or(Timestamp::UNIX_EPOCH);
        session.prepare("BEGIN")?.post(&[])?;
        number_commit(session, self.run, self.commit_number + 1, at)
    }

    /// Carries the group out in the transaction that was begun, and leaves it open; `None` if one was refused, and got its answer. An
    /// order that has its answer already is passed over.
    fn pass_among_others(
        &mut self,
        pass: Pass,
        group: &mut [Order],
        rooms: &[Room],
    ) -> Result<Option<Effects>, LedgerError> {
        let mut rooms = rooms.iter().copied();
        let mut effects = Effects::default();
        for order in group {
            if order.is_answered() {
                continue;
            }
            let mut done = self.carry_out(order, &mut rooms, &mut effects);
            if pass == Pass::Apart {
                done = done.and_then(|()| self.settle("an order written"));
            }
            match done {
                Ok(()) => {}
                Err(refusal) if refusal.is_of_one_order() && pass == Pass::Apart => {
                    order.refuse(refusal);
                    return Ok(None);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(Some(effects))
    }

    /// Behind it, the run is known to be still itself.
    fn secure(&self, group: &mut [Order]) -> Result<Option<Vec<Room>>, LedgerError> {
        let Keeping::Server(server) = &self.keeping else {
            return Ok(None);
        };
        let secured = server
            .secure(&self.connection, group)
            .map_err(|error| self.failed("numbers claimed", error))?;
        if secured.as_ref().is_some_and(Vec::is_empty) {
            self.settle("counting the commit")?;
        }
        Ok(secured)
    }

    fn reserve(&self, group: &mut [Order], rooms: &[Room], money: &mut Money) -> Result<bool, LedgerError> {
        let (Keeping::Server(server), Some(session)) = (&self.keeping, self.connection.postgres()) else {
            return Ok(true);
        };
        server
            .reserve(session, group, rooms, money)
            .map_err(|error| self.failed("money reserved", error))
    }

    fn book(&self, money: Money) -> Result<(), LedgerError> {
        let Keeping::Server(server) = &self.keeping else {
            return Ok(());
        };
        server
            .book(&self.connection, money)
            .map_err(|error| self.failed("money booked", error))
    }
}

/// Ids for batches that are about to be written.
fn new_batches(session: &Session, count: usize) -> database::Result<Vec<BatchId>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let query = "SELECT nextval(pg_get_serial_sequence('batch', 'id')) FROM generate_series(1::bigint, $1)";
    let ids = session.column(query, &[&i64::try_from(count).unwrap_or(i64::MAX)])?;
    Ok(ids.into_iter().map(BatchId).collect())
}
