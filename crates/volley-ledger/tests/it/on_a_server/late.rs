//! What a run asks for and is carried out late, since the server kept it waiting: nothing of it if the run was buried meanwhile, and
//! no more than is true by then.

use std::thread;
use std::time::{Duration, Instant};

use volley_ledger::{Among, Asked, BatchId, Terms, TrialEnd};

use super::server_stage;
use crate::stage::{Run, Stage, identity};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_mins(1);

fn among(run: &Run) -> &Among {
    &run.company.as_ref().unwrap().among
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::yield_now();
    }
}

/// Asks while the run's thread is held up for two seconds, by a table that another has; meanwhile that one writes something.
fn ask_while_held_up(stage: &Stage, run: &Run, meanwhile: &str, ask: impl FnOnce(&Among)) {
    thread::scope(|scope| {
        scope.spawn(|| {
            stage.administer(&format!(
                "BEGIN; LOCK TABLE probe IN ACCESS EXCLUSIVE MODE; {meanwhile}; SELECT pg_sleep(2); COMMIT"
            ))
        });
        let locked = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted \
            AND relation = 'volley.probe'::regclass \
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        until("the lock", || stage.administer(locked) == "1");
        // This waits for the table, and what comes behind it for this.
        among(run).leave(BatchId(1), Asked::Yes);
        ask(among(run));
    });
}

fn gate(stage: &Stage) -> String {
    stage.row("SELECT closed_at IS NOT NULL, generation, trials_in_doubt, trial_run FROM gate")
}

fn cool_until(stage: &Stage) -> String {
    stage.row("SELECT cool_until FROM pace")
}

/// How far ahead of the server's clock the cool-down ends, in microseconds.
fn cools_for(stage: &Stage) -> i64 {
    let query = "SET search_path = volley; SELECT cool_until - server_time() FROM pace";
    stage.database().psql(query).parse().unwrap()
}

#[test]
fn nothing_is_taken_from_a_run_that_was_buried_while_it_waited() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let before = (gate(&stage), cool_until(&stage));
    ask_while_held_up(&stage, &run, "UPDATE run SET fenced_at = 1", |among| {
        among.cool_down(MINUTE);
        among.close();
    });
    until("its end", || among(&run).news().borrow().end.is_some());
    assert_eq!((gate(&stage), cool_until(&stage)), before);
}

#[test]
fn a_buried_run_opens_no_gate() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let closed = "UPDATE gate SET closed_at = 1, generation = 7, trial_run = (SELECT max(id) FROM run), trial_for = 1, \
        trial_until = server_time() + 60000000";
    stage.administer(closed);
    let before = gate(&stage);
    ask_while_held_up(&stage, &run, "UPDATE run SET fenced_at = 1", |among| {
        among.end_trial(TrialEnd::Definite);
    });
    until("its end", || among(&run).news().borrow().end.is_some());
    assert_eq!(gate(&stage), before);
}

#[tokio::test]
async fn a_cool_down_that_is_told_late_ends_when_it_would_have() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let before = cool_until(&stage);
    ask_while_held_up(&stage, &run, "SELECT", |among| {
        among.cool_down(Duration::from_millis(500));
    });
    among(&run).time().await.unwrap();
    assert_eq!(cool_until(&stage), before, "it was over before it could be told");
    ask_while_held_up(&stage, &run, "SELECT", |among| among.cool_down(MINUTE));
    among(&run).time().await.unwrap();
    let rest = cools_for(&stage);
    assert!((30_000_000..59_500_000).contains(&rest), "{rest} of a minute");
}

#[tokio::test]
async fn a_trial_whose_right_ran_out_before_its_end_was_told_opens_nothing() {
    let Some(stage) = server_stage() else { return };
    let run = stage.joined(&identity(), Terms::default());
    let end = |until: &str| {
        stage.administer(&format!(
            "UPDATE gate SET closed_at = 1, generation = 7, trial_run = (SELECT max(id) FROM run), trial_for = 1, \
             trial_until = server_time() + {until}"
        ));
        among(&run).end_trial(TrialEnd::Definite);
        among(&run).time()
    };
    end("-1").await.unwrap();
    let closed = gate(&stage);
    assert!(
        closed.starts_with("t|8|"),
        "it is heard of anew that it is closed: {closed}"
    );
    assert_eq!(
        stage.row("SELECT count(*) FROM gate WHERE closed_at = 1"),
        "1",
        "{closed}"
    );
    end("60000000").await.unwrap();
    assert_eq!(
        stage.row("SELECT count(*) FROM gate WHERE closed_at IS NULL"),
        "1"
    );
}
