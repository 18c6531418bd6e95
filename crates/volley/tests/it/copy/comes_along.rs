//! What comes along besides: splits, listings, prices, that a campaign is closed, and that a body is lost.

use super::same::expect_same;
use super::{LOSE, at, copy, expect_conserved, made, send_at};
use crate::exotel::exotel;
use crate::support::{Provider, Sandbox, contacts, number};

#[test]
fn splits_lookups_and_prices_come_along() {
    if !test_postgres::is_there() {
        return;
    }
    let mock = format!(
        "[exotel]\nbad_numbers = [\"{}\"]\ncalls_per_minute = 100000\n",
        number(5)
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
    let other = send_at(&sandbox, &database, &rupees);
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
    let end = send_at(&sandbox, &database, &all);
    end.expect(0)
        .expect_lines(&[("accepted", 10), ("already_sent", 9), ("refused", 1)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn a_closed_campaign_stays_closed() {
    if !test_postgres::is_there() {
        return;
    }
    let mock = format!("[exotel]\nbad_numbers = [\"{}\"]\n", number(1));
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
    expect_conserved(&database);
    let end = send_at(&sandbox, &database, &["contacts.ndjson"]);
    end.expect(3);
}

#[test]
fn a_lost_body_is_told() {
    if !test_postgres::is_there() {
        return;
    }
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
