//! Batches with all that is known of them, each led to its state by the ways that are drawn.

use rusqlite::types::Value;
use volley_model::{BatchState, Msisdn};

use super::Way;
use super::campaign_rows::Copying;
use super::table::{self, Ids};
use crate::rows::{self, BatchRow, COLUMNS};
use crate::{BatchId, LedgerError, ledger, lookup, members, postgres, pricing, queries, word};

const ATTEMPT: &str = "batch, number, run, handed_over_at, ended_at, evidence";

// Where columns stand in `COLUMNS`: an intent's are those before its checksum, without the id.
const RUN: usize = 2;
const PARENT: usize = 4;
const SLOT: usize = 9;
const INTENT_SUM: usize = 24;
const CONCLUDED_RUN: usize = 39;

// And in `SUMMED`, the columns of an outcome.
const STATE: usize = 1;
const REASON: usize = 2;
const COST: usize = 8;
const COST_END: usize = 11;
const NAMED: usize = 12;
const DOUBT_SINCE: usize = 13;
const CONCLUDED_AT: usize = 14;

/// The batches of one campaign on their way.
pub(super) struct Batches<'a> {
    way: &'a Way<'a>,
    copying: &'a Copying,
    ids: Ids,
    count: u64,
    bodies_lost: Vec<BatchId>,
    named_gone: Vec<Outcome>,
}

/// The values of [`SUMMED`].
pub(super) type Outcome = Vec<Value>;

impl<'a> Batches<'a> {
    pub(super) fn new(way: &'a Way<'a>, copying: &'a Copying) -> Self {
        Self {
            way,
            copying,
            ids: Ids::default(),
            count: 0,
            bodies_lost: Vec::new(),
            named_gone: Vec::new(),
        }
    }

    /// How many; those whose bodies are lost; and the outcomes of split ones whose named numbers were erased, which can be told
    /// only once their campaign is closed.
    pub(super) fn told(self) -> (u64, Vec<BatchId>, Vec<Outcome>) {
        (self.count, self.bodies_lost, self.named_gone)
    }

    /// Oldest first: a child comes behind its parent, and of several batches with a number the last one has it.
    pub(super) fn all(&mut self) -> Result<(), LedgerError> {
        let query = "SELECT id FROM batch WHERE campaign = ?1 ORDER BY id";
        for id in self.way.rows(query, &self.copying.old)?.concat() {
            self.one(&id)?;
            self.count += 1;
        }
        Ok(())
    }

    fn one(&mut self, old: &Value) -> Result<(), LedgerError> {
        let (batch, mut values) = self.read(old)?;
        let way = self.way;
        values[1] = self.copying.new.into();
        way.exchange(&self.copying.runs, &mut values[RUN])?;
        way.exchange(&self.ids, &mut values[PARENT])?;
        values[SLOT] = Value::Integer(0);
        if !self.copying.runs.exchange(&mut values[CONCLUDED_RUN]) {
            // A run of another campaign found it open: that one has not come along, or not yet.
            values[CONCLUDED_RUN] = Value::Null;
        }
        let new = rows::insert_values(way.to, values[1..INTENT_SUM].to_vec())
            .map_err(|error| way.unwritten(error))?;
        self.ids.insert(old, new.0);
        let mut outcome: Outcome = vec![new.into()];
        outcome.extend_from_slice(&values[INTENT_SUM + 1..=CONCLUDED_RUN]);
        let numbers = self.numbers(&batch, new)?;
        self.words(old, new)?;
        self.conclude(&batch, old, outcome)?;
        self.attempts(old, new)?;
        self.claim(new, &numbers)?;
        if batch.is_open() {
            self.body(&batch, new)?;
        }
        Ok(())
    }

    /// A batch's row, its checksums checked, as what it means and as it stands.
    fn read(&self, old: &Value) -> Result<(BatchRow, Vec<Value>), LedgerError> {
        let way = self.way;
        let query = format!("SELECT {COLUMNS} FROM batch WHERE id = ?1");
        let mut statement = way
            .from
            .prepare_cached(&query)
            .map_err(|error| way.unread(error))?;
        statement
            .query_row(vec![old.clone()], |row| {
                Ok((BatchRow::read(row), table::values(row)?))
            })
            .map_err(|error| way.unread(error))
            .and_then(|(read, values)| {
                let batch = read.map_err(|error| error.at(&way.from_place.ledger))?;
                Ok((batch, values))
            })
    }

    /// The numbers of a batch, written; none where they were erased.
    fn numbers(&self, batch: &BatchRow, new: BatchId) -> Result<Vec<Msisdn>, LedgerError> {
        let way = self.way;
        let query = "SELECT closed_at FROM campaign WHERE id = ?1";
        if way.rows(query, &self.copying.old)?.concat() != [Value::Null] {
            return Ok(Vec::new());
        }
        let numbers = queries::members(way.from, &way.from_place.ledger, batch)?;
        let packed = Value::Blob(members::encode(&batch.request_key, &numbers));
        way.write("members", "batch, numbers", vec![new.into(), packed])?;
        Ok(numbers)
    }

    /// What operators said of it, before the states that follow from their words.
    fn words(&self, old: &Value, new: BatchId) -> Result<(), LedgerError> {
        for mut row in self
            .way
            .summed_rows("resolution", word::SUMMED, "batch = ?1 ORDER BY id", old)?
        {
            row[0] = new.into();
            self.way.write_summed("resolution", word::SUMMED, row)?;
        }
        Ok(())
    }

