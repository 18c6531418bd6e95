//! Batches that come back since others hold some of their numbers: nobody is lost, nobody goes twice, every line counts once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::ControlFlow;

use fastrand::Rng;
use proptest::prelude::*;
use volley_intake::{
    Finished, Intake, IntakeConfig, NumberBook, Outlet, Progress, ReadEnd, Rejects, Rest, Returned, Skipped,
    Standing, Tally,
};
use volley_model::segments::Meter;
use volley_model::{LineCounts, Msisdn, PlannedBatch, Reason};

use crate::encoder::{Kept, Plain, config};

/// Others, who hold numbers and take up more of them while the run goes on.
struct Others {
    rng: Rng,
    held: BTreeMap<Msisdn, Standing>,
    /// Given out, and not settled yet.
    out: VecDeque<PlannedBatch>,
    sent: Vec<PlannedBatch>,
    /// How often they take up a number of a batch that is under way, of 100.
    greed: u8,
    most: usize,
}

impl Others {
    fn holding(n: u64) -> Standing {
        match n % 3 {
            0 => Standing::AlreadySent,
            1 => Standing::InDoubt(n % 5),
            _ => Standing::Refused,
        }
    }

    fn of(&self, batch: &PlannedBatch) -> Vec<(Msisdn, Standing)> {
        let all = batch.members.iter();
        all.filter_map(|number| Some((*number, *self.held.get(number)?)))
            .collect()
    }

    /// What becomes of the oldest batch that is under way: sent, or it comes back.
    fn settle(&mut self) -> Option<Returned> {
        let batch = self.out.pop_front()?;
        for number in &batch.members {
            if self.rng.u8(..100) < self.greed {
                self.held.insert(*number, Self::holding(self.rng.u64(..)));
            }
        }
        let held = self.of(&batch);
        if held.is_empty() {
            self.sent.push(batch);
            return None;
        }
        Some(Returned::of(batch, held))
    }
}

impl Outlet for Others {
    fn take(&mut self, batch: PlannedBatch) -> ControlFlow<(), Option<Returned>> {
        if self.sent.len() + self.out.len() + 1 >= self.most {
            self.out.push_back(batch);
            return ControlFlow::Break(());
        }
        let held = self.of(&batch);
        if !held.is_empty() && self.rng.bool() {
            return ControlFlow::Continue(Some(Returned::of(batch, held)));
        }
        self.out.push_back(batch);
        ControlFlow::Continue(None)
    }

    fn returned(&mut self) -> Option<Returned> {
        while self.rng.bool() && !self.out.is_empty() {
            if let Some(returned) = self.settle() {
                return Some(returned);
            }
        }
        None
    }
}

struct Run {
    others: Others,
    finished: Finished,
    progress: Progress,
    rejections: Vec<serde_json::Value>,
    stopped: bool,
}

