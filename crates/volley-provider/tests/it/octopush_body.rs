//! Bodies as Octopush gets them: encoded, sealed, read back by another JSON library.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use volley_model::segments::{Encoding, Meter};
use volley_model::{
    BodyEncoder, BodyHash, Field, LineCounts, Msisdn, PlannedBatch, Recipient, SealedBatch, Template,
};
use volley_provider::octopush::{Encoder, Kind, Message, Octopush, Purpose, Sealer, SendAt, Sender};
use volley_provider::{OctopushCredentials, Secret};

type Fields = [Option<String>; Field::COUNT];

fn message(text: &str) -> Message {
    Message {
        template: Template::parse(text).unwrap(),
        kind: Kind::SmsPremium,
        purpose: Purpose::Wholesale,
        sender: Sender::new("Company X").unwrap(),
        send_at: None,
        with_replies: false,
        simulation_mode: false,
        auto_optimize_text: true,
        auto_remove_blacklisted_numbers: false,
    }
}

/// A recipient, for a moment.
fn with<T>(one: &(u64, Fields), ask: impl FnOnce(&Recipient<'_>) -> T) -> T {
    let texts = one.1.iter().flatten();
    // As the quickest reader says it: of lines without escapes.
    let verbatim = texts
        .map(|text| Value::from(text.as_str()).to_string().len() - text.len())
        .all(|more| more == 2);
    told(one, verbatim, ask)
}

/// A recipient whose texts are said to stand in its line as they are, or not.
fn told<T>((number, fields): &(u64, Fields), verbatim: bool, ask: impl FnOnce(&Recipient<'_>) -> T) -> T {
    let fields = fields
        .each_ref()
        .map(|text| text.as_deref().unwrap_or_default().into());
    ask(&Recipient {
        number: Msisdn::new(*number).unwrap(),
        fields: &fields,
        verbatim,
    })
}

fn plain(number: u64) -> (u64, Fields) {
    (number, Fields::default())
}

fn sealed(message: &Message, recipients: &[(u64, Fields)]) -> SealedBatch {
    let mut encoder = Encoder::new(message);
    let mut body = Vec::with_capacity(encoder.size_hint(recipients.len()));
    encoder.begin(&mut body);
    for one in recipients {
        with(one, |recipient| encoder.push(&mut body, recipient));
    }
    encoder.end(&mut body);
    let batch = PlannedBatch {
        members: recipients
            .iter()
            .map(|(number, _)| Msisdn::new(*number).unwrap())
            .collect(),
        body: body.into(),
        units: 0,
        lines: LineCounts::default(),
        places: Vec::new(),
        parts: Vec::new(),
    };
    Sealer::new("me@example.org", "spring", false, HashMap::new()).seal(batch)
}

fn check(message: &Message, recipients: &[(u64, Fields)], expected: &str) {
    let sealed = sealed(message, recipients);
    let expected = expected.replace("KEY", &sealed.key.0);
    assert_eq!(std::str::from_utf8(&sealed.body).unwrap(), expected);
}

#[test]
fn recipients_of_another_body_are_written_again_as_if_they_were_pushed() {
    let message = message("Hi {first_name:,you} {param1:}");
    let named = |number, name: &str| {
        let mut one = plain(number);
        one.1[0] = Some(name.to_owned());
        one
    };
    let all = [
        named(33_612_345_678, ",{\"a\\"),
        plain(491_711_234_567),
        named(33_612_345_679, "Zoë"),
    ];
    for chosen in [&[0][..], &[1], &[2], &[0, 2], &[1, 2], &[2, 0], &[0, 1, 2]] {
        let mut encoder = Encoder::new(&message);
        let mut first = Vec::new();
        encoder.begin(&mut first);
        let mut ends = vec![first.len()];
        for one in &all {
            with(one, |recipient| encoder.push(&mut first, recipient));
            ends.push(first.len());
        }
        let mut again = Vec::new();
        encoder.begin(&mut again);
        for &at in chosen {
            encoder.push_again(&mut again, &first[ends[at]..ends[at + 1]]);
        }
        // Whoever is pushed behind them stands behind a comma too.
        with(&plain(4_479_001), |recipient| encoder.push(&mut again, recipient));
        encoder.end(&mut again);
        let mut recipients: Vec<_> = chosen.iter().map(|&at| all[at].clone()).collect();
        recipients.push(plain(4_479_001));
        let expected = sealed(&message, &recipients).body;
        assert!(expected.starts_with(&again), "{chosen:?}");
    }
}

#[test]
fn a_body_has_what_differs_from_the_defaults_and_nothing_else() {
    check(
        &message("Hello. STOP au 30101"),
        &[plain(33_612_345_678), plain(491_711_234_567)],
        r#"{"recipients":[{"phone_number":"+33612345678"},{"phone_number":"+491711234567"}],"text":"Hello. STOP au 30101","type":"sms_premium","purpose":"wholesale","sender":"Company X","request_id":"KEY"}"#,
    );
}

#[test]
fn every_field_of_the_campaign_file_has_its_place() {
    let message = Message {
        kind: Kind::SmsLowCost,
        purpose: Purpose::Alert,
        send_at: Some(SendAt::parse("2026-12-01T09:00:00+01:00").unwrap()),
        with_replies: true,
        simulation_mode: true,
        auto_optimize_text: false,
        auto_remove_blacklisted_numbers: true,
        ..message("\"Hé\"")
    };
    check(
        &message,
        &[plain(33_612_345_678)],
        r#"{"recipients":[{"phone_number":"+33612345678"}],"text":"\"Hé\"","type":"sms_low_cost","purpose":"alert","sender":"Company X","send_at":"2026-12-01T09:00:00+01:00","with_replies":true,"simulation_mode":true,"auto_optimize_text":false,"auto_remove_blacklisted_numbers":true,"request_id":"KEY"}"#,
    );
}

#[test]
fn a_recipient_has_its_own_fields_and_the_defaults_of_those_it_lacks() {
    let mut own = Fields::default();
    own[Field::FirstName.index()] = Some("Zoë".to_owned());
    own[Field::Param5.index()] = Some("of no placeholder".to_owned());
    check(
        &message("Hello {first_name|there} {param2|}"),
        &[(33_612_345_678, own), plain(33_612_345_679)],
        r#"{"recipients":[{"phone_number":"+33612345678","first_name":"Zoë","param2":"","param5":"of no placeholder"},{"phone_number":"+33612345679","first_name":"there","param2":""}],"text":"Hello {first_name} {param2}","type":"sms_premium","purpose":"wholesale","sender":"Company X","request_id":"KEY"}"#,
    );
}

#[test]
fn an_encoder_begins_each_body_afresh() {
    let mut encoder = Encoder::new(&message("Hello"));
    let one = plain(33_612_345_678);
    let mut given_up = Vec::new();
    encoder.begin(&mut given_up);
    with(&plain(33_612_345_679), |recipient| {
        encoder.push(&mut given_up, recipient);
    });
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let mut body = Vec::new();
        encoder.begin(&mut body);
        with(&one, |recipient| encoder.push(&mut body, recipient));
        encoder.end(&mut body);
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert!(!bodies[0].windows(12).any(|part| part == b"+33612345679"));
}

#[test]
fn there_is_room_for_the_longest_recipient() {
    let longest = "\u{1}".repeat(Field::CHARS_MAX);
    let defaults = Field::ALL.map(|field| format!("{{{}|{longest}}}", field.name()));
    let message = message(&defaults.concat());
    for (field, bytes) in (0..Field::COUNT).flat_map(|field| [(field, 2048), (field, 2049)]) {
        let mut fields = Fields::default();
        fields[field] = Some("y".repeat(bytes));
        let one = (999_999_999_999_999, fields);
        let body = |verbatim: bool| {
            let mut encoder = Encoder::new(&message);
            let mut body = Vec::new();
            encoder.begin(&mut body);
            told(&one, verbatim, |recipient| encoder.push(&mut body, recipient));
            encoder.end(&mut body);
            body
        };
        assert!(body(true) == body(false), "{field}, {bytes}");
    }
}

#[test]
fn segments_are_measured_on_the_text_as_the_recipient_gets_it() {
    let encoder = Encoder::new(&message("Hello {first_name|there}"));
    let mut own = Fields::default();
    own[Field::FirstName.index()] = Some("ê".repeat(70));
    let long = with(&(33_612_345_678, own), |recipient| encoder.measure(recipient));
    assert_eq!((long.encoding, long.segments), (Encoding::Ucs2, 2));
    assert_eq!(
        with(&plain(33_612_345_678), |recipient| encoder.measure(recipient)),
        Meter::of("Hello there")
    );
}

#[test]
fn a_full_batch_fits_into_the_room_that_was_asked_for() {
    let message = message("Hello {first_name}, {param1}");
    let mut fields = Fields::default();
    fields[Field::FirstName.index()] = Some("Bartholomew".to_owned());
    fields[Field::Param1.index()] = Some("Tuesday 9:00".to_owned());
    let recipients: Vec<(u64, Fields)> = (0..500)
        .map(|at| (999_999_999_999_000 + at, fields.clone()))
        .collect();
    let body = sealed(&message, &recipients).body;
    let hint = Encoder::new(&message).size_hint(500);
    assert!(body.len() <= hint, "{} bytes, {hint} asked for", body.len());
}

#[test]
fn nothing_printed_shows_a_number() {
    let mut encoder = Encoder::new(&message("Hello {first_name}"));
    let mut body = Vec::new();
    encoder.begin(&mut body);
    with(&plain(33_612_345_678), |recipient| {
        encoder.push(&mut body, recipient);
    });
    let sealer = Sealer::new("planted@example.org", "spring", false, HashMap::new());
    let credentials = OctopushCredentials {
        login: "planted@example.org".to_owned(),
        key: Secret::new("planted-key"),
    };
    let octopush = Octopush::new(&credentials).unwrap();
    let printed = format!("{encoder:?} {sealer:?} {octopush:?} {credentials:?}");
    for secret in ["33612345678", "33, 51, 54", "planted"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// The body built the plain way.
fn naive(message: &Message, recipients: &[(u64, Fields)]) -> Value {
    let recipients: Vec<Value> = recipients
        .iter()
        .map(|(number, fields)| {
            let mut object = json!({ "phone_number": format!("+{number}") });
            for (field, text) in Field::ALL.into_iter().zip(fields) {
                let default = (field == Field::FirstName).then_some("there");
                if let Some(text) = text.as_deref().or(default) {
                    object[field.name()] = json!(text);
                }
            }
            object
        })
        .collect();
    let mut body = json!({
        "recipients": recipients,
        "text": message.template.wire(),
        "type": if message.kind == Kind::SmsPremium { "sms_premium" } else { "sms_low_cost" },
        "purpose": if message.purpose == Purpose::Alert { "alert" } else { "wholesale" },
        "sender": message.sender.as_str(),
    });
    for (key, set, value) in [
        ("with_replies", message.with_replies, true),
        ("simulation_mode", message.simulation_mode, true),
        ("auto_optimize_text", !message.auto_optimize_text, false),
        (
            "auto_remove_blacklisted_numbers",
            message.auto_remove_blacklisted_numbers,
            true,
        ),
    ] {
        if set {
            body[key] = json!(value);
        }
    }
    body
}

fn messages() -> impl Strategy<Value = Message> {
    // Braces would make placeholders; the texts between them are as wild as they come.
    let text = "(?s)[^{}]{0,20}";
    (text, text, any::<[bool; 6]>()).prop_map(|(before, behind, flags)| Message {
        kind: if flags[0] {
            Kind::SmsPremium
        } else {
            Kind::SmsLowCost
        },
        purpose: if flags[1] {
            Purpose::Alert
        } else {
            Purpose::Wholesale
        },
        with_replies: flags[2],
        simulation_mode: flags[3],
        auto_optimize_text: flags[4],
        auto_remove_blacklisted_numbers: flags[5],
        ..message(&format!("{before}{{first_name|there}}{behind}{{param3}}"))
    })
}

fn recipients() -> impl Strategy<Value = Vec<(u64, Fields)>> {
    let field = proptest::option::of(prop_oneof![
        "(?s).{1,12}",
        "[\u{0}-\u{7f}]{1,12}",
        "[\"\\\\/a]{1,6}"
    ]);
    let fields =
        proptest::collection::vec(field, Field::COUNT).prop_map(|fields| Fields::try_from(fields).unwrap());
    proptest::collection::vec((1_u64..1_000_000_000_000_000, fields), 1..6)
}

proptest! {
    #[test]
    fn a_body_says_the_same_as_one_built_the_plain_way(message in messages(), recipients in recipients()) {
        let sealed = sealed(&message, &recipients);
        let mut expected = naive(&message, &recipients);
        expected["request_id"] = json!(sealed.key.0);
        prop_assert_eq!(serde_json::from_slice::<Value>(&sealed.body).unwrap(), expected);
    }

    #[test]
    fn the_hash_is_that_of_the_body_before_the_key(message in messages(), recipients in recipients()) {
        let sealed = sealed(&message, &recipients);
        let key_part = format!(",\"request_id\":\"{}\"}}", sealed.key);
        let unsealed = sealed.body.strip_suffix(key_part.as_bytes()).unwrap();
        prop_assert_eq!(sealed.body_hash, BodyHash::of(unsealed));
    }
}
