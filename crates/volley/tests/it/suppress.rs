//! `volley suppress`, over both ledgers: numbers on the ledger's list are contacted by no campaign, of no provider, until they are taken off it.

use std::ffi::OsStr;
use std::io::Write as _;

use serde_json::{Value, json};

use crate::signals::has_begun;
use crate::support::{
    End, Kept, Over, Provider, Sandbox, contacts, for_all, for_both_ledgers, number, wait_until,
};

fn suppress(sandbox: &Sandbox, args: &[&str]) -> End {
    let ledger = sandbox.ledger();
    let fixed = [
        OsStr::new("--json"),
        OsStr::new("--ledger"),
        ledger.as_os_str(),
        OsStr::new("suppress"),
    ];
    sandbox.volley(fixed).args(args).run()
}

/// A ledger on a server is made with its sandbox.
fn init(sandbox: &Sandbox) {
    if sandbox.kept() == Kept::File {
        sandbox
            .volley(["ledger", "init", "--ledger", "volley.db"])
            .run()
            .expect(0);
    }
}

fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let told = suppress(sandbox, &["list"]).expect(0).summary();
    let numbers = told["numbers"].as_array().expect("a list").clone();
    assert_eq!(told["listed"], json!(numbers.len()));
    numbers
        .into_iter()
        .map(|listed| listed["number"].clone())
        .collect()
}

#[test]
fn a_number_on_the_list_is_not_contacted_before_it_is_taken_off() {
    for_all(|over| {
        let sandbox = Sandbox::new().of(over);
        sandbox.prepare(10, 4);
        init(&sandbox);
        let end = suppress(
            &sandbox,
            &["add", &number(3), &number(7), "--reason", "asked by mail"],
        );
        let told = end.expect(0).summary();
        assert_eq!((&told["added"], &told["listed"]), (&json!(2), &json!(2)), "{end}");
        let counts = [("accepted", 8), ("suppressed", 2)];
        let plan = sandbox.with_campaign("plan", &["contacts.ndjson"]).run();
        let planned: Value = serde_json::from_str(&plan.expect(0).stdout).expect("json");
        assert_eq!(planned["lines"]["suppressed"], json!(2), "{plan}");
        let sent = sandbox.send(&["contacts.ndjson", "--rejects", "r", "--rejects-include-skipped"]);
        sent.run().expect(0).expect_lines(&counts);
        let rejects = sandbox.read_ndjson("r");
        let lines: Vec<_> = rejects
            .iter()
            .map(|reject| (&reject["line"], &reject["reason"]))
            .collect();
        let reason = json!("suppressed");
        assert_eq!(lines, [(&json!(4), &reason), (&json!(8), &reason)]);
        assert_eq!(sandbox.mock().stats().together.distinct_recipients, 8);
        let end = suppress(&sandbox, &["remove", &number(3)]);
        assert_eq!(end.expect(0).summary()["removed"], json!(1), "{end}");
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again
            .expect(0)
            .expect_lines(&[("accepted", 1), ("suppressed", 1), ("already_sent", 8)]);
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
    });
}

#[test]
fn a_file_is_imported_whole_or_not_at_all_and_the_list_is_such_a_file() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::without_mock().of(kept);
        init(&sandbox);
        sandbox.write("typo.txt", "+33612345678\n\n06 12 34\n");
        let end = suppress(&sandbox, &["import", "typo.txt", "--default-region", "FR"]);
        end.expect(4);
        assert!(end.stderr.contains("typo.txt, line 3: too short"), "{end}");
        assert_eq!(listed(&sandbox), [] as [Value; 0]);
        sandbox.write(
            "optouts.txt",
            "\u{feff}06 12 34 56 78\r\n+33 6 12 34 56 78\n+447911123456",
        );
        let told = suppress(&sandbox, &["import", "optouts.txt", "--default-region", "FR"]);
        let told = told.expect(0).summary();
        assert_eq!((&told["added"], &told["listed"]), (&json!(2), &json!(2)));
        let expected = [json!("+33612345678"), json!("+447911123456")];
        assert_eq!(listed(&sandbox), expected);
        let list = sandbox.volley(["suppress", "list"]).run();
        assert_eq!(list.expect(0).stdout, "+33612345678\n+447911123456\n");
        init_other(&sandbox);
        let imported = sandbox
            .volley(["suppress", "import", "-", "--ledger", "other.db"])
            .stdin(list.stdout)
            .run();
        assert!(
            imported
                .expect(0)
                .stdout
                .starts_with("2 numbers put on the suppression list of "),
            "{imported}"
        );
    });
}

fn init_other(sandbox: &Sandbox) {
    sandbox
        .volley(["ledger", "init", "--ledger", "other.db"])
        .run()
        .expect(0);
}

