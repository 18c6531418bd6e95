//! Answers that are lost after the provider has committed: in doubt, shown, and never sent again.

use rust_decimal::Decimal;

use crate::support::{Kept, Sandbox, contacts, decimal, for_both_ledgers};

/// Loses the answer of the second of three batches, in this way, each time it is asked for.
fn check(deed: &str) {
    for_both_ledgers(|kept| check_over(kept, deed));
}

fn check_over(kept: Kept, deed: &str) {
    let sandbox = Sandbox::new().of(kept);
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", "2s")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..25));
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"after_commit",{deed},"number":"+33600000013"}}]}}"#
    ));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(6).expect_lines(&[("accepted", 15), ("in_doubt", 10)]);
    let summary = end.summary();
    assert_eq!(summary["outcome"], "doubtful", "{deed}");
    assert_eq!(summary["batches"]["in_doubt"], 1, "{deed}");
    assert!(
        sandbox.mock().stats().faults_hit[0] > 0,
        "the fault was met: {deed}"
    );

    let again = sandbox.send(&["contacts.ndjson"]).run();
    again
        .expect(6)
        .expect_lines(&[("already_sent", 15), ("in_doubt", 10)]);
    assert_eq!(again.summary()["batches"]["in_doubt"], 1);
    let seen = sandbox.mock().stats().together;
    assert_eq!((seen.recipients, seen.max_per_recipient), (25, 1), "{deed}");

    // Of this campaign, in this input or not.
    sandbox.write("other.ndjson", contacts(100..103));
    let other = sandbox.send(&["other.ndjson"]).run();
    other.expect(6).expect_lines(&[("accepted", 3)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn a_connection_that_closes_before_the_answer_leaves_a_doubt() {
    check(r#""do":"drop""#);
}

#[test]
fn a_connection_that_is_reset_before_the_answer_leaves_a_doubt() {
    check(r#""do":"reset""#);
}

#[test]
fn an_answer_of_a_broken_gateway_leaves_a_doubt() {
    check(r#""do":"status","status":502"#);
}

#[test]
fn an_answer_that_comes_too_late_leaves_a_doubt() {
    check(r#""do":"delay","ms":20000"#);
}

#[test]
fn a_first_batch_in_doubt_does_not_let_the_others_through_unproven() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(200, 1);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"status","status":503,"path":"send"}]}"#);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(6);
        // Ten trials in a row, and nothing beside them.
        let seen = sandbox.mock().stats().together;
        assert!(
            (1..=10).contains(&seen.recipients),
            "{} were risked\n{end}",
            seen.recipients
        );
        assert_eq!(end.lines("in_doubt"), seen.recipients);
        assert_eq!(end.lines("pending"), end.lines("read") - seen.recipients);
    });
}

#[test]
fn a_success_that_cannot_be_read_is_sent_without_a_ticket() {
    for_both_ledgers(|kept| {
        for deed in [r#""do":"garbage""#, r#""do":"truncate""#] {
            let sandbox = Sandbox::new().of(kept);
            sandbox.campaign().set("limits.unit_price", "0.05").write();
            sandbox.write("contacts.ndjson", contacts(0..10));
            sandbox.faults(&format!(
                r#"{{"rules":[{{"at":"after_commit",{deed},"path":"send"}}]}}"#
            ));
            let end = sandbox.send(&["contacts.ndjson"]).run();
            end.expect(0).expect_lines(&[("accepted", 10)]);
            let summary = end.summary();
            assert_eq!(summary["tickets"], 0, "{deed}");
            assert_eq!(
                decimal(&summary["cost"]["estimated"]),
                Decimal::new(5, 1),
                "{deed}"
            );
            let again = sandbox.send(&["contacts.ndjson"]).run();
            again.expect(0).expect_lines(&[("already_sent", 10)]);
            assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
        }
    });
}
