//! A row that was found, and its columns as SQLite's kinds of values.

use rusqlite::types::{FromSql, FromSqlError, ValueRef};

use super::{Error, Result};
use crate::postgres;

/// See the module.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row),
}

/// Which column: by its place from 0, or by its name.
pub(crate) trait RowIndex: Copy {
    fn of(self, row: &Row<'_>) -> Result<usize>;
}

impl RowIndex for usize {
    fn of(self, _: &Row<'_>) -> Result<usize> {
        Ok(self)
    }
}

impl RowIndex for &str {
    fn of(self, row: &Row<'_>) -> Result<usize> {
        match row {
            Row::Sqlite(row) => Ok(row.as_ref().column_index(self)?),
            Row::Postgres(row) => Ok(row.column_index(self)?),
        }
    }
}

impl<'r> Row<'r> {
    /// How many columns it has.
    pub(crate) fn column_count(&self) -> usize {
        match self {
            Self::Sqlite(row) => row.as_ref().column_count(),
            Self::Postgres(row) => row.column_count(),
        }
    }

    pub(crate) fn get_ref(&self, column: usize) -> Result<ValueRef<'r>> {
        match self {
            Self::Sqlite(row) => Ok(row.get_ref(column)?),
            Self::Postgres(row) => Ok(row.value(column)?),
        }
    }

    pub(crate) fn get<I: RowIndex, T: FromSql>(&self, column: I) -> Result<T> {
        let column = column.of(self)?;
        let value = self.get_ref(column)?;
        T::column_result(value).map_err(|error| unreadable(column, value, error))
    }
}

fn unreadable(column: usize, value: ValueRef<'_>, error: FromSqlError) -> Error {
    match error {
        FromSqlError::InvalidType => {
            rusqlite::Error::InvalidColumnType(column, "a column".to_owned(), value.data_type())
        }
        FromSqlError::OutOfRange(integer) => rusqlite::Error::IntegralValueOutOfRange(column, integer),
        error => rusqlite::Error::FromSqlConversionFailure(column, value.data_type(), Box::new(error)),
    }
    .into()
}
