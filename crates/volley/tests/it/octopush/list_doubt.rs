//! An order to send a campaign on a list whose answer is lost: in doubt, never given again by itself, ended by "failed",
//! by code 132, or by the operator's word. (Invariants 1 and 3.)

use serde_json::{Value, json};

use super::list_campaign::{create, draft, list_campaign, reported};
use super::octopush;
use crate::support::{Sandbox, wait_until};

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
    for at in ["after_commit", "after_read"] {
        let sandbox = Sandbox::new();
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
}

#[test]
fn a_provider_that_says_sent_already_ends_the_doubt() {
    for step in ["send", "status", "cancel"] {
        let sandbox = Sandbox::with_mock("octopush.lists.status_after_send = 'bad_request_132'");
        let ticket = draft(&sandbox);
        lose_answer(&sandbox, "after_commit");
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        let end = list_campaign(&sandbox, &[step, &ticket]);
        assert!([0, 5].contains(&end.code()), "{step}\n{end}");
        assert_eq!(reported(&sandbox)["state"], "sent", "{step}");
        assert!(doubts(&sandbox).is_empty(), "{step}");
        list_campaign(&sandbox, &["send", &ticket]).expect(0);
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    }
}

#[test]
fn a_campaign_that_failed_is_no_doubt_any_more() {
    let sandbox = Sandbox::new();
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
}

#[test]
fn the_operators_word_ends_it_and_only_not_sent_lets_it_be_sent() {
    for (word, state) in [("--sent", "declared_sent"), ("--abandon", "abandoned")] {
        let sandbox = Sandbox::new();
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

    let sandbox = Sandbox::new();
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
}

#[test]
fn a_command_that_is_killed_while_it_sends_leaves_a_doubt() {
    let sandbox = Sandbox::new();
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
}

#[test]
fn what_is_proven_unsent_leaves_a_draft_that_can_be_sent() {
    let sandbox = Sandbox::new();
    let ticket = draft(&sandbox);
    for (fault, code) in [
        (r#""status":400,"code":104"#, 11),
        (r#""status":401"#, 11),
        (r#""status":400,"code":117"#, 5),
        (r#""status":400,"code":129"#, 8),
    ] {
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status",{fault},"path":"on-list/send","times":1}}]}}"#
        ));
        list_campaign(&sandbox, &["send", &ticket]).expect(code);
        assert_eq!(reported(&sandbox)["state"], "draft", "{fault}");
    }
    for status in [500, 503, 302, 418] {
        let sandbox = Sandbox::new();
        let ticket = draft(&sandbox);
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"after_read","do":"status","status":{status},"path":"on-list/send","times":1}}]}}"#
        ));
        list_campaign(&sandbox, &["send", &ticket]).expect(6);
        assert_eq!(reported(&sandbox)["state"], "in_doubt", "{status}");
    }
    list_campaign(&sandbox, &["send", &ticket]).expect(0);
    assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
}

#[test]
fn a_create_whose_answer_is_lost_leaves_a_draft_that_sends_nothing() {
    let sandbox = Sandbox::new();
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","path":"/create","times":1}]}"#);
    let end = create(&sandbox, &["--send"]);
    end.expect(8);
    assert!(end.stderr.contains("it sends nothing: make it again"), "{end}");
    assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
    create(&sandbox, &["--send"]).expect(0);
    assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
}

#[test]
fn one_that_is_cancelled_while_in_doubt_stays_in_doubt() {
    let sandbox = Sandbox::new();
    let ticket = draft(&sandbox);
    lose_answer(&sandbox, "after_read");
    list_campaign(&sandbox, &["send", &ticket]).expect(6);
    let end = list_campaign(&sandbox, &["cancel", &ticket]);
    end.expect(6);
    assert!(end.stderr.contains("is cancelled at Octopush"), "{end}");
    assert_eq!(reported(&sandbox)["state"], "in_doubt");
}

#[test]
fn of_two_commands_on_one_ledger_one_waits_outside() {
    let sandbox = Sandbox::new();
    let ticket = draft(&sandbox);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000,"path":"on-list/send"}]}"#);
    let first = octopush(&sandbox, &["list-campaign", "send", &ticket]).start();
    wait_until("the first to be sending", || {
        sandbox.mock().stats().octopush.accepted_requests == 1
    });
    list_campaign(&sandbox, &["send", &ticket]).expect(10);
    drop(first);
}
