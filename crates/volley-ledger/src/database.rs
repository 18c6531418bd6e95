//! The database behind the ledger: SQLite's file, or PostgreSQL. What is asked and written is the same for both, and so is the
//! code that asks; this is where they are told apart.
//!
//! Statements are written in SQLite's words as far as PostgreSQL understands them: parameters are `?1`, `?2`, …, counts
//! are cast `AS BIGINT`. Values are SQLite's kinds: an integer of 64 bits, a double, text, bytes, or null.
//! Not here: what only one of them has, such as pragmas, or claims.

mod params;
mod row;

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::CachedStatement;
use rusqlite::types::Type;

use crate::postgres::{self, Patience};

pub(crate) use params::Params;
pub(crate) use row::Row;
pub(crate) use rusqlite::params;

/// What went wrong, or what was found that cannot be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Postgres(#[from] postgres::Error),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether a statement that a server was to change one row by did not.
    pub(crate) fn is_not_one_row(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.is_not_one_row())
    }

    /// A column that must have a value has none.
    pub(crate) fn null() -> Self {
        rusqlite::Error::InvalidQuery.into()
    }

    /// A value that cannot be what its column means.
    pub(crate) fn senseless(
        column: usize,
        kind: Type,
        why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        rusqlite::Error::FromSqlConversionFailure(column, kind, why.into()).into()
    }
}

/// A connection to either.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(postgres::Session),
}

/// A statement that is ready to be asked.
pub(crate) enum Statement<'c> {
    Sqlite(rusqlite::Statement<'c>),
    SqliteCached(CachedStatement<'c>),
    Postgres(postgres::Statement<'c>),
}

/// Rows as they come.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows<'s>),
}

/// What is written in it becomes so together, at [`commit`](Self::commit); dropped before, nothing of it does. What is asked
/// in a [`moment`](Connection::moment) is asked of one state.
pub(crate) struct Transaction<'c> {
    connection: &'c Connection,
    open: Cell<bool>,
}

impl Connection {
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>> {
        Ok(match self {
            Self::Sqlite(connection) => Statement::Sqlite(connection.prepare(sql)?),
            Self::Postgres(session) => Statement::Postgres(session.prepare(sql)?),
        })
    }

    /// The same, for a statement that is asked often.
    pub(crate) fn prepare_cached(&self, sql: &str) -> Result<Statement<'_>> {
        Ok(match self {
            Self::Sqlite(connection) => Statement::SqliteCached(connection.prepare_cached(sql)?),
            Self::Postgres(session) => Statement::Postgres(session.prepare(sql)?),
        })
    }

    /// Runs a statement; how many rows it changed.
    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params)
    }

    /// Runs an INSERT into a table whose key is `id`; the id of the new row.
    pub(crate) fn insert(&self, sql: &str, params: impl Params) -> Result<i64> {
        match self {
            Self::Sqlite(connection) => {
                self.prepare_cached(sql)?.execute(params)?;
                Ok(connection.last_insert_rowid())
            }
            Self::Postgres(session) => {
                let mut statement = Statement::Postgres(session.prepare(&format!("{sql} RETURNING id"))?);
                statement.query_row(params, |row| row.get(0))
            }
        }
    }

    /// Statements without parameters, one after another.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(session) => Ok(session.execute_batch(sql)?),
        }
    }

    /// The one row that there is.
    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(params, read)
    }

    /// One state for all that is asked, while others may be writing.
    pub(crate) fn moment(&self) -> Result<Transaction<'_>> {
        Transaction::begin(
            self,
            match self {
                Self::Sqlite(_) => "BEGIN",
                Self::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            },
        )
    }

    /// To write.
    pub(crate) fn transaction(&self) -> Result<Transaction<'_>> {
        Transaction::begin(
            self,
            match self {
                Self::Sqlite(_) => "BEGIN IMMEDIATE",
                Self::Postgres(_) => "BEGIN",
            },
        )
    }

    /// Waits for what was [posted](Statement::post) to a server.
    pub(crate) fn settle(&self) -> Result<()> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => Ok(session.settle()?),
        }
    }

    /// Makes what a transaction wrote durable.
    pub(crate) fn commit(&self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => {
                connection.prepare_cached("COMMIT")?.execute([])?;
                Ok(())
            }
            Self::Postgres(session) => Ok(session.commit()?),
        }
    }

    /// Gives a transaction up.
    pub(crate) fn roll_back(&self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch("ROLLBACK")?),
            Self::Postgres(session) => Ok(session.roll_back()?),
        }
    }

    /// Whether it is PostgreSQL.
    pub(crate) fn postgres(&self) -> Option<&postgres::Session> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(session) => Some(session),
        }
    }

    /// From now on a server's answers are waited for so long.
    pub(crate) fn wait_as(&mut self, patience: Patience) {
        if let Self::Postgres(session) = self {
            session.wait_as(patience);
        }
    }

    /// Closes it. Dropping it does as much, but tells of no failure.
    pub(crate) fn close(self) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.close().map_err(|(_, error)| error)?),
            Self::Postgres(_) => Ok(()),
        }
    }
}

