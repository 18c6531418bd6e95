//! `volley check` over TLS: which versions were agreed on, and a certificate that does not hold.

use serde_json::{Value, json};

use super::authority::Authority;
use super::{TLS, Way, campaign, start};
use crate::support::{End, Sandbox};

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
