//! `volley octopush list-campaign`: the four steps of a campaign on a list or tag, in every spelling of the pages.

use serde_json::{Value, json};

use super::octopush;
use crate::support::{End, Sandbox, decimal, for_both_ledgers};

/// The page's example.
const PAGE: [&str; 8] = [
    "--text",
    "This is a Premium SMS with STOP. STOP at 30101",
    "--type",
    "sms_premium",
    "--purpose",
    "wholesale",
    "--sender",
    "Company X",
];

pub(super) fn list_campaign(sandbox: &Sandbox, args: &[&str]) -> End {
    octopush(sandbox, &[&["list-campaign"], args].concat()).run()
}

pub(super) fn create(sandbox: &Sandbox, args: &[&str]) -> End {
    list_campaign(
        sandbox,
        &[&["create", "--list", "my_list"], &PAGE[..], args].concat(),
    )
}

/// Makes a draft and gives its ticket.
#[track_caller]
pub(crate) fn draft(sandbox: &Sandbox) -> String {
    let told = create(sandbox, &[]).expect(0).summary();
    told["ticket_number"].as_str().expect("a ticket").to_owned()
}

/// The only campaign that the report has.
#[track_caller]
pub(super) fn reported(sandbox: &Sandbox) -> Value {
    let end = sandbox.volley(["--json", "report"]).run();
    assert_eq!(end.code(), 0, "{end}");
    let report: Value = serde_json::from_str(&end.stdout).expect("json");
    let campaigns = report["list_campaigns"].as_array().expect("campaigns");
    assert_eq!(campaigns.len(), 1, "{end}");
    campaigns[0].clone()
}

#[test]
fn a_draft_is_made_looked_at_and_sent_once_and_its_cost_is_in_the_ledger() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        assert_eq!(
            sandbox.mock().stats().octopush.accepted_requests,
            0,
            "a draft sends nothing"
        );
        assert_eq!(reported(&sandbox)["state"], "draft");
        let end = list_campaign(&sandbox, &["status", &ticket]);
        let told = end.expect(0).summary();
        assert_eq!(
            (&told["status"], &told["state"]),
            (&json!("ready_to_be_send"), &json!("ready"))
        );
        assert_eq!(
            (&told["number_of_contacts"], &told["cost"]),
            (&json!(20), &json!(0.902_473_4))
        );

        let told = list_campaign(&sandbox, &["send", &ticket]).expect(0).summary();
        assert_eq!(told["state"], "sent");
        assert!(told["sending_date"].is_string(), "{told}");
        let told = list_campaign(&sandbox, &["send", &ticket]).expect(0).summary();
        assert_eq!(told["state"], "sent", "a second order is none");
        let stats = sandbox.mock().stats().octopush;
        assert_eq!((stats.accepted_requests, stats.max_per_recipient), (1, 1));
        let campaign = reported(&sandbox);
        assert_eq!(decimal(&campaign["cost"]), stats.total_cost, "exact");
        assert_eq!(
            (
                &campaign["state"],
                &campaign["contacts"],
                &campaign["audience"]["name"]
            ),
            (&json!("sent"), &json!(20), &json!("my_list"))
        );
        sandbox.volley(["ledger", "verify"]).run().expect(0);
    });
}

#[test]
fn create_wait_send_walks_the_whole_way_in_every_spelling() {
    for computing in ["bad_request", "under_computation", "calculating"] {
        for ready in ["ready_to_be_send", "ready_to_be_sent", "ready to send"] {
            let sandbox = Sandbox::with_mock(&format!(
                "octopush.lists = {{ computing_ms = 300, computing_answer = '{computing}', ready_spelling = '{ready}' }}"
            ));
            let end = create(&sandbox, &["--wait", "--send", "--max-cost", "1"]);
            let told = end.expect(0).summary();
            assert_eq!(told["state"], "sent", "{computing} {ready}\n{end}");
            assert!(end.stderr.contains("made the draft"), "{end}");
            let stats = sandbox.mock().stats().octopush;
            assert_eq!(
                (stats.accepted_requests, stats.recipients),
                (1, 20),
                "{computing} {ready}"
            );
            assert!(stats.requests >= 4, "it was asked for while it was computing");
        }
    }
}

#[test]
fn a_draft_that_is_not_ready_or_failed_is_not_sent() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::with_mock(
            "octopush.lists.computing_ms = 3600000\n[octopush.audiences]\nfails = ['bad_list']",
        )
        .of(kept);
        let ticket = draft(&sandbox);
        let status = list_campaign(&sandbox, &["status", &ticket]);
        assert_eq!(status.expect(0).summary()["state"], "computing");
        list_campaign(&sandbox, &["send", &ticket]).expect(8);
        let end = list_campaign(&sandbox, &["send", &ticket, "--wait", "--wait-max", "1s"]);
        end.expect(8);
        assert!(end.stderr.contains("still counts its contacts"), "{end}");
        sandbox.mock().advance_clock(3600);
        list_campaign(&sandbox, &["send", &ticket]).expect(0);

        let made = list_campaign(&sandbox, &[&["create", "--list", "bad_list"], &PAGE[..]].concat());
        let failing = made.expect(0).summary()["ticket"]
            .as_str()
            .expect("a ticket")
            .to_owned();
        sandbox.mock().advance_clock(3600);
        let end = list_campaign(&sandbox, &["status", &failing, "--wait"]);
        assert_eq!(end.expect(5).summary()["state"], "failed");
        let end = list_campaign(&sandbox, &["send", &failing]);
        assert_eq!(end.expect(5).summary()["state"], "failed");
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    });
}

