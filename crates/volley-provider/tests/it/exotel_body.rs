//! Bodies as Exotel gets them: encoded, sealed, read back by another JSON library.

use std::collections::HashMap;
use std::num::NonZeroU32;

use proptest::prelude::*;
use serde_json::{Value, json};
use volley_model::{
    BodyEncoder, BodyHash, Excerpt, Field, LineCounts, Msisdn, PlannedBatch, Recipient, RequestKey,
    SealedBatch,
};
use volley_provider::exotel::{
    CallerId, Encoder, Exotel, Mechanism, OnStatus, Retries, Schedule, Sealer, VoiceMessage, WebUrl,
};
use volley_provider::{ExotelCredentials, Secret};

const FLOW: &str = "http://my.exotel.com/acme1/exoml/start_voice/4242";

fn message() -> VoiceMessage {
    VoiceMessage {
        caller_id: CallerId::new("08012345678").unwrap(),
        url: WebUrl::new(FLOW).unwrap(),
        call_duplicate_numbers: false,
        retries: None,
        schedule: None,
        status_callback: None,
        call_status_callback: None,
        call_schedule_callback: None,
        custom_field: None,
    }
}

fn full_message() -> VoiceMessage {
    let url = |path: &str| Some(WebUrl::new(&format!("https://hooks.example.org/{path}")).unwrap());
    let mut retries = Retries::new(2, Some(5)).unwrap();
    retries.mechanism = Some(Mechanism::Linear);
    retries.on_status = Some(OnStatus::named(["no-answer", "busy"]).unwrap());
    let (send_at, end_at) = ("2026-12-01T09:00:00+05:30", "2026-12-01T18:00:00+05:30");
    VoiceMessage {
        call_duplicate_numbers: true,
        retries: Some(retries),
        schedule: Some(Schedule::new(Some(send_at), Some(end_at)).unwrap()),
        status_callback: url("campaign"),
        call_status_callback: url("call"),
        call_schedule_callback: url("number"),
        custom_field: Some("\"A\"\n".to_owned()),
        ..message()
    }
}

fn numbers(digits: &[u64]) -> Vec<Msisdn> {
    digits
        .iter()
        .map(|&digits| Msisdn::new(digits).unwrap())
        .collect()
}

fn planned(message: &VoiceMessage, members: Vec<Msisdn>) -> PlannedBatch {
    let mut encoder = Encoder::new(message);
    let mut body = Vec::with_capacity(encoder.size_hint(members.len()));
    encoder.begin(&mut body);
    for &number in &members {
        let mut fields = [Excerpt::EMPTY; Field::COUNT];
        fields[Field::FirstName.index()] = "Zoë".into();
        encoder.push(
            &mut body,
            &Recipient {
                number,
                fields: &fields,
                verbatim: false,
            },
        );
    }
    encoder.end(&mut body);
    PlannedBatch {
        units: members.len() as u64,
        members,
        body: body.into(),
        lines: LineCounts::default(),
        places: Vec::new(),
        parts: Vec::new(),
    }
}

fn sealed(message: &VoiceMessage, members: Vec<Msisdn>) -> SealedBatch {
    Sealer::new("acme1", "spring", HashMap::new()).seal(planned(message, members))
}

fn check(message: &VoiceMessage, members: &[u64], expected: &str) {
    let sealed = sealed(message, numbers(members));
    let expected = expected.replace("NAME", &sealed.key.0);
    assert_eq!(std::str::from_utf8(&sealed.body).unwrap(), expected);
}

#[test]
fn a_body_is_wrapped_and_has_what_the_campaign_file_has() {
    check(
        &message(),
        &[919_812_345_678, 33_612_345_678],
        r#"{"campaigns":[{"from":["+919812345678","+33612345678"],"caller_id":"08012345678","url":"http://my.exotel.com/acme1/exoml/start_voice/4242","type":"trans","call_duplicate_numbers":false,"name":"NAME"}]}"#,
    );
}

