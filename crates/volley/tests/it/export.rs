//! `volley export`: every row of the ledger, once, as NDJSON and as CSV, held against the provider and the summary.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::support::{Provider, Sandbox, contacts, decimal, number};

const WHAT: [&str; 4] = ["tickets", "recipients", "batches", "refused"];

fn rows(sandbox: &Sandbox, args: &[&str]) -> Vec<Value> {
    let end = sandbox.volley(["export"].iter().chain(args)).run();
    assert_eq!(end.code(), 0, "{end}");
    let row = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    end.stdout.lines().map(row).collect()
}

/// Numbers by what became of them.
fn by_state(recipients: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut states: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in recipients {
        let [state, number] = ["state", "number"].map(|key| row[key].as_str().expect("text").to_owned());
        assert!(states.entry(state).or_default().insert(number), "twice: {row}");
    }
    states
}

/// A campaign of 30 numbers, of which Octopush refuses the first batch.
fn refused_once() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.prepare(30, 10);
    sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":400,"path":"send","times":1,
            "body":"{\"code\":100,\"message\":\"=cmd|' /C calc'!A0\"}"}]}"#,
    );
    // What one batch is refused for, the others would be: the run stops. The next one has other luck.
    sandbox.send(&["contacts.ndjson"]).run().expect(5);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox
}

