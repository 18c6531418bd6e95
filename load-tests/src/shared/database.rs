//! What a PostgreSQL has done so far, and how large a ledger in it has become.

use std::collections::BTreeMap;
use std::fs;

use test_postgres::{Database, Server};

use crate::error::LoadError;

/// Whatever can be had of it at one moment, by name; see [`Done::since`] for the names.
pub(super) struct Done(BTreeMap<&'static str, f64>);

/// Of the whole server; it has one database of a ledger.
const QUESTIONS: [(&str, &str); 5] = [
    (
        "wal_bytes",
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')",
    ),
    ("wal_images", "SELECT wal_fpi FROM pg_stat_wal"),
    ("flushes", "SELECT wal_sync FROM pg_stat_wal"),
    ("flush_ms", "SELECT wal_sync_time FROM pg_stat_wal"),
    (
        "commits",
        "SELECT coalesce(sum(commit_number), 0) FROM volley.run",
    ),
];

impl Done {
    pub(super) fn of(database: &Database) -> Result<Self, LoadError> {
        // What sessions have counted for themselves is told at their end, or when they idle.
        let answers = QUESTIONS.map(|(name, sql)| Ok((name, ask(database, sql)?)));
        answers.into_iter().collect::<Result<_, _>>().map(Self)
    }

    /// What was done in between: `wal_bytes`, `wal_images` (of whole pages), `flushes`, `flush_ms` (of them all), `commits` (of
    /// runs).
    pub(super) fn since(&self, before: &Self) -> BTreeMap<&'static str, f64> {
        let each = self.0.iter();
        each.map(|(name, now)| (*name, now - before.0.get(name).unwrap_or(&0.0)))
            .collect()
    }
}

/// How large the ledger's tables have become, with their indexes, in bytes.
pub(super) fn sizes(database: &Database) -> Result<BTreeMap<&'static str, f64>, LoadError> {
    let tables = ["claim", "claim_pkey", "batch", "members", "attempt", "body"];
    let size = |table| {
        let query = format!("SELECT pg_total_relation_size('volley.{table}')");
        Ok((table, ask(database, &query)?))
    };
    tables.into_iter().map(size).collect()
}

/// How many pages the claims' index has.
pub(super) fn index_pages(database: &Database) -> Result<f64, LoadError> {
    ask(
        database,
        "SELECT pg_relation_size('volley.claim_pkey') / current_setting('block_size')::int",
    )
}

/// Its first process, whose children do the work.
pub(super) fn postmaster(server: &Server) -> Result<u32, LoadError> {
    let path = server.folder().join("data/postmaster.pid");
    let told = fs::read_to_string(&path).map_err(|source| LoadError::Read { path, source })?;
    let first = told.lines().next().unwrap_or_default();
    first
        .trim()
        .parse()
        .map_err(|_| LoadError::Server(format!("PostgreSQL's process is {first:?}")))
}

pub(super) fn ask(database: &Database, sql: &str) -> Result<f64, LoadError> {
    let told = database
        .psql_as("postgres", sql)
        .map_err(|error| LoadError::Server(format!("{sql}: {error}")))?;
    let number = told.trim().parse();
    number.map_err(|_| LoadError::Server(format!("PostgreSQL said {told:?} to {sql}")))
}
