//! Premium marketing to French numbers without a STOP mention: refused before it is sent, since the provider would (121).
//!
//! Files are read twice, and nothing of them is sent. A pipe is read once: what comes before the first batch with a French
//! number goes out. A batch with a French member is never reserved, gated or intended: of it the ledger knows nothing, the mock saw nothing.

use std::io::Write as _;

use serde_json::Value;

use super::agrees;
use crate::books::Books;
use crate::support::{End, Kept, Sandbox, contacts, for_both_ledgers, wait_until};

const WITHOUT: &str = "20% off this week";
const WITH: &str = "octopush.text=20% off this week. STOP au 30101";

/// One line for each British number.
fn british(numbers: std::ops::Range<u32>) -> String {
    let line = |nth: u32| format!("{{\"phone_number\":\"+4477009{nth:05}\"}}\n");
    numbers.map(line).collect::<Vec<_>>().concat()
}

/// Batches of ten, at a pace at which one is handed over before the next is taken.
fn without_mention(kept: Kept, inputs: &str) -> Sandbox {
    let sandbox = Sandbox::new().of(kept).without_ledger();
    sandbox
        .campaign()
        .set("octopush.text", WITHOUT)
        .set("limits.batch_size", 10)
        .set("limits.requests_per_second", 90.0)
        .write();
    sandbox.write("contacts.ndjson", inputs);
    sandbox
}

/// Sends what is in `contacts.ndjson` through a pipe.
fn pipe(sandbox: &Sandbox) -> End {
    sandbox.send(&["-"]).stdin(sandbox.read("contacts.ndjson")).run()
}

/// The same, what is behind so many lines only once the provider has seen so many requests.
fn pipe_in_two(sandbox: &Sandbox, lines: usize, requests: u64) -> End {
    let whole = sandbox.read("contacts.ndjson");
    let first: usize = whole.split_inclusive('\n').take(lines).map(str::len).sum();
    let mut started = sandbox.send(&["-"]).start_piped();
    let mut pipe = started.take_stdin().expect("a pipe");
    pipe.write_all(&whole.as_bytes()[..first]).expect("a reader");
    wait_until("the first lines to be sent", || {
        sandbox.mock().stats().together.requests == requests
    });
    // The reader stops at what it finds there: then the pipe breaks.
    let _ = pipe.write_all(&whole.as_bytes()[first..]);
    drop(pipe);
    started.wait()
}

#[track_caller]
fn reason(summary: &Value) -> String {
    assert_eq!(summary["error"], summary["reason"], "{summary}");
    let reason = summary["reason"].as_str().expect("a reason");
    assert!(
        reason.contains("STOP au 30101") && reason.contains("octopush.text"),
        "the remedy: {reason}"
    );
    reason.to_owned()
}

#[test]
fn of_a_file_with_french_numbers_nothing_is_sent() {
    for_both_ledgers(|kept| {
        let sandbox = without_mention(kept, &(british(0..40) + &contacts(0..1)));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(3);
        assert!(end.stderr.contains("1 recipient has a French number"), "{end}");
        assert!(end.stderr.contains("nothing was sent"), "{end}");
        assert_eq!(sandbox.mock().stats().together.requests, 0);
        assert!(!sandbox.has_ledger());
        let mended = sandbox.send(&["contacts.ndjson", "--set", WITH]).run();
        mended.expect(0).expect_lines(&[("accepted", 41)]);
    });
}

#[test]
fn french_numbers_are_not_sent_to_and_the_mock_sees_no_request() {
    for_both_ledgers(|kept| {
        let sandbox = without_mention(kept, &contacts(0..25));
        let end = pipe(&sandbox);
        end.expect(3);
        // Reading stops with the run: what was read is pending, whatever it is.
        assert_eq!(end.lines("pending"), end.lines("read"), "{end}");
        let summary = end.summary();
        assert_eq!(summary["outcome"], "failed");
        assert!(
            !reason(&summary).contains("--accept-changes"),
            "nobody has got the text"
        );
        assert_eq!(summary["cost"]["total"], "0");
        assert_eq!(sandbox.mock().stats().together.requests, 0);
        assert!(Books::open(&sandbox).states().is_empty(), "no intent");

        // Nobody was reached, so a mended text needs no word.
        let mended = sandbox.send(&["contacts.ndjson", "--set", WITH]).run();
        mended.expect(0).expect_lines(&[("accepted", 25)]);
        agrees(&sandbox, &mended);
    });
}

