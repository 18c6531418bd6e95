//! The pacer, in paused time: it stands still but where everybody waits.

use std::num::NonZeroU32;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use tokio::time::Instant;
use volley_transport::{Limit, Pace, PaceConfig};

fn config(requests_per_second: f64, burst: u32) -> PaceConfig {
    PaceConfig {
        requests_per_second,
        burst: NonZeroU32::new(burst).unwrap(),
        recipients_per_second: None,
        batch_size: NonZeroU32::new(500).unwrap(),
    }
}

fn with_recipients(recipients_per_second: f64) -> PaceConfig {
    PaceConfig {
        recipients_per_second: Some(recipients_per_second),
        ..config(1_000.0, 10)
    }
}

/// Takes that many tokens one after another; when each came, in seconds from the start.
async fn moments(pace: &Pace, tokens: usize, recipients: u32) -> Vec<f64> {
    let start = Instant::now();
    let mut moments = Vec::with_capacity(tokens);
    for _ in 0..tokens {
        pace.token(recipients).await;
        moments.push(start.elapsed().as_secs_f64());
    }
    moments
}

/// No window between any two tokens holds more than rate × its length + burst.
fn assert_never_faster(moments: &[f64], rate: f64, burst: f64) {
    for (first, start) in moments.iter().enumerate() {
        for (last, end) in moments.iter().enumerate().skip(first) {
            let count = f64::from(u32::try_from(last - first + 1).unwrap());
            let most = rate * (end - start) + burst;
            assert!(count <= most + 1e-6, "{count} in {start}..={end}, at most {most}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_bucket_starts_empty() {
    let pace = Pace::new(config(10.0, 5));
    let first = moments(&pace, 1, 0).await[0];
    assert!(first >= 0.1, "{first}");
}

#[tokio::test(start_paused = true)]
async fn the_rate_holds_in_every_window_and_is_reached() {
    // Paused time goes by in milliseconds: with one token of depth only rates of whole milliseconds can be reached.
    for (rate, burst) in [(4.0, 1), (125.0, 1), (300.0, 3), (5_000.0, 50)] {
        let pace = Pace::new(config(rate, burst));
        let count = 300;
        let moments = moments(&pace, count, 0).await;
        assert_never_faster(&moments, rate, f64::from(burst));
        let ideal = 300.0 / rate;
        let took = moments[count - 1];
        assert!(
            took <= ideal / 0.98 + 0.002,
            "{rate}: {took} s, {ideal} s are enough"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pause_gathers_one_burst_and_no_more() {
    let pace = Pace::new(config(10.0, 5));
    tokio::time::advance(Duration::from_mins(1)).await;
    let moments = moments(&pace, 20, 0).await;
    assert_eq!(moments.iter().filter(|moment| **moment < 0.05).count(), 5);
    assert_never_faster(&moments, 10.0, 5.0);
}

#[tokio::test(start_paused = true)]
async fn tokens_come_in_the_order_of_the_calls() {
    let pace = Pace::new(config(100.0, 1));
    let order = std::sync::Mutex::new(Vec::new());
    let tokens: FuturesOrdered<_> = (0..50)
        .map(|caller| {
            let (pace, order) = (&pace, &order);
            async move {
                pace.token(caller % 7).await;
                order.lock().unwrap().push(caller);
            }
        })
        .collect();
    tokens.collect::<Vec<()>>().await;
    assert_eq!(order.into_inner().unwrap(), (0..50).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_takes_nothing_along() {
    let pace = Pace::new(with_recipients(1_000.0));
    let start = Instant::now();
    // The head has its 500 recipients' tokens after half a second, and would wait on for its request's.
    pace.cool_down(Duration::from_secs(1));
    let given_up = tokio::time::timeout(Duration::from_millis(700), pace.token(500)).await;
    assert!(given_up.is_err());
    pace.token(500).await;
    let first = start.elapsed();
    assert!(
        first < Duration::from_millis(1_010),
        "{first:?}: those tokens were paid for already"
    );
    pace.token(500).await;
    let second = start.elapsed();
    assert!(second >= Duration::from_secs(1), "{second:?}");
    pace.token(500).await;
    let third = start.elapsed();
    assert!(third >= Duration::from_millis(1_500), "{third:?}: but only once");
}

#[tokio::test(start_paused = true)]
async fn recipients_are_counted_with_a_bucket_of_one_batch() {
    let pace = Pace::new(with_recipients(1_000.0));
    let moments = moments(&pace, 10, 500).await;
    for (index, moment) in moments.iter().enumerate() {
        let ideal = 0.5 * f64::from(u32::try_from(index + 1).unwrap());
        assert!((ideal..ideal + 0.01).contains(moment), "{index}: {moment}");
    }
    assert_eq!(pace.waiting_for(), Limit::RecipientsPerSecond);
}

#[tokio::test(start_paused = true)]
async fn more_recipients_than_the_bucket_holds_take_their_time() {
    let pace = Pace::new(with_recipients(1_000.0));
    let took = moments(&pace, 1, 1_700).await[0];
    assert!((1.7..1.72).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_cool_down_holds_everybody_and_the_later_one_counts() {
    let pace = Pace::new(config(100.0, 1));
    let start = Instant::now();
    pace.token(0).await;
    assert_eq!(pace.waiting_for(), Limit::RequestsPerSecond);
    let waiting = tokio::spawn({
        let pace = pace.clone();
        async move { pace.token(0).await }
    });
    tokio::task::yield_now().await;
    pace.cool_down(Duration::from_secs(5));
    pace.cool_down(Duration::from_secs(1));
    assert_eq!(pace.waiting_for(), Limit::CoolDown);
    waiting.await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(pace.waiting_for(), Limit::CoolDown);
    pace.token(0).await;
    assert_eq!(pace.waiting_for(), Limit::RequestsPerSecond);
    tokio::time::advance(Duration::from_secs(1)).await;
    pace.token(0).await;
    assert_eq!(pace.waiting_for(), Limit::None);
}

#[tokio::test(start_paused = true)]
async fn approach_returns_twenty_milliseconds_ahead_and_takes_nothing() {
    let pace = Pace::new(config(0.5, 1));
    let start = Instant::now();
    pace.approach(0).await;
    let approached = start.elapsed();
    assert!(
        (Duration::from_millis(1_980)..Duration::from_millis(1_984)).contains(&approached),
        "{approached:?}"
    );
    pace.token(0).await;
    let first = start.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_millis(2_004)).contains(&first),
        "{first:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn approach_counts_those_who_wait_already_and_the_cool_down() {
    let pace = Pace::new(config(1.0, 1));
    let start = Instant::now();
    let queue: Vec<_> = (0..3)
        .map(|_| {
            let pace = pace.clone();
            tokio::spawn(async move { pace.token(0).await })
        })
        .collect();
    tokio::task::yield_now().await;
    pace.approach(0).await;
    let approached = start.elapsed();
    assert!(
        (Duration::from_millis(3_980)..Duration::from_millis(3_990)).contains(&approached),
        "{approached:?}"
    );
    for token in queue {
        token.await.unwrap();
    }
    pace.cool_down(Duration::from_mins(1));
    pace.approach(0).await;
    assert!(start.elapsed() >= approached + Duration::from_millis(59_980));
}

#[tokio::test(start_paused = true)]
async fn approach_counts_recipients_too() {
    let pace = Pace::new(with_recipients(100.0));
    let start = Instant::now();
    pace.approach(500).await;
    let approached = start.elapsed();
    assert!(
        (Duration::from_millis(4_980)..Duration::from_millis(4_990)).contains(&approached),
        "{approached:?}"
    );
}

/// Six turns at 300 a second are 20 ms and 4 ns: whoever looked again and again behind a full bucket for the last 4 ns of them
/// kept the six from being polled.
#[test]
fn whoever_approaches_lets_those_of_its_own_task_take_their_tokens() {
    let (done, is_done) = std::sync::mpsc::channel();
    // A thread of its own: a task that never yields cannot be timed out from within.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let pace = Pace::new(config(300.0, 1));
            let mut ahead: FuturesOrdered<_> = (0..6).map(|_| pace.token(0)).collect();
            assert!(
                futures::poll!(ahead.next()).is_pending(),
                "the bucket began empty"
            );
            // The machine is busy: the bucket fills, and nobody is woken.
            std::thread::park_timeout(Duration::from_millis(10));
            futures::join!(pace.approach(0), ahead.collect::<Vec<_>>());
        });
        done.send(()).unwrap();
    });
    is_done
        .recv_timeout(Duration::from_secs(30))
        .expect("it looks again and again, and never lets the others go on");
}
