//! Odd inputs, each as specified.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::atomic::Ordering;

use volley_intake::{NumberBook, ReadEnd};

use crate::account::check_account;
use crate::encoder::{config, run, run_text};

/// A line for each of these numbers.
pub(crate) fn numbered(numbers: Range<u32>) -> String {
    numbers.fold(String::new(), |lines, number| {
        lines + &format!("{{\"phone_number\":\"+336{number:08}\"}}\n")
    })
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    // With a checksum, as the command line tool makes it: without one, damage may go unseen.
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Read, planned, invalid, duplicate.
fn check(input: &[u8], expected: [u64; 4]) {
    let run = run_text(input);
    check_account(&run);
    let totals = run.finished.totals;
    assert_eq!(
        [totals.read(), totals.planned, totals.invalid, totals.duplicate],
        expected,
        "{}",
        input[..input.len().min(100)].escape_ascii()
    );
    assert!(matches!(run.ends[0], Ok(ReadEnd::Ended)), "{:?}", run.ends);
}

#[test]
fn line_ends_marks_and_blank_lines() {
    let line = r#"{"phone_number":"+33612345678"}"#;
    check(b"", [0; 4]);
    check(b"\n\r\n \t\r\n", [0; 4]);
    check(b"\xef\xbb\xbf", [0; 4]);
    check(line.as_bytes(), [1, 1, 0, 0]);
    check(format!("\u{feff}{line}").as_bytes(), [1, 1, 0, 0]);
    check(format!("\u{feff}\n{line}").as_bytes(), [1, 1, 0, 0]);
    check(format!("{line}\r\n{line}\r\n").as_bytes(), [2, 1, 0, 1]);
    check(format!("\n\n{line}\n\n \n{line}").as_bytes(), [2, 1, 0, 1]);
    check(format!("{line}\n\u{feff}{line}").as_bytes(), [2, 1, 1, 0]);
    check(format!("{line}{line}").as_bytes(), [1, 0, 1, 0]);
    check(b"\0", [1, 0, 1, 0]);
    check(format!("{line}\0\n{line}").as_bytes(), [2, 1, 1, 0]);
}

#[test]
fn only_duplicates_make_one_recipient() {
    let text = r#"{"phone_number":"+33612345678"}
"#
    .repeat(1000);
    check(text.as_bytes(), [1000, 1, 0, 999]);
}

#[test]
fn five_spellings_are_one_recipient() {
    let text: String = [
        "+33612345678",
        "+33 6 12 34 56 78",
        "0033612345678",
        "+330612345678",
        "+33 (0)6.12.34.56.78",
    ]
    .map(|number| format!("{{\"phone_number\":\"{number}\"}}\n"))
    .concat();
    check(text.as_bytes(), [5, 1, 0, 4]);
}

#[test]
fn every_physical_line_has_its_number() {
    let run = run_text("\u{feff}\n\r\nx\n\n{}\n   \n[]");
    assert_eq!(
        run.reasons(),
        ["3 json_malformed", "5 phone_number_missing", "7 json_malformed"]
    );
}

#[test]
fn lines_are_numbered_from_one_in_each_input() {
    let inputs: Vec<Box<dyn Read>> = vec![Box::new(&b"x\ny"[..]), Box::new(&b"\nz\n"[..])];
    let run = run(config(1), NumberBook::new(), inputs, usize::MAX);
    let places: Vec<_> = run
        .rejections
        .iter()
        .map(|rejection| format!("{} {}", rejection["input"].as_str().unwrap(), rejection["line"]))
        .collect();
    assert_eq!(places, ["input 0 1", "input 0 2", "input 1 2"]);
}

#[test]
fn a_line_of_a_gigabyte_is_one_rejection() {
    let input = numbered(0..3)
        .into_bytes()
        .as_slice()
        .chain(io::repeat(b'[').take(1 << 30))
        .chain(&b"\n"[..])
        .read_through();
    assert_eq!(input, ["4 line_too_long"]);
}

trait ReadThrough: Read + Sized {
    /// The reasons of all rejections, with another line read behind the input.
    fn read_through(self) -> Vec<String> {
        let last = numbered(3..4);
        let run = run(
            config(10),
            NumberBook::new(),
            vec![Box::new(self.chain(last.as_bytes()))],
            usize::MAX,
        );
        assert_eq!(run.finished.totals.planned, 4);
        run.reasons()
    }
}

impl<R: Read> ReadThrough for R {}

#[test]
fn compression_is_told_by_content() {
    let text = numbered(0..20_000);
    let (first, second) = text.split_at(text.match_indices('\n').nth(999).unwrap().0 + 1);
    let plain = run_text(&text);
    let skippable = [
        &[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3][..],
        &zstd(text.as_bytes()),
    ]
    .concat();
    for packed in [
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
        [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
        [zstd(first.as_bytes()), zstd(second.as_bytes())].concat(),
        skippable,
    ] {
        let run = run_text(&packed);
        assert_eq!(run.batches, plain.batches);
        assert_eq!(
            run.progress.bytes.load(Ordering::Relaxed),
            u64::try_from(packed.len()).unwrap()
        );
    }
    check(&gzip(b""), [0; 4]);
    check(&zstd(b""), [0; 4]);
}

#[test]
fn a_bomb_is_read_in_bounded_memory() {
    let bomb = zstd::encode_all(io::repeat(b'[').take(1 << 28), 1).unwrap();
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    check(&bomb, [1, 0, 1, 0]);
}

#[test]
fn messages_are_tallied_where_units_are_counted() {
    let mut config = config(2);
    config.count_units = true;
    let line =
        |number: u32, text: &str| format!("{{\"phone_number\":\"+336{number:08}\",\"param1\":\"{text}\"}}\n");
    let text = line(1, "a") + &line(2, "ê") + &line(2, "ê") + &line(3, "");
    let run = run(
        config,
        NumberBook::new(),
        vec![Box::new(text.as_bytes())],
        usize::MAX,
    );
    assert_eq!(
        run.batches.iter().map(|batch| batch.units).collect::<Vec<_>>(),
        [2, 1]
    );
    let tally = run.finished.tally;
    assert_eq!(
        (tally.gsm7, tally.ucs2, tally.segments, tally.by_segments),
        (2, 1, 3, vec![3])
    );
}

/// What is counted of two messages with ê, one of them with ç too, and of one without either.
fn check_foreign(count_units: bool, count_details: bool, expected: &[(char, u64)]) {
    let mut config = config(500);
    config.count_units = count_units;
    config.count_details = count_details;
    let text = [("1", "êê"), ("2", "çê"), ("3", "é")]
        .map(|(number, text)| format!("{{\"phone_number\":\"+3360000000{number}\",\"param1\":\"{text}\"}}\n"))
        .concat();
    let inputs: Vec<Box<dyn Read>> = vec![Box::new(text.as_bytes())];
    let tally = run(config, NumberBook::new(), inputs, usize::MAX).finished.tally;
    let counts: Vec<_> = tally
        .foreign
        .most_frequent_first()
        .into_iter()
        .map(|count| (count.character, count.messages))
        .collect();
    assert_eq!(counts, expected, "{count_units} {count_details}");
}

#[test]
fn what_makes_messages_ucs2_is_counted_where_a_plan_asks_and_nowhere_else() {
    check_foreign(true, true, &[('ê', 2), ('ç', 1)]);
    check_foreign(true, false, &[]);
    check_foreign(false, false, &[]);
}
