//! What stands in a line stands in the body: from the intake through the encoder, against `serde_json` on both ends.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};
use volley_intake::{Intake, IntakeConfig, NumberBook, Progress, Rejects};
use volley_model::Template;
use volley_provider::octopush::{Encoder, Kind, Message, Purpose, Sender};

const FIELDS: [&str; 7] = [
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
];
const RECIPIENTS: u64 = 5_000;
const SEED: u64 = 1;

fn message() -> Message {
    Message {
        template: Template::parse("Hello {first_name|\"there\"}").expect("a text"),
        kind: Kind::SmsPremium,
        purpose: Purpose::Wholesale,
        sender: Sender::new("Acme").expect("a sender"),
        send_at: None,
        with_replies: false,
        simulation_mode: false,
        auto_optimize_text: true,
        auto_remove_blacklisted_numbers: false,
    }
}

/// A text of up to 50 characters, of which some need an escape now and then.
fn text(random: &mut fastrand::Rng) -> String {
    let odd = random.u8(..4) == 0;
    let one = |random: &mut fastrand::Rng| match random.u8(..) {
        0..8 if odd => *random.choice(&['"', '\\', '\n', '\u{1}', '/']).unwrap_or(&'"'),
        8..40 => *random.choice(&['é', 'ß', 'Ł', '🌸', ' ']).unwrap_or(&'é'),
        _ => random.alphanumeric(),
    };
    let length = random.usize(0..=50);
    (0..length).map(|_| one(random)).collect()
}

/// A line, and the recipient that must stand in the body for it.
fn contact(nth: u64, random: &mut fastrand::Rng) -> (String, Value) {
    let number = format!("+{}", 33_600_000_000 + nth);
    let mut pairs = vec![("phone_number", json!(number))];
    let mut sent = Map::from_iter([("phone_number".to_owned(), json!(number))]);
    for field in FIELDS {
        let value = match random.u8(..8) {
            0 => continue,
            1 => Value::Null,
            2 => json!(random.u32(..)),
            _ => json!(text(random)),
        };
        let said = match &value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        if !said.is_empty() {
            sent.insert(field.to_owned(), said.into());
        }
        pairs.push((field, value));
    }
    sent.entry("first_name").or_insert(json!("\"there\""));
    if random.u8(..4) == 0 {
        random.shuffle(&mut pairs);
    }
    let (colon, comma) = *random
        .choice(&[(":", ","), (": ", ", "), (" : ", " ,")])
        .unwrap_or(&(":", ","));
    let pairs: Vec<_> = pairs
        .into_iter()
        .map(|(key, value)| format!("\"{key}\"{colon}{value}"))
        .collect();
    (format!("{{{}}}", pairs.join(comma)), Value::Object(sent))
}

#[test]
fn each_recipient_stands_in_the_body_as_in_its_line() {
    let mut random = fastrand::Rng::with_seed(SEED);
    let (lines, expected): (Vec<_>, Vec<_>) = (0..RECIPIENTS).map(|nth| contact(nth, &mut random)).unzip();
    let file = lines.join("\n");
    let config = IntakeConfig::new(NonZeroUsize::new(500).unwrap());
    let encoder = Box::new(Encoder::new(&message()));
    let mut intake = Intake::new(config, encoder, NumberBook::new(), Rejects::none());
    let mut found = Vec::new();
    let mut sink = |batch: volley_model::PlannedBatch| {
        // What the sealer adds is its key and the closing brace.
        let body: Value = serde_json::from_slice(&[&batch.body[..], b"}"].concat()).unwrap();
        found.extend(body["recipients"].as_array().unwrap().iter().cloned());
        ControlFlow::Continue(())
    };
    intake
        .read("contacts", &mut file.as_bytes(), &mut sink, &Progress::default())
        .unwrap();
    intake.finish(&mut sink);
    assert_eq!(found.len(), expected.len(), "seed {SEED}");
    for ((found, expected), line) in found.iter().zip(&expected).zip(&lines) {
        assert_eq!(found, expected, "{line}, seed {SEED}");
    }
}
