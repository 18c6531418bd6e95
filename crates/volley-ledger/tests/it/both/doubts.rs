//! Doubts: what is told of them, what may come of them, and outcomes that the ledger hears of late.

use volley_ledger::{Changes, LedgerError, OpenDoubt, Outcome};
use volley_model::{BatchState, RequestKey};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, amount, at, conclusion, doubt, identity, intent, refused, released};

fn only(doubts: Vec<OpenDoubt>) -> OpenDoubt {
    let [doubt] = <[OpenDoubt; 1]>::try_from(doubts).unwrap();
    doubt
}

fn unticketed() -> Outcome {
    Outcome::Unticketed {
        reason: "duplicate".to_owned(),
        estimated: Some(amount("0.4")),
    }
}

/// What stands in the ledger, by the state of each batch.
fn states(stage: &Stage) -> Vec<String> {
    stage.rows("SELECT state FROM batch ORDER BY id")
}

#[tokio::test]
async fn a_doubt_tells_all_that_settling_it_takes() {
    let stage = new_stage();
    let run = stage.run();
    let sent = intent(&[33_600_000_001, 33_600_000_002], 0);
    let (key, body_hash) = (sent.batch.key.clone(), sent.batch.body_hash);
    let batch = run.sent(sent, doubt()).await;
    run.sent(intent(&[33_600_000_003], 0), accepted("t", None)).await;
    let found = only(stage.reader().doubts(Some("spring")).unwrap());
    let expected = OpenDoubt {
        batch,
        campaign: "spring".to_owned(),
        provider: "octopush".to_owned(),
        run: run.entry.run,
        state: BatchState::InDoubt,
        request_key: key,
        body_hash,
        recipients: 2,
        units: 2,
        reserved: Some(amount("0.5")),
        currency: volley_model::Currency::EUR,
        reason: Some("lost: no answer in time".to_owned()),
        doubt_since: Some(at(5)),
        failed_at: Some(at(5)),
        intended_at: at(2),
        first_handed_over_at: Some(at(3)),
        attempts: 1,
        body_kept: true,
        absent: 0,
        first_absent_at: None,
        last_absent_at: None,
    };
    assert_eq!(found, expected);
    assert_eq!(found.first_attempt_at(), at(3));
    assert_eq!(stage.reader().doubts(None).unwrap().len(), 1);
    assert_eq!(stage.reader().doubts(Some("summer")).unwrap(), []);
    let campaign = run.entry.campaign;
    run.close();
    let ledger = stage.open().unwrap();
    assert_eq!(ledger.doubts(campaign).unwrap(), std::slice::from_ref(&expected));
    assert_eq!(ledger.doubt(batch).unwrap(), Some(expected));
    assert_eq!(
        ledger.doubt(volley_ledger::BatchId(2)).unwrap(),
        None,
        "it is accepted"
    );
}

#[tokio::test]
async fn a_doubt_whose_attempts_are_not_known_counts_from_its_intent_and_a_lost_body_shows() {
    let stage = new_stage();
    let run = stage.run();
    run.writer.intended(intent(&[1], 0)).await.unwrap();
    let mut simulated = intent(&[2], 0);
    simulated.simulated = true;
    run.writer.intended(simulated).await.unwrap();
    let open = only(stage.reader().doubts(None).unwrap());
    assert_eq!((open.state, open.attempts), (BatchState::Intended, 0));
    assert_eq!(open.first_attempt_at(), at(2));
    run.close();
    stage.lose_bodies();
    assert!(!only(stage.reader().doubts(None).unwrap()).body_kept);
}

#[tokio::test]
async fn the_writer_reads_a_body_back_while_the_batch_is_open_and_a_lost_one_harms_nothing_else() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    let body = run.writer.body(batch).await.unwrap();
    assert_eq!(body.unwrap(), intent(&[1], 0).batch.body);
    assert_eq!(run.writer.body(volley_ledger::BatchId(99)).await.unwrap(), None);
    // The slot goes to another batch once this one is settled.
    run.writer
        .conclude(batch, conclusion(unticketed()))
        .await
        .unwrap();
    let next = run.sent(intent(&[2], 0), doubt()).await;
    assert_eq!(
        run.writer.body(batch).await.unwrap(),
        None,
        "its slot was used again"
    );
    assert!(run.writer.body(next).await.unwrap().is_some());
    stage.lose_bodies();
    assert_eq!(run.writer.body(next).await.unwrap(), None);
    run.sent(intent(&[3], 0), accepted("t", None)).await;
    run.close();
}

#[tokio::test]
async fn what_later_runs_tried_is_not_the_first_attempt_of_a_batch_whose_run_was_killed() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    run.close();
    let run = stage.run();
    let mut probed = conclusion(doubt());
    probed.attempts[0].handed_over_at = Some(at(90_000));
    run.writer.conclude(batch, probed).await.unwrap();
    let found = only(stage.reader().doubts(None).unwrap());
    assert_eq!((found.attempts, found.first_handed_over_at), (1, None));
    assert_eq!(found.first_attempt_at(), at(2));
    run.close();
}

