//! The ledger seen from the command line: made, missing, damaged, held by another.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{assert_error_names, names};
use crate::support::{Sandbox, contacts, wait_until};

#[test]
fn a_ledger_is_made_for_a_loopback_provider_and_that_is_said() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let first = sandbox.send(&["contacts.ndjson"]).run();
    first.expect(0);
    assert!(first.stderr.contains("volley.db"), "{first}");
    let again = sandbox.send(&["contacts.ndjson"]).run();
    assert!(!again.stderr.contains("volley.db"), "only once\n{again}");
    let mode = fs::metadata(sandbox.path("volley.db"))
        .expect("a ledger")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn off_a_terminal_with_a_real_provider_a_missing_ledger_is_3_with_its_remedy() {
    let sandbox = Sandbox::new();
    sandbox.campaign().unset("octopush.base_url").write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    let end = sandbox.send(&["contacts.ndjson", "--yes"]).run();
    end.expect(3);
    assert_error_names(&end, &["volley.db", "volley ledger init"]);
    assert_eq!(names(&sandbox), ["campaign.toml", "contacts.ndjson"]);
}

#[test]
fn the_remedy_for_a_missing_ledger_works_as_it_stands() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("campaigns")).expect("a folder");
    sandbox
        .campaign()
        .unset("octopush.base_url")
        .write_as("campaigns/c.toml");
    sandbox.write("contacts.ndjson", contacts(0..5));
    let end = sandbox
        .volley(["--json", "send", "campaigns/c.toml", "contacts.ndjson"])
        .run();
    end.expect(3);
    let error = end.summary()["error"].as_str().expect("an error").to_owned();
    let remedy = error.split('`').nth(1).expect("a command in backticks");
    let made = sandbox.volley(remedy.split_whitespace().skip(1)).run();
    assert_eq!(made.code(), 0, "{remedy}\n{made}");
    assert!(sandbox.path("campaigns/volley.db").exists(), "{remedy}");
}

#[test]
fn init_makes_a_ledger_once() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    let made = sandbox.volley(["ledger", "init"]).run();
    assert_eq!(made.code(), 0, "{made}");
    let before = fs::read(sandbox.path("volley.db")).expect("a ledger");
    let again = sandbox.volley(["ledger", "init", "--json"]).run();
    assert_eq!(again.code(), 3, "{again}");
    assert_error_names(&again, &["volley.db"]);
    assert_eq!(fs::read(sandbox.path("volley.db")).expect("a ledger"), before);

    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 5)]);
    assert!(!end.stderr.contains("volley.db"), "it was there\n{end}");
}

#[test]
fn the_ledger_lies_beside_the_campaign_or_where_it_is_told_to() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    for folder in ["campaigns", "ledgers", "elsewhere"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    fs::rename(sandbox.path("campaign.toml"), sandbox.path("campaigns/c.toml")).expect("a file");
    let send = || {
        // Each ledger is the first: a provider that remembers would say so (see the next test).
        sandbox.mock().reset();
        sandbox.volley(["--json", "send", "campaigns/c.toml", "contacts.ndjson"])
    };
    send().run().expect(0).expect_lines(&[("accepted", 5)]);
    assert!(sandbox.path("campaigns/volley.db").exists());
    send().run().expect(0).expect_lines(&[("already_sent", 5)]);

    let by_flag = send().args(["--ledger", "ledgers/a.db"]).run();
    by_flag.expect(0).expect_lines(&[("accepted", 5)]);
    assert!(sandbox.path("ledgers/a.db").exists());
    let by_variable = send().env("VOLLEY_LEDGER", "elsewhere/b.db").run();
    by_variable.expect(0).expect_lines(&[("accepted", 5)]);
    assert!(sandbox.path("elsewhere/b.db").exists());
    let by_both = send()
        .env("VOLLEY_LEDGER", "elsewhere/b.db")
        .args(["--ledger", "ledgers/a.db"])
        .run();
    by_both.expect(0).expect_lines(&[("already_sent", 5)]);
    assert!(!sandbox.path("volley.db").exists());
}

#[test]
fn what_another_ledger_has_sent_is_in_doubt_and_reaches_nobody_twice() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    // The first answer is a duplicate for a key that was never in doubt; its own probe then says that it was sent.
    let other = sandbox.send(&["contacts.ndjson", "--ledger", "other.db"]).run();
    other.expect(0).expect_lines(&[("accepted", 5)]);
    let summary = other.summary();
    assert_eq!(summary["tickets"], 0, "the ticket is the other ledger's\n{other}");
    assert_eq!(
        (&summary["requests"]["sent"], &summary["requests"]["retried"]),
        (&2.into(), &1.into()),
        "{other}"
    );
    let seen = sandbox.mock().stats().together;
    assert_eq!((seen.tickets, seen.max_per_recipient), (1, 1));
}

