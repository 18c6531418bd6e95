//! The corpus against an independent count: `serde_json` parses its lines, libphonenumber reads its numbers.

use std::collections::{HashMap, HashSet};

use benches::{BadLine, Corpus, Expected, HomeRegion, Shape, Spread};
use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};
use serde_json::Value;

/// The fields beside the number, as docs/campaign-file.md names them.
const FIELDS: [&str; 7] = [
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
];

/// What a plain reading of a file comes to.
#[derive(Debug, Default)]
struct Counted {
    lines: u64,
    distinct: HashSet<String>,
    duplicates: u64,
    invalid: HashMap<&'static str, u64>,
}

impl Counted {
    fn of(bytes: &[u8], home: HomeRegion) -> Self {
        let mut counted = Self::default();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let line = line.strip_suffix(b"\n").expect("every line has its end");
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.trim_ascii().is_empty() {
                continue;
            }
            counted.lines += 1;
            match judge(line, home) {
                Err(reason) => *counted.invalid.entry(reason).or_default() += 1,
                Ok(number) => {
                    if !counted.distinct.insert(number) {
                        counted.duplicates += 1;
                    }
                }
            }
        }
        counted
    }

    fn assert_agrees(&self, expected: &Expected) {
        assert_eq!(self.lines, expected.lines);
        assert_eq!(self.distinct.len() as u64, expected.distinct);
        assert_eq!(self.duplicates, expected.duplicates);
        assert_eq!(
            self.invalid.values().sum::<u64>(),
            expected.invalid_lines(),
            "{:?}",
            self.invalid
        );
        for reason in BadLine::ALL {
            let counted = self.invalid.get(reason.name()).copied().unwrap_or_default();
            assert_eq!(counted, expected.invalid(reason), "{}", reason.name());
        }
    }
}

/// The number of a good line, or why it is bad, for a campaign that allows all but Japan and needs `param1`.
fn judge(line: &[u8], home: HomeRegion) -> Result<String, &'static str> {
    if line.len() > 65_536 {
        return Err("line_too_long");
    }
    let text = std::str::from_utf8(line).map_err(|_| "utf8_invalid")?;
    // A value beyond f64 in an ignored key is no fault, but `Value` cannot hold it.
    let text = text.replace("1e400", "1e40");
    let record: Value = serde_json::from_str(&text).map_err(|_| "json_malformed")?;
    // `Value` keeps the last of repeated keys; a top-level key of ours is at most once in a good line.
    let repeated = |key: &str| text.matches(&format!("\"{key}\":")).count() > 1 && !text.contains("\"home\"");
    if FIELDS.iter().any(|key| repeated(key)) || repeated("phone_number") {
        return Err("json_malformed");
    }
    let number = record
        .get("phone_number")
        .ok_or("phone_number_missing")?
        .as_str()
        .expect("a string");
    for value in FIELDS.iter().filter_map(|key| record.get(key)) {
        match value {
            Value::String(text) if text.chars().count() > 50 => return Err("field_too_long"),
            Value::String(_) | Value::Number(_) | Value::Null => {}
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err("field_type"),
        }
    }
    let number = e164(number, home).ok_or("phone_number_invalid")?;
    if number.starts_with("+81") {
        return Err("country_not_allowed");
    }
    match record.get("param1") {
        None | Some(Value::Null) => Err("placeholder_missing"),
        Some(Value::String(text)) if text.is_empty() => Err("placeholder_missing"),
        Some(_) => Ok(number),
    }
}

fn e164(written: &str, home: HomeRegion) -> Option<String> {
    if written.contains(char::is_alphabetic) {
        return None;
    }
    let parsed = match home {
        HomeRegion::France => PhoneNumber::parse(written, Some(Region::FR)),
        HomeRegion::None => PhoneNumber::parse(
            written.replacen("00", "+", usize::from(written.starts_with("00"))),
            None,
        ),
    };
    let number = parsed
        .ok()
        .filter(|number| number.is_possible_with_reason().is_ok())?;
    Some(number.format_as(PhoneNumberFormat::E164).into_owned())
}

