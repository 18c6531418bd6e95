//! `volley exotel …` against the mock: looks, changes, actions, deletion, and what calls cost.

use rust_decimal::Decimal;
use serde_json::Value;
use volley_model::BatchState;

use super::{campaigns, expect_all_agree};
use crate::books::Books;
use crate::support::{End, Kept, Sandbox, contacts, decimal, for_both_ledgers, wait_until};

/// Calls everybody within seconds of the mock's clock.
const FAST: &str = "[exotel]\ncalls_per_minute = 100000\n";

/// `volley --json exotel ARGS` on the sandbox's account.
pub(crate) fn exotel(sandbox: &Sandbox, args: &[&str]) -> End {
    sandbox
        .volley(["--json", "exotel"].iter().chain(args))
        .args(["--set", "exotel.account_sid=acme1", "--set"])
        .arg(format!("exotel.base_url={}", sandbox.mock().base_url()))
        .run()
}

/// After a run of one batch of ten, with these settings of the campaign.
fn sent(kept: Kept, mock: &str, schedule: Option<&str>) -> (Sandbox, String) {
    let sandbox = Sandbox::with_mock(mock).of(kept);
    let mut campaign = sandbox.voice_campaign().set("limits.unit_price", "0.50");
    if let Some(send_at) = schedule {
        let schedule: toml::Table = format!("send_at = \"{send_at}\"").parse().expect("toml");
        campaign = campaign.set("exotel.schedule", schedule);
    }
    campaign.write();
    sandbox.write("contacts.ndjson", contacts(0..10));
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    let id = sandbox.mock().tickets()[0].ticket.clone();
    (sandbox, id)
}

/// In two hours.
#[expect(clippy::disallowed_methods, reason = "the mock's clock goes by the real one")]
pub(super) fn later() -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    then.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

pub(super) fn status(sandbox: &Sandbox, id: &str) -> String {
    let end = exotel(sandbox, &["campaign", "show", id]);
    end.expect(0);
    let summary = end.summary();
    let campaign = &summary["response"][0]["data"];
    campaign["status"].as_str().expect("a status").to_owned()
}

#[test]
fn a_campaign_is_shown_listed_paused_and_gone_on_with() {
    let (sandbox, id) = sent(Kept::File, "", None);
    assert_eq!(status(&sandbox, &id), "InProgress");
    for (action, then) in [
        ("pause", "Paused"),
        ("resume", "InProgress"),
        ("pause", "Paused"),
        ("complete", "Completed"),
        ("archive", "Archived"),
    ] {
        exotel(&sandbox, &["campaign", action, &id]).expect(0);
        assert_eq!(status(&sandbox, &id), then, "{action}");
    }
    let end = exotel(&sandbox, &["campaign", "resume", &id]);
    end.expect(5);
    assert!(
        end.stderr.contains("it is for campaigns that are Paused"),
        "{end}"
    );
    let end = exotel(&sandbox, &["campaign", "list", "--limit", "10"]);
    end.expect(0);
    assert_eq!(end.summary()["campaigns"][0]["id"], id.as_str());
    let end = exotel(&sandbox, &["campaign", "show", "nothing"]);
    end.expect(5);
}

#[test]
fn every_parameter_changes_before_send_at_and_only_the_callbacks_after() {
    let (sandbox, id) = sent(Kept::File, "", Some(&later()));
    sandbox.write(
        "change.toml",
        "caller_id = \"08012345679\"\nurl = \"http://my.exotel.com/acme1/exoml/start_voice/4343\"\n\
         type = \"trans\"\ncall_duplicate_numbers = false\ncustom_field = \"spring\"\n\
         status_callback = \"http://127.0.0.1:9/a\"\ncall_status_callback = \"http://127.0.0.1:9/b\"\n\
         call_schedule_callback = \"http://127.0.0.1:9/c\"\n\
         [retries]\nnumber_of_retries = 2\ninterval_mins = 5\nmechanism = \"Linear\"\non_status = [\"busy\", \"no-answer\"]\n",
    );
    let end = exotel(&sandbox, &["campaign", "update", &id, "--file", "change.toml"]);
    end.expect(0);
    assert_eq!(
        end.summary()["changed"].as_array().map(Vec::len),
        Some(12),
        "{end}"
    );

    sandbox.mock().advance_clock(3 * 3600);
    let end = exotel(
        &sandbox,
        &["campaign", "update", &id, "--set", "caller_id=08012345670"],
    );
    end.expect(5);
    assert!(
        end.stderr.contains("once its send_at has passed") && end.stderr.contains("caller_id"),
        "{end}"
    );
    exotel(
        &sandbox,
        &[
            "campaign",
            "update",
            &id,
            "--set",
            "status_callback=http://127.0.0.1:9/d",
        ],
    )
    .expect(0);
}