#[test]
fn batches_before_the_first_french_number_go_out_and_the_rest_after_the_text_is_mended() {
    for_both_ledgers(|kept| {
        let inputs =
            british(0..20) + &british(20..29) + &contacts(0..1) + &contacts(1..15) + &british(30..40);
        let sandbox = without_mention(kept, &inputs);
        let end = pipe_in_two(&sandbox, 20, 2);
        end.expect(3);
        assert_eq!(end.lines("accepted"), 20, "{end}");
        assert_eq!(end.lines("pending"), end.lines("read") - 20, "{end}");
        agrees(&sandbox, &end);
        let reason = reason(&end.summary());
        assert!(
            reason.contains("20 other recipients") && reason.contains("--accept-changes"),
            "{reason}"
        );
        let seen = sandbox.mock().recipients();
        assert!(
            seen.iter().all(|recipient| recipient.number.starts_with("+44")),
            "no French number"
        );

        // The same text stops at the same place, and sends nothing twice.
        let again = pipe(&sandbox);
        again.expect(3);
        assert_eq!(
            (again.lines("accepted"), again.lines("already_sent")),
            (0, 20),
            "{again}"
        );
        assert_eq!(sandbox.mock().stats().together.recipients, 20);

        sandbox.send(&["contacts.ndjson", "--set", WITH]).run().expect(3);
        let mended = sandbox
            .send(&["contacts.ndjson", "--set", WITH, "--accept-changes"])
            .run();
        mended
            .expect(0)
            .expect_lines(&[("accepted", 34), ("already_sent", 20)]);
        let seen = sandbox.mock().stats().together;
        assert_eq!((seen.recipients, seen.max_per_recipient), (54, 1));
    });
}

/// Sends to one number with these settings. (What is decided before any ledger is asked: in a file.)
fn check(number: &str, settings: &[&str], code: i32) {
    let sandbox = without_mention(Kept::File, &format!("{{\"phone_number\":\"{number}\"}}\n"));
    let mut invocation = sandbox.send(&["contacts.ndjson"]);
    for setting in settings {
        invocation = invocation.args(["--set", setting]);
    }
    let end = invocation.run();
    end.expect(code);
    let requests = sandbox.mock().stats().together.requests;
    assert_eq!(requests, u64::from(code == 0), "{number} {settings:?}\n{end}");
}

#[test]
fn only_premium_marketing_to_the_calling_code_33_needs_the_mention() {
    check("+33612345678", &[], 3);
    check("+33612345678", &[WITH], 0);
    check("+33612345678", &["octopush.purpose=alert"], 0);
    check("+33612345678", &["octopush.simulation_mode=true"], 3);
    check("+447700900123", &[], 0);
    check("+32470123456", &[], 0);
    // Réunion has a calling code of its own.
    check("+262692123456", &[], 0);
    // A plan may say so first, and the run says it all the same.
    check("0612345678", &["input.default_region=FR"], 3);
}

#[test]
fn what_is_in_doubt_is_still_asked_about() {
    for_both_ledgers(|kept| {
        let sandbox = without_mention(kept, &(british(0..10) + &contacts(0..10)));
        sandbox.faults(
        r#"{"rules":[{"at":"after_commit","do":"status","status":502,"number":"+447700900000","times":1}]}"#,
    );
        let end = pipe_in_two(&sandbox, 10, 1);
        // The doubt closes the gate, and the French batch is stopped before it: it is asked about, and settled.
        end.expect(3);
        assert_eq!(end.lines("accepted"), 10, "{end}");
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
    });
}

#[test]
fn a_rehearsal_is_refused_alike() {
    let sandbox = without_mention(Kept::File, &contacts(0..5));
    let end = sandbox.with_campaign("rehearse", &["contacts.ndjson"]).run();
    end.expect(3).expect_lines(&[("pending", 5)]);
    reason(&end.summary());
}
