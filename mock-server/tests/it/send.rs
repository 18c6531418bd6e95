//! Octopush's send and balance, as the pages show them.

use http::{Method, Request};

use crate::client::{BALANCE, BOTH, Client, Protocol, SEND, campaign, mock, mock_with, send_once};

/// The command to copy and paste of the page "Schedule SMS sending".
const SCHEDULED: &str = r#"{"recipients": [{"phone_number": "+ 442038828112", "param1": "Alex"}], "text": "This is a Premium SMS with stop mention. STOP at XXXXX", "type": "sms_premium", "purpose": "wholesale", "sender": "Company X", "send_at": "2025-07-29T11:00:39-07:00"}"#;

/// The example of the page "Transactional SMS".
const TRANSACTIONAL: &str = r#"{
  "recipients": [{"phone_number": "+336000123"}],
  "text": "This is a Premium SMS with STOP mention. STOP to 30101",
  "type": "sms_premium",
  "purpose": "alert",
  "sender": "Company X"
}"#;

#[tokio::test]
async fn the_pages_examples_are_accepted_over_both_protocols() {
    for protocol in BOTH {
        for example in [SCHEDULED, TRANSACTIONAL] {
            let mock = mock(mock_server::Config::default()).await;
            let mut client = Client::connect(mock.addr(), protocol).await;
            let answer = client.send(example).await.expect("an answer");
            assert_eq!(answer.status, 201, "{}", answer.text());
            assert_eq!(answer.headers["content-type"], "application/json");
            assert!(answer.headers.contains_key("date"));
            let body = answer.json();
            let keys: Vec<&String> = body.as_object().expect("an object").keys().collect();
            assert_eq!(
                keys,
                [
                    "number_of_contacts",
                    "number_of_sms_needed",
                    "residual_credit",
                    "sms_ticket",
                    "total_cost"
                ]
            );
            assert!(body["sms_ticket"].as_str().expect("a ticket").starts_with("sms_"));
            assert_eq!(
                (&body["number_of_contacts"], &body["number_of_sms_needed"]),
                (&1.into(), &1.into())
            );
            assert_eq!(mock.stats().together.recipients, 1);
        }
    }
}

#[tokio::test]
async fn a_missing_stop_mention_is_answered_as_the_pages_say() {
    let mock = mock(mock_server::Config::default()).await;
    let body = campaign(&["+33612345678"], "").replace("STOP au", "stop au");
    let answer = send_once(&mock, &body).await;
    assert_eq!(
        (answer.status, answer.text()),
        (400, r#"{"code":121,"message":"Mention STOP is missing."}"#)
    );
    assert_eq!(mock.stats().together.recipients, 0);
}

#[tokio::test]
async fn the_answer_has_three_fields_where_the_switch_says_so() {
    let mock = mock_with("seed = 4\n[octopush]\nanswer_fields = \"three\"").await;
    let answer = send_once(&mock, &campaign(&["+33612345678"], "")).await;
    let ticket = &mock.tickets()[0].ticket;
    assert_eq!(
        answer.text(),
        format!(r#"{{"sms_ticket":"{ticket}","number_of_contacts":1,"total_cost":0.04512367}}"#)
    );
}

#[tokio::test]
async fn costs_are_exact_and_the_residual_credit_is_rounded_to_three_decimals() {
    let mock = mock_with("[octopush]\ncredit = \"100\"\nprices = { 33 = \"5.00502839\" }").await;
    let answer = send_once(&mock, &campaign(&["+33612345678"], "")).await;
    assert!(
        answer
            .text()
            .ends_with(r#""residual_credit":94.995,"total_cost":5.00502839}"#),
        "{}",
        answer.text()
    );
    assert_eq!(mock.stats().together.total_cost.to_string(), "5.00502839");
}

#[tokio::test]
async fn segments_are_counted_with_the_placeholders_filled_in() {
    let mock = mock_with("[octopush]\ndefault_price = \"0.01\"\nprices = {}").await;
    let text = format!("{{first_name}}{} STOP au 30101", "a".repeat(141));
    let body = format!(
        r#"{{"text":"{text}","recipients":[
            {{"phone_number":"+33612345678","first_name":"Axelle"}},
            {{"phone_number":"+33612345679","first_name":"Jo"}}]}}"#
    );
    let answer = send_once(&mock, &body).await.json();
    assert_eq!(
        (&answer["number_of_contacts"], &answer["number_of_sms_needed"]),
        (&2.into(), &3.into())
    );
    assert_eq!(mock.tickets()[0].cost.to_string(), "0.03");
}

