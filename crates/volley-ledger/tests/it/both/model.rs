//! Random histories with reopening and crashes, held against a plain model.
//!
//! A crash is simulated by the files: what was on disk at that moment is put back after the ledger was closed, log and
//! all, in place, so that the next opening recovers as after a kill.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;
use volley_ledger::{BatchId, Intended, Ledger, Outcome, Reader, Spending, Word, verify};
use volley_model::{BatchState, Currency, Msisdn};

use super::new_stage;
use crate::stage::Durably as _;
use crate::stage::{
    Run, Stage, accepted, amount, at, child, conclusion, doubt, intent, refused, released, signed, split,
};

#[derive(Debug, Clone)]
enum Action {
    Intend {
        numbers: usize,
    },
    /// A child of a batch, if that is split and has numbers left.
    Child {
        parent: prop::sample::Index,
        numbers: usize,
    },
    /// Numbers of a batch, wanted once more.
    Again {
        batch: prop::sample::Index,
        numbers: usize,
    },
    Conclude {
        batch: prop::sample::Index,
        outcome: usize,
    },
    /// A listing lacks the batch.
    Absent {
        batch: prop::sample::Index,
    },
    /// Between two runs: a command says something of a batch.
    Say {
        batch: prop::sample::Index,
        said: Said,
    },
    Reopen,
    Crash,
}

/// What a command says of a batch.
#[derive(Debug, Clone, Copy)]
enum Said {
    Withdrawn,
    WithdrawnByOperator,
    NotSent,
    Priced,
}

fn action() -> impl Strategy<Value = Action> {
    let batch = any::<prop::sample::Index>;
    let said = prop_oneof![
        Just(Said::Withdrawn),
        Just(Said::WithdrawnByOperator),
        Just(Said::NotSent),
        Just(Said::Priced),
    ];
    prop_oneof![
        4 => (1_usize..20).prop_map(|numbers| Action::Intend { numbers }),
        4 => (batch(), 1_usize..12).prop_map(|(parent, numbers)| Action::Child { parent, numbers }),
        3 => (batch(), 1_usize..12).prop_map(|(batch, numbers)| Action::Again { batch, numbers }),
        8 => (batch(), 0_usize..8).prop_map(|(batch, outcome)| Action::Conclude { batch, outcome }),
        2 => batch().prop_map(|batch| Action::Absent { batch }),
        2 => (batch(), said).prop_map(|(batch, said)| Action::Say { batch, said }),
        1 => Just(Action::Reopen),
        1 => Just(Action::Crash),
    ]
}

/// A batch as the model has it.
#[derive(Debug, Clone, PartialEq)]
struct Batch {
    state: BatchState,
    numbers: Vec<u64>,
    named: Option<u64>,
    parent: Option<BatchId>,
    /// The run that intended it.
    run: i64,
    cost: Option<&'static str>,
    absent: u64,
}

impl Batch {
    fn may_be_owed(&self) -> bool {
        use BatchState::{Refused, Released, Split};
        !matches!(
            self.state,
            Refused | Released | Split | BatchState::DeclaredNotSent
        )
    }

    fn is_unpriced(&self) -> bool {
        self.state == BatchState::Accepted && self.cost.is_none()
    }
}

type Model = BTreeMap<BatchId, Batch>;

const PRICE: &str = "0.3";

/// What comes of a batch, and how the model has it then.
fn outcome(kind: usize, id: BatchId, batch: &Batch) -> (Outcome, Batch) {
    let becomes = |state, named, cost| Batch {
        state,
        named,
        cost,
        ..batch.clone()
    };
    let ticket = format!("t{id}");
    match kind {
        0 => (
            accepted(&ticket, Some("0.1")),
            becomes(BatchState::Accepted, None, Some("0.1")),
        ),
        1 => (accepted(&ticket, None), becomes(BatchState::Accepted, None, None)),
        2 => (
            Outcome::Unticketed {
                reason: "cut".to_owned(),
                estimated: None,
            },
            becomes(BatchState::Unticketed, None, None),
        ),
        3 => (refused(), becomes(BatchState::Refused, None, None)),
        4 => (released(), becomes(BatchState::Released, None, None)),
        5 => {
            let named = batch.numbers[batch.numbers.len() / 2];
            (split(named), becomes(BatchState::Split, Some(named), None))
        }
        // A number that the batch does not have.
        6 => (split(7), becomes(BatchState::Split, Some(7), None)),
        _ => (doubt(), becomes(BatchState::InDoubt, None, None)),
    }
}

