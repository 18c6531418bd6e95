//! What a line may look like, and what it is rejected for.

use serde_json::Value;

use crate::support::{End, Sandbox};

const GOOD: &str = "{\"phone_number\":\"+33612345678\",\"param1\":\"Tuesday\"}\n";

/// Sends these bytes with a text that needs `param1`; gives how it ended, and the rejects.
fn send(bytes: &[u8]) -> (End, Vec<Value>) {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("octopush.text", "See you {param1} STOP au 30101")
        .write();
    sandbox.write("in.ndjson", bytes);
    let end = sandbox.send(&["in.ndjson", "--rejects", "rejects.ndjson"]).run();
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    (end, rejects)
}

#[track_caller]
fn check_accepted(bytes: &[u8], accepted: u64) {
    let (end, rejects) = send(bytes);
    end.expect(0).expect_lines(&[("accepted", accepted)]);
    assert!(rejects.is_empty(), "{rejects:?}");
}

/// A bad line between two good ones: it is rejected for this reason, and they are sent.
#[track_caller]
fn check_rejected(line: &[u8], reason: &str) {
    let other = GOOD.replace("678", "679");
    let (end, rejects) = send(&[GOOD.as_bytes(), line, b"\n", other.as_bytes()].concat());
    end.expect(0).expect_lines(&[("accepted", 2), ("invalid", 1)]);
    let shown = String::from_utf8_lossy(&line[..line.len().min(100)]).into_owned();
    assert_eq!(rejects.len(), 1, "{shown}");
    assert_eq!(rejects[0]["reason"], reason, "{shown}");
    assert_eq!(rejects[0]["line"], 2, "{shown}");
    assert_eq!(rejects[0]["input"], "in.ndjson", "{shown}");
}

#[test]
fn a_line_may_end_in_crlf_in_a_newline_or_with_the_file() {
    check_accepted(GOOD.as_bytes(), 1);
    check_accepted(GOOD.trim_end().as_bytes(), 1);
    check_accepted(GOOD.replace('\n', "\r\n").as_bytes(), 1);
    let three = [
        GOOD,
        &GOOD.replace("678", "679"),
        GOOD.replace("678", "670").trim_end(),
    ]
    .concat();
    check_accepted(three.as_bytes(), 3);
    check_accepted(three.replace('\n', "\r\n").as_bytes(), 3);
}

#[test]
fn a_byte_order_mark_is_accepted() {
    check_accepted(format!("\u{feff}{GOOD}").as_bytes(), 1);
}

#[test]
fn lines_of_white_space_are_neither_counted_nor_wrong_but_have_a_number() {
    let (end, rejects) = send(format!("\n \t\n{GOOD}\r\n\nno\n").as_bytes());
    end.expect(0).expect_lines(&[("accepted", 1), ("invalid", 1)]);
    assert_eq!(rejects[0]["line"], 6);
}

#[test]
fn other_keys_other_orders_numbers_and_nulls_are_fine() {
    for line in [
        r#"{"id":[1,{"a":null}],"param1":12.50,"phone_number":"+33612345678","phone":"x"}"#,
        r#"{ "phone_number" : "\u002b33612345678" , "param1":"\ud83d\udc4b" , "param2":null }"#,
        r#"{"phone_number":"+33612345678","param1":1e400,"first_name":""}"#,
        r#"{"other":1,"other":2,"phone_number":"+33612345678","param1":"x"}"#,
    ] {
        check_accepted(line.as_bytes(), 1);
    }
}

#[test]
fn what_is_no_json_object_is_malformed() {
    for line in [
        "{",
        "no",
        "[]",
        "\"+33612345678\"",
        "null",
        r#"{"phone_number":"+33612345678","param1":"x"} x"#,
        r#"{"phone_number":"+33612345678","param1":"x"}{}"#,
        r"{'phone_number':'+33612345678'}",
        r#"{"phone_number":"+33612345678","param1":"x",}"#,
        r#"{"phone_number":"+33612345678","phone_number":"+33612345678","param1":"x"}"#,
        r#"{"phone_number":"+33612345678","param1":"x","param1":"x"}"#,
    ] {
        check_rejected(line.as_bytes(), "json_malformed");
    }
}

#[test]
fn nesting_without_end_is_malformed() {
    check_rejected("[".repeat(60_000).as_bytes(), "json_malformed");
    let deep = "{\"a\":".repeat(12_000);
    check_rejected(deep.as_bytes(), "json_malformed");
}

#[test]
fn bytes_that_are_no_utf8_are_told_apart() {
    check_rejected(
        b"{\"phone_number\":\"+33612345670\",\"param1\":\"Andr\xe9\"}",
        "utf8_invalid",
    );
    check_rejected(b"\xff\xfe{\x00", "utf8_invalid");
}

#[test]
fn a_file_in_utf16_is_invalid_from_end_to_end() {
    let utf16: Vec<u8> = format!("\u{feff}{GOOD}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let (end, _) = send(&utf16);
    end.expect(5);
    assert_eq!(end.lines("invalid"), end.lines("read"));
}

#[test]
fn a_line_is_at_most_64_kib() {
    let line = |bytes: usize| {
        let frame = r#"{"phone_number":"+33612345670","param1":"x","other":""}"#.len();
        format!(
            r#"{{"phone_number":"+33612345670","param1":"x","other":"{}"}}"#,
            "y".repeat(bytes - frame)
        )
    };
    check_accepted(line(65_536).as_bytes(), 1);
    check_accepted(format!("{}\r\n", line(65_536)).as_bytes(), 1);
    check_rejected(line(65_537).as_bytes(), "line_too_long");
    check_rejected(line(200_000).as_bytes(), "line_too_long");
}

#[test]
fn each_fault_of_a_field_has_its_reason() {
    let fifty = "é".repeat(50);
    check_accepted(
        format!(r#"{{"phone_number":"+33612345678","param1":"{fifty}"}}"#).as_bytes(),
        1,
    );
    for (line, reason) in [
        (r#"{"param1":"x"}"#.to_owned(), "phone_number_missing"),
        (
            r#"{"phone_number":"+3361","param1":"x"}"#.to_owned(),
            "phone_number_invalid",
        ),
        (
            format!(r#"{{"phone_number":"+33612345670","param1":"{fifty}é"}}"#),
            "field_too_long",
        ),
        (
            format!(r#"{{"phone_number":"+33612345670","param1":"x","last_name":"{fifty}é"}}"#),
            "field_too_long",
        ),
        (
            r#"{"phone_number":"+33612345670","param1":true}"#.to_owned(),
            "field_type",
        ),
        (
            r#"{"phone_number":"+33612345670","param1":"x","param5":["x"]}"#.to_owned(),
            "field_type",
        ),
        (
            r#"{"phone_number":33612345670,"param1":"x"}"#.to_owned(),
            "field_type",
        ),
        (
            r#"{"phone_number":"+33612345670"}"#.to_owned(),
            "placeholder_missing",
        ),
        (
            r#"{"phone_number":"+33612345670","param1":null}"#.to_owned(),
            "placeholder_missing",
        ),
        (
            r#"{"phone_number":"+33612345670","param1":""}"#.to_owned(),
            "placeholder_missing",
        ),
    ] {
        check_rejected(line.as_bytes(), reason);
    }
}

#[test]
fn a_run_whose_lines_are_all_invalid_ends_with_5() {
    let (end, rejects) = send(b"{}\nno\n");
    end.expect(5).expect_lines(&[("invalid", 2)]);
    assert_eq!(rejects.len(), 2);
    let (end, _) = send(format!("{{}}\n{GOOD}").as_bytes());
    end.expect(0);
}
