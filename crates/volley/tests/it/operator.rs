//! The operator's commands, over both ledgers: what a doubt is shown as, what a word on it does to the next run, and a ledger checked,
//! adopted and forgotten.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use volley_ledger::{Ledger, Opening};

use crate::books::Books;
use crate::signals::runs_begun;
use crate::support::{End, Kept, Sandbox, contacts, for_both_ledgers, number, wait_until};

/// Three batches of four, none of which was answered or accepted; then the provider is well again.
fn three_doubts(kept: Kept) -> Sandbox {
    let sandbox = Sandbox::new().of(kept);
    sandbox.prepare(12, 4);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6).expect_lines(&[("in_doubt", 12)]);
    assert!(sandbox.mock().stats().faults_hit[0] >= 3, "{end}");
    assert_eq!(sandbox.mock().stats().together.recipients, 0, "{end}");
    sandbox.mock().clear_faults();
    sandbox
}

fn resolve(sandbox: &Sandbox, args: &[&str]) -> End {
    sandbox
        .volley(["--json", "doubt", "resolve"].iter().chain(args))
        .args(["--reason", "asked the provider"])
        .env("USER", "anna")
        .run()
}

/// The doubts that are listed, by their batch.
fn listed(sandbox: &Sandbox) -> BTreeMap<i64, Value> {
    let end = sandbox.volley(["doubt", "list", "--json"]).run();
    assert_eq!(end.code(), 0, "{end}");
    let list: Value = serde_json::from_str(&end.stdout).expect("JSON");
    let doubts = list["doubts"].as_array().expect("doubts").clone();
    let id = |doubt: &Value| doubt["batch"].as_i64().expect("an id");
    doubts.into_iter().map(|doubt| (id(&doubt), doubt)).collect()
}

/// Whom the provider accepted, and how often.
fn reached(sandbox: &Sandbox) -> Vec<(String, u32)> {
    let mut reached: Vec<_> = sandbox
        .mock()
        .recipients()
        .into_iter()
        .map(|recipient| (recipient.number, recipient.times))
        .collect();
    reached.sort();
    reached
}

#[test]
fn after_not_sent_the_numbers_are_sent_to_exactly_once_and_after_any_other_word_never() {
    for_both_ledgers(free_one_and_keep_two);
}

fn free_one_and_keep_two(kept: Kept) {
    let sandbox = three_doubts(kept);
    resolve(&sandbox, &["1", "--sent", "--ticket", "told", "--cost", "0.21"]).expect(0);
    resolve(&sandbox, &["2", "--not-sent", "--recipients", "4"]).expect(0);
    resolve(&sandbox, &["3", "--abandon"]).expect(0);
    assert!(listed(&sandbox).is_empty());

    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0)
        .expect_lines(&[("accepted", 4), ("already_sent", 8)]);
    let freed: Vec<_> = (4..8).map(|nth| (number(nth), 1)).collect();
    assert_eq!(reached(&sandbox), freed, "{end}");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", 12)]);
    assert_eq!(reached(&sandbox), freed, "once\n{end}");

    Books::open(&sandbox).expect_sound();
    let keys = sandbox.rows("SELECT count(DISTINCT request_key) FROM batch");
    assert_eq!(keys, ["4"], "what is sent again has a key of its own");
    let words = sandbox.rows("SELECT becomes || ' by ' || who FROM resolution ORDER BY id");
    assert!(words[0].starts_with("declared_sent by anna@"), "{words:?}");
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(words.iter().all(|word| word.contains("anna@")), "{words:?}");
    let verified = sandbox.volley(["ledger", "verify"]).run();
    assert_eq!(verified.code(), 0, "{verified}");
}

#[test]
fn a_doubt_is_listed_with_what_can_be_done_about_it() {
    for_both_ledgers(list_the_doubts);
}

