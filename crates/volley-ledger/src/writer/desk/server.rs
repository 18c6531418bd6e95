//! What only a ledger on a server has: claims, money that all workers share, and connections that are lost.
//!
//! ```text
//!  BEGIN ─► the run counts its commit: it is still itself ─► numbers claimed ─► orders ─► money reserved ─► COMMIT
//!              │ fenced: it ends                                │ held                       │ too dear: given up,
//!              ▼                                                ▼                            ▼ begun anew without those intents
//! ```
//! A COMMIT whose answer is lost may have happened: whoever connects again reads the run's own count of its commits, and
//! either goes on from there or does the same once more.
//! One that hangs is one that is away, once an answer was waited for in vain. What it was asked for last it may still do when it
//! goes on: a COMMIT holds the run's row until then, and whoever reads the count waits for the row.
//! Bounds: [`PATIENCE`] for a server that is away; [`Patience`] for an answer.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::types::Type;
use rust_decimal::Decimal;
use volley_model::{Amount, Msisdn};

use super::{Desk, Effects, Facts, Keeping, Order, Pass, Room};
use crate::database::{self, Connection, OptionalExtension as _, params};
use crate::postgres::claims::{Claimant, Wanted};
use crate::postgres::{Address, Hurry, Patience, Session, Use, workers};
use crate::rows::{Concluded, OpenBatch};
use crate::{BatchId, Held, Intended, LedgerError, RunId, Terms, queries};

/// How long a server may be away before the run ends: as long as a provider may.
const PATIENCE: Duration = Duration::from_mins(5);
/// So often what changed hands meanwhile is asked for once more.
const AGAIN_MAX: u32 = 20;
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

pub(super) struct Server {
    address: Address,
    claimant: Claimant,
    simulated: bool,
    max_cost: Option<Amount>,
    signs: Signs,
    /// How often in a row numbers were not to be had, and nobody had them when it was asked who does.
    again: Cell<u32>,
}

/// What is told between threads.
pub(super) struct Signs {
    /// How long an answer is waited for.
    pub(super) patience: Patience,
    /// How many commits were acknowledged.
    pub(super) committed: Arc<AtomicU64>,
}

/// The server has been away for one group, through however many connections: one that lets us connect, and not write, is
/// tried ever more slowly, too.
struct Absence {
    begun: Instant,
    pause: Duration,
}

impl Absence {
    fn begun() -> Self {
        Self {
            begun: Instant::now(),
            pause: PAUSE_MIN,
        }
    }

    fn next_pause(&mut self) -> Duration {
        let longer = (self.pause * 2).min(PAUSE_MAX);
        std::mem::replace(&mut self.pause, longer)
    }
}

/// What a transaction changes of the campaign's money.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Money {
    settled: Decimal,
    reserved: Decimal,
}

