//! `volley check` over TLS: which versions were agreed on, and a certificate that does not hold.

use serde_json::{Value, json};

use super::authority::Authority;
use super::{TLS, Way, campaign, start};
use crate::support::{End, Sandbox, contacts};

/// Checks a campaign over TLS that trusts that authority.
fn check(trusted: &Authority, server: &Authority, http2: &'static str) -> End {
    let sandbox = Sandbox::without_mock();
    let mock = start(Way { http2, ..TLS }, server.server("localhost", 4_000));
    sandbox.write("ca.pem", trusted.pem());
    campaign(&sandbox, &mock).set("transport.http2", http2).write();
    sandbox.with_campaign("check", &[]).run()
}

#[test]
fn the_versions_are_told() {
    let authority = Authority::new();
    for (http2, http) in [("auto", "h2"), ("never", "http/1.1")] {
        let end = check(&authority, &authority, http2);
        let found = end.expect(0).summary();
        assert_eq!(
            (&found["tls"], &found["http"]),
            (&json!("1.3"), &json!(http)),
            "{end}"
        );
        assert_eq!(found["credentials"], "accepted");
    }
}

/// The mock by an address that is no loopback to a campaign, and yet this machine: a real provider, as far as it knows.
#[test]
fn a_real_provider_and_no_ledger_off_a_terminal_is_3_in_the_words_of_a_run() {
    let sandbox = Sandbox::without_mock();
    let authority = Authority::new();
    let mock = start(TLS, authority.server("0.0.0.0", 4_000));
    sandbox.write("ca.pem", authority.pem());
    let base_url = format!("{}/v1/public", mock.base_url().replace("127.0.0.1", "0.0.0.0"));
    campaign(&sandbox, &mock)
        .set("octopush.base_url", base_url)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..1));
    let end = sandbox.with_campaign("check", &[]).run();
    let found = end.expect(3).summary();
    assert_eq!(
        (&found["ledger"]["state"], &found["credentials"]),
        (&json!("missing"), &json!("accepted")),
        "the rest is looked at all the same\n{end}"
    );
    let run = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(run.expect(3).summary()["error"], found["error"], "{run}");
    sandbox.volley(["ledger", "init"]).run().expect(0);
    sandbox.with_campaign("check", &[]).run().expect(0);
}

#[test]
fn a_certificate_that_does_not_hold_is_8_with_what_to_look_at() {
    let end = check(&Authority::new(), &Authority::new(), "auto");
    let found = end.expect(8).summary();
    assert_eq!(
        (&found["tls"], &found["credentials"]),
        (&Value::Null, &Value::Null),
        "{end}"
    );
    for part in ["localhost", "certificate", "ca_file"] {
        assert!(end.stderr.contains(part), "{part}\n{end}");
    }
}