fn list_the_doubts(kept: Kept) {
    let sandbox = three_doubts(kept);
    let doubts = listed(&sandbox);
    assert_eq!(doubts.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    let doubt = &doubts[&2];
    for (field, expected) in [
        ("campaign", Value::from("spring")),
        ("state", Value::from("in_doubt")),
        ("recipients", Value::from(4)),
        ("body_kept", Value::from(true)),
        ("probe_possible", Value::from(true)),
    ] {
        assert_eq!(doubt[field], expected, "{field}: {doubt}");
    }
    assert!(doubt["attempts"].as_u64().expect("a count") >= 1, "{doubt}");
    assert!(doubt["age_seconds"].is_u64(), "{doubt}");
    let first: jiff::Timestamp = doubt["first_attempt"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("RFC 3339");
    let until: jiff::Timestamp = doubt["probe_until"]
        .as_str()
        .expect("a time")
        .parse()
        .expect("RFC 3339");
    assert_eq!(until.duration_since(first).as_secs(), 23 * 3600);
    let key = doubt["request_key"].as_str().expect("a key");
    let remedy = doubt["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("run the campaign again"), "{remedy}");

    let text = sandbox.volley(["doubt", "list", "spring"]).run();
    for part in [
        "batch 2 of campaign spring",
        "4 recipients",
        key,
        "its body is kept",
        remedy,
    ] {
        assert!(text.stdout.contains(part), "{part}\n{text}");
    }
    let other = sandbox.volley(["doubt", "list", "summer"]).run();
    assert_eq!(other.code(), 3, "{other}");
    assert!(other.stderr.contains("spring"), "{other}");

    // Without its body nothing can be asked any more.
    match kept {
        Kept::File => fs::remove_file(sandbox.path("volley.db-bodies")).expect("the bodies"),
        Kept::Server => sandbox.force("DELETE FROM body"),
    }
    let doubt = &listed(&sandbox)[&2];
    assert_eq!(
        (&doubt["body_kept"], &doubt["probe_possible"]),
        (&false.into(), &false.into())
    );
    let remedy = doubt["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("volley doubt resolve 2"), "{remedy}");
}

#[test]
fn nothing_in_doubt_is_said_so() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(4, 4);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        let end = sandbox.volley(["doubt", "list"]).run();
        assert_eq!(
            (end.code(), end.stdout.as_str()),
            (0, "nothing is in doubt\n"),
            "{end}"
        );
    });
}

#[test]
fn a_word_that_is_wrong_or_not_confirmed_is_2_and_changes_nothing() {
    for_both_ledgers(say_a_wrong_word);
}

fn say_a_wrong_word(kept: Kept) {
    let sandbox = three_doubts(kept);
    resolve(&sandbox, &["3", "--sent", "--ticket", "told"]).expect(0);
    for (args, says) in [
        (&["2", "--not-sent"][..], "--recipients"),
        (
            &["2", "--not-sent", "--recipients", "5"],
            "does not have 5 recipients",
        ),
        (
            &["2", "--sent", "--ticket", "told"],
            "ticket told belongs to batch 3",
        ),
        (&["2", "--sent", "--ticket", " "], "the ticket is blank"),
        (&["2", "--sent", "--ticket", "t", "--cost=-1"], "negative"),
        (&["2", "--sent", "--cost", "1"], "--ticket"),
        (&["2", "--sent", "--abandon"], "cannot be used with"),
        (&["2", "--abandon", "--recipients", "4"], "cannot be used with"),
        (&["2", "--abandon", "--ticket", "t"], "cannot be used with"),
        (
            &["2", "--not-sent", "--recipients", "4", "--ticket", "t"],
            "cannot be used with",
        ),
        (&["2", "--sent", "--recipients", "4"], "cannot be used with"),
        (&["2"], "--sent"),
        (&["3", "--not-sent", "--recipients", "4"], "its outcome is known"),
        (&["99", "--abandon"], "no batch 99"),
        (
            &["two", "--abandon"],
            "no campaign on a list or tag has ticket two",
        ),
    ] {
        let end = resolve(&sandbox, args);
        assert_eq!(end.code(), 2, "{args:?}\n{end}");
        assert!(end.stderr.contains(says), "{args:?}: {says}\n{end}");
    }
    let blank = sandbox
        .volley(["doubt", "resolve", "2", "--abandon", "--reason", " "])
        .run();
    assert_eq!(blank.code(), 2, "{blank}");
    assert_eq!(listed(&sandbox).keys().copied().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn while_another_process_holds_the_ledger_doubts_are_listed_and_not_resolved() {
    let sandbox = three_doubts(Kept::File);
    let held = Ledger::open(
        &sandbox.path("volley.db"),
        Opening::MustExist,
        jiff::Timestamp::UNIX_EPOCH,
    );
    let held = held.expect("the lock");
    for args in [
        &["doubt", "resolve", "1", "--abandon", "--reason", "no"][..],
        &["ledger", "adopt", "--reason", "no"],
        &["ledger", "forget", "spring", "--reason", "no", "--yes"],
    ] {
        let end = sandbox.volley(args).run();
        assert_eq!(end.code(), 10, "{args:?}\n{end}");
        assert!(end.stderr.contains("held by another process"), "{args:?}\n{end}");
    }
    assert_eq!(listed(&sandbox).len(), 3);
    let verified = sandbox.volley(["ledger", "verify"]).run();
    assert_eq!(verified.code(), 0, "{verified}");
    drop(held);
}

#[test]
fn while_a_run_of_the_campaign_lives_on_a_server_doubts_are_listed_and_not_resolved() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = three_doubts(Kept::Server);
    let doubts = &["doubt", "resolve", "1", "--abandon", "--reason", "no"][..];
    let forget = &["ledger", "forget", "spring", "--reason", "no", "--yes"][..];
    let runs = runs_begun(&sandbox.ledger());
    // It waits for its input, and asks about no doubt yet.
    let settle = ["--set", "limits.settle=1h"];
    let mut run = sandbox.send(&["-"]).args(settle).start_piped();
    let pipe = run.take_stdin();
    wait_until("the run to begin", || runs_begun(&sandbox.ledger()) > runs);
    for args in [doubts, forget] {
        let end = sandbox.volley(args).run();
        assert_eq!(end.code(), 10, "{args:?}\n{end}");
        assert!(end.stderr.contains("is under way"), "{args:?}\n{end}");
    }
    assert_eq!(listed(&sandbox).len(), 3);
    run.kill();
    drop((run, pipe));
    // Nor while it may live: it has not been silent for long enough.
    assert_eq!(sandbox.volley(doubts).run().code(), 10);
    sandbox.outlast_the_silence();
    let end = sandbox.volley(doubts).run();
    assert_eq!(end.code(), 0, "{end}");
}

/// Its findings are the ledger's tests' matter; here, how they are told.
#[test]
fn a_changed_rule_on_a_server_is_7_and_what_a_reader_cannot_compare_is_told() {
    if !test_postgres::is_there() {
        return;
    }
    let server = test_postgres::shared();
    let database = server.database();
    let sandbox = Sandbox::new();
    let verify = |url: &str, args: &[&str]| {
        let volley = sandbox.volley(["ledger", "verify"].iter().chain(args));
        volley.env("VOLLEY_LEDGER", url).run()
    };
    let init = sandbox.volley(["ledger", "init"]);
    init.env("VOLLEY_LEDGER", database.url()).run().expect(0);
    let end = verify(&database.url(), &[]);
    end.expect(0);
    assert!(
        end.stdout.ends_with("all sound\n"),
        "an owner compares all of it\n{end}"
    );
    server.administer("CREATE ROLE verifier LOGIN PASSWORD 'pw'");
    database.psql(
        "GRANT USAGE ON SCHEMA volley TO verifier; GRANT SELECT ON ALL TABLES IN SCHEMA volley TO verifier; \
         ALTER TABLE volley.batch DROP CONSTRAINT batch_state",
    );
    let reader = database.url().replace("volley:pw@", "verifier:pw@");
    let end = verify(&reader, &[]);
    end.expect(0);
    assert!(
        end.stdout.contains("all sound\nnot compared: "),
        "neither found nor told\n{end}"
    );
    let end = verify(&reader, &["--json"]);
    let why = &end.summary()["uncompared"];
    assert!(
        why.as_str().is_some_and(|why| why.contains("permission denied")),
        "{end}"
    );
    let end = verify(&database.url(), &["--json"]);
    end.expect(7);
    let summary = end.summary();
    assert_eq!(
        (&summary["findings"][0]["place"], &summary["uncompared"]),
        (&"schema of constraint batch_state".into(), &Value::Null),
        "{end}"
    );
}

#[test]
fn a_damaged_ledger_is_7_with_its_findings_and_a_missing_one_is_3() {
    let sandbox = three_doubts(Kept::File);
    let sound = sandbox.volley(["ledger", "verify", "--json"]).run();
    sound.expect(0);
    let summary = sound.summary();
    assert_eq!(
        (&summary["batches"], &summary["recipients"]),
        (&3.into(), &12.into()),
        "{sound}"
    );
    assert_eq!(summary["findings"], Value::Array(Vec::new()), "{sound}");

    let bodies = sandbox.path("volley.db-bodies");
    fs::set_permissions(&bodies, fs::Permissions::from_mode(0o644)).expect("a mode");
    let end = sandbox.volley(["ledger", "verify"]).run();
    assert_eq!(end.code(), 7, "{end}");
    assert!(end.stdout.contains("its mode is 644"), "{end}");
    assert!(end.stdout.contains("chmod 600"), "{end}");
    fs::remove_file(&bodies).expect("the bodies");
    let end = sandbox.volley(["ledger", "verify", "--json"]).run();
    end.expect(7);
    let findings = end.summary()["findings"].as_array().expect("findings").clone();
    assert_eq!(findings.len(), 3, "{end}");
    assert_eq!(findings[0]["place"], "batch 1", "{end}");

    let end = Sandbox::without_mock().volley(["ledger", "verify"]).run();
    assert_eq!(end.code(), 3, "{end}");
}

#[test]
fn an_adopted_ledger_goes_on_and_a_moved_one_does_not_before() {
    let sandbox = three_doubts(Kept::File);
    let ledger = sandbox.path("volley.db");
    let copy = sandbox.path("copy.db");
    fs::copy(&ledger, &copy).expect("a copy");
    fs::rename(&copy, &ledger).expect("another inode");
    let refused = sandbox.send(&["contacts.ndjson"]).run();
    refused.expect(7);
    let error = refused.summary()["error"].as_str().expect("an error").to_owned();
    let remedy = error.split('`').nth(1).expect("a command in backticks");
    let end = sandbox.volley(remedy.split_whitespace().skip(1)).run();
    assert_eq!(end.code(), 0, "{remedy}\n{end}");
    assert!(end.stdout.contains("counts as not sent"), "{end}");
    for batch in ["1", "2", "3"] {
        resolve(&sandbox, &[batch, "--not-sent", "--recipients", "4"]).expect(0);
    }
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 12)]);
    let reason = sandbox.volley(["ledger", "adopt", "--reason", ""]).run();
    assert_eq!(reason.code(), 2, "{reason}");
}

