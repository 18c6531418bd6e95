//! Every fault, on both protocols: what the client sees, and what the record says was committed.

use std::error::Error as _;

use h2::Reason;
use mock_server::{At, Config, Deed, FaultRule, FaultScript, Running};

use crate::client::{Answer, BALANCE, BOTH, Client, Protocol, campaign, http1_bytes, mock, raw};

const NUMBER: &str = "+33612345678";

async fn faulty(rule: FaultRule) -> Running {
    let mock = mock(Config::default()).await;
    mock.set_faults(FaultScript {
        seed: None,
        rules: vec![rule],
    })
    .expect("a rule that can be carried out");
    mock
}

async fn meet(rule: FaultRule, protocol: Protocol) -> (Running, Result<Answer, hyper::Error>) {
    let mock = faulty(rule).await;
    let mut client = Client::connect(mock.addr(), protocol).await;
    let answer = client.send(&campaign(&[NUMBER], "")).await;
    assert_eq!(mock.stats().faults_hit, [1]);
    (mock, answer)
}

fn committed(mock: &Running) -> u64 {
    mock.stats().together.accepted_requests
}

#[tokio::test]
async fn a_cut_before_the_commit_leaves_nothing_and_one_after_it_leaves_a_ticket() {
    for protocol in BOTH {
        for deed in [Deed::Drop, Deed::Reset] {
            for (at, expected) in [(At::BeforeRead, 0), (At::AfterRead, 0), (At::AfterCommit, 1)] {
                let (mock, answer) = meet(FaultRule::new(at, deed), protocol).await;
                assert!(answer.is_err(), "{protocol:?} {deed:?} {at:?}");
                assert_eq!(committed(&mock), expected, "{protocol:?} {deed:?} {at:?}");
                assert!(mock.stats().together.by_status.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn drop_is_a_fin_and_reset_a_rst() {
    for at in [At::BeforeRead, At::AfterRead, At::AfterCommit] {
        let mock = faulty(FaultRule::new(at, Deed::Drop)).await;
        let (read, end) = raw(mock.addr(), &http1_bytes(&campaign(&[NUMBER], ""))).await;
        assert!(read.is_empty() && end.is_ok(), "{at:?}: {end:?}");

        let mock = faulty(FaultRule::new(at, Deed::Reset)).await;
        let (read, end) = raw(mock.addr(), &http1_bytes(&campaign(&[NUMBER], ""))).await;
        let error = end.expect_err("a reset");
        assert!(
            read.is_empty() && error.kind() == std::io::ErrorKind::ConnectionReset,
            "{at:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_refused_stream_is_refused_by_name_and_its_connection_lives_on() {
    for at in [At::BeforeRead, At::AfterRead] {
        let mock = faulty(FaultRule {
            times: Some(1),
            ..FaultRule::new(at, Deed::RefuseStream)
        })
        .await;
        let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
        let error = client
            .send(&campaign(&[NUMBER], ""))
            .await
            .expect_err("a refused stream");
        let reason = error
            .source()
            .and_then(|source| source.downcast_ref::<h2::Error>())
            .and_then(h2::Error::reason);
        assert_eq!(reason, Some(Reason::REFUSED_STREAM));
        assert_eq!(committed(&mock), 0);
        client.reach(NUMBER).await;
        assert_eq!(mock.stats().together.connections, 1);
    }
}

#[tokio::test]
async fn many_refused_streams_do_not_end_the_connection() {
    let mock = faulty(FaultRule {
        times: Some(3000),
        ..FaultRule::new(At::BeforeRead, Deed::RefuseStream)
    })
    .await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    for _ in 0..3000 {
        assert!(client.send(&campaign(&[NUMBER], "")).await.is_err());
    }
    client.reach(NUMBER).await;
    assert_eq!(mock.stats().together.connections, 1);
}

#[tokio::test]
async fn goaway_lets_the_request_through_and_ends_the_connection() {
    for protocol in BOTH {
        for at in [At::BeforeRead, At::AfterRead, At::AfterCommit] {
            let mock = faulty(FaultRule::new(at, Deed::Goaway)).await;
            let mut client = Client::connect(mock.addr(), protocol).await;
            client.reach(NUMBER).await;
            client.closed().await;
            assert_eq!(mock.stats().faults_hit, [1], "{protocol:?} {at:?}");
        }
    }
}

#[tokio::test]
async fn a_status_replaces_the_answer_with_its_headers() {
    for protocol in BOTH {
        for (at, expected) in [(At::BeforeRead, 0), (At::AfterRead, 0), (At::AfterCommit, 1)] {
            let rule = FaultRule {
                status: Some(429),
                retry_after: Some("1e30".into()),
                code: Some(153),
                ..FaultRule::new(at, Deed::Status)
            };
            let (mock, answer) = meet(rule, protocol).await;
            let answer = answer.expect("an answer");
            assert_eq!((answer.status, answer.code()), (429, 153));
            assert_eq!(answer.headers["retry-after"], "1e30");
            assert_eq!(committed(&mock), expected, "{at:?}");
            assert_eq!(mock.stats().together.by_status.get(&429), Some(&1));
        }
    }
}

#[tokio::test]
async fn an_early_answer_reaches_a_client_that_is_still_sending() {
    let numbers: Vec<String> = (0..20_000).map(|n| format!("+336{n:08}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let large = campaign(&numbers, "");
    for protocol in BOTH {
        let rule = FaultRule {
            status: Some(503),
            ..FaultRule::new(At::BeforeRead, Deed::Status)
        };
        let mock = faulty(rule).await;
        for _ in 0..20 {
            let mut client = Client::connect(mock.addr(), protocol).await;
            let answer = client.send(&large).await;
            assert_eq!(answer.expect("an answer").status, 503, "{protocol:?}");
        }
    }
}

#[tokio::test]
async fn a_status_may_have_any_body() {
    let rule = FaultRule {
        status: Some(502),
        body: Some("<html>".into()),
        ..FaultRule::new(At::AfterRead, Deed::Status)
    };
    let (_mock, answer) = meet(rule, Protocol::Http2).await;
    assert_eq!(answer.expect("an answer").text(), "<html>");
}

#[tokio::test]
async fn garbage_is_a_success_that_is_no_json() {
    for protocol in BOTH {
        let (mock, answer) = meet(FaultRule::new(At::AfterCommit, Deed::Garbage), protocol).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 201);
        assert!(serde_json::from_slice::<serde_json::Value>(&answer.body).is_err());
        assert_eq!(committed(&mock), 1);
    }
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_in_its_body() {
    for protocol in BOTH {
        let (mock, answer) = meet(FaultRule::new(At::AfterCommit, Deed::Truncate), protocol).await;
        assert!(answer.is_err(), "{protocol:?}");
        assert_eq!(committed(&mock), 1);
        // The head was sent: the break is in the body.
        assert_eq!(mock.stats().together.by_status.get(&201), Some(&1));
    }
    let mock = faulty(FaultRule::new(At::AfterCommit, Deed::Truncate)).await;
    let (read, _) = raw(mock.addr(), &http1_bytes(&campaign(&[NUMBER], ""))).await;
    let read = String::from_utf8_lossy(&read);
    let (head, body) = read.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("HTTP/1.1 201") && head.contains("content-length: "),
        "{head}"
    );
    assert!(
        body.starts_with(r#"{"sms_ticket""#) && !body.ends_with('}'),
        "{body}"
    );
}

#[tokio::test]
async fn a_trickled_answer_arrives_whole() {
    for protocol in BOTH {
        let rule = FaultRule {
            ms: 1,
            ..FaultRule::new(At::AfterCommit, Deed::Trickle)
        };
        let (mock, answer) = meet(rule, protocol).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.json()["sms_ticket"], mock.tickets()[0].ticket.as_str());
    }
}

#[tokio::test]
async fn a_delay_holds_the_request_back_and_lets_it_go_on() {
    for (at, before) in [(At::AfterRead, 0), (At::AfterCommit, 1)] {
        // Longer than any test waits: the client gives up, and what was committed by then shows the point.
        let mock = faulty(FaultRule {
            ms: 3_600_000,
            ..FaultRule::new(at, Deed::Delay)
        })
        .await;
        let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
        let body = campaign(&[NUMBER], "");
        let mut waiting = Box::pin(client.send(&body));
        while mock.stats().faults_hit != [1] {
            tokio::select! {
                answer = &mut waiting => panic!("answered: {answer:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        assert_eq!(committed(&mock), before, "{at:?}");
    }
    let (mock, answer) = meet(
        FaultRule {
            ms: 1,
            ..FaultRule::new(At::AfterRead, Deed::Delay)
        },
        Protocol::Http1,
    )
    .await;
    assert_eq!(answer.expect("an answer").status, 201);
    assert_eq!(committed(&mock), 1);
}

#[tokio::test]
async fn conditions_choose_the_request() {
    let mock = mock(Config::default()).await;
    let status = |rule: FaultRule| FaultRule {
        status: Some(503),
        ..rule
    };
    let script = FaultScript {
        seed: None,
        rules: vec![
            status(FaultRule {
                request: Some(2),
                ..FaultRule::new(At::BeforeRead, Deed::Status)
            }),
            status(FaultRule {
                number: Some(NUMBER.into()),
                ..FaultRule::new(At::AfterRead, Deed::Status)
            }),
            status(FaultRule {
                path: Some("wallet".into()),
                ..FaultRule::new(At::AfterRead, Deed::Status)
            }),
        ],
    };
    mock.set_faults(script).expect("rules");
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let mut check = async |number: &str, expected: u16| {
        assert_eq!(
            client
                .send(&campaign(&[number], ""))
                .await
                .expect("an answer")
                .status,
            expected
        );
    };
    check("+33612345671", 201).await;
    check("+33612345672", 503).await;
    check("+33612345673", 201).await;
    check(NUMBER, 503).await;
    check("+33612345674", 201).await;
    assert_eq!(
        client
            .ask(http::Method::GET, BALANCE, "")
            .await
            .expect("an answer")
            .status,
        503
    );
    assert_eq!(mock.stats().faults_hit, [1, 1, 1]);
    mock.clear_faults();
    client.reach(NUMBER).await;
}
