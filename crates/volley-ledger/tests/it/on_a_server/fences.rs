//! Runs that others took for dead, and words that wait for the living.

use volley_ledger::{
    Changes, FoundOpen, Ledger, LedgerError, Opening, Reader, RunEnd, Terms, Word, WordError, WorkerState,
    verify,
};
use volley_model::{Currency, LineCounts};

use super::server_stage;
use crate::stage::Durably as _;
use crate::stage::{accepted, amount, at, conclusion, doubt, identity, intent, signed};

#[tokio::test]
async fn a_fenced_run_writes_nothing_more_and_what_it_had_intended_is_others_to_settle() {
    let Some(stage) = server_stage() else { return };
    let slow = stage.run();
    let batch = slow.writer.intended(intent(&[1], 0)).await.unwrap();
    stage.administer("UPDATE run SET fenced_at = 1");
    let before = stage.row("SELECT * FROM run");
    let late = slow.writer.conclude(batch, conclusion(accepted("t", None))).await;
    assert!(
        matches!(late, Err(LedgerError::Buried { run, .. }) if run == slow.entry.run),
        "{late:?}"
    );
    let again = slow.writer.intend(intent(&[2], 0)).await;
    assert!(matches!(again, Err(LedgerError::Buried { .. })), "{again:?}");
    let booked = slow.writer.book_lines(LineCounts::default()).await;
    assert!(matches!(booked, Err(LedgerError::Buried { .. })), "{booked:?}");
    assert_eq!(stage.row("SELECT * FROM run"), before);
    assert_eq!(stage.rows("SELECT state FROM batch"), ["intended"]);
    drop(slow.writer);
    assert!(matches!(slow.thread.join(), Err(LedgerError::Buried { .. })));

    let next = stage.run();
    let found = FoundOpen {
        in_doubt: 1,
        simulated: 0,
    };
    assert_eq!((next.entry.found_open, next.entry.unended), (found, true));
    let body = next.writer.body(batch).await.unwrap();
    assert_eq!(body, Some(intent(&[1], 0).batch.body));
    next.writer
        .conclude(batch, conclusion(accepted("t", None)))
        .await
        .unwrap();
    next.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn a_run_that_begins_beside_others_leaves_what_they_have_under_way() {
    let Some(stage) = server_stage() else { return };
    let one = stage.joined(&identity(), Terms::default());
    one.writer.intended(intent(&[1], 0)).await.unwrap();
    let other = stage.joined(&identity(), Terms::default());
    assert_eq!(other.entry.found_open, FoundOpen::default());
    assert_eq!(stage.rows("SELECT state FROM batch"), ["intended"]);
    one.close();
    other.close();
}

#[tokio::test]
async fn words_wait_until_nobody_sends_the_campaign() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let doubtful = run.sent(intent(&[1], 0), doubt()).await;
    let sent = run.sent(intent(&[2], 0), accepted("t2", None)).await;
    // Not by the stage, which would take the run for dead.
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    let before = stage.rows("SELECT id, state, cost FROM batch ORDER BY id");
    let refused = [
        ledger.resolve(doubtful, &Word::NotSent, &signed("no")).map(drop),
        ledger.withdraw(sent, "cancelled", at(60)).map(drop),
        ledger.price(sent, amount("1"), Currency::EUR, at(60)).map(drop),
        ledger.forget("spring", &signed("no")).map(drop),
    ];
    for refused in refused {
        assert!(
            matches!(&refused, Err(WordError::Ledger(LedgerError::Running { run: of, .. })) if *of == run.entry.run),
            "{refused:?}"
        );
    }
    assert_eq!(
        stage.rows("SELECT id, state, cost FROM batch ORDER BY id"),
        before
    );
    let end = RunEnd {
        outcome: "doubtful".to_owned(),
        reason: None,
        exit_code: 4,
        lines_settled: 0,
        lines_freed: 0,
        lines_refused: 0,
        at: at(70),
    };
    run.writer.end_run(end).await.unwrap();
    run.close();
    ledger.resolve(doubtful, &Word::NotSent, &signed("yes")).unwrap();
    ledger.price(sent, amount("1"), Currency::EUR, at(80)).unwrap();
    ledger.forget("spring", &signed("yes")).unwrap();
    ledger.close().unwrap();
    assert_eq!(stage.row("SELECT count(*) FROM claim"), "0");
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// Whoever looks for the dead may have said something else of itself.
#[tokio::test]
async fn a_run_may_be_silent_for_as_long_as_it_said_itself() {
    for (said, silent, is_dead) in [
        ("", 14, false),
        ("", 16, true),
        ("60", 59, false),
        ("60", 61, true),
        ("3", 4, true),
    ] {
        let Some(stage) = server_stage() else { return };
        let silence = if said.is_empty() {
            said.to_owned()
        } else {
            format!("?silence={said}")
        };
        let mut path = stage.path.clone().into_os_string();
        path.push(silence);
        let mut ledger = Ledger::open(path.as_ref(), Opening::MustExist, at(0)).unwrap();
        let run = ledger.enter(&identity(), Changes::Refuse, at(1)).unwrap().run;
        ledger.close().unwrap();
        stage.administer(&format!("UPDATE run SET beat_at = beat_at - {silent} * 1000000"));
        for looks_with in ["", "?silence=3600", "?silence=3"] {
            let mut path = stage.path.clone().into_os_string();
            path.push(looks_with);
            let report = Reader::open(path.as_ref()).unwrap().report(Some("spring"));
            let worker = report.unwrap()[0].runs[0].worker.clone().unwrap();
            let shown = if is_dead {
                WorkerState::Silent
            } else {
                WorkerState::UnderWay
            };
            assert_eq!(worker.state, shown, "{said}, {silent}, {looks_with}");
        }
        let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
        let word = ledger.forget("spring", &signed("it was off"));
        match word {
            Ok(_) if is_dead => {}
            Err(WordError::Ledger(LedgerError::Running { run: of, .. })) if !is_dead && of == run => {}
            word => panic!("{said}, {silent}: {word:?}"),
        }
    }
}

/// Nobody fences it from here: it has been silent by the server's own clock.
#[tokio::test]
async fn a_run_that_has_been_silent_for_long_is_in_nobody_s_way() {
    let Some(stage) = server_stage() else { return };
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    run.close();
    stage.administer("UPDATE run SET beat_at = beat_at - 16000000");
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    ledger
        .resolve(batch, &Word::NotSent, &signed("it was off"))
        .unwrap();
    ledger.close().unwrap();
    assert_eq!(
        stage.row("SELECT count(*) FROM run WHERE fenced_at IS NOT NULL"),
        "1"
    );
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}
