//! The page's parameters, each with what it may be and its nearest neighbours that it may not.

use super::*;

fn set(name: &str, text: &str) -> Result<CampaignParameters, ParameterError> {
    let mut parameters = CampaignParameters::default();
    parameters.set(CampaignField::named(name).unwrap(), text)?;
    Ok(parameters)
}

fn all(pairs: &[(&str, &str)]) -> CampaignParameters {
    let mut parameters = CampaignParameters::default();
    for (name, text) in pairs {
        parameters.set(CampaignField::named(name).unwrap(), text).unwrap();
    }
    parameters
}

fn check(name: &str, good: &[&str], bad: &[&str]) {
    for text in good {
        assert!(set(name, text).is_ok(), "{name} = {text}");
    }
    for text in bad {
        assert!(set(name, text).is_err(), "{name} = {text}");
    }
}

#[test]
fn every_parameter_has_its_rule() {
    check(
        "from",
        &["+919812345678", "+919812345678, +33612345678"],
        &[
            "",
            "919812345678",
            "09812345678",
            "+",
            "+0123",
            "+91 98",
            "+1234567890123456",
            "+919812345678,",
            "+1,+1",
        ],
    );
    check("lists", &["a", "a,b,c,d,e"], &["", "a,,b", "a,b,c,d,e,f", "a,a"]);
    check("caller_id", &["08012345678"], &["", "me"]);
    check(
        "url",
        &["http://my.exotel.com/a/exoml/start_voice/1"],
        &["", "my.exotel.com"],
    );
    check("name", &["abcd", "éééé"], &["", "abc", "   "]);
    check("type", &["trans"], &["", "Trans", "promo"]);
    check(
        "call_duplicate_numbers",
        &["true", "false"],
        &["", "True", "1", "yes"],
    );
    check("retries.number_of_retries", &["0", "3"], &["", "4", "-1", "1.0"]);
    check(
        "retries.interval_mins",
        &["1", "1440"],
        &["", "0", "-1", "4294967296"],
    );
    check("retries.mechanism", &["Linear", "Exponential"], &["", "linear"]);
    check(
        "retries.on_status",
        &["busy", "busy, failed,no-answer"],
        &["", "failure", "busy,"],
    );
    check(
        "schedule.send_at",
        &["2026-12-01T09:00:00+05:30"],
        &["", "2026-12-01", "2026-12-01T09:00:00"],
    );
    check("schedule.end_at", &["2026-12-01T09:00:00Z"], &["tomorrow"]);
    check(
        "status_callback",
        &["https://example.org/a"],
        &["", "ftp://example.org"],
    );
    check(
        "call_status_callback",
        &["https://example.org/a"],
        &["example.org"],
    );
    check(
        "call_schedule_callback",
        &["https://example.org/a"],
        &["https://"],
    );
    check("custom_field", &["", "anything \"at\" all"], &[]);
    check(
        "action",
        &["pause", "resume", "complete", "archive"],
        &["", "delete", "Pause"],
    );
}

#[test]
fn five_thousand_numbers_are_taken_and_one_more_is_not() {
    let numbers = |count: u64| {
        let numbers: Vec<String> = (0..count).map(|at| format!("+9198123{at:05}")).collect();
        set("from", &numbers.join(","))
    };
    assert!(numbers(5000).is_ok());
    assert_eq!(
        numbers(5001),
        Err(ParameterError::Count {
            given: 5001,
            most: 5000
        })
    );
}

#[test]
fn an_error_says_what_is_wanted_and_masks_numbers() {
    let check = |name: &str, text: &str, expected: &str| {
        assert_eq!(set(name, text).unwrap_err().to_string(), expected);
    };
    check(
        "from",
        "+919812345678,919812345679",
        "\"91*****5679\" is no number such as +919812345678",
    );
    check(
        "from",
        "+919812345678,+919812345678",
        "\"+91*****5678\" is given twice",
    );
    check("type", "promo", "\"promo\" is no type; there is trans alone");
    check(
        "retries.number_of_retries",
        "4",
        "number_of_retries is 4; Exotel takes 0 to 3",
    );
    check("lists", "a,b,c,d,e,f", "6 are given; Exotel takes 1 to 5");
}

