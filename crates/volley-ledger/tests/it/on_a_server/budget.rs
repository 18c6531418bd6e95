//! What a campaign may cost, with several runs that spend it at once.

use volley_ledger::{BatchId, Intended, Terms, verify};

use super::server_stage;
use crate::stage::{Run, accepted, amount, conclusion, identity, intent, refused};

/// Of so many batches at half a euro each, those that fit.
async fn spend(run: &Run, numbers: std::ops::Range<u64>) -> Vec<BatchId> {
    let mut within = Vec::new();
    let mut calls = tokio::task::JoinSet::new();
    for number in numbers {
        let writer = run.writer.clone();
        calls.spawn(async move { writer.intend(intent(&[number], 0)).await.unwrap() });
    }
    for intended in calls.join_all().await {
        match intended {
            Intended::Durable(batch) => within.push(batch),
            Intended::OverBudget { spent, open } => {
                assert!(spent > amount("9.5") && spent <= amount("10") && open, "{spent}");
            }
            Intended::Held(held) => panic!("{held:?}"),
        }
    }
    within
}

#[tokio::test]
async fn two_runs_never_spend_more_than_the_campaign_may_cost() {
    let Some(stage) = server_stage() else { return };
    let terms = Terms {
        max_cost: Some(amount("10")),
        ..Terms::default()
    };
    let runs = [stage.joined(&identity(), terms), stage.joined(&identity(), terms)];
    let [one, other] = &runs;
    let (ones, others) = tokio::join!(spend(one, 1..30), spend(other, 30..61));
    assert_eq!(ones.len() + others.len(), 20);
    let budget =
        "SELECT max_cost, CAST(settled AS double precision), CAST(reserved AS double precision) FROM budget";
    assert_eq!(stage.row(budget), "10|0|10");
    stage.sound();
    // What costs less, or nothing, leaves room for others.
    for batch in ones {
        let outcome = accepted(&format!("t{batch}"), Some("0.25"));
        one.writer.conclude(batch, conclusion(outcome)).await.unwrap();
    }
    for batch in others {
        other.writer.conclude(batch, conclusion(refused())).await.unwrap();
    }
    stage.sound();
    let spent = stage.reader().spending(one.entry.campaign).unwrap();
    assert_eq!(spent.reserved, amount("0"));
    let (ones, others) = tokio::join!(spend(one, 100..130), spend(other, 130..160));
    let left = (amount("10").decimal() - spent.settled.decimal()) / amount("0.5").decimal();
    assert_eq!((ones.len() + others.len()).to_string(), left.floor().to_string());
    stage.sound();
    runs.into_iter().for_each(Run::close);
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}
