//! A place for a ledger, and a look into it from outside, with the tools of its database: SQL that both understand.

use std::fmt::Write as _;

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;
use test_postgres::Database;

pub(crate) enum Place {
    File(TempDir),
    Server(Database),
}

impl Place {
    /// The path or the address.
    pub(crate) fn path(&self) -> std::path::PathBuf {
        match self {
            Self::File(folder) => folder.path().join("volley.db"),
            Self::Server(database) => database.url().into(),
        }
    }

    /// What a query finds: a text for each row, its columns apart by `|`, a blob in hex, nothing for null.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        match self {
            Self::File(_) => rows_of_file(&self.tool(), query),
            Self::Server(database) => {
                let told = database.psql(&in_volley(query));
                told.lines().map(str::to_owned).collect()
            }
        }
    }

    /// Runs statements as any tool may, within the rules; or what the database says against them.
    pub(crate) fn attempt(&self, statements: &str) -> Result<(), Refusal> {
        match self {
            Self::File(_) => self.tool().execute_batch(statements).map_err(|error| Refusal {
                by_rule: error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation),
                said: error.to_string(),
            }),
            Self::Server(database) => {
                let told = database.try_psql(&format!("\\set VERBOSITY verbose\n{}", in_volley(statements)));
                told.map(drop).map_err(|said| Refusal {
                    // Class 23: integrity constraint violation.
                    by_rule: said.contains("ERROR:  23"),
                    said,
                })
            }
        }
    }

    /// Changes rows against the rules: whoever does so has to lift them first, and may well put them back. How many.
    pub(crate) fn force(&self, change: &str) -> usize {
        match self {
            Self::File(_) => {
                let tool = self.tool();
                let rules = lift_rules(&tool);
                let changed = tool.execute(change, []).unwrap();
                for sql in rules {
                    tool.execute_batch(&sql).unwrap();
                }
                changed
            }
            Self::Server(database) => {
                let change = format!("WITH changed AS ({change} RETURNING 1) SELECT count(*) FROM changed");
                let lifted = format!("SET session_replication_role = replica; {}", in_volley(&change));
                database.psql_as("postgres", &lifted).unwrap().parse().unwrap()
            }
        }
    }

    /// Another SQLite tool on the same file.
    pub(crate) fn tool(&self) -> Connection {
        let Self::File(_) = self else {
            panic!("only a file has SQLite's tools")
        };
        Connection::open(self.path()).unwrap()
    }
}

/// Why a tool could not do something.
pub(crate) struct Refusal {
    pub(crate) by_rule: bool,
    pub(crate) said: String,
}

/// Drops the triggers, which keep other tools from doing what the tests do to a ledger, and returns them.
pub(crate) fn lift_rules(tool: &Connection) -> Vec<String> {
    let query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
    let rules: Vec<(String, String)> = tool
        .prepare(query)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (name, _) in &rules {
        tool.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    rules.into_iter().map(|(_, sql)| sql).collect()
}

/// As psql shows them.
fn rows_of_file(tool: &Connection, query: &str) -> Vec<String> {
    let mut statement = tool.prepare(query).unwrap();
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let shown = (0..columns).map(|column| Ok(shown(row.get_ref(column)?)));
        Ok(shown.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
        ValueRef::Blob(blob) => format!("\\x{}", hex(blob)),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Statements in SQLite's words, for a server: its blobs are other literals.
fn in_volley(statements: &str) -> String {
    let mut words = String::from("SET search_path = volley; ");
    let mut rest = statements;
    while let Some(at) = rest.find("x'").into_iter().chain(rest.find("zeroblob(")).min() {
        let (before, blob) = rest.split_at(at);
        let is_zero = blob.starts_with('z');
        let (inside, after) = if is_zero {
            blob["zeroblob(".len()..].split_once(')').unwrap()
        } else {
            blob["x'".len()..].split_once('\'').unwrap()
        };
        let digits = if is_zero {
            "00".repeat(inside.parse().unwrap())
        } else {
            inside.to_owned()
        };
        write!(words, "{before}'\\x{digits}'::bytea").unwrap();
        rest = after;
    }
    words + rest
}
