//! Who gets a number when several runs of a campaign want it at once.

use std::collections::BTreeMap;

use volley_ledger::{BatchId, CampaignIdentity, Held, Holding, Intended, Outcome, Terms, Word, verify};
use volley_model::Msisdn;

use super::server_stage;
use crate::stage::Durably as _;
use crate::stage::{
    Run, Stage, accepted, at, child, conclusion, doubt, identity, intent, parts, refused, released, signed,
    split,
};

fn joined(stage: &Stage) -> Run {
    stage.joined(&identity(), Terms::default())
}

fn held(number: u64, holding: Holding) -> Held {
    Held {
        number: Msisdn::new(number).unwrap(),
        holding,
    }
}

/// What a run is told that wants these numbers, under a key that nobody has used.
async fn wants(run: &Run, numbers: &[u64], generation: u32) -> Intended {
    let mut intended = run.writer.intend(intent(numbers, generation)).await.unwrap();
    if let Intended::Held(held) = &mut intended {
        held.sort_by_key(|held| held.number);
    }
    intended
}

#[tokio::test]
async fn of_two_runs_one_gets_each_number_and_the_other_hears_which_it_did_not_get() {
    let Some(stage) = server_stage() else { return };
    let (one, mut other) = (joined(&stage), joined(&stage));
    assert_eq!(one.entry.campaign, other.entry.campaign);
    assert_ne!(one.entry.run, other.entry.run);
    let first = one.writer.intended(intent(&[1, 2, 3], 0)).await.unwrap();
    let open = Holding::Open(first);
    assert_eq!(
        wants(&other, &[2, 3, 4], 0).await,
        Intended::Held(vec![held(2, open), held(3, open)])
    );
    let numbers = [1, 2, 3, 4].map(|number| Msisdn::new(number).unwrap());
    let neighbours = &mut other.company.as_mut().unwrap().neighbours;
    let mut asked = neighbours.held(&numbers).unwrap();
    asked.sort_by_key(|held| held.number);
    assert_eq!(
        asked,
        [1, 2, 3].map(|number| held(number, open)),
        "whoever asks before hears so, too"
    );
    assert_eq!(
        stage.rows("SELECT number, batch FROM claim ORDER BY number"),
        ["1", "2", "3"].map(|number| format!("{number}|{first}")),
        "what was not got left no claim behind"
    );
    assert_eq!(stage.row("SELECT count(*) FROM batch"), "1", "and no batch");
    let second = other.writer.intended(intent(&[4], 0)).await.unwrap();
    assert_eq!(
        wants(&one, &[4], 7).await,
        Intended::Held(vec![held(4, Holding::Open(second))])
    );
    // Its own numbers, too: whoever has sent them does not send them again.
    assert_eq!(wants(&one, &[1], 7).await, Intended::Held(vec![held(1, open)]));
    stage.sound();
    one.close();
    other.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// What another run hears of number 1, once the batch that has it and 2 has ended so; and whether it gets it then.
async fn after(outcome: Outcome, expected: fn(BatchId) -> Option<Holding>) {
    let Some(stage) = server_stage() else { return };
    let (one, other) = (joined(&stage), joined(&stage));
    let batch = one.sent(intent(&[1, 2], 0), outcome.clone()).await;
    match (wants(&other, &[1], 7).await, expected(batch)) {
        (Intended::Held(found), Some(holding)) => assert_eq!(found, [held(1, holding)], "{outcome:?}"),
        (Intended::Durable(new), None) => {
            let query = "SELECT batch FROM claim ORDER BY number";
            assert_eq!(
                stage.rows(query),
                [new.to_string(), batch.to_string()],
                "{outcome:?}"
            );
        }
        (found, expected) => panic!("{outcome:?}: {found:?}, {expected:?} was expected"),
    }
    one.close();
    other.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn what_a_batch_makes_of_its_numbers_is_what_others_hear() {
    let unticketed = Outcome::Unticketed {
        reason: "cut".to_owned(),
        estimated: None,
    };
    after(doubt(), |batch| Some(Holding::InDoubt(batch))).await;
    after(accepted("t", None), |_| Some(Holding::Reached)).await;
    after(unticketed, |_| Some(Holding::Reached)).await;
    after(refused(), |_| Some(Holding::Refused)).await;
    // The one that was named is refused for good; the other one is its run's, which is about to send it again.
    after(split(1), |_| Some(Holding::Refused)).await;
    after(split(2), |batch| Some(Holding::Open(batch))).await;
    after(released(), |_| None).await;
}

#[tokio::test]
async fn refused_numbers_go_again_with_another_message_or_when_that_is_wanted() {
    let Some(stage) = server_stage() else { return };
    let run = joined(&stage);
    run.sent(intent(&[1, 2], 0), refused()).await;
    run.close();
    stage.open().unwrap().close().unwrap();
    let reworded = CampaignIdentity {
        message: parts(&[("text", "Bye"), ("sender", "Acme")]),
        ..identity()
    };
    let run = stage.joined(&reworded, Terms::default());
    run.sent(intent(&[1], 1), refused()).await;
    assert_eq!(
        wants(&run, &[1], 2).await,
        Intended::Held(vec![held(1, Holding::Refused)])
    );
    run.close();
    stage.open().unwrap().close().unwrap();
    let again = Terms {
        retry_refused: true,
        ..Terms::default()
    };
    let run = stage.joined(&reworded, again);
    run.sent(intent(&[1], 3), refused()).await;
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

#[tokio::test]
async fn numbers_that_the_operator_frees_are_there_for_all() {
    let Some(stage) = server_stage() else { return };
    let run = joined(&stage);
    let doubtful = run.sent(intent(&[1], 0), doubt()).await;
    let cancelled = run.sent(intent(&[2], 0), accepted("t2", None)).await;
    run.close();
    let mut ledger = stage.open().unwrap();
    ledger
        .resolve(doubtful, &Word::NotSent, &signed("asked"))
        .unwrap();
    ledger.withdraw(cancelled, "cancelled in time", at(60)).unwrap();
    ledger.close().unwrap();
    let run = joined(&stage);
    let batch = run.writer.intended(intent(&[1, 2], 0)).await.unwrap();
    let holders = stage.rows("SELECT batch FROM claim");
    assert_eq!(holders, [batch.to_string(), batch.to_string()]);
    run.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// What a split batch's run did not get to send again before it died.
#[tokio::test]
async fn the_rest_of_a_split_batch_is_its_run_s_while_that_lives_and_anybody_s_then() {
    let Some(stage) = server_stage() else { return };
    let one = joined(&stage);
    let parent = one.sent(intent(&[1, 2, 3, 4], 0), split(2)).await;
    let born = one.writer.intended(child(parent, &[1], 0)).await.unwrap();
    let other = joined(&stage);
    let expected = vec![
        held(1, Holding::Open(born)),
        held(2, Holding::Refused),
        held(3, Holding::Open(parent)),
        held(4, Holding::Open(parent)),
    ];
    assert_eq!(wants(&other, &[1, 2, 3, 4], 7).await, Intended::Held(expected));
    one.close();
    stage.administer(&format!(
        "UPDATE run SET fenced_at = 1 WHERE id = {parent}",
        parent = 1
    ));
    let expected = vec![held(1, Holding::Open(born)), held(2, Holding::Refused)];
    assert_eq!(wants(&other, &[1, 2, 3, 4], 7).await, Intended::Held(expected));
    other.writer.intended(intent(&[3, 4], 7)).await.unwrap();
    other.close();
    assert_eq!(verify(&stage.path).unwrap().findings, []);
}

/// One of several runs, which takes batches of ten numbers in its own order, and leaves out what others hold.
async fn take_all(run: &Run, batches: impl Iterator<Item = u64>, key: u32) -> Vec<u64> {
    let mut taken = Vec::new();
    for first in batches {
        let mut numbers: Vec<u64> = (first..first + 10).collect();
        while !numbers.is_empty() {
            match run.writer.intend(intent(&numbers, key)).await.unwrap() {
                Intended::Durable(batch) => {
                    let outcome = accepted(&format!("t{batch}"), Some("0.1"));
                    run.writer.conclude(batch, conclusion(outcome)).await.unwrap();
                    taken.append(&mut numbers);
                }
                Intended::Held(held) => {
                    assert!(!held.is_empty());
                    numbers.retain(|number| held.iter().all(|held| held.number.get() != *number));
                }
                Intended::OverBudget { .. } => panic!("there is no budget"),
            }
        }
    }
    taken
}

#[tokio::test]
async fn runs_that_take_the_same_numbers_in_other_orders_get_each_once_and_never_wait_for_each_other() {
    let Some(stage) = server_stage() else { return };
    let runs = [joined(&stage), joined(&stage), joined(&stage)];
    let up = take_all(&runs[0], (1..400).step_by(10), 1);
    let down = take_all(&runs[1], (0..396).step_by(5).map(|first| 396 - first), 2);
    let both = take_all(
        &runs[2],
        (1..200).step_by(10).flat_map(|first| [first, 392 - first]),
        3,
    );
    let (up, down, both) = tokio::join!(up, down, both);
    let mut times = BTreeMap::new();
    for number in up.into_iter().chain(down).chain(both) {
        *times.entry(number).or_insert(0) += 1;
    }
    assert_eq!(times, (1..406).map(|number| (number, 1)).collect());
    stage.sound();
    runs.into_iter().for_each(Run::close);
    let checked = verify(&stage.path).unwrap();
    assert_eq!(checked.findings, []);
    assert_eq!(checked.recipients, 405);
}