#[test]
fn the_truth_matches_an_independent_count() {
    let base = Corpus {
        bad_lines: &BadLine::ALL,
        ..Corpus::new(42, 5_000)
    };
    let table = [
        base.clone(),
        Corpus {
            spread: Spread::Dense,
            ..base.clone()
        },
        Corpus {
            spread: Spread::Sparse,
            home: HomeRegion::None,
            ..base.clone()
        },
        Corpus {
            shape: Shape::Plain,
            duplicates_percent: 100,
            ..base.clone()
        },
        Corpus {
            duplicates_percent: 0,
            invalid_percent: 0,
            ..base.clone()
        },
        Corpus {
            bad_lines: &BadLine::OF_EVERY_CAMPAIGN,
            invalid_percent: 20,
            ..base
        },
        Corpus::example(),
    ];
    for corpus in table {
        let bytes = corpus.to_bytes().unwrap();
        Counted::of(&bytes, corpus.home).assert_agrees(&corpus.expected());
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let corpus = Corpus::new(7, 2_000);
    let bytes = corpus.to_bytes().unwrap();
    let mut written = Vec::new();
    let expected = corpus.write_to(&mut written).unwrap();
    assert_eq!(written, bytes);
    assert_eq!(expected, corpus.expected());
    assert_ne!(Corpus::new(8, 2_000).to_bytes().unwrap(), bytes);
}

#[test]
fn most_duplicates_are_in_another_spelling_and_the_plain_shape_has_one_spelling() {
    let spellings = |shape| {
        let corpus = Corpus {
            shape,
            duplicates_percent: 50,
            invalid_percent: 0,
            ..Corpus::new(3, 2_000)
        };
        let bytes = corpus.to_bytes().unwrap();
        let mut written: HashSet<String> = HashSet::new();
        for line in bytes
            .split(|&byte| byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty())
        {
            let text = String::from_utf8(line.to_vec()).unwrap().replace("1e400", "1e40");
            let record: Value = serde_json::from_str(&text).unwrap();
            written.insert(record["phone_number"].as_str().unwrap().to_owned());
        }
        written.len()
    };
    assert_eq!(spellings(Shape::Plain), 2_000);
    assert!(
        spellings(Shape::Lifelike) > 2_800,
        "{}",
        spellings(Shape::Lifelike)
    );
}

#[test]
fn a_lifelike_corpus_has_escapes_accents_emoji_crlf_and_blank_lines() {
    let bytes = Corpus {
        invalid_percent: 0,
        ..Corpus::new(5, 5_000)
    }
    .to_bytes()
    .unwrap();
    let text = String::from_utf8(bytes).unwrap();
    for part in [
        "\\u00e9",
        "é",
        "\\\"Jeannot\\\"",
        "\\\\Jones",
        "🌸",
        "\\ud83c\\udf38",
        "\r\n",
        "\n  \n",
        "1e400",
    ] {
        assert!(text.contains(part), "{part:?}");
    }
}

#[test]
fn lines_are_as_long_as_the_lines_of_a_real_export() {
    for shape in [Shape::Lifelike, Shape::Plain] {
        let corpus = Corpus {
            shape,
            invalid_percent: 0,
            ..Corpus::new(9, 10_000)
        };
        let mean = corpus.to_bytes().unwrap().len() as u64 / corpus.expected().lines;
        assert!((119..=143).contains(&mean), "{shape:?}: {mean}");
    }
}

#[test]
fn the_truth_prints_as_json_with_every_reason() {
    let expected = Corpus::example().expected();
    let printed: Value = serde_json::from_str(&expected.to_string()).unwrap();
    assert_eq!(printed["lines"], 1_000);
    assert_eq!(printed["distinct"], 891);
    assert_eq!(printed["duplicates"], 44);
    for reason in BadLine::ALL {
        assert_eq!(
            printed["invalid"][reason.name()],
            expected.invalid(reason),
            "{}",
            reason.name()
        );
    }
}
