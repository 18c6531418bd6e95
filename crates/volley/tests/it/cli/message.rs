//! `plan` on the message itself: what makes it dear, what would be refused, what surprises whoever sends it.

use serde_json::{Value, json};

use crate::support::{Sandbox, contacts, number};

/// Plans these input lines with these settings of `[octopush]`, without network and credentials.
fn plan(settings: &[(&str, &str)], input: &str) -> (Value, String) {
    let sandbox = Sandbox::without_mock();
    let mut campaign = sandbox.campaign().set("limits.batch_size", 10);
    for (key, value) in settings {
        // Flags are no strings in the file.
        campaign = match value.parse::<bool>() {
            Ok(flag) => campaign.set(key, flag),
            Err(_) => campaign.set(key, *value),
        };
    }
    campaign.write();
    sandbox.write("in.ndjson", input);
    let run = |options: &[&str]| {
        let args = options.iter().chain(&["plan", "campaign.toml", "in.ndjson"]);
        let end = sandbox
            .volley(args)
            .env_remove("OCTOPUSH_API_LOGIN")
            .env_remove("OCTOPUSH_API_KEY")
            .run();
        assert_eq!(end.code(), 0, "{end}");
        end.stdout
    };
    let plan: Value = serde_json::from_str(&run(&["--json"])).expect("json");
    (plan, run(&[]))
}

fn with_text(text: &str, input: &str) -> (Value, String) {
    plan(&[("octopush.text", text), ("octopush.purpose", "alert")], input)
}

/// Lines with these first names.
fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    (0..)
        .zip(names)
        .map(|(nth, name)| json!({"phone_number": number(nth), "first_name": name}).to_string() + "\n")
        .collect()
}

#[test]
fn the_text_s_characters_outside_gsm7_are_listed_with_place_and_replacement() {
    let (plan, text) = with_text("Today’s {first_name|tête}: ’ 😀", &contacts(0..3));
    assert_eq!(
        plan["messages"]["not_gsm7"],
        json!([
            {"character": "’", "code_point": "U+2019", "in": "text", "position": 6, "count": 2, "replacement": "'"},
            {"character": "ê", "code_point": "U+00EA", "in": "text", "position": 22, "count": 1, "in_default": true,
             "replacement": "e"},
            {"character": "😀", "code_point": "U+1F600", "in": "text", "position": 30, "count": 1, "replacement": null},
        ])
    );
    let first = "the text is UCS-2 (70 characters a segment instead of 160) because of ’ (U+2019) at character 6 (and 1 \
                 more); write ' instead";
    assert!(text.contains(first), "{text}");
    assert!(text.contains("GSM-7 has nothing like it"), "{text}");
}

#[test]
fn a_message_in_gsm7_has_nothing_to_list() {
    let (plan, text) = with_text("Déjà {first_name|là}, 5 €", &named(["Zoé", "André"]));
    assert_eq!(plan["messages"]["gsm7"], 2);
    assert_eq!(plan["messages"].get("not_gsm7"), None, "{plan}");
    assert!(!text.contains("because of"), "{text}");
}

#[test]
fn a_field_s_characters_are_counted_by_message_while_the_text_is_gsm7() {
    let names = ["Zoë", "Noëlle ëë", "Françoise Noël", "Zoé"];
    let (plan, text) = with_text("Hello {first_name}", &named(names));
    assert_eq!(
        plan["messages"]["not_gsm7"],
        json!([
            {"character": "ë", "code_point": "U+00EB", "in": "first_name", "messages": 3, "replacement": "e"},
            {"character": "ç", "code_point": "U+00E7", "in": "first_name", "messages": 1, "replacement": "c"},
        ])
    );
    assert!(
        text.contains("3 messages are UCS-2 because of ë (U+00EB) in first_name; write e instead"),
        "{text}"
    );
    assert!(text.contains("1 message is UCS-2 because of ç"), "{text}");

    // Where the text is UCS-2 itself, no name changes that.
    let (plan, _) = with_text("Hellô {first_name}", &named(names));
    let places: Vec<&Value> = plan["messages"]["not_gsm7"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["in"])
        .collect();
    assert_eq!(places, ["text"]);
    // A field that the text does not use goes nowhere.
    let (plan, _) = with_text("Hello", &named(names));
    assert_eq!(plan["messages"].get("not_gsm7"), None);
}

#[test]
fn of_a_whole_alphabet_the_first_32_are_listed_and_the_rest_counted() {
    let letters: Vec<String> = ('а'..).take(40).map(String::from).collect();
    let (plan, text) = with_text("Hello {first_name}", &named(letters.iter().map(String::as_str)));
    assert_eq!(plan["messages"]["not_gsm7"].as_array().map(Vec::len), Some(32));
    assert_eq!(plan["messages"]["not_gsm7_rest"], 8);
    assert!(text.contains("29 more characters of that kind"), "{text}");
}

