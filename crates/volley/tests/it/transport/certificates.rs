//! A server whose certificate does not hold: nothing is sent, and it is said at once, with the host.

use mock_server::TlsIdentity;
use volley_model::BatchState;

use super::authority::Authority;
use super::{TLS, campaign, shows, start, text_of};
use crate::books::Books;
use crate::support::{End, Sandbox, contacts};

/// Sends to a server of that identity, trusting that authority; asserts that nothing went.
fn check(trusted: &Authority, identity: TlsIdentity) -> End {
    let sandbox = Sandbox::without_mock();
    let mock = start(TLS, identity);
    let ca = sandbox.write("ca.pem", trusted.pem());
    campaign(&sandbox, &mock)
        .set("transport.ca_file", text_of(&ca))
        .write();
    sandbox.write("contacts.ndjson", contacts(0..50));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(8).expect_lines(&[("pending", 50)]);
    let summary = end.summary();
    assert_eq!(summary["outcome"], "stopped", "{end}");
    assert_eq!(summary["requests"]["sent"], 0, "{end}");
    assert!(shows(&end, "localhost"), "the host is named\n{end}");
    assert!(shows(&end, "certificate"), "and the certificate\n{end}");
    assert_eq!(mock.stats().together.requests, 0);
    let states = Books::open(&sandbox).expect_sound().states();
    assert!(
        states.keys().all(|state| *state == BatchState::Released),
        "{states:?}"
    );
    end
}

#[test]
fn an_authority_that_is_not_known_is_not_trusted() {
    check(&Authority::new(), Authority::new().server("localhost", 4_000));
}

#[test]
fn a_certificate_for_another_host_is_not_taken() {
    let authority = Authority::new();
    check(&authority, authority.server("elsewhere.example", 4_000));
}

#[test]
fn a_certificate_that_has_expired_is_not_taken() {
    let authority = Authority::new();
    check(&authority, authority.server("localhost", 2_020));
}

#[test]
fn the_platform_s_roots_do_not_vouch_for_a_stranger() {
    let sandbox = Sandbox::without_mock();
    let mock = start(TLS, Authority::new().server("localhost", 4_000));
    campaign(&sandbox, &mock).unset("transport.ca_file").write();
    sandbox.write("contacts.ndjson", contacts(0..50));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(8).expect_lines(&[("pending", 50)]);
    assert_eq!(mock.stats().together.requests, 0);
}