/// The guarantee's drawing, written a second time.
fn drawn(was: &Batch, becomes: &Batch) -> bool {
    use BatchState::{Accepted, InDoubt, Intended, Unticketed};
    match was.state {
        Intended => becomes.named.is_none_or(|named| was.numbers.contains(&named)),
        InDoubt => matches!(becomes.state, InDoubt | Accepted | Unticketed),
        Unticketed => becomes.state == Accepted,
        _ => false,
    }
}

/// The numbers of a split batch that no child has taken up.
fn left(model: &Model, parent: BatchId) -> Vec<u64> {
    let split = &model[&parent];
    let taken: BTreeSet<u64> = model
        .values()
        .filter(|batch| batch.parent == Some(parent))
        .flat_map(|batch| batch.numbers.iter().copied())
        .chain(split.named)
        .collect();
    let numbers = split.numbers.iter().copied();
    numbers.filter(|number| !taken.contains(number)).collect()
}

fn check(stage: &Stage, run: &Run, model: &Model) {
    let reader = stage.reader();
    let mut found = BTreeMap::new();
    reader
        .standing(run.entry.campaign, &mut |batch| {
            let numbers: Vec<u64> = batch.members.iter().map(|number| number.get()).collect();
            let named = batch.named.map(Msisdn::get);
            found.insert(batch.batch, (batch.state, named, numbers));
        })
        .unwrap();
    let expected = |batch: &Batch| (batch.state, batch.named, batch.numbers.clone());
    let expected: BTreeMap<_, _> = model.iter().map(|(id, batch)| (*id, expected(batch))).collect();
    assert_eq!(found, expected);
    let absent = |batch: &Batch| matches!(batch.state, BatchState::Intended | BatchState::InDoubt);
    let absent = model.iter().filter(|(_, batch)| absent(batch));
    let absent: Vec<_> = absent.map(|(id, batch)| (*id, batch.absent)).collect();
    let doubts = reader.doubts(None).unwrap();
    let doubts: Vec<_> = doubts.iter().map(|doubt| (doubt.batch, doubt.absent)).collect();
    assert_eq!(doubts, absent);
    let unpriced = model.iter().filter(|(_, batch)| batch.is_unpriced());
    let unpriced: Vec<_> = unpriced.map(|(id, _)| *id).collect();
    let told = reader.unpriced("octopush", None).unwrap();
    let told: Vec<_> = told.iter().map(|found| found.batch).collect();
    assert_eq!(told, unpriced);
    check_money(&reader.spending(run.entry.campaign).unwrap(), model);
    check_account(&reader, model);
    assert_eq!(reader.conservation().unwrap(), Vec::<String>::new());
}

fn check_money(spending: &Spending, model: &Model) {
    let settled = model.values().filter_map(|batch| batch.cost).map(amount).sum();
    let owed = model
        .values()
        .filter(|batch| batch.cost.is_none() && batch.may_be_owed());
    let reserved = owed.map(|_| amount("0.5")).sum();
    assert_eq!((spending.settled, spending.reserved), (settled, reserved));
}

