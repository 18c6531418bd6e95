//! The ledger and its exports as analysts open them: pandas and DuckDB, against what the provider counted.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::skip::{self, Need};
use crate::support::{Sandbox, decimal};

/// Reads the ledger and both exports with both tools, and prints what each finds as one JSON object.
const SCRIPT: &str = r#"
import importlib.util, json, pathlib, sqlite3, sys
import duckdb, pandas

ledger = "volley.db"
found = {}

tickets = pandas.read_sql("SELECT * FROM tickets", sqlite3.connect(ledger))
found["pandas, ledger"] = [len(tickets), int(tickets.recipients.sum())]
rows = pandas.read_csv("recipients.csv", dtype=str)
found["pandas, csv"] = [int(rows.batch.nunique()), int((rows.state == "accepted").sum())]
rows = pandas.read_json("recipients.ndjson", lines=True, dtype=False)
found["pandas, ndjson"] = [int(rows.batch.nunique()), int((rows.state == "accepted").sum())]

duck = duckdb.connect()
spec = importlib.util.find_spec("duckdb_extension_sqlite_scanner")
scanner = next(pathlib.Path(spec.submodule_search_locations[0]).glob("extensions/*/*.duckdb_extension"))
duck.sql(f"INSTALL '{scanner}'")
duck.sql("LOAD sqlite_scanner")
duck.sql(f"ATTACH '{ledger}' AS v (TYPE sqlite, READ_ONLY)")
def one(query):
    return list(duck.sql(query).fetchone())
found["duckdb, ledger"] = one("SELECT count(*), sum(recipients::INT)::INT FROM v.tickets")
found["duckdb, csv"] = one("SELECT count(DISTINCT batch), count(*) FILTER (state = 'accepted') FROM 'recipients.csv'")
found["duckdb, ndjson"] = one("SELECT count(DISTINCT batch), count(*) FILTER (state = 'accepted') FROM 'recipients.ndjson'")
cost = str(one("SELECT sum(cost::DECIMAL(38, 8)) FROM v.tickets")[0])
views = ["campaigns", "runs", "batches", "tickets", "doubts", "suppressions", "list_campaigns"]
rows = {view: one(f"SELECT count(*) FROM v.{view}")[0] for view in views}
print(json.dumps({"found": found, "cost": cost, "rows": rows}))
"#;

#[test]
fn pandas_and_duckdb_read_what_the_provider_counted() {
    if !Need::DataTools.is_met() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(300, 50);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox
        .volley(["suppress", "add", "+33699999999"])
        .run()
        .expect(0);
    for format in ["csv", "ndjson"] {
        let output = format!("recipients.{format}");
        let args = ["export", "recipients", "--format", format, "--output", &output];
        assert_eq!(sandbox.volley(args).run().code(), 0);
    }
    let end = Command::new(skip::python())
        .args(["-c", SCRIPT])
        .current_dir(sandbox.path(""))
        .env("HOME", sandbox.path(""))
        .stderr(Stdio::inherit())
        .output()
        .expect("python");
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stdout));
    let told: Value = serde_json::from_slice(&end.stdout).expect("json");
    let seen = sandbox.mock().stats().together;
    let expected = json!([seen.tickets, seen.distinct_recipients]);
    for (tool, found) in told["found"].as_object().expect("tools") {
        assert_eq!(*found, expected, "{tool}");
    }
    assert_eq!(told["found"].as_object().expect("tools").len(), 6);
    assert_eq!(decimal(&told["cost"]), seen.total_cost);
    assert_eq!(
        told["rows"],
        json!({"campaigns": 1, "runs": 1, "batches": 6, "tickets": 6, "doubts": 0, "suppressions": 1, "list_campaigns": 0})
    );
}