/// Damages a sound ledger that has reached somebody: every later run must refuse it and send nothing.
#[track_caller]
fn check_damage(what: &str, damage: impl FnOnce(&Sandbox)) {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let requests = sandbox.mock().stats().together.requests;
    sandbox.append("contacts.ndjson", contacts(100..110));
    damage(&sandbox);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(end.code(), 7, "{what}\n{end}");
    end.expect(7);
    assert_error_names(&end, &["volley.db"]);
    assert_eq!(sandbox.mock().stats().together.requests, requests, "{what}");
}

/// Overwrites bytes of the ledger's file.
fn overwrite(sandbox: &Sandbox, at: usize, bytes: &[u8]) {
    let path = sandbox.path("volley.db");
    let mut ledger = fs::read(&path).expect("a ledger");
    ledger[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(path, ledger).expect("a ledger");
}

#[test]
fn a_damaged_ledger_is_7_and_nothing_is_sent() {
    let truncate = |sandbox: &Sandbox, part: u64| {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(sandbox.path("volley.db"))
            .expect("a ledger");
        let length = file.metadata().expect("a ledger").len();
        file.set_len(length * part / 4).expect("a ledger");
    };
    check_damage("empty", |sandbox| truncate(sandbox, 0));
    check_damage("cut in half", |sandbox| truncate(sandbox, 2));
    check_damage("cut by a quarter", |sandbox| truncate(sandbox, 3));
    check_damage("garbage", |sandbox| {
        sandbox.write("volley.db", vec![0x5a; 65_536]);
    });
    check_damage("a text", |sandbox| {
        sandbox.write("volley.db", "hello\n");
    });
}

#[test]
fn a_foreign_or_newer_ledger_is_7_and_nothing_is_sent() {
    // SQLite's header: user_version at 60, application_id at 68.
    check_damage("newer", |sandbox| overwrite(sandbox, 60, &9999_u32.to_be_bytes()));
    check_damage("another application's", |sandbox| {
        overwrite(sandbox, 68, b"GPKG");
    });
}

#[test]
fn a_ledger_that_vanished_or_was_put_back_is_7_and_nothing_is_sent() {
    check_damage("vanished", |sandbox| {
        fs::remove_file(sandbox.path("volley.db")).expect("a ledger");
    });
    check_damage("without its lock file", |sandbox| {
        fs::remove_file(sandbox.path("volley.db-lock")).expect("a lock file");
    });
    check_damage("exchanged for a copy", |sandbox| {
        fs::copy(sandbox.path("volley.db"), sandbox.path("copy")).expect("a copy");
        fs::rename(sandbox.path("copy"), sandbox.path("volley.db")).expect("a ledger");
    });
}

#[test]
fn an_older_content_of_the_ledger_is_7() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let older = fs::read(sandbox.path("volley.db")).expect("a ledger");
    sandbox.append("contacts.ndjson", contacts(100..110));
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    // The same file, so that only its content tells.
    fs::write(sandbox.path("volley.db"), older).expect("a ledger");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(7);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn commands_that_only_read_refuse_a_damaged_ledger_too() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.write("volley.db", [0x5a; 4096]);
    for end in [
        sandbox.with_campaign("plan", &["contacts.ndjson"]).run(),
        sandbox.volley(["--json", "report"]).run(),
    ] {
        end.expect(7);
        assert_error_names(&end, &["volley.db"]);
    }
}

#[test]
fn a_second_process_is_10_while_readers_are_let_in() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let first = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests == 1
    });

    let second = sandbox.send(&["contacts.ndjson"]).run();
    second.expect(10);
    assert_eq!(second.summary()["outcome"], "stopped");
    assert!(
        second.summary()["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("volley.db")),
        "stopped comes with its reason\n{second}"
    );
    assert!(second.stderr.contains("volley.db"), "{second}");
    assert_eq!(sandbox.mock().stats().together.requests, 1);

    sandbox.with_campaign("plan", &["contacts.ndjson"]).run();
    let plan = sandbox.with_campaign("plan", &["contacts.ndjson"]).run();
    assert_eq!(plan.code(), 0, "{plan}");
    let report = sandbox.volley(["--json", "report"]).run();
    assert_eq!(report.code(), 0, "{report}");
    drop(first);
    // The lock went with its process; the batch that was in flight is in doubt.
    sandbox.mock().clear_faults();
    let third = sandbox.send(&["contacts.ndjson"]).run();
    assert_ne!(third.code(), 10, "{third}");
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}
