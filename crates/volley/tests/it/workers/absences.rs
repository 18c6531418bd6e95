//! Listings that lacked a batch in doubt: several workers ask for them, and what lies between two of them is told by one clock.

use crate::support::{Provider, Sandbox, contacts};

/// The answer is lost, and the listing lags.
const LOST: &str = r#"{"rules":[{"at":"after_commit","do":"reset","path":"campaigns","request":1}]}"#;

#[test]
fn absences_are_by_the_server_s_clock_whatever_the_workers_clocks_say() {
    if !test_postgres::is_there() {
        return;
    }
    let database = test_postgres::shared().database();
    let sandbox = Sandbox::with_mock("[exotel]\nlisting_lag_ms = 60000\n").of(Provider::Exotel);
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", "1s")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.faults(LOST);
    let url = database.url();
    let volley = |args: &[&str]| sandbox.volley(args.iter().chain(&["--ledger", &url])).run();
    volley(&["ledger", "init"]).expect(0);
    // Its clock is three hours ahead of ours.
    database.psql(
        "CREATE OR REPLACE FUNCTION volley.server_time() RETURNS bigint LANGUAGE sql VOLATILE \
         RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + 10800000000",
    );
    for listings in 1..=2 {
        let end = volley(&["--json", "send", "campaign.toml", "contacts.ndjson"]);
        end.expect(6);
        assert_eq!(end.lines("in_doubt"), 10, "{end}");
        let found = database.psql(
            "SELECT count(*), count(*) FILTER (WHERE abs(at - volley.server_time()) < 60000000) FROM volley.lookup",
        );
        assert_eq!(found, format!("{listings}|{listings}"), "{end}");
    }
    // What runs hold their own clocks against has no other clock's time in it.
    assert_eq!(
        database.psql(
            "SELECT count(*) FROM volley.run WHERE last_at > (extract(epoch FROM now()) + 3600) * 1000000"
        ),
        "0"
    );
    let word = [
        "--json",
        "doubt",
        "resolve",
        "--all-absent",
        "--not-sent",
        "--reason",
        "both lack it",
        "--recipients",
        "10",
    ];
    let wait = ["--absent-for", "1h"];
    let early = volley(&[&word[..], &wait[..]].concat());
    assert_eq!(early.summary()["recipients"], 0, "it was seconds\n{early}");
    let late = volley(&[&word[..], &["--absent-for", "0s"]].concat());
    assert_eq!(late.summary()["recipients"], 10, "{late}");
}
