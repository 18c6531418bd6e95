//! Campaigns on lists, which go with a copy of all.

use serde_json::{Value, json};

use super::same::{expect_same, rows};
use super::{at, copy, made};
use crate::octopush::octopush;
use crate::support::{End, Sandbox};

#[test]
fn campaigns_on_lists_go_with_all_and_a_second_copy_leaves_what_is_there() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(2, 2);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let list = |args: &[&str]| octopush(&sandbox, &[&["list-campaign"], args].concat()).run();
    let draft = || crate::octopush::draft(&sandbox);
    let (kept, followed, unanswered, given_up) = (draft(), draft(), draft(), draft());
    list(&["send", &followed]).expect(0);
    for ticket in [&unanswered, &given_up] {
        sandbox.faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"on-list/send","times":1}]}"#);
        list(&["send", ticket]).expect(6);
    }
    let abandon = ["doubt", "resolve", &given_up, "--abandon", "--reason", "asked"];
    sandbox.volley(abandon).run().expect(0);
    let database = made(&sandbox);
    let named = copy(&sandbox, &database, &["spring"]);
    assert_eq!(
        named.expect(0).summary()["list_campaigns"],
        Value::Null,
        "{named}"
    );
    assert_eq!(database.psql("SELECT count(*) FROM volley.list_campaign"), "0");
    let all = copy(&sandbox, &database, &[]).expect(0).summary();
    assert_eq!(
        (&all["list_campaigns"], &all["copied_before"]),
        (&json!(4), &json!(["spring"]))
    );
    expect_same(&sandbox, &database);
    let report = |end: End| rows(&end)[0]["list_campaigns"].clone();
    let here = report(sandbox.volley(["--json", "report"]).run());
    assert_eq!(here, report(at(&sandbox, &database, &["--json", "report"])));
    let states: Vec<&Value> = here
        .as_array()
        .expect("campaigns")
        .iter()
        .map(|row| &row["state"])
        .collect();
    assert_eq!(states, ["draft", "sent", "in_doubt", "abandoned"]);
    let end = list(&["send", &kept]);
    end.expect(3);
    assert!(end.stderr.contains("was copied from"), "{end}");
    // Their checksums hold: who reads them checks.
    let end = octopush(&sandbox, &["list-campaign", "send", &kept])
        .env("VOLLEY_LEDGER", database.url())
        .run();
    end.expect(0);
    let again = copy(&sandbox, &database, &[]).expect(0).summary();
    assert_eq!(
        (&again["list_campaigns"], &again["campaigns"]),
        (&json!(0), &json!([]))
    );
}
