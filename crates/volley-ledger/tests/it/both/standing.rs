//! What a run asks before it sends: who was reached, which generation a body is at.

use std::collections::HashSet;

use volley_ledger::Terms;
use volley_model::{BatchState, BodyHash, RequestKey};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{accepted, doubt, identity, intent, refused, released};

#[tokio::test]
async fn a_million_numbers_come_back_each_in_its_batch() {
    const BATCH: u64 = 500;
    let stage = new_stage();
    let run = stage.run();
    let mut calls = tokio::task::JoinSet::new();
    for batch in 0..2000_u64 {
        let writer = run.writer.clone();
        // Scattered over a country's numbers, none twice: a multiplication by an odd number within 2³⁰.
        let numbers: Vec<u64> = (0..BATCH)
            .map(|more| 33_000_000_000 + (((batch * BATCH + more) * 654_435_761) & 0x3fff_ffff))
            .collect();
        let mut intent = intent(&numbers, 0);
        // The stage's keys have the numbers in them; real ones are hashes.
        intent.batch.key = RequestKey(format!("key of {batch}"));
        calls.spawn(async move { writer.intended(intent).await.unwrap() });
    }
    calls.join_all().await;
    let mut seen = HashSet::with_capacity(1_000_000);
    let reader = stage.reader();
    reader
        .standing(run.entry.campaign, &mut |batch| {
            assert_eq!((batch.state, batch.members.len()), (BatchState::Intended, 500));
            assert!(batch.members.is_sorted());
            seen.extend(batch.members.iter().copied());
        })
        .unwrap();
    assert_eq!(seen.len(), 1_000_000);
    run.close();
    stage.sound();
}

#[tokio::test]
async fn a_body_is_at_the_generation_of_how_often_it_reached_nobody() {
    let stage = new_stage();
    let again = Terms {
        retry_refused: true,
        ..Terms::default()
    };
    let run = stage.joined(&identity(), again);
    run.sent(intent(&[1], 0), released()).await;
    run.sent(intent(&[1], 1), refused()).await;
    run.sent(intent(&[1], 2), accepted("t1", None)).await;
    run.sent(intent(&[2], 0), doubt()).await;
    run.sent(intent(&[3], 0), released()).await;
    let campaign = run.entry.campaign;
    run.close();
    let generations = stage.open().unwrap().generations(campaign).unwrap();
    let of = |numbers: &[u64]| {
        generations
            .get(&BodyHash::of(format!("{numbers:?}").as_bytes()))
            .copied()
    };
    assert_eq!(
        (of(&[1]), of(&[2]), of(&[3]), of(&[4])),
        (Some(2), None, Some(1), None)
    );
}

#[tokio::test]
async fn campaigns_in_one_ledger_know_nothing_of_each_other() {
    let stage = new_stage();
    let run = stage.run();
    run.sent(intent(&[1], 0), accepted("t1", Some("1"))).await;
    run.close();
    let other = volley_ledger::CampaignIdentity {
        name: "summer".to_owned(),
        ..identity()
    };
    let run = stage.run_as(&other);
    assert!(!run.entry.begun);
    let mut seen = 0;
    stage
        .reader()
        .standing(run.entry.campaign, &mut |_| seen += 1)
        .unwrap();
    assert_eq!(seen, 0);
    assert_eq!(
        stage.reader().spending(run.entry.campaign).unwrap().settled,
        volley_model::Amount::ZERO
    );
    assert_eq!(stage.reader().campaigns().unwrap(), ["spring", "summer"]);
    assert_eq!(stage.reader().report(Some("summer")).unwrap().len(), 1);
    assert_eq!(stage.reader().report(Some("winter")).unwrap().len(), 0);
    run.close();
}
