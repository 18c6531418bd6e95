//! PostgreSQL as the ledger's database: a connection that is spoken to like a file, one question after another.
//!
//! Whoever asks waits: the ledger has threads of its own for that. What needs no answer of its own is [`posted`]. A connection that is
//! lost stays lost; whoever holds it decides whether to [`connect`](Session::connect) again.
//! Bounds: rows are taken as they come; only one question is open at a time.
//! Sources: PostgreSQL 15's manual, "Frontend/Backend Protocol" and appendix A, "Error Codes".

mod address;
pub(crate) mod bodies;
pub(crate) mod claims;
mod patience;
mod posted;
mod value;
pub(crate) mod workers;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use rusqlite::ToSql;
use rusqlite::types::ValueRef;
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql as ToPostgres;
use tokio_postgres::{Client, RowStream, SimpleQueryMessage};

pub(crate) use address::Address;
pub use address::{has_password, shown_path};
pub use patience::Hurry;
pub(crate) use patience::Patience;
use posted::{Demand, Posted};
use value::Bound;

/// Why PostgreSQL did not do what it was asked to.
#[derive(thiserror::Error)]
pub(crate) enum Error {
    /// What it said, or that it could not be reached.
    #[error("{}", told(.0))]
    Said(tokio_postgres::Error),
    /// The connection could not be set up.
    #[error(transparent)]
    Address(#[from] address::AddressError),
    /// A column that is none of SQLite's kinds: not the ledger's.
    #[error("column {column} has type {kind}, which the ledger does not have")]
    Kind { column: String, kind: String },
    /// There is no such column.
    #[error("there is no column {0}")]
    NoColumn(String),
    /// It was waited for in vain. What was asked for may have been done, or may yet be.
    #[error("the server gave no answer in time")]
    Silent,
    /// A statement that must change one row changed none, or more.
    #[error("a statement did not change one row")]
    NotOneRow,
    /// A statement before it in its transaction failed, and told so to whoever waited then.
    #[error("the transaction has failed already")]
    HasFailed,
    /// The system gives no runtime.
    #[error("start a runtime: {0}")]
    Runtime(std::io::Error),
    /// What it acknowledges is not on its disk: it must not be written to.
    #[error("fsync is off")]
    Unflushed,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// To look: nothing is ever written through it, and a standby will do.
    Read,
    Write,
}

/// A connection, with the statements that were prepared on it.
pub(crate) struct Session {
    /// Drives the connection while somebody waits for it. `None` only while it is dropped.
    runtime: Option<Runtime>,
    client: Arc<Client>,
    /// What was sent in this transaction, and not waited for yet.
    posted: Posted,
    silence: Duration,
    patience: Patience,
    /// An answer was waited for in vain: whatever comes over it now belongs to that question.
    is_lost: Cell<bool>,
    statements: RefCell<HashMap<String, tokio_postgres::Statement>>,
}

/// A statement as PostgreSQL knows it.
pub(crate) struct Statement<'c> {
    session: &'c Session,
    prepared: tokio_postgres::Statement,
}

/// Rows as they come, the one that is looked at kept.
pub(crate) struct Rows<'c> {
    session: &'c Session,
    stream: Pin<Box<RowStream>>,
    row: Option<Row>,
}

/// A row that was found.
pub(crate) struct Row(tokio_postgres::Row);

