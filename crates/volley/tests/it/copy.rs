//! `volley ledger copy`: what a campaign came to in a file it has come to on a server, it goes on there where it stood, and the
//! file sends it no more. (Invariants 1, 2, 4 and 5.)

use rusqlite::Connection;
use serde_json::{Value, json};
use test_postgres::{Database, shared};

use crate::exotel::exotel;
use crate::octopush::octopush;
use crate::support::{End, Provider, Sandbox, closed_port, contacts, wait_until};

/// What a ledger has the same of, wherever it is.
const TABLES: [&str; 18] = [
    "message",
    "message_part",
    "run",
    "schedule",
    "run_limits",
    "campaign_change",
    "resolution",
    "erasure",
    "batch",
    "members",
    "attempt",
    "lookup",
    "pricing",
    "lines_behind",
    "suppressed",
    "list_campaign",
    "list_campaign_part",
    "list_campaign_event",
];
/// Fields that a ledger has for itself, or that go by the clock.
const OF_ONE_LEDGER: [&str; 7] = [
    "batch",
    "run",
    "parent",
    "worker",
    "worker_state",
    "ledger",
    "age_seconds",
];
const LOSE: &str = r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#;

/// A ledger on a server, made and empty.
fn made(sandbox: &Sandbox) -> Database {
    let database = shared().database();
    at(sandbox, &database, &["ledger", "init"]).expect(0);
    // Ids of its own.
    for table in ["campaign", "message", "run", "batch", "resolution"] {
        database.psql(&format!(
            "ALTER TABLE volley.{table} ALTER COLUMN id RESTART WITH 40"
        ));
    }
    database
}

/// A command over the server's ledger.
fn at(sandbox: &Sandbox, database: &Database, args: &[&str]) -> End {
    let volley = sandbox.volley(args.iter()).env("VOLLEY_LEDGER", database.url());
    volley.run()
}

fn copy(sandbox: &Sandbox, database: &Database, args: &[&str]) -> End {
    let to = database.url();
    sandbox
        .volley([&["--json", "ledger", "copy", "--to", &to], args].concat())
        .run()
}

/// What a command prints as JSON, row by row, without the ids, which are given anew.
fn rows(end: &End) -> Vec<Value> {
    assert_eq!(end.code(), 0, "{end}");
    let row = |line: &str| without_ids(serde_json::from_str(line).expect("JSON"));
    end.stdout.lines().map(row).collect()
}

fn without_ids(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(key, _)| !OF_ONE_LEDGER.contains(&key.as_str()))
            .map(|(key, value)| (key, without_ids(value)))
            .collect(),
        Value::Array(all) => all.into_iter().map(without_ids).collect(),
        // A run that found a batch open stands in its reason.
        Value::String(text) if text.starts_with("found open by") => "found open".into(),
        other => other,
    }
}