#[test]
fn a_forgotten_campaign_keeps_its_totals_and_is_closed() {
    for_both_ledgers(forget_a_campaign);
}

fn forget_a_campaign(kept: Kept) {
    let sandbox = three_doubts(kept);
    let forget = |args: &[&str]| {
        let command = [
            "--json",
            "ledger",
            "forget",
            "spring",
            "--reason",
            "a year is over",
        ];
        sandbox.volley(command.iter().chain(args)).run()
    };
    let end = forget(&["--yes"]);
    end.expect(6);
    assert!(end.stderr.contains("volley doubt list spring"), "{end}");
    for batch in ["1", "2", "3"] {
        resolve(&sandbox, &[batch, "--abandon"]).expect(0);
    }
    let end = forget(&[]);
    end.expect(2);
    assert!(
        end.stderr.contains("--yes"),
        "off a terminal nobody can be asked\n{end}"
    );
    let end = forget(&["--yes"]);
    end.expect(0);
    assert_eq!(end.summary()["recipients"], 12, "{end}");
    expect_no_number_left(&sandbox);
    let report = sandbox.volley(["report", "--json"]).run();
    let report: Value = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(report["campaigns"][0]["closed"], true, "{report}");
    assert_eq!(report["campaigns"][0]["states"][0]["recipients"], 12, "{report}");

    sandbox.write("contacts.ndjson", contacts(0..20));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(3);
    assert_eq!(reached(&sandbox), [], "nothing was sent\n{end}");
    let unknown = sandbox
        .volley(["ledger", "forget", "winter", "--reason", "no", "--yes"])
        .run();
    assert_eq!(unknown.code(), 3, "{unknown}");
}