#[tokio::test]
async fn attempts_are_numbered_on_across_runs_and_a_doubt_keeps_its_beginning() {
    let stage = new_stage();
    let run = stage.run();
    let first = run.sent(intent(&[1], 0), doubt()).await;
    let second = run.sent(intent(&[2], 0), doubt()).await;
    run.close();
    let run = stage.run();
    let mut again = conclusion(Outcome::InDoubt {
        reason: "answered 502".to_owned(),
    });
    again.at = at(30);
    again.attempts[0].handed_over_at = Some(at(29));
    for batch in [first, second] {
        run.writer.conclude(batch, again.clone()).await.unwrap();
    }
    let found = stage.reader().doubts(None).unwrap().remove(0);
    assert_eq!((found.attempts, found.doubt_since), (2, Some(at(5))));
    assert_eq!(found.reason.as_deref(), Some("answered 502"));
    assert_eq!(
        (found.first_handed_over_at, found.failed_at),
        (Some(at(3)), Some(at(30)))
    );
    for outcome in [refused(), released()] {
        let undrawn = run.writer.conclude(first, conclusion(outcome)).await;
        assert!(matches!(undrawn, Err(LedgerError::Refused { .. })), "{undrawn:?}");
    }
    run.writer
        .conclude(first, conclusion(accepted("t1", Some("1"))))
        .await
        .unwrap();
    run.writer
        .conclude(second, conclusion(unticketed()))
        .await
        .unwrap();
    run.close();
    let query = "SELECT string_agg(batch || '.' || number || ' in run ' || run, ', ' ORDER BY batch, number) FROM attempt";
    let attempts = stage.row(query);
    assert_eq!(
        attempts,
        "1.1 in run 1, 1.2 in run 2, 1.3 in run 2, 2.1 in run 1, 2.2 in run 2, 2.3 in run 2"
    );
    assert_eq!(
        stage.reader().unticketed(Some("spring")).unwrap()[0].batch,
        second
    );
    stage.sound();
}

/// Four intents whose outcomes the writer could not take: their attempts are lost with it.
async fn stranded() -> Stage {
    let stage = new_stage();
    let run = stage.run();
    for number in 1..=4 {
        run.writer.intended(intent(&[number], 0)).await.unwrap();
    }
    run.close();
    stage
}

fn key(number: u64) -> RequestKey {
    intent(&[number], 0).batch.key
}

#[tokio::test]
async fn outcomes_that_a_failed_writer_could_not_take_are_written_once_the_disk_is_back() {
    let stage = stranded().await;
    let mut ledger = stage.open().unwrap();
    let late = vec![
        (key(1), conclusion(accepted("t1", Some("1.5")))),
        (key(2), conclusion(refused())),
        (key(3), conclusion(doubt())),
        (key(4), conclusion(released())),
        // Its intent never was durable, and it was never sent.
        (key(5), conclusion(released())),
    ];
    let run = volley_ledger::RunId(1);
    assert!(ledger.record_late(run, late.clone()).unwrap().is_empty());
    // A commit that only seemed to fail: nothing is written twice.
    assert!(ledger.record_late(run, late).unwrap().is_empty());
    ledger.close().unwrap();
    assert_eq!(states(&stage), ["accepted", "refused", "in_doubt", "released"]);
    let report = stage.reader().report(None).unwrap().remove(0);
    assert_eq!(report.tickets[0].cost, Some(amount("1.5")));
    let attempts: u64 = stage.row("SELECT count(*) FROM attempt").parse().unwrap();
    assert_eq!(attempts, 4);
    stage.sound();
    // The commit was counted: the ledger opens, and a run goes on.
    stage.run().close();
}

#[tokio::test]
async fn a_later_run_has_found_them_open_and_a_ticket_still_counts_but_a_refusal_does_not() {
    let stage = stranded().await;
    let run = stage.run();
    run.writer
        .conclude(volley_ledger::BatchId(4), conclusion(accepted("probed", None)))
        .await
        .unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    let late = vec![
        (key(1), conclusion(accepted("t1", Some("1.5")))),
        (key(2), conclusion(refused())),
        (key(3), conclusion(unticketed())),
        (key(4), conclusion(accepted("another", None))),
        (key(9), conclusion(accepted("of no batch", None))),
    ];
    let untaken = ledger.record_late(volley_ledger::RunId(1), late).unwrap();
    let untaken: Vec<_> = untaken.into_iter().map(|(key, _)| key).collect();
    assert_eq!(untaken, [key(2), key(4), key(9)]);
    let entry = ledger.enter(&identity(), Changes::Refuse, at(70)).unwrap();
    assert_eq!(entry.found_open.in_doubt, 0);
    drop(ledger);
    assert_eq!(states(&stage), ["accepted", "in_doubt", "unticketed", "accepted"]);
    stage.sound();
}
