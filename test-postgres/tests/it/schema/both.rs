//! A ledger in SQLite and one in PostgreSQL, told and asked the same.
//!
//! Statements are SQLite's; blobs and [`zeroblob`](https://sqlite.org/lang_corefunc.html#zeroblob) are put into
//! PostgreSQL's words.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use test_postgres::{Database, shared};

pub(crate) const SQLITE: &str = include_str!("../../../../crates/volley-ledger/src/schema.sql");
pub(crate) const POSTGRES: &str = include_str!("../../../../crates/volley-ledger/src/postgres/schema.sql");

/// What the test alone needs there: `zeroblob`, and what is said against a statement, which is taken back.
const HELPERS: &str = r"
CREATE SCHEMA test;
CREATE FUNCTION test.zeroblob(length int) RETURNS bytea LANGUAGE sql RETURN decode(repeat('00', length), 'hex');
CREATE FUNCTION test.tell(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  code text; said text; broken text;
BEGIN
  EXECUTE statement;
  RAISE SQLSTATE 'UX001';
EXCEPTION
  WHEN SQLSTATE 'UX001' THEN RETURN 'through';
  WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, said = MESSAGE_TEXT, broken = CONSTRAINT_NAME;
    RETURN CASE code WHEN '23000' THEN said WHEN '23514' THEN 'CHECK ' || broken WHEN '23502' THEN 'NOT NULL'
      ELSE code || ' ' || said END;
END $$;
CREATE TABLE test.statement (nth bigint, sql text);
";

pub(crate) struct Both {
    pub(crate) sqlite: Connection,
    pub(crate) postgres: Database,
}

/// A fresh ledger in PostgreSQL.
pub(crate) fn postgres() -> Database {
    let postgres = shared().database();
    let name = postgres.name();
    postgres.psql(&format!(
        "CREATE SCHEMA volley; ALTER DATABASE {name} SET search_path = volley, test; {HELPERS}"
    ));
    postgres.psql(&format!(
        "BEGIN; SET LOCAL search_path = volley; {POSTGRES} COMMIT;"
    ));
    postgres
}

impl Both {
    pub(crate) fn new() -> Self {
        let sqlite = Connection::open_in_memory().unwrap();
        sqlite.execute_batch(SQLITE).unwrap();
        Self {
            sqlite,
            postgres: postgres(),
        }
    }

    /// Statements that both take.
    pub(crate) fn tell(&self, statements: &str) {
        self.sqlite.execute_batch(statements).unwrap();
        self.postgres.psql(&in_postgres(statements));
    }

    /// The same past the rules.
    pub(crate) fn force(&self, statements: &str) {
        let query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'";
        let mut rules = self.sqlite.prepare(query).unwrap();
        let rules: Vec<(String, String)> = rules
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        for (name, _) in &rules {
            self.sqlite
                .execute_batch(&format!("DROP TRIGGER {name}"))
                .unwrap();
        }
        self.sqlite.execute_batch(statements).unwrap();
        for (_, rule) in &rules {
            self.sqlite.execute_batch(rule).unwrap();
        }
        let switch = |how: &str| {
            format!(
                "DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger \
                 WHERE NOT tgisinternal LOOP EXECUTE 'ALTER TABLE ' || t || ' {how} TRIGGER USER'; END LOOP; END $$;"
            )
        };
        let (off, on) = (switch("DISABLE"), switch("ENABLE"));
        self.postgres
            .psql(&format!("{off} {}; {on}", in_postgres(statements)));
    }

    /// What each says against each of the statements, which are taken back.
    pub(crate) fn ask(&self, statements: &[String]) -> Vec<Answers> {
        let postgres = ask_postgres(&self.postgres, statements);
        let ask = |(statement, postgres): (&String, String)| Answers {
            sqlite: self.ask_sqlite(statement),
            postgres,
        };
        statements.iter().zip(postgres).map(ask).collect()
    }

    fn ask_sqlite(&self, statement: &str) -> String {
        self.sqlite.execute_batch("SAVEPOINT asked").unwrap();
        let told = match self.sqlite.execute(statement, []) {
            Ok(_) => "through".to_owned(),
            Err(error) => error.to_string(),
        };
        self.sqlite
            .execute_batch("ROLLBACK TO asked; RELEASE asked")
            .unwrap();
        told
    }

    /// The rows that a query gives, each as a line.
    pub(crate) fn rows(&self, query: &str) -> [Vec<String>; 2] {
        let mut statement = self.sqlite.prepare(query).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        let mut sqlite = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let values = (0..columns).map(|column| match row.get_ref(column).unwrap() {
                ValueRef::Null => "NULL".to_owned(),
                ValueRef::Integer(value) => value.to_string(),
                ValueRef::Real(value) => value.to_string(),
                ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
                ValueRef::Blob(value) => format!("{value:?}"),
            });
            sqlite.push(values.collect::<Vec<_>>().join("|"));
        }
        let zone = "SET TimeZone = 'Asia/Kolkata'; SET DateStyle = 'German';";
        let postgres = self
            .postgres
            .psql(&format!("\\pset null NULL\n{zone} {}", in_postgres(query)));
        [sqlite, postgres.lines().map(str::to_owned).collect()]
    }
}

/// What PostgreSQL says against each of the statements, which are taken back.
pub(crate) fn ask_postgres(postgres: &Database, statements: &[String]) -> Vec<String> {
    let values = statements.iter().enumerate();
    let values: Vec<String> = values
        .map(|(nth, statement)| format!("({nth}, $q${}$q$)", in_postgres(statement)))
        .collect();
    let told = postgres.psql(&format!(
        "TRUNCATE test.statement; INSERT INTO test.statement VALUES {}; \
         SELECT test.tell(sql) FROM test.statement ORDER BY nth",
        values.join(", ")
    ));
    let told: Vec<String> = told.lines().map(str::to_owned).collect();
    assert_eq!(told.len(), statements.len());
    told
}

/// What the two say against one statement.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    pub(crate) sqlite: String,
    pub(crate) postgres: String,
}

impl Answers {
    /// The rule that both refuse it by, `None` where both let it through. Of constraints they may name different ones
    /// where several are broken, each asking them in an order of its own.
    pub(crate) fn agreed(&self, statement: &str) -> Option<String> {
        let Self { sqlite, postgres } = self;
        let by_constraint = |told: &str| told.starts_with("CHECK ") || told.starts_with("NOT NULL");
        if by_constraint(sqlite) && by_constraint(postgres) {
            return Some(postgres.clone());
        }
        assert_eq!(sqlite, postgres, "{statement}");
        (sqlite != "through").then(|| sqlite.clone())
    }
}

fn in_postgres(statements: &str) -> String {
    let mut translated = statements.to_owned();
    for before in [" ", "(", "="] {
        translated = translated.replace(&format!("{before}x'"), &format!("{before}'\\x"));
    }
    translated
}
