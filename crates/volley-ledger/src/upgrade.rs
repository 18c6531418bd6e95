//! Brings a ledger of an older format to that of `schema.sql`, in one transaction: a crash leaves the one or the other.
//!
//! Only a ledger whose tables and rules are all as its format had them is brought on: one that has lost a rule may have
//! lost more. What differs of indexes, triggers and views is made anew, and what is missing is made. Of a table that is
//! there the text alone changes, where a comment in it has, or a CHECK takes more than it did; its columns, its rows and
//! their checksums stay as they are.
//! Source: SQLite, "ALTER TABLE", "Making Other Kinds Of Table Schema Changes", for changes that leave the rows alone.

use std::collections::BTreeMap;

use crate::database::Connection;
use crate::database::{self};
use jiff::Timestamp;

use crate::schema::{self, Format, VERSION};
use crate::{Ledger, LedgerError};

const STEP: &str = "bringing the ledger to its new format";

/// blake3 of the names and texts of an older format.
pub(crate) fn hash_of(format: Format) -> Option<&'static str> {
    match format {
        Format::First => Some("300908ff936292a1a91b397e3133f8ab4cc78121ef42792722d76b8d3a6e3794"),
        Format::Second => Some("db369004c0bb94dc55588def326faf6c28476d66b9450c43fa4c2f6902628548"),
        Format::Third => Some("0b3cef7c87801b12d1ea68e0b5b1818504285fd2182df2b61df7c15c165939f1"),
        Format::Current => None,
    }
}

impl Ledger {
    /// From an older format, sound as it is, to the present one.
    pub(crate) fn upgrade(&mut self, now: Timestamp) -> Result<(), LedgerError> {
        self.transact(STEP, now, |connection, place| {
            let path = &place.ledger;
            let failed = |error| LedgerError::database(path, STEP, error);
            for statement in statements(connection).map_err(failed)? {
                connection.execute_batch(&statement).map_err(failed)?;
            }
            schema::check_structure(connection, path).map(drop)
        })?;
        // The file's own mark says so too, from now on, and not the log alone.
        schema::checkpoint(&self.connection, &self.place.ledger)
    }
}

