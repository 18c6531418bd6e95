//! That two ledgers say the same of a campaign.

use std::collections::BTreeSet;

use rusqlite::Connection;
use serde_json::Value;
use test_postgres::Database;

use super::{at, expect_conserved};
use crate::support::{End, Sandbox};

/// What a ledger has the same of, wherever it is.
const TABLES: [&str; 18] = [
    "message",
    "message_part",
    "run",
    "schedule",
    "run_limits",
    "campaign_change",
    "resolution",
    "erasure",
    "batch",
    "members",
    "attempt",
    "lookup",
    "pricing",
    "lines_behind",
    "suppressed",
    "list_campaign",
    "list_campaign_part",
    "list_campaign_event",
];

/// Fields that a ledger has for itself, or that go by the clock.
const OF_ONE_LEDGER: [&str; 7] = [
    "batch",
    "run",
    "parent",
    "worker",
    "worker_state",
    "ledger",
    "age_seconds",
];

/// What a command prints as JSON, row by row, without the ids, which are given anew.
pub(super) fn rows(end: &End) -> Vec<Value> {
    assert_eq!(end.code(), 0, "{end}");
    let row = |line: &str| without_ids(serde_json::from_str(line).expect("JSON"));
    end.stdout.lines().map(row).collect()
}

fn without_ids(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| !OF_ONE_LEDGER.contains(&key.as_str()))
            .map(|(key, value)| (key, without_ids(value)))
            .collect(),
        Value::Array(all) => all.into_iter().map(without_ids).collect(),
        // A run that found a batch open stands in its reason.
        Value::String(text) if text.starts_with("found open by") => "found open".into(),
        other => other,
    }
}

/// Both ledgers say the same of a campaign, and hold as many rows of everything; the one on the server is sound.
#[track_caller]
pub(super) fn expect_same(sandbox: &Sandbox, database: &Database) {
    for command in [
        &["--json", "report", "spring"][..],
        &["export", "batches", "spring"],
        &["export", "recipients", "spring"],
        &["export", "tickets", "spring"],
        &["export", "refused", "spring"],
        &["--json", "doubt", "list"],
    ] {
        let here = rows(&sandbox.volley(command).run());
        let there = rows(&at(sandbox, database, command));
        assert_eq!(here, there, "{command:?}");
    }
    let file = Connection::open(sandbox.path("volley.db")).expect("SQLite");
    for table in TABLES {
        let count = format!("SELECT count(*) FROM {table}");
        let here: i64 = file.query_row(&count, [], |row| row.get(0)).expect("a count");
        let count = format!("SELECT count(*) FROM volley.{table}");
        let there: i64 = database.psql(&count).parse().expect("a count");
        assert_eq!(here, there, "{table}");
    }
    expect_conserved(database);
    at(sandbox, database, &["ledger", "verify"]).expect(0);
    // Each number is held by the last batch that has it.
    let claims = "SELECT count(*), count(DISTINCT batch.campaign) FROM volley.claim \
        JOIN volley.batch ON batch.id = claim.batch AND batch.campaign = claim.campaign";
    let numbers = rows(&sandbox.volley(["export", "recipients", "spring"]).run());
    let distinct: BTreeSet<String> = numbers.iter().map(|row| row["number"].to_string()).collect();
    assert_eq!(database.psql(claims), format!("{}|1", distinct.len()));
}