/// Both ledgers say the same of a campaign, and hold as many rows of everything; the one on the server is sound.
#[track_caller]
fn expect_same(sandbox: &Sandbox, database: &Database) {
    for command in [
        &["--json", "report", "spring"][..],
        &["export", "batches", "spring"],
        &["export", "recipients", "spring"],
        &["export", "tickets", "spring"],
        &["export", "refused", "spring"],
        &["--json", "doubt", "list"],
    ] {
        let here = rows(&sandbox.volley(command).run());
        let there = rows(&at(sandbox, database, command));
        assert_eq!(here, there, "{command:?}");
    }
    let file = Connection::open(sandbox.path("volley.db")).expect("SQLite");
    for table in TABLES {
        let count = format!("SELECT count(*) FROM {table}");
        let here: i64 = file.query_row(&count, [], |row| row.get(0)).expect("a count");
        let count = format!("SELECT count(*) FROM volley.{table}");
        let there: i64 = database.psql(&count).parse().expect("a count");
        assert_eq!(here, there, "{table}");
    }
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
    at(sandbox, database, &["ledger", "verify"]).expect(0);
    // Each number is held by the last batch that has it.
    let claims = "SELECT count(*), count(DISTINCT batch.campaign) FROM volley.claim \
        JOIN volley.batch ON batch.id = claim.batch AND batch.campaign = claim.campaign";
    let numbers = rows(&sandbox.volley(["export", "recipients", "spring"]).run());
    let distinct: std::collections::BTreeSet<String> =
        numbers.iter().map(|row| row["number"].to_string()).collect();
    assert_eq!(database.psql(claims), format!("{}|1", distinct.len()));
}

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
    let send = |part: std::ops::Range<u32>, code: i32| {
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
    database.psql("SELECT 1");
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

    // The old file sends it no more, and says where it went.
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

    // From there the doubt is settled by its own request, and those who are free are sent to.
    let send = || {
        let send = sandbox
            .send(&["contacts.ndjson"])
            .env("VOLLEY_LEDGER", database.url());
        send.run()
    };
    let end = send();
    end.expect(0)
        .expect_lines(&[("accepted", 6), ("already_sent", 8), ("refused", 2)]);
    assert_eq!(end.summary()["settled"]["batches"], 1, "{end}");
    let stats = sandbox.mock().stats().together;
    assert_eq!(stats.max_per_recipient, 1);
    let end = send();
    end.expect(0)
        .expect_lines(&[("already_sent", 14), ("refused", 2)]);
    assert_eq!(
        sandbox.mock().stats().together.accepted_requests,
        stats.accepted_requests
    );
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
}

#[test]
fn splits_lookups_and_prices_come_along() {
    if !test_postgres::is_there() {
        return;
    }
    let mock = format!(
        "[exotel]\nbad_numbers = [\"{}\"]\ncalls_per_minute = 100000\n",
        crate::support::number(5)
    );
    let sandbox = Sandbox::with_mock(&mock).of(Provider::Exotel);
    sandbox.campaign().set("limits.batch_size", 10).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.write("first.ndjson", contacts(0..10));
    let rupees = ["first.ndjson", "--set", "exotel.currency=INR"];
    sandbox.send(&rupees).run().expect(5);
    sandbox.mock().advance_clock(3600);
    let id = sandbox.mock().tickets()[0].ticket.clone();
    exotel(&sandbox, &["campaign", "show", &id]).expect(0);
    let end = exotel(&sandbox, &["calls", "--price", "--set", "exotel.currency=INR"]);
    assert_eq!(
        end.expect(0).summary()["booked"].as_array().map(Vec::len),
        Some(1),
        "{end}"
    );
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"reset","path":"campaigns","times":1}]}"#);
    let all = ["contacts.ndjson", "--set", "exotel.currency=INR"];
    sandbox.send(&all).run().expect(6);
    let database = made(&sandbox);
    copy(&sandbox, &database, &["spring"]).expect(0);
    expect_same(&sandbox, &database);
    let there = |table: &str| database.psql(&format!("SELECT count(*) > 0 FROM volley.{table}"));
    for table in [
        "lookup",
        "pricing",
        "batch WHERE parent IS NOT NULL",
        "batch WHERE named_number > 0",
    ] {
        assert_eq!(there(table), "t", "{table}");
    }
    // Ten were not sent, as a second listing says, and the operator.
    let free = [
        "doubt",
        "resolve",
        "--all-absent",
        "--absent-for",
        "0s",
        "--not-sent",
        "--recipients",
        "10",
    ];
    let other = sandbox.send(&rupees).env("VOLLEY_LEDGER", database.url()).run();
    other
        .expect(6)
        .expect_lines(&[("already_sent", 9), ("refused", 1)]);
    assert_eq!(database.psql("SELECT max(number) FROM volley.lookup"), "2");
    at(
        &sandbox,
        &database,
        &[&free[..], &["--reason", "listed"]].concat(),
    )
    .expect(0);
    let end = sandbox.send(&all).env("VOLLEY_LEDGER", database.url()).run();
    end.expect(0)
        .expect_lines(&[("accepted", 10), ("already_sent", 9), ("refused", 1)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn what_a_killed_run_left_is_settled_from_there_and_nothing_is_copied_while_it_is_sent() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let mut first = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests > 0
    });
    let database = made(&sandbox);
    let end = copy(&sandbox, &database, &[]);
    end.expect(10);
    assert!(end.stderr.contains("is held by another process"), "{end}");
    first.kill();
    drop(first);
    sandbox.mock().clear_faults();
    copy(&sandbox, &database, &[]).expect(0);
    expect_same(&sandbox, &database);
    let end = sandbox
        .send(&["contacts.ndjson"])
        .env("VOLLEY_LEDGER", database.url())
        .run();
    end.expect(0);
    let stats = sandbox.mock().stats().together;
    assert_eq!(
        (stats.distinct_recipients, stats.max_per_recipient),
        (4, 1),
        "{end}"
    );
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
}

