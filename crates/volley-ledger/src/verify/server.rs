//! What of a ledger on a server is checked in another way: what its schema is made of, and who holds each number.
//!
//! Bounds: batches are read [`PAGE`] at a time, and the numbers of one batch are looked up at once. Of claims one count a batch is
//! kept.
//! Not here: the pages of its tables, which are PostgreSQL's own matter (`amcheck`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use volley_model::{BatchState, Msisdn};

use super::{Check, STEP, Step, Verification};
use crate::database::{self, Connection, Row};
use crate::ledger::server::{self, SCHEMA};
use crate::postgres;
use crate::rows::{BatchRow, COLUMN_COUNT, COLUMNS};
use crate::{BatchId, LedgerError, members};

const PAGE: i64 = 200;

const RESTORE: &str = "keep the database as it is, and restore its newest sound backup beside it";

/// Checks the ledger at that address.
pub(super) fn verify(path: &Path) -> Result<Verification, LedgerError> {
    let (connection, place) = server::look(path)?;
    // One moment for all questions, beside whoever writes.
    connection
        .execute_batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .map_err(|error| LedgerError::database(&place.ledger, STEP, error))?;
    let mut check = Check {
        found: Verification::of(&place),
        connection,
        place,
    };
    if check.objects()? {
        check.take(&STEPS)?;
    }
    let mut found = check.found;
    for finding in &mut found.findings {
        if finding.remedy == super::RESTORE {
            RESTORE.clone_into(&mut finding.remedy);
        }
    }
    Ok(found)
}

const STEPS: [Step; 12] = [
    Check::campaigns,
    Check::batches,
    Check::splits,
    Check::words,
    Check::schedules,
    Check::lookups,
    Check::prices,
    Check::list_campaigns,
    Check::suppressions,
    Check::conservation,
    Check::claims,
    Check::bodies,
];

/// What the schema is made of: kind and name, and of a function that is kept as text, its text.
type Objects = BTreeMap<String, Option<String>>;

impl Check {
    /// Whether everything is there that Volley made. Without a table or a view nothing more can be asked.
    fn objects(&mut self) -> Result<bool, LedgerError> {
        let made = made();
        let mut found = found(&self.connection).map_err(|error| self.failed(error))?;
        let mut whole = true;
        for (name, text) in made {
            let fault = match found.remove(&name) {
                None => "it is gone",
                Some(Object { enabled: false, .. }) => "it is disabled",
                Some(object) if text.is_some() && object.text != text => "it is not as Volley made it",
                Some(_) => continue,
            };
            let is_rule = name.starts_with("trigger ") || name.starts_with("index ");
            whole &= is_rule || fault != "it is gone";
            self.found
                .find(format!("schema of {name}"), fault, super::RESTORE);
        }
        for name in found.into_keys() {
            let remedy = "take it out again; the schema volley is Volley's alone";
            self.found
                .find(format!("schema of {name}"), "it is not Volley's", remedy);
        }
        Ok(whole)
    }

    /// Every number that was reached, or may yet be, is held by its batch; and a batch holds no number that it does not have.
    fn claims(&mut self) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::database(&self.place.ledger, STEP, error);
        let Some(session) = self.connection.postgres() else {
            return Ok(());
        };
        // Of how many of its own numbers each batch is the holder.
        let mut own: HashMap<BatchId, Option<u64>> = HashMap::new();
        let mut unclaimed = Vec::new();
        let mut last = BatchId(0);
        loop {
            let page = page(&self.connection, last).map_err(failed)?;
            let Some((id, _)) = page.last() else { break };
            last = *id;
            for (id, batch) in page {
                let Some((batch, numbers)) = batch else {
                    own.insert(id, None);
                    continue;
                };
                let holders = holders(session, &batch, &numbers).map_err(failed)?;
                let is_own = |number: &Msisdn| holders.get(number) == Some(&id);
                let held = numbers.iter().filter(|number| is_own(number)).count();
                own.insert(id, Some(held as u64));
                if numbers
                    .iter()
                    .any(|number| must_hold(&batch, *number) && !is_own(number))
                {
                    unclaimed.push(id);
                }
            }
        }
        let query = "SELECT batch, count(*) FROM claim GROUP BY batch ORDER BY batch";
        let mut statement = self.connection.prepare(query).map_err(failed)?;
        let counts = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect::<database::Result<Vec<(BatchId, u64)>>>)
            .map_err(failed)?;
        drop(statement);
        for batch in unclaimed {
            let fault = "it has numbers that it does not hold: they could be sent to again";
            self.found.find(format!("batch {batch}"), fault, super::RESTORE);
        }
        for (batch, held) in counts {
            if own
                .get(&batch)
                .copied()
                .unwrap_or(Some(0))
                .is_some_and(|own| own != held)
            {
                let fault = "it holds numbers that it does not have";
                self.found.find(format!("batch {batch}"), fault, super::RESTORE);
            }
        }
        Ok(())
    }
}

