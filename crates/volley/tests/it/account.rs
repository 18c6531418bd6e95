//! The account of a run, held against the mock's own record.

mod changes;
mod doubts;
mod limits;
mod refusals;
mod stop_mention;

use serde_json::Value;

use crate::support::{End, Sandbox, contacts, contacts_of, decimal, for_both_ledgers};

/// What this one run did is all that the mock ever saw.
#[track_caller]
fn agrees(sandbox: &Sandbox, end: &End) {
    let seen = sandbox.mock().stats().together;
    let summary = end.summary();
    assert_eq!(summary["lines"]["accepted"], seen.recipients, "recipients\n{end}");
    assert_eq!(summary["contacts"], seen.recipients, "contacts\n{end}");
    assert_eq!(summary["tickets"], seen.tickets, "tickets\n{end}");
    assert_eq!(
        summary["batches"]["accepted"], seen.accepted_requests,
        "batches\n{end}"
    );
    assert_eq!(decimal(&summary["cost"]["total"]), seen.total_cost, "cost\n{end}");
    assert_eq!(summary["cost"]["estimated"], "0", "nothing is estimated\n{end}");
    assert_eq!(summary["cost"]["currency"], "EUR", "{end}");
    assert_eq!(seen.max_per_recipient, 1, "each number once");
}

#[test]
fn the_summary_agrees_with_the_provider() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(1234, 100);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 1234)]);
        agrees(&sandbox, &end);
        let summary = end.summary();
        assert_eq!(summary["schema"], 1);
        assert_eq!(summary["campaign"], "spring");
        assert_eq!(summary["provider"], "octopush");
        assert_eq!(summary["outcome"], "complete");
        assert_eq!(summary["requests"]["sent"], 13);
        assert_eq!(sandbox.mock().stats().together.max_recipients_per_request, 100);
    });
}

#[test]
fn costs_agree_to_the_last_decimal_over_countries_and_segments() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock(
        "[octopush]\nprices = { 33 = \"0.04512367\", 32 = \"0.00000001\" }\ndefault_price = \"5.00502839\"",
    ).of(kept);
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("octopush.text", "{param1|x} STOP au 30101")
            .write();
        let long = "y".repeat(50);
        sandbox.write(
            "contacts.ndjson",
            format!(
                "{{\"phone_number\":\"+33612345678\",\"param1\":\"{long}\"}}\n\
             {{\"phone_number\":\"+32470123456\",\"param1\":\"Fenêtre ŵ{}\"}}\n\
             {{\"phone_number\":\"+14155550123\"}}\n\
             {{\"phone_number\":\"+447700900123\",\"param1\":12.50}}\n\
             {{\"phone_number\":\"+33612345679\"}}\n",
                "z".repeat(41)
            ),
        );
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 5)]);
        agrees(&sandbox, &end);
    });
}

#[test]
fn an_answer_with_three_fields_is_as_good_as_one_with_five() {
    let sandbox = Sandbox::with_mock("[octopush]\nanswer_fields = \"three\"");
    sandbox.prepare(25, 10);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 25)]);
    agrees(&sandbox, &end);
}

#[test]
fn a_second_run_sends_nothing() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(25, 10);
        sandbox.append("contacts.ndjson", contacts(5..8));
        let first = sandbox.send(&["contacts.ndjson"]).run();
        first
            .expect(0)
            .expect_lines(&[("accepted", 25), ("duplicate", 3)]);
        let requests = sandbox.mock().stats().together.requests;

        let again = sandbox.send(&["contacts.ndjson"]).run();
        again
            .expect(0)
            .expect_lines(&[("already_sent", 25), ("duplicate", 3)]);
        assert_eq!(again.summary()["outcome"], "complete");
        assert_eq!(again.summary()["tickets"], 0);
        assert_eq!(again.summary()["requests"]["sent"], 0);
        assert_eq!(sandbox.mock().stats().together.requests, requests);
    });
}

#[test]
fn of_a_longer_input_only_the_new_lines_are_sent() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(25, 10);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        sandbox.append("contacts.ndjson", contacts(100..110));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0)
            .expect_lines(&[("accepted", 10), ("already_sent", 25)]);
        let seen = sandbox.mock().stats().together;
        assert_eq!(
            (seen.recipients, seen.distinct_recipients, seen.max_per_recipient),
            (35, 35, 1)
        );
    });
}

#[test]
fn a_reordered_or_shorter_input_sends_to_the_free_ones_alone() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(25, 10);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        sandbox.write("reversed.ndjson", contacts_of((0..30).rev()));
        let reversed = sandbox.send(&["reversed.ndjson"]).run();
        reversed
            .expect(0)
            .expect_lines(&[("accepted", 5), ("already_sent", 25)]);
        sandbox.write("shorter.ndjson", contacts_of([29, 3, 40]));
        let shorter = sandbox.send(&["shorter.ndjson"]).run();
        shorter
            .expect(0)
            .expect_lines(&[("accepted", 1), ("already_sent", 2)]);
        let seen = sandbox.mock().stats().together;
        assert_eq!((seen.recipients, seen.max_per_recipient), (31, 1));
    });
}

#[test]
fn numbers_are_contacted_once_a_campaign_not_once_a_ledger() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(5, 10);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        let other = sandbox
            .send(&["contacts.ndjson", "--set", "campaign.name=summer"])
            .run();
        other.expect(0).expect_lines(&[("accepted", 5)]);
        assert_eq!(sandbox.mock().stats().together.max_per_recipient, 2);
    });
}

#[test]
fn contacts_that_the_provider_dropped_are_counted_and_not_in_doubt() {
    for_both_ledgers(|kept| {
        let sandbox =
            Sandbox::with_mock("[octopush]\nblacklist = [\"+33600000003\", \"+33600000004\"]").of(kept);
        sandbox
            .campaign()
            .set("octopush.auto_remove_blacklisted_numbers", true)
            .write();
        sandbox.write("contacts.ndjson", contacts(0..10));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 10)]);
        let summary = end.summary();
        assert_eq!(
            (&summary["contacts"], &summary["dropped"]),
            (&8.into(), &2.into())
        );
        let seen = sandbox.mock().stats().together;
        assert_eq!(decimal(&summary["cost"]["total"]), seen.total_cost);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("already_sent", 10)]);
    });
}

#[test]
fn a_simulated_run_reaches_nobody_and_leaves_the_numbers_free() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(25, 10);
        for _ in 0..2 {
            let simulated = sandbox
                .send(&["contacts.ndjson", "--set", "octopush.simulation_mode=true"])
                .run();
            simulated.expect(0).expect_lines(&[("accepted", 25)]);
            let summary = simulated.summary();
            assert_eq!(summary["simulated"], true);
            assert_eq!(summary["cost"]["total"], Value::Null, "no cost\n{simulated}");
        }
        let seen = sandbox.mock().stats().together;
        assert_eq!((seen.recipients, seen.simulated_requests), (0, 6));

        let real = sandbox.send(&["contacts.ndjson"]).run();
        real.expect(0).expect_lines(&[("accepted", 25)]);
        assert!(real.summary().get("simulated").is_none_or(|flag| flag == false));
        agrees(&sandbox, &real);
        // And once they are reached, a simulation does not bring them back.
        let late = sandbox
            .send(&["contacts.ndjson", "--set", "octopush.simulation_mode=true"])
            .run();
        late.expect(0).expect_lines(&[("already_sent", 25)]);
    });
}