#[test]
fn a_closed_campaign_stays_closed_and_a_lost_body_is_told() {
    if !test_postgres::is_there() {
        return;
    }
    let mock = format!("[exotel]\nbad_numbers = [\"{}\"]\n", crate::support::number(1));
    let sandbox = Sandbox::with_mock(&mock).of(Provider::Exotel);
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(5);
    let forget = ["ledger", "forget", "spring", "--reason", "over", "--yes"];
    sandbox.volley(forget).run().expect(0);
    let database = made(&sandbox);
    copy(&sandbox, &database, &[]).expect(0);
    let closed = "SELECT count(*) FROM volley.campaign WHERE closed_at IS NOT NULL";
    assert_eq!(database.psql(closed), "1");
    let named = "SELECT count(*), count(named_number) FROM volley.batch WHERE state = 'split'";
    assert_eq!(database.psql(named), "1|0");
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
    let end = sandbox
        .send(&["contacts.ndjson"])
        .env("VOLLEY_LEDGER", database.url())
        .run();
    end.expect(3);

    let sandbox = Sandbox::new();
    sandbox.prepare(2, 2);
    sandbox.faults(LOSE);
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
    std::fs::remove_file(sandbox.path("volley.db-bodies")).expect("the bodies");
    let database = made(&sandbox);
    let to = database.url();
    let end = sandbox.volley(["ledger", "copy", "--to", &to]).run();
    end.expect(0);
    assert!(
        end.stdout.contains("its request was lost") && end.stdout.contains("volley doubt resolve"),
        "{end}"
    );
    let doubts = at(&sandbox, &database, &["doubt", "list", "--json"]);
    assert!(doubts.stdout.contains(r#""body_kept":false"#), "{doubts}");
}

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

#[test]
fn what_stands_in_the_way_is_said_and_nothing_is_copied() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(2, 2);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let database = made(&sandbox);
    let empty = shared().database();
    let nowhere = format!("postgres://volley:pw@{}/volley", closed_port());
    let file = sandbox.path("other.db");
    let to = |to: &str, more: &[&str]| {
        sandbox
            .volley([&["ledger", "copy", "--to", to], more].concat())
            .run()
    };
    let url = database.url();
    for (end, code, says) in [
        (to(&url, &["summer"]), 3, "there is no campaign summer in"),
        (
            to(&empty.url(), &[]),
            3,
            "volley ledger init --ledger postgres://volley@127.0.0.1",
        ),
        (
            to(&nowhere, &[]),
            10,
            "connecting failed at postgres://volley@127.0.0.1",
        ),
        (to(file.to_str().expect("UTF-8"), &[]), 2, "into no file"),
        (to(&url, &["--ledger", "none.db"]), 3, "no ledger at"),
    ] {
        end.expect(code);
        assert!(end.stderr.contains(says), "{says}\n{end}");
        assert!(!end.stderr.contains(":pw@"), "{end}");
    }
    // The name is taken, by another campaign.
    let send = |name: &str| {
        sandbox
            .campaign()
            .set("limits.batch_size", 2)
            .set("campaign.name", name)
            .write();
        sandbox.send(&["contacts.ndjson"])
    };
    send("summer").env("VOLLEY_LEDGER", &url).run().expect(0);
    send("summer").run().expect(0);
    let before = database.psql("SELECT count(*) FROM volley.batch");
    let end = to(&url, &[]);
    end.expect(3);
    assert!(end.stderr.contains("has a campaign summer already"), "{end}");
    assert_eq!(database.psql("SELECT count(*) FROM volley.batch"), before);
    // And nothing was: the file still sends.
    send("spring").run().expect(0);
    to(&url, &["spring"]).expect(0);
    send("spring").run().expect(3);
    // The operator may take it back.
    let adopt = ["ledger", "adopt", "--reason", "the server is gone for good"];
    sandbox.volley(adopt).run().expect(0);
    send("spring")
        .run()
        .expect(0)
        .expect_lines(&[("already_sent", 2)]);
}

#[test]
fn from_one_server_to_another_once_nobody_sends() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(6, 2);
    let old = shared().database();
    at(&sandbox, &old, &["ledger", "init"]).expect(0);
    let new = made(&sandbox);
    let from = format!("{}?silence=3", old.url());
    let send = || sandbox.send(&["contacts.ndjson"]).env("VOLLEY_LEDGER", &from);
    let copy = || {
        let copy = sandbox.volley(["--json", "ledger", "copy", "spring", "--to", &new.url()]);
        copy.env("VOLLEY_LEDGER", &from).run()
    };
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let mut first = send().start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests > 0
    });
    let end = copy();
    end.expect(10);
    assert!(end.stderr.contains("of the campaign is under way"), "{end}");
    first.kill();
    sandbox.mock().clear_faults();
    wait_until("its silence", || copy().code() == 0);
    let runs = "SELECT count(*) FROM volley.run WHERE worker IS NOT NULL AND fenced_at IS NOT NULL";
    assert_eq!(new.psql(runs), "1");
    let end = send().run();
    end.expect(3);
    assert!(
        end.stderr.contains("was copied from postgres://") && !end.stderr.contains("adopt"),
        "{end}"
    );
    let end = sandbox
        .send(&["contacts.ndjson"])
        .env("VOLLEY_LEDGER", new.url())
        .run();
    end.expect(0);
    let stats = sandbox.mock().stats().together;
    assert_eq!(
        (stats.distinct_recipients, stats.max_per_recipient),
        (6, 1),
        "{end}"
    );
    assert_eq!(new.psql("SELECT place, fault FROM volley.conservation"), "");
}

