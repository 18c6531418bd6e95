//! Where a test keeps its ledger: in a file, or on a server. Where the two rightly differ is written here, or as a difference in
//! the table of the test itself.
//!
//! In a file a run holds a lock that goes with its process. On a server it counts as living until it has been silent for
//! [`SILENCE`]: only then are its intents in doubt, other limits taken, and words on its campaign heard.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use test_postgres::Database;

use super::{Provider, Sandbox, wait_until};

/// After how many seconds without a sign a run counts as dead: the fewest that an address may say.
pub(crate) const SILENCE: u64 = 3;

/// What the ledger is kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    File,
    Server,
}

impl Kept {
    /// For the tests of one table; the server, where there is PostgreSQL.
    pub(crate) fn all() -> Vec<Self> {
        let server = test_postgres::is_there().then_some(Self::Server);
        [Self::File].into_iter().chain(server).collect()
    }
}

/// Whose the campaign of a test is, and where its ledger is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) provider: Provider,
    pub(crate) kept: Kept,
}

impl Kept {
    /// Of a table whose rows differ in what is decided before any ledger hears of it: over a server the first so many.
    pub(crate) fn first<T>(self, few: usize, all: &[T]) -> &[T] {
        match self {
            Self::File => all,
            Self::Server => &all[..few.min(all.len())],
        }
    }
}

impl From<Provider> for Over {
    fn from(provider: Provider) -> Self {
        provider.over(Kept::File)
    }
}

impl From<Kept> for Over {
    fn from(kept: Kept) -> Self {
        Provider::Octopush.over(kept)
    }
}

impl Provider {
    /// Its campaigns, in that ledger.
    pub(crate) fn over(self, kept: Kept) -> Over {
        let provider = self;
        Over { provider, kept }
    }
}

/// Checks one table for both providers over both ledgers, one beside the other; a failure names which.
pub(crate) fn for_all(check: impl Fn(Over) + Sync) {
    let over = |kept| Provider::BOTH.map(|provider| provider.over(kept));
    side_by_side(Kept::all().into_iter().flat_map(over), check);
}

/// The same of a table that is one provider's own.
pub(crate) fn for_both_ledgers(check: impl Fn(Kept) + Sync) {
    side_by_side(Kept::all(), check);
}

/// Checks what is given at the same time, each in a thread that is named after it.
pub(super) fn side_by_side<T>(all: impl IntoIterator<Item = T>, check: impl Fn(T) + Sync)
where
    T: std::fmt::Debug + Copy + Send,
{
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let check = &check;
    thread::scope(|scope| {
        for one in all {
            thread::Builder::new()
                .name(format!("{test} ({one:?})"))
                .spawn_scoped(scope, move || check(one))
                .expect("a thread");
        }
    });
}

/// A database with an empty ledger: a copy of one that was made once, which is quicker than making it.
pub(super) fn database() -> Lent {
    static MADE: OnceLock<Database> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let made = test_postgres::shared().database();
        let sandbox = Sandbox::without_mock();
        let init = sandbox.volley(["ledger", "init", "--ledger", &made.url()]);
        init.run().expect(0);
        made
    });
    Lent(test_postgres::shared().copy_of(made))
}

/// A database that goes with its sandbox: there are many, of eight megabytes each.
pub(super) struct Lent(Database);

impl Deref for Lent {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Where it fails it goes with the server.
        let _ = test_postgres::shared().forget(&self.0);
    }
}

impl Sandbox {
    /// What `--ledger` names it by.
    pub(crate) fn ledger(&self) -> PathBuf {
        match &self.database {
            Some(database) => url(database).into(),
            None => self.path("volley.db"),
        }
    }

    /// What the ledger is kept in.
    pub(crate) fn kept(&self) -> Kept {
        self.over.kept
    }

    /// Without the ledger: the next run makes it.
    pub(crate) fn without_ledger(self) -> Self {
        let database = (self.kept() == Kept::Server).then(|| Lent(test_postgres::shared().database()));
        Self { database, ..self }
    }

    /// Whether there is one.
    pub(crate) fn has_ledger(&self) -> bool {
        match self.kept() {
            Kept::File => self.ledger().exists(),
            Kept::Server => self.rows("SELECT to_regclass('volley.ledger') IS NOT NULL") == ["t"],
        }
    }

    /// What a query finds in the ledger's tables: a text for each row, its columns apart by `|`, nothing for null. The tools
    /// are other people's, as a user's would be.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        match &self.database {
            Some(database) => {
                let told = database.psql(&format!("SET search_path = volley; {query}"));
                told.lines().map(str::to_owned).collect()
            }
            None => rows_of_file(&self.path("volley.db"), query),
        }
    }

    /// Changes the tables on a server against their rules, as its superuser may.
    pub(crate) fn force(&self, change: &str) {
        let database = self.database.as_ref().expect("a ledger on a server");
        let lifted = format!("SET session_replication_role = replica; SET search_path = volley; {change}");
        database.psql_as("postgres", &lifted).expect("a superuser may");
    }

    /// After a kill: until nothing counts as living any more but what lives. (In a file that is so at once.)
    pub(crate) fn outlast_the_silence(&self) {
        if self.kept() == Kept::File || !self.has_ledger() {
            return;
        }
        let silent = format!("server_time() - beat_at >= {SILENCE} * 1000000");
        let living =
            format!("SELECT count(*) FROM run WHERE ended_at IS NULL AND fenced_at IS NULL AND NOT {silent}");
        wait_until("the silence of the dead", || self.rows(&living) == ["0"]);
    }
}

pub(super) fn url(database: &Database) -> String {
    format!("{}?silence={SILENCE}", database.url())
}

fn rows_of_file(path: &std::path::Path, query: &str) -> Vec<String> {
    let ledger = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("SQLite");
    let mut statement = ledger.prepare(query).expect("the documented tables");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let shown = (0..columns).map(|column| Ok(shown(row.get_ref(column)?)));
        Ok(shown.collect::<rusqlite::Result<Vec<_>>>()?.join("|"))
    });
    let rows = rows.expect("a query");
    rows.map(|row| row.expect("a row")).collect()
}

fn shown(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(integer) => integer.to_string(),
        ValueRef::Real(real) => real.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(_) => panic!("a blob is no text"),
    }
}
