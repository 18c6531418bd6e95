//! The intake thread among other runs: what they hold does not go, whatever is left goes in full batches, and nobody waits in
//! vain.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroUsize;

use fastrand::Rng;
use volley_intake::{IntakeConfig, NumberBook, Rejects};
use volley_ledger::{BatchId, Holding};
use volley_model::{Msisdn, Template};
use volley_provider::octopush::{self, Kind, Message, Purpose, Sender};

use super::*;

const FIRST: u64 = 33_612_345_000;

fn message() -> Message {
    Message {
        template: Template::parse("Hello {first_name}").unwrap(),
        kind: Kind::SmsPremium,
        purpose: Purpose::Wholesale,
        sender: Sender::new("Shop").unwrap(),
        send_at: None,
        with_replies: false,
        simulation_mode: false,
        auto_optimize_text: true,
        auto_remove_blacklisted_numbers: false,
    }
}

fn number(n: u64) -> Msisdn {
    Msisdn::new(FIRST + n).unwrap()
}

/// One input with the numbers from 0, each with a name of its own, in batches of `size`.
fn start(numbers: u64, size: usize, neighbours: Option<Neighbours>) -> (Reading, Arc<Progress>) {
    let lines = (0..numbers).map(|n| {
        let number = number(n).e164();
        format!("{{\"phone_number\":\"{number}\",\"first_name\":\"nr{n}\"}}\n")
    });
    let input = Input {
        name: "contacts.ndjson".to_owned(),
        bytes: Box::new(std::io::Cursor::new(lines.collect::<String>().into_bytes())),
    };
    let config = IntakeConfig {
        keep_parts: neighbours.is_some(),
        count_units: true,
        ..IntakeConfig::new(NonZeroUsize::new(size).unwrap())
    };
    let encoder = Box::new(octopush::Encoder::new(&message()));
    let intake = Intake::new(config, encoder, NumberBook::new(), Rejects::none());
    let sealer = octopush::Sealer::new("me", "spring", false, HashMap::new());
    let progress = Arc::new(Progress::default());
    let reading = Reading::start(
        vec![input],
        intake,
        neighbours,
        Arc::new(Sealer::Octopush(sealer)),
        Arc::clone(&progress),
    );
    (reading.unwrap(), progress)
}

/// Other runs that hold these from the beginning.
fn holding(held: BTreeMap<Msisdn, Holding>) -> Neighbours {
    Neighbours {
        ask: Box::new(move |numbers| {
            let held = numbers.iter().filter_map(|&number| {
                let holding = *held.get(&number)?;
                Some(Held { number, holding })
            });
            Ok(held.collect())
        }),
    }
}

fn reached(numbers: &[Msisdn]) -> Vec<Held> {
    let held = numbers.iter().map(|&number| Held {
        number,
        holding: Holding::Reached,
    });
    held.collect()
}

/// The body names whom it is for, each with its own name.
fn check_body(batch: &SealedBatch) {
    let body: serde_json::Value = serde_json::from_slice(&batch.body).unwrap();
    let recipients = body["recipients"].as_array().unwrap();
    assert_eq!(recipients.len(), batch.members.len());
    for (recipient, member) in recipients.iter().zip(&batch.members) {
        assert_eq!(recipient["phone_number"], member.e164());
        assert_eq!(recipient["first_name"], format!("nr{}", member.get() - FIRST));
    }
    assert_eq!(body["request_id"], batch.key.0);
    assert_eq!(batch.units, batch.members.len() as u64);
    assert_eq!(batch.lines.planned, batch.members.len() as u64);
}

fn take(reading: &mut Reading) -> Option<Queued> {
    reading.batches.blocking_recv()
}

#[test]
fn alone_a_run_has_no_way_back_and_its_thread_waits_for_nobody() {
    let (mut reading, _) = start(10, 3, None);
    let all: Vec<Queued> = std::iter::from_fn(|| take(&mut reading)).collect();
    let sizes: Vec<usize> = all.iter().map(|queued| queued.batch.members.len()).collect();
    assert_eq!(sizes, [3, 3, 3, 1]);
    assert!(all.iter().all(|queued| queued.way_back.is_none()));
    for queued in all {
        let held = reached(&queued.batch.members);
        assert!(!queued.give_back(&held));
    }
    assert_eq!(reading.join().unwrap().finished.totals.planned, 10);
}

#[test]
fn what_others_hold_is_not_sealed_and_counts_as_what_they_made_of_it() {
    let held = BTreeMap::from([
        (number(0), Holding::Reached),
        (number(4), Holding::Open(BatchId(9))),
        (number(5), Holding::Refused),
        (number(9), Holding::Reached),
    ]);
    let (mut reading, progress) = start(10, 3, Some(holding(held)));
    let mut sent = Vec::new();
    while let Some(queued) = take(&mut reading) {
        check_body(&queued.batch);
        sent.push(queued.batch.members.clone());
    }
    assert_eq!(sent, [[1, 2, 3].map(number), [6, 7, 8].map(number)]);
    let read = reading.join().unwrap();
    let totals = read.finished.totals;
    assert_eq!(
        (
            totals.planned,
            totals.already_sent,
            totals.in_doubt,
            totals.refused
        ),
        (6, 2, 1, 1)
    );
    assert_eq!(progress.lines_of_doubts([9]), 1);
    assert!(read.early.is_none());
}

