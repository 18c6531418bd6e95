//! Every end of a run has its exit code, its outcome and one JSON line.

use serde_json::Value;

use crate::support::{End, Sandbox, contacts};

/// The keys that the interface promises for every summary.
const KEYS: [&str; 15] = [
    "schema",
    "campaign",
    "provider",
    "outcome",
    "exit_code",
    "lines",
    "batches",
    "settled",
    "tickets",
    "contacts",
    "dropped",
    "cost",
    "requests",
    "seconds",
    "recipients_per_second",
];

/// One line on stdout, with every key, this code and this outcome.
#[track_caller]
fn check(end: &End, code: i32, outcome: &str) -> Value {
    end.expect(code);
    assert_eq!(end.stdout.lines().count(), 1, "one line\n{end}");
    assert!(end.stdout.ends_with('\n'), "{end}");
    let summary = end.summary();
    assert_eq!(summary["outcome"], outcome, "{end}");
    for key in KEYS {
        assert!(summary.get(key).is_some(), "no `{key}`\n{end}");
    }
    let told = match outcome {
        "stopped" => "reason",
        "failed" => "error",
        _ => return summary,
    };
    assert!(summary[told].is_string(), "{outcome} without `{told}`\n{end}");
    summary
}

#[test]
fn a_complete_run_is_0() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let summary = check(&sandbox.send(&["contacts.ndjson"]).run(), 0, "complete");
    assert!(summary.get("error").is_none() && summary.get("reason").is_none());
}

#[test]
fn wrong_usage_is_2() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    for args in [
        vec![],
        vec!["sent"],
        vec!["send"],
        vec!["send", "campaign.toml", "--no-such-flag"],
        vec![
            "send",
            "campaign.toml",
            "contacts.ndjson",
            "--max-recipients",
            "many",
        ],
        vec!["send", "campaign.toml", "contacts.ndjson", "--color", "sometimes"],
        vec!["report", "spring", "summer"],
        vec!["ledger"],
    ] {
        let end = sandbox.volley(&args).run();
        assert_eq!(end.code(), 2, "{args:?}\n{end}");
        assert!(
            end.stderr.contains("--help") || end.stderr.contains("Usage"),
            "{args:?}\n{end}"
        );
        assert_eq!(end.stdout, "", "{args:?}");
    }
}

#[test]
fn wrong_usage_has_its_json_line_too() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    for args in [
        vec!["send", "--json"],
        vec!["--json", "send", "campaign.toml", "--no-such-flag"],
    ] {
        let end = sandbox.volley(&args).run();
        end.expect(2);
        assert_eq!(end.summary()["exit_code"], 2, "{end}");
        assert!(end.summary()["error"].is_string(), "{end}");
    }
}

#[test]
fn help_and_version_are_0() {
    let sandbox = Sandbox::without_mock();
    for args in [
        vec!["--help"],
        vec!["--version"],
        vec!["send", "--help"],
        vec!["help", "plan"],
    ] {
        let end = sandbox.volley(&args).run();
        assert_eq!(end.code(), 0, "{args:?}\n{end}");
        assert!(end.stdout.contains("volley"), "{args:?}\n{end}");
    }
}

#[test]
fn a_campaign_that_cannot_be_used_is_3() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let end = sandbox
        .send(&["contacts.ndjson", "--set", "octopush.sender=x"])
        .run();
    check(&end, 3, "failed");
}

#[test]
fn an_input_that_cannot_be_read_is_4() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let summary = check(&sandbox.send(&["missing"]).run(), 4, "failed");
    assert_eq!(summary["campaign"], "spring", "what is known is told");
}

#[test]
fn a_refused_message_is_5() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    sandbox.faults(REFUSED);
    check(&sandbox.send(&["contacts.ndjson"]).run(), 5, "stopped");
}

#[test]
fn a_doubt_is_6() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"status","status":500,"path":"send"}]}"#);
    check(&sandbox.send(&["contacts.ndjson"]).run(), 6, "doubtful");
}

#[test]
fn a_ledger_that_is_none_is_7() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.write("volley.db", "not a ledger");
    check(&sandbox.send(&["contacts.ndjson"]).run(), 7, "failed");
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn a_provider_that_nobody_hears_of_is_8() {
    let sandbox = Sandbox::without_mock();
    sandbox.prepare(5, 10);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    let summary = check(&end, 8, "stopped");
    assert_eq!(summary["lines"]["pending"], 5);
    let reason = summary["reason"].as_str().expect("a reason");
    assert!(reason.contains("127.0.0.1"), "the host is named: {reason}");

    // The numbers are free again.
    let reachable = Sandbox::new();
    reachable.campaign().write();
    let text = reachable.read("campaign.toml");
    sandbox.write("campaign.toml", text);
    sandbox
        .send(&["contacts.ndjson"])
        .run()
        .expect(0)
        .expect_lines(&[("accepted", 5)]);
}

#[test]
fn a_provider_that_puts_one_batch_off_again_and_again_is_8() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"0","path":"send"}]}"#,
    );
    let summary = check(&sandbox.send(&["contacts.ndjson"]).run(), 8, "stopped");
    assert_eq!(summary["lines"]["pending"], 5);
    assert!(summary["requests"]["throttled"].as_u64() >= Some(5), "{summary}");
    sandbox.mock().clear_faults();
    sandbox
        .send(&["contacts.ndjson"])
        .run()
        .expect(0)
        .expect_lines(&[("accepted", 5)]);
}

#[test]
fn a_batch_that_is_put_off_less_often_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"0","path":"send","times":3}]}"#,
    );
    let summary = check(&sandbox.send(&["contacts.ndjson"]).run(), 0, "complete");
    assert_eq!(summary["requests"]["throttled"], 3);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn a_limit_of_the_user_s_own_is_9() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    let end = sandbox.send(&["contacts.ndjson", "--max-recipients", "5"]).run();
    check(&end, 9, "stopped");
}

#[test]
fn refused_credentials_are_11() {
    let sandbox = Sandbox::with_mock("[octopush]\naccounts = [{ login = \"a\", key = \"b\" }]");
    sandbox.prepare(5, 10);
    check(&sandbox.send(&["contacts.ndjson"]).run(), 11, "stopped");
}

#[test]
fn of_several_ends_the_first_of_the_order_is_shown() {
    // In doubt, and cut by --max-recipients: 6 comes before 9.
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 5);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"status","status":500,"number":"+33600000000"}]}"#);
    let end = sandbox.send(&["contacts.ndjson", "--max-recipients", "10"]).run();
    check(&end, 6, "doubtful");
    // An input that breaks off, and every line refused: 4 comes before 5.
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    sandbox.faults(REFUSED);
    sandbox.write("cut.gz", &gzip_without_its_end()[..]);
    check(&sandbox.send(&["cut.gz"]).run(), 4, "failed");
    // A pipe that breaks off, and French numbers without a STOP mention: 4 comes before 3, and 3 before 9.
    let cut = |args: &[&str]| {
        sandbox
            .send(&["-"])
            .args(args)
            .stdin(gzip_without_its_end())
            .run()
    };
    let no_mention = ["--set", "octopush.text=20% off"];
    check(&cut(&no_mention), 4, "failed");
    let end = cut(&[&no_mention[..], &["--max-recipients", "1"]].concat());
    check(&end, 3, "failed");
}

/// Refuses every batch.
const REFUSED: &str =
    r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":121,"path":"send"}]}"#;

fn gzip_without_its_end() -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, contacts(0..5).as_bytes()).expect("memory");
    let mut bytes = encoder.finish().expect("memory");
    bytes.truncate(bytes.len() - 8);
    bytes
}