#[test]
fn what_cannot_be_a_change_is_refused_before_anything_is_asked() {
    let (sandbox, id) = sent(Kept::File, "", Some(&later()));
    let before = sandbox.mock().stats().exotel.by_status.clone();
    for (setting, told) in [
        ("retries.number_of_retries=4", "0 to 3"),
        ("retries.number_of_retries=2", "interval_mins"),
        ("schedule.send_at=tomorrow", "no date and time"),
        ("type=promo", "trans"),
        ("lists=a,b,c,d,e,f", "1 to 5"),
        ("from=0612345678", "+919812345678"),
        ("caler_id=08012345678", "did you mean `caller_id`?"),
        ("status_callback=nowhere", "whole URL"),
    ] {
        let end = exotel(&sandbox, &["campaign", "update", &id, "--set", setting]);
        end.expect(3);
        assert!(end.stderr.contains(told), "{setting}\n{end}");
    }
    exotel(&sandbox, &["campaign", "update", &id]).expect(3);
    let asked = &sandbox.mock().stats().exotel.by_status;
    assert_eq!(*asked, before);
    // Past the ledger nobody is called, whatever the ledger at hand knows: the name tells whose it is.
    std::fs::remove_file(sandbox.path("volley.db")).expect("a ledger");
    for setting in ["from=+919812345678", "lists=l1", "name=another name"] {
        let end = exotel(&sandbox, &["campaign", "update", &id, "--set", setting]);
        end.expect(3);
        assert!(end.stderr.contains("Volley sent it"), "{setting}\n{end}");
    }
    let changed = exotel(&sandbox, &["campaign", "show", &id]);
    assert!(changed.stdout.contains("volley-"), "{changed}");
}

#[test]
fn a_deleted_campaign_frees_its_numbers_once_and_one_that_has_begun_does_not() {
    for_both_ledgers(|kept| {
        let (sandbox, id) = sent(kept, "", Some(&later()));
        let end = exotel(&sandbox, &["campaign", "delete", &id]);
        end.expect(0);
        assert_eq!(end.summary()["freed_recipients"], 10);
        assert_eq!(Books::open(&sandbox).batches(BatchState::Withdrawn), 1);
        exotel(&sandbox, &["campaign", "delete", &id]).expect(0);
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("accepted", 10)]);
        expect_all_agree(&sandbox, &end);

        let (sandbox, id) = sent(kept, "", None);
        let end = exotel(&sandbox, &["campaign", "delete", &id]);
        end.expect(5);
        assert!(end.stderr.contains("campaigns that have not started"), "{end}");
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(0).expect_lines(&[("already_sent", 10)]);
        assert_eq!(campaigns(&sandbox), 1);
    });
}

