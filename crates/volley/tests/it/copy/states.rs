//! A campaign with batches in every state that Octopush's come to.

use std::ops::Range;

use serde_json::{Value, json};

use super::same::{expect_same, rows};
use super::{LOSE, at, copy, expect_conserved, made, send_at};
use crate::octopush::octopush;
use crate::support::{Sandbox, contacts};

/// A campaign of batches of two in every state that Octopush's come to: 16 numbers, of which 6 are free and 2 were refused.
fn of_all_states() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.unit_price", "0.0495")
        .set("octopush.send_at", "2099-12-01T09:00:00+01:00")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..16));
    let send = |part: Range<u32>, code: i32| {
        sandbox.write("part.ndjson", contacts(part));
        sandbox.send(&["part.ndjson"]).run().expect(code);
        sandbox.mock().clear_faults();
    };
    send(0..4, 0);
    let ticket = sandbox.mock().tickets()[0].ticket.clone();
    octopush(&sandbox, &["campaign", "cancel", &ticket])
        .run()
        .expect(0);
    sandbox
        .faults(r#"{"rules":[{"at":"after_read","do":"status","status":400,"path":"sms-campaign/send"}]}"#);
    send(4..6, 5);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"0"}]}"#);
    send(6..8, 8);
    sandbox.faults(LOSE);
    send(8..14, 6);
    let doubts = sandbox.volley(["--json", "doubt", "list"]).run();
    let list: Value = serde_json::from_str(&doubts.stdout).expect("JSON");
    let words: [&[&str]; 3] = [
        &["--sent", "--ticket", "told", "--cost", "0.21"],
        &["--not-sent", "--recipients", "2"],
        &["--abandon"],
    ];
    for (doubt, word) in list["doubts"].as_array().expect("doubts").iter().zip(words) {
        let batch = doubt["batch"].to_string();
        let resolve = ["doubt", "resolve", &batch, "--reason", "asked"];
        sandbox.volley([&resolve, word].concat()).run().expect(0);
    }
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"sms-campaign/send"}]}"#);
    send(14..16, 6);
    sandbox
}

/// The old file sends it no more, and says where it went.
fn expect_sends_no_more(sandbox: &Sandbox) {
    let before = sandbox.mock().stats().together.requests;
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(3);
    assert!(
        end.stderr.contains("was copied from") && !end.stderr.contains(":pw@"),
        "{end}"
    );
    let end = sandbox.with_campaign("plan", &["contacts.ndjson"]).run();
    assert!(end.stdout.contains("send would refuse it"), "{end}");
    assert_eq!(sandbox.mock().stats().together.requests, before);
}

#[test]
fn a_campaign_in_every_state_goes_on_at_the_server_where_it_stood() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = of_all_states();
    sandbox
        .volley(["suppress", "add", "+33600000099", "--reason", "asked"])
        .run()
        .expect(0);
    let database = made(&sandbox);
    at(
        &sandbox,
        &database,
        &["suppress", "add", "+33600000098", "--reason", "asked"],
    )
    .expect(0);
    let plan = |url: Option<String>| {
        let plan = sandbox.with_campaign("plan", &["contacts.ndjson"]);
        let plan = match url {
            Some(url) => plan.env("VOLLEY_LEDGER", url),
            None => plan,
        };
        rows(&plan.run())[0]["lines"].clone()
    };
    let planned = plan(None);
    let end = copy(&sandbox, &database, &[]);
    let told = end.expect(0).summary();
    assert_eq!(told["campaigns"][0]["campaign"], "spring", "{end}");
    assert_eq!(told["campaigns"][0]["batches"], 8, "{end}");
    assert_eq!(
        told["campaigns"][0]["recipients"],
        json!({"sent": 6, "refused": 2, "in_doubt": 2}),
        "{end}"
    );
    assert_eq!(
        (&told["campaigns"][0]["doubts"], &told["campaigns"][0]["tickets"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        (&told["suppressed"], &told["list_campaigns"]),
        (&json!(1), &json!(0)),
        "{end}"
    );
    assert!(!format!("{}{}", end.stdout, end.stderr).contains(":pw@"), "{end}");
    // One of theirs, one of ours.
    assert_eq!(database.psql("SELECT count(*) FROM volley.suppressed"), "2");
    at(
        &sandbox,
        &database,
        &["suppress", "remove", "+33600000098", "--reason", "asked"],
    )
    .expect(0);
    expect_same(&sandbox, &database);
    assert_eq!(
        planned,
        plan(Some(database.url())),
        "who is sent to next is the same"
    );
    sandbox.volley(["ledger", "verify"]).run().expect(0);

    expect_sends_no_more(&sandbox);

    // From there the doubt is settled by its own request, and those who are free are sent to.
    let end = send_at(&sandbox, &database, &["contacts.ndjson"]);
    end.expect(0)
        .expect_lines(&[("accepted", 6), ("already_sent", 8), ("refused", 2)]);
    assert_eq!(end.summary()["settled"]["batches"], 1, "{end}");
    let stats = sandbox.mock().stats().together;
    assert_eq!(stats.max_per_recipient, 1);
    let end = send_at(&sandbox, &database, &["contacts.ndjson"]);
    end.expect(0)
        .expect_lines(&[("already_sent", 14), ("refused", 2)]);
    assert_eq!(
        sandbox.mock().stats().together.accepted_requests,
        stats.accepted_requests
    );
    expect_conserved(&database);
}
