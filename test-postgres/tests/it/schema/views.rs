//! The views of both ledgers show the same of the same, whatever the session's time zone; and the queries of
//! docs/ledger.md run in both.

use std::collections::BTreeSet;

use test_postgres::is_there;

use super::both::Both;
use super::{rules, transitions};

const VIEWS: [&str; 7] = [
    "campaigns",
    "runs",
    "batches",
    "tickets",
    "doubts",
    "suppressions",
    "list_campaigns",
];

fn check_views(both: &Both, rows_min: usize) {
    let mut rows = 0;
    for view in VIEWS {
        let [mut sqlite, mut postgres] = both.rows(&format!("SELECT * FROM {view}"));
        sqlite.sort();
        postgres.sort();
        assert_eq!(sqlite, postgres, "{view}");
        rows += sqlite.len();
    }
    assert!(rows >= rows_min, "{rows}");
}

/// The columns of a view, and the type of each in PostgreSQL.
fn check_columns(both: &Both) {
    let query = "SELECT m.name, p.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS p WHERE m.type = 'view' \
                 ORDER BY m.name, p.cid";
    let columns: Vec<String> = {
        let mut statement = both.sqlite.prepare(query).unwrap();
        let columns = statement.query_map([], |row| {
            Ok(format!(
                "{}|{}",
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?
            ))
        });
        columns.unwrap().map(Result::unwrap).collect()
    };
    let query = "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.views \
                 USING (table_schema, table_name) WHERE table_schema = 'volley' ORDER BY table_name, ordinal_position";
    assert_eq!(both.postgres.psql(query), columns.join("\n"));
    let types = "SELECT DISTINCT data_type FROM information_schema.columns JOIN information_schema.views \
                 USING (table_schema, table_name) WHERE table_schema = 'volley' ORDER BY data_type";
    assert_eq!(both.postgres.psql(types), "bigint\ndouble precision\ntext");
}

#[test]
fn the_views_show_what_sqlite_s_show() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    check_columns(&both);
    transitions::fill(&both);
    check_views(&both, 140);
    let both = Both::new();
    rules::fill(&both);
    check_views(&both, 20);
}

/// What is told of one ledger alone.
const ONE_SIDED: [&str; 6] = [
    "two open batches share it",
    "its latest run is not the last one",
    "it is open, and its body is gone",
    "its outcome is known, and its body is still there",
    "it holds numbers of another campaign",
    "its budget is not what its batches add up to",
];

fn check_faults(both: &Both) -> BTreeSet<String> {
    let [sqlite, postgres] = both
        .rows("SELECT place, fault FROM conservation")
        .map(|mut rows| {
            rows.retain(|row| !ONE_SIDED.iter().any(|fault| row.ends_with(fault)));
            rows.sort();
            rows
        });
    assert_eq!(sqlite, postgres);
    let fault = |row: String| row.split_once('|').unwrap().1.to_owned();
    sqlite.into_iter().map(fault).collect()
}