/// Accepted, refused, in doubt and pending lines of each run, by what became of the numbers of its batches.
fn check_account(reader: &Reader, model: &Model) {
    let mut expected: BTreeMap<i64, [u64; 4]> = BTreeMap::new();
    for (id, batch) in model {
        let counts = expected.entry(batch.run).or_default();
        let numbers = batch.numbers.len() as u64;
        match batch.state {
            BatchState::Accepted | BatchState::Unticketed => counts[0] += numbers,
            BatchState::Refused => counts[1] += numbers,
            BatchState::Split => {
                counts[1] += 1;
                counts[3] += left(model, *id).len() as u64;
            }
            BatchState::Intended | BatchState::InDoubt => counts[2] += numbers,
            _ => counts[3] += numbers,
        }
    }
    let report = reader.report(None).unwrap().remove(0);
    let found = report.runs.iter().filter(|run| run.batches > 0).map(|run| {
        let counts = [
            run.accepted,
            run.lines.refused,
            run.lines.in_doubt,
            run.lines.planned,
        ];
        (run.run.0, counts)
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
}

/// Ends the run without a word, and puts the files back as they were before its end. Of a server nothing is written then.
fn crash(stage: &Stage, run: Run) {
    if !stage.is_a_file() {
        return run.close();
    }
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

/// The next run, which finds open what the one before left so.
async fn begin(stage: &Stage, model: &mut Model) -> Run {
    for batch in model.values_mut() {
        if batch.state == BatchState::Intended {
            batch.state = BatchState::InDoubt;
        }
    }
    let run = stage.run();
    // Whatever is open has its body, whole.
    for (id, batch) in model.iter() {
        if batch.state == BatchState::InDoubt {
            assert!(run.writer.body(*id).await.unwrap().is_some(), "{id}");
        }
    }
    run
}

/// Whether the ledger takes what is said, which the model knows before.
fn say(ledger: &mut Ledger, id: BatchId, batch: &mut Batch, said: Said) {
    use BatchState::{Accepted, InDoubt, Intended, Withdrawn};
    let was = batch.state;
    let (taken, expected) = match said {
        Said::Withdrawn => (ledger.withdraw(id, "cancelled", at(60)).is_ok(), was == Accepted),
        Said::WithdrawnByOperator => (
            ledger
                .resolve(id, &Word::Withdrawn, &signed("they say so"))
                .is_ok(),
            was == Accepted,
        ),
        Said::NotSent => (
            ledger.resolve(id, &Word::NotSent, &signed("they say so")).is_ok(),
            matches!(was, Intended | InDoubt),
        ),
        Said::Priced => (
            ledger.price(id, amount(PRICE), Currency::EUR, at(60)).is_ok(),
            batch.is_unpriced(),
        ),
    };
    assert_eq!(taken, expected, "{id} {was:?} {said:?}");
    match said {
        _ if !taken => {}
        Said::Withdrawn | Said::WithdrawnByOperator => batch.state = Withdrawn,
        Said::NotSent => batch.state = BatchState::DeclaredNotSent,
        Said::Priced => batch.cost = Some(PRICE),
    }
}

fn pick(model: &Model, index: prop::sample::Index) -> Option<BatchId> {
    let ids: Vec<BatchId> = model.keys().copied().collect();
    (!ids.is_empty()).then(|| *index.get(&ids))
}

fn intended(run: &Run, numbers: Vec<u64>, parent: Option<BatchId>) -> Batch {
    Batch {
        state: BatchState::Intended,
        numbers,
        named: None,
        parent,
        run: run.entry.run.0,
        cost: None,
        absent: 0,
    }
}

/// A child of the numbers that are left, and one of all the parent's, which is refused.
async fn bear(run: &Run, model: &mut Model, parent: BatchId, numbers: usize) {
    let mut numbers = left(model, parent).into_iter().take(numbers).collect::<Vec<_>>();
    let whole = &model[&parent];
    if whole.numbers.len() > 1 {
        // In another order, so that its key is not its parent's.
        let mut whole = whole.numbers.clone();
        whole.reverse();
        run.writer.intended(child(parent, &whole, 9)).await.unwrap_err();
    }
    let able = whole.state == BatchState::Split && whole.run == run.entry.run.0 && !numbers.is_empty();
    if numbers.is_empty() {
        numbers = vec![7];
    }
    let born = run.writer.intended(child(parent, &numbers, 8)).await;
    assert_eq!(born.is_ok(), able, "{parent}: {born:?}");
    if let Ok(born) = born {
        model.insert(born, intended(run, numbers, Some(parent)));
    }
}

/// Whether a number may be put into another batch: what the batch that has it last makes of it. The runs of before are dead.
fn is_free(run: &Run, model: &Model, number: u64) -> bool {
    use BatchState::{DeclaredNotSent, Released, Split, Withdrawn};
    let holder = model.values().rev().find(|batch| batch.numbers.contains(&number));
    holder.is_none_or(|holder| match holder.state {
        Released | DeclaredNotSent | Withdrawn => true,
        Split => holder.named != Some(number) && holder.run != run.entry.run.0,
        _ => false,
    })
}

/// On a server the ledger itself keeps numbers from being put into two batches; of a file its only writer does.
async fn want_again(stage: &Stage, run: &Run, model: &mut Model, batch: BatchId, numbers: usize) {
    if stage.is_a_file() {
        return;
    }
    let numbers: Vec<u64> = model[&batch].numbers.iter().copied().take(numbers).collect();
    let held = numbers
        .iter()
        .copied()
        .filter(|number| !is_free(run, model, *number));
    let held: Vec<u64> = held.collect();
    let generation = 100 + u32::try_from(model.len()).unwrap();
    match run.writer.intend(intent(&numbers, generation)).await.unwrap() {
        Intended::Durable(batch) => {
            assert_eq!(held, []);
            model.insert(batch, intended(run, numbers, None));
        }
        Intended::Held(found) => {
            let found: BTreeSet<u64> = found.iter().map(|held| held.number.get()).collect();
            assert_eq!(found, held.into_iter().collect());
        }
        over @ Intended::OverBudget { .. } => panic!("{over:?}"),
    }
}

async fn act(stage: &Stage, run: Run, model: &mut Model, next: &mut u64, action: Action) -> Run {
    match action {
        Action::Intend { numbers } => {
            let numbers: Vec<u64> = (*next..*next + numbers as u64).collect();
            *next += numbers.len() as u64;
            let batch = run.writer.intended(intent(&numbers, 0)).await.unwrap();
            model.insert(batch, intended(&run, numbers, None));
        }
        Action::Child { parent, numbers } => {
            if let Some(parent) = pick(model, parent) {
                bear(&run, model, parent, numbers).await;
            }
        }
        Action::Again { batch, numbers } => {
            if let Some(batch) = pick(model, batch) {
                want_again(stage, &run, model, batch, numbers).await;
            }
        }
        Action::Conclude { batch, outcome: kind } => {
            let Some(id) = pick(model, batch) else { return run };
            let (outcome, becomes) = outcome(kind, id, &model[&id]);
            let was = &model[&id];
            let written = run.writer.conclude(id, conclusion(outcome)).await;
            assert_eq!(
                written.is_ok(),
                drawn(was, &becomes),
                "{was:?} → {becomes:?}: {written:?}"
            );
            if written.is_ok() {
                model.insert(id, becomes);
            }
        }
        Action::Absent { batch } => {
            let Some(id) = pick(model, batch) else { return run };
            let batch = model.get_mut(&id).unwrap();
            let written = run.writer.absent(vec![id], at(7)).await;
            assert_eq!(written.is_ok(), batch.state == BatchState::InDoubt, "{written:?}");
            batch.absent += u64::from(written.is_ok());
        }
        Action::Say { batch, said } => {
            let Some(id) = pick(model, batch) else { return run };
            run.close();
            let mut ledger = stage.open().unwrap();
            say(&mut ledger, id, model.get_mut(&id).unwrap(), said);
            ledger.close().unwrap();
            return begin(stage, model).await;
        }
        Action::Reopen => {
            run.close();
            return begin(stage, model).await;
        }
        Action::Crash => {
            crash(stage, run);
            return begin(stage, model).await;
        }
    }
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: super::HISTORIES, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_agrees_with_the_model_through_reopening_and_crashes(
        actions in prop::collection::vec(action(), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let stage = new_stage();
        let (mut model, mut next) = (Model::new(), 33_600_000_000);
        let mut run = stage.run();
        for action in actions {
            run = runtime.block_on(act(&stage, run, &mut model, &mut next, action));
            check(&stage, &run, &model);
        }
        run.close();
        prop_assert_eq!(verify(&stage.path).unwrap().findings, vec![]);
    }
}
