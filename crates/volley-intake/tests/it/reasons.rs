//! Every reason, beside its nearest neighbour that passes.

use volley_intake::{FieldNames, NumberBook, Region};
use volley_model::{Field, FieldSet, Msisdn};

use crate::encoder::{config, run, run_text};

/// The line ends with this reason; none is a line that is planned.
fn check(line: impl AsRef<[u8]>, expected: Option<&str>) {
    let line = line.as_ref();
    let run = run_text(line);
    let reason = run
        .rejections
        .first()
        .map(|rejection| rejection["reason"].as_str().unwrap().to_owned());
    assert_eq!(
        reason.as_deref(),
        expected,
        "{}",
        line[..line.len().min(200)].escape_ascii()
    );
    assert_eq!(run.finished.totals.read(), 1);
    assert_eq!(run.finished.totals.planned, u64::from(expected.is_none()));
    assert_eq!(run.finished.totals.invalid, u64::from(expected.is_some()));
}

fn with(rest: &str) -> String {
    format!(r#"{{"phone_number":"+33612345678",{rest}}}"#)
}

#[test]
fn json_malformed() {
    let malformed = Some("json_malformed");
    check(with(r#""x":1"#), None);
    check(&with(r#""x":1"#)[1..], malformed);
    check(with(r#""x":01"#), malformed);
    check(with(r#""x":1}"#), malformed);
    check(with(r#""x":"\q""#), malformed);
    check(r#"["+33612345678"]"#, malformed);
    check(r#""+33612345678""#, malformed);
    check("33612345678", malformed);
    check("{}x", malformed);
    check("{\"phone_number\":\"+33612345678\"}\0", malformed);
    check("{\"phone_number\":\"+336123\x0045678\"}", malformed);
    check(with(r#""first_name":"a","first_name":"b""#), malformed);
    check(with(r#""first_name":null,"first_name":null"#), malformed);
    check(with(r#""first_name":"a","first\u005fname":"b""#), malformed);
    check(with(r#""x":"a","x":"b""#), None);
    check(with(r#""first_name":"\ud800""#), malformed);
    check(with(r#""first_name":"\ud83d\ude00""#), None);
}

#[test]
fn what_simd_json_alone_would_reject_is_accepted() {
    for ignored in [
        "184467440737095516160",
        "-9223372036854775809",
        "1e400",
        "-1e400",
        r#""\ud800""#,
        r#"{"deep":[1e999,{"x":"\udc00\u0000"}]}"#,
    ] {
        check(with(&format!(r#""x":{ignored}"#)), None);
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| with(&format!(r#""x":{}{}"#, "[".repeat(depth), "]".repeat(depth)));
    check(nested(1023), None);
    check(nested(1024), Some("json_malformed"));
    check(nested(30_000), Some("json_malformed"));
    check("[".repeat(60_000), Some("json_malformed"));
    check(r#"{"a":"#.repeat(10_000), Some("json_malformed"));
    check("[".repeat(100_000), Some("line_too_long"));
    check(with(&format!(r#""x":"{}""#, "[".repeat(5000))), None);
}

#[test]
fn utf8_invalid() {
    check(with(r#""first_name":"Zoë""#), None);
    check(
        b"{\"phone_number\":\"+33612345678\",\"first_name\":\"Zo\xeb\"}",
        Some("utf8_invalid"),
    );
    check(
        b"{\"phone_number\":\"+33612345678\",\"x\":\"\xed\xa0\x80\"}",
        Some("utf8_invalid"),
    );
    let run = run_text(b"{\"x\":\"\xff\"}");
    assert_eq!(run.rejections[0]["detail"], "invalid UTF-8 at byte 7");
    let utf16: Vec<u8> = "\u{feff}{}\n{}\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let run = run_text(&utf16);
    assert_eq!(
        run.reasons(),
        ["1 utf8_invalid", "2 json_malformed", "3 json_malformed"]
    );
}

#[test]
fn line_too_long() {
    let line = |length: usize| {
        let line = with(r#""x":"""#);
        line.replace(
            r#""x":"""#,
            &format!(r#""x":"{}""#, "y".repeat(length - line.len())),
        )
    };
    check(line(65_536), None);
    check(line(65_537), Some("line_too_long"));
    let run = run_text(line(70_000));
    assert_eq!(run.rejections[0]["detail"], "longer than 65536 bytes");
    assert_eq!(run.rejections[0]["value"].as_str().unwrap().len(), 256);
}

#[test]
fn phone_number_missing() {
    let missing = Some("phone_number_missing");
    check("{}", missing);
    check(r#"{"phone_number":null}"#, missing);
    check(r#"{"phone_number":""}"#, missing);
    check(r#"{"phone_Number":"+33612345678"}"#, missing);
    check(r#"{"phone_number":" "}"#, Some("phone_number_invalid"));
    check(r#"{"phone\u005fnumber":"+33612345678"}"#, None);
}

#[test]
fn phone_number_invalid() {
    let run = run_text(r#"{"phone_number":"+3361"}"#);
    assert_eq!(
        run.rejections,
        [serde_json::json!({
            "line": 1, "input": "input 0", "reason": "phone_number_invalid", "detail": "too short", "value": "+3361"
        })]
    );
    check(r#"{"phone_number":"+336 1234 5678"}"#, None);
    check(r#"{"phone_number":"0612345678"}"#, Some("phone_number_invalid"));
}

#[test]
fn country_not_allowed() {
    let allowed = |number: &str| {
        let mut config = config(1);
        config.allowed_countries = Some(vec![Region::named("FR").unwrap(), Region::named("BE").unwrap()]);
        let line = format!(r#"{{"phone_number":"{number}"}}"#);
        run(
            config,
            NumberBook::new(),
            vec![Box::new(line.as_bytes())],
            usize::MAX,
        )
    };
    for number in ["+33612345678", "+32470123456"] {
        assert_eq!(allowed(number).finished.totals.planned, 1, "{number}");
    }
    let run = allowed("+4915112345678");
    assert_eq!(run.reasons(), ["1 country_not_allowed"]);
    assert_eq!(run.rejections[0]["detail"], "DE is not in allowed_countries");
}

#[test]
fn field_type() {
    let wrong = Some("field_type");
    check(r#"{"phone_number":33612345678}"#, wrong);
    check(r#"{"phone_number":true}"#, wrong);
    check(r#"{"phone_number":["+33612345678"]}"#, wrong);
    for key in Field::ALL.map(Field::name) {
        check(with(&format!(r#""{key}":"a""#)), None);
        check(with(&format!(r#""{key}":-1.50"#)), None);
        check(with(&format!(r#""{key}":null"#)), None);
        for value in ["true", "false", "[]", "{}", r#"["a"]"#, r#"{"a":1}"#] {
            check(with(&format!(r#""{key}":{value}"#)), wrong);
        }
    }
    check(with(r#""x":true,"y":[1],"z":{}"#), None);
}

#[test]
fn field_too_long() {
    for (character, escaped) in [
        ("a", "a"),
        ("é", "é"),
        ("😀", r"\ud83d\ude00"),
        ("\u{301}", "\u{301}"),
    ] {
        for text in [character, escaped] {
            check(with(&format!(r#""last_name":"{}""#, text.repeat(50))), None);
            check(
                with(&format!(r#""last_name":"{}""#, text.repeat(51))),
                Some("field_too_long"),
            );
        }
    }
    check(with(&format!(r#""param1":{}"#, "1".repeat(50))), None);
    check(
        with(&format!(r#""param1":{}"#, "1".repeat(51))),
        Some("field_too_long"),
    );
}

#[test]
fn placeholder_missing() {
    let needs = |rest: &str| {
        let mut config = config(1);
        let mut required = FieldSet::default();
        required.insert(Field::Param2);
        config.required = required;
        config.names = FieldNames::mapped([("param2", "city")]).unwrap();
        let line = with(rest);
        run(
            config,
            NumberBook::new(),
            vec![Box::new(line.as_bytes())],
            usize::MAX,
        )
    };
    assert_eq!(needs(r#""city":"Lyon""#).finished.totals.planned, 1);
    assert_eq!(needs(r#""city":0"#).finished.totals.planned, 1);
    for rest in [r#""city":"""#, r#""city":null"#, r#""param2":"Lyon""#] {
        let run = needs(rest);
        assert_eq!(run.reasons(), ["1 placeholder_missing"], "{rest}");
        assert_eq!(
            run.rejections[0]["detail"],
            "the text needs param2, and city is absent, null or empty"
        );
    }
}

#[test]
fn what_happened_before_decides_in_its_order() {
    let number = |digits: u64| Msisdn::new(33_612_345_670 + digits).unwrap();
    let mut book = NumberBook::new();
    book.reach(number(1));
    book.doubt(number(2), 42);
    book.refuse(number(3));
    book.suppress(number(4));
    book.reach(number(4));
    let mut text = [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 2]
        .map(|digit| format!("{{\"phone_number\":\"+3361234567{digit}\"}}\n"))
        .concat();
    // An invalid line's number does not count as seen.
    text += "{\"phone_number\":\"+33612345679\",\"param1\":true}\n{\"phone_number\":\"+33612345679\"}\n";
    let run = run(config(500), book, vec![Box::new(text.as_bytes())], usize::MAX);
    let totals = run.finished.totals;
    assert_eq!((totals.planned, totals.already_sent, totals.in_doubt), (2, 1, 1));
    assert_eq!((totals.refused, totals.suppressed, totals.duplicate), (1, 2, 5));
    assert_eq!((totals.invalid, totals.read()), (1, 13));
    assert_eq!(
        run.finished.doubt_lines.into_iter().collect::<Vec<_>>(),
        [(42, 1)]
    );
    assert_eq!(
        run.rejections
            .iter()
            .map(|rejection| rejection["reason"].as_str().unwrap())
            .collect::<Vec<_>>(),
        [
            "already_sent",
            "refused_by_provider",
            "suppressed",
            "duplicate",
            "duplicate",
            "duplicate",
            "duplicate",
            "suppressed",
            "duplicate",
            "field_type"
        ]
    );
}

#[test]
fn numbers_keep_their_text() {
    let run = run_text(with(
        r#""param1":12.50,"param2":-0,"param3":1E3,"param4":184467440737095516160,"last_name":"\u00e9""#,
    ));
    assert_eq!(
        run.bodies(),
        "<\n+33612345678 last_name=é param1=12.50 param2=-0 param3=1E3 param4=184467440737095516160\n>"
    );
}