#[test]
fn every_field_of_the_campaign_file_has_its_place() {
    check(
        &full_message(),
        &[919_812_345_678],
        r#"{"campaigns":[{"from":["+919812345678"],"caller_id":"08012345678","url":"http://my.exotel.com/acme1/exoml/start_voice/4242","type":"trans","call_duplicate_numbers":true,"retries":{"number_of_retries":2,"interval_mins":5,"mechanism":"Linear","on_status":["busy","no-answer"]},"schedule":{"send_at":"2026-12-01T09:00:00+05:30","end_at":"2026-12-01T18:00:00+05:30"},"status_callback":"https://hooks.example.org/campaign","call_status_callback":"https://hooks.example.org/call","call_schedule_callback":"https://hooks.example.org/number","custom_field":"\"A\"\n","name":"NAME"}]}"#,
    );
}

#[test]
fn retries_and_schedules_say_only_what_was_given() {
    let check = |message: VoiceMessage, expected: Value| {
        let body: Value =
            serde_json::from_slice(&sealed(&message, numbers(&[919_812_345_678])).body).unwrap();
        let campaign = &body["campaigns"][0];
        let told = json!([campaign.get("retries"), campaign.get("schedule")]);
        assert_eq!(told, expected);
    };
    check(message(), json!([null, null]));
    check(
        VoiceMessage {
            retries: Some(Retries::new(0, Some(1)).unwrap()),
            schedule: Some(Schedule::new(None, Some("2026-12-01T09:00:00Z")).unwrap()),
            ..message()
        },
        json!([
            { "number_of_retries": 0, "interval_mins": 1 },
            { "end_at": "2026-12-01T09:00:00+00:00" },
        ]),
    );
}

#[test]
fn numbers_of_another_body_are_written_again_as_if_they_were_pushed() {
    let all = numbers(&[919_812_345_678, 33_612_345_678, 491_711_234_567, 12_025_550_123]);
    let message = message();
    for chosen in [&[0, 2][..], &[1, 3], &[3], &[0, 1, 2, 3], &[2, 0]] {
        let mut encoder = Encoder::new(&message);
        let mut first = Vec::new();
        encoder.begin(&mut first);
        let mut ends = vec![first.len()];
        for &number in &all {
            let fields = &[Excerpt::EMPTY; Field::COUNT];
            let recipient = Recipient {
                number,
                fields,
                verbatim: false,
            };
            encoder.push(&mut first, &recipient);
            ends.push(first.len());
        }
        let mut again = Vec::new();
        encoder.begin(&mut again);
        for &at in chosen {
            encoder.push_again(&mut again, &first[ends[at]..ends[at + 1]]);
        }
        encoder.end(&mut again);
        let members: Vec<Msisdn> = chosen.iter().map(|&at| all[at]).collect();
        assert_eq!(again, planned(&message, members).body.to_vec());
    }
}

#[test]
fn an_encoder_begins_each_body_afresh() {
    let mut encoder = Encoder::new(&message());
    let recipient = Recipient {
        number: numbers(&[919_812_345_678])[0],
        fields: &[Excerpt::EMPTY; Field::COUNT],
        verbatim: true,
    };
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let mut body = Vec::new();
        encoder.begin(&mut body);
        encoder.push(&mut body, &recipient);
        encoder.end(&mut body);
        bodies.push(body);
    }
    assert_eq!(bodies[0], bodies[1]);
    let measure = encoder.measure(&recipient);
    assert_eq!((measure.segments, measure.units), (1, 1), "a call is one unit");
}

#[test]
fn a_full_batch_fits_into_the_room_that_was_asked_for() {
    let members: Vec<u64> = (0..5000).map(|at| 999_999_999_990_000 + at).collect();
    let body = sealed(&full_message(), numbers(&members)).body;
    let hint = Encoder::new(&full_message()).size_hint(5000);
    assert!(body.len() <= hint, "{} bytes, {hint} asked for", body.len());
    let child = Encoder::new(&full_message()).child_body(&numbers(&members));
    let child = PlannedBatch {
        body: child.into(),
        ..planned(&full_message(), numbers(&members))
    };
    let line = RequestKey("volley-aijn9kJItEFjx8xeuOEs87rsFi".to_owned());
    let sealer = Sealer::new("acme1", "spring", HashMap::new());
    assert!(sealer.seal_child(&line, NonZeroU32::MAX, child).body.len() <= hint);
}