#[test]
fn every_number_has_a_row_with_what_became_of_it() {
    let sandbox = refused_once();
    let states = by_state(&rows(&sandbox, &["recipients"]));
    let counts: Vec<_> = states
        .iter()
        .map(|(state, numbers)| (state.as_str(), numbers.len()))
        .collect();
    assert_eq!(counts, [("accepted", 20), ("refused", 10)]);
    let reached: BTreeSet<String> = sandbox
        .mock()
        .recipients()
        .into_iter()
        .map(|one| one.number)
        .collect();
    assert_eq!(states["accepted"], reached);
    let refused = rows(&sandbox, &["refused", "spring"]);
    let numbers: BTreeSet<String> = refused
        .iter()
        .map(|row| row["number"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(numbers, states["refused"]);
    assert_eq!(
        (&refused[0]["status"], &refused[0]["code"]),
        (&json!(400), &json!(100))
    );
}

#[test]
fn tickets_and_their_costs_are_the_providers_to_the_last_decimal() {
    let sandbox = refused_once();
    let tickets = rows(&sandbox, &["tickets"]);
    let given = sandbox.mock().tickets();
    assert_eq!(tickets.len(), given.len());
    for ticket in given {
        let row = tickets
            .iter()
            .find(|row| row["ticket"] == ticket.ticket.as_str())
            .expect("its row");
        assert_eq!(row["recipients"], ticket.recipients);
        assert_eq!(decimal(&row["cost"]), ticket.cost);
        assert_eq!(
            (&row["state"], &row["currency"]),
            (&json!("accepted"), &json!("EUR"))
        );
    }
    let batches = rows(&sandbox, &["batches"]);
    let states: Vec<_> = batches.iter().map(|row| &row["state"]).collect();
    assert_eq!(states, ["refused", "accepted", "accepted"]);
    assert!(batches.iter().all(|row| row["attempts"] == 1), "{batches:?}");
}

#[test]
fn the_numbers_of_a_split_batch_stand_where_they_went() {
    let sandbox =
        Sandbox::with_mock(&format!("[exotel]\nbad_numbers = [{:?}]\n", number(3))).of(Provider::Exotel);
    sandbox.prepare(8, 8);
    sandbox.send(&["contacts.ndjson"]).run().expect(5);
    let states = by_state(&rows(&sandbox, &["recipients"]));
    assert_eq!(states["refused"], BTreeSet::from([number(3)]));
    assert_eq!(states["accepted"].len(), 7);
    assert_eq!(states.len(), 2);
    let refused = rows(&sandbox, &["refused"]);
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["number"], number(3));
}

#[test]
fn csv_has_the_same_rows_and_no_formulas() {
    let sandbox = refused_once();
    for what in WHAT {
        let expected = rows(&sandbox, &[what]);
        let end = sandbox.volley(["export", what, "--format", "csv"]).run();
        assert_eq!(end.code(), 0, "{end}");
        let mut reader = csv::Reader::from_reader(end.stdout.as_bytes());
        let columns: Vec<String> = reader
            .headers()
            .expect("a header")
            .iter()
            .map(str::to_owned)
            .collect();
        let found: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().expect("rows");
        assert_eq!(found.len(), expected.len(), "{what}");
        for (record, row) in found.iter().zip(&expected) {
            assert_eq!(columns.len(), row.as_object().expect("a row").len());
            for (column, cell) in columns.iter().zip(record) {
                let plain = match &row[column] {
                    Value::Null => String::new(),
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                let formula = plain.starts_with('=');
                let safe = if formula { format!("'{plain}") } else { plain };
                assert_eq!(cell, safe, "{column}");
                assert_eq!(
                    formula,
                    column == "reason" && row["code"] == 100,
                    "{column}: {row}"
                );
            }
        }
    }
}

#[test]
fn a_file_is_whole_and_its_owners_alone() {
    let sandbox = refused_once();
    let end = sandbox
        .volley(["--json", "export", "recipients", "--output", "out.ndjson"])
        .run();
    assert_eq!(end.expect(0).summary()["rows"], 30, "{end}");
    assert_eq!(sandbox.read_ndjson("out.ndjson").len(), 30);
    let mode = fs::metadata(sandbox.path("out.ndjson"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    for (output, code) in [("volley.db", 2), ("volley.db-lock", 2), ("missing/out", 3)] {
        let end = sandbox.volley(["export", "tickets", "--output", output]).run();
        end.expect(code);
        assert!(end.stderr.contains("--output"), "{end}");
    }
    sandbox.volley(["ledger", "verify"]).run().expect(0);
    // What is no file is written as it is.
    let device = ["export", "tickets", "--output", "/dev/null"];
    assert_eq!(sandbox.volley(device).run().code(), 0);
    assert!(!fs::metadata("/dev/null").expect("a device").is_file());
    let full = sandbox.volley(["export", "recipients"]).into_command();
    assert_eq!(to_full_disk(full), Some(3));
}

/// The exit code of a command whose standard output is a full disk.
fn to_full_disk(mut command: std::process::Command) -> Option<i32> {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("a full disk");
    command.stdout(full).status().expect("the binary").code()
}

#[test]
fn a_reader_that_has_enough_is_no_failure_and_an_unknown_name_is_one() {
    let sandbox = Sandbox::new();
    sandbox.prepare(20_000, 500);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let mut command = sandbox.volley(["export", "recipients"]).into_command();
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the binary");
    drop(child.stdout.take());
    assert_eq!(child.wait().expect("a child").code(), Some(0));
    let end = sandbox.volley(["export", "tickets", "sprong"]).run();
    end.expect(3);
    assert!(end.stderr.contains("it has spring"), "{end}");
    let end = sandbox.volley(["export", "ticket"]).run();
    end.expect(2);
    assert!(end.stderr.contains("'tickets'"), "{end}");
}

#[test]
fn a_forgotten_campaign_has_tickets_and_no_numbers() {
    let sandbox = Sandbox::new();
    sandbox.prepare(30, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let forget = [
        "ledger",
        "forget",
        "spring",
        "--reason",
        "a year is over",
        "--yes",
    ];
    sandbox.volley(forget).run().expect(0);
    assert_eq!(rows(&sandbox, &["recipients"]), [] as [Value; 0]);
    assert_eq!(rows(&sandbox, &["tickets"]).len(), 3);
    let csv = sandbox.volley(["export", "recipients", "--format", "csv"]).run();
    assert_eq!(csv.stdout, "campaign,number,state,batch,run,ticket,concluded\n");
}

#[test]
fn a_ledger_that_is_being_written_can_be_exported() {
    let sandbox = Sandbox::new();
    sandbox.prepare(10, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let mut run = sandbox
        .volley(["--json", "send", "campaign.toml", "-"])
        .start_piped();
    let pipe = run.take_stdin().expect("a pipe");
    assert_eq!(rows(&sandbox, &["recipients"]).len(), 10);
    let mut pipe = pipe;
    std::io::Write::write_all(&mut pipe, contacts(10..20).as_bytes()).expect("a reader");
    drop(pipe);
    run.wait().expect(0);
    assert_eq!(rows(&sandbox, &["recipients"]).len(), 20);
}