#[test]
fn a_limit_on_the_cost_holds_before_the_order() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        let end = list_campaign(&sandbox, &["send", &ticket, "--max-cost", "0.90"]);
        end.expect(9);
        assert!(end.stderr.contains("costs 0.9024734"), "{end}");
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 0);
        list_campaign(&sandbox, &["send", &ticket, "--max-cost", "0.9024734"]).expect(0);
    });
}

#[test]
fn tags_voice_and_a_file_are_taken_and_a_flag_wins() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        sandbox.write(
        "sale.toml",
        "list = 'customers'\ntext = 'Closed today'\ntype = 'sms_vocal'\npurpose = 'alert'\nsender = '12345'\n",
    );
        let told = list_campaign(
            &sandbox,
            &["create", "--file", "sale.toml", "--tag", "vip", "--send"],
        )
        .expect(0)
        .summary();
        assert_eq!(told["state"], "sent");
        let campaign = reported(&sandbox);
        assert_eq!(campaign["audience"], json!({"kind": "tag", "name": "vip"}));
        let kind = sandbox.rows("SELECT value FROM list_campaign_part WHERE key = 'type'");
        assert_eq!(kind, ["sms_vocal"]);
    });
}

#[test]
fn what_cannot_be_meant_and_what_the_provider_refuses_makes_no_draft() {
    let sandbox = Sandbox::new();
    let check = |args: &[&str], code: i32, part: &str| {
        let end = list_campaign(&sandbox, &[&["create"], args].concat());
        end.expect(code);
        assert!(end.stderr.contains(part), "{part}\n{end}");
    };
    check(&PAGE, 2, "--list");
    check(&["--list", "a", "--tag", "b"], 2, "cannot be used with");
    check(&[&["--list", "a"], &PAGE[..6]].concat(), 2, "without --sender");
    check(
        &[&["--list", "a", "--send-at", "2026-12-01T09:00:00"], &PAGE[..]].concat(),
        3,
        "with offset",
    );
    check(
        &[
            &["--list", "a", "--send-at", "2020-12-01T09:00:00+01:00"],
            &PAGE[..],
        ]
        .concat(),
        3,
        "in the past",
    );
    check(&["--list", "a", "--file", "nowhere.toml"], 3, "nowhere.toml");
    sandbox.write("typo.toml", "list = 'a'\nsendr = 'Acme'\n");
    check(&["--file", "typo.toml"], 3, "line 2: unknown key `sendr`");
    assert_eq!(sandbox.mock().stats().octopush.requests, 0);

    let without = [
        "--list",
        "a",
        "--text",
        "Hello",
        "--type",
        "sms_premium",
        "--purpose",
        "wholesale",
        "--sender",
        "Acme",
    ];
    let end = list_campaign(&sandbox, &[&["create"], &without[..]].concat());
    let told = end.expect(5).summary();
    assert_eq!(
        (&told["code"], &told["message"]),
        (&json!(121), &json!("Mention STOP is missing."))
    );
    assert!(
        end.stderr
            .contains("warning: premium marketing to French numbers needs a STOP mention"),
        "{end}"
    );
}

#[test]
fn a_draft_is_cancelled_and_is_then_neither_known_nor_sent() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        let end = list_campaign(&sandbox, &["cancel", &ticket]);
        assert_eq!(end.expect(0).summary()["state"], "cancelled");
        assert_eq!(reported(&sandbox)["state"], "cancelled");
        let told = list_campaign(&sandbox, &["send", &ticket]).expect(5).summary();
        assert_eq!(told["state"], "cancelled");
        let told = list_campaign(&sandbox, &["status", &ticket]).expect(5).summary();
        assert_eq!(told["code"], 131);
        // What the ledger knows as cancelled is not asked about again.
        let requests = sandbox.mock().stats().octopush.requests;
        list_campaign(&sandbox, &["cancel", &ticket]).expect(0);
        let stats = sandbox.mock().stats().octopush;
        assert_eq!((stats.accepted_requests, stats.requests), (0, requests));
    });
}

