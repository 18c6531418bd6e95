//! What each order writes, whichever database it is written to.
//!
//! A server is not waited for where nothing has to be known before the group can go on: that a statement failed is told to whoever
//! waits next, or commits. Not here: transactions, and whom a failure concerns.

use std::collections::BTreeSet;

use jiff::Timestamp;
use volley_model::{BatchState, LineCounts, Msisdn};

use super::{Desk, Effects, Keeping, Order, Room};
use crate::database::{self, params};
use crate::postgres::{self, workers};
use crate::rows::{self, Concluded, OpenBatch, Position};
use crate::{BatchId, Conclusion, Intended, Intent, LedgerError, Outcome, Outlook, RunEnd};
use crate::{ledger, lookup, members, queries, split};

impl Desk {
    /// Runs one order, and keeps what its caller is to hear.
    pub(super) fn carry_out(
        &mut self,
        order: &mut Order,
        rooms: &mut impl Iterator<Item = Room>,
        effects: &mut Effects,
    ) -> Result<(), LedgerError> {
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
                // What was posted before is other orders', and told first.
                self.settle("a group written")?;
                // Nothing written failed: whoever asked is told, and that is all.
                let body = ledger::read_body(&self.connection, &self.place, *batch);
                match body {
                    // Of the connection that all of the group needs.
                    Err(lost @ LedgerError::Server { .. }) => Err(lost),
                    body => {
                        reply.result = Some(body);
                        Ok(())
                    }
                }
            }
        }
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
                .post(params![batch, numbers])?;
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
        self.post(insert, values)
            .map_err(|error| self.failed("lines booked", error))
    }

    fn end_run(&mut self, end: &RunEnd) -> Result<(), LedgerError> {
        if end.lines_freed + end.lines_refused > 0 {
            let update = "UPDATE run SET lines_freed = ?2, lines_refused = ?3 WHERE id = ?1";
            self.post(update, params![self.run, end.lines_freed, end.lines_refused])
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
        self.post(update, values)
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

    fn post(&self, statement: &str, values: impl database::Params) -> database::Result<()> {
        self.connection.prepare_cached(statement)?.post(values)
    }
}
