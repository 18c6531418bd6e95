//! An order to send a campaign on a list whose answer is lost: in doubt, never given again by itself, ended by "failed",
//! by code 132, or by the operator's word. (Invariants 1 and 3.)

use serde_json::{Value, json};

use super::list_campaign::{create, draft, list_campaign, reported};
use super::octopush;
use crate::support::{Sandbox, for_both_ledgers, wait_until};

/// The answer to the next order is lost, after or before the provider has followed it.
fn lose_answer(sandbox: &Sandbox, at: &str) {
    sandbox.faults(&format!(
        r#"{{"rules":[{{"at":"{at}","do":"drop","path":"on-list/send","times":1}}]}}"#
    ));
}

fn doubts(sandbox: &Sandbox) -> Vec<Value> {
    let end = sandbox.volley(["--json", "doubt", "list"]).run();
    let listed: Value = serde_json::from_str(&end.stdout).expect("json");
    listed["list_campaigns"].as_array().expect("a list").clone()
}

/// The ticket of the only one in doubt.
fn in_doubt(sandbox: &Sandbox) -> String {
    doubts(sandbox)[0]["ticket"]
        .as_str()
        .expect("a ticket")
        .to_owned()
}

fn resolve(sandbox: &Sandbox, ticket: &str, word: &[&str]) -> crate::support::End {
    let args = [
        &["--json", "doubt", "resolve", ticket, "--reason", "asked them"],
        word,
    ]
    .concat();
    sandbox.volley(&args).run()
}

#[test]
fn a_lost_answer_is_a_doubt_and_the_order_is_not_given_again() {
    for_both_ledgers(|kept| {
        for at in ["after_commit", "after_read"] {
            let sandbox = Sandbox::new().of(kept);
            let ticket = draft(&sandbox);
            lose_answer(&sandbox, at);
            let told = list_campaign(&sandbox, &["send", &ticket]).expect(6).summary();
            assert_eq!(told["state"], "in_doubt", "{at}");
            let sent = u64::from(at == "after_commit");
            let requests = sandbox.mock().stats().octopush.requests;
            for _ in 0..2 {
                let end = list_campaign(&sandbox, &["send", &ticket]);
                end.expect(6);
                assert!(
                    end.stderr.contains("volley doubt resolve"),
                    "the remedy is told\n{end}"
                );
            }
            let stats = sandbox.mock().stats().octopush;
            assert_eq!(stats.accepted_requests, sent, "{at}: never given again");
            assert_eq!(
                stats.requests,
                requests + 2,
                "its status is asked for, and nothing else"
            );
            let listed = doubts(&sandbox);
            assert_eq!(listed.len(), 1);
            assert_eq!(
                (&listed[0]["ticket"], &listed[0]["contacts"]),
                (&json!(ticket), &json!(20))
            );
        }
    });
}

#[test]
fn a_provider_that_says_sent_already_ends_the_doubt() {
    for_both_ledgers(|kept| {
        for (step, code) in [("send", 0), ("status", 0), ("cancel", 5)] {
            let sandbox = Sandbox::with_mock("octopush.lists.status_after_send = 'bad_request_132'").of(kept);
            let ticket = draft(&sandbox);
            lose_answer(&sandbox, "after_commit");
            list_campaign(&sandbox, &["send", &ticket]).expect(6);
            let end = list_campaign(&sandbox, &[step, &ticket]);
            end.expect(code);
            assert_eq!(reported(&sandbox)["state"], "sent", "{step}");
            assert!(doubts(&sandbox).is_empty(), "{step}");
            list_campaign(&sandbox, &["send", &ticket]).expect(0);
            assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
        }
    });
}

#[test]
fn a_campaign_that_failed_is_no_doubt_any_more() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        lose_answer(&sandbox, "after_read");
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        sandbox.faults(
            r#"{"rules":[{"at":"after_commit","do":"garbage","status":200,"path":"/status","times":1,
            "body":"{\"status\":\"failed\",\"number_of_contacts\":0,\"cost\":0}"}]}"#,
        );
        let told = list_campaign(&sandbox, &["send", &ticket]).expect(5).summary();
        assert_eq!(told["state"], "failed");
        assert!(doubts(&sandbox).is_empty());
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
    });
}