#[test]
fn a_sent_campaign_is_cancelled_only_before_its_date() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let told = create(&sandbox, &["--send-at", "2099-12-01T09:00:00+01:00", "--send"])
            .expect(0)
            .summary();
        assert_eq!(told["sending_date"], "2099-12-01T09:00:00+01:00");
        let ticket = told["ticket"].as_str().expect("a ticket").to_owned();
        list_campaign(&sandbox, &["cancel", &ticket]).expect(0);
        assert_eq!(reported(&sandbox)["state"], "cancelled");
        assert_eq!(
            sandbox.mock().stats().octopush.recipients,
            0,
            "nobody will be reached"
        );
        let now = draft(&sandbox);
        list_campaign(&sandbox, &["send", &now]).expect(0);
        let told = list_campaign(&sandbox, &["cancel", &now]).expect(5).summary();
        assert_eq!(told["code"], 132);
    });
}

#[test]
fn a_ticket_that_was_made_elsewhere_can_be_sent_and_is_in_the_ledger_then() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        let other = Sandbox::without_mock().of(kept).without_ledger();
        let elsewhere = |args: &[&str]| {
            octopush(&sandbox, &[&["list-campaign"], args].concat())
                .arg("--ledger")
                .arg(other.ledger())
                .run()
        };
        elsewhere(&["status", &ticket]).expect(0);
        assert!(!other.has_ledger(), "looking makes no ledger");
        elsewhere(&["send", &ticket]).expect(0);
        let end = list_campaign(&sandbox, &["send", &ticket]);
        // This ledger finds out by the status that the provider knows it as sent.
        assert!(end.stderr.contains("\"sent\""), "{end}");
        assert_eq!(sandbox.mock().stats().octopush.accepted_requests, 1);
    });
}

#[test]
fn off_a_terminal_a_missing_ledger_of_a_real_provider_is_3_before_anything_leaves() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept).without_ledger();
        let real = "octopush.base_url=https://provider.invalid/v1/public";
        let args = [
            &[
                "--json",
                "octopush",
                "list-campaign",
                "create",
                "--list",
                "a",
                "--set",
                real,
            ],
            &PAGE[..],
        ]
        .concat();
        let end = sandbox.volley(&args).run();
        end.expect(3);
        assert!(end.stderr.contains("volley ledger init"), "{end}");
    });
}

#[test]
fn a_ticket_that_nobody_knows_leaves_no_trace_and_one_of_another_host_is_not_asked_about() {
    for_both_ledgers(|kept| {
        let sandbox = Sandbox::new().of(kept);
        let ticket = draft(&sandbox);
        list_campaign(&sandbox, &["send", "sms_typo"]).expect(5);
        sandbox.faults(
            r#"{"rules":[{"at":"after_read","do":"status","status":400,"body":"{}","path":"/status"}]}"#,
        );
        list_campaign(&sandbox, &["send", "sms_typo"]).expect(8);
        sandbox.mock().clear_faults();
        assert_eq!(reported(&sandbox)["ticket"], ticket, "the only one in the ledger");

        let requests = sandbox.mock().stats().octopush.requests;
        let other = format!(
            "octopush.base_url=http://localhost:{}/v1/public",
            sandbox.mock().addr().port()
        );
        for step in ["status", "send", "cancel"] {
            let args = [
                "--json",
                "octopush",
                "list-campaign",
                step,
                &ticket,
                "--set",
                &other,
            ];
            let end = sandbox.volley(args).run();
            end.expect(3);
            assert!(end.stderr.contains("localhost is asked"), "{step}\n{end}");
        }
        assert_eq!(sandbox.mock().stats().octopush.requests, requests);
    });
}

#[test]
fn what_makes_the_text_dear_is_told_when_the_draft_is_made() {
    let sandbox = Sandbox::new();
    let text = [
        "--list",
        "a",
        "--type",
        "sms_premium",
        "--purpose",
        "alert",
        "--sender",
        "Acme",
        "--text",
    ];
    let end = list_campaign(
        &sandbox,
        &[&["create"], &text[..], &["It\u{2019}s today"]].concat(),
    );
    end.expect(0);
    assert!(end.stderr.contains("U+2019"), "{end}");
    assert!(end.stderr.contains("alert: non-commercial"), "{end}");
    list_campaign(
        &sandbox,
        &[&["create", "--max-cost", "1"], &text[..], &["x"]].concat(),
    )
    .expect(2);
}

#[test]
fn what_the_provider_calls_by_our_names_is_left_out_of_our_line() {
    let sandbox = Sandbox::new();
    let ticket = draft(&sandbox);
    sandbox.faults(
        r#"{"rules":[{"at":"after_commit","do":"garbage","status":200,"path":"/status",
            "body":"{\"status\":\"ready to send\",\"exit_code\":9,\"schema\":7,\"ticket\":\"x\",\"extra\":1}"}]}"#,
    );
    let end = list_campaign(&sandbox, &["status", &ticket]);
    assert_eq!(end.stdout.matches("exit_code").count(), 1, "{end}");
    let told = end.expect(0).summary();
    assert_eq!(
        (&told["schema"], &told["ticket"], &told["extra"]),
        (&json!(1), &json!(ticket), &json!(1))
    );
}
