//! A pool for a test, and one request through it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use volley_model::{Answer, AnswerBody, Evidence, Unsent};
use volley_transport::{CONNECT_TIMEOUT, Endpoint, Http2, Pool, PoolConfig};

/// Longer than any test takes: where it passes, something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config(address: SocketAddr, connections: usize) -> PoolConfig {
    PoolConfig {
        base: Endpoint::parse(&format!("http://{address}/v1")).unwrap(),
        connections: NonZeroUsize::new(connections).unwrap(),
        http2: Http2::Auto,
        ca_file: None,
        idle_timeout: Duration::from_mins(1),
        max_requests_per_connection: 0,
        fresh_connections: false,
        connect_timeout: CONNECT_TIMEOUT,
    }
}

pub(crate) fn pool(address: SocketAddr, connections: usize) -> Pool {
    Pool::new(config(address, connections)).unwrap()
}

pub(crate) fn post(path: &str, body: &'static str) -> Request<Bytes> {
    Request::post(path)
        .header("content-type", "application/json")
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

pub(crate) async fn attempt_within(pool: &Pool, timeout: Duration) -> Evidence {
    match pool.ready().await {
        Ok(ready) => undated(
            ready
                .send(post("/send?n=1", "{\"to\":[1]}"), timeout)
                .await
                .evidence,
        ),
        Err(unsent) => Evidence::Unsent(unsent),
    }
}

/// The evidence without the answer's date, which is the server's clock's and no test's.
pub(crate) fn undated(evidence: Evidence) -> Evidence {
    match evidence {
        Evidence::Answered(answer) => Evidence::Answered(Answer { date: None, ..answer }),
        other => other,
    }
}

pub(crate) async fn attempt(pool: &Pool) -> Evidence {
    attempt_within(pool, PATIENCE).await
}

pub(crate) fn answered(status: u16, body: &'static str) -> Evidence {
    Evidence::Answered(Answer {
        status,
        retry_after: None,
        date: None,
        body: AnswerBody::Whole(Bytes::from_static(body.as_bytes())),
    })
}

/// Tries until there is an answer; counts the tries that were proven harmless, and fails on any other.
pub(crate) async fn attempt_until_answered(pool: &Pool) -> usize {
    for harmless in 0..1_000 {
        match attempt(pool).await {
            Evidence::Answered(_) => return harmless,
            // Harmless, but it took all our patience: the request was forgotten in a queue.
            Evidence::Unsent(Unsent::Cancelled(detail)) if detail.contains("in time") => panic!("{detail}"),
            Evidence::Unsent(_) | Evidence::NotProcessed(_) => {}
            Evidence::Lost(lost) => panic!("lost: {lost:?}"),
        }
    }
    panic!("no answer in 1,000 tries");
}
