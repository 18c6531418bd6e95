//! Results go to stdout, everything else to stderr; and neither a closed pipe nor a file in the way is a panic.

use std::process::Stdio;

use serde_json::Value;

use super::names;
use crate::support::Sandbox;

#[test]
fn the_summary_goes_to_its_file_too() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    for args in [["contacts.ndjson"], ["missing.ndjson"]] {
        let end = sandbox.send(&args).args(["--summary-file", "summary.json"]).run();
        let text = sandbox.read("summary.json");
        let file: Value = serde_json::from_str(&text).expect("json");
        assert_eq!(file, end.summary(), "{args:?}");
        assert!(text.ends_with('\n') && text.lines().count() == 1);
    }
    // It does not need --json.
    let end = sandbox
        .volley([
            "send",
            "campaign.toml",
            "contacts.ndjson",
            "--summary-file",
            "second.json",
        ])
        .run();
    assert_eq!(end.code(), 0, "{end}");
    let file: Value = serde_json::from_str(&sandbox.read("second.json")).expect("json");
    assert_eq!(file["lines"]["already_sent"], 5);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let end = sandbox.send(&["contacts.ndjson", "--quiet"]).run();
    end.expect(0);
    assert_eq!(end.stderr, "");
    let end = sandbox.send(&["missing.ndjson", "--quiet"]).run();
    end.expect(4);
    assert!(end.stderr.contains("missing.ndjson"), "{end}");
}

#[test]
fn progress_and_logs_never_reach_stdout() {
    let sandbox = Sandbox::new();
    sandbox.prepare(2000, 10);
    let end = sandbox
        .send(&["contacts.ndjson", "--progress", "always", "--log-level", "trace"])
        .run();
    end.expect(0);
    assert_eq!(end.stdout.lines().count(), 1, "{end}");
}

#[test]
fn the_account_for_people_has_the_same_numbers() {
    let sandbox = Sandbox::new();
    sandbox.prepare(1234, 100);
    let end = sandbox.volley(["send", "campaign.toml", "contacts.ndjson"]).run();
    assert_eq!(end.code(), 0, "{end}");
    let seen = sandbox.mock().stats().together;
    for part in [
        "1,234 lines read".to_owned(),
        "1,234 accepted".to_owned(),
        "13 tickets".to_owned(),
        format!("{} EUR", seen.total_cost),
    ] {
        assert!(end.stdout.contains(&part), "no `{part}`\n{end}");
    }
}

#[test]
fn logs_as_json_are_one_object_a_line() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let end = sandbox
        .send(&[
            "contacts.ndjson",
            "--log-format",
            "json",
            "--log-level",
            "trace",
            "--max-recipients",
            "1",
        ])
        .run();
    for line in end.stderr.lines() {
        let log: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(log["level"].is_string(), "{line}");
    }
}

#[test]
fn a_closed_stdout_is_no_panic() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    for args in [
        vec!["send", "campaign.toml", "contacts.ndjson"],
        vec!["--json", "send", "campaign.toml", "contacts.ndjson"],
        vec!["plan", "campaign.toml", "contacts.ndjson"],
        vec!["report"],
    ] {
        let mut command = sandbox.volley(&args).into_command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("its end");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}\n{stderr}");
        assert!(!stderr.contains("panicked"), "{args:?}\n{stderr}");
    }
    assert_eq!(sandbox.mock().stats().together.recipients, 25);
}

#[test]
fn a_rehearsal_needs_no_credentials_and_leaves_nothing_behind() {
    let sandbox = Sandbox::without_mock();
    sandbox.prepare(25, 10);
    let before = names(&sandbox);
    for _ in 0..2 {
        let end = sandbox
            .with_campaign("rehearse", &["contacts.ndjson"])
            .env_remove("OCTOPUSH_API_LOGIN")
            .env_remove("OCTOPUSH_API_KEY")
            .run();
        end.expect(0).expect_lines(&[("accepted", 25)]);
        assert!(end.stderr.contains("mock"), "it says what it is\n{end}");
    }
    assert_eq!(names(&sandbox), before);
}

#[test]
fn a_rehearsal_neither_reads_nor_writes_the_ledger() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let before = std::fs::read(sandbox.path("volley.db")).expect("a ledger");
    let requests = sandbox.mock().stats().together.requests;
    let end = sandbox.with_campaign("rehearse", &["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 25)]);
    assert_eq!(
        std::fs::read(sandbox.path("volley.db")).expect("a ledger"),
        before
    );
    assert_eq!(sandbox.mock().stats().together.requests, requests);
}
