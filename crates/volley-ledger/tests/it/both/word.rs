//! The operator's word: which words are taken, what they do to numbers, bodies and money, and that they stay.

use volley_ledger::{BatchId, Changes, Outcome, Receipt, Resolved, Word, WordError};
use volley_model::{BatchState, BodyHash};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{
    Stage, accepted, amount, at, conclusion, doubt, identity, intent, refused, released, signed,
};

fn receipt(ticket: &str, cost: Option<&str>) -> Word {
    Word::Sent(Some(Receipt {
        ticket: ticket.to_owned(),
        cost: cost.map(amount),
    }))
}

fn unticketed() -> Outcome {
    Outcome::Unticketed {
        reason: "cut".to_owned(),
        estimated: Some(amount("0.4")),
    }
}

fn every_word() -> [Word; 6] {
    [
        Word::Sent(None),
        receipt("t9", None),
        receipt("t9", Some("0.3")),
        Word::NotSent,
        Word::Abandon,
        Word::Withdrawn,
    ]
}

/// A batch in doubt with two numbers, its reservation 0.5; the word on it; what it is then, settled and reserved.
async fn check(word: Word, becomes: BatchState, booked: &str, reserved: &str) {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1, 2], 0), doubt()).await;
    let campaign = run.entry.campaign;
    run.close();
    let mut ledger = stage.open().unwrap();
    let told = ledger
        .resolve(batch, &word, &signed("called the provider"))
        .unwrap();
    let expected = Resolved {
        campaign: "spring".to_owned(),
        was: BatchState::InDoubt,
        state: becomes,
        recipients: 2,
    };
    assert_eq!(told, expected, "{word}");
    let spending = ledger.spending(campaign).unwrap();
    assert_eq!(
        (spending.settled, spending.reserved),
        (amount(booked), amount(reserved)),
        "{word}"
    );
    assert_eq!(ledger.doubts(campaign).unwrap(), [], "{word}");
    let again = u32::from(becomes == BatchState::DeclaredNotSent);
    let generations = ledger.generations(campaign).unwrap();
    let of_body = generations.get(&BodyHash::of(b"[1, 2]")).copied();
    assert_eq!(
        of_body.unwrap_or(0),
        again,
        "{word}: the key of a repetition is another one"
    );
    ledger.close().unwrap();
    // The slot is free for the next body.
    let run = stage.run();
    assert_eq!(run.writer.body(batch).await.unwrap(), None, "{word}");
    let next = run.writer.intended(intent(&[7], 0)).await.unwrap();
    run.close();
    assert_eq!(
        stage.row(&format!("SELECT slot FROM batch WHERE id = {next}")),
        "0",
        "{word}"
    );
    stage.sound();
}

#[tokio::test]
async fn each_word_on_a_doubt_does_what_the_guarantee_says() {
    check(Word::Sent(None), BatchState::DeclaredSent, "0", "0.5").await;
    check(receipt("t9", Some("0.3")), BatchState::DeclaredSent, "0.3", "0").await;
    check(receipt("t9", None), BatchState::DeclaredSent, "0", "0.5").await;
    check(Word::NotSent, BatchState::DeclaredNotSent, "0", "0").await;
    check(Word::Abandon, BatchState::Abandoned, "0", "0.5").await;
}

#[tokio::test]
async fn a_declared_ticket_is_reported_with_its_cost_and_where_that_comes_from() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    let late = run.sent(intent(&[2], 0), unticketed()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(batch, &receipt("t1", Some("0.31")), &signed("invoice"))
        .unwrap();
    let resolved = ledger
        .resolve(late, &receipt("t2", Some("0.32")), &signed("invoice"))
        .unwrap();
    assert_eq!(
        (resolved.was, resolved.state),
        (BatchState::Unticketed, BatchState::Accepted)
    );
    drop(ledger);
    let report = stage.reader().report(None).unwrap().remove(0);
    let tickets: Vec<_> = report
        .tickets
        .iter()
        .map(|ticket| {
            (
                ticket.ticket.as_str(),
                ticket.state,
                ticket.cost,
                ticket.cost_source,
            )
        })
        .collect();
    let operator = Some(volley_model::CostSource::Operator);
    assert_eq!(
        tickets,
        [
            ("t1", BatchState::DeclaredSent, Some(amount("0.31")), operator),
            ("t2", BatchState::Accepted, Some(amount("0.32")), operator),
        ]
    );
    assert_eq!(report.cost.total, Some(amount("0.63")));
    assert_eq!(
        (report.cost.estimated, report.cost.unpriced_batches),
        (amount("0"), 0)
    );
    stage.sound();
}

#[tokio::test]
async fn what_a_killed_run_left_open_can_be_resolved_before_any_other_run() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.writer.intended(intent(&[1], 0)).await.unwrap();
    run.close();
    let mut ledger = stage.open().unwrap();
    let resolved = ledger
        .resolve(batch, &Word::NotSent, &signed("the machine was offline"))
        .unwrap();
    assert_eq!(
        (resolved.was, resolved.state),
        (BatchState::Intended, BatchState::DeclaredNotSent)
    );
    let entry = ledger.enter(&identity(), Changes::Refuse, at(90)).unwrap();
    assert_eq!(entry.found_open.in_doubt, 0);
    assert!(!entry.begun, "nobody was reached");
    stage.sound();
}