    /// Leads it to its state, with the lookups and the price that only states on the way allow.
    fn conclude(&mut self, batch: &BatchRow, old: &Value, outcome: Outcome) -> Result<(), LedgerError> {
        let lookups = self
            .way
            .summed_rows("lookup", lookup::COLUMNS, "batch = ?1 ORDER BY number", old)?;
        let prices = self
            .way
            .summed_rows("pricing", pricing::COLUMNS, "batch = ?1", old)?;
        let was_in_doubt = match batch.state {
            BatchState::DeclaredSent | BatchState::DeclaredNotSent | BatchState::Abandoned => true,
            _ => !lookups.is_empty(),
        };
        if was_in_doubt {
            self.set(in_doubt(&outcome))?;
            for mut row in lookups {
                row[0] = outcome[0].clone();
                self.way.exchange(&self.copying.runs, &mut row[2])?;
                self.way.write_summed("lookup", lookup::COLUMNS, row)?;
            }
        }
        if batch.state == BatchState::Withdrawn || !prices.is_empty() {
            self.set(accepted(&outcome, !prices.is_empty()))?;
            for mut row in prices {
                row[0] = outcome[0].clone();
                self.way.write_summed("pricing", pricing::COLUMNS, row)?;
            }
        }
        match batch.state {
            BatchState::Intended => Ok(()),
            BatchState::Split if batch.named_number.is_none() => {
                let mut named = outcome.clone();
                named[NAMED] = Value::Integer(0);
                self.named_gone.push(outcome);
                self.set(named)
            }
            _ => self.set(outcome),
        }
    }

    fn set(&self, outcome: Outcome) -> Result<(), LedgerError> {
        self.way.set(outcome)
    }

    fn attempts(&self, old: &Value, new: BatchId) -> Result<(), LedgerError> {
        let query = format!("SELECT {ATTEMPT} FROM attempt WHERE batch = ?1 ORDER BY number");
        for mut row in self.way.rows(&query, old)? {
            row[0] = new.into();
            self.way.exchange(&self.copying.runs, &mut row[2])?;
            self.way.write("attempt", ATTEMPT, row)?;
        }
        Ok(())
    }

    /// Claims its numbers, but for those that an earlier batch has reached, or may have.
    fn claim(&self, new: BatchId, numbers: &[Msisdn]) -> Result<(), LedgerError> {
        let Some(session) = self.way.to.postgres() else {
            return Ok(());
        };
        let numbers: Vec<i64> = numbers.iter().map(|number| number.get().cast_signed()).collect();
        let claim = "INSERT INTO claim AS held (campaign, number, batch) \
            SELECT $1, wanted.number, $3 FROM unnest($2::bigint[]) AS wanted (number) \
            ON CONFLICT (campaign, number) DO UPDATE SET batch = excluded.batch WHERE is_free(held.batch, held.number)";
        session
            .change(claim, &[&self.copying.new.0, &numbers, &new.0])
            .map(drop)
            .map_err(|error| self.way.unwritten(error.into()))
    }

    fn body(&mut self, batch: &BatchRow, new: BatchId) -> Result<(), LedgerError> {
        let way = self.way;
        let Some(body) = ledger::kept_body(way.from, way.from_place, batch)? else {
            self.bodies_lost.push(new);
            return Ok(());
        };
        postgres::bodies::keep(way.to, new, &batch.request_key, &body).map_err(|error| way.unwritten(error))
    }
}

impl Way<'_> {
    fn set(&self, outcome: Outcome) -> Result<(), LedgerError> {
        rows::conclude_values(self.to, outcome)
            .map(drop)
            .map_err(|error| self.unwritten(error))
    }

    /// Takes the placeholders out again that split batches had where their named numbers were erased.
    pub(super) fn erase_named(&self, outcomes: Vec<Outcome>) -> Result<(), LedgerError> {
        outcomes.into_iter().try_for_each(|outcome| self.set(outcome))
    }
}

/// The doubt that came before an outcome.
fn in_doubt(outcome: &Outcome) -> Outcome {
    let mut doubt = vec![Value::Null; outcome.len()];
    let at = &outcome[CONCLUDED_AT];
    let since = &outcome[DOUBT_SINCE];
    let reason = &outcome[REASON];
    doubt[0] = outcome[0].clone();
    doubt[STATE] = Value::Text(BatchState::InDoubt.name().to_owned());
    doubt[REASON] = if *reason == Value::Null {
        Value::Text("in doubt before".to_owned())
    } else {
        reason.clone()
    };
    doubt[DOUBT_SINCE] = if *since == Value::Null { at } else { since }.clone();
    doubt[CONCLUDED_AT] = at.clone();
    doubt
}

/// The acceptance that came before an outcome, without a cost where its price came later.
fn accepted(outcome: &Outcome, priced_later: bool) -> Outcome {
    let mut accepted = outcome.clone();
    accepted[STATE] = Value::Text(BatchState::Accepted.name().to_owned());
    if priced_later {
        accepted[COST..COST_END].fill(Value::Null);
    }
    accepted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::SUMMED;

    #[test]
    fn columns_stand_where_they_are_taken_from() {
        let at = |columns: &str, name: &str| columns.split(", ").position(|column| column == name);
        for (name, place) in [
            ("campaign", 1),
            ("run", RUN),
            ("parent", PARENT),
            ("slot", SLOT),
            ("intent_sum", INTENT_SUM),
            ("state", INTENT_SUM + 1),
            ("concluded_run", CONCLUDED_RUN),
        ] {
            assert_eq!(at(COLUMNS, name), Some(place), "{name}");
        }
        for (name, place) in [
            ("state", STATE),
            ("reason", REASON),
            ("cost", COST),
            ("cost_source", COST_END - 1),
            ("named_number", NAMED),
            ("doubt_since", DOUBT_SINCE),
            ("concluded_at", CONCLUDED_AT),
        ] {
            assert_eq!(at(SUMMED, name), Some(place), "{name}");
        }
    }
}
