//! Places and connections.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use volley_model::{Evidence, Unsent};
use volley_transport::{Pool, Protocol};

use crate::client::{answered, attempt, attempt_until_answered, config, pool};
use crate::peer::{self, NO_ERROR, Peer};
use crate::server::{self, Speaks};

const BODY: &str = "{\"to\":[1]}";

#[tokio::test]
async fn requests_take_turns_on_n_connections() {
    let (address, log) = server::start(Speaks::Both).await;
    let pool = pool(address, 4);
    for _ in 0..12 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.connections(), 4);
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.open), (4, 4));
    assert_eq!(stats.protocol, Some(Protocol::Http2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_stay_on_n_connections() {
    let (address, log) = server::start(Speaks::Both).await;
    let pool = pool(address, 3);
    let attempts: FuturesUnordered<_> = (0..500).map(|_| attempt(&pool)).collect();
    let evidence: Vec<Evidence> = attempts.collect().await;
    assert_eq!(evidence.len(), 500);
    assert!(evidence.iter().all(|evidence| *evidence == answered(201, BODY)));
    assert_eq!(log.connections(), 3);
}

#[tokio::test]
async fn a_connection_is_replaced_after_its_share_of_requests() {
    let (address, log) = server::start(Speaks::Both).await;
    let mut config = config(address, 1);
    config.max_requests_per_connection = 3;
    let pool = Pool::new(config).unwrap();
    for _ in 0..7 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.connections(), 3);
}

#[tokio::test]
async fn an_idle_connection_is_not_used_again() {
    let (address, log) = server::start(Speaks::Both).await;
    let mut config = config(address, 1);
    config.idle_timeout = Duration::ZERO;
    let pool = Pool::new(config).unwrap();
    for _ in 0..3 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.connections(), 3);
}

#[tokio::test]
async fn fresh_connections_serve_one_request_each() {
    for speaks in [Speaks::Both, Speaks::Http1] {
        let (address, log) = server::start(speaks).await;
        let mut config = config(address, 1);
        config.fresh_connections = true;
        let pool = Pool::new(config).unwrap();
        let before = match speaks {
            Speaks::Both => 0,
            // The fall-back, once.
            Speaks::Http1 => 2,
        };
        for _ in 0..5 {
            assert_eq!(attempt(&pool).await, answered(201, BODY));
        }
        assert_eq!(log.connections(), before + 5);
    }
}

#[tokio::test]
async fn a_cold_burst_keeps_to_one_stream_at_a_time_where_the_peer_wants_it() {
    let (listener, address) = peer::listen().await;
    let server = tokio::spawn(async move {
        let mut peer = Peer::accept_silently(&listener).await;
        // The client has every reason to send already, and must not.
        peer.settings(Some(1)).await;
        let mut last = 0;
        while let Some(frame) = peer.next().await {
            if frame.kind == peer::HEADERS {
                assert_eq!(last % 2, 0, "a second stream while one is open");
                last += 1;
            }
            if frame.kind == peer::DATA && frame.flags & peer::END_STREAM != 0 {
                last += 1;
                peer.answer(frame.stream, "ok").await;
            }
        }
        last / 2
    });
    let pool = pool(address, 1);
    let attempts: FuturesUnordered<_> = (0..100).map(|_| attempt(&pool)).collect();
    let evidence: Vec<Evidence> = attempts.collect().await;
    assert!(
        evidence.iter().all(|evidence| *evidence == answered(200, "ok")),
        "{evidence:?}"
    );
    drop(pool);
    assert_eq!(server.await.unwrap(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_goes_away_after_five_requests_loses_none() {
    let (listener, address) = peer::listen().await;
    tokio::spawn(async move {
        loop {
            let mut peer = Peer::accept(&listener, Some(128)).await;
            tokio::spawn(async move {
                let mut last = 0;
                for _ in 0..5 {
                    let Some(stream) = peer.request().await else {
                        return;
                    };
                    last = stream;
                    peer.answer(stream, "ok").await;
                }
                peer.go_away(last, NO_ERROR).await;
                peer.close().await;
            });
        }
    });
    let pool = pool(address, 3);
    let attempts: FuturesUnordered<_> = (0..200).map(|_| attempt_until_answered(&pool)).collect();
    let harmless: Vec<usize> = attempts.collect().await;
    assert_eq!(harmless.len(), 200);
    assert!(harmless.iter().sum::<usize>() > 0, "the fault was never hit");
}

#[tokio::test]
async fn who_waits_gets_the_place_of_one_who_gives_up() {
    let (listener, address) = peer::listen().await;
    tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, Some(1)).await;
        while let Some(stream) = peer.request().await {
            peer.answer(stream, "ok").await;
        }
    });
    let pool = Arc::new(pool(address, 1));
    let held = pool.ready().await.unwrap();
    let (mut first, mut second) = (Box::pin(pool.ready()), Box::pin(attempt(&pool)));
    assert!(futures::poll!(&mut first).is_pending());
    assert!(futures::poll!(&mut second).is_pending());
    drop(held);
    drop(first);
    assert_eq!(second.await, answered(200, "ok"));
}

#[tokio::test]
async fn a_refused_port_fails_everybody_who_waits() {
    let (listener, address) = peer::listen().await;
    drop(listener);
    let pool = pool(address, 2);
    let attempts: FuturesUnordered<_> = (0..50).map(|_| attempt(&pool)).collect();
    let evidence: Vec<Evidence> = attempts.collect().await;
    assert_eq!(evidence.len(), 50);
    for evidence in evidence {
        assert!(
            matches!(evidence, Evidence::Unsent(Unsent::Connect(_))),
            "{evidence:?}"
        );
    }
}

#[tokio::test]
async fn a_pool_recovers_when_the_server_is_back() {
    let (listener, address) = peer::listen().await;
    drop(listener);
    let pool = pool(address, 1);
    assert!(matches!(attempt(&pool).await, Evidence::Unsent(_)));
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move {
        let mut peer = Peer::accept(&listener, None).await;
        while let Some(stream) = peer.request().await {
            peer.answer(stream, "ok").await;
        }
    });
    assert_eq!(attempt(&pool).await, answered(200, "ok"));
}

#[test]
fn futures_may_move_between_threads() {
    fn check<T: Send>(_: T) {}
    let pool = pool("127.0.0.1:1".parse().unwrap(), 1);
    check(pool.ready());
    check(attempt(&pool));
    check(pool.clone());
}