impl Session {
    /// Connects, and sets the connection up: the ledger's schema, times in UTC, and no waiting for ever.
    pub(crate) fn connect(address: &Address, use_: Use, patience: Patience) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Runtime)?;
        let connected = patience.to_connect().bound(address.connect(use_));
        let client = wait_in(&runtime, connected).ok_or(Error::Silent)??;
        let mut session = Self {
            runtime: Some(runtime),
            client: Arc::new(client),
            posted: Posted::default(),
            silence: address.silence(),
            patience: patience.to_connect(),
            is_lost: Cell::new(false),
            statements: RefCell::default(),
        };
        session.execute_batch(SETTINGS)?;
        if use_ == Use::Read {
            session.execute_batch("SET default_transaction_read_only = on")?;
        } else {
            session.set_up_to_write()?;
        }
        session.patience = patience;
        Ok(session)
    }

    /// Settles how it writes, and refuses a server that does not flush what it acknowledges. Each connection asks: a server that
    /// was away may come back with other settings.
    fn set_up_to_write(&self) -> Result<(), Error> {
        let told = self.wait(self.client.simple_query(SETTINGS_TO_WRITE))?;
        let flushes = told.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("on"),
            _ => false,
        });
        if flushes { Ok(()) } else { Err(Error::Unflushed) }
    }

    /// From now on answers are waited for so long.
    pub(crate) fn wait_as(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// After how long without a sign of life a run counts as dead.
    pub(crate) fn silence(&self) -> Duration {
        self.silence
    }

    /// What a future that needs this connection comes to, behind what was posted before.
    fn wait<T: Send>(
        &self,
        future: impl Future<Output = Result<T, tokio_postgres::Error>> + Send,
    ) -> Result<T, Error> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.is_lost.get()) else {
            return Err(Error::Silent);
        };
        if self.posted.has_failed() {
            return Err(Error::HasFailed);
        }
        // Sent at once, by its first poll, and answered behind what was posted.
        let both = futures::future::join(self.posted.take(), future);
        let Some((posted, done)) = wait_in(runtime, self.patience.clone().bound(both)) else {
            self.is_lost.set(true);
            return Err(Error::Silent);
        };
        posted.map_err(|error| self.posted.failed(error))?;
        Ok(done?)
    }

    /// Waits for what was posted.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        self.wait(std::future::ready(Ok(())))
    }

    /// Ends the transaction, and waits until it is durable.
    pub(crate) fn commit(&self) -> Result<(), Error> {
        if self.posted.demands() {
            self.settle()?;
        }
        self.execute_batch("COMMIT")
    }

    /// Gives the transaction up.
    pub(crate) fn roll_back(&self) -> Result<(), Error> {
        self.posted.forget();
        self.execute_batch("ROLLBACK")
    }

    /// Prepares a statement in SQLite's words, once.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, Error> {
        let known = self.statements.borrow().get(sql).cloned();
        let prepared = if let Some(prepared) = known {
            prepared
        } else {
            let prepared = self.wait(self.client.prepare(&in_its_words(sql)))?;
            let mut statements = self.statements.borrow_mut();
            statements.insert(sql.to_owned(), prepared.clone());
            prepared
        };
        Ok(Statement {
            session: self,
            prepared,
        })
    }

    /// The rows that a statement in PostgreSQL's own words finds.
    pub(crate) fn rows(
        &self,
        sql: &str,
        values: &[&(dyn ToPostgres + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>, Error> {
        let statement = self.prepare(sql)?;
        self.wait(self.client.query(&statement.prepared, values))
    }

    /// How many rows such a statement changes.
    pub(crate) fn change(&self, sql: &str, values: &[&(dyn ToPostgres + Sync)]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        self.wait(self.client.execute(&statement.prepared, values))
    }

    /// The integers in its first column.
    pub(crate) fn column(&self, sql: &str, values: &[&(dyn ToPostgres + Sync)]) -> Result<Vec<i64>, Error> {
        let rows = self.rows(sql, values)?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The one row that it finds.
    pub(crate) fn one(
        &self,
        sql: &str,
        values: &[&(dyn ToPostgres + Sync)],
    ) -> Result<tokio_postgres::Row, Error> {
        let statement = self.prepare(sql)?;
        self.wait(self.client.query_one(&statement.prepared, values))
    }

    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), Error> {
        self.wait(self.client.batch_execute(sql))
    }
}

/// Waits for a future. Within another runtime no thread may wait, so that another one does it: that is where a run ends, or
/// a test asks, and nowhere else.
fn wait_in<T: Send>(runtime: &Runtime, future: impl Future<Output = T> + Send) -> T {
    if tokio::runtime::Handle::try_current().is_err() {
        return runtime.block_on(future);
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| runtime.block_on(future));
        waiting
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

impl Drop for Session {
    fn drop(&mut self) {
        // Dropped within another runtime it must not wait for its end.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What every connection is set to: nothing in it may depend on how the server is set up. What is acknowledged is on the server's
/// disk, and its standby's where it has one that it waits for. A lock that somebody holds for so long is held by something that
/// hangs: that is well before a run counts as dead that waits for it.
const SETTINGS: &str = "SET search_path = volley; SET timezone = 'UTC'; SET lock_timeout = '5s'; \
    SET default_transaction_isolation = 'read committed'; SET client_min_messages = warning; \
    SET standard_conforming_strings = on; SET jit = off; SET application_name = 'volley'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";
/// Besides, of one that writes: a worker that sleeps in a transaction must not keep the others from what it has locked, nor one
/// whose machine is gone. Last it asks for what no connection can set: whether commits are flushed.
/// `full_page_writes` is not asked for. The manual lets it be off where the file system writes pages whole or not at all (ZFS),
/// and which one it is no connection can tell: a refusal would hit those who are right, a warning would never end for them.
/// Source: PostgreSQL 15's manual, "Write Ahead Log" (`fsync`, `full_page_writes`) and "Reliability".
const SETTINGS_TO_WRITE: &str = "SET idle_in_transaction_session_timeout = '2s'; SET tcp_keepalives_idle = 5; \
    SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3; SET tcp_user_timeout = '10s'; \
    SELECT current_setting('fsync')";

impl Statement<'_> {
    pub(crate) fn execute(&mut self, values: &[&dyn ToSql]) -> Result<usize, Error> {
        let session = self.session;
        let bound = Bound::all(values);
        let changed = session.wait(session.client.execute_raw(&self.prepared, bound))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Sends it, inside a transaction: whoever waits next is told if it fails.
    pub(crate) fn post(&mut self, values: &[&dyn ToSql]) -> Result<(), Error> {
        self.send(values, Demand::None)
    }

    /// The same of a statement that must change one row, or the transaction is not committed.
    pub(crate) fn post_for_one(&mut self, values: &[&dyn ToSql]) -> Result<(), Error> {
        self.send(values, Demand::OneRow)
    }

    fn send(&self, values: &[&dyn ToSql], demand: Demand) -> Result<(), Error> {
        let session = self.session;
        if session.posted.has_failed() {
            return Err(Error::HasFailed);
        }
        let (client, prepared) = (Arc::clone(&session.client), self.prepared.clone());
        let bound = Bound::all(values);
        let answer = async move { client.execute_raw(&prepared, bound).await };
        session.posted.add(answer, demand)
    }

    pub(crate) fn query(&mut self, values: &[&dyn ToSql]) -> Result<Rows<'_>, Error> {
        let session = self.session;
        let bound = Bound::all(values);
        let stream = session.wait(session.client.query_raw(&self.prepared, bound))?;
        Ok(Rows {
            session,
            stream: Box::pin(stream),
            row: None,
        })
    }
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<&Row>, Error> {
        let next = self.stream.next();
        let next = self.session.wait(async { next.await.transpose() })?;
        self.row = next.map(Row);
        Ok(self.row.as_ref())
    }
}

impl Row {
    pub(crate) fn column_count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn column_index(&self, name: &str) -> Result<usize, Error> {
        let found = self.0.columns().iter().position(|column| column.name() == name);
        found.ok_or_else(|| Error::NoColumn(name.to_owned()))
    }

    pub(crate) fn value(&self, column: usize) -> Result<ValueRef<'_>, Error> {
        value::of(&self.0, column)
    }
}

// Not by thiserror's word, which would tell the same once more as the cause.
impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Said(error)
    }
}

impl fmt::Debug for Error {
    /// As it is told: what PostgreSQL says besides may have numbers in it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl Error {
    /// Whether it may well be over in a while: the server is away, it starts, it has no room, or two got in each other's way.
    pub(crate) fn is_passing(&self) -> bool {
        let error = match self {
            Self::Said(error) => error,
            Self::Silent => return true,
            _ => return false,
        };
        let Some(state) = error.code() else {
            // Not the server's own words: the connection's; or, with another source, a value that does not fit.
            let source = std::error::Error::source(error);
            return error.is_closed() || source.is_none_or(<dyn std::error::Error>::is::<std::io::Error>);
        };
        let code = state.code();
        // Connection exceptions, transactions that got in each other's way, no resources, the operator's doing, the
        // system's failures; a lock that took too long; a server that has become a standby;
        // a transaction that this process slept in.
        ["08", "40", "53", "57", "58"].contains(&&code[..2]) || ["55P03", "25006", "25P03"].contains(&code)
    }

    /// Whether a statement that must change one row did not.
    pub(crate) fn is_not_one_row(&self) -> bool {
        matches!(self, Self::NotOneRow)
    }

    /// Whether it may not do that here: by its role's rights, or since a standby only reads.
    pub(crate) fn is_forbidden(&self) -> bool {
        // Insufficient privilege; read-only transaction; and a standby refuses `READ WRITE` as a feature that it does not have.
        let codes = ["42501", "25006", "0A000"];
        self.state().is_some_and(|state| codes.contains(&state.code()))
    }

    /// Whether that constraint was in the way.
    pub(crate) fn is_of_constraint(&self, name: &str) -> bool {
        let Self::Said(error) = self else { return false };
        error
            .as_db_error()
            .is_some_and(|said| said.constraint() == Some(name))
    }

    /// What PostgreSQL calls it.
    pub(crate) fn state(&self) -> Option<&SqlState> {
        match self {
            Self::Said(error) => error.code(),
            _ => None,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Session")
    }
}

/// What PostgreSQL's error says, in one line: its own words are in the source of the one that the client makes of it.
fn told(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), std::error::Error::source(error)) {
        // Its detail may have numbers in it: a key that exists already.
        (Some(said), _) => said.message().to_owned(),
        (None, Some(source)) => source.to_string(),
        (None, None) => error.to_string(),
    }
}

/// A statement in SQLite's words, in PostgreSQL's: its parameters are `$1`, `$2`, …, and it chooses its indexes by itself.
fn in_its_words(sql: &str) -> String {
    sql.replace('?', "$").replace(" NOT INDEXED", "")
}
