//! The bodies of the stages that compute, so that their instructions can be counted: `stages count STAGE TIMES`.
//!
//! Run once for two numbers of times, the difference is the body alone, whatever was prepared before it.
//! `benches/instructions` does so under valgrind. Not here: the exchange and the ledger, which wait.

use std::hint::black_box;
use std::io::{self, Write};

use benches::{Numbers, Shape, Spread};
use volley_intake::{Normalizer, NumberBook, NumberRule, Region};
use volley_model::Msisdn;
use volley_provider::octopush::Encoder;

use crate::{encode, lines, normalise, parse, support};

/// The stages, and the recipients of one body.
const STAGES: [(&str, usize); 11] = [
    ("lines", support::RECIPIENTS),
    ("parse-common", support::RECIPIENTS),
    ("parse-lifelike", support::RECIPIENTS),
    ("normalise-e164", support::RECIPIENTS),
    ("normalise-spellings", support::RECIPIENTS),
    ("dedupe-dense", support::RECIPIENTS),
    ("dedupe-sparse", support::RECIPIENTS),
    ("encode", support::BATCH_SIZE),
    ("segments", support::BATCH_SIZE),
    ("intake-plain", support::RECIPIENTS),
    ("intake-lifelike", support::RECIPIENTS),
];

/// Does what the arguments behind `count` say: lists the stages, or runs one.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> io::Result<()> {
    let stage = arguments.next().unwrap_or_default();
    let times = arguments.next().and_then(|times| times.parse().ok());
    let Some(times) = times else {
        let mut out = io::stdout().lock();
        for (stage, recipients) in STAGES {
            writeln!(out, "{stage} {recipients}")?;
        }
        return Ok(());
    };
    let mut body = body(&stage).ok_or_else(|| io::Error::other(format!("there is no stage {stage}")))?;
    for _ in 0..times {
        body();
    }
    Ok(())
}

fn body(stage: &str) -> Option<Box<dyn FnMut()>> {
    Some(match stage {
        "lines" => reading(lines::blanked(Shape::Plain)),
        "parse-common" => reading(parse::repeated(parse::COMMON)),
        "parse-lifelike" => reading(parse::repeated(parse::LIFELIKE)),
        "normalise-e164" => normalising(normalise::e164_written(Spread::Mixed)),
        "normalise-spellings" => normalising(normalise::spelled()),
        "dedupe-dense" => remembering(Spread::Dense),
        "dedupe-sparse" => remembering(Spread::Sparse),
        "encode" => {
            let mut encoder = Encoder::new(&support::message());
            let mut body = Vec::new();
            Box::new(move || {
                body.clear();
                encode::fill(
                    &mut encoder,
                    &support::recipients(&support::fields(support::NAMES[0])),
                    &mut body,
                );
                black_box(&body);
            })
        }
        "segments" => {
            let template = support::message().template;
            Box::new(move || {
                for recipient in support::recipients(&support::fields(support::NAMES[0])) {
                    black_box(template.measure(&recipient));
                }
            })
        }
        "intake-plain" => reading(support::contacts(Shape::Plain)),
        "intake-lifelike" => reading(support::contacts(Shape::Lifelike)),
        _ => return None,
    })
}

fn reading(bytes: Vec<u8>) -> Box<dyn FnMut()> {
    Box::new(move || {
        black_box(support::read_through(&bytes));
    })
}

fn normalising(written: Vec<String>) -> Box<dyn FnMut()> {
    let normalizer = Normalizer::new(Region::named("FR"), NumberRule::default(), None);
    Box::new(move || {
        for text in &written {
            // Valid, all of them: the bench of the stage asserts it.
            let _ = black_box(normalizer.normalize(text));
        }
    })
}

fn remembering(spread: Spread) -> Box<dyn FnMut()> {
    let numbers = Numbers::new(spread, support::RECIPIENTS as u64, 1);
    let numbers: Vec<Msisdn> = (0..numbers.count())
        .filter_map(|index| Msisdn::new(numbers.nth(index).e164()).ok())
        .collect();
    Box::new(move || {
        let mut book = NumberBook::new();
        for number in &numbers {
            book.reach(*number);
        }
        black_box(&book);
    })
}
