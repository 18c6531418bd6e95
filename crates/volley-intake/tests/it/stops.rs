//! What ends the reading early: the sink, the most recipients, too many invalid lines.

use std::io::Read;

use volley_intake::{IntakeConfig, InvalidLimit, NumberBook, ReadEnd, TooManyInvalid};

use crate::account::check_account;
use crate::encoder::{Run, config, run};
use crate::inputs::numbered;

fn run_lines(config: IntakeConfig, texts: &[&str], most: usize) -> Run {
    let inputs = texts
        .iter()
        .map(|text| Box::new(text.as_bytes()) as Box<dyn Read>)
        .collect();
    let run = run(config, NumberBook::new(), inputs, most);
    check_account(&run);
    run
}

fn last_end(run: &Run) -> ReadEnd {
    *run.ends.last().unwrap().as_ref().unwrap()
}

#[test]
fn the_sink_stops_the_reading_at_once() {
    let text = numbered(0..100);
    let run = run_lines(config(10), &[&text], 3);
    assert_eq!(last_end(&run), ReadEnd::Stopped);
    assert_eq!(run.batches.len(), 3);
    assert_eq!(run.finished.totals.read(), 30);
    assert_eq!(run.finished.behind.read(), 0);
}

/// Batches' sizes, the last end, lines read.
fn check_max(max: u64, texts: &[&str], sizes: &[usize], end: ReadEnd, read: u64) {
    let mut config = config(10);
    config.recipients_max = Some(max);
    let run = run_lines(config, texts, usize::MAX);
    assert_eq!(
        run.batches
            .iter()
            .map(|batch| batch.members.len())
            .collect::<Vec<_>>(),
        sizes
    );
    assert_eq!((last_end(&run), run.finished.totals.read()), (end, read), "{max}");
}

#[test]
fn recipients_are_cut_exactly() {
    let text = numbered(0..30);
    check_max(25, &[&text], &[10, 10, 5], ReadEnd::RecipientsMax, 25);
    check_max(20, &[&text], &[10, 10], ReadEnd::RecipientsMax, 20);
    check_max(0, &[&text], &[], ReadEnd::RecipientsMax, 0);
    check_max(31, &[&text], &[10, 10, 10], ReadEnd::Ended, 30);
}

#[test]
fn the_most_recipients_are_no_limit_to_an_input_that_ends_there() {
    let text = numbered(0..30);
    check_max(30, &[&text], &[10, 10, 10], ReadEnd::Ended, 30);
    check_max(30, &[&text, "\n \n"], &[10, 10, 10], ReadEnd::Ended, 30);
    check_max(30, &[&text, "\nx\n"], &[10, 10, 10], ReadEnd::RecipientsMax, 30);
}

/// A tenth of the lines is invalid, or a line more.
fn tenth_invalid(lines: u32, more: u32) -> String {
    let mut text = "x\n".repeat(usize::try_from(lines / 10 + more).unwrap());
    text += &numbered(0..lines - lines / 10 - more);
    text
}

#[test]
fn too_many_invalid_lines_end_the_run_before_its_first_batch() {
    let mut config = config(10);
    config.max_invalid = Some(InvalidLimit::Share { of: 10, lines: 100 });
    for lines in [1000, 9_990, 10_000, 20_000] {
        let passes = run_lines(config.clone(), &[&tenth_invalid(lines, 0)], usize::MAX);
        // Of 20,000 lines the invalid ones all come within the first 10,000.
        let judged_early = lines == 20_000;
        assert_eq!(
            passes.finished.too_many_invalid.is_some(),
            judged_early,
            "{lines}"
        );
        let fails = run_lines(config.clone(), &[&tenth_invalid(lines, 1)], usize::MAX);
        let judged = u64::from(lines.min(10_000));
        let invalid = u64::from(lines / 10 + 1);
        assert_eq!(
            fails.finished.too_many_invalid,
            Some(TooManyInvalid {
                invalid,
                read: judged
            }),
            "{lines}"
        );
        assert!(fails.batches.is_empty(), "{lines}");
        assert_eq!(fails.finished.behind, fails.finished.totals, "{lines}");
        let expected = match lines {
            10_000.. => ReadEnd::TooManyInvalid(TooManyInvalid {
                invalid,
                read: judged,
            }),
            _ => ReadEnd::Ended,
        };
        assert_eq!(last_end(&fails), expected, "{lines}");
    }
}

#[test]
fn too_many_invalid_lines_later_end_the_run_there() {
    let mut config = config(100);
    config.max_invalid = Some(InvalidLimit::Count(5));
    let text = numbered(0..10_050) + &"x\n".repeat(6) + &numbered(20_000..30_000);
    let run = run_lines(config, &[&text], usize::MAX);
    assert_eq!(
        last_end(&run),
        ReadEnd::TooManyInvalid(TooManyInvalid {
            invalid: 6,
            read: 10_056
        })
    );
    assert_eq!(run.batches.len(), 100);
    assert_eq!(
        (run.finished.behind.planned, run.finished.behind.invalid),
        (50, 6)
    );
}

#[test]
fn a_sink_that_stops_while_batches_are_released_leaves_the_others_pending() {
    let mut config = config(100);
    config.max_invalid = Some(InvalidLimit::Count(5));
    for (lines, read) in [(10_500, 10_000), (5_000, 5_000)] {
        let run = run_lines(config.clone(), &[&numbered(0..lines)], 3);
        assert_eq!(run.batches.len(), 3);
        assert_eq!(run.finished.totals.read(), read);
        assert_eq!(run.finished.behind.planned, read - 300);
    }
}
