//! `volley octopush campaign cancel`: a confirmed cancellation before `send_at` frees the numbers, and nothing else does.

use serde_json::{Value, json};

use super::octopush;
use crate::support::{End, Kept, Sandbox, contacts, decimal, for_both_ledgers, wait_until};

/// A campaign of batches of two that is to go out in the far future, sent.
fn scheduled(kept: Kept, recipients: u32) -> Sandbox {
    let sandbox = Sandbox::new().of(kept);
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("octopush.send_at", "2099-12-01T09:00:00+01:00")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..recipients));
    sandbox.send(&["contacts.ndjson"]).run().expect(0);
    sandbox
}

fn cancel(sandbox: &Sandbox, ticket: &str) -> End {
    octopush(sandbox, &["campaign", "cancel", ticket]).run()
}

fn ticket(sandbox: &Sandbox) -> String {
    sandbox.mock().tickets()[0].ticket.clone()
}

fn report(sandbox: &Sandbox) -> Value {
    let end = sandbox.volley(["--json", "report"]).run();
    let report: Value = serde_json::from_str(&end.stdout).expect("json");
    report["campaigns"][0].clone()
}

#[test]
fn a_confirmed_cancellation_frees_the_numbers_of_its_batch_alone() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 4);
        let end = cancel(&sandbox, &ticket(&sandbox));
        assert_eq!(end.expect(0).summary()["freed_recipients"], 2);
        assert_eq!(sandbox.mock().stats().octopush.recipients, 2);
        let totals = report(&sandbox)["states"].clone();
        let count = |state: &str| {
            let found = totals
                .as_array()
                .expect("states")
                .iter()
                .find(|row| row["state"] == state);
            found.map_or(json!(0), |row| row["recipients"].clone())
        };
        assert_eq!((count("withdrawn"), count("accepted")), (json!(2), json!(2)));
        sandbox.volley(["ledger", "verify"]).run().expect(0);

        let again = sandbox.send(&["contacts.ndjson"]).run();
        again
            .expect(0)
            .expect_lines(&[("accepted", 2), ("already_sent", 2)]);
        let stats = sandbox.mock().stats().octopush;
        assert_eq!((stats.distinct_recipients, stats.max_per_recipient), (4, 1));
        // What was charged stays booked: no page says that it comes back.
        assert_eq!(decimal(&report(&sandbox)["cost"]["total"]), stats.total_cost);
    });
}

#[test]
fn what_the_provider_does_not_confirm_frees_nobody() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox
            .campaign()
            .set("octopush.send_at", "2099-12-01T09:00:00+01:00")
            .write();
        sandbox.write("contacts.ndjson", contacts(0..3));
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        let end = cancel(&sandbox, &ticket(&sandbox));
        end.expect(5);
        assert!(
            end.stderr.contains("fewer than 3 recipients"),
            "its limits are explained\n{end}"
        );
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("already_sent", 3)]);
        cancel(&sandbox, "sms_nobody_knows").expect(3);
        octopush(&sandbox, &["campaign", "cancel", " "]).run().expect(2);
    });
}

#[test]
fn a_lost_confirmation_frees_nobody_and_says_so() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 2);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"/cancel","times":1}]}"#);
        let end = cancel(&sandbox, &ticket(&sandbox));
        end.expect(8);
        assert!(end.stderr.contains("it counts as sent"), "{end}");
        // It was cancelled, and the provider does not know it any more: still no proof for us.
        cancel(&sandbox, &ticket(&sandbox)).expect(5);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("already_sent", 2)]);
    });
}

#[test]
fn a_campaign_that_was_not_scheduled_frees_nobody_whatever_is_answered() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.prepare(2, 2);
        sandbox.send(&["contacts.ndjson"]).run().expect(0);
        let ticket = ticket(&sandbox);
        cancel(&sandbox, &ticket).expect(5);
        sandbox.faults(
            r#"{"rules":[{"at":"after_read","do":"status","status":204,"path":"/cancel","times":1}]}"#,
        );
        let end = cancel(&sandbox, &ticket);
        assert_eq!(end.expect(0).summary()["freed_recipients"], 0);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("already_sent", 2)]);
    });
}

