//! Intents and outcomes: what is written, what is refused, what a crash leaves.

use volley_ledger::{FoundOpen, LedgerError, Outcome, RunEnd};
use volley_model::{BatchState, LineCounts};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{accepted, amount, at, conclusion, doubt, identity, intent, refused, released};

#[tokio::test]
async fn a_batch_goes_from_intent_to_ticket_and_the_account_adds_up() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run
        .writer
        .intended(intent(&[33_600_000_001, 33_600_000_002], 0))
        .await
        .unwrap();
    stage.sound();
    assert_eq!(stage.reader().report(None).unwrap()[0].runs[0].lines.in_doubt, 2);
    run.writer
        .conclude(batch, conclusion(accepted("t1", Some("5.00502839"))))
        .await
        .unwrap();
    stage.sound();
    let behind = LineCounts {
        duplicate: 4,
        planned: 3,
        ..LineCounts::default()
    };
    run.writer.book_lines(behind).await.unwrap();
    let end = RunEnd {
        outcome: "complete".to_owned(),
        reason: None,
        exit_code: 0,
        lines_settled: 0,
        lines_freed: 0,
        lines_refused: 0,
        at: at(9),
    };
    run.writer.end_run(end).await.unwrap();
    stage.sound();
    run.close();

    let report = stage.reader().report(Some("spring")).unwrap().remove(0);
    let [ticket] = &report.tickets[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (ticket.ticket.as_str(), ticket.recipients, ticket.contacts),
        ("t1", 2, Some(1))
    );
    assert_eq!(report.cost.total, Some(amount("5.00502839")));
    assert_eq!(report.states[0].dropped, 1);
    let account = &report.runs[0];
    assert_eq!(
        (account.accepted, account.lines.read(), account.exit_code),
        (2, 8, Some(0))
    );
    assert_eq!(
        (
            account.lines.invalid,
            account.lines.duplicate,
            account.lines.planned
        ),
        (1, 4, 3)
    );
}

#[tokio::test]
async fn what_a_crash_left_open_is_in_doubt_and_its_body_can_be_read() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[33_600_000_001], 0)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    let entry = ledger
        .enter(&identity(), volley_ledger::Changes::Refuse, at(7))
        .unwrap();
    assert_eq!(
        entry.found_open,
        FoundOpen {
            in_doubt: 1,
            simulated: 0
        }
    );
    assert!(entry.begun);
    let doubts = stage.reader().report(None).unwrap().remove(0).doubts;
    assert_eq!(doubts[0].reason, "found open by run 2");
    assert_eq!(doubts[0].since, at(7));
    stage.sound();
    // A later run settles it.
    let (writer, thread) = ledger.start(entry.run);
    let body = writer.body(batch).await.unwrap().unwrap();
    assert_eq!(body, intent(&[33_600_000_001], 0).batch.body);
    writer
        .conclude(batch, conclusion(accepted("late", None)))
        .await
        .unwrap();
    drop(writer);
    thread.join().unwrap();
    stage.sound();
    assert_eq!(stage.reader().report(None).unwrap()[0].runs[0].accepted, 1);
}

#[tokio::test]
async fn a_simulated_batch_reaches_nobody_whatever_is_heard_of_it() {
    let stage = new_stage();
    let simulated = volley_ledger::CampaignIdentity {
        simulated: true,
        ..identity()
    };
    let run = stage.run_as(&simulated);
    for (number, outcome) in [
        (1, accepted("t", Some("1"))),
        (2, doubt()),
        (3, Outcome::Simulated { ticket: None }),
    ] {
        let mut intent = intent(&[number], 0);
        intent.simulated = true;
        run.sent(intent, outcome).await;
    }
    let mut open = intent(&[4], 0);
    open.simulated = true;
    run.writer.intended(open).await.unwrap();
    let campaign = run.entry.campaign;
    run.close();
    let mut ledger = stage.open().unwrap();
    let entry = ledger
        .enter(&identity(), volley_ledger::Changes::Refuse, at(7))
        .unwrap();
    assert_eq!(
        entry.found_open,
        FoundOpen {
            in_doubt: 0,
            simulated: 1
        }
    );
    assert!(!entry.begun);
    let mut states = Vec::new();
    ledger
        .standing(campaign, &mut |batch| states.push(batch.state))
        .unwrap();
    assert_eq!(states, [BatchState::Simulated; 4]);
    assert_eq!(
        ledger.spending(campaign).unwrap(),
        volley_ledger::Spending::default()
    );
    stage.sound();
}

