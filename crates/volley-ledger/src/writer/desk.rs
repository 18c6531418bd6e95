//! The thread's side of the writer: one group of orders, one transaction.

mod files;
mod server;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, params};
use jiff::Timestamp;
use volley_model::{BatchState, LineCounts, Msisdn};

use super::{Order, Reply};
use crate::ledger::Hold;
use crate::place::Place;
use crate::postgres::{Patience, workers};
use crate::rows::{self, Concluded, OpenBatch, Position};
use crate::{
    BatchId, CampaignId, Conclusion, Intended, Intent, Ledger, LedgerError, MessageId, Outcome, Outlook,
    RunEnd, RunId, ledger, lookup, members, postgres, queries, schema, split,
};
use files::Files;
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
    /// One after another, nothing between them: none may be refused.
    Together,
    /// Each in a savepoint: a refused one leaves nothing behind.
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

/// How an order went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Through,
    Refused,
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

/// Counts the commit, and checks that no other run has begun since: one statement does both.
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
            drop(self.connection.execute_batch("ROLLBACK"));
        }
        for order in group.drain(..) {
            order.acknowledge(self.failure.as_ref());
        }
    }

    fn transact(&mut self, group: &mut [Order]) -> Result<(), LedgerError> {
        if matches!(self.keeping, Keeping::Server(_)) {
            return self.transact_among_others(group);
        }
        let slots = self.write_bodies(group)?;
        let effects = self.carry_out_all(group, &slots)?;
        self.execute("COMMIT")?;
        self.commit_number += 1;
        if let Keeping::Files(files) = &mut self.keeping {
            files.committed(&self.connection, &self.place, self.commit_number, group.len())?;
        }
        self.apply(effects);
        Ok(())
    }

    /// Begins a transaction and carries the group out in it.
    ///
    /// A savepoint costs two statements and a copy of each page that is changed in it, and an order is hardly ever refused.
    /// So none has one at first; if one is refused, the transaction is given up, and the same orders are carried out anew,
    /// each in its own. The bodies stay where they are.
    fn carry_out_all(&mut self, group: &mut [Order], rooms: &[Room]) -> Result<Effects, LedgerError> {
        let before = (self.sequence, self.lines_read);
        self.begin(group)?;
        if let Some(effects) = self.pass(Pass::Together, group, rooms)? {
            return Ok(effects);
        }
        self.execute("ROLLBACK")?;
        (self.sequence, self.lines_read) = before;
        self.begin(group)?;
        let effects = self.pass(Pass::Apart, group, rooms)?;
        // Each in a savepoint of its own, no refusal spoils the others.
        effects.ok_or_else(|| LedgerError::WriterStopped {
            detail: "a group could not be carried out one by one".to_owned(),
        })
    }

    /// Begins a transaction, and counts it.
    fn begin(&self, group: &[Order]) -> Result<(), LedgerError> {
        let at = group.iter().filter_map(|order| match (&self.keeping, order) {
            // By the server's clock, which runs are not to hold theirs against.
            (Keeping::Server(_), Order::Absent(..)) => None,
            _ => order.at(),
        });
        let at = at.max().unwrap_or(Timestamp::UNIX_EPOCH);
        let number = self.commit_number + 1;
        let path = &self.place.ledger;
        match &self.keeping {
            Keeping::Files(_) => {
                self.execute("BEGIN IMMEDIATE")?;
                number_commit(&self.connection, path, self.run, number, at)
            }
            Keeping::Server(_) => {
                self.execute_batch("BEGIN")?;
                server::number_commit(&self.connection, path, self.run, number, at)
            }
        }
    }

    /// Carries the group out in the transaction that was begun, and leaves it open; `None` if a refusal spoiled it. An
    /// intent that has its answer already is passed over.
    fn pass(
        &mut self,
        pass: Pass,
        group: &mut [Order],
        rooms: &[Room],
    ) -> Result<Option<Effects>, LedgerError> {
        let among_others = matches!(self.keeping, Keeping::Server(_));
        let mut rooms = rooms.iter().copied();
        let mut effects = Effects::default();
        for order in group {
            if among_others && order.is_answered() {
                continue;
            }
            let went = match pass {
                Pass::Together => self.carry_out(order, &mut rooms, &mut effects)?,
                Pass::Apart => self.carry_out_alone(order, &mut rooms, &mut effects)?,
            };
            if (pass, went) == (Pass::Together, Went::Refused) {
                return Ok(None);
            }
        }
        Ok(Some(effects))
    }

    /// Runs one order so that, refused by the database's rules, it leaves nothing behind and takes no other with it.
    fn carry_out_alone(
        &mut self,
        order: &mut Order,
        rooms: &mut impl Iterator<Item = Room>,
        effects: &mut Effects,
    ) -> Result<Went, LedgerError> {
        let before = (self.sequence, self.lines_read);
        self.execute("SAVEPOINT one")?;
        let went = self.carry_out(order, rooms, effects)?;
        if went == Went::Refused {
            (self.sequence, self.lines_read) = before;
            self.execute("ROLLBACK TO one")?;
        }
        self.execute("RELEASE one")?;
        Ok(went)
    }

    /// Runs one order, and keeps what its caller is to hear. The failure, if there is one, is the whole group's.
    fn carry_out(
        &mut self,
        order: &mut Order,
        rooms: &mut impl Iterator<Item = Room>,
        effects: &mut Effects,
    ) -> Result<Went, LedgerError> {
        match order {
            Order::Intend(intent, reply) => {
                let room = rooms.next().unwrap_or(Room::Slot(0));
                reply.keep(self.intend(intent, room, effects).map(Intended::Durable))
            }
            Order::Conclude(batch, conclusion, reply) => {
                reply.keep(self.conclude(*batch, conclusion, effects))
            }
            Order::Absent(batches, at, reply) => reply.keep(self.absent(batches, *at)),
            Order::BookLines(lines, reply) => reply.keep(self.book_lines(*lines)),
            Order::EndRun(end, reply) => reply.keep(self.end_run(end)),
            Order::Look(numbers, reply) => reply.keep(self.look(numbers)),
            Order::ReadBody(batch, reply) => {
                // Nothing written failed: whoever asked is told, and that is all.
                let body = ledger::read_body(&self.connection, &self.place, *batch);
                match body {
                    // Of the connection that all of the group needs.
                    Err(lost @ LedgerError::Server { .. }) => Err(lost),
                    body => {
                        reply.result = Some(body);
                        Ok(Went::Through)
                    }
                }
            }
        }
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

    fn intend(&mut self, intent: &Intent, room: Room, effects: &mut Effects) -> Result<BatchId, LedgerError> {
        let (slot, id) = match room {
            Room::Slot(slot) => (slot, None),
            Room::Row(id) => (0, Some(id)),
        };
        let body_bytes = intent.batch.body.len() as u64;
        self.sequence += 1;
        self.lines_read += intent.batch.lines.read();
        let position = Position {
            campaign: self.campaign,
            run: self.run,
            sequence: self.sequence,
            slot,
            lines_read: self.lines_read,
            id,
        };
        let written = self.insert(intent, position);
        let batch = written.inspect_err(|_| effects.freed.push((slot, body_bytes)))?;
        let open = OpenBatch {
            slot,
            body_bytes,
            simulated: intent.simulated,
            reserved: intent.reserved,
            currency: intent.currency,
            doubt_since: None,
        };
        effects.open.push((batch, Some(open)));
        Ok(batch)
    }

    /// Writes an intent with its members.
    fn insert(&self, intent: &Intent, position: Position) -> Result<BatchId, LedgerError> {
        split::refuse_misfit(&self.connection, &self.place.ledger, intent)?;
        let written = rows::insert(&self.connection, intent, position).and_then(|batch| {
            let numbers = members::encode(&intent.batch.key.0, &intent.batch.members);
            let insert = "INSERT INTO members (batch, numbers) VALUES (?1, ?2)";
            self.connection
                .prepare_cached(insert)?
                .execute(params![batch, numbers])?;
            if let Keeping::Server(_) = self.keeping {
                postgres::bodies::write(&self.connection, batch, &intent.batch)?;
            }
            Ok(batch)
        });
        written.map_err(|error| self.failed("an intent written", error))
    }

    fn conclude(
        &mut self,
        batch: BatchId,
        conclusion: &Conclusion,
        effects: &mut Effects,
    ) -> Result<(), LedgerError> {
        let Conclusion {
            outcome,
            attempts,
            at,
        } = conclusion;
        let open = self.facts(batch)?;
        if let Outcome::Split { named, .. } = outcome {
            split::refuse_stranger(&self.connection, &self.place.ledger, batch, *named)?;
        }
        let row = Concluded::new(outcome.clone(), &open, *at, self.run);
        rows::conclude(&self.connection, batch, &row)
            .map_err(|error| self.failed("an outcome written", error))?;
        if let Keeping::Server(server) = &self.keeping {
            server.concluded(&open, &row, &mut effects.money);
        }
        rows::add_attempts(&self.connection, batch, self.run, attempts)
            .map_err(|error| self.failed("an attempt written", error))?;
        if row.state == BatchState::InDoubt {
            effects.open.push((
                batch,
                Some(OpenBatch {
                    doubt_since: row.doubt_since,
                    ..open
                }),
            ));
        } else {
            effects.open.push((batch, None));
        }
        Ok(())
    }

    /// What must be known of a batch to conclude it: from memory while it is open, else from its row.
    fn facts(&self, batch: BatchId) -> Result<OpenBatch, LedgerError> {
        if let Some(open) = self.open.get(&batch) {
            return Ok(*open);
        }
        let found = queries::batch(&self.connection, &self.place.ledger, batch)?;
        found.map(|row| row.open()).ok_or_else(|| LedgerError::Refused {
            path: self.place.ledger.clone(),
            step: "an outcome written",
            detail: format!("there is no batch {batch}"),
        })
    }

    fn absent(&mut self, batches: &[BatchId], at: Timestamp) -> Result<(), LedgerError> {
        // One listing lacks a batch once.
        let batches: BTreeSet<BatchId> = batches.iter().copied().collect();
        for batch in batches {
            lookup::add(&self.connection, batch, self.run, at)
                .map_err(|error| self.failed("a lookup written", error))?;
        }
        Ok(())
    }

    fn book_lines(&mut self, lines: LineCounts) -> Result<(), LedgerError> {
        self.sequence += 1;
        self.lines_read += lines.read();
        let insert = "INSERT INTO lines_behind (run, sequence, lines_invalid, lines_suppressed, lines_duplicate, \
            lines_already_sent, lines_refused, lines_in_doubt, lines_planned, lines_read) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let [
            invalid,
            suppressed,
            duplicate,
            already_sent,
            refused,
            in_doubt,
            planned,
        ] = lines.in_order();
        let values = params![
            self.run,
            self.sequence,
            invalid,
            suppressed,
            duplicate,
            already_sent,
            refused,
            in_doubt,
            planned,
            self.lines_read
        ];
        let written = self.connection.execute(insert, values);
        written
            .map(drop)
            .map_err(|error| self.failed("lines booked", error))
    }

    fn end_run(&mut self, end: &RunEnd) -> Result<(), LedgerError> {
        if end.lines_freed + end.lines_refused > 0 {
            let update = "UPDATE run SET lines_freed = ?2, lines_refused = ?3 WHERE id = ?1";
            self.connection
                .execute(update, params![self.run, end.lines_freed, end.lines_refused])
                .map_err(|error| self.failed("the run's end written", error))?;
        }
        let update = "UPDATE run SET ended_at = ?2, outcome = ?3, reason = ?4, exit_code = ?5, \
            lines_settled = ?6 WHERE id = ?1";
        let values = params![
            self.run,
            end.at.as_microsecond(),
            end.outcome,
            end.reason,
            end.exit_code,
            end.lines_settled
        ];
        let written = self.connection.execute(update, values);
        written
            .map(drop)
            .map_err(|error| self.failed("the run's end written", error))
    }

    fn look(&self, numbers: &[Msisdn]) -> Result<Outlook, LedgerError> {
        let failed = |error| self.failed("looking at the doubts", error);
        let query = "SELECT count(*) FROM batch WHERE campaign = ?1 AND state = 'in_doubt'";
        let in_doubt = self
            .connection
            .query_row(query, [self.campaign], |row| row.get(0))
            .map_err(failed)?;
        let (left_to_others, held) = match &self.keeping {
            Keeping::Files(_) => (Vec::new(), Vec::new()),
            Keeping::Server(server) => (
                workers::left_to_others(&self.connection, self.campaign, self.run).map_err(failed)?,
                server.held(&self.connection, numbers).map_err(failed)?,
            ),
        };
        Ok(Outlook {
            in_doubt,
            left_to_others,
            held,
        })
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

    fn execute_batch(&self, statement: &'static str) -> Result<(), LedgerError> {
        self.connection
            .execute_batch(statement)
            .map_err(|error| self.failed(statement, error))
    }

    fn execute(&self, statement: &'static str) -> Result<(), LedgerError> {
        self.connection
            .prepare_cached(statement)
            .and_then(|mut prepared| prepared.execute([]))
            .map(drop)
            .map_err(|error| self.failed(statement, error))
    }

    fn failed(&self, step: &'static str, error: database::Error) -> LedgerError {
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

impl Order {
    /// Whether it got another answer than that it is carried out: it is refused, or its numbers or its money are not to be had.
    fn is_answered(&self) -> bool {
        match self {
            Self::Intend(_, reply) => {
                matches!(
                    &reply.result,
                    Some(Ok(Intended::Held(_) | Intended::OverBudget { .. }) | Err(_))
                )
            }
            Self::Conclude(_, _, reply)
            | Self::Absent(_, _, reply)
            | Self::BookLines(_, reply)
            | Self::EndRun(_, reply) => {
                matches!(reply.result, Some(Err(_)))
            }
            Self::ReadBody(..) | Self::Look(..) => false,
        }
    }

    /// When what it reports happened.
    fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Intend(intent, _) => Some(intent.at),
            Self::Conclude(_, conclusion, _) => Some(conclusion.at),
            Self::Absent(_, at, _) => Some(*at),
            Self::EndRun(end, _) => Some(end.at),
            Self::BookLines(..) | Self::ReadBody(..) | Self::Look(..) => None,
        }
    }
}

impl<T> Reply<T> {
    /// Keeps what came of the order. A refusal is its own alone; any other failure ends the whole group.
    fn keep(&mut self, result: Result<T, LedgerError>) -> Result<Went, LedgerError> {
        let went = match &result {
            Ok(_) => Went::Through,
            Err(LedgerError::Refused { .. } | LedgerError::KeyUsed { .. }) => Went::Refused,
            Err(failure) => return Err(failure.clone()),
        };
        self.result = Some(result);
        Ok(went)
    }
}

#[cfg(test)]
mod tests;
