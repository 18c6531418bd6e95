//! A process that is really killed: the test starts itself again as the one to die.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use volley_ledger::{BatchId, Changes, FoundOpen, Ledger, Opening};
use volley_model::BatchState;

use crate::stage::Durably as _;
use crate::stage::{Stage, accepted, at, child, conclusion, identity, intent, split};

const NAME: &str = "kill::what_was_acknowledged_outlives_sigkill";
const LEDGER: &str = "VOLLEY_TEST_LEDGER_TO_BE_KILLED_ON";
const FIRST: &str = "VOLLEY_TEST_FIRST_NUMBER";

/// Writes intents, outcomes for the even ones, and for some of the odd ones a split with its child; and says each once it
/// is acknowledged; until it is killed.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn write_until_killed(path: &Path) {
    let mut ledger = Ledger::open(path, Opening::MustExist, at(0)).unwrap();
    let entry = ledger.enter(&identity(), Changes::Refuse, at(1)).unwrap();
    let (writer, _thread) = ledger.start(entry.run);
    let first: u64 = std::env::var(FIRST).unwrap().parse().unwrap();
    for number in first.. {
        let numbers = [number, number + 500_000];
        let batch = writer.intended(intent(&numbers, 0)).await.unwrap();
        println!("\nintended {batch}");
        if number % 4 == 1 {
            writer.conclude(batch, conclusion(split(number))).await.unwrap();
            println!("\nsplit {batch}");
            let child = child(batch, &numbers[1..], 0);
            let child = writer.intended(child).await.unwrap();
            println!("\nintended {child}");
        }
        if number % 2 == 0 {
            let outcome = accepted(&format!("t{number}"), Some("0.1"));
            writer.conclude(batch, conclusion(outcome)).await.unwrap();
            println!("\naccepted {batch}");
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_outlives_sigkill() {
    if let Some(path) = std::env::var_os(LEDGER) {
        return write_until_killed(Path::new(&path)).await;
    }
    let stage = Stage::in_a_file();
    Ledger::init(&stage.path, at(0)).unwrap();
    let (mut intended, mut settled) = (Vec::new(), Vec::new());
    for round in 1..=5_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(LEDGER, &stage.path)
            .env(FIRST, format!("336{round:02}000000"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let mut take = |line: &str| {
            let Some((said, batch)) = line.split_once(' ') else {
                return;
            };
            let batch = || BatchId(batch.parse().unwrap());
            match said {
                "intended" => intended.push(batch()),
                "accepted" => settled.push((batch(), BatchState::Accepted)),
                "split" => settled.push((batch(), BatchState::Split)),
                _ => {}
            }
        };
        // Killed in the middle of its work, at another place each time; what it said until then counts.
        lines
            .by_ref()
            .take(17 * round as usize)
            .for_each(|line| take(&line));
        child.kill().unwrap();
        lines.for_each(|line| take(&line));
        child.wait().unwrap();

        let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(5)).unwrap();
        let entry = ledger.enter(&identity(), Changes::Refuse, at(6)).unwrap();
        assert_ne!(
            entry.found_open,
            FoundOpen::default(),
            "the odd ones never had an outcome"
        );
        let mut states = HashMap::new();
        ledger
            .standing(entry.campaign, &mut |batch| {
                states.insert(batch.batch, batch.state);
            })
            .unwrap();
        assert!(settled.iter().all(|(batch, state)| states[batch] == *state));
        let known: HashSet<_> = settled.iter().map(|(batch, _)| *batch).collect();
        for batch in intended.iter().filter(|batch| !known.contains(batch)) {
            // Its outcome may have been written, and the process killed before it could say so.
            assert!(
                matches!(
                    states[batch],
                    BatchState::InDoubt | BatchState::Accepted | BatchState::Split
                ),
                "{batch}"
            );
        }
        let (writer, thread) = ledger.start(entry.run);
        for batch in intended
            .iter()
            .filter(|batch| states[batch] == BatchState::InDoubt)
        {
            assert!(writer.body(*batch).await.unwrap().is_some(), "{batch}");
        }
        drop(writer);
        thread.join().unwrap();
        stage.sound();
    }
}
