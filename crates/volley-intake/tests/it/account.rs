//! Every line ends in exactly one count, and the batches' counts add up to all lines.

use std::sync::atomic::Ordering;

use proptest::prelude::*;
use volley_intake::{InvalidLimit, NumberBook};
use volley_model::{LineCounts, Msisdn};

use crate::encoder::{Run, config, run};

/// What must hold of any run.
pub(crate) fn check_account(run: &Run) {
    let mut given = LineCounts::default();
    for batch in &run.batches {
        assert!(!batch.members.is_empty());
        assert!(batch.lines.planned >= u64::try_from(batch.members.len()).unwrap());
        given += batch.lines;
    }
    given += run.finished.behind;
    assert_eq!(given, run.finished.totals);
    let members: usize = run.batches.iter().map(|batch| batch.members.len()).sum();
    assert_eq!(
        u64::try_from(members).unwrap() + run.finished.behind.planned,
        run.finished.totals.planned
    );
    let with_reason: u64 = run.finished.by_reason.iter().map(|(_, count)| count).sum();
    assert_eq!(
        with_reason + run.finished.totals.planned + run.finished.totals.in_doubt,
        run.finished.totals.read()
    );
    assert_eq!(u64::try_from(run.rejections.len()).unwrap(), with_reason);
    assert_eq!(
        run.finished.doubt_lines.values().sum::<u64>(),
        run.finished.totals.in_doubt
    );
    assert_eq!(
        run.progress.lines.load(Ordering::Relaxed),
        run.finished.totals.read()
    );
    assert_eq!(
        run.progress.planned.load(Ordering::Relaxed),
        run.finished.totals.planned
    );
}

/// A line of some kind; few enough numbers that they come again.
fn line() -> impl Strategy<Value = String> {
    let number = || (0..60u64).prop_map(|n| format!("+336123456{n:02}"));
    prop_oneof![
        8 => number().prop_map(|number| format!(r#"{{"phone_number":"{number}"}}"#)),
        1 => number().prop_map(|number| format!(r#"{{"phone_number":"{number}","param1":{{}}}}"#)),
        1 => Just(r#"{"phone_number":12}"#.to_owned()),
        1 => Just("   ".to_owned()),
        1 => Just(String::new()),
        1 => Just("nonsense".to_owned()),
    ]
}

fn book(standings: &[u8]) -> NumberBook {
    let mut book = NumberBook::new();
    for (n, standing) in (33_612_345_600u64..).zip(standings) {
        let number = Msisdn::new(n).unwrap();
        match standing {
            1 => book.reach(number),
            2 => book.doubt(number, n % 3),
            3 => book.refuse(number),
            4 => book.suppress(number),
            _ => {}
        }
    }
    book
}

proptest! {
    #[test]
    fn counts_add_up(
        inputs in prop::collection::vec(prop::collection::vec(line(), 0..80), 0..4),
        standings in prop::collection::vec(0..8u8, 60),
        size in 1..20usize,
        most in prop_oneof![3 => Just(usize::MAX), 1 => 1..5usize],
        recipients_max in prop::option::weighted(0.3, 0..40u64),
        invalid_max in prop::option::weighted(0.3, 0..40u64),
    ) {
        let mut config = config(size);
        config.recipients_max = recipients_max;
        config.max_invalid = invalid_max.map(InvalidLimit::Count);
        let texts: Vec<String> = inputs.iter().map(|lines| lines.join("\n")).collect();
        let inputs = texts.iter().map(|text| Box::new(text.as_bytes()) as _).collect();
        let run = run(config, book(&standings), inputs, most);
        check_account(&run);
        prop_assert!(run.batches.len() <= most);
        if let Some(max) = recipients_max {
            prop_assert!(run.finished.totals.planned <= max);
        }
        for (place, batch) in run.batches.iter().enumerate() {
            prop_assert!(batch.members.len() == size || place + 1 == run.batches.len());
        }
        let mut members: Vec<_> = run.batches.iter().flat_map(|batch| &batch.members).collect();
        let count = members.len();
        members.sort_unstable();
        members.dedup();
        prop_assert_eq!(members.len(), count, "a number in two batches");
    }
}