#[test]
fn every_fault_that_sqlite_finds_is_found() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    rules::fill(&both);
    let mut found = check_faults(&both);
    both.force(
        "UPDATE batch SET parent = 1 WHERE id = 2;
         UPDATE batch SET parent = 3, member_count = 7, lines_planned = 0, lines_invalid = 3 WHERE id = 6;
         UPDATE batch SET state = 'declared_sent', ticket = 't2', run = 3 WHERE id = 2;
         UPDATE batch SET named_number = 7 WHERE id = 5;
         UPDATE batch SET lines_read = 6 WHERE id = 3;
         UPDATE batch SET cost = '3', cost_currency = 'EUR', cost_source = 'provider' WHERE id = 1;
         DELETE FROM members WHERE batch = 1;
         DELETE FROM lookup WHERE number = 1;
         UPDATE resolution SET batch = 4;
         INSERT INTO suppressed VALUES (7, 7);
         UPDATE list_campaign SET state = 'failed', provider_id = '9' WHERE id = 3;
         UPDATE list_campaign SET provider_id = '9' WHERE id = 4;
         DELETE FROM list_campaign_event WHERE list_campaign = 4 AND number = 1;",
    );
    found.extend(check_faults(&both));
    both.force(
        "UPDATE batch SET named_number = NULL WHERE id = 3; UPDATE run SET lines_settled = -1 WHERE id = 1",
    );
    found.extend(check_faults(&both));
    let schema = super::both::SQLITE;
    let (_, view) = schema.split_once("CREATE VIEW conservation").unwrap();
    let told: BTreeSet<String> = view
        .split("SELECT '")
        .skip(1)
        .filter_map(|select| select.split_once(", '")?.1.split_once('\''))
        .map(|(fault, _)| fault.to_owned())
        .filter(|fault| !ONE_SIDED.contains(&fault.as_str()))
        .collect();
    let missing: Vec<&String> = told.difference(&found).collect();
    assert!(missing.is_empty(), "never found: {missing:?}, of {}", told.len());
}

#[test]
fn the_queries_of_the_ledger_s_page_run_in_both() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    rules::fill(&both);
    let page = include_str!("../../../../docs/ledger.md");
    let queries: Vec<&str> = page
        .split("```sql\n")
        .skip(1)
        .map(|behind| behind.split("```").next().unwrap())
        .collect();
    assert_eq!(queries.len(), 11);
    let mut rows = 0;
    for query in queries {
        // SQLite's shell alone has it.
        if query.contains("decimal_sum") {
            let sums = both.postgres.psql(query);
            let mut sums: Vec<&str> = sums.lines().collect();
            sums.sort_unstable();
            assert_eq!(sums, ["spring|EUR|1|0.10", "spring||1|0"], "{query}");
            continue;
        }
        if query.contains("FROM conservation") {
            continue;
        }
        let [mut sqlite, mut postgres] = both.rows(&query.replace("reminder-2026-12-01", "spring"));
        if !query.contains("ORDER BY") {
            sqlite.sort();
            postgres.sort();
        }
        // A date is one there, and shown as the session wants it.
        let date = |row: String| row.replace("14.11.2023", "2023-11-14");
        let postgres: Vec<String> = postgres.into_iter().map(date).collect();
        assert_eq!(sqlite, postgres, "{query}");
        rows += sqlite.len();
    }
    assert!(rows > 10, "{rows}");
}

#[test]
fn texts_are_in_the_order_of_their_bytes_whatever_the_collation() {
    if !is_there() {
        return;
    }
    let both = Both::new();
    let names = ["b", "B", "a", "A-1", "A1", "é"].map(|name| format!("('{name}', 'p', 'a', 'h', 0)"));
    both.tell(&format!(
        "INSERT INTO campaign (name, provider, account, host, created_at) VALUES {}",
        names.join(", ")
    ));
    let [sqlite, postgres] = both.rows("SELECT name FROM campaigns ORDER BY name");
    assert_eq!(sqlite, postgres);
    let own = both.postgres.psql("SELECT 'a' < 'B'");
    assert_eq!(own, "t", "the database's own order is another");
}

#[test]
fn sums_of_money_are_exact() {
    if !is_there() {
        return;
    }
    let postgres = super::both::postgres();
    let check = |costs: &str, expected: &str| {
        let query = format!("SELECT decimal_sum(cost) FROM (VALUES {costs}) AS costs (cost)");
        assert_eq!(postgres.psql(&query), expected, "{costs}");
    };
    check("('0.1'), ('0.2')", "0.3");
    check("('1.10'), ('2.20'), (NULL), ('-0.300')", "3.000");
    check(
        "('79228162514264337593543950335'), ('0.00000001')",
        "79228162514264337593543950335.00000001",
    );
    check("(NULL::text)", "0");
    let none = "SELECT decimal_sum('1') IS NULL FROM campaign";
    assert_eq!(postgres.psql(none), "t");
}