#[test]
fn nothing_printed_shows_a_number_or_a_secret() {
    let batch = planned(&message(), numbers(&[919_812_345_678]));
    let credentials = ExotelCredentials {
        key: Secret::new("planted-key"),
        token: Secret::new("planted-token"),
    };
    let exotel = Exotel::new(&credentials, "acme1").unwrap();
    let secret_url = VoiceMessage {
        status_callback: Some(WebUrl::new("https://hooks.example.org/planted").unwrap()),
        ..message()
    };
    let printed = format!(
        "{:?} {:?} {batch:?} {exotel:?} {credentials:?} {secret_url:?}",
        Encoder::new(&message()),
        Sealer::new("acme1", "spring", HashMap::new()),
    );
    for secret in ["919812345678", "57, 49, 57", "planted"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

/// The body built the plain way.
fn naive(message: &VoiceMessage, members: &[Msisdn], name: &str) -> Value {
    let mut campaign = json!({
        "from": members.iter().map(|member| format!("+{}", member.get())).collect::<Vec<_>>(),
        "caller_id": message.caller_id.as_str(),
        "url": message.url.as_str(),
        "type": "trans",
        "call_duplicate_numbers": message.call_duplicate_numbers,
        "name": name,
    });
    if let Some(retries) = &message.retries {
        campaign["retries"] = json!({
            "number_of_retries": retries.number(),
            "interval_mins": retries.interval_mins(),
        });
        if let Some(mechanism) = retries.mechanism {
            campaign["retries"]["mechanism"] = json!(mechanism.name());
        }
        if let Some(set) = retries.on_status {
            campaign["retries"]["on_status"] = set.iter().map(|status| json!(status.name())).collect();
        }
    }
    if let Some(text) = &message.custom_field {
        campaign["custom_field"] = json!(text);
    }
    json!({ "campaigns": [campaign] })
}

fn messages() -> impl Strategy<Value = VoiceMessage> {
    let retries = proptest::option::of((0_u32..4, 1_u32..10_000, any::<bool>(), any::<bool>()));
    (any::<bool>(), retries, proptest::option::of("(?s).{0,20}")).prop_map(
        |(duplicates, retries, custom_field)| VoiceMessage {
            call_duplicate_numbers: duplicates,
            retries: retries.map(|(number, interval, mechanism, on_status)| {
                let mut retries = Retries::new(number, Some(interval)).unwrap();
                retries.mechanism = mechanism.then_some(Mechanism::Exponential);
                retries.on_status = on_status.then(|| OnStatus::named(["failed"]).unwrap());
                retries
            }),
            custom_field,
            ..message()
        },
    )
}

fn members() -> impl Strategy<Value = Vec<Msisdn>> {
    let digits = proptest::collection::vec(1_u64..1_000_000_000_000_000, 1..6);
    digits.prop_map(|digits| numbers(&digits))
}

proptest! {
    #[test]
    fn a_body_says_the_same_as_one_built_the_plain_way(message in messages(), members in members()) {
        let sealed = sealed(&message, members.clone());
        let expected = naive(&message, &members, &sealed.key.0);
        prop_assert_eq!(serde_json::from_slice::<Value>(&sealed.body).unwrap(), expected);
    }

    #[test]
    fn a_child_s_body_is_that_of_a_batch_of_its_members(message in messages(), members in members()) {
        let child = Encoder::new(&message).child_body(&members);
        prop_assert_eq!(&child, &*planned(&message, members).body);
    }

    #[test]
    fn the_hash_is_that_of_the_body_before_the_name(message in messages(), members in members()) {
        let sealed = sealed(&message, members);
        let name_part = format!(",\"name\":\"{}\"}}]}}", sealed.key);
        let unsealed = sealed.body.strip_suffix(name_part.as_bytes()).unwrap();
        prop_assert_eq!(sealed.body_hash, BodyHash::of(unsealed));
    }
}
