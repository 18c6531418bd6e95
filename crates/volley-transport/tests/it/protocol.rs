//! Which protocol is spoken, and how a request looks in each.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use volley_model::{AnswerBody, Evidence, Lost, Unsent};
use volley_transport::{Http2, Pool, Protocol};

use crate::client::{PATIENCE, answered, attempt, attempt_until_answered, attempt_within, config, pool};
use crate::peer;
use crate::server::{self, Speaks};

const BODY: &str = "{\"to\":[1]}";

async fn check(speaks: Speaks, http2: Http2, expected: Version) {
    let (address, log) = server::start(speaks).await;
    let mut config = config(address, 2);
    config.http2 = http2;
    let pool = Pool::new(config).unwrap();
    for _ in 0..4 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.versions(), [expected; 4]);
    for seen in &*log.requests.lock().unwrap() {
        assert_eq!(seen.target, "/v1/send?n=1");
        assert_eq!(seen.host.as_deref(), Some(address.to_string().as_str()));
        assert_eq!(
            seen.user_agent.as_deref(),
            Some(concat!("volley/", env!("CARGO_PKG_VERSION")))
        );
        assert_eq!(seen.content_length.as_deref(), Some("10"));
        assert_eq!(seen.body, BODY);
    }
}

#[tokio::test]
async fn cleartext_speaks_what_was_asked_for() {
    check(Speaks::Both, Http2::Auto, Version::HTTP_2).await;
    check(Speaks::Both, Http2::Always, Version::HTTP_2).await;
    check(Speaks::Both, Http2::Never, Version::HTTP_11).await;
    check(Speaks::Http1, Http2::Auto, Version::HTTP_11).await;
    check(Speaks::Http1, Http2::Never, Version::HTTP_11).await;
}

#[tokio::test]
async fn bodies_larger_than_a_window_arrive_whole() {
    for http2 in [Http2::Always, Http2::Never] {
        let (address, log) = server::start(Speaks::Both).await;
        let mut config = config(address, 1);
        config.http2 = http2;
        let pool = Pool::new(config).unwrap();
        let body: Bytes = (0..900_000_u32).map(|index| index.to_le_bytes()[0]).collect();
        let attempts = (0..4).map(async |_| {
            let request = Request::post("/send").body(body.clone()).unwrap();
            pool.ready().await.unwrap().send(request, PATIENCE).await.evidence
        });
        for evidence in futures::future::join_all(attempts).await {
            let Evidence::Answered(answer) = evidence else {
                panic!("{evidence:?}")
            };
            assert_eq!(answer.body, AnswerBody::Whole(body.clone()));
        }
        assert_eq!(log.connections(), 1);
    }
}

#[tokio::test]
async fn the_fall_back_is_gone_through_once() {
    let (address, log) = server::start(Speaks::Http1).await;
    let mut config = config(address, 1);
    config.max_requests_per_connection = 1;
    let pool = Pool::new(config).unwrap();
    for _ in 0..5 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.connections.load(Ordering::SeqCst), 2 + 5);
    assert_eq!(pool.stats().protocol, Some(Protocol::Http1));
}

#[tokio::test]
async fn always_does_not_fall_back() {
    let (address, log) = server::start(Speaks::Http1).await;
    let mut config = config(address, 1);
    config.http2 = Http2::Always;
    let evidence = attempt(&Pool::new(config).unwrap()).await;
    assert!(
        matches!(evidence, Evidence::Unsent(Unsent::Connect(_))),
        "{evidence:?}"
    );
    assert!(log.versions().is_empty());
}

#[tokio::test]
async fn a_server_that_answers_the_preface_in_http1_is_one() {
    let (listener, address) = peer::listen().await;
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut start = [0; 4];
                tcp.read_exact(&mut start).await.unwrap();
                let status = if &start == b"PRI " {
                    "400 Bad Request"
                } else {
                    "200 OK"
                };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
                tcp.write_all(answer.as_bytes()).await.unwrap();
                let mut rest = Vec::new();
                tcp.shutdown().await.unwrap();
                let _ = tcp.read_to_end(&mut rest).await;
            });
        }
    });
    assert_eq!(attempt(&pool(address, 1)).await, answered(200, "ok"));
}

#[tokio::test]
async fn a_peer_that_never_sends_settings_gets_no_request() {
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = peer::Peer::accept_silently(&listener).await;
        assert!(peer.next().await.is_none(), "a stream before SETTINGS");
    });
    let mut config = config(address, 1);
    config.connect_timeout = Duration::from_millis(100);
    let pool = Pool::new(config).unwrap();
    let evidence = attempt(&pool).await;
    assert!(
        matches!(evidence, Evidence::Unsent(Unsent::Connect(_))),
        "{evidence:?}"
    );
    server.await.unwrap();
    drop(pool);
}

/// An HTTP/1.1 peer that reads a whole request and then writes that, and ends.
async fn http1(answer: &'static str, timeout: Duration) -> Evidence {
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(BODY.as_bytes()) {
            assert!(tcp.read_buf(&mut request).await.unwrap() > 0);
        }
        if answer.is_empty() {
            // Nothing is said; the client's patience decides, and it must hang up then.
            assert_eq!(tcp.read_buf(&mut request).await.unwrap(), 0);
        }
        tcp.write_all(answer.as_bytes()).await.unwrap();
    });
    let mut config = config(address, 1);
    config.http2 = Http2::Never;
    let evidence = attempt_within(&Pool::new(config).unwrap(), timeout).await;
    server.await.unwrap();
    evidence
}

#[tokio::test]
async fn http1_answers_that_break_off() {
    let long = PATIENCE;
    let evidence = http1("HTTP/1.1 2", long).await;
    assert!(matches!(evidence, Evidence::Lost(Lost::Eof(_))), "{evidence:?}");
    let evidence = http1("garbage\r\n\r\n", long).await;
    assert!(
        matches!(evidence, Evidence::Lost(Lost::Protocol(_))),
        "{evidence:?}"
    );
    for cut in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
    ] {
        let Evidence::Answered(answer) = http1(cut, long).await else {
            panic!("{cut}")
        };
        assert_eq!((answer.status, answer.body), (200, AnswerBody::Cut), "{cut}");
    }
    let Evidence::Answered(answer) =
        http1("HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\nabc", long).await
    else {
        panic!()
    };
    assert_eq!(answer.body, AnswerBody::TooLarge);
}

#[tokio::test]
async fn an_http1_timeout_closes_its_connection() {
    let evidence = http1("", Duration::from_millis(50)).await;
    assert_eq!(evidence, Evidence::Lost(Lost::Timeout));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http1_connections_that_close_after_five_requests_lose_none() {
    let (listener, address) = peer::listen().await;
    tokio::spawn(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                for served in 1..=5 {
                    let mut request = Vec::new();
                    while !request.ends_with(BODY.as_bytes()) {
                        if tcp.read_buf(&mut request).await.unwrap() == 0 {
                            return;
                        }
                    }
                    let close = if served == 5 { "connection: close\r\n" } else { "" };
                    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{close}\r\nok");
                    tcp.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    let mut config = config(address, 3);
    config.http2 = Http2::Never;
    let pool = Pool::new(config).unwrap();
    let attempts = (0..100).map(|_| attempt_until_answered(&pool));
    let harmless: usize = futures::future::join_all(attempts).await.into_iter().sum();
    assert_eq!(harmless, 0, "a connection that says it closes is not used again");
    // Twenty full ones, or two more where the last three are not full.
    assert!((20..=22).contains(&pool.stats().opened), "{:?}", pool.stats());
}
