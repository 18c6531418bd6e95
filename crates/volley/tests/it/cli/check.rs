//! `volley check`: what it says of a campaign before it is sent, and that it only looks.

use serde_json::{Value, json};

use super::{assert_error_names, names};
use crate::support::{End, KEY, LOGIN, Provider, Sandbox, closed_port, contacts, for_both};

fn check(sandbox: &Sandbox) -> End {
    sandbox.with_campaign("check", &[]).run()
}

/// The line of the text that begins with this name.
#[track_caller]
fn line<'a>(end: &'a End, name: &str) -> &'a str {
    let line = end.stdout.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no line `{name}`\n{end}"))
}

#[test]
fn a_campaign_that_can_begin_is_0_and_nothing_is_sent_or_made() {
    for_both(|provider| {
        let sandbox = Sandbox::with_mock("octopush.credit = '12.34'").of(provider);
        sandbox.campaign().write();
        let end = check(&sandbox);
        end.expect(0);
        let credit = match provider {
            Provider::Octopush => json!("12.34"),
            Provider::Exotel => Value::Null,
        };
        let path = sandbox.path("volley.db").canonicalize();
        assert!(path.is_err(), "no ledger is made");
        let found = end.summary();
        for (member, expected) in [
            ("schema", json!(1)),
            ("campaign", json!("spring")),
            ("host", json!("127.0.0.1")),
            ("tls", Value::Null),
            ("http", json!("h2")),
            ("credentials", json!("accepted")),
            ("credit", credit),
        ] {
            assert_eq!(found[member], expected, "{member}\n{end}");
        }
        assert_eq!(found["ledger"]["state"], "missing", "{end}");
        let stats = sandbox.mock().stats().together;
        assert_eq!(
            (stats.requests, stats.accepted_requests),
            (1, 0),
            "one free request"
        );
        assert_eq!(names(&sandbox), ["campaign.toml"]);
    });
}

#[test]
fn people_are_told_a_line_for_each_thing() {
    let sandbox = Sandbox::with_mock("octopush.credit = '12.34'");
    sandbox.campaign().write();
    let end = sandbox.volley(["check", "campaign.toml"]).run();
    end.expect(0);
    assert!(
        line(&end, "campaign file")
            .ends_with("spring (octopush), text of 1 segment before its fields are filled in")
    );
    assert!(
        line(&end, "ledger").contains("volley.db: there is none yet"),
        "{end}"
    );
    assert!(
        line(&end, "connection").ends_with("/v1/public: cleartext on this machine, HTTP/2"),
        "{end}"
    );
    assert!(
        line(&end, "credentials").ends_with("accepted; credit left 12.34 EUR"),
        "{end}"
    );
    assert_eq!(end.stderr, "", "{end}");
}

#[test]
fn http1_is_told_apart() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("transport.http2", "never").write();
    assert_eq!(check(&sandbox).expect(0).summary()["http"], "http/1.1");
    let sandbox = Sandbox::with_mock("server.protocols = 'http1_only'");
    sandbox.campaign().write();
    assert_eq!(check(&sandbox).expect(0).summary()["http"], "http/1.1");
}

#[test]
fn refused_credentials_are_11_and_a_connection_is_told_all_the_same() {
    for_both(|provider| {
        let accounts = match provider {
            Provider::Octopush => "[octopush]\naccounts = [{ login = 'you@example.org', key = 'secret' }]",
            Provider::Exotel => "[exotel]\naccounts = [{ key = 'k', token = 'secret', sid = 'acme1' }]",
        };
        let sandbox = Sandbox::with_mock(accounts).of(provider);
        sandbox.campaign().write();
        let end = check(&sandbox);
        let found = end.expect(11).summary();
        assert_eq!(
            (&found["credentials"], &found["http"]),
            (&json!("refused"), &json!("h2")),
            "{end}"
        );
        assert_eq!(found["credit"], Value::Null);
        let told = [KEY, LOGIN].map(|secret| end.stderr.contains(secret) || end.stdout.contains(secret));
        assert_eq!(told, [false, false], "{end}");
    });
}

#[test]
fn missing_credentials_are_3_and_nobody_is_asked() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    let end = sandbox
        .with_campaign("check", &[])
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    end.expect(3);
    assert_error_names(&end, &["OCTOPUSH_API_KEY"]);
    assert_eq!(
        end.summary()["ledger"]["state"],
        "missing",
        "what can be seen is told"
    );
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn a_port_where_nobody_listens_is_8() {
    for_both(|provider| {
        let sandbox = Sandbox::without_mock().of(provider);
        let nobody = format!("http://{}", closed_port());
        sandbox.campaign().at(&nobody).write();
        let end = check(&sandbox);
        let found = end.expect(8).summary();
        assert_error_names(&end, &["cannot be reached", &nobody, "base_url"]);
        assert_eq!(
            (&found["http"], &found["credentials"]),
            (&Value::Null, &Value::Null)
        );
    });
}

#[test]
fn an_address_that_answers_something_else_is_not_well() {
    let sandbox = Sandbox::new();
    let elsewhere = format!("{}/elsewhere", sandbox.mock().base_url());
    sandbox.campaign().set("octopush.base_url", elsewhere).write();
    let end = check(&sandbox);
    end.expect(5);
    assert_error_names(&end, &["404", "base_url"]);
    assert_eq!(end.summary()["credentials"], Value::Null);

    sandbox.campaign().write();
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":302}]}"#);
    let end = check(&sandbox);
    end.expect(8);
    assert_error_names(&end, &["redirect", "base_url"]);
}