#[tokio::test]
async fn missing_or_unknown_credentials_are_401() {
    let lenient = mock(mock_server::Config::default()).await;
    let strict = mock_with("[octopush]\naccounts = [{ login = \"me@example.org\", key = \"other\" }]").await;
    let mut client = Client::connect(lenient.addr(), Protocol::Http1).await;
    for (method, path) in [(Method::POST, SEND), (Method::GET, BALANCE)] {
        let bare = Request::builder()
            .method(method.clone())
            .uri(path)
            .header("host", "mock");
        let bare = bare
            .body(campaign(&["+33612345678"], "").into())
            .expect("a request");
        let answer = client.exchange(bare).await.expect("an answer");
        assert_eq!((answer.status, answer.code()), (401, 108));

        let mut client = Client::connect(strict.addr(), Protocol::Http2).await;
        let answer = client
            .ask(method, path, &campaign(&["+33612345678"], ""))
            .await
            .expect("an answer");
        assert_eq!((answer.status, answer.code()), (401, 101));
    }
    assert_eq!(strict.stats().together.accepted_requests, 0);
}

#[tokio::test]
async fn a_request_id_is_refused_for_24_hours_and_then_free_again() {
    let mock = mock(mock_server::Config::default()).await;
    let body = campaign(&["+33612345678"], r#""request_id":"k1","#);
    assert_eq!(send_once(&mock, &body).await.status, 201);
    let repeat = send_once(&mock, &body).await;
    assert_eq!((repeat.status, repeat.code()), (400, 120));
    mock.advance_clock(24 * 3600 - 60);
    assert_eq!(send_once(&mock, &body).await.status, 400);
    mock.advance_clock(60);
    assert_eq!(send_once(&mock, &body).await.status, 201);
    let stats = mock.stats().together;
    assert_eq!(
        (stats.max_per_recipient, stats.accepted_requests, stats.tickets),
        (2, 2, 2)
    );
    assert_eq!(mock.tickets()[0].request_id.as_deref(), Some("k1"));
}

#[tokio::test]
async fn empty_and_absent_request_ids_never_collide() {
    let mock = mock(mock_server::Config::default()).await;
    for more in [r#""request_id":"","#, r#""request_id":null,"#, ""] {
        for _ in 0..2 {
            assert_eq!(
                send_once(&mock, &campaign(&["+33612345678"], more)).await.status,
                201,
                "{more}"
            );
        }
    }
}

#[tokio::test]
async fn a_refused_request_burns_its_key_only_where_the_switch_says_so() {
    for (burns, expected) in [(false, 201), (true, 409)] {
        let duplicates =
            format!("[octopush.duplicates]\nstatus = 409\ncode = 133\nrefused_burns_key = {burns}");
        let mock = mock_with(&duplicates).await;
        let good = campaign(&["+33612345678"], r#""request_id":"k1","#);
        let refused = send_once(&mock, &good.replace("STOP", "STO")).await;
        assert_eq!((refused.status, refused.code()), (400, 121));
        let answer = send_once(&mock, &good).await;
        assert_eq!(answer.status, expected, "burns: {burns}");
        if burns {
            assert_eq!(answer.code(), 133);
        }
    }
}

#[tokio::test]
async fn two_requests_with_one_key_at_once_slip_through_only_a_gap() {
    for (gap_ms, accepted) in [(0, 1), (2000, 2)] {
        let mock = mock_with(&format!("[octopush.duplicates]\ndetection_gap_ms = {gap_ms}")).await;
        let body = campaign(&["+33612345678"], r#""request_id":"k1","#);
        let (one, two) = tokio::join!(send_once(&mock, &body), send_once(&mock, &body));
        let created = [one.status, two.status]
            .iter()
            .filter(|status| **status == 201)
            .count();
        assert_eq!(created, accepted, "gap of {gap_ms} ms");
        assert_eq!(mock.stats().together.max_per_recipient, accepted as u64);
    }
}

#[tokio::test]
async fn a_used_up_credit_refuses_the_whole_request() {
    let mock = mock_with("[octopush]\ncredit = \"0.1\"\nprices = { 33 = \"0.05\" }").await;
    let three = ["+33612345678", "+33612345679", "+33612345670"];
    let answer = send_once(&mock, &campaign(&three, "")).await;
    assert_eq!((answer.status, answer.code()), (400, 104));
    assert_eq!(send_once(&mock, &campaign(&three[..2], "")).await.status, 201);
    assert_eq!(send_once(&mock, &campaign(&three[..1], "")).await.status, 400);
    let stats = mock.stats().together;
    assert_eq!(
        (stats.recipients, stats.total_cost.to_string().as_str()),
        (2, "0.1")
    );
}

#[tokio::test]
async fn a_simulated_send_reaches_nobody_and_keeps_its_key() {
    let mock = mock(mock_server::Config::default()).await;
    let real = campaign(&["+33612345678"], r#""request_id":"k1","#);
    let simulated = real.replacen('{', r#"{"simulation_mode":true,"#, 1);
    let answer = send_once(&mock, &simulated).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["number_of_contacts"], 1);
    let stats = mock.stats().together;
    assert_eq!(
        (
            stats.simulated_requests,
            stats.accepted_requests,
            stats.recipients
        ),
        (1, 0, 0)
    );
    assert_eq!((stats.tickets, stats.total_cost.to_string().as_str()), (0, "0"));
    assert_eq!(send_once(&mock, &real).await.status, 201);
}

#[tokio::test]
async fn the_balance_is_told_in_euros_or_messages() {
    let mock = mock_with("[octopush]\ncredit = \"10\"\nprices = { 33 = \"0.05\" }").await;
    assert_eq!(
        send_once(&mock, &campaign(&["+33612345678"], "")).await.status,
        201
    );
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let mut check = async |query: &str, status: u16, start: &str| {
        let answer = client
            .ask(Method::GET, &format!("{BALANCE}{query}"), "")
            .await
            .expect("an answer");
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.text().starts_with(start), "{query}: {}", answer.text());
    };
    check(
        "",
        200,
        r#"{"amount":9.95,"unit":"euro","wallet_packs":[{"wallet_pack_id":"#,
    )
    .await;
    check(
        "?country_code=FR&product_name=sms_premium",
        200,
        r#"{"amount":199,"unit":"sms_premium","#,
    )
    .await;
    check("?product_name=sms_premium", 400, r#"{"code":100"#).await;
    check("?country_code=FR&product_name=pigeon", 400, r#"{"code":100"#).await;
    assert_eq!(mock.stats().together.accepted_requests, 1);
}

#[tokio::test]
async fn unknown_routes_are_404_with_a_json_body() {
    let mock = mock(mock_server::Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
    for path in ["/v1/public/sms-campaign/sent", "/v2/campaigns", "/"] {
        let answer = client.ask(Method::GET, path, "").await.expect("an answer");
        assert_eq!((answer.status, answer.code()), (404, 404), "{path}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_413() {
    let mock = mock(mock_server::Config::default()).await;
    let body = " ".repeat(mock_server::BODY_BYTES_MAX + 1);
    assert_eq!(send_once(&mock, &body).await.status, 413);
    assert_eq!(
        send_once(&mock, &campaign(&["+33612345678"], "")).await.status,
        201
    );
}