#[test]
fn a_ledger_that_does_not_know_the_ticket_or_is_not_there_asks_nothing_of_the_provider() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 2);
        let ticket = ticket(&sandbox);
        let cancel = |more: &[&str]| octopush(&sandbox, &[&["campaign", "cancel", &ticket], more].concat());
        let other = Sandbox::without_mock().of(kept).without_ledger();
        let elsewhere = || cancel(&[]).arg("--ledger").arg(other.ledger()).run();
        elsewhere().expect(3);
        assert!(!other.has_ledger());
        other.volley(["ledger", "init"]).run().expect(0);
        let end = elsewhere();
        end.expect(3);
        assert!(end.stderr.contains("--not-in-ledger"), "{end}");
        assert_eq!(sandbox.mock().stats().octopush.cancelled_requests, 0);
        let end = cancel(&["--not-in-ledger"]).run();
        assert_eq!(end.expect(0).summary()["freed_recipients"], 0);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("already_sent", 2)]);
    });
}

#[test]
fn only_204_confirms_and_frees() {
    for_both_ledgers(|kept| {
        let unconfirmed = [(200, r#"{\"code\":131}"#), (200, ""), (202, ""), (201, "<html>")];
        for (status, body) in kept.first(1, &unconfirmed) {
            let sandbox = scheduled(kept, 2);
            sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status","status":{status},"path":"/cancel","body":"{body}"}}]}}"#
        ));
            let end = cancel(&sandbox, &ticket(&sandbox));
            end.expect(8);
            assert!(
                end.stderr.contains("does not confirm it"),
                "{status} {body}\n{end}"
            );
            let again = sandbox.send(&["contacts.ndjson"]).run();
            again.expect(0).expect_lines(&[("already_sent", 2)]);
            assert_eq!(sandbox.mock().stats().octopush.max_per_recipient, 1);
        }
    });
}

#[test]
fn a_ticket_of_another_host_is_not_asked_about() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 2);
        let other = format!(
            "octopush.base_url=http://localhost:{}/v1/public",
            sandbox.mock().addr().port()
        );
        let ticket = ticket(&sandbox);
        let args = [
            "--json", "octopush", "campaign", "cancel", &ticket, "--set", &other,
        ];
        let end = sandbox.volley(args).run();
        end.expect(3);
        assert!(
            end.stderr.contains("from 127.0.0.1, and localhost is asked"),
            "{end}"
        );
        assert_eq!(sandbox.mock().stats().octopush.cancelled_requests, 0);
    });
}

#[test]
fn the_operators_word_stands_in_for_a_lost_confirmation() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 2);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"/cancel","times":1}]}"#);
        let end = cancel(&sandbox, &ticket(&sandbox));
        end.expect(8);
        assert!(
            end.stderr
                .contains("volley doubt resolve 1 --withdrawn --recipients 2"),
            "{end}"
        );
        let word = |more: &[&str]| {
            let args = [
                "--json",
                "doubt",
                "resolve",
                "1",
                "--withdrawn",
                "--reason",
                "support says so",
            ];
            sandbox.volley([&args[..], more].concat()).run()
        };
        word(&[]).expect(2);
        word(&["--recipients", "3"]).expect(2);
        word(&["--recipients", "2"]).expect(0);
        word(&["--recipients", "2"]).expect(2);
        let end = cancel(&sandbox, &ticket(&sandbox));
        end.expect(0);
        let again = sandbox.send(&["contacts.ndjson"]).run();
        again.expect(0).expect_lines(&[("accepted", 2)]);
        assert_eq!(sandbox.mock().stats().octopush.max_per_recipient, 1);
        sandbox.volley(["ledger", "verify"]).run().expect(0);
    });
}

#[test]
fn nobody_cancels_beside_a_run_that_holds_the_ledger() {
    for_both_ledgers(|kept| {
        let sandbox = scheduled(kept, 2);
        sandbox.append("contacts.ndjson", contacts(10..12));
        sandbox.faults(r#"{"rules":[{"at":"before_read","do":"delay","ms":60000,"path":"campaign/send"}]}"#);
        let requests = sandbox.mock().stats().octopush.requests;
        let run = sandbox.send(&["contacts.ndjson"]).start();
        wait_until("the run to be sending", || {
            sandbox.mock().stats().octopush.requests > requests
        });
        let end = cancel(&sandbox, &ticket(&sandbox));
        end.expect(10);
        assert_eq!(sandbox.mock().stats().octopush.cancelled_requests, 0);
        drop(run);
    });
}