/// Not in a file's bytes; of a server in no row, since the rest is its administrator's to clear.
#[track_caller]
fn expect_no_number_left(sandbox: &Sandbox) {
    let number = number(0);
    if sandbox.kept() == Kept::Server {
        let left = sandbox.rows(
            "SELECT (SELECT count(*) FROM claim) + (SELECT count(*) FROM body) + (SELECT count(*) FROM members)",
        );
        assert_eq!(left, ["0"], "rows with numbers");
    }
    for name in ["volley.db", "volley.db-bodies", "volley.db-wal"] {
        let bytes = fs::read(sandbox.path(name)).unwrap_or_default();
        let digits = &number.as_bytes()[1..];
        assert!(
            !bytes.windows(digits.len()).any(|window| window == digits),
            "{name}"
        );
    }
}

#[test]
fn each_command_s_help_has_an_example() {
    let sandbox = Sandbox::without_mock();
    for command in [
        ["doubt", "list"],
        ["doubt", "resolve"],
        ["ledger", "verify"],
        ["ledger", "adopt"],
        ["ledger", "forget"],
    ] {
        let help = sandbox.volley(command).arg("--help").run();
        assert_eq!(help.code(), 0, "{help}");
        let example = format!("  volley {}", command.join(" "));
        assert!(help.stdout.contains("Example"), "{help}");
        assert!(help.stdout.contains(&example), "{help}");
    }
}