#[test]
fn after_send_at_only_the_action_and_the_callbacks_may_change() {
    let always: Vec<&str> = CAMPAIGN_FIELDS
        .iter()
        .filter(|field| field.when == When::Always)
        .map(|field| field.name)
        .collect();
    assert_eq!(
        always,
        [
            "call_status_callback",
            "call_schedule_callback",
            "status_callback",
            "action"
        ]
    );
    let parameters = all(&[
        ("status_callback", "https://example.org/"),
        ("name", "spring"),
        ("lists", "a"),
    ]);
    let late: Vec<&str> = parameters.too_late().map(|field| field.name).collect();
    assert_eq!(late, ["lists", "name"]);
    assert!(parameters.changes_audience());
    assert!(!all(&[("status_callback", "https://example.org/")]).changes_audience());
}

#[test]
fn what_does_not_go_together_is_refused() {
    let check = |pairs: &[(&str, &str)], expected: Result<(), ParametersError>| {
        assert_eq!(all(pairs).check_update(), expected, "{pairs:?}");
    };
    check(&[], Err(ParametersError::Nothing));
    check(&[("action", "pause")], Ok(()));
    check(
        &[("action", "pause"), ("name", "spring")],
        Err(ParametersError::ActionWithOthers),
    );
    check(&[("from", "+919812345678")], Ok(()));
    check(
        &[("from", "+919812345678"), ("lists", "a")],
        Err(ParametersError::BothAudiences),
    );
    let two = ("retries.number_of_retries", "2");
    check(&[two], Err(MessageError::NoInterval.into()));
    check(&[two, ("retries.interval_mins", "1")], Ok(()));
    check(&[("retries.interval_mins", "1")], Ok(()));
    let (nine, eight) = ("2026-12-01T09:00:00+05:30", "2026-12-01T08:00:00+05:30");
    check(&[("schedule.send_at", eight), ("schedule.end_at", nine)], Ok(()));
    let too_early = MessageError::EndsTooEarly {
        send_at: nine.to_owned(),
        end_at: eight.to_owned(),
    };
    check(
        &[("schedule.send_at", nine), ("schedule.end_at", eight)],
        Err(too_early.into()),
    );
    check(&[("schedule.end_at", eight)], Ok(()));
}

#[test]
fn a_campaign_is_created_from_lists_or_numbers_a_caller_a_flow_and_a_name() {
    let (caller, flow) = (("caller_id", "08012345678"), ("url", "http://my.exotel.com/a"));
    let (name, lists) = (("name", "spring"), ("lists", "a,b"));
    let check = |pairs: &[(&str, &str)], expected: Result<(), ParametersError>| {
        assert_eq!(all(pairs).check_creation(), expected, "{pairs:?}");
    };
    check(&[lists, caller, flow, name], Ok(()));
    check(&[("from", "+919812345678"), caller, flow, name], Ok(()));
    check(&[caller, flow, name], Err(ParametersError::NoAudience));
    let missing = |name| Err(ParametersError::Missing { name });
    check(&[lists, flow, name], missing("caller_id"));
    check(&[lists, caller, name], missing("url"));
    check(&[lists, caller, flow], missing("name"));
    let action = ("action", "pause");
    check(
        &[lists, caller, flow, name, action],
        Err(ParametersError::ActionAtCreation),
    );
}