/// Counts the run's commit, and checks that it is still its own to make: one statement does both, and shows that it lives.
pub(super) fn number_commit(
    connection: &Connection,
    path: &Path,
    run: RunId,
    number: u64,
    at: Timestamp,
) -> Result<(), LedgerError> {
    let update = "UPDATE run SET commit_number = ?2, last_at = greatest(last_at, ?3), beat = beat + 1, beat_at = server_time() \
        WHERE id = ?1 AND commit_number = ?2 - 1 AND fenced_at IS NULL AND ended_at IS NULL";
    let rows = connection
        .prepare_cached(update)
        .and_then(|mut statement| statement.execute(params![run, number, at.as_microsecond()]))
        .map_err(|error| LedgerError::database(path, "counting the commit", error))?;
    if rows == 1 {
        return Ok(());
    }
    Err(LedgerError::Buried {
        path: path.to_owned(),
        run,
    })
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

    /// Reserves what a group's intents may cost, its outcomes being counted already: `false` if some do not fit into the budget,
    /// and got their answer. Last of all, since the row is every worker's, and is held up to COMMIT.
    fn reserve(
        &self,
        session: &Session,
        group: &mut [Order],
        rooms: &[Room],
        money: &mut Money,
    ) -> database::Result<bool> {
        let (Some(max_cost), false) = (self.max_cost, self.simulated) else {
            return Ok(true);
        };
        if rooms.is_empty() {
            return Ok(true);
        }
        let query = "SELECT (settled + reserved)::text FROM budget WHERE campaign = $1 FOR UPDATE";
        let found = session.one(query, &[&self.claimant.campaign.0])?;
        let mut spent = decimal(found.get(0))? + money.settled + money.reserved;
        let (mut some_fit, mut all_fit) = (false, true);
        for order in group.iter_mut().filter(|order| order.wants_room()) {
            let Order::Intend(intent, reply) = order else {
                continue;
            };
            let wanted = intent.reserved.unwrap_or_default().decimal();
            if spent + wanted <= max_cost.decimal() {
                spent += wanted;
                money.reserved += wanted;
                some_fit = true;
                continue;
            }
            all_fit = false;
            reply.result = Some(Ok(Intended::OverBudget {
                spent: Amount::try_from(spent).unwrap_or_default(),
                // Those of this group that fit are written once this one is out of the way.
                open: some_fit || self.others_are_open(session, rooms)?,
            }));
        }
        Ok(all_fit)
    }

    /// Whether an answer may still make room, besides those to the intents that this transaction writes; or one about a doubt,
    /// as of a file.
    fn others_are_open(&self, session: &Session, rooms: &[Room]) -> database::Result<bool> {
        let query = format!(
            "SELECT EXISTS (SELECT FROM batch WHERE campaign = $1 AND id <> ALL ($2) AND (state = 'intended' OR {}))",
            workers::is_to_be_asked_about()
        );
        let ours: Vec<i64> = rooms
            .iter()
            .filter_map(|room| match room {
                Room::Row(id) => Some(id.0),
                Room::Slot(_) => None,
            })
            .collect();
        Ok(session.one(&query, &[&self.claimant.campaign.0, &ours])?.get(0))
    }

    /// Which of these numbers others hold, and how.
    pub(super) fn held(&self, connection: &Connection, numbers: &[Msisdn]) -> database::Result<Vec<Held>> {
        match connection.postgres() {
            Some(session) if !numbers.is_empty() => self.claimant.held(session, numbers),
            _ => Ok(Vec::new()),
        }
    }

    /// What an outcome makes of the money. (Its body goes by a rule of the schema.)
    pub(super) fn concluded(&self, was: &OpenBatch, is: &Concluded, money: &mut Money) {
        if is.is_open() {
            return;
        }
        if self.max_cost.is_some() && !was.simulated {
            let cost = is.cost.map(|cost| cost.amount.decimal());
            if cost.is_some() || !queries::state_may_be_owed(is.state) {
                money.reserved -= was.reserved.unwrap_or_default().decimal();
            }
            money.settled += cost.unwrap_or_default();
        }
    }

    /// Books what a transaction changes of the campaign's money.
    fn book(&self, connection: &Connection, money: Money) -> database::Result<()> {
        if money.settled.is_zero() && money.reserved.is_zero() {
            return Ok(());
        }
        let update = "UPDATE budget SET settled = settled + ?2::text::numeric, reserved = reserved + ?3::text::numeric \
            WHERE campaign = ?1";
        let (settled, reserved) = (money.settled.to_string(), money.reserved.to_string());
        connection
            .prepare_cached(update)?
            .execute(params![self.claimant.campaign, settled, reserved])
            .map(drop)
    }
}