/// The notes of a plan for these settings and this input; they are in its text, too.
fn notes(settings: &[(&str, &str)], input: &str) -> String {
    let (plan, text) = plan(settings, input);
    let notes = plan["notes"].as_array().expect("notes").iter();
    let notes: Vec<&str> = notes.filter_map(Value::as_str).collect();
    for note in &notes {
        assert!(text.contains(note), "{note}\n{text}");
    }
    notes.join("\n")
}

/// Whether a plan says that so many French recipients cannot be sent to.
#[track_caller]
fn check_stop_mention(settings: &[(&str, &str)], expected: Option<&str>) {
    let input = contacts(0..12)
        + &contacts(0..3)
        + "{\"phone_number\":\"+447700900123\"}\n{\"phone_number\":\"+262692123456\"}\n";
    let notes = notes(settings, &input);
    match expected {
        Some(who) => {
            let refusal = format!(
                "send would refuse it: {who}, and premium marketing to them needs a STOP mention: add, for example, \
                 \"STOP au 30101\" (Octopush answers code 121 without it)"
            );
            assert!(notes.contains(&refusal), "{settings:?}: {notes}");
        }
        None => assert!(!notes.contains("STOP"), "{settings:?}: {notes}"),
    }
}

#[test]
fn a_plan_counts_the_french_recipients_whom_a_text_without_stop_mention_may_not_reach() {
    let without = ("octopush.text", "20% off");
    check_stop_mention(&[without], Some("12 recipients have French numbers"));
    check_stop_mention(&[], None);
    check_stop_mention(&[without, ("octopush.purpose", "alert")], None);
    check_stop_mention(&[without, ("octopush.type", "sms_low_cost")], None);
}

#[test]
fn numbers_that_would_not_be_sent_to_need_no_mention() {
    let settings = [("octopush.text", "20% off")];
    let british = "{\"phone_number\":\"+447700900123\"}\n";
    assert!(!notes(&settings, british).contains("STOP"));
    let with_french = british.to_owned() + &contacts(0..1);
    assert!(notes(&settings, &with_french).contains("1 recipient has a French number"));
}

#[test]
fn messages_of_more_than_eight_segments_are_counted() {
    let of = |pairs: usize| {
        let text = "€".repeat(pairs);
        notes(
            &[("octopush.text", &text), ("octopush.purpose", "alert")],
            &contacts(0..3),
        )
    };
    assert!(!of(608).contains("segments"), "{}", of(608));
    assert!(
        of(609).contains("3 messages take more than 8 segments"),
        "{}",
        of(609)
    );
}

/// Whether the notes say this with these settings; without them they do not.
#[track_caller]
fn check_note(settings: &[(&str, &str)], said: &[&str]) {
    let with = notes(settings, &contacts(0..25));
    let without = notes(&[], &contacts(0..25));
    for part in said {
        assert!(with.contains(part), "{settings:?}: {part}: {with}");
        assert!(!without.contains(part), "{part}: {without}");
    }
}

#[test]
fn what_surprises_whoever_sends_it_is_noted() {
    check_note(
        &[("octopush.purpose", "alert")],
        &["non-commercial", "day and night", "fined", "Transactional SMS"],
    );
    check_note(
        &[("octopush.simulation_mode", "true")],
        &["nobody would be reached", "nothing is owed"],
    );
    check_note(
        &[("octopush.send_at", "2099-01-01T09:00:00+01:00")],
        &["it goes out at 2099-01-01T09:00:00+01:00"],
    );
    check_note(
        &[("octopush.send_at", "2020-01-01T09:00:00Z")],
        &["send would refuse it: send_at"],
    );
    check_note(
        &[("octopush.with_replies", "true")],
        &["a short number takes the sender's place"],
    );
}

#[test]
fn the_charge_for_blacklist_removal_is_noted_and_in_the_estimate() {
    let removal = ("octopush.auto_remove_blacklisted_numbers", "true");
    check_note(
        &[removal],
        &["0.01 EUR a request: 0.03 EUR for 3 requests, whatever the messages cost"],
    );
    let priced = [removal, ("limits.unit_price", "0.05")];
    check_note(&priced, &["0.03 EUR for 3 requests, which is in the estimate"]);
    let (plan, _) = plan(&priced, &contacts(0..25));
    assert_eq!(plan["cost"]["estimated"], "1.28");
}

#[test]
fn a_text_of_1224_characters_can_be_planned_and_one_more_cannot() {
    let sandbox = Sandbox::without_mock();
    sandbox.write("in.ndjson", contacts(0..1));
    for (characters, code) in [(1224, 0), (1225, 3)] {
        sandbox
            .campaign()
            .set("octopush.purpose", "alert")
            .set("octopush.text", "é".repeat(characters))
            .write();
        let end = sandbox.with_campaign("plan", &["in.ndjson"]).run();
        assert_eq!(end.code(), code, "{characters}\n{end}");
    }
}
