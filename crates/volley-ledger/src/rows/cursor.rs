//! Reads a row's columns in their order, each as what it means, and their checksum along the way.

use std::str::FromStr;

use crate::database::Row;
use crate::database::{self};
use jiff::Timestamp;
use rusqlite::types::{FromSql, Type};
use volley_model::{CostSource, Msisdn};

use super::Cost;
use crate::checksum::Columns;

/// Takes columns one after another, and their checksum along the way.
pub(crate) struct Cursor<'a> {
    row: &'a Row<'a>,
    at: usize,
    sum: Columns,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(row: &'a Row<'a>, at: usize) -> Self {
        Self {
            row,
            at,
            sum: Columns::default(),
        }
    }

    /// Goes on from here with a fresh checksum, which begins with another column.
    pub(crate) fn behind(self, first: usize) -> database::Result<Self> {
        let mut next = Self::new(self.row, self.at);
        next.sum.push(self.row.get_ref(first)?);
        Ok(next)
    }

    pub(crate) fn next<T: FromSql>(&mut self) -> database::Result<T> {
        self.skip(1)?;
        self.row.get(self.at - 1)
    }

    pub(crate) fn skip(&mut self, columns: usize) -> database::Result<()> {
        for _ in 0..columns {
            self.sum.push(self.row.get_ref(self.at)?);
            self.at += 1;
        }
        Ok(())
    }

    /// Text that has a meaning of its own.
    pub(crate) fn parse<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
        &mut self,
    ) -> database::Result<Option<T>> {
        let column = self.at;
        let text: Option<String> = self.next()?;
        text.map(|text| text.parse())
            .transpose()
            .map_err(|error| database::Error::senseless(column, Type::Text, error))
    }

    /// A name, and what it stands for.
    pub(crate) fn named<T>(&mut self, meaning: fn(&str) -> Option<T>) -> database::Result<T> {
        let name: String = self.next()?;
        meaning(&name).ok_or_else(|| self.senseless(&name))
    }

    pub(crate) fn cost(&mut self) -> database::Result<Option<Cost>> {
        let (amount, currency) = (self.parse()?, self.parse()?);
        let source: Option<String> = self.next()?;
        let source = match source.as_deref() {
            Some("provider") => CostSource::Provider,
            Some("estimated") => CostSource::Estimated,
            Some("operator") => CostSource::Operator,
            None if amount.is_none() && currency.is_none() => return Ok(None),
            other => return Err(self.senseless(other.unwrap_or("null"))),
        };
        match (amount, currency) {
            (Some(amount), Some(currency)) => Ok(Some(Cost {
                amount,
                currency,
                source,
            })),
            _ => Err(self.senseless("half a cost")),
        }
    }

    pub(crate) fn number(&mut self) -> database::Result<Option<Msisdn>> {
        let digits: Option<u64> = self.next()?;
        let number = digits.map(Msisdn::new).transpose();
        number.map_err(|error| database::Error::senseless(self.at, Type::Integer, error))
    }

    pub(crate) fn time(&mut self) -> database::Result<Option<Timestamp>> {
        let column = self.at;
        let microseconds: Option<i64> = self.next()?;
        microseconds
            .map(|microseconds| timestamp(column, microseconds))
            .transpose()
    }

    /// Whether the column here is the checksum of those before it; steps over it.
    pub(crate) fn matches(&mut self) -> database::Result<bool> {
        let stored: Option<Vec<u8>> = self.row.get(self.at)?;
        self.at += 1;
        Ok(stored.is_some_and(|stored| stored == self.sum.finish()))
    }

    pub(crate) fn senseless(&self, found: &str) -> database::Error {
        database::Error::senseless(self.at - 1, Type::Text, format!("{found:?} makes no sense"))
    }
}

/// A stored time.
pub(crate) fn timestamp(column: usize, microseconds: i64) -> database::Result<Timestamp> {
    Timestamp::from_microsecond(microseconds)
        .map_err(|error| database::Error::senseless(column, Type::Integer, error))
}