impl Desk {
    /// Commits a group; again and again while the server is away.
    pub(super) fn transact_among_others(&mut self, group: &mut [Order]) -> Result<(), LedgerError> {
        let mut absence = Absence::begun();
        loop {
            let before = (self.sequence, self.lines_read);
            let (failure, effects) = match self.carry_out_among_others(group) {
                Err(failure) => (failure, None),
                Ok(effects) => match self.execute_batch("COMMIT") {
                    Ok(()) => {
                        self.committed(self.commit_number + 1, effects);
                        return Ok(());
                    }
                    Err(failure) => (failure, Some(effects)),
                },
            };
            if !failure.is_passing() {
                return Err(failure);
            }
            let number = self.come_back(failure, &mut absence)?;
            if let Some(effects) = effects
                && number == self.commit_number + 1
            {
                self.committed(number, effects);
                return Ok(());
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
    fn carry_out_among_others(&mut self, group: &mut [Order]) -> Result<Effects, LedgerError> {
        let before = (self.sequence, self.lines_read);
        loop {
            self.begin(group)?;
            if let Some(rooms) = self.secure(group)?
                && let Some(mut effects) = self.pass(Pass::Together, group, &rooms)?
                && self.reserve(group, &rooms, &mut effects.money)?
            {
                self.book(effects.money)?;
                return Ok(effects);
            }
            self.execute_batch("ROLLBACK")?;
            (self.sequence, self.lines_read) = before;
        }
    }

    fn secure(&self, group: &mut [Order]) -> Result<Option<Vec<Room>>, LedgerError> {
        let Keeping::Server(server) = &self.keeping else {
            return Ok(None);
        };
        server
            .secure(&self.connection, group)
            .map_err(|error| self.failed("numbers claimed", error))
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

    /// Connects again, and finds out how many commits of this run there are: those that are known, or one more.
    fn come_back(&mut self, failure: LedgerError, absence: &mut Absence) -> Result<u64, LedgerError> {
        let Keeping::Server(server) = &self.keeping else {
            return Err(failure);
        };
        let mut failure = failure;
        loop {
            if absence.begun.elapsed() >= PATIENCE || server.signs.patience.hurry().is_told() {
                return Err(failure);
            }
            wait(absence.next_pause(), server.signs.patience.hurry());
            let found = connect(&self.place.ledger, &server.address, &server.signs).and_then(|connection| {
                let number = commits(&connection, &self.place.ledger, self.run)?;
                Ok((connection, number))
            });
            match found {
                Ok((connection, number))
                    if (self.commit_number..=self.commit_number + 1).contains(&number) =>
                {
                    self.connection = connection;
                    return Ok(number);
                }
                Ok((_, number)) => {
                    let detail = format!(
                        "run {} made {} commits, and the server has {number} of them",
                        self.run, self.commit_number
                    );
                    return Err(LedgerError::displaced(&self.place.ledger, detail));
                }
                Err(again) if again.is_passing() => failure = again,
                Err(other) => return Err(other),
            }
        }
    }
}

pub(super) fn connect(path: &Path, address: &Address, signs: &Signs) -> Result<Connection, LedgerError> {
    let session = Session::connect(address, Use::Write, signs.patience.clone());
    session
        .map(Connection::Postgres)
        .map_err(|error| LedgerError::database(path, "connecting", error.into()))
}

/// How many commits of the run the server has.
fn commits(connection: &Connection, path: &Path, run: RunId) -> Result<u64, LedgerError> {
    // Behind a commit of this run's that may still be under way over the connection that was lost: it holds the row.
    let query = "SELECT commit_number, fenced_at IS NOT NULL FROM run WHERE id = ?1 FOR UPDATE";
    let found: Option<(u64, bool)> = connection
        .query_row(query, [run], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(|error| LedgerError::database(path, "looking the run up", error))?;
    match found {
        Some((number, false)) => Ok(number),
        Some((_, true)) => Err(LedgerError::Buried {
            path: path.to_owned(),
            run,
        }),
        None => Err(LedgerError::displaced(path, format!("run {run} is gone"))),
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

#[expect(
    clippy::disallowed_methods,
    reason = "the thread has nothing else to do: all that it could write waits for the server"
)]
fn wait(pause: Duration, hurry: &Hurry) {
    let begun = Instant::now();
    while !hurry.is_told() && begun.elapsed() < pause {
        std::thread::sleep(PAUSE_MIN.min(pause.saturating_sub(begun.elapsed())));
    }
}

impl Order {
    /// Whether it is an intent that is to be written.
    fn wants_room(&self) -> bool {
        matches!(self, Self::Intend(..)) && !self.is_answered()
    }

    /// What came of it was not committed.
    fn forget(&mut self) {
        match self {
            Self::Intend(_, reply) => reply.result = None,
            Self::ReadBody(_, reply) => reply.result = None,
            Self::Look(_, reply) => reply.result = None,
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => reply.result = None,
        }
    }
}

/// An exact decimal as the server writes it.
fn decimal(text: &str) -> database::Result<Decimal> {
    text.parse()
        .map_err(|error: rust_decimal::Error| database::Error::senseless(0, Type::Text, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn through_one_absence_the_pauses_grow_up_to_a_bound() {
        let mut absence = Absence::begun();
        let pauses = [(); 8].map(|()| absence.next_pause().as_millis());
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
