//! Limits of the user's own: each stops the run with 9, is never passed, and leaves the rest for the next run.

use rust_decimal::Decimal;

use super::agrees;
use crate::support::{Sandbox, contacts, decimal, for_both_ledgers};

#[test]
fn max_recipients_cuts_exactly_and_further_runs_go_on() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(25, 5);
        let send = || sandbox.send(&["contacts.ndjson", "--max-recipients", "7"]).run();
        for nth in 1..=3_u64 {
            let end = send();
            end.expect(9);
            assert_eq!(end.lines("accepted"), 7, "{end}");
            assert_eq!(end.summary()["outcome"], "stopped");
            assert!(end.summary()["reason"].is_string(), "{end}");
            assert_eq!(sandbox.mock().stats().together.recipients, nth * 7);
        }
        send()
            .expect(0)
            .expect_lines(&[("accepted", 4), ("already_sent", 21)]);
        let seen = sandbox.mock().stats().together;
        assert_eq!((seen.recipients, seen.max_per_recipient), (25, 1));
    });
}

#[test]
fn max_cost_is_the_campaign_s_over_all_runs_and_never_passed() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .campaign()
            .set("limits.batch_size", 10)
            .set("limits.unit_price", "0.05")
            .set("limits.max_cost", "1.2")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..60));
        // Two batches cost 0.9024734; a third would be reserved with 0.50.
        let first = sandbox.send(&["contacts.ndjson"]).run();
        first.expect(9);
        assert_eq!(first.lines("accepted"), 20, "{first}");
        agrees(&sandbox, &first);
        for _ in 0..2 {
            let again = sandbox.send(&["contacts.ndjson"]).run();
            again.expect(9);
            assert_eq!(
                (again.lines("accepted"), again.lines("already_sent")),
                (0, 20),
                "{again}"
            );
            assert!(
                again.summary()["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains("max_cost"))
            );
        }
        let budget = Decimal::new(12, 1);
        assert!(sandbox.mock().stats().together.total_cost <= budget);

        // The flag outranks the file.
        let more = sandbox.send(&["contacts.ndjson", "--max-cost", "2.0"]).run();
        more.expect(9);
        assert_eq!(more.lines("accepted"), 20, "{more}");
        let rest = sandbox.send(&["contacts.ndjson", "--max-cost", "100"]).run();
        rest.expect(0)
            .expect_lines(&[("accepted", 20), ("already_sent", 40)]);
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
    });
}

#[test]
fn a_doubt_keeps_its_part_of_the_budget() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .campaign()
            .set("limits.batch_size", 10)
            .set("limits.max_in_flight", 1)
            .set("limits.unit_price", "0.05")
            .set("limits.max_cost", "1.0")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..30));
        sandbox.faults(
            r#"{"rules":[{"at":"after_commit","do":"status","status":502,"number":"+33600000000"}]}"#,
        );
        // 0.50 stays reserved, 0.4512367 is spent: another 0.50 would pass 1.0.
        sandbox.send(&["contacts.ndjson"]).run().expect(6);
        sandbox.send(&["contacts.ndjson"]).run().expect(6);
        assert_eq!(sandbox.mock().stats().together.recipients, 20);
    });
}

#[test]
fn an_answer_dearer_than_its_reservation_is_booked_and_stops_the_run() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .campaign()
            .set("limits.batch_size", 10)
            .set("limits.unit_price", "0.01")
            .set("limits.max_cost", "100")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..50));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(9);
        assert_eq!(end.lines("accepted"), 10, "{end}");
        assert_eq!(
            decimal(&end.summary()["cost"]["total"]),
            Decimal::new(4_512_367, 7)
        );
        agrees(&sandbox, &end);
    });
}

#[test]
fn min_credit_stops_before_the_account_is_empty() {
    let sandbox = Sandbox::with_mock("[octopush]\ncredit = \"100\"");
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 1)
        .set("limits.min_credit", "99.4")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..50));
    // The residual credit is 99.549, then 99.098.
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9);
    assert_eq!(end.lines("accepted"), 20, "{end}");
    agrees(&sandbox, &end);
}

#[test]
fn min_credit_stops_with_several_batches_in_flight_and_nothing_is_lost() {
    let sandbox = Sandbox::with_mock("[octopush]\ncredit = \"100\"");
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 8)
        .set("limits.min_credit", "98")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..400));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9);
    // Four batches leave 98.195; what was in flight with the fifth is answered and counted.
    let accepted = end.lines("accepted");
    assert!((50..=50 + 8 * 10).contains(&accepted), "{end}");
    assert_eq!(end.lines("pending"), end.lines("read") - accepted, "{end}");
    agrees(&sandbox, &end);
    // Lower the limit, and the rest goes out.
    sandbox
        .send(&["contacts.ndjson", "--set", "limits.min_credit='1'"])
        .run()
        .expect(0)
        .expect_lines(&[("accepted", 400 - accepted), ("already_sent", accepted)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn with_a_unit_price_what_is_in_flight_is_held_back_from_min_credit() {
    let sandbox = Sandbox::with_mock("[octopush]\ncredit = \"100\"");
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 8)
        // A batch costs 0.4512367, and is reserved at twice that.
        .set("limits.unit_price", "0.09024734")
        .set("limits.min_credit", "99")
        // One batch is handed over before the next one is taken.
        .set("limits.requests_per_second", 90.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..400));
    // Answers come late: without holding back, eight batches would be on their way.
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":300,"path":"send"}]}"#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9);
    // The first leaves 99.549. With 0.90 held back for the second, no third is taken before its answer: 99.098. With the
    // third under way no fourth is, and the third leaves 98.646.
    assert_eq!(end.lines("accepted"), 30, "{end}");
    agrees(&sandbox, &end);
}

