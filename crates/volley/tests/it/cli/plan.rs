//! `plan`: what would be sent, in messages, money and time; nothing is written and nobody is asked.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::names;
use crate::support::{Sandbox, contacts};

/// Plans the sandbox's campaign, without network and credentials.
#[track_caller]
fn plan(sandbox: &Sandbox, args: &[&str]) -> Value {
    let end = sandbox
        .with_campaign("plan", args)
        .env_remove("OCTOPUSH_API_LOGIN")
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    assert_eq!(end.code(), 0, "{end}");
    assert_eq!(end.stdout.lines().count(), 1, "{end}");
    serde_json::from_str(&end.stdout).expect("json")
}

#[test]
fn a_plan_has_the_shape_of_the_interface() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().set("limits.batch_size", 10).write();
    sandbox.write("contacts.ndjson", contacts(0..25));
    sandbox.append("contacts.ndjson", contacts(0..3));
    sandbox.append("contacts.ndjson", "{}\n");
    let plan = plan(&sandbox, &["contacts.ndjson"]);
    assert_eq!(plan["campaign"], "spring");
    assert_eq!(plan["provider"], "octopush");
    assert_eq!(
        plan["lines"],
        json!({"read": 29, "accepted": 25, "invalid": 1, "duplicate": 3, "suppressed": 0,
               "already_sent": 0, "refused": 0, "in_doubt": 0, "pending": 0})
    );
    assert_eq!(plan["batches"], 3);
    assert_eq!(
        plan["messages"],
        json!({"gsm7": 25, "ucs2": 0, "segments": {"1": 25}, "total_segments": 25})
    );
    assert_eq!(plan["cost"]["estimated"], Value::Null, "no unit_price");
    assert!(plan["duration_seconds"].is_number());
    assert_eq!(plan["limited_by"], "requests_per_second");
    assert_eq!(
        plan["examples"],
        json!([{"reason": "phone_number_missing", "line": 29, "input": "contacts.ndjson",
                "detail": "phone_number is absent, null or empty", "value": "{}"}])
    );
    let time = |limit: &Value| {
        limit["limit"] == "requests_per_second" && limit["seconds"] == plan["duration_seconds"]
    };
    assert!(
        plan["limits"].as_array().expect("limits").iter().all(time),
        "{plan}"
    );
}

#[test]
fn countries_add_up_to_the_messages_and_to_their_cost() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().set("limits.unit_price", "0.05").write();
    let line = |number: &str| format!("{{\"phone_number\":\"{number}\"}}\n");
    let numbers = [
        "+33612345678",
        "+33612345679",
        "+491701234567",
        "+12125550100",
        "+14165550100",
    ];
    sandbox.write("in.ndjson", numbers.map(line).concat());
    let plan = plan(&sandbox, &["in.ndjson"]);
    assert_eq!(
        plan["countries"],
        json!([
            {"country": "+1", "messages": 2, "segments": 2, "cost": "0.10"},
            {"country": "FR", "messages": 2, "segments": 2, "cost": "0.10"},
            {"country": "DE", "messages": 1, "segments": 1, "cost": "0.05"},
        ])
    );
    assert_eq!(plan["cost"]["estimated"], "0.25");
}

#[test]
fn one_example_of_each_reason_is_told_and_it_is_the_first() {
    let sandbox = Sandbox::without_mock();
    sandbox.campaign().write();
    sandbox.write(
        "in.ndjson",
        "{\"phone_number\":\"+331\"}\nno\n{\"phone_number\":\"+332\"}\n",
    );
    sandbox.write(
        "more.ndjson",
        "[]\n{\"phone_number\":true}\n{\"phone_number\":\"+33612345678\"}\n",
    );
    let plan = plan(&sandbox, &["in.ndjson", "more.ndjson"]);
    let examples = plan["examples"].as_array().expect("examples");
    let told: Vec<_> = examples
        .iter()
        .map(|one| {
            (
                one["reason"].as_str(),
                one["input"].as_str(),
                one["line"].as_u64(),
            )
        })
        .collect();
    let at = |reason, input, line| (Some(reason), Some(input), Some(line));
    assert_eq!(
        told,
        [
            at("phone_number_invalid", "in.ndjson", 1),
            at("json_malformed", "in.ndjson", 2),
            at("field_type", "more.ndjson", 2),
        ]
    );
}

#[test]
fn the_estimate_is_exact_and_its_currency_known() {
    let sandbox = Sandbox::without_mock();
    sandbox.prepare(25, 10);
    let plan = plan(
        &sandbox,
        &["contacts.ndjson", "--set", "limits.unit_price='0.0495'"],
    );
    let estimated = plan["cost"]["estimated"].as_str().expect("a decimal string");
    assert_eq!(
        Decimal::from_str_exact(estimated).expect("a decimal"),
        Decimal::new(12_375, 4)
    );
    assert_eq!(plan["cost"]["currency"], "EUR");
}

/// The plan of one message with this `param1` to `param4`.
#[track_caller]
fn check_segments(parts: [&str; 4], encoding: &str, segments: u64) {
    let sandbox = Sandbox::without_mock();
    sandbox
        .campaign()
        .set("octopush.text", "{param1|x}{param2|}{param3|}{param4|}")
        .set("octopush.purpose", "alert")
        .write();
    let line = json!({"phone_number": "+33612345678", "param1": parts[0], "param2": parts[1],
                      "param3": parts[2], "param4": parts[3]});
    sandbox.write("in.ndjson", line.to_string());
    let plan = plan(&sandbox, &["in.ndjson"]);
    let messages = &plan["messages"];
    assert_eq!(messages[encoding], 1, "{parts:?}: {messages}");
    assert_eq!(messages["total_segments"], segments, "{parts:?}: {messages}");
    assert_eq!(
        messages["segments"],
        json!({segments.to_string(): 1}),
        "{parts:?}"
    );
}