/// Reads all, then settles what is under way, the last batch at the very end.
fn run(config: IntakeConfig, inputs: &[String], mut others: Others) -> Run {
    let kept = Kept::default();
    let rejects = Rejects::to(Box::new(kept.clone()), Skipped::Included);
    let mut intake = Intake::new(config, Box::new(Plain), NumberBook::new(), rejects);
    let progress = Progress::default();
    let mut stopped = false;
    for (nth, text) in inputs.iter().enumerate() {
        let end = intake.read_into(
            &format!("input {nth}"),
            &mut text.as_bytes(),
            &mut others,
            &progress,
        );
        stopped = end.unwrap() == ReadEnd::Stopped;
        if stopped {
            break;
        }
    }
    let give_out = |intake: &mut Intake, rest, others: &mut Others| {
        intake.give_out(rest, others, &progress).unwrap().is_break()
    };
    while !stopped {
        stopped = give_out(&mut intake, Rest::Full, &mut others);
        if let Some(returned) = others.settle() {
            intake.take_back(returned, &progress).unwrap();
        } else if others.out.is_empty() {
            stopped |= give_out(&mut intake, Rest::All, &mut others);
            if others.out.is_empty() {
                break;
            }
        }
    }
    let mut left = 0;
    let finished = intake.finish(&mut |_| {
        left += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(left, 0, "all was given out");
    intake.flush_rejects().unwrap();
    let text = kept.0.lock().unwrap();
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Run {
        rejections: lines.map(|line| serde_json::from_slice(line).unwrap()).collect(),
        others,
        finished,
        progress,
        stopped,
    }
}

fn number(n: u64) -> Msisdn {
    Msisdn::new(33_612_345_600 + n).unwrap()
}

/// What the message takes for a number: some are UCS-2, some long.
fn param1(n: u64) -> String {
    match n % 4 {
        0 => "🙂".repeat(50),
        1 => "Ж".to_owned(),
        _ => format!("no. {n}"),
    }
}

fn line(n: u64) -> String {
    format!(
        r#"{{"phone_number":"{}","param1":"{}"}}"#,
        number(n).e164(),
        param1(n)
    )
}

/// The sums over what was sent, member by member.
fn check_sent(run: &Run, size: usize) -> (LineCounts, u64) {
    let mut sum = LineCounts::default();
    let (mut segments, mut seen) = (0, BTreeSet::new());
    for (at, batch) in run.others.sent.iter().enumerate() {
        let full = batch.members.len() == size;
        assert!(
            full || !run.stopped && at + 1 == run.others.sent.len(),
            "batch {at}"
        );
        assert_eq!(batch.lines.planned, batch.members.len() as u64);
        let mut body = "<\n".to_owned();
        let mut units = 0;
        for ((member, part), place) in batch.members.iter().zip(&batch.parts).zip(&batch.places) {
            assert!(seen.insert(*member), "a number in two batches");
            assert!(!run.others.held.contains_key(member), "somebody else has it");
            let text = param1(member.get() - number(0).get());
            let from = body.len();
            body.extend([member.e164(), format!(" param1={text}\n")]);
            units += u64::from(Meter::of(&text).segments);
            assert_eq!((part.from as usize, part.to as usize), (from, body.len()));
            assert_eq!(part.place, *place);
        }
        assert_eq!(
            (batch.parts.len(), batch.places.len()),
            (batch.members.len(), batch.members.len())
        );
        body.push('>');
        assert_eq!(std::str::from_utf8(&batch.body).unwrap(), body);
        assert_eq!(batch.units, units);
        segments += units;
        sum += batch.lines;
    }
    (sum, segments)
}

fn check_rejections(run: &Run, inputs: &[Vec<u64>]) {
    let with_reason: u64 = run.finished.by_reason.iter().map(|(_, count)| count).sum();
    assert_eq!(run.rejections.len() as u64, with_reason);
    for rejection in &run.rejections {
        let nth: usize = rejection["input"].as_str().unwrap()["input ".len()..]
            .parse()
            .unwrap();
        let line = usize::try_from(rejection["line"].as_u64().unwrap()).unwrap();
        // The line that it names is the number's own.
        assert_eq!(rejection["value"], number(inputs[nth][line - 1]).e164());
        let detail = rejection["detail"].as_str().unwrap();
        assert_eq!(
            rejection["reason"] == "duplicate",
            !detail.ends_with("another run"),
            "{detail}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_comes_back_every_line_is_in_one_count_and_nobody_is_lost_or_goes_twice(
        inputs in prop::collection::vec(prop::collection::vec(0..80u64, 0..90), 0..4),
        held in prop::collection::btree_set(0..80u64, 0..60),
        size in 1..12usize,
        greed in prop_oneof![Just(0), Just(3), Just(30), Just(100)],
        most in prop_oneof![3 => Just(usize::MAX), 1 => 1..5usize],
        seed: u64,
    ) {
        let texts: Vec<String> = inputs
            .iter()
            .map(|lines| lines.iter().map(|n| line(*n) + "\n").collect())
            .collect();
        let config = IntakeConfig {
            keep_parts: true,
            keep_places: true,
            count_units: true,
            ..config(size)
        };
        let others = Others {
            rng: Rng::with_seed(seed),
            held: held.iter().map(|n| (number(*n), Others::holding(*n))).collect(),
            out: VecDeque::new(),
            sent: Vec::new(),
            greed,
            most,
        };
        let run = run(config, &texts, others);
        let (mut given, segments) = check_sent(&run, size);
        let Finished { totals, behind, tally, .. } = &run.finished;
        for batch in &run.others.out {
            // The run was stopped while it was under way.
            given += batch.lines;
        }
        given += *behind;
        prop_assert_eq!(given, *totals);
        let counted = LineCounts { already_sent: run.finished.by_reason.get(Reason::AlreadySent), ..*totals };
        prop_assert_eq!(counted, *totals);
        prop_assert_eq!(run.finished.by_reason.get(Reason::RefusedByProvider), totals.refused);
        prop_assert_eq!(run.finished.doubt_lines.values().sum::<u64>(), totals.in_doubt);
        prop_assert_eq!(run.progress.lines_of_doubts(0..5), totals.in_doubt);
        prop_assert_eq!(run.progress.planned.load(std::sync::atomic::Ordering::Relaxed), totals.planned);
        check_rejections(&run, &inputs);
        if !run.stopped {
            let lines: Vec<u64> = inputs.concat();
            let met: BTreeSet<u64> = lines.iter().copied().collect();
            let sent: usize = run.others.sent.iter().map(|batch| batch.members.len()).sum();
            prop_assert_eq!(totals.read(), lines.len() as u64);
            prop_assert_eq!(totals.duplicate, (lines.len() - met.len()) as u64);
            prop_assert_eq!(totals.planned, sent as u64);
            prop_assert_eq!(tally.segments, segments);
            prop_assert_eq!((tally.gsm7 + tally.ucs2, tally.by_segments.iter().sum()), (sent as u64, sent as u64));
            let others = met.iter().filter(|n| run.others.held.contains_key(&number(**n))).count();
            prop_assert_eq!(met.len() - sent, others);
        }
    }
}

#[test]
fn what_others_hold_counts_as_what_they_made_of_it_and_the_rest_goes_with_the_next() {
    let standings = [
        (1, Standing::AlreadySent),
        (2, Standing::InDoubt(7)),
        (3, Standing::Refused),
    ];
    let others = Others {
        rng: Rng::with_seed(0),
        held: standings.map(|(n, standing)| (number(n), standing)).into(),
        out: VecDeque::new(),
        sent: Vec::new(),
        greed: 0,
        most: usize::MAX,
    };
    let text: String = [0, 1, 1, 2, 3, 4, 5, 6, 0].map(|n| line(n) + "\n").concat();
    let config = IntakeConfig {
        keep_parts: true,
        keep_places: true,
        count_units: true,
        ..config(2)
    };
    let run = run(config, &[text], others);
    let expected = LineCounts {
        planned: 4,
        duplicate: 2,
        already_sent: 1,
        in_doubt: 1,
        refused: 1,
        ..LineCounts::default()
    };
    assert_eq!(run.finished.totals, expected);
    assert_eq!(run.finished.doubt_lines, [(7, 1)].into());
    let mut sent: Vec<Msisdn> = run
        .others
        .sent
        .iter()
        .flat_map(|batch| batch.members.clone())
        .collect();
    sent.sort_unstable();
    assert_eq!(sent, [0, 4, 5, 6].map(number));
    let told: Vec<_> = run
        .rejections
        .iter()
        .filter(|told| told["reason"] != "duplicate")
        .collect();
    assert_eq!(told.len(), 2, "a doubt is no rejection");
    assert_eq!(told[0]["value"], "+33612345601");
    assert_eq!(told[0]["detail"], "reached by another run");
    assert_eq!(told[1]["reason"], "refused_by_provider");
}

#[test]
fn a_tally_forgets_a_message_that_is_not_sent_after_all() {
    let others = Others {
        rng: Rng::with_seed(1),
        held: (0..8).map(|n| (number(n), Standing::AlreadySent)).collect(),
        out: VecDeque::new(),
        sent: Vec::new(),
        greed: 0,
        most: usize::MAX,
    };
    let text: String = (0..8).map(|n| line(n) + "\n").collect();
    let config = IntakeConfig {
        keep_parts: true,
        keep_places: true,
        count_units: true,
        ..config(3)
    };
    let tally = run(config, &[text], others).finished.tally;
    let nothing = Tally {
        by_segments: vec![0; tally.by_segments.len()],
        ..Tally::default()
    };
    assert_eq!(tally, nothing);
}