/// What a run over 20 numbers, in batches of ten, says of the credit: each batch costs 0.4512367.
#[track_caller]
fn check_credit(credit: &str, settings: &[&str], left: &str, warnings: usize) {
    let sandbox = Sandbox::with_mock(&format!("[octopush]\ncredit = \"{credit}\""));
    sandbox.prepare(20, 10);
    let mut invocation = sandbox.send(&["contacts.ndjson", "--set", "limits.max_in_flight=1"]);
    for setting in settings {
        invocation = invocation.args(["--set", setting]);
    }
    let end = invocation.run();
    end.expect(0);
    assert_eq!(end.summary()["residual_credit"], left, "{end}");
    assert_eq!(end.stderr.matches("the credit is low").count(), warnings, "{end}");
}

#[test]
fn the_credit_left_is_told_and_warned_of_once_when_it_is_low() {
    check_credit("100", &[], "99.098", 0);
    // Ten batches like the last one cost 4.512.
    check_credit("6", &[], "5.098", 0);
    check_credit("5", &[], "4.098", 1);
    check_credit("100", &["limits.min_credit='49.5'"], "99.098", 0);
    check_credit("100", &["limits.min_credit='60'"], "99.098", 1);
}

#[test]
fn the_credit_is_null_while_nobody_has_told_it() {
    let sandbox = Sandbox::with_mock("[octopush]\nanswer_fields = \"three\"");
    sandbox.prepare(5, 10);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0);
    assert_eq!(
        end.summary().get("residual_credit"),
        Some(&serde_json::Value::Null),
        "{end}"
    );
    let text = Sandbox::with_mock("[octopush]\ncredit = \"100\"");
    text.prepare(5, 10);
    let end = text.volley(["send", "campaign.toml", "contacts.ndjson"]).run();
    assert!(end.stdout.contains("credit left 99.774 EUR\n"), "{end}");
}

/// A file of ten lines, of which some are invalid.
fn check_max_invalid(limit: impl Into<toml::Value>, invalid: u32, code: i32) {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.max_invalid", limit).write();
    sandbox.write("contacts.ndjson", contacts(0..10 - invalid));
    sandbox.append("contacts.ndjson", "{}\n".repeat(invalid as usize));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(code);
    let seen = sandbox.mock().stats().together;
    if code == 0 {
        end.expect_lines(&[("accepted", (10 - invalid).into()), ("invalid", invalid.into())]);
    } else {
        assert_eq!(seen.requests, 0, "judged before the first request");
        assert_eq!(end.lines("accepted"), 0, "{end}");
    }
}

#[test]
fn max_invalid_is_a_share_or_a_number_judged_before_the_first_request() {
    check_max_invalid("20%", 2, 0);
    check_max_invalid("20%", 3, 9);
    check_max_invalid(2, 2, 0);
    check_max_invalid(2, 3, 9);
    check_max_invalid(0, 0, 0);
    check_max_invalid(0, 1, 9);
}

#[test]
fn a_budget_is_refused_over_batches_of_which_nobody_can_say_what_they_cost() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.campaign().unset("limits.unit_price").write();
        sandbox.write("contacts.ndjson", contacts(0..4));
        // Accepted, without a price: and there was no unit_price to reserve by.
        sandbox.faults(
        r#"{"rules":[{"at":"after_commit","do":"status","status":201,"body":"{\"sms_ticket\":\"sms_1\"}","times":1}]}"#,
    );
        let first = sandbox.send(&["contacts.ndjson"]).run();
        first.expect(0);
        assert_eq!(first.summary()["cost"]["unpriced_batches"], 1, "{first}");
        sandbox
            .campaign()
            .set("limits.unit_price", "0.05")
            .set("limits.max_cost", "1")
            .write();
        sandbox.append("contacts.ndjson", contacts(4..8));
        let refused = sandbox.send(&["contacts.ndjson"]).run();
        refused.expect(3);
        assert!(
            refused.summary()["error"]
                .as_str()
                .is_some_and(|error| error.contains("max_cost")),
            "{refused}"
        );
        assert_eq!(sandbox.mock().stats().together.recipients, 4);
        sandbox
            .campaign()
            .set("limits.unit_price", "0.05")
            .unset("limits.max_cost")
            .write();
        sandbox
            .send(&["contacts.ndjson"])
            .run()
            .expect(0)
            .expect_lines(&[("accepted", 4), ("already_sent", 4)]);
    });
}

#[test]
fn messages_of_more_than_eight_segments_are_told_where_segments_are_counted() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set(
            "octopush.text",
            format!("{} STOP au 30101", "\u{20ac}".repeat(609)),
        )
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..3));
    let summary = sandbox.send(&["contacts.ndjson"]).run().expect(0).summary();
    assert_eq!(summary["over_long"], 3);
    let plain = Sandbox::new();
    plain.prepare(3, 3);
    let summary = plain.send(&["contacts.ndjson"]).run().expect(0).summary();
    assert!(summary.get("over_long").is_none(), "{summary}");
}

#[test]
fn with_min_credit_an_account_that_is_below_it_sends_nothing_at_all() {
    let sandbox = Sandbox::with_mock("octopush.credit = '5'");
    sandbox.campaign().set("limits.min_credit", "10").write();
    sandbox.write("contacts.ndjson", contacts(0..3));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(9).expect_lines(&[("pending", 3)]);
    assert!(
        end.summary()["reason"]
            .as_str()
            .is_some_and(|why| why.contains("top the account up")),
        "{end}"
    );
    assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
}
