//! A batch over the wire: handed over, answered by the mock, judged; so many in flight on one connection.

use std::num::NonZeroUsize;
use std::time::Duration;

use divan::counter::{BytesCount, ItemsCount};
use futures::future::join_all;
use volley_model::{Evidence, SealedBatch};
use volley_provider::octopush::Octopush;
use volley_provider::{OctopushCredentials, Secret};
use volley_transport::{CONNECT_TIMEOUT, Endpoint, Http2, Pool, PoolConfig};

use crate::support;

/// Longer than an answer takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Requests a measured round.
const BATCHES: usize = 16;

#[divan::bench(args = [1, 16], sample_count = 20)]
fn send(bencher: divan::Bencher<'_, '_>, in_flight: usize) {
    let mock = mock_server::spawn_thread(mock_server::Config::default()).expect("a mock");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let base = Endpoint::parse(&format!("{}/v1/public", mock.base_url())).expect("an address");
    let pool = runtime
        .block_on(async { Pool::new(config(base)) })
        .expect("a pool");
    let octopush = Octopush::new(&OctopushCredentials {
        login: "load@example.org".to_owned(),
        key: Secret::new("key"),
    })
    .expect("credentials");
    let batch = support::sealed();
    let mut made = 0;
    bencher
        .counter(ItemsCount::new(BATCHES * batch.members.len()))
        .counter(BytesCount::new(BATCHES * batch.body.len()))
        .bench_local(|| {
            let mut left = BATCHES;
            while left > 0 {
                let round = left.min(in_flight);
                let sent = (0..round).map(|_| {
                    made += 1;
                    exchange(&pool, &octopush, &batch, made)
                });
                runtime.block_on(join_all(sent.collect::<Vec<_>>()));
                left -= round;
            }
        });
}

async fn exchange(pool: &Pool, octopush: &Octopush, batch: &SealedBatch, nth: u64) {
    // Another key, or the mock would refuse it as sent already.
    let body = String::from_utf8_lossy(&batch.body).replace(&batch.key.0, &format!("key{nth:020}"));
    let ready = pool.ready().await.expect("a connection");
    let attempt = ready.send(octopush.send_request(body.into()), PATIENCE).await;
    assert!(
        matches!(&attempt.evidence, Evidence::Answered(answer) if answer.status == 201),
        "{:?}",
        attempt.evidence
    );
}

fn config(base: Endpoint) -> PoolConfig {
    PoolConfig {
        base,
        connections: NonZeroUsize::MIN,
        http2: Http2::Auto,
        ca_file: None,
        idle_timeout: Duration::from_mins(1),
        max_requests_per_connection: 0,
        fresh_connections: false,
        connect_timeout: CONNECT_TIMEOUT,
    }
}
