//! `volley octopush parameters`: all three groups and every field of "Modify configuration", checked before they are sent.

use serde_json::{Value, json};

use super::octopush;
use crate::support::{End, Sandbox};

/// The page's example as a file.
const PAGE: &str = r#"
[sms_campaign_alert_parameters]
alert_type = "sms_low_cost"
alert_bound = 150
alert_email_to = "me@email.org"
alert_phone_number_to = "+336971433333"
[campaign_parameters]
sender_for_sms_premium = "12345"
sender_for_vocal_sms = "12345"
phone_number_for_test_sms = "+3356478465456"
[callbacks]
callback_url_for_inbounds = "https://mywebhook.dns/webhook-1"
callback_url_for_sms_deliveries = "https://mywebhook.dns/webhook-2"
callback_url_for_blacklisted_numbers = "https://mywebhook.dns/webhook-3"
callback_url_for_vocal_sms_deliveries = "https://mywebhook.dns/webhook-4"
email_for_inbounds = "me@email.org"
"#;

fn edit(sandbox: &Sandbox, args: &[&str]) -> End {
    octopush(sandbox, &[&["parameters", "edit"], args].concat()).run()
}

/// What the account's configuration says now.
#[track_caller]
fn shown(sandbox: &Sandbox, group: &str, field: &str) -> Value {
    let end = octopush(sandbox, &["parameters", "show"]).run();
    end.expect(0).summary()[group][field].clone()
}

#[test]
fn the_pages_example_is_sent_and_its_impossible_numbers_are_warned_of() {
    let sandbox = Sandbox::new();
    sandbox.write("params.toml", PAGE);
    let end = edit(&sandbox, &["--file", "params.toml"]);
    let told = end.expect(0).summary();
    assert_eq!(told["changed"].as_array().expect("fields").len(), 12);
    let warnings = told["warnings"].as_array().expect("warnings");
    assert_eq!(warnings.len(), 2, "{end}");
    assert!(
        end.stderr
            .contains("phone_number_for_test_sms is not a possible number"),
        "{end}"
    );
    for (group, field, value) in [
        ("sms_campaign_alert_parameters", "alert_bound", json!(150)),
        (
            "sms_campaign_alert_parameters",
            "alert_phone_number_to",
            json!("+336971433333"),
        ),
        ("campaign_parameters", "sender_for_vocal_sms", json!("12345")),
        (
            "callbacks",
            "callback_url_for_sms_deliveries",
            json!("https://mywebhook.dns/webhook-2"),
        ),
        ("callbacks", "email_for_inbounds", json!("me@email.org")),
    ] {
        assert_eq!(shown(&sandbox, group, field), value, "{group}.{field}");
    }
}

#[test]
fn only_the_given_fields_change_and_a_setting_wins_over_the_file() {
    let sandbox = Sandbox::new();
    sandbox.write("params.toml", PAGE);
    edit(&sandbox, &["--file", "params.toml"]).expect(0);
    let end = edit(
        &sandbox,
        &["--set", "campaign_parameters.sender_for_sms_premium=Acme"],
    );
    assert_eq!(
        end.expect(0).summary()["changed"],
        json!(["campaign_parameters.sender_for_sms_premium"])
    );
    assert_eq!(
        shown(&sandbox, "campaign_parameters", "sender_for_sms_premium"),
        "Acme"
    );
    assert_eq!(
        shown(&sandbox, "campaign_parameters", "sender_for_vocal_sms"),
        "12345"
    );
    let both = [
        "--file",
        "params.toml",
        "--set",
        "sms_campaign_alert_parameters.alert_bound=7",
    ];
    edit(&sandbox, &both).expect(0);
    assert_eq!(shown(&sandbox, "sms_campaign_alert_parameters", "alert_bound"), 7);
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    let check = |setting: &str, code: i32, part: &str| {
        let end = edit(&sandbox, &["--set", setting]);
        end.expect(code);
        assert!(end.stderr.contains(part), "{part}\n{end}");
    };
    check(
        "campaign_parameters.sender_for_sms_premium=Company X",
        3,
        "letters and digits",
    );
    check(
        "campaign_parameters.sender_for_vocal_sms=Acme",
        3,
        "3 to 11 digits",
    );
    check(
        "sms_campaign_alert_parameters.alert_bound=many",
        3,
        "whole number",
    );
    check("sms_campaign_alert_parameters.alert_email_to=me", 3, "e-mail");
    check("callbacks.callback_url_for_inbounds=mywebhook.dns", 3, "URL");
    check(
        "campaign_parameters.phone_number_for_test_sms=0612345678",
        3,
        "number such as",
    );
    check(
        "callbacks.email_for_inbound=a@b.org",
        3,
        "did you mean `email_for_inbounds`?",
    );
    check(
        "callback.email_for_inbounds=a@b.org",
        3,
        "did you mean `callbacks`?",
    );
    check("email_for_inbounds", 3, "expected group.field=value");
    let end = edit(
        &sandbox,
        &[
            "--set",
            "campaign_parameters.phone_number_for_test_sms=0612345678",
        ],
    );
    assert!(
        !format!("{end}").contains("0612345678"),
        "no number in an error\n{end}"
    );
    let params = sandbox.write("params.toml", "[callbacks]\nemail_for_inbounds = true\n");
    let end = edit(&sandbox, &["--file", params.to_str().expect("a path")]);
    end.expect(3);
    assert!(
        end.stderr.contains("params.toml: callbacks.email_for_inbounds: "),
        "{end}"
    );
    edit(&sandbox, &[]).expect(2);
    assert_eq!(sandbox.mock().stats().octopush.requests, 0);
}

#[test]
fn a_refusal_carries_the_providers_code_and_an_answer_that_is_lost_may_be_asked_for_again() {
    let sandbox = Sandbox::new();
    let setting = "campaign_parameters.sender_for_sms_premium=Acme";
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":106,"times":1}]}"#);
    let told = edit(&sandbox, &["--set", setting]).expect(5).summary();
    assert_eq!((&told["code"], &told["http_status"]), (&json!(106), &json!(400)));
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"drop","times":1}]}"#);
    let end = edit(&sandbox, &["--set", setting]);
    end.expect(8);
    assert!(end.stderr.contains("run it again to see"), "{end}");
    edit(&sandbox, &["--set", setting]).expect(0);
    assert_eq!(
        shown(&sandbox, "campaign_parameters", "sender_for_sms_premium"),
        "Acme"
    );
}

#[test]
fn what_a_terminal_would_obey_is_shown_escaped() {
    let sandbox = Sandbox::new();
    sandbox.faults(
        r#"{"rules":[{"at":"after_commit","do":"garbage","status":200,
            "body":"{\"callbacks\":{\"email_for_inbounds\":\"a\u009b31m\u007f\u202eb\"}}"}]}"#,
    );
    let base_url = format!("octopush.base_url={}/v1/public", sandbox.mock().base_url());
    let end = sandbox
        .volley(["octopush", "parameters", "show", "--set", &base_url])
        .run();
    end.expect(0);
    assert!(end.stdout.contains(r"a\u009b31m\u007f\u202eb"), "{end}");
}