#[tokio::test]
async fn a_transition_that_the_guarantee_does_not_draw_is_refused_and_harms_no_other_call() {
    let stage = new_stage();
    let run = stage.run();
    let ended = [
        run.sent(intent(&[1], 0), accepted("t1", Some("1"))).await,
        run.sent(intent(&[2], 0), refused()).await,
        run.sent(intent(&[3], 0), released()).await,
    ];
    let open = run.writer.intended(intent(&[4], 0)).await.unwrap();
    for batch in ended {
        let again = run.writer.conclude(batch, conclusion(accepted("t2", None)));
        let other = run.writer.conclude(open, conclusion(doubt()));
        let (again, other) = tokio::join!(again, other);
        assert!(matches!(again, Err(LedgerError::Refused { .. })), "{again:?}");
        other.unwrap();
    }
    let simulated = run
        .writer
        .conclude(open, conclusion(Outcome::Simulated { ticket: None }))
        .await;
    assert!(
        matches!(simulated, Err(LedgerError::Refused { .. })),
        "{simulated:?}"
    );
    let unknown = run
        .writer
        .conclude(volley_ledger::BatchId(99), conclusion(doubt()))
        .await;
    assert!(matches!(unknown, Err(LedgerError::Refused { .. })), "{unknown:?}");
    run.close();
    stage.sound();
    let attempts: u64 = stage.row("SELECT count(*) FROM attempt").parse().unwrap();
    assert_eq!(attempts, 3 + 3, "one for each outcome, none of the refused ones");
}

#[tokio::test]
async fn what_has_happened_cannot_be_changed_by_any_tool() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t1", Some("1"))).await;
    run.writer.book_lines(LineCounts::default()).await.unwrap();
    run.close();
    for statement in [
        "UPDATE batch SET state = 'released'",
        "UPDATE batch SET ticket = 'other'",
        "UPDATE batch SET request_key = 'other'",
        "DELETE FROM batch",
        "UPDATE members SET numbers = x''",
        "DELETE FROM members",
        "UPDATE attempt SET evidence = ''",
        "DELETE FROM attempt",
        "UPDATE lines_behind SET lines_read = 0",
        "DELETE FROM lines_behind",
        "UPDATE run SET simulated = 1, ended_at = 1",
        "UPDATE message_part SET value = ''",
    ] {
        stage.refuses(statement);
    }
}

#[tokio::test]
async fn a_key_is_used_once() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), released()).await;
    let again = run.writer.intended(intent(&[1], 0)).await;
    // On a server another run may have used it, which is no fault of anybody's.
    match again {
        Err(LedgerError::Refused { .. }) if stage.is_a_file() => {}
        Err(LedgerError::KeyUsed { .. }) if !stage.is_a_file() => {}
        again => panic!("{again:?}"),
    }
    run.sent(intent(&[1], 1), accepted("t", None)).await;
    run.close();
    stage.sound();
}

#[tokio::test]
async fn calls_made_together_are_all_acknowledged_and_share_commits() {
    let stage = new_stage();
    let run = stage.run();
    let before = stage.commits();
    let mut calls = tokio::task::JoinSet::new();
    for number in 1..=400 {
        let writer = run.writer.clone();
        calls.spawn(async move { writer.intended(intent(&[number], 0)).await.unwrap() });
    }
    let mut batches = calls.join_all().await;
    batches.sort_unstable();
    batches.dedup();
    assert_eq!(batches.len(), 400);
    assert!(stage.commits() - before < 400, "{}", stage.commits() - before);
    stage.sound();
    run.close();
}