#[test]
fn an_unknown_key_is_3_before_anything_else() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_sise", 10).write();
    let end = check(&sandbox);
    end.expect(3);
    assert_error_names(&end, &["line 6", "`batch_size`?"]);
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn a_suppression_file_that_cannot_be_read_is_3() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.suppress", vec!["optouts.txt"])
        .write();
    assert_error_names(check(&sandbox).expect(3), &["optouts.txt"]);
    sandbox.write("optouts.txt", "+33612345678\nnobody\n");
    assert_error_names(check(&sandbox).expect(3), &["optouts.txt", "line 2"]);
    sandbox.write("optouts.txt", "+33612345678\n");
    check(&sandbox).expect(0);
}

#[test]
fn the_ledger_says_whom_the_campaign_reached_and_whether_it_may_go_on() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let end = check(&sandbox);
    let ledger = end.expect(0).summary()["ledger"].clone();
    assert_eq!(
        (
            &ledger["state"],
            &ledger["begun"],
            &ledger["reached"],
            &ledger["in_doubt"]
        ),
        (&json!("present"), &json!(true), &json!(5), &json!(0)),
        "{end}"
    );
    sandbox
        .campaign()
        .set("octopush.text", "Other words. STOP au 30101")
        .write();
    let end = check(&sandbox);
    end.expect(3);
    assert_error_names(&end, &["text", "--accept-changes"]);
    assert_eq!(
        end.summary()["credentials"],
        "accepted",
        "the rest is looked at all the same"
    );
    sandbox.campaign().set("campaign.name", "autumn").write();
    let end = sandbox.volley(["check", "campaign.toml"]).run();
    assert!(
        line(end.expect(0), "ledger").ends_with("this campaign was never run"),
        "{end}"
    );
}

#[test]
fn a_ledger_that_has_vanished_is_7_and_a_damaged_one_too() {
    let sandbox = Sandbox::new();
    sandbox.prepare(5, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    std::fs::remove_file(sandbox.path("volley.db")).expect("a ledger");
    let end = check(&sandbox);
    end.expect(7);
    assert_error_names(&end, &["the ledger is gone"]);
    sandbox.write("volley.db", "no ledger at all");
    check(&sandbox).expect(7);
}

#[test]
fn a_ledger_that_is_not_the_one_that_was_left_is_7_in_the_words_of_a_run() {
    type Change = fn(&Sandbox);
    let changes: [(Change, &str); 3] = [
        (
            |sandbox| std::fs::remove_file(sandbox.path("volley.db-lock")).expect("a lock file"),
            "its lock file is gone",
        ),
        (
            |sandbox| {
                let (ledger, copy) = (sandbox.path("volley.db"), sandbox.path("copy.db"));
                std::fs::copy(&ledger, &copy).expect("a ledger");
                std::fs::rename(&copy, &ledger).expect("the same folder");
            },
            "it is a copy of the ledger that was here before",
        ),
        (
            |sandbox| {
                sandbox.write("volley.db-lock", "anything");
            },
            "its lock file is garbled",
        ),
    ];
    for (change, words) in changes {
        let sandbox = Sandbox::new();
        sandbox.prepare(5, 10);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        change(&sandbox);
        let end = check(&sandbox);
        end.expect(7);
        assert_error_names(&end, &[words]);
        assert_eq!(
            (&end.summary()["ledger"]["reached"], &end.summary()["credentials"]),
            (&json!(5), &json!("accepted")),
            "the rest is looked at all the same"
        );
        let run = sandbox.send(&["contacts.ndjson"]).run();
        run.expect(7);
        assert_eq!(run.summary()["error"], end.summary()["error"], "{words}");
    }
}

#[test]
fn a_missing_ledger_is_told_even_where_a_real_provider_cannot_be_reached() {
    let sandbox = Sandbox::without_mock();
    // No loopback address to a campaign, and yet this machine, where nobody listens: no test asks over a network.
    let nobody = format!("https://0.0.0.0:{}", closed_port().port());
    sandbox.campaign().at(&nobody).write();
    let end = check(&sandbox);
    // Of the two the exit code is that of a run.
    end.expect(8);
    expect_told(
        &end,
        &["no ledger at", "volley ledger init --ledger", "cannot be reached"],
    );
    // Nor is it kept back without credentials.
    let end = sandbox
        .with_campaign("check", &[])
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    end.expect(3);
    expect_told(&end, &["no ledger at", "OCTOPUSH_API_KEY"]);
}

/// Several faults: a line each for people, and all of them in the one of the JSON.
#[track_caller]
fn expect_told(end: &End, words: &[&str]) {
    let told = end.summary()["error"].to_string();
    for word in words {
        assert!(told.contains(word) && end.stderr.contains(word), "{word}\n{end}");
    }
}

#[test]
fn a_credit_below_min_credit_and_a_date_that_has_passed_are_told_before_a_run_finds_out() {
    let sandbox = Sandbox::with_mock("octopush.credit = '5'");
    sandbox.campaign().set("limits.min_credit", "10").write();
    let end = check(&sandbox);
    end.expect(9);
    assert_error_names(&end, &["min_credit", "5"]);
    assert_eq!(end.summary()["credit"], "5");
    sandbox
        .campaign()
        .set("octopush.send_at", "2020-01-01T00:00:00Z")
        .write();
    assert_error_names(check(&sandbox).expect(3), &["send_at", "past"]);
    sandbox.write("contacts.ndjson", contacts(0..1));
    sandbox.send(&["contacts.ndjson"]).run().expect(3);
}