#[test]
fn the_last_batch_goes_once_all_others_are_settled_and_takes_who_comes_back() {
    let (mut reading, _) = start(8, 3, Some(holding(BTreeMap::new())));
    let first = take(&mut reading).unwrap();
    let second = take(&mut reading).unwrap();
    drop(second);
    // Two are left of the first, and two wait in the open batch.
    assert!(first.give_back(&reached(&[number(1)])));
    let third = take(&mut reading).unwrap();
    check_body(&third.batch);
    assert_eq!(third.batch.members.len(), 3);
    drop(third);
    let last = take(&mut reading).unwrap();
    assert_eq!(last.batch.members.len(), 1);
    // Of the last one too.
    assert!(last.give_back(&reached(&(0..8).map(number).collect::<Vec<_>>())));
    assert!(take(&mut reading).is_none());
    let totals = reading.join().unwrap().finished.totals;
    assert_eq!((totals.planned, totals.already_sent), (6, 2));
}

#[test]
fn a_batch_goes_back_only_for_numbers_of_its_own() {
    let (mut reading, _) = start(3, 3, Some(holding(BTreeMap::new())));
    let only = take(&mut reading).unwrap();
    assert!(!only.give_back(&reached(&[number(3)])));
    assert!(take(&mut reading).is_none(), "settled");
    assert_eq!(reading.join().unwrap().finished.totals.planned, 3);
}

#[test]
fn when_the_run_stops_the_thread_ends_whatever_is_out_and_that_is_pending() {
    let (mut reading, _) = start(8, 3, Some(holding(BTreeMap::new())));
    let first = take(&mut reading).unwrap();
    let second = take(&mut reading).unwrap();
    assert!(first.give_back(&reached(&[number(1)])));
    let read = reading.join().unwrap();
    assert!(read.early.is_none());
    // Whether the first was taken apart before the stop or not.
    let totals = read.finished.totals;
    assert_eq!((totals.planned + totals.already_sent, totals.read()), (8, 8));
    drop(second);
}

#[test]
fn a_ledger_that_cannot_be_asked_ends_the_reading() {
    let mut asked = 0;
    let ask = move |_: &[Msisdn]| {
        asked += 1;
        if asked < 3 {
            return Ok(Vec::new());
        }
        Err(LedgerError::WriterStopped {
            detail: "the connection is gone".to_owned(),
        })
    };
    let (mut reading, _) = start(100, 3, Some(Neighbours { ask: Box::new(ask) }));
    let sent: Vec<Queued> = std::iter::from_fn(|| take(&mut reading)).collect();
    assert_eq!(sent.len(), 2, "nothing goes unasked");
    let read = reading.join().unwrap();
    assert!(
        matches!(&read.early, Some(StopReason::Storage { why, .. }) if why.contains("gone")),
        "{:?}",
        read.early
    );
    assert_eq!(read.finished.totals.planned, 9);
}

/// Other runs take up numbers at any time: some are asked for, some are only found when the intent is written.
#[test]
fn whoever_holds_what_and_when_everybody_else_is_sent_to_once_in_full_batches() {
    for seed in 0..300 {
        let mut rng = Rng::with_seed(seed);
        let (numbers, size) = (rng.u64(0..60), rng.usize(1..8));
        let known: BTreeMap<_, _> = (0..numbers)
            .filter(|_| rng.u8(..4) == 0)
            .map(|n| (number(n), Holding::Reached))
            .collect();
        let mut held: BTreeSet<Msisdn> = known.keys().copied().collect();
        let (mut reading, _) = start(numbers, size, Some(holding(known)));
        let mut out: Vec<Queued> = Vec::new();
        let mut sent: Vec<SealedBatch> = Vec::new();
        loop {
            // The thread may wait for what is out: one after another is settled, and never all at once.
            let next = if out.is_empty() {
                take(&mut reading)
            } else {
                reading.batches.try_recv().ok()
            };
            match next {
                Some(queued) => out.push(queued),
                None if out.is_empty() => break,
                None => {
                    let queued = out.swap_remove(rng.usize(..out.len()));
                    let taken = queued.batch.members.iter().filter(|_| rng.u8(..10) == 0);
                    held.extend(taken.copied().collect::<Vec<_>>());
                    let members = queued.batch.members.iter().copied();
                    let theirs: Vec<Msisdn> = members.filter(|member| held.contains(member)).collect();
                    if theirs.is_empty() {
                        sent.push(queued.batch.clone());
                    } else {
                        assert!(queued.give_back(&reached(&theirs)), "seed {seed}");
                    }
                }
            }
        }
        sent.iter().for_each(check_body);
        let members: BTreeSet<Msisdn> = sent.iter().flat_map(|batch| batch.members.clone()).collect();
        let all: usize = sent.iter().map(|batch| batch.members.len()).sum();
        assert_eq!(members.len(), all, "seed {seed}: a number in two batches");
        let ours: BTreeSet<Msisdn> = (0..numbers).map(number).filter(|n| !held.contains(n)).collect();
        assert_eq!(members, ours, "seed {seed}");
        let short = sent.iter().filter(|batch| batch.members.len() < size).count();
        assert!(short <= 1, "seed {seed}: {short} batches are not full");
        let totals = reading.join().unwrap().finished.totals;
        assert_eq!(
            (totals.planned, totals.already_sent),
            (all as u64, held.len() as u64),
            "seed {seed}"
        );
    }
}