#[test]
fn the_operators_word_ends_it_and_only_not_sent_lets_it_be_sent() {
    for_both_ledgers(|kept| {
        for (word, state) in [("--sent", "declared_sent"), ("--abandon", "abandoned")] {
            let sandbox = Sandbox::new().of(kept);
            let ticket = draft(&sandbox);
            lose_answer(&sandbox, "after_read");
            list_campaign(&sandbox, &["send", &ticket]).expect(6);
            resolve(&sandbox, &ticket, &[word]).expect(0);
            let told = list_campaign(&sandbox, &["send", &ticket]).expect(0).summary();
            assert_eq!(told["state"], state);
            assert_eq!(
                sandbox.mock().stats().octopush.accepted_requests,
                0,
                "{word}: not sent again"
            );
            resolve(&sandbox, &ticket, &["--not-sent", "--recipients", "20"]).expect(2);
            sandbox.volley(["ledger", "verify"]).run().expect(0);
        }

        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        resolve(&sandbox, &ticket, &["--sent"]).expect(2);
        lose_answer(&sandbox, "after_read");
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        resolve(&sandbox, &ticket, &["--not-sent"]).expect(2);
        resolve(&sandbox, &ticket, &["--not-sent", "--recipients", "21"]).expect(2);
        resolve(&sandbox, &ticket, &["--not-sent", "--recipients", "20"]).expect(0);
        list_campaign(&sandbox, &["send", &ticket]).expect(0);
        let stats = sandbox.mock().stats().octopush;
        assert_eq!((stats.accepted_requests, stats.max_per_recipient), (1, 1));
        resolve(&sandbox, "sms_nobody_knows", &["--sent"]).expect(2);
    });
}

#[test]
fn a_command_that_is_killed_while_it_sends_leaves_a_doubt() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"path":"on-list/send"}]}"#);
        let mut sending = octopush(&sandbox, &["list-campaign", "send", &ticket]).start();
        wait_until("the provider to have followed the order", || {
            sandbox.mock().stats().octopush.accepted_requests == 1
        });
        sending.kill();
        drop(sending);
        assert_eq!(
            reported(&sandbox)["state"],
            "sending",
            "its intent was durable before it left"
        );
        assert_eq!(doubts(&sandbox).len(), 1);
        sandbox.mock().clear_faults();
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        assert_eq!(reported(&sandbox)["state"], "in_doubt");
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    });
}

#[test]
fn what_is_proven_unsent_leaves_a_draft_that_can_be_sent() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        for (fault, code) in [
            (r#""status":400,"code":104"#, 11),
            (r#""status":401"#, 11),
            (r#""status":400,"code":117"#, 5),
            (r#""status":400,"code":129"#, 8),
            (r#""status":400,"code":130"#, 8),
            (r#""status":404"#, 5),
        ] {
            sandbox.faults(&format!(
                r#"{{"rules":[{{"at":"after_read","do":"status",{fault},"path":"on-list/send","times":1}}]}}"#
            ));
            list_campaign(&sandbox, &["send", &ticket]).expect(code);
            assert_eq!(reported(&sandbox)["state"], "draft", "{fault}");
        }
        // Five times 429 in a row: not processed, each of them; then it is put off.
        sandbox.faults(
        r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"0","path":"on-list/send","times":5}]}"#,
    );
        list_campaign(&sandbox, &["send", &ticket]).expect(8);
        assert_eq!(reported(&sandbox)["state"], "draft");
        let doubtful = [
            r#""status":500"#,
            r#""status":503"#,
            r#""status":302"#,
            r#""status":418"#,
            r#""status":200"#,
            r#""status":204"#,
            r#""status":400,"body":"no JSON""#,
            r#""status":400,"code":120"#,
            r#""status":400,"code":126"#,
            r#""status":400,"code":127"#,
            r#""status":409,"code":133"#,
        ];
        for status in kept.first(2, &doubtful) {
            let sandbox = Sandbox::new().of(kept);
            let ticket = draft(&sandbox);
            sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status",{status},"path":"on-list/send","times":1}}]}}"#
        ));
            list_campaign(&sandbox, &["send", &ticket]).expect(6);
            assert_eq!(reported(&sandbox)["state"], "in_doubt", "{status}");
        }
        list_campaign(&sandbox, &["send", &ticket]).expect(0);
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    });
}

