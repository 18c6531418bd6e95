//! Values on their way: SQLite's kinds as PostgreSQL's types, and back.

use std::error::Error as StdError;

use bytes::BytesMut;
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use tokio_postgres::types::{IsNull, Type, to_sql_checked};

use super::Error;

/// A parameter's value.
#[derive(Debug)]
pub(super) struct Bound(Value);

impl Bound {
    pub(super) fn all(values: &[&dyn ToSql]) -> Vec<Self> {
        values.iter().map(|value| Self::of(*value)).collect()
    }

    fn of(value: &dyn ToSql) -> Self {
        // A count above 2⁶³ is refused by its column rather than wrapped.
        Self(match value.to_sql() {
            Ok(ToSqlOutput::Borrowed(value)) => value.try_into().unwrap_or(Value::Null),
            Ok(ToSqlOutput::Owned(value)) => value,
            Ok(_) | Err(_) => Value::Null,
        })
    }
}

impl tokio_postgres::types::ToSql for Bound {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        // rusqlite has a trait of the same name.
        use tokio_postgres::types::ToSql;
        match (&self.0, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(integer), &Type::BOOL) => ToSql::to_sql(&(*integer != 0), kind, out),
            (Value::Integer(integer), &Type::INT4) => ToSql::to_sql(&i32::try_from(*integer)?, kind, out),
            (Value::Integer(integer), &Type::INT8) => ToSql::to_sql(integer, kind, out),
            (Value::Real(real), &Type::FLOAT8) => ToSql::to_sql(real, kind, out),
            (Value::Text(text), &Type::TEXT) => ToSql::to_sql(text, kind, out),
            (Value::Blob(blob), &Type::BYTEA) => ToSql::to_sql(blob, kind, out),
            (value, kind) => {
                Err(format!("a parameter of type {kind} was given {}", value.data_type()).into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column's value.
pub(super) fn of(row: &tokio_postgres::Row, column: usize) -> Result<ValueRef<'_>, Error> {
    let Some(found) = row.columns().get(column) else {
        return Err(Error::NoColumn(column.to_string()));
    };
    let value = match found.type_() {
        &Type::INT8 => row.try_get::<_, Option<i64>>(column)?.map(ValueRef::Integer),
        &Type::INT4 => {
            let integer = row.try_get::<_, Option<i32>>(column)?;
            integer.map(|integer| ValueRef::Integer(integer.into()))
        }
        &Type::BOOL => {
            let is = row.try_get::<_, Option<bool>>(column)?;
            is.map(|is| ValueRef::Integer(is.into()))
        }
        &Type::FLOAT8 => row.try_get::<_, Option<f64>>(column)?.map(ValueRef::Real),
        &Type::TEXT | &Type::VARCHAR => {
            let text = row.try_get::<_, Option<&str>>(column)?;
            text.map(|text| ValueRef::Text(text.as_bytes()))
        }
        &Type::BYTEA => row.try_get::<_, Option<&[u8]>>(column)?.map(ValueRef::Blob),
        kind => {
            return Err(Error::Kind {
                column: found.name().to_owned(),
                kind: kind.to_string(),
            });
        }
    };
    Ok(value.unwrap_or(ValueRef::Null))
}