#[test]
fn every_command_works_over_a_server_and_none_shows_the_password() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    let database = shared().database();
    let url = database.url();
    let over = |args: &[&str]| sandbox.volley([args, &["--ledger", &url]].concat()).run();
    let expect = |code: i32, args: &[&str]| {
        let end = over(args);
        end.expect(code);
        assert!(!end.stdout.contains(":pw@"), "{args:?}\n{end}");
        assert_eq!(
            end.stderr.matches("the password on the command line").count(),
            1,
            "{args:?}\n{end}"
        );
        assert!(!end.stderr.contains(":pw@"), "{args:?}\n{end}");
        end
    };
    let check = expect(0, &["check", "campaign.toml"]);
    assert!(check.stdout.contains("there is none yet"), "{check}");
    expect(0, &["ledger", "init"]);
    expect(3, &["ledger", "init", "--json"]);
    expect(0, &["plan", "campaign.toml", "contacts.ndjson"]);
    expect(0, &["send", "campaign.toml", "contacts.ndjson"]);
    let check = expect(0, &["check", "campaign.toml"]);
    assert!(
        check.stdout.contains("(PostgreSQL 15") && check.stdout.contains("without TLS"),
        "{check}"
    );
    let check: Value =
        serde_json::from_str(&expect(0, &["check", "campaign.toml", "--json"]).stdout).expect("JSON");
    assert_eq!(
        (&check["ledger"]["server"]["tls"], &check["ledger"]["reached"]),
        (&json!(false), &json!(4))
    );
    for what in ["tickets", "batches", "recipients", "refused"] {
        expect(0, &["export", what]);
        expect(0, &["export", what, "spring", "--format", "csv"]);
        expect(3, &["export", what, "summer"]);
    }
    for args in [
        &["suppress", "add", "+33600000077"][..],
        &["suppress", "list"],
        &["suppress", "list", "--json"],
        &["suppress", "remove", "+33600000077", "--json"],
        &["doubt", "list"],
        &["doubt", "list", "--json"],
        &["report"],
        &["report", "spring", "--json"],
        &["report", "--html", "report.html"],
    ] {
        expect(0, args);
    }
    let base_url = format!("octopush.base_url={}/v1/public", sandbox.mock().base_url());
    let octopush =
        |code: i32, args: &[&str]| expect(code, &[&["octopush"], args, &["--set", &base_url]].concat());
    let page = [
        "--text",
        "STOP at 30101",
        "--type",
        "sms_premium",
        "--purpose",
        "wholesale",
        "--sender",
        "Acme",
    ];
    octopush(
        0,
        &[&["list-campaign", "create", "--list", "my_list"][..], &page].concat(),
    );
    let report: Value = serde_json::from_str(&expect(0, &["report", "--json"]).stdout).expect("JSON");
    let ticket = report["list_campaigns"][0]["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned();
    octopush(0, &["list-campaign", "status", &ticket]);
    octopush(0, &["list-campaign", "send", &ticket]);
    octopush(5, &["list-campaign", "cancel", &ticket]);
    octopush(3, &["campaign", "cancel", "sms_nobody"]);
    octopush(0, &["balance"]);
    expect(0, &["ledger", "forget", "spring", "--reason", "over", "--yes"]);
    expect(3, &["send", "campaign.toml", "contacts.ndjson"]);
    // From the environment it is its user's alone.
    let end = at(&sandbox, &database, &["report"]);
    assert_eq!((end.code(), end.stderr.as_str()), (0, ""), "{end}");
}

