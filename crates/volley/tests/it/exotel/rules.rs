//! What is sent, what is told before, and what is refused before anything is sent.

use crate::support::{Sandbox, contacts, for_both_ledgers};

use super::{campaigns, expect_all_agree};

#[test]
fn full_batches_are_sent_once_and_a_further_run_sends_nothing() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .voice_campaign()
            .set("limits.unit_price", "0.40")
            .set("exotel.currency", "INR")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..12_000));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 12_000)]);
        expect_all_agree(&sandbox, &end);
        let summary = end.summary();
        assert_eq!(summary["provider"], "exotel");
        assert_eq!(summary["tickets"], 3);
        // What a call costs is known once it was made: until then the batches have no price.
        assert_eq!(summary["cost"]["unpriced_batches"], 3);
        assert_eq!(summary["cost"]["estimated"], "4800.00");
        assert_eq!(summary["cost"]["currency"], "INR");
        assert_eq!(sandbox.mock().stats().exotel.max_recipients_per_request, 5000);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("already_sent", 12_000)]);
        assert_eq!(campaigns(&sandbox), 3);
    });
}

#[test]
fn retries_are_reserved_for_and_a_budget_holds() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let retries: toml::Table = "number_of_retries = 3\ninterval_mins = 5".parse().expect("toml");
        sandbox
            .voice_campaign()
            .set("exotel.retries", retries)
            .set("limits.batch_size", 10)
            .set("limits.unit_price", "0.5")
            .set("limits.max_cost", "59.99")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..50));
        let end = sandbox.send(&["contacts.ndjson"]).run();
        // Ten people, four calls each, half a rupee a call: two batches are 40, a third would make 60.
        end.expect(9).expect_lines(&[("accepted", 20), ("pending", 30)]);
        expect_all_agree(&sandbox, &end);
    });
}

#[test]
fn the_plan_says_how_long_a_million_calls_take() {
    let sandbox = Sandbox::new();
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..1_000_000));
    let end = sandbox.volley(["plan", "campaign.toml", "contacts.ndjson"]).run();
    end.expect(0);
    assert!(end.stdout.contains("1,000,000 calls in 200 batches"), "{end}");
    assert!(end.stdout.contains("1,000,000 calls, 11.6 days"), "{end}");
}

#[test]
fn a_rehearsal_needs_no_account() {
    let sandbox = Sandbox::new();
    sandbox.voice_campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..100));
    let end = sandbox
        .with_campaign("rehearse", &["contacts.ndjson"])
        .env_remove("EXOTEL_API_KEY")
        .env_remove("EXOTEL_API_TOKEN")
        .run();
    end.expect(0).expect_lines(&[("accepted", 100)]);
    assert_eq!(campaigns(&sandbox), 0, "the sandbox's own mock hears nothing");
}

#[test]
fn what_the_page_forbids_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("contacts.ndjson", contacts(0..3));
    for (setting, told) in [
        ("exotel.retries={number_of_retries=4, interval_mins=5}", "0 to 3"),
        ("exotel.retries={number_of_retries=2}", "interval_mins is missing"),
        (
            "exotel.retries={number_of_retries=2, interval_mins=5, mechanism=\"Cubic\"}",
            "Linear or Exponential",
        ),
        (
            "exotel.retries={number_of_retries=2, interval_mins=5, on_status=[\"asleep\"]}",
            "busy, no-answer, failed",
        ),
        (
            "exotel.schedule={send_at=\"2099-12-01T09:00:00+05:30\", end_at=\"2099-12-01T08:00:00+05:30\"}",
            "is not after send_at",
        ),
        (
            "exotel.schedule={send_at=\"tomorrow\"}",
            "no date and time with offset",
        ),
        ("exotel.caller_id=Acme", "no ExoPhone"),
        ("exotel.url=example.org", "whole URL"),
        ("exotel.account_sid=a/b", "account_sid"),
        ("exotel.currency=rupees", "three capital letters"),
        ("exotel.kind=promo", "unknown key"),
        ("limits.batch_size=5001", "at most 5000"),
        ("limits.min_credit=10", "tell no credit"),
    ] {
        sandbox.voice_campaign().write();
        let end = sandbox.send(&["contacts.ndjson", "--set", setting]).run();
        end.expect(3);
        assert!(end.stderr.contains(told), "{setting}\n{end}");
    }
    assert_eq!(sandbox.mock().stats().exotel.requests, 0);
}

#[test]
fn a_file_has_the_section_of_its_provider_and_no_other() {
    let sandbox = Sandbox::new();
    sandbox.write("contacts.ndjson", contacts(0..3));
    for (provider, told) in [
        ("exotel", "takes no section [octopush]"),
        ("octopush", "takes no section [exotel]"),
        ("twilio", "none of \"octopush\", \"exotel\""),
    ] {
        sandbox
            .voice_campaign()
            .set("campaign.provider", provider)
            .set("octopush.text", "Hello")
            .set("octopush.type", "sms_premium")
            .set("octopush.purpose", "alert")
            .set("octopush.sender", "Acme")
            .write();
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(3);
        assert!(end.stderr.contains(told), "{provider}\n{end}");
    }
}

#[test]
fn the_message_may_not_change_once_somebody_was_called() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.voice_campaign().write();
        sandbox.write("contacts.ndjson", contacts(0..10));
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        sandbox.append("contacts.ndjson", contacts(10..20));
        let other = "exotel.url=http://my.exotel.com/acme1/exoml/start_voice/4343";
        let end = sandbox.send(&["contacts.ndjson", "--set", other]).run();
        end.expect(3);
        assert!(end.stderr.contains("url"), "{end}");
        let end = sandbox
            .send(&["contacts.ndjson", "--set", other, "--accept-changes"])
            .run();
        end.expect(0)
            .expect_lines(&[("accepted", 10), ("already_sent", 10)]);
        expect_all_agree(&sandbox, &end);
    });
}
