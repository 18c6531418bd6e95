//! Orders that the rules refuse, among others that were given at the same time: they are sent together, and it is found out whose the
//! refusal is.

use volley_ledger::{BatchId, Intended, LedgerError, Terms, verify};

use super::server_stage;
use crate::stage::{Run, accepted, conclusion, identity, intent, refused};

#[tokio::test]
async fn a_refused_order_takes_no_other_of_its_group_with_it() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let done = run.sent(intent(&[1], 0), accepted("t1", Some("0.25"))).await;
    let open: Vec<BatchId> = intend(&run, 2..12)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();

    // While the first of them is written the others gather.
    let mut conclusions = tokio::task::JoinSet::new();
    for batch in open.iter().copied().chain([done]) {
        let writer = run.writer.clone();
        conclusions.spawn(async move { (batch, writer.conclude(batch, conclusion(refused())).await) });
    }
    let mut key_used = intent(&[1], 0);
    key_used.batch.members = intent(&[100], 0).batch.members;
    let writer = run.writer.clone();
    let again = tokio::spawn(async move { writer.intend(key_used).await });
    // Whoever only asks is told nothing of what others are refused.
    let writer = run.writer.clone();
    let asked = tokio::spawn(async move { writer.body(done).await });
    let others = intend(&run, 12..30).await;

    for (batch, concluded) in conclusions.join_all().await {
        if batch == done {
            assert!(
                matches!(concluded, Err(LedgerError::Refused { .. })),
                "{concluded:?}"
            );
        } else {
            assert!(concluded.is_ok(), "{batch}: {concluded:?}");
        }
    }
    let again = again.await.unwrap();
    assert!(matches!(again, Err(LedgerError::KeyUsed { .. })), "{again:?}");
    assert_eq!(
        asked.await.unwrap().unwrap(),
        None,
        "a body goes with its outcome"
    );
    assert_eq!(others.len(), 18);
    assert!(others.iter().all(Result::is_ok), "{others:?}");

    let states = "SELECT state, count(*) FROM batch GROUP BY state ORDER BY state";
    assert_eq!(stage.rows(states), ["accepted|1", "intended|18", "refused|10"]);
    assert_eq!(
        stage.row("SELECT count(*) FROM claim"),
        "29",
        "the refused one claimed nothing"
    );
    stage.sound();
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// An intent for each number, all at once.
async fn intend(run: &Run, numbers: std::ops::Range<u64>) -> Vec<Result<BatchId, LedgerError>> {
    let mut calls = tokio::task::JoinSet::new();
    for number in numbers {
        let writer = run.writer.clone();
        calls.spawn(async move {
            let intended = writer.intend(intent(&[number], 0)).await?;
            match intended {
                Intended::Durable(batch) => Ok(batch),
                otherwise => panic!("{otherwise:?}"),
            }
        });
    }
    calls.join_all().await
}