#[test]
fn what_is_no_number_changes_nothing_and_is_told_with_why() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::without_mock().of(kept);
        init(&sandbox);
        let end = suppress(&sandbox, &["add", "+33612345678", "0612345678"]);
        end.expect(2);
        assert!(
            end.stderr.contains("read the number 0612345678") && end.stderr.contains("--default-region"),
            "{end}"
        );
        assert_eq!(listed(&sandbox), [] as [Value; 0]);
        let end = suppress(&sandbox, &["import", "missing.txt"]);
        end.expect(4);
        assert!(end.stderr.contains("read missing.txt: No such file"), "{end}");
        suppress(&sandbox, &["add"]).expect(2);
    });
}

#[test]
fn a_list_without_its_ledger_is_not_begun_anew_off_a_terminal() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::without_mock().of(kept).without_ledger();
        for args in [&["add", "+33612345678"][..], &["list"]] {
            let end = suppress(&sandbox, args);
            end.expect(3);
            assert!(end.stderr.contains("volley ledger init"), "{end}");
        }
        assert!(!sandbox.has_ledger());
    });
}

#[test]
fn the_list_cannot_change_while_a_run_goes_on() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.campaign().write();
        let mut run = sandbox.send(&["-"]).start_piped();
        let mut pipe = run.take_stdin().expect("a pipe");
        wait_until("the run to begin", || has_begun(&sandbox));
        suppress(&sandbox, &["add", &number(0)]).expect(10);
        pipe.write_all(contacts(0..2).as_bytes()).expect("a reader");
        drop(pipe);
        run.wait().expect(0).expect_lines(&[("accepted", 2)]);
        // Between two runs it can.
        suppress(&sandbox, &["add", &number(2)]).expect(0);
        sandbox.write("contacts.ndjson", contacts(0..4));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0)
            .expect_lines(&[("already_sent", 2), ("suppressed", 1), ("accepted", 1)]);
    });
}

/// A batch in doubt, never read by the provider, of which one number is then suppressed.
fn doubtful_and_suppressed(over: Over) -> Sandbox {
    let sandbox = Sandbox::new().of(over);
    sandbox.campaign().set("limits.settle", "0s").write();
    sandbox.write("contacts.ndjson", contacts(0..5));
    init(&sandbox);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"reset","method":"POST"}]}"#);
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
    sandbox.faults(r#"{"rules":[]}"#);
    suppress(&sandbox, &["add", &number(3)]).expect(0);
    sandbox
}

#[test]
fn a_doubt_with_a_number_that_is_suppressed_since_is_not_sent_again_to_ask_about_it() {
    for_both_ledgers(|kept| {
        let sandbox = doubtful_and_suppressed(kept.into());
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(6);
        assert!(
            end.stderr
                .contains("batch 1 stays in doubt: a number in it is suppressed since"),
            "{end}"
        );
        assert_eq!(sandbox.mock().stats().together.recipients, 0);
        // Once it is taken off, the doubt is asked about as any other.
        suppress(&sandbox, &["remove", &number(3)]).expect(0);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        assert_eq!(sandbox.mock().stats().together.distinct_recipients, 5);
    });
}

#[test]
fn a_doubt_that_is_looked_up_reaches_nobody_and_is_looked_up() {
    for_both_ledgers(|kept| {
        let sandbox = doubtful_and_suppressed(Provider::Exotel.over(kept));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(6);
        assert!(!end.stderr.contains("suppressed since"), "{end}");
        assert_eq!(sandbox.mock().stats().together.recipients, 0);
    });
}

#[test]
fn a_number_that_is_taken_as_it_is_written_is_suppressed_as_it_is_dialled() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.campaign().set("input.numbers", "any").write();
        let line = |number: &str| format!("{{\"phone_number\":\"{number}\"}}\n");
        let numbers = ["+330600000077", "+3361234", "+33612345678"];
        sandbox.write("contacts.ndjson", numbers.map(line).concat());
        init(&sandbox);
        suppress(&sandbox, &["add", "+33600000077"]).expect(0);
        suppress(&sandbox, &["add", "+3361234"]).expect(2);
        suppress(&sandbox, &["add", "+3361234", "--numbers", "any"]).expect(0);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 1), ("suppressed", 2)]);
        // And the other way round: listed as it is written, met as it is dialled.
        suppress(&sandbox, &["add", "+330612345679", "--numbers", "any"]).expect(0);
        let listed = listed(&sandbox);
        assert!(listed.contains(&json!("+33612345679")) && listed.contains(&json!("+330612345679")));
    });
}

#[test]
fn a_rehearsal_leaves_out_whom_the_list_has() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(10, 10);
        init(&sandbox);
        suppress(&sandbox, &["add", &number(3)]).expect(0);
        let end = sandbox.with_campaign("rehearse", &["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 9), ("suppressed", 1)]);
    });
}

#[test]
fn a_list_that_stdout_does_not_take_is_no_success() {
    let sandbox = Sandbox::without_mock();
    init(&sandbox);
    suppress(&sandbox, &["add", &number(3)]).expect(0);
    for command in [&["suppress", "list"][..], &["report"], &["doubt", "list"]] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("a full disk");
        let mut command = sandbox.volley(command).into_command();
        assert_eq!(command.stdout(full).status().expect("the binary").code(), Some(3));
    }
}
