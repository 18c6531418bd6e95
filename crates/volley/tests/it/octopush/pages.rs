//! The `curl` of each page, as it stands there to be copied and pasted, against the mock; host and credentials replaced.

use std::process::Command;

use serde_json::{Value, json};

use crate::skip::Need;
use crate::support::{KEY, LOGIN, Sandbox};

/// "Modify configuration", with the braces and e-mail addresses that the page has lost.
const MODIFY_CONFIGURATION: &str = r#"curl -X PATCH \
'https://api.octopush.com/v1/public/user/campaign-parameters/edit' \
-H 'Content-Type: application/json' \
-H 'api-key: ************' \
-H 'api-login: ******@email.org' \
-H 'cache-control: no-cache' \
-d '{
  "sms_campaign_alert_parameters": {
    "alert_type": "sms_low_cost",
    "alert_bound": 150,
    "alert_email_to": "me@email.org",
    "alert_phone_number_to": "+336971433333"
  },
  "campaign_parameters": {
    "sender_for_sms_premium": "12345",
    "sender_for_vocal_sms": "12345",
    "phone_number_for_test_sms": "+3356478465456"
  },
  "callbacks": {
    "callback_url_for_inbounds": "https://mywebhook.dns/webhook-1",
    "callback_url_for_sms_deliveries": "https://mywebhook.dns/webhook-2",
    "callback_url_for_blacklisted_numbers": "https://mywebhook.dns/webhook-3",
    "callback_url_for_vocal_sms_deliveries": "https://mywebhook.dns/webhook-4",
    "email_for_inbounds": "me@email.org"
  }
}'"#;

/// "Schedule SMS sending".
const SCHEDULE: &str = r#"curl -X POST 'https://api.octopush.com/v1/public/sms-campaign/send' -H 'Content-Type: application/json' -H 'api-login: ******@email.org' -H 'api-key: ************' -H 'cache-control: no-cache' -d '{"recipients": [{"phone_number": "+ 442038828112", "param1": "Alex"}], "text": "This is a Premium SMS with stop mention. STOP at XXXXX", "type": "sms_premium", "purpose": "wholesale", "sender": "Company X", "send_at": "2025-07-29T11:00:39-07:00"}'"#;

/// "Send SMS to contacts (on-list/on-tag)".
const ON_LIST: &str = r#"curl -X POST 'https://api.octopush.com/v1/public/sms-campaign-on-list/create' -H 'Content-Type: application/json' -H 'api-login: ******@email.org' -H 'api-key: ************' -H 'cache-control: no-cache' -d '{"list_name": "my_list", "text": "This is a Premium SMS with STOP. STOP at 30101", "type": "sms_premium", "purpose": "wholesale", "sender": "Company X"}'"#;

/// "Transactional SMS".
const TRANSACTIONAL: &str = r#"curl -X POST \
'https://api.octopush.com/v1/public/sms-campaign/send' \
-H 'Content-Type: application/json' \
-H 'api-key: ************' \
-H 'api-login: ******@email.org' \
-H 'cache-control: no-cache' \
-d '{
  "recipients": [{"phone_number": "+336000123"}],
  "text": "This is a Premium SMS with STOP mention. STOP to 30101",
  "type": "sms_premium",
  "purpose": "alert",
  "sender": "Company X"
}'"#;

/// Runs a page's command in a shell; gives the status and the body.
#[track_caller]
fn curl(sandbox: &Sandbox, command: &str) -> (u16, Value) {
    let command = command
        .replace("https://api.octopush.com", &sandbox.mock().base_url())
        .replace("******@email.org", LOGIN)
        .replace("************", KEY);
    let output = Command::new("sh")
        .args([
            "-c",
            &format!("{command} -sS --noproxy '*' -w '\\n%{{http_code}}'"),
        ])
        .output()
        .expect("a shell");
    let text = String::from_utf8(output.stdout).expect("text");
    let (body, status) = text.rsplit_once('\n').expect("a body and a status");
    let body = match body {
        "" => Value::Null,
        body => serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")),
    };
    (status.parse().expect("a status"), body)
}

/// The names of an object's members, sorted.
fn members(body: &Value) -> Vec<&str> {
    let members = body.as_object().expect("an object").keys();
    members.map(String::as_str).collect()
}

/// What the pages show for a text that lacks the mention.
fn stop_is_missing() -> (u16, Value) {
    (400, json!({"code": 121, "message": "Mention STOP is missing."}))
}

#[test]
fn modify_configuration_is_answered_with_200() {
    let sandbox = Sandbox::new();
    if !Need::Curl.is_met() {
        return;
    }
    assert_eq!(curl(&sandbox, MODIFY_CONFIGURATION), (200, Value::Null));
    let shown = super::octopush(&sandbox, &["parameters", "show"]).run();
    let told = shown.expect(0).summary();
    assert_eq!(told["sms_campaign_alert_parameters"]["alert_bound"], 150);
    assert_eq!(
        told["callbacks"]["callback_url_for_vocal_sms_deliveries"],
        "https://mywebhook.dns/webhook-4"
    );
}

#[test]
fn a_scheduled_sending_is_answered_with_three_fields_and_without_a_mention_with_121() {
    let sandbox = Sandbox::with_mock("octopush.answer_fields = 'three'");
    if !Need::Curl.is_met() {
        return;
    }
    let (status, body) = curl(&sandbox, SCHEDULE);
    assert_eq!(status, 201, "{body}");
    assert_eq!(members(&body), ["number_of_contacts", "sms_ticket", "total_cost"]);
    assert_eq!(body["number_of_contacts"], 1);
    assert_eq!(sandbox.mock().recipients()[0].number, "+442038828112");
    let without = SCHEDULE.replace(" STOP at XXXXX", "").replace("+ 44", "+ 33");
    assert_eq!(curl(&sandbox, &without), stop_is_missing());
}

#[test]
fn a_campaign_on_a_list_is_answered_with_its_ticket_and_without_a_mention_with_121() {
    let sandbox = Sandbox::new();
    if !Need::Curl.is_met() {
        return;
    }
    let on_tag = ON_LIST
        .replace("on-list", "on-tag")
        .replace("list_name", "tag_name");
    for command in [ON_LIST, &on_tag] {
        let (status, body) = curl(&sandbox, command);
        assert_eq!((status, members(&body)), (201, vec!["ticket_number"]), "{body}");
        let without = command.replace(" STOP at 30101", "");
        assert_eq!(curl(&sandbox, &without), stop_is_missing());
    }
    assert_eq!(
        sandbox.mock().stats().octopush.accepted_requests,
        0,
        "drafts send nothing"
    );
}

#[test]
fn a_transactional_sms_is_answered_with_five_fields_and_needs_no_mention() {
    let sandbox = Sandbox::with_mock("octopush.credit = '100'");
    if !Need::Curl.is_met() {
        return;
    }
    let (status, body) = curl(&sandbox, TRANSACTIONAL);
    assert_eq!(status, 201, "{body}");
    assert_eq!(
        members(&body),
        [
            "number_of_contacts",
            "number_of_sms_needed",
            "residual_credit",
            "sms_ticket",
            "total_cost"
        ]
    );
    assert_eq!(
        (&body["number_of_contacts"], &body["number_of_sms_needed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        body["residual_credit"], 99.955,
        "to three decimals, as the page shows it"
    );
    let without = TRANSACTIONAL.replace(" STOP to 30101", "");
    assert_eq!(curl(&sandbox, &without).0, 201);
    let marketing = without.replace("alert", "wholesale");
    assert_eq!(curl(&sandbox, &marketing), stop_is_missing());
}
