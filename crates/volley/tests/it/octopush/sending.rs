//! "Schedule SMS sending" and "Transactional SMS" from the command line: dates, flags, the pages' own samples, all fields.

use serde_json::json;

use crate::support::{Sandbox, contacts, decimal};

#[test]
fn the_pages_sample_numbers_pass_as_any_but_for_the_one_of_sixteen_digits() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.numbers", "any")
        .set("octopush.purpose", "alert")
        .set(
            "octopush.text",
            "This is a Premium SMS with STOP mention. STOP to 30101",
        )
        .set("octopush.sender", "Company X")
        .write();
    sandbox.write(
        "contacts.ndjson",
        concat!(
            r#"{"phone_number":"+111222233334444","first_name":"Axelle","last_name":"Durand","param1":null,"param3":"Mr."}"#,
            "\n",
            r#"{"phone_number":"+2222333334444555","first_name":"John","last_name":"Smith","param3":"M"}"#,
            "\n",
            r#"{"phone_number":"+ 442038828112","param1":"Alex"}"#,
            "\n",
            r#"{"phone_number":"+336000123"}"#,
            "\n",
        ),
    );
    let end = sandbox
        .send(&["contacts.ndjson", "--rejects", "rejects.ndjson"])
        .run();
    end.expect(0).expect_lines(&[("accepted", 3), ("invalid", 1)]);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(rejects[0]["reason"], "phone_number_invalid");
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["value"]),
        (&json!(2), &json!("+2222333334444555"))
    );
    let reached: Vec<String> = sandbox
        .mock()
        .recipients()
        .into_iter()
        .map(|recipient| recipient.number)
        .collect();
    assert_eq!(reached, ["+336000123", "+442038828112", "+111222233334444"]);
}

#[test]
fn a_date_without_offset_and_a_nonsense_one_are_refused_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("contacts.ndjson", contacts(0..3));
    for date in [
        "2099-12-01T09:00:00",
        "2099-12-01",
        "tomorrow",
        "2099-13-01T09:00:00+01:00",
        "",
    ] {
        sandbox.campaign().set("octopush.send_at", date).write();
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(3);
        assert!(end.stderr.contains("octopush.send_at"), "{end}");
    }
    sandbox
        .campaign()
        .set("octopush.send_at", "2025-07-29T11:00:39-07:00")
        .write();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(3);
    assert!(end.stderr.contains("in the past"), "{end}");
    assert_eq!(sandbox.mock().stats().octopush.requests, 0);
    sandbox
        .campaign()
        .set("octopush.send_at", "2099-07-29T11:00:39-07:00")
        .write();
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    assert_eq!(sandbox.mock().stats().octopush.recipients, 3);
}

#[test]
fn a_simulated_run_is_marked_so_everywhere_costs_nothing_and_reaches_nobody() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("octopush.simulation_mode", true).write();
    sandbox.write("contacts.ndjson", contacts(0..3));
    let summary = sandbox.send(&["contacts.ndjson"]).run().expect(0).summary();
    assert_eq!(summary["simulated"], true);
    assert_eq!(summary["cost"]["total"], json!(null));
    assert_eq!(sandbox.mock().stats().octopush.recipients, 0);
    let report = sandbox.volley(["report"]).run();
    assert!(report.stdout.contains("simulated"), "{report}");
    let connection = rusqlite::Connection::open(sandbox.path("volley.db")).expect("the ledger");
    let states: String = connection
        .query_row(
            "SELECT group_concat(state || simulated) FROM batches",
            [],
            |row| row.get(0),
        )
        .expect("a batch");
    assert_eq!(states, "simulated1");
    // It counts for nothing: the real run sends to all.
    sandbox.campaign().write();
    sandbox
        .send(&["contacts.ndjson"])
        .run()
        .expect(0)
        .expect_lines(&[("accepted", 3)]);
    assert_eq!(sandbox.mock().stats().octopush.max_per_recipient, 1);
}

#[test]
fn the_removal_of_blacklisted_numbers_is_in_the_estimate_and_in_the_budget() {
    let sandbox = Sandbox::with_mock("octopush.blacklist = ['+33600000001']");
    let campaign = || {
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("limits.unit_price", "0.0495")
            .set("octopush.auto_remove_blacklisted_numbers", true)
    };
    campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..4));
    let plan = sandbox.with_campaign("plan", &["contacts.ndjson"]).run();
    let plan: serde_json::Value = serde_json::from_str(&plan.stdout).expect("json");
    assert_eq!(
        decimal(&plan["cost"]["estimated"]).to_string(),
        "0.2180",
        "4 segments and 2 requests"
    );
    campaign().set("limits.max_cost", "0.21").write();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    // The first batch is cheaper than its reservation, for one number is dropped: then there is room for the second.
    end.expect(0);
    assert_eq!(end.summary()["dropped"], 1);
    let stats = sandbox.mock().stats().octopush;
    assert_eq!(decimal(&end.summary()["cost"]["total"]), stats.total_cost);
    assert_eq!(stats.recipients, 3);
    campaign()
        .set("campaign.name", "tight")
        .set("limits.max_cost", "0.10")
        .write();
    sandbox
        .send(&["contacts.ndjson"])
        .run()
        .expect(9)
        .expect_lines(&[("pending", 4)]);
}