#[test]
fn a_create_whose_answer_is_lost_leaves_a_draft_that_sends_nothing() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"/create","times":1}]}"#);
        let end = create(&sandbox, &["--send"]);
        end.expect(8);
        assert!(end.stderr.contains("it sends nothing: make it again"), "{end}");
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
        create(&sandbox, &["--send"]).expect(0);
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    });
}

#[test]
fn one_that_is_cancelled_while_in_doubt_stays_in_doubt() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        lose_answer(&sandbox, "after_read");
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        let end = list_campaign(&sandbox, &["cancel", &ticket]);
        end.expect(6);
        assert!(end.stderr.contains("at Octopush it is cancelled now"), "{end}");
        assert_eq!(reported(&sandbox)["state"], "in_doubt");
    });
}

#[test]
fn of_two_commands_on_one_ledger_one_waits_outside() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"path":"on-list/send"}]}"#);
        let first = octopush(&sandbox, &["list-campaign", "send", &ticket]).start();
        wait_until("the first to be sending", || {
            sandbox.mock().stats().octopush.accepted_requests == 1
        });
        list_campaign(&sandbox, &["send", &ticket]).expect(10);
        list_campaign(&sandbox, &["cancel", &ticket]).expect(10);
        resolve(&sandbox, &ticket, &["--sent"]).expect(10);
        assert_eq!(reported(&sandbox)["state"], "sending");
        drop(first);
    });
}

#[test]
fn a_status_says_that_it_is_in_doubt_here_whatever_the_provider_calls_it() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        lose_answer(&sandbox, "after_read");
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        let end = list_campaign(&sandbox, &["status", &ticket]);
        let told = end.expect(6).summary();
        assert_eq!(
            (&told["state"], &told["status"]),
            (&json!("in_doubt"), &json!("ready_to_be_send"))
        );
        assert!(end.stderr.contains("Octopush calls it \"ready\" now"), "{end}");
    });
}

#[test]
fn the_same_message_to_the_same_audience_is_not_made_anew_while_it_is_in_doubt() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"on-list/send","times":1}]}"#);
        create(&sandbox, &["--send"]).expect(6);
        let end = create(&sandbox, &["--send"]);
        end.expect(6);
        assert!(
            end.stderr.contains("the same message to the same audience"),
            "{end}"
        );
        let stats = sandbox.mock().stats().octopush;
        assert_eq!((stats.accepted_requests, stats.max_per_recipient), (1, 1));
        // Another message is another matter, and so is the same one once the doubt is settled.
        let other = [
            "create",
            "--list",
            "my_list",
            "--type",
            "sms_low_cost",
            "--purpose",
            "alert",
            "--sender",
            "Other",
            "--text",
            "x",
        ];
        list_campaign(&sandbox, &other).expect(0);
        let ticket = in_doubt(&sandbox);
        resolve(&sandbox, &ticket, &["--sent"]).expect(0);
        create(&sandbox, &[]).expect(0);
    });
}

#[test]
fn the_first_signal_waits_for_the_answer_to_an_order() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":1500,"path":"on-list/send"}]}"#);
        let sending = octopush(&sandbox, &["list-campaign", "send", &ticket]).start();
        wait_until("the provider to have followed the order", || {
            sandbox.mock().stats().octopush.accepted_requests == 1
        });
        sending.signal(rustix::process::Signal::TERM);
        sending.wait().expect(0);
        assert_eq!(reported(&sandbox)["state"], "sent");
    });
}

#[test]
fn the_second_signal_gives_the_answer_up_and_leaves_a_doubt_that_is_written_down() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"path":"on-list/send"}]}"#);
        let mut sending = octopush(&sandbox, &["list-campaign", "send", &ticket]).start();
        wait_until("the provider to have followed the order", || {
            sandbox.mock().stats().octopush.accepted_requests == 1
        });
        // Signals of one kind that come close together are one: sent until they have been taken for two.
        wait_until("it to end", || {
            if !sending.has_ended() {
                sending.signal(rustix::process::Signal::INT);
            }
            sending.has_ended()
        });
        sending.wait().expect(6);
        assert_eq!(reported(&sandbox)["state"], "in_doubt");
    });
}
