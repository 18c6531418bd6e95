//! A campaign that changes after it has reached somebody.

use crate::support::{Kept, Sandbox, contacts, for_both_ledgers};

/// A campaign that has reached ten numbers, with five more in its input.
fn begun(kept: Kept) -> Sandbox {
    let sandbox = Sandbox::new().of(kept);
    sandbox.prepare(10, 10);
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox.append("contacts.ndjson", contacts(10..15));
    sandbox
}

/// Sets a key of what the recipient gets.
fn check_message(kept: Kept, key: &str, setting: &str) {
    let sandbox = begun(kept);
    let setting = format!("octopush.{key}={setting}");
    let refused = sandbox.send(&["contacts.ndjson", "--set", &setting]).run();
    refused.expect(3);
    let error = refused.summary()["error"].to_string();
    assert!(error.contains(key), "the message names `{key}`: {error}");
    assert_eq!(sandbox.mock().stats().together.recipients, 10, "{key}");

    let accepted = sandbox
        .send(&["contacts.ndjson", "--set", &setting, "--accept-changes"])
        .run();
    accepted
        .expect(0)
        .expect_lines(&[("accepted", 5), ("already_sent", 10)]);
    // It is recorded: the changed message is this campaign's from now on.
    sandbox
        .send(&["contacts.ndjson", "--set", &setting])
        .run()
        .expect(0)
        .expect_lines(&[("already_sent", 15)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn another_text_needs_accept_changes() {
    for_both_ledgers(|kept| check_message(kept, "text", "Another text STOP au 30101"));
}

#[test]
fn what_else_the_recipient_gets_needs_accept_changes() {
    check_message(Kept::File, "type", "sms_low_cost");
    check_message(Kept::File, "purpose", "alert");
    check_message(Kept::File, "sender", "Other");
    check_message(Kept::File, "with_replies", "true");
}

#[test]
fn what_the_recipient_does_not_get_changes_freely() {
    for_both_ledgers(|kept| {
        let sandbox = begun(kept);
        let end = sandbox
            .send(&["contacts.ndjson"])
            .args(["--set", "limits.batch_size=2", "--set", "limits.connections=1"])
            .args(["--set", "octopush.auto_optimize_text=false"])
            .args(["--set", "octopush.send_at=2099-01-01T00:00:00Z"])
            .run();
        end.expect(0)
            .expect_lines(&[("accepted", 5), ("already_sent", 10)]);
    });
}

#[test]
fn before_anybody_is_reached_everything_changes_freely() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(10, 10);
        sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":401}]}"#);
        sandbox.send(&["contacts.ndjson"]).run().expect(11);
        sandbox.mock().clear_faults();
        let end = sandbox
            .send(&["contacts.ndjson", "--set", "octopush.sender=Other"])
            .env("OCTOPUSH_API_LOGIN", "another@example.org")
            .run();
        end.expect(0).expect_lines(&[("accepted", 10)]);
    });
}

#[test]
fn the_provider_s_host_is_fixed_and_its_port_is_not() {
    for_both_ledgers(|kept| {
        let sandbox = begun(kept);
        let url = |host: &str, port: u16| format!("octopush.base_url=http://{host}:{port}/v1/public");
        let port = sandbox.mock().addr().port();
        let moved = sandbox
            .send(&[
                "contacts.ndjson",
                "--set",
                &url("localhost", port),
                "--accept-changes",
            ])
            .run();
        moved.expect(3);
        let error = moved.summary()["error"].to_string();
        assert!(
            error.contains("localhost") && error.contains("127.0.0.1"),
            "{error}"
        );
        assert_eq!(sandbox.mock().stats().together.recipients, 10);

        let other = mock_server::spawn_thread(mock_server::Config::default()).expect("a mock");
        let end = sandbox
            .send(&["contacts.ndjson", "--set", &url("127.0.0.1", other.addr().port())])
            .run();
        end.expect(0)
            .expect_lines(&[("accepted", 5), ("already_sent", 10)]);
        assert_eq!(other.stats().together.recipients, 5);
    });
}

#[test]
fn the_account_is_fixed() {
    for_both_ledgers(|kept| {
        let sandbox = begun(kept);
        let end = sandbox
            .send(&["contacts.ndjson", "--accept-changes"])
            .env("OCTOPUSH_API_LOGIN", "another@example.org")
            .run();
        end.expect(3);
        assert!(end.summary()["error"].to_string().contains("account"), "{end}");
        assert_eq!(sandbox.mock().stats().together.recipients, 10);
        // The key may be renewed.
        sandbox
            .send(&["contacts.ndjson"])
            .env("OCTOPUSH_API_KEY", "a-renewed-key")
            .run()
            .expect(0)
            .expect_lines(&[("accepted", 5), ("already_sent", 10)]);
    });
}

#[test]
fn a_send_at_in_the_past_is_refused_for_a_campaign_that_has_not_begun() {
    for_both_ledgers(|kept| {
        let past = ["--set", "octopush.send_at=2020-01-01T00:00:00Z"];
        let fresh = Sandbox::new().of(kept);
        fresh.prepare(10, 10);
        let end = fresh.send(&["contacts.ndjson"]).args(past).run();
        end.expect(3);
        assert!(end.summary()["error"].to_string().contains("send_at"), "{end}");
        assert_eq!(fresh.mock().stats().together.requests, 0);

        let begun = begun(kept);
        begun
            .send(&["contacts.ndjson"])
            .args(past)
            .run()
            .expect(0)
            .expect_lines(&[("accepted", 5), ("already_sent", 10)]);
    });
}
