//! Cancelling an ordinary campaign, as "cancel-sms" and its newer form show it.

use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use mock_server::{At, Config, Deed, FaultRule, FaultScript, Running};

use crate::client::{Answer, BOTH, Client, Protocol, campaign, mock, mock_with, send_once};

const CANCEL: &str = "/v1/public/sms-campaign/cancel";
const NUMBERS: [&str; 3] = ["+33612345678", "+33612345679", "+33612345670"];

/// A date so far from now, in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "the mock compares dates with the real clock"
)]
fn in_minutes(minutes: i64) -> String {
    format!(
        r#""send_at":"{}","#,
        Timestamp::now() + SignedDuration::from_mins(minutes)
    )
}

/// The ticket of a send to the first numbers.
async fn accept(mock: &Running, recipients: usize, more: &str) -> String {
    let answer = send_once(mock, &campaign(&NUMBERS[..recipients], more)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["sms_ticket"].as_str().expect("a ticket").to_owned()
}

async fn cancel(mock: &Running, ticket: &str) -> Answer {
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let body = format!(r#"{{"ticket_number":"{ticket}"}}"#);
    client
        .ask(Method::DELETE, CANCEL, &body)
        .await
        .expect("an answer")
}

fn expect_code(answer: &Answer, code: u64) {
    assert_eq!((answer.status, answer.code()), (400, code), "{}", answer.text());
}

fn expect_limit(answer: &Answer, limit: &str) {
    expect_code(answer, 100);
    assert!(answer.text().contains(limit), "{}", answer.text());
}

#[tokio::test]
async fn a_cancelled_campaign_reaches_nobody_over_both_protocols() {
    for protocol in BOTH {
        let mock = mock(Config::default()).await;
        accept(&mock, 1, "").await;
        let ticket = accept(&mock, 2, &in_minutes(60)).await;
        let before = mock.stats().together;
        assert_eq!((before.recipients, before.max_per_recipient), (3, 2));

        let mut client = Client::connect(mock.addr(), protocol).await;
        let body = format!(r#"{{"ticket_number":"{ticket}"}}"#);
        let answer = client
            .ask(Method::DELETE, CANCEL, &body)
            .await
            .expect("an answer");
        assert_eq!((answer.status, answer.text()), (204, ""));
        let after = mock.stats().together;
        assert_eq!(
            (after.accepted_requests, after.cancelled_requests, after.tickets),
            (2, 1, 2)
        );
        assert_eq!(
            (
                after.recipients,
                after.distinct_recipients,
                after.max_per_recipient
            ),
            (1, 1, 1)
        );
        assert_eq!(after.total_cost, before.total_cost);
        assert_eq!(mock.recipients().len(), 1);

        let listed = client
            .ask(Method::GET, "/__mock/tickets", "")
            .await
            .expect("an answer");
        let lines: Vec<&str> = listed.text().lines().collect();
        assert!(lines[0].ends_with(r#""request_id":null}"#), "{}", lines[0]);
        assert!(
            lines[1].contains(&ticket) && lines[1].ends_with(r#""cancelled":true}"#),
            "{}",
            lines[1]
        );
    }
}

#[tokio::test]
async fn unknown_cancelled_and_simulated_campaigns_are_131() {
    let mock = mock(Config::default()).await;
    let ticket = accept(&mock, 1, &in_minutes(60)).await;
    expect_code(&cancel(&mock, "sms_5f3fbce61266e").await, 131);
    assert_eq!(cancel(&mock, &ticket).await.status, 204);
    expect_code(&cancel(&mock, &ticket).await, 131);
    let simulated = accept(&mock, 1, &format!("\"simulation_mode\":true,{}", in_minutes(60))).await;
    expect_code(&cancel(&mock, &simulated).await, 131);
    assert_eq!(mock.stats().together.cancelled_requests, 1);
}

#[tokio::test]
async fn a_body_without_a_ticket_is_malformed() {
    let mock = mock(Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
    for body in ["", "{}", r#"{"ticket_number":null}"#, r#"["sms_5f3fbce61266e"]"#] {
        let answer = client.ask(Method::DELETE, CANCEL, body).await.expect("an answer");
        expect_code(&answer, 100);
    }
}

#[tokio::test]
async fn only_few_recipients_can_be_cancelled() {
    for (settings, recipients, limit) in [
        ("", 2, None),
        ("", 3, Some("2 recipients")),
        ("recipients_max = 3", 3, None),
        ("recipients_max = 1", 2, Some("1 recipients")),
    ] {
        let mock = mock_with(&format!("[octopush.cancel]\n{settings}")).await;
        let ticket = accept(&mock, recipients, &in_minutes(60)).await;
        let answer = cancel(&mock, &ticket).await;
        let left = if let Some(limit) = limit {
            expect_limit(&answer, limit);
            recipients as u64
        } else {
            assert_eq!(answer.status, 204, "{settings}: {recipients}");
            0
        };
        assert_eq!(mock.stats().together.recipients, left);
    }
}

#[tokio::test]
async fn only_a_date_more_than_ten_minutes_ahead_can_be_cancelled() {
    let mock = mock(Config::default()).await;
    let now = accept(&mock, 1, "").await;
    expect_limit(&cancel(&mock, &now).await, "not scheduled");
    let past = accept(&mock, 1, &in_minutes(-60)).await;
    expect_limit(&cancel(&mock, &past).await, "not scheduled");
    let soon = accept(&mock, 1, &in_minutes(10)).await;
    expect_limit(&cancel(&mock, &soon).await, "10 minutes");

    let later = accept(&mock, 1, &in_minutes(60)).await;
    mock.advance_clock(50 * 60);
    expect_limit(&cancel(&mock, &later).await, "10 minutes");
    mock.advance_clock(-25 * 60);
    assert_eq!(cancel(&mock, &later).await.status, 204);

    let mock = mock_with("[octopush.cancel]\nminutes_ahead = 0").await;
    let soon = accept(&mock, 1, &in_minutes(10)).await;
    assert_eq!(cancel(&mock, &soon).await.status, 204);
}

#[tokio::test]
async fn an_account_cancels_only_so_many_a_month() {
    let mock = mock_with("[octopush.cancel]\nper_month = 1").await;
    let far = in_minutes(100 * 24 * 60);
    let (one, two) = (accept(&mock, 1, &far).await, accept(&mock, 1, &far).await);
    assert_eq!(cancel(&mock, &one).await.status, 204);
    // The month may end in between; then the third is the one too many.
    let second = cancel(&mock, &two).await;
    if second.status == 204 {
        let three = accept(&mock, 1, &far).await;
        expect_limit(&cancel(&mock, &three).await, "this month");
    } else {
        expect_limit(&second, "this month");
        mock.advance_clock(31 * 24 * 3600);
        assert_eq!(cancel(&mock, &two).await.status, 204);
    }
}

#[tokio::test]
async fn the_money_comes_back_only_where_the_switch_says_so() {
    for (refunds, spent, next) in [(false, "0.05", 400), (true, "0", 201)] {
        let mock = mock_with(&format!(
            "[octopush]\ncredit = \"0.05\"\nprices = {{ 33 = \"0.05\" }}\n[octopush.cancel]\nrefunds = {refunds}"
        ))
        .await;
        let ticket = accept(&mock, 1, &in_minutes(60)).await;
        assert_eq!(cancel(&mock, &ticket).await.status, 204);
        assert_eq!(mock.stats().together.total_cost.to_string(), spent);
        let again = send_once(&mock, &campaign(&NUMBERS[..1], "")).await;
        assert_eq!(again.status, next, "refunds: {refunds}");
    }
}

#[tokio::test]
async fn a_cancelled_campaigns_request_id_stays_used() {
    let mock = mock(Config::default()).await;
    let more = format!("\"request_id\":\"k1\",{}", in_minutes(60));
    let ticket = accept(&mock, 1, &more).await;
    assert_eq!(cancel(&mock, &ticket).await.status, 204);
    expect_code(&send_once(&mock, &campaign(&NUMBERS[..1], &more)).await, 120);
}

#[tokio::test]
async fn an_answer_lost_after_the_cancelling_leaves_it_cancelled() {
    let mock = mock(Config::default()).await;
    let ticket = accept(&mock, 1, &in_minutes(60)).await;
    let rule = FaultRule {
        path: Some("sms-campaign/cancel".into()),
        times: Some(1),
        ..FaultRule::new(At::AfterCommit, Deed::Drop)
    };
    let script = FaultScript {
        seed: None,
        rules: vec![rule],
    };
    mock.set_faults(script).expect("rules");
    let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
    let body = format!(r#"{{"ticket_number":"{ticket}"}}"#);
    assert!(client.ask(Method::DELETE, CANCEL, &body).await.is_err());
    expect_code(&cancel(&mock, &ticket).await, 131);
    let stats = mock.stats().together;
    assert_eq!((stats.cancelled_requests, stats.recipients), (1, 0));
}

#[tokio::test]
async fn a_scheduled_campaign_belongs_to_its_account() {
    let mock = mock_with(
        "[octopush]\naccounts = [{ login = \"me@example.org\", key = \"secret\" }, { login = \"you@example.org\", key = \"k\" }]",
    )
    .await;
    let ticket = accept(&mock, 1, &in_minutes(60)).await;
    for (key, status, code) in [("wrong", 401, 101), ("k", 400, 131)] {
        let request = Request::builder()
            .method(Method::DELETE)
            .uri(CANCEL)
            .header("host", "mock")
            .header("api-login", "you@example.org")
            .header("api-key", key)
            .body(format!(r#"{{"ticket_number":"{ticket}"}}"#).into())
            .expect("a request");
        let mut client = Client::connect(mock.addr(), Protocol::Http1).await;
        let answer = client.exchange(request).await.expect("an answer");
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    assert_eq!(cancel(&mock, &ticket).await.status, 204);
}

#[tokio::test]
async fn campaigns_on_lists_and_ordinary_ones_have_each_their_own_service() {
    let mock = mock(Config::default()).await;
    let ordinary = accept(&mock, 1, &in_minutes(60)).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let body = r#"{"list_name":"my_list","text":"Hello STOP au 30101"}"#;
    let path = "/v1/public/sms-campaign-on-list";
    let created = client
        .ask(Method::POST, &format!("{path}/create"), body)
        .await
        .expect("an answer");
    let on_list = created.json()["ticket_number"]
        .as_str()
        .expect("a ticket")
        .to_owned();
    let naming = |ticket: &str| format!(r#"{{"ticket_number":"{ticket}"}}"#);
    let sent = client
        .ask(Method::POST, &format!("{path}/send"), &naming(&on_list))
        .await;
    assert_eq!(sent.expect("an answer").status, 200);

    expect_code(&cancel(&mock, &on_list).await, 131);
    let wrong = client
        .ask(Method::DELETE, &format!("{path}/cancel"), &naming(&ordinary))
        .await;
    expect_code(&wrong.expect("an answer"), 131);
    assert_eq!(cancel(&mock, &ordinary).await.status, 204);
}
