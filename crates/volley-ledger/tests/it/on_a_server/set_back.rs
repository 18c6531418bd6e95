//! A server whose clock is set back while runs lease tokens by it.

use std::time::{Duration, Instant};

use volley_ledger::{Among, Changes, Company, Ledger, Opening, RunLimits, Terms, Token};

use super::server_stage;
use crate::stage::{Stage, at, identity};

/// A token's life, how late one may be used at a hundred a second, and how long a cool-down may last.
const LIFE: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_millis(50);
const COOL_DOWN_MAX: i64 = 15 * 60 * 1_000_000;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A run that may lease.
fn joined(stage: &Stage, requests_per_second: f64) -> Company {
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    let limits = RunLimits {
        requests_per_second,
        burst: 1,
        recipients_per_second: Some(1000.0 * requests_per_second),
        max_in_flight: 10,
    };
    ledger.agree_on(limits, Terms::default());
    let entry = ledger.enter(&identity(), Changes::Refuse, at(1)).unwrap();
    ledger.join(&entry, &limits, at(1)).unwrap().unwrap()
}

/// From now on the server's clock is an hour behind what it was.
fn set_back(stage: &Stage) {
    stage.administer(
        "CREATE OR REPLACE FUNCTION server_time() RETURNS bigint LANGUAGE sql VOLATILE \
         RETURN (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 3600000000",
    );
}

async fn lease(among: &Among, count: u32) -> Vec<Token> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        let leased = tokio::time::timeout(PATIENCE, among.lease(500)).await;
        tokens.push(leased.expect("a token before an hour is over").unwrap());
    }
    tokens
}

/// How far ahead of the server's clock a moment of the pace is, in microseconds.
fn ahead(stage: &Stage, moment: &str) -> i64 {
    let query = format!("SET search_path = volley; SELECT {moment} - server_time() FROM pace");
    stage.database().psql(&query).parse().unwrap()
}

/// Until the run has looked at the rows so many times.
async fn wait_for_beats(stage: &Stage, beats: i64) {
    let beat = || stage.row("SELECT max(beat) FROM run").parse::<i64>().unwrap();
    let least = beat() + beats;
    let begun = Instant::now();
    while beat() < least {
        assert!(begun.elapsed() < PATIENCE, "the run shows no life");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn tokens_go_on_and_none_that_was_leased_before_is_good_by_then() {
    let Some(stage) = server_stage() else { return };
    let company = joined(&stage, 100.0);
    let before = lease(&company.among, 20).await;
    let set = Instant::now();
    set_back(&stage);
    let after = lease(&company.among, 20).await;
    let last_void = before.iter().map(|token| token.void).max().unwrap();
    assert!(after[0].due >= set + LIFE, "{:?}", after[0].due - set);
    assert!(after[0].due >= last_void);
    // Each is void so long after the moment that it is for, at the latest, and due at that moment, at the soonest.
    assert!(
        after[19].due + LATE >= after[0].void + Duration::from_millis(190),
        "{after:?}"
    );
}

#[tokio::test]
async fn a_cool_down_lasts_no_longer_than_one_may() {
    let Some(stage) = server_stage() else { return };
    let company = joined(&stage, 100.0);
    company.among.cool_down(Duration::from_mins(1));
    let mut news = company.among.news();
    news.wait_for(|news| news.cool_until.is_some()).await.unwrap();
    set_back(&stage);
    wait_for_beats(&stage, 2).await;
    let cooled = ahead(&stage, "cool_until");
    assert!(
        cooled <= COOL_DOWN_MAX && cooled > COOL_DOWN_MAX - 20_000_000,
        "{cooled}"
    );
    let heard = company.among.news().borrow().cool_until.unwrap();
    assert!(heard <= Instant::now() + Duration::from_micros(COOL_DOWN_MAX.unsigned_abs()));
}

#[tokio::test]
async fn what_may_be_that_far_ahead_stays_as_it_is() {
    let Some(stage) = server_stage() else { return };
    // A request in a hundred seconds.
    let company = joined(&stage, 0.01);
    lease(&company.among, 1).await;
    company
        .among
        .cool_down(Duration::from_micros(COOL_DOWN_MAX.unsigned_abs()));
    let mut news = company.among.news();
    news.wait_for(|news| news.cool_until.is_some()).await.unwrap();
    wait_for_beats(&stage, 2).await;
    for (moment, least) in [
        ("next_request_at", 80_000_000),
        ("cool_until", COOL_DOWN_MAX - 20_000_000),
    ] {
        let found = ahead(&stage, moment);
        assert!(found >= least, "{moment}: {found}");
    }
}

#[tokio::test]
async fn a_trial_may_be_taken_over_as_soon_as_its_run_said() {
    let Some(stage) = server_stage() else { return };
    let first = joined(&stage, 100.0);
    let second = joined(&stage, 100.0);
    first.among.close();
    let mut news = first.among.news();
    news.wait_for(|news| news.gate.closed).await.unwrap();
    assert!(first.among.try_alone(Duration::from_secs(1)).await);
    set_back(&stage);
    let begun = Instant::now();
    while !second.among.try_alone(Duration::from_secs(1)).await {
        assert!(begun.elapsed() < PATIENCE, "it is the other's for an hour");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(800),
        "{:?}",
        begun.elapsed()
    );
}