#[test]
fn segments_are_counted_on_the_text_that_the_recipient_gets() {
    let gsm = |count: usize| "a".repeat(count);
    let (fifty, forty) = (gsm(50), gsm(40));
    check_segments([&fifty, &fifty, &fifty, &gsm(10)], "gsm7", 1);
    check_segments([&fifty, &fifty, &fifty, &gsm(11)], "gsm7", 2);
    // An extension character takes two septets.
    check_segments([&fifty, &fifty, &fifty, "aaaaaaaa€"], "gsm7", 1);
    check_segments([&fifty, &fifty, &fifty, "aaaaaaaaa€"], "gsm7", 2);
    // 70 code units, then 67 a segment.
    check_segments([&fifty, "aaaaaaaaaaaaaaaaaaaê", "", ""], "ucs2", 1);
    check_segments([&fifty, "aaaaaaaaaaaaaaaaaaaaê", "", ""], "ucs2", 2);
    check_segments([&fifty, &forty, &forty, "aaaê"], "ucs2", 2);
    check_segments([&fifty, &forty, &forty, "aaaaê"], "ucs2", 3);
    // A surrogate pair is two code units, and is not split: 66 and a pair leave one unit of the first segment unused.
    check_segments([&fifty, "aaaaaaaaaaaaaaaaaa👋", "", ""], "ucs2", 1);
    check_segments([&fifty, "aaaaaaaaaaaaaaaaaaa👋", "", ""], "ucs2", 2);
    let past = gsm(16);
    check_segments([&fifty, &format!("{past}👋"), &gsm(50), &gsm(16)], "ucs2", 3);
    // An empty field lacks, and the default stands in.
    check_segments(["", "", "", ""], "gsm7", 1);
}

#[test]
fn the_slowest_limit_is_named_and_decides_the_duration() {
    let sandbox = Sandbox::without_mock();
    sandbox.prepare(100, 10);
    let slow = plan(
        &sandbox,
        &["contacts.ndjson", "--set", "limits.requests_per_second=0.5"],
    );
    assert_eq!(slow["limited_by"], "requests_per_second");
    // Ten requests, the first of them without waiting or not.
    let seconds = slow["duration_seconds"].as_f64().expect("seconds");
    assert!((18.0..=20.5).contains(&seconds), "{seconds}");

    let trickle = plan(
        &sandbox,
        &["contacts.ndjson", "--set", "limits.recipients_per_second=2.0"],
    );
    assert_eq!(trickle["limited_by"], "recipients_per_second");
    let seconds = trickle["duration_seconds"].as_f64().expect("seconds");
    assert!((44.0..=51.0).contains(&seconds), "{seconds}");
}

#[test]
fn a_plan_makes_no_ledger_and_knows_what_an_existing_one_knows() {
    let sandbox = Sandbox::new();
    sandbox.prepare(25, 10);
    let before = names(&sandbox);
    assert_eq!(plan(&sandbox, &["contacts.ndjson"])["lines"]["accepted"], 25);
    assert_eq!(names(&sandbox), before);

    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox.append("contacts.ndjson", contacts(100..110));
    let ledger = std::fs::read(sandbox.path("volley.db")).expect("a ledger");
    let requests = sandbox.mock().stats().together.requests;
    let before = names(&sandbox);
    let again = plan(&sandbox, &["contacts.ndjson"]);
    assert_eq!(
        (&again["lines"]["accepted"], &again["lines"]["already_sent"]),
        (&json!(10), &json!(25))
    );
    assert_eq!(again["batches"], 1);
    assert_eq!(
        std::fs::read(sandbox.path("volley.db")).expect("a ledger"),
        ledger
    );
    // SQLite's own files for readers may stay beside it.
    let mut after = names(&sandbox);
    after.retain(|name| !["volley.db-shm", "volley.db-wal"].contains(&name.as_str()));
    assert_eq!(after, before);
    assert_eq!(sandbox.mock().stats().together.requests, requests);
}

#[test]
fn a_plan_agrees_with_the_run_that_follows_it() {
    let sandbox = Sandbox::new();
    sandbox.prepare(1234, 100);
    let plan = plan(&sandbox, &["contacts.ndjson"]);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0);
    assert_eq!(plan["lines"], end.summary()["lines"]);
    assert_eq!(plan["batches"], end.summary()["batches"]["accepted"]);
}

#[test]
fn the_example_campaigns_can_be_planned() {
    let sandbox = Sandbox::without_mock();
    let examples = crate::support::workspace_root().join("examples");
    for campaign in ["appointment-reminder.toml", "marketing.toml"] {
        let end = sandbox
            .volley(["--json", "plan"])
            .arg(examples.join(campaign))
            .arg(examples.join("contacts.ndjson"))
            .run();
        assert_eq!(end.code(), 0, "{campaign}\n{end}");
        let plan: Value = serde_json::from_str(&end.stdout).expect("json");
        assert_eq!(plan["lines"]["read"], 1000, "{campaign}");
    }
    assert!(!examples.join("volley.db").exists());
}
