//! An account's parameters, as "Modify configuration" and "retrieve configuration" show them.

use http::{Method, Request};
use mock_server::{Config, Running};
use serde_json::{Value, json};

use crate::client::{Answer, BOTH, Client, Protocol, mock, mock_with};

const EDIT: &str = "/v1/public/user/campaign-parameters/edit";
const SHOW: &str = "/v1/public/user/campaign-parameters";

/// The example of the page "Modify configuration", with its missing braces and its e-mail addresses.
const EXAMPLE: &str = r#"{
  "sms_campaign_alert_parameters": {
    "alert_type": "sms_low_cost",
    "alert_bound": 150,
    "alert_email_to": "alerts@example.org",
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
    "email_for_inbounds": "inbounds@example.org"
  }
}"#;

async fn edit(mock: &Running, body: &str) -> Answer {
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    client.ask(Method::PATCH, EDIT, body).await.expect("an answer")
}

async fn shown(mock: &Running) -> Value {
    let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
    let answer = client.ask(Method::GET, SHOW, "").await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.json()
}

#[tokio::test]
async fn the_pages_example_is_taken_and_shown_again_over_both_protocols() {
    for protocol in BOTH {
        let mock = mock(Config::default()).await;
        let mut client = Client::connect(mock.addr(), protocol).await;
        let answer = client.ask(Method::PATCH, EDIT, EXAMPLE).await.expect("an answer");
        assert_eq!((answer.status, answer.text()), (200, ""));
        let example: Value = serde_json::from_str(EXAMPLE).expect("json");
        assert_eq!(shown(&mock).await, example);
    }
}

#[tokio::test]
async fn parameters_never_set_are_null() {
    let mock = mock(Config::default()).await;
    let expected = json!({
        "sms_campaign_alert_parameters": {
            "alert_type": null, "alert_bound": null, "alert_email_to": null, "alert_phone_number_to": null,
        },
        "campaign_parameters": {
            "sender_for_sms_premium": null, "sender_for_vocal_sms": null, "phone_number_for_test_sms": null,
        },
        "callbacks": {
            "callback_url_for_sms_deliveries": null, "callback_url_for_blacklisted_numbers": null,
            "callback_url_for_vocal_sms_deliveries": null, "callback_url_for_inbounds": null,
            "email_for_inbounds": null,
        },
    });
    assert_eq!(shown(&mock).await, expected);
    assert_eq!(edit(&mock, "{}").await.status, 200);
    assert_eq!(shown(&mock).await, expected);
}

#[tokio::test]
async fn an_edit_changes_what_it_gives_and_nothing_else() {
    let mock = mock(Config::default()).await;
    assert_eq!(edit(&mock, EXAMPLE).await.status, 200);
    let change = r#"{"sms_campaign_alert_parameters":{"alert_bound":"75","alert_type":null},
        "callbacks":[{"email_for_inbounds":"other@example.org"}]}"#;
    assert_eq!(edit(&mock, change).await.status, 200);
    let mut expected: Value = serde_json::from_str(EXAMPLE).expect("json");
    expected["sms_campaign_alert_parameters"]["alert_bound"] = 75.into();
    expected["callbacks"]["email_for_inbounds"] = "other@example.org".into();
    assert_eq!(shown(&mock).await, expected);
    mock.reset();
    assert!(shown(&mock).await["callbacks"]["email_for_inbounds"].is_null());
}

#[tokio::test]
async fn one_bad_value_refuses_the_whole_edit() {
    let mock = mock(Config::default()).await;
    let before = shown(&mock).await;
    let check = async |from: &str, to: &str, code: u64| {
        let body = EXAMPLE.replacen(from, to, 1);
        assert_ne!(body, EXAMPLE, "{from}");
        let answer = edit(&mock, &body).await;
        assert_eq!((answer.status, answer.code()), (400, code), "{from} → {to}");
        assert!(answer.json()["message"].is_string());
    };
    check("150", "\"many\"", 100).await;
    check("alerts@example.org", "alerts.example.org", 100).await;
    check("+336971433333", "336971433333", 100).await;
    check(
        "\"sender_for_sms_premium\": \"12345\"",
        "\"sender_for_sms_premium\": \"1\"",
        106,
    )
    .await;
    check(
        "\"sender_for_vocal_sms\": \"12345\"",
        "\"sender_for_vocal_sms\": \"Acme\"",
        106,
    )
    .await;
    check("+3356478465456", "+33", 100).await;
    check("https://mywebhook.dns/webhook-4", "mywebhook.dns", 100).await;
    check("inbounds@example.org", "inbounds@example", 100).await;
    check("}", "", 100).await;
    assert_eq!(shown(&mock).await, before);
    assert_eq!(edit(&mock, EXAMPLE).await.status, 200);
}

#[tokio::test]
async fn each_reading_of_a_group_can_be_insisted_on() {
    let object = r#"{"campaign_parameters":{"sender_for_sms_premium":"Acme"}}"#;
    let array = r#"{"campaign_parameters":[{"sender_for_sms_premium":"Acme"}]}"#;
    for (strict, of_object, of_array) in [
        ("", 200, 200),
        ("\"parameters_as_objects\"", 200, 400),
        ("\"parameters_as_arrays\"", 400, 200),
    ] {
        let mock = mock_with(&format!("[octopush]\nstrict = [{strict}]")).await;
        assert_eq!(edit(&mock, object).await.status, of_object, "{strict}");
        assert_eq!(edit(&mock, array).await.status, of_array, "{strict}");
    }
}

#[tokio::test]
async fn each_account_has_parameters_of_its_own() {
    let mock = mock_with(
        "[octopush]\naccounts = [{ login = \"me@example.org\", key = \"secret\" }, { login = \"you@example.org\", key = \"k\" }]",
    )
    .await;
    assert_eq!(edit(&mock, EXAMPLE).await.status, 200);
    let as_other = async |method: Method, path: &str, key: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "mock")
            .header("api-login", "you@example.org")
            .header("api-key", key)
            .body(EXAMPLE.into())
            .expect("a request");
        let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
        client.exchange(request).await.expect("an answer")
    };
    let other = as_other(Method::GET, SHOW, "k").await;
    assert!(other.json()["campaign_parameters"]["sender_for_sms_premium"].is_null());
    for (method, path) in [(Method::GET, SHOW), (Method::PATCH, EDIT)] {
        let refused = as_other(method, path, "wrong").await;
        assert_eq!((refused.status, refused.code()), (401, 101));
    }
}