/// Whether these are the objects of the older format with this hash. The user's own, among them or not, are their matter.
pub(crate) fn is_older(
    hash: &str,
    found: &BTreeMap<String, String>,
    made: &BTreeMap<String, String>,
) -> bool {
    let mut hasher = blake3::Hasher::new();
    for (name, sql) in found.iter().filter(|(name, _)| made.contains_key(*name)) {
        for text in [name, sql] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex().as_str() == hash
}

/// All that leads from the schema that is there to the present one, in order.
fn statements(connection: &Connection) -> database::Result<Vec<String>> {
    let found = schema::objects(connection)?;
    let made = schema::in_memory().and_then(|made| schema::objects(&made))?;
    let (mut drops, mut tables, mut rules, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, sql) in made {
        let is_table = name.starts_with("table ");
        match found.get(&name) {
            Some(found) if *found == sql => continue,
            Some(_) if is_table => {
                texts.push(text_change(&name, &sql));
                continue;
            }
            Some(_) => drops.push(format!("DROP {name}")),
            None => {}
        }
        if is_table { &mut tables } else { &mut rules }.push(sql);
    }
    let mut statements = [drops, tables, rules].concat();
    statements.extend(rewrite(connection, texts, statements.len())?);
    statements.push(format!("PRAGMA user_version = {VERSION}"));
    Ok(statements)
}

/// The change of tables' texts, which every connection reads anew once the schema's version goes up. Each statement
/// before it raises that version by one at most.
fn rewrite(connection: &Connection, texts: Vec<String>, before: usize) -> database::Result<Vec<String>> {
    let version: u64 = connection.query_row("PRAGMA schema_version", [], |row| row.get(0))?;
    let next = version + before as u64 + 1;
    let mut statements = vec!["PRAGMA writable_schema = ON".to_owned()];
    statements.extend(texts);
    statements.push(format!("PRAGMA schema_version = {next}"));
    statements.push("PRAGMA writable_schema = OFF".to_owned());
    Ok(statements)
}

fn text_change(name: &str, sql: &str) -> String {
    let sql = sql.replace('\'', "''");
    format!("UPDATE sqlite_schema SET sql = '{sql}' WHERE type || ' ' || name = '{name}'")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// The older formats with their numbers and the texts that made them.
    const OLDER: [(Format, u32, &str); 3] = [
        (Format::First, 1, include_str!("../tests/it/schema_1.sql")),
        (Format::Second, 2, include_str!("../tests/it/schema_2.sql")),
        (Format::Third, 3, include_str!("../tests/it/schema_3.sql")),
    ];

    fn older(schema: &str) -> Connection {
        let older = Connection::open_in_memory().unwrap();
        older.execute_batch(schema).unwrap();
        older
    }

    fn columns(connection: &Connection, table: &str) -> Vec<String> {
        let query = format!(
            "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '') || ' ' || pk \
             FROM pragma_table_xinfo('{table}')
             UNION ALL SELECT name || ' ' || \"unique\" || ' ' || origin FROM pragma_index_list('{table}') WHERE origin <> 'c'
             UNION ALL SELECT 'wr ' || wr || ' strict ' || strict FROM pragma_table_list('{table}')"
        );
        let mut statement = connection.prepare(&query).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn an_older_format_is_known_by_its_texts_and_nothing_near_it_is() {
        let made = schema::objects(&schema::in_memory().unwrap()).unwrap();
        for (format, number, schema) in OLDER {
            let hash = hash_of(format).unwrap();
            let known = |change: &str| {
                let older = older(schema);
                older.execute_batch(change).unwrap();
                is_older(hash, &schema::objects(&older).unwrap(), &made)
            };
            assert!(known(""), "{number}");
            assert!(known("CREATE TABLE theirs (x)"));
            assert!(!known("DROP TRIGGER batch_transition"));
            assert!(!known("DROP VIEW doubts; CREATE VIEW doubts AS SELECT 1"));
            assert!(!known("ALTER TABLE run ADD COLUMN extra TEXT"));
            assert!(!known("DROP TABLE IF EXISTS schedule; CREATE TABLE schedule (x)"));
            assert!(!is_older(hash, &made, &made));
            for (other, _, schema) in OLDER {
                let found = schema::objects(&older(schema)).unwrap();
                assert_eq!(
                    is_older(hash, &found, &made),
                    other == format,
                    "{number}, {other:?}"
                );
            }
        }
        assert_eq!(hash_of(Format::Current), None);
    }

    #[test]
    fn a_table_that_was_there_keeps_its_columns_so_that_its_text_alone_can_change() {
        let changed_since_1 = [
            "table batch",
            "table resolution",
            "trigger batch_declared",
            "trigger batch_simulated",
            "trigger batch_transition",
            "view batches",
            "view campaigns",
            "view conservation",
            "view doubts",
            "view runs",
        ];
        let changed_since_2 = [
            "table batch",
            "trigger batch_declared",
            "trigger batch_simulated",
            "trigger batch_transition",
            "view batches",
            "view campaigns",
            "view conservation",
            "view doubts",
            "view runs",
        ];
        let changed_since_3 = [
            "view batches",
            "view campaigns",
            "view conservation",
            "view doubts",
            "view runs",
        ];
        let expected = [&changed_since_1[..], &changed_since_2, &changed_since_3];
        let made = schema::in_memory().unwrap();
        for ((_, number, schema), expected) in OLDER.into_iter().zip(expected) {
            let older = older(schema);
            let mut changed = Vec::new();
            for (name, sql) in schema::objects(&older).unwrap() {
                if let Some(table) = name.strip_prefix("table ") {
                    assert_eq!(columns(&older, table), columns(&made, table), "{number}: {table}");
                }
                if schema::objects(&made).unwrap()[&name] != sql {
                    changed.push(name);
                }
            }
            assert_eq!(changed, expected, "{number}");
        }
    }

    /// An older format in a file, its log empty.
    fn older_in(path: &Path, number: u32, schema: &str) -> Connection {
        let tool = Connection::open(path).unwrap();
        // Hardly any cache, so that a transaction reaches the log before it ends.
        tool.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA user_version = {number};
             PRAGMA cache_size = 1; {schema} PRAGMA wal_checkpoint(TRUNCATE)"
        ))
        .unwrap();
        tool
    }

    fn log_of(path: &Path) -> PathBuf {
        path.with_extension("db-wal")
    }

    /// Format, soundness and objects of what a crash leaves.
    fn left(connection: &Connection) -> (u32, String, BTreeMap<String, String>) {
        let ask = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, String>(0));
        let format = connection.query_row("PRAGMA user_version", [], |row| row.get(0));
        let verdict = ask("PRAGMA integrity_check").unwrap();
        (format.unwrap(), verdict, schema::objects(connection).unwrap())
    }

    #[test]
    fn an_upgrade_that_ends_after_any_statement_leaves_the_older_format_whole() {
        for (_, number, schema) in OLDER {
            ends_after_any_statement(number, schema);
        }
    }

    fn ends_after_any_statement(number: u32, schema: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("volley.db");
        let tool = older_in(&path, number, schema);
        let before = left(&tool);
        assert_eq!((before.0, before.1.as_str()), (number, "ok"));
        let all = statements(&tool).unwrap();
        for taken in 0..=all.len() {
            tool.execute_batch("BEGIN IMMEDIATE").unwrap();
            for statement in &all[..taken] {
                tool.execute_batch(statement).unwrap();
            }
            let crashed = folder.path().join(format!("crashed-{taken}.db"));
            fs::copy(&path, &crashed).unwrap();
            fs::copy(log_of(&path), log_of(&crashed)).unwrap();
            tool.execute_batch("ROLLBACK; PRAGMA writable_schema = RESET")
                .unwrap();
            assert_eq!(left(&tool), before, "rolled back after {taken}");
            assert_eq!(
                left(&Connection::open(&crashed).unwrap()),
                before,
                "killed after {taken}"
            );
        }
    }

    #[test]
    fn an_upgrade_whose_log_is_cut_anywhere_leaves_the_older_format_whole_or_the_present_one() {
        for (_, number, schema) in OLDER {
            log_is_cut_anywhere(number, schema);
        }
    }

    fn log_is_cut_anywhere(number: u32, schema: &str) {
        const HEADER: usize = 32;
        const FRAME: usize = 24 + 4096;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("volley.db");
        let tool = older_in(&path, number, schema);
        let before = left(&tool);
        tool.execute_batch("BEGIN IMMEDIATE").unwrap();
        for statement in statements(&tool).unwrap() {
            tool.execute_batch(&statement).unwrap();
        }
        tool.execute_batch("COMMIT").unwrap();
        let after = left(&tool);
        assert_eq!((after.0, after.1.as_str()), (VERSION, "ok"));
        assert_eq!(after.2, schema::objects(&schema::in_memory().unwrap()).unwrap());
        let log = fs::read(log_of(&path)).unwrap();
        let mut frames = 0;
        for cut in (HEADER..=log.len()).step_by(FRAME) {
            let crashed = folder.path().join(format!("crashed-{cut}.db"));
            fs::copy(&path, &crashed).unwrap();
            fs::write(log_of(&crashed), &log[..cut]).unwrap();
            let found = left(&Connection::open(&crashed).unwrap());
            assert_eq!(
                found,
                *if cut < log.len() { &before } else { &after },
                "cut at {cut}"
            );
            frames += 1;
        }
        assert!(frames > 10, "{frames}");
    }
}
