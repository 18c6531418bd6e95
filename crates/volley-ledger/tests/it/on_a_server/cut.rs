//! Connections that are lost, servers that die and come back, and servers that come back as they were before.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use test_postgres::{Server, is_there};
use volley_ledger::{Changes, Intended, Ledger, LedgerError, Opening, RunEnd, Terms, verify};
use volley_model::LineCounts;

use super::proxy::{Cut, Proxy};
use super::server_stage;
use crate::stage::Durably as _;
use crate::stage::{Run, Stage, accepted, at, conclusion, doubt, identity, intent};

/// A run that speaks with the server by way of a proxy.
fn through(path: impl AsRef<Path>) -> Run {
    let mut ledger = Ledger::open(path.as_ref(), Opening::MakeIfMissing, at(0)).unwrap();
    let entry = ledger.enter(&identity(), Changes::Refuse, at(1)).unwrap();
    let (writer, thread) = ledger.start(entry.run);
    Run {
        entry,
        writer,
        thread,
        company: None,
    }
}

async fn every_order_once(cut: Cut) {
    let Some(stage) = server_stage() else { return };
    let proxy = Proxy::of(stage.database());
    let run = through(&proxy.path);
    proxy.arm(cut);
    let first = run.writer.intended(intent(&[1], 0)).await.unwrap();
    assert!(proxy.has_cut(), "{cut:?}");
    proxy.arm(cut);
    let outcome = accepted("t1", Some("0.1"));
    run.writer.conclude(first, conclusion(outcome)).await.unwrap();
    proxy.arm(cut);
    let body = run.writer.body(first).await.unwrap();
    assert_eq!(body, None);
    proxy.arm(cut);
    let second = run.writer.intended(intent(&[2], 0)).await.unwrap();
    proxy.arm(cut);
    run.writer.conclude(second, conclusion(doubt())).await.unwrap();
    proxy.arm(cut);
    run.writer.absent(vec![second], at(6)).await.unwrap();
    let lines = LineCounts {
        duplicate: 4,
        ..LineCounts::default()
    };
    proxy.arm(cut);
    run.writer.book_lines(lines).await.unwrap();
    // Refused as ever, and nothing of it is left.
    proxy.arm(cut);
    let key = run.writer.intend(intent(&[2], 0)).await.unwrap();
    assert!(matches!(key, Intended::Held(_)), "{key:?}");
    let end = RunEnd {
        outcome: "doubtful".to_owned(),
        reason: None,
        exit_code: 4,
        lines_settled: 0,
        lines_freed: 0,
        lines_refused: 0,
        at: at(9),
    };
    proxy.arm(cut);
    run.writer.end_run(end).await.unwrap();
    assert!(proxy.has_cut(), "{cut:?}");
    run.close();
    let rows = |query: &str| stage.rows(query);
    assert_eq!(
        rows("SELECT sequence, state FROM batch ORDER BY id"),
        ["1|accepted", "2|in_doubt"]
    );
    assert_eq!(rows("SELECT count(*) FROM attempt"), ["2"]);
    assert_eq!(rows("SELECT count(*) FROM lookup"), ["1"]);
    assert_eq!(
        rows("SELECT sequence, lines_duplicate FROM lines_behind"),
        ["3|4"]
    );
    assert_eq!(rows("SELECT outcome FROM run"), ["doubtful"]);
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_connection_that_is_lost_before_the_server_has_a_commit_costs_no_order() {
    every_order_once(Cut::Before).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_not_done_again() {
    every_order_once(Cut::After).await;
}

/// An intent and its outcome, both of whose commits hang in a connection that stays.
async fn each_once_after_a_hang(cut: Cut) {
    let Some(stage) = server_stage() else { return };
    let proxy = Proxy::of(stage.database());
    // An answer is waited for twice as long.
    let run = through(format!("{}?silence=3", proxy.path.display()));
    proxy.arm(cut);
    let begun = Instant::now();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    assert!(proxy.has_cut(), "{cut:?}");
    // A transaction in which nothing happens the server ends after two seconds.
    let least = if cut == Cut::HangAfter { 6 } else { 2 };
    assert!(begun.elapsed() >= Duration::from_secs(least), "{cut:?}");
    let outcome = accepted("t1", Some("0.1"));
    run.writer.conclude(batch, conclusion(outcome)).await.unwrap();
    run.close();
    assert_eq!(
        stage.rows("SELECT id, sequence, state FROM batch"),
        [format!("{batch}|1|accepted")]
    );
    assert_eq!(stage.row("SELECT commit_number FROM run"), "2");
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_commit_that_hangs_on_its_way_is_done_once() {
    each_once_after_a_hang(Cut::HangBefore).await;
}

#[tokio::test]
async fn a_commit_whose_answer_hangs_on_its_way_is_not_done_again() {
    each_once_after_a_hang(Cut::HangAfter).await;
}

#[tokio::test]
async fn whoever_is_in_a_hurry_waits_a_second_for_an_answer() {
    let Some(stage) = server_stage() else { return };
    let proxy = Proxy::of(stage.database());
    let run = through(&proxy.path);
    proxy.arm(Cut::HangAfter);
    let hurry = run.writer.hurry();
    let begun = Instant::now();
    let answered = run.writer.intend(intent(&[1], 0));
    let tell = async {
        while !proxy.has_cut() {
            tokio::task::yield_now().await;
        }
        hurry.tell();
    };
    let (away, ()) = tokio::join!(answered, tell);
    assert!(
        matches!(away, Err(LedgerError::Server { passing: true, .. })),
        "{away:?}"
    );
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(10),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_connection_that_the_server_ends_between_and_within_transactions_costs_no_order() {
    let Some(stage) = server_stage() else { return };
    let run = stage.run();
    run.writer.intended(intent(&[1], 0)).await.unwrap();
    stage.cut();
    let second = run.writer.intended(intent(&[2], 0)).await.unwrap();
    // Its transaction waits for this row, and is ended while it waits.
    let (outsider, connection) = tokio_postgres::connect(&stage.database().url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    outsider
        .batch_execute("BEGIN; SELECT FROM volley.run FOR UPDATE")
        .await
        .unwrap();
    let writer = run.writer.clone();
    let waiting =
        tokio::spawn(async move { writer.conclude(second, conclusion(accepted("t2", None))).await });
    let waits = "SELECT count(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND application_name = 'volley' AND wait_event_type = 'Lock'";
    while outsider.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
    stage.cut();
    outsider.batch_execute("ROLLBACK").await.unwrap();
    waiting.await.unwrap().unwrap();
    run.close();
    assert_eq!(
        stage.rows("SELECT state FROM batch ORDER BY id"),
        ["intended", "accepted"]
    );
    assert_eq!(stage.row("SELECT count(*) FROM attempt"), "1");
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn what_is_written_while_the_server_is_killed_and_comes_back_is_written_once() {
    if !is_there() {
        return;
    }
    let server = Server::start_fast();
    let stage = Stage::in_database(server.database());
    let run = stage.run();
    let mut calls = tokio::task::JoinSet::new();
    for number in 1..=200 {
        let writer = run.writer.clone();
        calls.spawn(async move {
            let batch = writer.intended(intent(&[number], 0)).await.unwrap();
            let outcome = accepted(&format!("t{number}"), Some("0.1"));
            writer.conclude(batch, conclusion(outcome)).await.unwrap();
            batch
        });
    }
    // In the middle of them.
    let first = calls.join_next().await.unwrap().unwrap();
    server.kill();
    server.start_again();
    let mut batches: BTreeSet<_> = calls.join_all().await.into_iter().collect();
    batches.insert(first);
    assert_eq!(batches.len(), 200);
    run.close();
    assert_eq!(
        stage.row("SELECT count(*), count(DISTINCT ticket) FROM batch"),
        "200|200"
    );
    assert_eq!(stage.row("SELECT count(*) FROM attempt"), "200");
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// A server that lost commits which were acknowledged: restored from a backup, or failed over to a standby that lagged.
#[tokio::test]
async fn a_server_that_was_rolled_back_is_not_written_on() {
    for change in [
        "UPDATE run SET commit_number = commit_number - 1",
        "UPDATE run SET commit_number = commit_number + 2",
        "DELETE FROM run",
    ] {
        let Some(stage) = server_stage() else { return };
        let run = stage.run();
        run.writer.intended(intent(&[1], 0)).await.unwrap();
        run.writer.intended(intent(&[2], 0)).await.unwrap();
        stage.change(change);
        stage.cut();
        let displaced = run.writer.intend(intent(&[3], 0)).await;
        assert!(
            matches!(displaced, Err(LedgerError::Displaced { .. })),
            "{change}: {displaced:?}"
        );
        drop(run.writer);
        assert!(matches!(run.thread.join(), Err(LedgerError::Displaced { .. })));
        assert_eq!(stage.row("SELECT count(*) FROM batch"), "2");
    }
}

#[tokio::test]
async fn whoever_is_in_a_hurry_does_not_wait_for_a_server_that_is_away() {
    if !is_there() {
        return;
    }
    let server = Server::start_fast();
    let stage = Stage::in_database(server.database());
    let run = stage.run();
    server.stop();
    run.writer.hurry().tell();
    let away = run.writer.intend(intent(&[1], 0)).await;
    assert!(matches!(away, Err(LedgerError::Server { .. })), "{away:?}");
}

#[tokio::test]
async fn a_run_that_leases_on_a_server_that_was_rolled_back_is_told_so() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    run.writer.intended(intent(&[1], 0)).await.unwrap();
    stage.change("UPDATE run SET commit_number = commit_number - 1");
    let leased = run.company.as_ref().unwrap().among.lease(1).await;
    assert!(matches!(leased, Err(LedgerError::Displaced { .. })), "{leased:?}");
}