#[test]
fn a_report_says_whose_each_run_is_and_what_they_are_at() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.prepare(4, 2);
    let database = shared().database();
    at(&sandbox, &database, &["ledger", "init"]).expect(0);
    let url = format!("{}?silence=3", database.url());
    let send = || sandbox.send(&["contacts.ndjson"]).env("VOLLEY_LEDGER", &url);
    send().run().expect(0);
    sandbox.write("contacts.ndjson", contacts(4..8));
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let mut second = send().start();
    wait_until("its request", || {
        sandbox.mock().stats().together.accepted_requests > 2
    });
    let pid = second.id();
    let states = || {
        let end = sandbox
            .volley(["--json", "report"])
            .env("VOLLEY_LEDGER", &url)
            .run();
        let report: Value = serde_json::from_str(&end.stdout).expect("JSON");
        let runs = report["campaigns"][0]["runs"].as_array().expect("runs").clone();
        let state = |run: &Value| run["worker_state"].as_str().expect("a state").to_owned();
        assert!(
            runs[1]["worker"]
                .as_str()
                .expect("a worker")
                .ends_with(&format!(":{pid}")),
            "{end}"
        );
        runs.iter().map(state).collect::<Vec<_>>()
    };
    let text = || sandbox.volley(["report"]).env("VOLLEY_LEDGER", &url).run().stdout;
    assert_eq!(states(), ["ended", "under_way"]);
    assert!(text().contains(": under way, "), "{}", text());
    second.kill();
    wait_until("its silence", || states() == ["ended", "silent"]);
    sandbox.mock().clear_faults();
    send().run().expect(0);
    assert_eq!(states(), ["ended", "fenced", "ended"]);
    assert!(text().contains(": killed, and found dead, "), "{}", text());
    sandbox
        .volley(["report", "--html", "page.html"])
        .env("VOLLEY_LEDGER", &url)
        .run()
        .expect(0);
    let page = sandbox.read("page.html");
    assert!(
        page.contains("killed, and found dead") && page.contains(&format!(":{pid})")),
        "{page}"
    );
    // A file has no workers.
    sandbox.mock().reset();
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    assert!(
        !sandbox
            .volley(["--json", "report"])
            .run()
            .stdout
            .contains("worker")
    );
}