#[test]
fn while_a_twin_calls_the_same_numbers_none_become_free() {
    for_both_ledgers(|kept| {
        // Its own answer is the second of two campaigns, of which the listing shows none yet.
        let (sandbox, twin) = sent(
            kept,
            "[exotel]\ntwin_every = 1\nlisting_lag_ms = 60000\n",
            Some(&later()),
        );
        let id = sandbox.mock().tickets()[1].ticket.clone();
        let end = exotel(&sandbox, &["campaign", "delete", &id]);
        end.expect(8);
        assert!(end.stderr.contains("the listing does not show it yet"), "{end}");
        sandbox.mock().advance_clock(61);
        let end = exotel(&sandbox, &["campaign", "delete", &id]);
        end.expect(6);
        assert!(end.stderr.contains("is for the same people"), "{end}");
        exotel(&sandbox, &["campaign", "delete", "--not-in-ledger", &twin]).expect(0);
        exotel(&sandbox, &["campaign", "delete", &id]).expect(0);
        assert_eq!(Books::open(&sandbox).batches(BatchState::Withdrawn), 1);
    });
}

#[test]
fn prices_are_booked_once_all_calls_have_one() {
    for_both_ledgers(|kept| {
        let (sandbox, id) = sent(kept, FAST, None);
        let end = exotel(&sandbox, &["campaign", "calls", &id]);
        end.expect(0);
        assert_eq!(
            end.summary()["calls"],
            Value::Array(Vec::new()),
            "none before the first\n{end}"
        );
        let end = exotel(&sandbox, &["calls", "--price"]);
        end.expect(2);
        assert!(end.stderr.contains("exotel.currency"), "{end}");
        let price = || exotel(&sandbox, &["calls", "--price", "--set", "exotel.currency=INR"]);
        let end = price();
        end.expect(0);
        assert_eq!(end.summary()["unpriced_batches"], 1, "{end}");

        sandbox.mock().advance_clock(3600);
        assert_eq!(status(&sandbox, &id), "Completed");
        let end = exotel(&sandbox, &["campaign", "calls", &id]);
        let made = end.summary()["calls"].as_array().expect("calls").len();
        assert!(made >= 10, "{end}");
        let end = price();
        end.expect(0);
        // What the mock charges for a call, however often somebody was dialled.
        let cost = Decimal::new(40, 2) * Decimal::from(made);
        let summary = end.summary();
        assert_eq!(decimal(&summary["total"]), cost, "{end}");
        assert_eq!(summary["booked"][0]["currency"], "INR");
        // From now on the provider's price is the ledger's.
        Books::open(&sandbox)
            .expect_sound()
            .expect_tickets_of(sandbox.mock());
        let end = price();
        end.expect(0);
        assert_eq!(
            end.summary()["booked"],
            Value::Array(Vec::new()),
            "once and for good\n{end}"
        );
    });
}

#[test]
fn the_currency_of_a_campaign_does_not_change() {
    for_both_ledgers(|kept| {
        let (sandbox, _) = sent(kept, "", None);
        let in_rupees = ["contacts.ndjson", "--set", "exotel.currency=INR"];
        sandbox.append("contacts.ndjson", contacts(10..20));
        sandbox.send(&in_rupees).run().expect(0);
        sandbox.append("contacts.ndjson", contacts(20..30));
        let end = sandbox
            .send(&["contacts.ndjson", "--set", "exotel.currency=USD"])
            .run();
        end.expect(3);
        assert!(end.stderr.contains("counts in INR already"), "{end}");
        let end = sandbox.send(&in_rupees).run();
        end.expect(0)
            .expect_lines(&[("accepted", 10), ("already_sent", 20)]);
    });
}

/// What is deleted beside a run would be deleted for good, and its numbers not be free.
#[test]
fn nothing_is_deleted_beside_a_run_of_its_campaign() {
    for_both_ledgers(|kept| {
        let (sandbox, id) = sent(kept, "", Some(&later()));
        sandbox.append("contacts.ndjson", contacts(10..20));
        sandbox.faults(
            r#"{"rules":[{"at":"before_read","do":"delay","ms":60000,"path":"campaigns","method":"POST"}]}"#,
        );
        let requests = sandbox.mock().stats().exotel.requests;
        let run = sandbox.send(&["contacts.ndjson"]).start();
        wait_until("the run to be sending", || {
            sandbox.mock().stats().exotel.requests > requests
        });
        exotel(&sandbox, &["campaign", "delete", &id]).expect(10);
        assert_eq!(status(&sandbox, &id), "Created");
        drop(run);
    });
}
