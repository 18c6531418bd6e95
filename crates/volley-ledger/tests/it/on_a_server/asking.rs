//! Who asks about a doubt: one run at a time, and whoever cannot gives it back.

use std::time::Duration;

use volley_ledger::{Among, Asked, BatchId, Intended, Terms};

use super::server_stage;
use crate::stage::Durably as _;
use crate::stage::{Run, Stage, accepted, amount, conclusion, doubt, identity, intent};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn among(run: &Run) -> &Among {
    &run.company.as_ref().unwrap().among
}

fn taken_up(run: &Run) -> Vec<BatchId> {
    let doubts = &run.company.as_ref().unwrap().doubts;
    doubts.iter().map(|doubt| doubt.batch).collect()
}

/// The next doubt that a run takes up while it is under way.
async fn next_left(run: &mut Run) -> BatchId {
    let left = &mut run.company.as_mut().unwrap().thread.left;
    let left = tokio::time::timeout(PATIENCE, left.recv()).await;
    left.expect("somebody takes it up").unwrap().doubt.batch
}

async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, met)
        .await
        .unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

fn probes(stage: &Stage) -> Vec<String> {
    stage.rows("SELECT batch, run, done FROM probe ORDER BY batch")
}

/// A doubt that a dead run left.
async fn left_by_the_dead(stage: &Stage) -> BatchId {
    let dead = stage.joined(&identity(), Terms::default());
    let batch = dead.sent(intent(&[1], 0), doubt()).await;
    stage.administer("UPDATE run SET fenced_at = 1");
    batch
}

#[tokio::test]
async fn a_doubt_that_a_run_may_not_ask_about_is_another_s() {
    let Some(stage) = server_stage() else { return };
    let batch = left_by_the_dead(&stage).await;
    let first = stage.joined(&identity(), Terms::default());
    assert_eq!(taken_up(&first), [batch]);
    let mut second = stage.joined(&identity(), Terms::default());
    assert_eq!(taken_up(&second), []);
    assert_eq!(
        second.writer.look(Vec::new()).await.unwrap().left_to_others,
        [batch]
    );
    among(&first).leave(batch, Asked::No);
    assert_eq!(next_left(&mut second).await, batch);
    assert_eq!(probes(&stage), [format!("{batch}|{}|0", second.entry.run)]);
    // The first one may have it no more, though nobody else wants it.
    among(&second).leave(batch, Asked::No);
    let given_back = [format!("{batch}|{}|2", second.entry.run)];
    until("it is anybody's", async || probes(&stage) == given_back).await;
    let looked = first.writer.look(Vec::new()).await.unwrap();
    assert_eq!(looked.left_to_others, [], "nobody is at it");
    let mut third = stage.joined(&identity(), Terms::default());
    assert_eq!(taken_up(&third), [batch]);
    among(&third).leave(batch, Asked::Yes);
    until("nobody need wait for it", async || {
        first
            .writer
            .look(Vec::new())
            .await
            .unwrap()
            .left_to_others
            .is_empty()
    })
    .await;
    assert_eq!(probes(&stage), [format!("{batch}|{}|1", third.entry.run)]);
    // It died, and what it asked may be asked again.
    let mut fourth = stage.joined(&identity(), Terms::default());
    stage.administer(&format!(
        "UPDATE run SET fenced_at = 1 WHERE id = {}",
        third.entry.run
    ));
    assert_eq!(next_left(&mut fourth).await, batch);
    assert_eq!(probes(&stage), [format!("{batch}|{}|0", fourth.entry.run)]);
    assert!(third.company.as_mut().unwrap().thread.left.try_recv().is_err());
}

#[tokio::test]
async fn a_run_in_simulation_mode_takes_no_doubt_up() {
    let Some(stage) = server_stage() else { return };
    let batch = left_by_the_dead(&stage).await;
    let mut simulated = identity();
    simulated.simulated = true;
    let simulated = stage.joined(&simulated, Terms::default());
    assert_eq!(taken_up(&simulated), []);
    let beat = format!("SELECT beat FROM run WHERE id = {}", simulated.entry.run);
    until("it has looked for doubts", async || {
        stage.row(&beat).parse::<i64>().unwrap() >= 3
    })
    .await;
    assert_eq!(probes(&stage), <[String; 0]>::default());
    assert_eq!(taken_up(&stage.joined(&identity(), Terms::default())), [batch]);
}

/// As in a file: what is heard of it may make room.
#[tokio::test]
async fn a_batch_waits_for_the_reservation_of_a_doubt_that_is_still_to_be_asked_about() {
    let Some(stage) = server_stage() else { return };
    let terms = Terms {
        max_cost: Some(amount("1")),
        ..Terms::default()
    };
    let other = stage.joined(&identity(), terms);
    let doubtful = other.sent(intent(&[1], 0), doubt()).await;
    let run = stage.joined(&identity(), terms);
    let sent = run.writer.intended(intent(&[2], 0)).await.unwrap();
    let outcome = accepted("t2", Some("0.5"));
    run.writer.conclude(sent, conclusion(outcome)).await.unwrap();
    let wanted = async |nth: u64| run.writer.intend(intent(&[nth], 0)).await.unwrap();
    let over = |intended: Intended| match intended {
        Intended::OverBudget { open, .. } => open,
        intended => panic!("{intended:?}"),
    };
    assert!(over(wanted(3).await), "its own run will ask");
    among(&other).leave(doubtful, Asked::Yes);
    until("nothing more can make room", async || !over(wanted(3).await)).await;
    // It dies, and this run takes it up: it will ask once more.
    stage.administer(&format!(
        "UPDATE run SET fenced_at = 1 WHERE id = {}",
        other.entry.run
    ));
    until("it is asked about again", async || over(wanted(3).await)).await;
    let outcome = accepted("t1", Some("0.4"));
    run.writer.conclude(doubtful, conclusion(outcome)).await.unwrap();
    assert!(!over(wanted(3).await));
    let mut cheaper = intent(&[3], 0);
    cheaper.reserved = Some(amount("0.1"));
    let cheaper = run.writer.intend(cheaper).await.unwrap();
    assert!(cheaper.durable().is_some(), "there is room now");
}