#[tokio::test]
async fn a_word_on_a_batch_whose_outcome_is_known_is_refused_and_changes_nothing() {
    let stage = new_stage();
    let run = stage.run();
    let sent = run.sent(intent(&[1], 0), accepted("t1", Some("1"))).await;
    let mut settled = vec![
        sent,
        run.sent(intent(&[2], 0), refused()).await,
        run.sent(intent(&[3], 0), released()).await,
    ];
    let mut simulated = intent(&[4], 0);
    simulated.simulated = true;
    settled.push(run.writer.intended(simulated).await.unwrap());
    let said = [5, 6, 7].map(|number| intent(&[number], 0));
    let mut words = vec![Word::Sent(None), Word::NotSent, Word::Abandon];
    for intent in said {
        let batch = run.sent(intent, doubt()).await;
        settled.push(batch);
    }
    run.close();
    let mut ledger = stage.open().unwrap();
    for batch in &settled[4..] {
        ledger.resolve(*batch, &words.remove(0), &signed("once")).unwrap();
    }
    for batch in settled {
        for word in every_word() {
            if batch == sent && word == Word::Withdrawn {
                continue;
            }
            let refused = ledger.resolve(batch, &word, &signed("no")).unwrap_err();
            assert!(
                matches!(refused, WordError::Settled { batch: of, .. } if of == batch),
                "{batch} {word}: {refused:?}"
            );
            assert!(refused.to_string().contains("nothing was changed"), "{refused}");
        }
    }
    drop(ledger);
    assert_eq!(words_said(&stage), 3);
    stage.sound();
}

fn words_said(stage: &Stage) -> u64 {
    stage.row("SELECT count(*) FROM resolution").parse().unwrap()
}

#[tokio::test]
async fn an_unticketed_batch_takes_a_whole_receipt_and_no_other_word() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), unticketed()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    for word in [
        Word::Sent(None),
        receipt("t9", None),
        Word::NotSent,
        Word::Abandon,
    ] {
        let refused = ledger.resolve(batch, &word, &signed("no")).unwrap_err();
        assert!(
            matches!(refused, WordError::ReceiptNeeded { .. }),
            "{word}: {refused:?}"
        );
    }
    ledger
        .resolve(batch, &receipt("t9", Some("0.3")), &signed("yes"))
        .unwrap();
}

#[tokio::test]
async fn slips_of_the_pen_are_refused() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t1", Some("1"))).await;
    let batch = run.sent(intent(&[2], 0), doubt()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    let unknown = ledger.resolve(BatchId(99), &Word::NotSent, &signed("no"));
    assert!(matches!(unknown, Err(WordError::NoBatch { .. })), "{unknown:?}");
    let taken = ledger
        .resolve(batch, &receipt("t1", None), &signed("no"))
        .unwrap_err();
    assert!(
        taken.to_string().contains("ticket t1 belongs to batch 1"),
        "{taken}"
    );
    let blank = ledger.resolve(batch, &Word::NotSent, &signed("  "));
    assert!(matches!(blank, Err(WordError::NoReason)), "{blank:?}");
    assert_eq!(ledger.doubt(batch).unwrap().unwrap().state, BatchState::InDoubt);
    drop(ledger);
    assert_eq!(words_said(&stage), 0);
}

#[tokio::test]
async fn the_word_is_recorded_for_good_and_nothing_is_declared_without_it() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    run.sent(intent(&[2], 0), doubt()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(batch, &receipt("t1", Some("0.30")), &signed("invoice 7"))
        .unwrap();
    drop(ledger);
    let query = "SELECT who || ', ' || why || ', ' || was || ', ' || becomes || ', ' || ticket || ', ' || cost || ' ' \
        || currency || ', ' || at FROM resolution";
    let recorded = stage.row(query);
    let when = at(50).as_microsecond();
    assert_eq!(
        recorded,
        format!("anna@desk, invoice 7, in_doubt, declared_sent, t1, 0.30 EUR, {when}")
    );
    for statement in [
        "UPDATE resolution SET why = 'other'",
        "DELETE FROM resolution",
        "UPDATE batch SET state = 'declared_sent' WHERE id = 2",
        "UPDATE batch SET state = 'declared_not_sent' WHERE id = 2",
        "UPDATE batch SET state = 'abandoned' WHERE id = 2",
        "UPDATE batch SET state = 'accepted', ticket = 't', cost = '1', cost_currency = 'EUR', \
         cost_source = 'operator' WHERE id = 2",
    ] {
        stage.refuses(statement);
    }
}

#[tokio::test]
async fn a_definite_word_is_the_last_one_for_the_writer_too() {
    let stage = new_stage();
    let run = stage.run();
    let batch = run.sent(intent(&[1], 0), doubt()).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger.resolve(batch, &Word::NotSent, &signed("no")).unwrap();
    drop(ledger);
    let run = stage.run();
    let late = run.writer.conclude(batch, conclusion(accepted("t", None))).await;
    assert!(
        matches!(late, Err(volley_ledger::LedgerError::Refused { .. })),
        "{late:?}"
    );
    run.close();
}
