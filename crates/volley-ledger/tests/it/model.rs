//! Random histories with reopening and crashes, held against a plain model.
//!
//! A crash is simulated by the files: what was on disk at that moment is put back after the ledger was closed, log and
//! all, in place, so that the next opening recovers as after a kill.

use std::collections::BTreeMap;
use std::fs;

use proptest::prelude::*;
use volley_ledger::{BatchId, Outcome};
use volley_model::BatchState;

use crate::stage::{Run, Stage, accepted, conclusion, doubt, intent, refused, released};

#[derive(Debug, Clone)]
enum Action {
    Intend {
        numbers: usize,
    },
    Conclude {
        batch: prop::sample::Index,
        outcome: usize,
    },
    Reopen,
    Crash,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (1_usize..20).prop_map(|numbers| Action::Intend { numbers }),
        5 => (any::<prop::sample::Index>(), 0_usize..5)
            .prop_map(|(batch, outcome)| Action::Conclude { batch, outcome }),
        1 => Just(Action::Reopen),
        1 => Just(Action::Crash),
    ]
}

fn outcome(kind: usize, batch: BatchId) -> (Outcome, BatchState) {
    match kind {
        0 => (accepted(&format!("t{batch}"), Some("0.1")), BatchState::Accepted),
        1 => (
            Outcome::Unticketed {
                reason: "cut".to_owned(),
                estimated: None,
            },
            BatchState::Unticketed,
        ),
        2 => (refused(), BatchState::Refused),
        3 => (released(), BatchState::Released),
        _ => (doubt(), BatchState::InDoubt),
    }
}

/// The guarantee's drawing, written a second time.
fn drawn(was: BatchState, becomes: BatchState) -> bool {
    use BatchState::{Accepted, InDoubt, Intended, Unticketed};
    match was {
        Intended => true,
        InDoubt => matches!(becomes, InDoubt | Accepted | Unticketed),
        Unticketed => becomes == Accepted,
        _ => false,
    }
}

type Model = BTreeMap<BatchId, (BatchState, Vec<u64>)>;

fn check(stage: &Stage, run: &Run, model: &Model) {
    let mut found = Model::new();
    stage
        .reader()
        .standing(run.entry.campaign, &mut |batch| {
            let numbers = batch.members.iter().map(|number| number.get()).collect();
            found.insert(batch.batch, (batch.state, numbers));
        })
        .unwrap();
    assert_eq!(&found, model);
    stage.sound();
}

/// Ends the run without a word, and puts the files back as they were before its end.
fn crash(stage: &Stage, run: Run) {
    let files = ["", "-wal", "-lock", "-bodies"].map(|suffix| stage.beside(suffix));
    // The writer's thread may not have made the bodies yet.
    let kept = files.map(|path| (fs::read(&path).ok(), path));
    run.close();
    for (content, path) in kept {
        match content {
            Some(content) => fs::write(path, content).unwrap(),
            None => drop(fs::remove_file(path)),
        }
    }
}

async fn act(stage: &Stage, run: Run, model: &mut Model, next: &mut u64, action: Action) -> Run {
    match action {
        Action::Intend { numbers } => {
            let numbers: Vec<u64> = (*next..*next + numbers as u64).collect();
            *next += numbers.len() as u64;
            let batch = run.writer.intend(intent(&numbers, 0)).await.unwrap();
            model.insert(batch, (BatchState::Intended, numbers));
            run
        }
        Action::Conclude { batch, outcome: kind } => {
            if model.is_empty() {
                return run;
            }
            let batch = *batch.get(&model.keys().collect::<Vec<_>>());
            let (outcome, becomes) = outcome(kind, *batch);
            let batch = *batch;
            let (was, _) = model.get_mut(&batch).unwrap();
            let written = run.writer.conclude(batch, conclusion(outcome)).await;
            assert_eq!(
                written.is_ok(),
                drawn(*was, becomes),
                "{was:?} → {becomes:?}: {written:?}"
            );
            if written.is_ok() {
                *was = becomes;
            }
            run
        }
        Action::Reopen | Action::Crash => {
            if matches!(action, Action::Crash) {
                crash(stage, run);
            } else {
                run.close();
            }
            for (state, _) in model
                .values_mut()
                .filter(|(state, _)| *state == BatchState::Intended)
            {
                *state = BatchState::InDoubt;
            }
            let run = stage.run();
            // Whatever is open has its body, whole.
            for (batch, (state, _)) in model.iter() {
                if *state == BatchState::InDoubt {
                    assert!(run.writer.body(*batch).await.unwrap().is_some(), "{batch}");
                }
            }
            run
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_agrees_with_the_model_through_reopening_and_crashes(
        actions in prop::collection::vec(action(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stage = Stage::new();
        let (mut model, mut next) = (Model::new(), 33_600_000_000);
        let mut run = stage.run();
        for action in actions {
            run = runtime.block_on(act(&stage, run, &mut model, &mut next, action));
            check(&stage, &run, &model);
        }
        run.close();
    }
}