#[test]
fn the_body_is_wrapped_and_has_the_given_parameters_and_no_others() {
    let check = |pairs: &[(&str, &str)], expected: &str| assert_eq!(all(pairs).body(), expected);
    check(&[], r#"{"campaigns":[{}]}"#);
    check(&[("action", "pause")], r#"{"campaigns":[{"action":"pause"}]}"#);
    check(
        &[("schedule.end_at", "2026-12-01T09:00:00Z")],
        r#"{"campaigns":[{"schedule":{"end_at":"2026-12-01T09:00:00+00:00"}}]}"#,
    );
    check(
        &[
            ("custom_field", "\"x\""),
            ("retries.on_status", "failed,busy"),
            ("retries.number_of_retries", "2"),
            ("retries.interval_mins", "5"),
            ("retries.mechanism", "Linear"),
            ("schedule.send_at", "2026-12-01T09:00:00+05:30"),
            ("call_duplicate_numbers", "false"),
            ("from", "+919812345678, +33612345678"),
            ("from", "+919812345678,+33612345679"),
        ],
        r#"{"campaigns":[{"from":["+919812345678","+33612345679"],"call_duplicate_numbers":false,"retries":{"number_of_retries":2,"interval_mins":5,"mechanism":"Linear","on_status":["busy","failed"]},"schedule":{"send_at":"2026-12-01T09:00:00+05:30"},"custom_field":"\"x\""}]}"#,
    );
}

#[test]
fn every_body_is_json_with_the_given_values() {
    let pairs = [
        ("lists", "a,b"),
        ("caller_id", "08012345678"),
        ("url", "http://my.exotel.com/a"),
        ("name", "spring"),
        ("type", "trans"),
        ("call_duplicate_numbers", "true"),
        ("retries.number_of_retries", "3"),
        ("retries.interval_mins", "1"),
        ("schedule.end_at", "2026-12-01T09:00:00Z"),
        ("status_callback", "https://example.org/"),
    ];
    for first in 0..pairs.len() {
        for last in first..pairs.len() {
            let given = &pairs[first..=last];
            let body: serde_json::Value = serde_json::from_slice(&all(given).body()).unwrap();
            for (name, _) in given {
                let pointer = format!("/campaigns/0/{}", name.replace('.', "/"));
                assert!(body.pointer(&pointer).is_some(), "{pointer} in {body}");
            }
        }
    }
}

#[test]
fn groups_stand_together_in_the_table_and_nothing_printed_shows_a_value() {
    let groups: Vec<&str> = CAMPAIGN_FIELDS
        .iter()
        .filter_map(|field| Some(field.name.split_once('.')?.0))
        .collect();
    assert!(groups.is_sorted(), "{groups:?}");
    let printed = format!(
        "{:?}",
        all(&[
            ("from", "+919812345678"),
            ("status_callback", "https://example.org/s3cret")
        ])
    );
    assert_eq!(printed, r#"["from", "status_callback"]"#);
}

#[test]
fn what_is_kept_of_a_campaign_is_the_same_for_the_same_parameters_and_shows_no_number() {
    let numbers = |from| {
        all(&[
            ("from", from),
            ("name", "spring"),
            ("retries.on_status", "busy, failed"),
        ])
        .message()
    };
    let kept = numbers("+919812345678,+33612345678");
    assert_eq!(kept, numbers("+33612345678, +919812345678"));
    assert_ne!(kept, numbers("+33612345678"));
    let keys: Vec<&str> = kept.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["others", "from"], "the name is kept beside it");
    assert!(kept.iter().all(|(_, text)| !text.contains("9812345678")));
    let callback = |url| all(&[("url", "http://h/a"), ("status_callback", url)]).message();
    assert_eq!(callback("http://h/s3cret")[0].1, "http://h/a");
    assert!(!callback("http://h/s3cret")[1].1.contains("s3cret"));
    assert_ne!(callback("http://h/s3cret"), callback("http://h/other"));
    let lists = all(&[("lists", "a,b"), ("call_duplicate_numbers", "true")]);
    assert_eq!((lists.texts("lists").len(), lists.texts("from").len()), (2, 0));
    assert!(lists.is_true("call_duplicate_numbers") && !lists.is_true("from"));
}

#[test]
fn a_name_of_a_batch_is_no_name_for_anything_else() {
    for (name, good) in [("volley-1", false), ("volleyball", true)] {
        let parameters = all(&[("name", name)]);
        let expected = if good {
            Ok(())
        } else {
            Err(ParametersError::ReservedName)
        };
        assert_eq!(parameters.check_update(), expected, "{name}");
    }
}

#[test]
fn a_name_by_which_a_campaign_must_be_found_again_is_plain() {
    let created = |name: &str| {
        all(&[
            ("lists", "a"),
            ("caller_id", "08012345678"),
            ("url", "http://h/a"),
            ("name", name),
        ])
        .check_creation()
    };
    for name in ["spring", "Spring sale_2.1-b", "2026", &"x".repeat(64)] {
        assert_eq!(created(name), Ok(()), "{name}");
    }
    for name in [
        " spring",
        "spring ",
        "-spring",
        "sprîng",
        "it's on",
        "a:spring",
        "a\tbcd",
        &"x".repeat(65),
    ] {
        assert_eq!(created(name), Err(ParametersError::UnsureName), "{name:?}");
    }
}