#[tokio::test]
async fn a_writer_for_a_run_that_does_not_exist_says_so() {
    let stage = new_stage();
    let (writer, thread) = stage.open().unwrap().start(volley_ledger::RunId(5));
    assert!(writer.intended(intent(&[1], 0)).await.is_err());
    drop(writer);
    assert!(thread.join().is_err());
}

#[tokio::test]
async fn money_is_kept_to_the_last_digit_and_reservations_stand_while_a_cost_is_open() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t1", Some("5.00502839")))
        .await;
    run.sent(intent(&[2], 0), accepted("t2", Some("0.1"))).await;
    run.sent(intent(&[3], 0), accepted("t3", Some("0.2"))).await;
    run.sent(
        intent(&[4], 0),
        Outcome::Unticketed {
            reason: "unreadable".to_owned(),
            estimated: Some(amount("7.25")),
        },
    )
    .await;
    run.sent(intent(&[5], 0), accepted("t5", None)).await; // unpriced: 0.5
    run.sent(intent(&[6], 0), doubt()).await; // 0.5
    run.sent(intent(&[7], 0), refused()).await;
    run.sent(intent(&[8], 0), released()).await;
    run.writer.intended(intent(&[9], 0)).await.unwrap(); // 0.5
    let campaign = run.entry.campaign;
    let spending = stage.reader().spending(campaign).unwrap();
    assert_eq!(spending.settled.to_string(), "12.55502839");
    assert_eq!(spending.reserved, amount("1.5"));
    let cost = stage.reader().report(None).unwrap()[0].cost;
    assert_eq!(cost.total.unwrap().to_string(), "13.05502839");
    assert_eq!((cost.estimated, cost.unpriced_batches), (amount("7.75"), 1));
    run.close();
}

#[tokio::test]
async fn a_senseless_cost_ends_in_a_number_and_not_in_a_panic() {
    let stage = new_stage();
    let run = stage.run();
    let largest = "79228162514264337593543950335";
    run.sent(intent(&[1], 0), accepted("t1", Some(largest))).await;
    run.sent(intent(&[2], 0), accepted("t2", Some(largest))).await;
    assert_eq!(
        stage.reader().spending(run.entry.campaign).unwrap().settled,
        amount(largest)
    );
    run.close();
}

#[tokio::test]
async fn a_failing_commit_fails_every_call_that_waited_for_it() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    stage.carry_out("ALTER TABLE attempt RENAME TO attempts");
    let (first, second, third) = tokio::join!(
        run.writer.book_lines(LineCounts::default()),
        run.writer.conclude(batch, conclusion(doubt())),
        run.writer.intended(intent(&[2], 0)),
    );
    // The first may have had a commit of its own; whatever shared the failing one, or came later, failed with its cause.
    for failed in [first.err(), second.err()]
        .into_iter()
        .flatten()
        .chain(third.err())
    {
        assert!(
            matches!(failed, LedgerError::Damaged { .. } | LedgerError::Server { .. }),
            "{failed:?}"
        );
    }
    assert!(run.writer.intended(intent(&[3], 0)).await.is_err());
    drop(run.writer);
    assert!(run.thread.join().is_err());
    let found = stage.row(&format!("SELECT state FROM batch WHERE id = {batch}"));
    assert_eq!(found, "intended");
}

/// The counts of these lines overflow, which is a bug that only a checked build turns into a panic.
#[cfg(debug_assertions)]
#[tokio::test]
async fn a_panic_in_the_thread_reaches_whoever_waits() {
    let stage = new_stage();
    let run = stage.run();
    let lines = LineCounts {
        invalid: u64::MAX,
        planned: u64::MAX,
        ..LineCounts::default()
    };
    let waiting = run.writer.book_lines(lines).await;
    assert!(
        matches!(waiting, Err(LedgerError::WriterStopped { .. })),
        "{waiting:?}"
    );
    let later = run.writer.intended(intent(&[1], 0)).await;
    assert!(
        matches!(later, Err(LedgerError::WriterStopped { .. })),
        "{later:?}"
    );
    let ended = run.thread.join().unwrap_err();
    assert!(ended.to_string().contains("overflow"), "{ended}");
    // The lock is free again, and the ledger sound.
    drop(run.writer);
    stage.run().close();
    stage.sound();
}