impl Statement<'_> {
    /// Runs it; how many rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize> {
        params.with(|values| {
            Ok(match self {
                Self::Sqlite(statement) => statement.execute(values)?,
                Self::SqliteCached(statement) => statement.execute(values)?,
                Self::Postgres(statement) => statement.execute(values)?,
            })
        })
    }

    /// Runs it where nobody needs to hear at once how it went: a server is not waited for. If it fails, whoever waits next in the
    /// transaction is told, at the latest whoever commits.
    pub(crate) fn post(&mut self, params: impl Params) -> Result<()> {
        match self {
            Self::Postgres(statement) => Ok(params.with(|values| statement.post(values))?),
            _ => self.execute(params).map(drop),
        }
    }

    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        params.with(|values| {
            Ok(match self {
                Self::Sqlite(statement) => Rows::Sqlite(statement.query(values)?),
                Self::SqliteCached(statement) => Rows::Sqlite(statement.query(values)?),
                Self::Postgres(statement) => Rows::Postgres(statement.query(values)?),
            })
        })
    }

    /// The one row that there is.
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut rows = self.query(params)?;
        match rows.next()? {
            Some(row) => read(&row),
            None => Err(rusqlite::Error::QueryReturnedNoRows.into()),
        }
    }

    /// Every row, as `read` takes it: all are read by the time that the first is looked at.
    pub(crate) fn query_map<T>(
        &mut self,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<std::vec::IntoIter<Result<T>>> {
        let mut rows = self.query(params)?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push(read(&row));
        }
        Ok(all.into_iter())
    }
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        Ok(match self {
            Self::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            Self::Postgres(rows) => rows.next()?.map(Row::Postgres),
        })
    }
}

impl<'c> Transaction<'c> {
    fn begin(connection: &'c Connection, sql: &str) -> Result<Self> {
        connection.execute_batch(sql)?;
        Ok(Self {
            connection,
            open: Cell::new(true),
        })
    }

    pub(crate) fn commit(self) -> Result<()> {
        self.connection.commit()?;
        self.open.set(false);
        Ok(())
    }
}

impl Deref for Transaction<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.open.get() {
            // What failed may have ended it already, and what cannot be ended is not committed either.
            drop(self.connection.roll_back());
        }
    }
}

/// Whether there was a row at all.
pub(crate) trait OptionalExtension<T> {
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(Error::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
impl Connection {
    /// A file as any SQLite tool opens it.
    pub(crate) fn open(path: impl AsRef<std::path::Path>) -> Result<Self> {
        Ok(Self::Sqlite(rusqlite::Connection::open(path)?))
    }

    pub(crate) fn open_in_memory() -> Result<Self> {
        Ok(Self::Sqlite(rusqlite::Connection::open_in_memory()?))
    }

    pub(crate) fn sqlite(&self) -> &rusqlite::Connection {
        match self {
            Self::Sqlite(connection) => connection,
            Self::Postgres(_) => panic!("not SQLite's"),
        }
    }
}
