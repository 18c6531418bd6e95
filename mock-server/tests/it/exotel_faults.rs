//! Faults on Exotel's paths: what was committed stays in the record, and answers made up have its shape.

use http::Method;
use mock_server::{At, Config, Deed, FaultRule, FaultScript, Running};
use serde_json::json;

use crate::client::{BOTH, Protocol, mock};
use crate::exotel_client::{Exotel, NUMBERS, campaign, expect_refusal, in_an_hour, rows};

async fn faulty(rule: FaultRule) -> Running {
    let mock = mock(Config::default()).await;
    let script = FaultScript {
        seed: None,
        rules: vec![rule],
    };
    mock.set_faults(script).expect("a rule that can be carried out");
    mock
}

#[tokio::test]
async fn a_campaign_whose_answer_is_lost_after_the_commit_is_in_the_record_and_listed() {
    for protocol in BOTH {
        for deed in [Deed::Drop, Deed::Reset] {
            for (at, expected) in [(At::BeforeRead, 0), (At::AfterRead, 0), (At::AfterCommit, 1)] {
                let mock = faulty(FaultRule {
                    times: Some(1),
                    ..FaultRule::new(at, deed)
                })
                .await;
                let mut exotel = Exotel::connect(&mock, protocol).await;
                let body = json!({ "campaigns": [campaign(&NUMBERS, &json!({}))] }).to_string();
                let answer = exotel.try_ask(Method::POST, "/campaigns", &body).await;
                assert!(answer.is_err(), "{protocol:?} {deed:?} {at:?}");
                let stats = mock.stats().exotel;
                assert_eq!(
                    (stats.accepted_requests, stats.recipients),
                    (expected, 3 * expected)
                );
                let mut exotel = Exotel::connect(&mock, protocol).await;
                let listed = rows(&exotel.get("/campaigns?name=holi_campaign").await);
                assert_eq!(listed.len() as u64, expected, "{protocol:?} {deed:?} {at:?}");
            }
        }
    }
}

#[tokio::test]
async fn made_up_failures_have_the_shape_of_their_paths_version() {
    let mock = faulty(FaultRule {
        status: Some(503),
        code: Some(1100),
        ..FaultRule::new(At::AfterCommit, Deed::Status)
    })
    .await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let answer = exotel.post(&[campaign(&NUMBERS, &json!({}))]).await;
    expect_refusal(&answer, 503, 1100, "scripted");
    assert_eq!(answer.json()["method"], "POST");
    assert_eq!(mock.stats().exotel.accepted_requests, 1);
    let first_version = exotel.v1("/Calls.json?Sid=a").await;
    assert_eq!(first_version.status, 503);
    assert_eq!(first_version.json()["RestException"]["Status"], 503);
    assert_eq!(first_version.json()["RestException"]["Code"], 1100);
}

#[tokio::test]
async fn garbage_is_a_200_that_is_no_json() {
    let mock = faulty(FaultRule::new(At::AfterCommit, Deed::Garbage)).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    let answer = exotel.post(&[campaign(&NUMBERS, &json!({}))]).await;
    assert_eq!(answer.status, 200);
    assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
}

#[tokio::test]
async fn paths_and_numbers_choose_their_requests() {
    let mock = mock(Config::default()).await;
    let status = |rule: FaultRule| FaultRule {
        status: Some(500),
        ..rule
    };
    let rules = vec![
        status(FaultRule {
            path: Some("/v2/accounts/acme1/campaigns/".into()),
            ..FaultRule::new(At::AfterCommit, Deed::Status)
        }),
        status(FaultRule {
            number: Some(NUMBERS[1].into()),
            ..FaultRule::new(At::AfterRead, Deed::Status)
        }),
    ];
    mock.set_faults(FaultScript { seed: None, rules }).expect("rules");
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(in_an_hour(&NUMBERS[..1])).await;
    assert_eq!(
        exotel.post(&[campaign(&NUMBERS[..2], &json!({}))]).await.status,
        500
    );
    assert_eq!(exotel.get("/campaigns").await.status, 200);
    // The answer is lost, the deletion is not.
    assert_eq!(exotel.delete(&id).await.status, 500);
    let figures = mock.stats().exotel;
    assert_eq!((figures.cancelled_requests, figures.recipients), (1, 0));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_in_the_envelope() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let large = "x".repeat(mock_server::BODY_BYTES_MAX + 1);
    let answer = exotel
        .try_ask(Method::POST, "/campaigns", &large)
        .await
        .expect("an answer");
    expect_refusal(&answer, 413, 100, "too large");
}

#[tokio::test]
async fn reset_forgets_campaigns_and_begins_their_ids_again() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
    mock.reset();
    assert_eq!(exotel.get(&format!("/campaigns/{id}")).await.status, 404);
    assert_eq!(mock.stats().exotel.recipients, 0);
    assert_eq!(exotel.create(campaign(&NUMBERS, &json!({}))).await, id);
}