/// Whether nobody else may have this number of the batch's.
fn must_hold(batch: &BatchRow, number: Msisdn) -> bool {
    match batch.state {
        BatchState::Intended
        | BatchState::InDoubt
        | BatchState::Accepted
        | BatchState::Unticketed
        | BatchState::DeclaredSent
        | BatchState::Abandoned => true,
        BatchState::Split => batch.named_number == Some(number),
        BatchState::Refused
        | BatchState::Released
        | BatchState::Simulated
        | BatchState::DeclaredNotSent
        | BatchState::Withdrawn => false,
    }
}

/// A batch with its numbers; `None` where they cannot be read, or are missing: that is another fault, found before.
type Page = Vec<(BatchId, Option<(BatchRow, Vec<Msisdn>)>)>;

/// The batches behind `last`.
fn page(connection: &Connection, last: BatchId) -> database::Result<Page> {
    let query = format!(
        "SELECT {COLUMNS}, (SELECT numbers FROM members WHERE members.batch = batch.id), \
         (SELECT closed_at FROM campaign WHERE campaign.id = batch.campaign) IS NOT NULL \
         FROM batch WHERE id > ?1 ORDER BY id LIMIT {PAGE}"
    );
    let mut statement = connection.prepare_cached(&query)?;
    let page = statement.query_map([last], |row| Ok((row.get(0)?, readable(row)?)))?;
    page.collect()
}

fn readable(row: &Row<'_>) -> database::Result<Option<(BatchRow, Vec<Msisdn>)>> {
    let erased: bool = row.get(COLUMN_COUNT + 1)?;
    let Ok(batch) = BatchRow::read(row) else {
        return Ok(None);
    };
    let mut numbers = Vec::new();
    let is_whole = match row.get_ref(COLUMN_COUNT)?.as_blob_or_null() {
        Ok(Some(blob)) => members::decode(&batch.request_key, blob, &mut numbers).is_ok(),
        Ok(None) => erased,
        Err(_) => false,
    };
    Ok(is_whole.then_some((batch, numbers)))
}

/// The batch that holds each of these numbers.
fn holders(
    session: &postgres::Session,
    batch: &BatchRow,
    numbers: &[Msisdn],
) -> database::Result<HashMap<Msisdn, BatchId>> {
    let numbers: Vec<i64> = numbers.iter().map(|number| number.get().cast_signed()).collect();
    let query = "SELECT number, batch FROM claim WHERE campaign = $1 AND number = ANY($2)";
    let found = session.rows(query, &[&batch.campaign.0, &numbers])?;
    let holders = found.iter().filter_map(|row| {
        let number: i64 = row.get(0);
        Some((Msisdn::new(number.cast_unsigned()).ok()?, BatchId(row.get(1))))
    });
    Ok(holders.collect())
}

/// An object as the server has it.
struct Object {
    text: Option<String>,
    enabled: bool,
}

/// Tables, views, indexes, functions and triggers of the schema. Those that come with a key are left out.
fn found(connection: &Connection) -> database::Result<BTreeMap<String, Object>> {
    let query = "SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'view ' WHEN 'i' THEN 'index ' ELSE 'table ' END || relname::text, \
                NULL AS text, 1::bigint AS enabled FROM pg_class \
            WHERE relnamespace = to_regnamespace('volley')::oid AND relkind IN ('r', 'p', 'f', 'v', 'm', 'i') \
              AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = pg_class.oid) \
        UNION ALL SELECT 'function ' || proname::text, prosrc, 1 FROM pg_proc \
            WHERE pronamespace = to_regnamespace('volley')::oid \
        UNION ALL SELECT 'trigger ' || tgname::text, NULL, CASE WHEN tgenabled IN ('O', 'A') THEN 1 ELSE 0 END \
            FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid \
            WHERE relnamespace = to_regnamespace('volley')::oid AND NOT tgisinternal";
    let mut statement = connection.prepare(query)?;
    let objects = statement.query_map([], |row| {
        let (text, enabled) = (row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, Object { text, enabled }))
    })?;
    objects.collect()
}

/// What [`SCHEMA`] makes.
fn made() -> Objects {
    let statements = SCHEMA.lines().filter(|line| line.starts_with("CREATE "));
    let named = statements.filter_map(|line| {
        let mut words = line.split([' ', '(']).skip(1);
        let kind = match words.next()? {
            "TABLE" => "table",
            "VIEW" => "view",
            "INDEX" => "index",
            "TRIGGER" => "trigger",
            "FUNCTION" | "AGGREGATE" => "function",
            _ => return None,
        };
        let text = line
            .ends_with("$$")
            .then(|| SCHEMA.split_once(line)?.1.split_once("$$"))
            .flatten();
        Some((
            format!("{kind} {}", words.next()?),
            text.map(|(text, _)| text.to_owned()),
        ))
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::made;

    #[test]
    fn the_schema_s_own_text_tells_what_it_is_made_of() {
        let made = made();
        let of = |kind: &str| made.keys().filter(|name| name.starts_with(kind)).count();
        assert_eq!(
            ["table ", "view ", "index ", "function ", "trigger "].map(of),
            [28, 8, 5, 21, 65]
        );
        let text = made["function refuse"].as_deref().unwrap();
        assert!(
            text.starts_with("\nBEGIN\n  RAISE") && text.ends_with("END "),
            "{text}"
        );
        assert_eq!(made["function claimable"], None);
    }
}
