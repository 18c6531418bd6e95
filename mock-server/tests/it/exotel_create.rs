//! Creating campaigns, as "create campaign" shows it, in every reading.

use http::Method;
use mock_server::Config;
use serde_json::{Value, json};

use crate::client::{BOTH, Protocol, campaign as message, mock, mock_with, send_once};
use crate::exotel_client::{CREDENTIALS, Exotel, NUMBERS, campaign, data, expect_refusal, in_minutes, rows};

fn is_hex(text: &Value) -> bool {
    let text = text.as_str().unwrap_or("");
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[tokio::test]
async fn a_campaign_is_created_shown_and_recorded_over_both_protocols() {
    for protocol in BOTH {
        let mock = mock(Config::default()).await;
        let mut exotel = Exotel::connect(&mock, protocol).await;
        let answer = exotel.post(&[campaign(&NUMBERS[..2], &json!({}))]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let envelope = answer.json();
        assert!(is_hex(&envelope["request_id"]));
        assert_eq!(
            (&envelope["method"], &envelope["http_code"]),
            (&json!("POST"), &json!(200))
        );
        assert_eq!(
            envelope["metadata"],
            json!({ "failed": 0, "total": 1, "success": 1 })
        );
        let item = &envelope["response"][0];
        assert_eq!((&item["code"], &item["status"]), (&json!(200), &json!("success")));
        assert!(item["error_data"].is_null());
        assert!(is_hex(&item["data"]["id"]));
        assert_eq!(item["data"]["status"], "Created");
        assert_eq!(item["data"]["name"], "holi_campaign");

        let id = item["data"]["id"].as_str().expect("an id");
        let shown = exotel.show(id).await;
        assert_eq!(shown["from"], json!(&NUMBERS[..2]));
        assert_eq!(shown["status"], "InProgress");
        let stats = mock.stats();
        assert_eq!((stats.exotel.accepted_requests, stats.exotel.recipients), (1, 2));
        assert_eq!((stats.exotel.requests, stats.octopush.requests), (2, 0));
        assert_eq!(stats.exotel.by_status.get(&200), Some(&2));
        let tickets = mock.tickets();
        assert_eq!((tickets[0].ticket.as_str(), tickets[0].recipients), (id, 2));
        assert_eq!(tickets[0].name.as_deref(), Some("holi_campaign"));
    }
}

#[tokio::test]
async fn the_record_keeps_the_providers_apart_and_adds_them() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    exotel
        .create(campaign(&["+919812345678", "+33612345678"], &json!({})))
        .await;
    exotel.create(campaign(&["+919812345678"], &json!({}))).await;
    assert_eq!(
        send_once(&mock, &message(&["+33612345678"], "")).await.status,
        201
    );
    let stats = mock.stats();
    let most =
        |stats: &mock_server::ProviderStats| (stats.recipients, stats.max_per_recipient, stats.tickets);
    assert_eq!(most(&stats.octopush), (1, 1, 1));
    assert_eq!(most(&stats.exotel), (3, 2, 2));
    assert_eq!(most(&stats.together), (4, 2, 3));
    assert_eq!((stats.together.requests, stats.together.connections), (3, 2));

    let mut lines = async |query: &str| {
        let path = format!("/__mock/recipients{query}");
        let answer = exotel
            .exchange(Method::GET, &path, CREDENTIALS, "")
            .await
            .expect("an answer");
        let times = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default()["times"].clone();
        (
            answer.status,
            answer.text().lines().map(times).collect::<Vec<Value>>(),
        )
    };
    assert_eq!(lines("").await, (200, vec![json!(2), json!(2)]));
    assert_eq!(lines("?provider=exotel").await, (200, vec![json!(1), json!(2)]));
    assert_eq!(lines("?provider=octopush").await, (200, vec![json!(1)]));
    assert_eq!(lines("?provider=another").await.0, 400);
}

#[tokio::test]
async fn credentials_decide_who_comes_in() {
    let mock = mock_with(
        "[exotel]\naccounts = [{ sid = \"acme1\", key = \"key\", token = \"token\" }, { sid = \"acme2\", key = \"k\", token = \"t\" }]",
    )
    .await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
    let mut check = async |path: &str, credentials: &str, expected: (u16, u64)| {
        let answer = exotel
            .exchange(Method::GET, path, credentials, "")
            .await
            .expect("an answer");
        expect_refusal(&answer, expected.0, expected.1, "");
    };
    let own = format!("/v2/accounts/acme1/campaigns/{id}");
    check(&own, "", (401, 1010)).await;
    check(&own, "Basic a2V5OndpbGQ=", (401, 1010)).await;
    // k:t
    check(&own, "Basic azp0", (403, 1003)).await;
    check("/v2/accounts/acme9/campaigns", CREDENTIALS, (403, 1003)).await;
    check(
        &format!("/v2/accounts/acme2/campaigns/{id}"),
        "Basic azp0",
        (404, 1000),
    )
    .await;
    check(
        "/v2/accounts/acme1/campaigns/d49b7a4781ea45dcb702825ce30494ba",
        CREDENTIALS,
        (404, 1000),
    )
    .await;
    check("/v2/accounts/acme1/lists", CREDENTIALS, (404, 1000)).await;
    check("/v2/accounts/acme1/contacts", CREDENTIALS, (404, 1000)).await;
    let wrong = exotel
        .exchange(Method::PATCH, &own, CREDENTIALS, "")
        .await
        .expect("an answer");
    expect_refusal(&wrong, 405, 405, "");
}

/// The body in every reading that some page has.
fn readings() -> Vec<(&'static str, Value)> {
    let nested = |flag: Value| {
        campaign(
            &NUMBERS,
            &json!({
                "call_duplicate_numbers": flag,
                "retries": { "number_of_retries": 1, "interval_mins": 1, "mechanism": "Linear", "on_status": ["busy"] },
                "schedule": { "send_at": in_minutes(60), "end_at": in_minutes(120) },
            }),
        )
    };
    let mut string = nested(json!(false));
    string["from"] = json!(NUMBERS.join(","));
    let mut beside = nested(json!(false));
    beside["on_status"] = beside["retries"]["on_status"].take();
    let mut array = nested(json!(false));
    array["schedule"] = json!([array["schedule"].clone()]);
    vec![
        ("usual", json!({ "campaigns": [nested(json!(false))] })),
        ("flat", nested(json!(false))),
        ("string", json!({ "campaigns": [string] })),
        ("text", json!({ "campaigns": [nested(json!("false"))] })),
        ("beside", json!({ "campaigns": [beside] })),
        ("array", json!({ "campaigns": [array] })),
    ]
}

#[tokio::test]
async fn every_reading_is_taken_unless_a_switch_insists_on_another() {
    for (strict, refused) in [
        ("", &[][..]),
        ("wrapped", &["flat"]),
        ("flat", &["usual", "string", "text", "beside", "array"]),
        ("from_array", &["string"]),
        ("from_string", &["usual", "flat", "text", "beside", "array"]),
        ("boolean", &["text"]),
        ("boolean_as_text", &["usual", "flat", "string", "beside", "array"]),
        ("on_status_in_retries", &["beside"]),
        ("on_status_beside", &["usual", "flat", "string", "text", "array"]),
        ("schedule_object", &["array"]),
        ("schedule_array", &["usual", "flat", "string", "text", "beside"]),
    ] {
        let list = if strict.is_empty() {
            String::new()
        } else {
            format!("\"{strict}\"")
        };
        let mock = mock_with(&format!("[exotel]\nstrict = [{list}]")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        for (reading, body) in readings() {
            let expected = if refused.contains(&reading) { 400 } else { 200 };
            let answer = exotel.ask(Method::POST, "/campaigns", &body).await;
            assert_eq!(answer.status, expected, "{strict} {reading}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_flat_body_is_answered_as_it_was_met_where_the_switch_insists() {
    let mock = mock_with("[exotel]\nstrict = [\"wrapped\"]").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    let answer = exotel
        .ask(Method::POST, "/campaigns", &campaign(&NUMBERS, &json!({})))
        .await;
    expect_refusal(&answer, 400, 1001, "Campaigns is mandatory");
    assert_eq!(mock.stats().exotel.accepted_requests, 0);
}

#[tokio::test]
async fn the_content_type_counts_only_where_the_switch_insists() {
    for (strict, expected) in [("", 200), ("\"content_type\"", 415)] {
        let mock = mock_with(&format!("[exotel]\nstrict = [{strict}]")).await;
        let body = campaign(&NUMBERS, &json!({})).to_string();
        let request = format!(
            "POST /v2/accounts/acme1/campaigns HTTP/1.1\r\nhost: mock\r\nauthorization: {CREDENTIALS}\r\ncontent-type: application/x-www-form-urlencoded\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (read, _) = crate::client::raw(mock.addr(), &request).await;
        let read = String::from_utf8_lossy(&read);
        assert!(read.starts_with(&format!("HTTP/1.1 {expected}")), "{read}");
    }
}

#[tokio::test]
async fn one_bad_number_refuses_the_whole_request_and_is_named() {
    for (text, named) in [
        ("", "+919999999999"),
        ("number_text = \"as_sent\"", "+919999999999"),
        ("number_text = \"national\"", "09999999999"),
        ("number_text = \"without_plus\"", "919999999999"),
    ] {
        let mock = mock_with(&format!("[exotel]\nbad_numbers = [\"+919999999999\"]\n{text}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let bad = ["+919812345678", "+919999999999", "+12"];
        let answer = exotel.post(&[campaign(&bad, &json!({}))]).await;
        expect_refusal(&answer, 400, 1002, &format!("Invalid PhoneNumber {named}"));
        let stats = mock.stats().exotel;
        assert_eq!((stats.accepted_requests, stats.recipients), (0, 0));
        assert_eq!(stats.max_recipients_per_request, 3);
        exotel.create(campaign(&["+919812345678"], &json!({}))).await;
    }
}

#[tokio::test]
async fn several_campaigns_have_an_item_each_and_207_if_they_differ() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let (good, bad) = (campaign(&NUMBERS[..1], &json!({})), campaign(&["+1"], &json!({})));
    let answer = exotel.post(&[good.clone(), bad.clone(), good.clone()]).await;
    assert_eq!(answer.status, 207, "{}", answer.text());
    let envelope = answer.json();
    assert_eq!(envelope["http_code"], 207);
    assert_eq!(
        envelope["metadata"],
        json!({ "failed": 1, "total": 3, "success": 2 })
    );
    let codes: Vec<&Value> = (0..3).map(|n| &envelope["response"][n]["code"]).collect();
    assert_eq!(codes, [200, 400, 200]);
    assert!(envelope["response"][1]["data"].is_null());
    assert_eq!(mock.stats().exotel.accepted_requests, 2);
    assert_eq!(exotel.post(&[good.clone(), good]).await.status, 200);
    assert_eq!(exotel.post(&[bad.clone(), bad]).await.status, 400);
}

#[tokio::test]
async fn a_balance_that_does_not_suffice_is_402() {
    let mock = mock_with("[exotel]\ncredit = \"1.00\"\ncall_price = \"0.40\"").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    let id = exotel
        .create(crate::exotel_client::in_an_hour(&NUMBERS[..2]))
        .await;
    let answer = exotel.post(&[campaign(&NUMBERS[..1], &json!({}))]).await;
    expect_refusal(&answer, 402, 402, "balance");
    assert_eq!(mock.stats().exotel.accepted_requests, 1);
    assert_eq!(exotel.delete(&id).await.status, 200);
    exotel.create(campaign(&NUMBERS[..2], &json!({}))).await;
}

#[tokio::test]
async fn numbers_given_twice_are_called_once_unless_asked_for() {
    for (flag, expected) in [(json!(false), 1), (json!("true"), 2), (json!(null), 1)] {
        let mock = mock(Config::default()).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let twice = ["+919812345678", "09812345678"];
        let created = exotel
            .post(&[campaign(&twice, &json!({ "call_duplicate_numbers": flag }))])
            .await;
        assert_eq!(data(&created)["stats"]["created"], expected);
        assert_eq!(mock.stats().exotel.max_per_recipient, expected);
    }
}

#[tokio::test]
async fn a_campaign_on_lists_calls_everybody_behind_them() {
    let mock = mock_with("[exotel.audiences]\nlists = { mine = [\"+919812345678\"] }").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let lists = json!({ "from": null, "lists": ["mine", "another"] });
    let id = exotel.create(campaign(&[], &lists)).await;
    assert_eq!(mock.stats().exotel.recipients, 21);
    let shown = exotel.show(&id).await;
    assert_eq!(shown["lists"], json!(["mine", "another"]));
    assert!(shown.get("from").is_none());
    let both = exotel
        .post(&[campaign(&NUMBERS, &json!({ "lists": ["mine"] }))])
        .await;
    expect_refusal(&both, 400, 1002, "exclude");
    let neither = exotel.post(&[campaign(&[], &json!({ "from": null }))]).await;
    expect_refusal(&neither, 400, 1001, "From is mandatory");
}

#[tokio::test]
async fn twins_are_committed_like_any_other_double() {
    for (twin_every, campaigns) in [(0, 4), (1, 8), (2, 6)] {
        let mock = mock_with(&format!("[exotel]\ntwin_every = {twin_every}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let mut ids = Vec::new();
        for n in 0..4 {
            let name = json!({ "name": format!("batch-{n}") });
            ids.push(exotel.create(campaign(&NUMBERS[..1], &name)).await);
        }
        let stats = mock.stats().exotel;
        assert_eq!(
            (stats.tickets, stats.recipients),
            (campaigns, campaigns),
            "{twin_every}"
        );
        let listed = rows(&exotel.get("/campaigns?name=batch-1&limit=500").await);
        assert_eq!(listed.len(), if twin_every == 0 { 1 } else { 2 }, "{twin_every}");
        assert!(listed.iter().any(|campaign| campaign["id"] == ids[1].as_str()));
    }
}

#[tokio::test]
async fn an_account_has_so_many_requests_a_minute() {
    let mock = mock_with("[exotel]\nrequests_per_minute = 3").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    for _ in 0..3 {
        assert_eq!(exotel.get("/campaigns").await.status, 200);
    }
    let answer = exotel.get("/campaigns").await;
    expect_refusal(&answer, 429, 429, "3 requests");
    let seconds: u64 = answer.headers["retry-after"]
        .to_str()
        .expect("text")
        .parse()
        .expect("a number");
    assert!((1..=60).contains(&seconds));
    let v1 = exotel.v1("/Calls.json?Sid=a").await;
    assert_eq!(v1.status, 429);
    assert!(v1.json()["RestException"].is_object());
    let other = exotel
        .exchange(Method::GET, "/v2/accounts/acme2/campaigns", CREDENTIALS, "")
        .await;
    assert_eq!(other.expect("an answer").status, 200);
    mock.advance_clock(60);
    assert_eq!(exotel.get("/campaigns").await.status, 200);
}
