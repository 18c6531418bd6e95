use proptest::prelude::*;

use super::*;

impl PartialEq for Record<'_> {
    /// By what they hold, however it was written.
    fn eq(&self, other: &Self) -> bool {
        self.kinds == other.kinds && self.unescaped_texts() == other.unescaped_texts()
    }
}

fn record(values: [(usize, Kind, &str); 2]) -> Record<'_> {
    let mut record = Record::EMPTY;
    for (place, kind, text) in values {
        record.set(place, kind, text.into());
    }
    record
}

fn check(line: &str, expected: &Result<Record<'_>, &str>) {
    let names = FieldNames::default();
    let mut reader = RecordReader::new();
    let mut record = Record::EMPTY;
    let glance = RecordReader::new().glance(line.into(), &names, &mut record);
    if glance.is_some() {
        assert_eq!(Ok(&record), expected.as_ref(), "{line}");
    }
    match (reader.read(line.as_bytes(), &names), expected) {
        (Ok(record), Ok(expected)) => assert_eq!(record, *expected, "{line}"),
        (Err(fault), Err(expected)) => assert_eq!(fault.detail(&names), *expected, "{line}"),
        (read, _) => panic!("{line}: {read:?}"),
    }
}

#[test]
fn a_record_holds_the_known_keys_and_skips_the_rest() {
    check(
        r#"{"a":[1,[2,{"b":3}],{}],"phone_number":"+331","z":{"phone_number":{"x":[]}},"param5":"é\n\u00e9"}"#,
        &Ok(record([(0, Kind::Text, "+331"), (7, Kind::Text, "é\né")])),
    );
    check(
        r#" { "last_name" : 12.50 , "first_name" : null , "param1":"" } "#,
        &Ok(record([(2, Kind::Number, "12.50"), (1, Kind::Text, "")])),
    );
    check(
        r#"{"last_name":[{}],"phone_number":false}"#,
        &Ok(record([(2, Kind::Array, ""), (0, Kind::Boolean, "")])),
    );
    check("{}", &Ok(Record::EMPTY));
}

#[test]
fn a_fault_says_what_and_where() {
    check(
        r#"{"param1":"a","param1":"b"}"#,
        &Err("the key param1 comes twice at column 22"),
    );
    check(
        r#"{"param1":"a""#,
        &Err("EOF while parsing an object at column 13"),
    );
    check("[]", &Err("not an object"));
    check("{} {}", &Err("trailing characters at column 4"));
    check(
        r#"{"param1":"\udc00"}"#,
        &Err("param1: lone leading surrogate in hex escape at column 7"),
    );
    check(
        &format!("{{\"x\":{}", "[".repeat(2000)),
        &Err("nested deeper than 1024"),
    );
}

#[test]
fn the_scan_reads_common_lines_by_itself() {
    let names = FieldNames::default();
    let check = |line: &str, sure: bool| {
        let mut read = Record::EMPTY;
        let told = scan::Scanner::new().read(line.into(), &names, &mut read);
        assert_eq!(told.is_some(), sure, "{line}");
        if told.is_some() {
            let thorough = text::read(line.as_bytes(), &names).unwrap();
            assert_eq!(read, thorough, "{line}");
            assert_eq!(read.verbatim, !line.contains('\\'), "{line}");
        }
    };
    for line in [
        r#"{"phone_number":"+33612345678","first_name":"Zoë","param1":null,"x":true,"":""}"#,
        "  { \"param1\" : -12.50e+3 , \"phone_number\" : false } ",
        "{\"param1\":0,\"param2\":\"\u{7f}😀\"}",
        r#"{"param1":"a\tb\u00e9","x":"\ud83d\ude00\"","phone_number":"+1\/2"}"#,
        r#"{"tags":["a","]}",{"b":[]}],"phone_number":"+331","z":{"phone_number":{"x":[1e400]}}}"#,
        r#"{"phone_number": "+331", "x" : 1, "param1": null, "first_name": "Zoë", "last_name":"é"}"#,
        "{}",
        " { } ",
    ] {
        check(line, true);
    }
    for line in [
        r#"{"param1":"a\x"}"#,
        r#"{"x":"\ud800"}"#,
        r#"{"param1":"a\"}"#,
        "\t{\"param1\":\"a\"}",
        r#"{"par\u0061m1":"a"}"#,
        r#"{"param1":{}}"#,
        r#"{"param1":[1]}"#,
        r#"{"x":[1,]}"#,
        r#"{"x":[1}"#,
        r#"{"x":{"a"}}"#,
        r#"{"param1":1,"param1":1}"#,
        r#"{"param1":01}"#,
        r#"{"param1":1.}"#,
        r#"{"param1":"a",}"#,
        r#"{"param1":"a"} x"#,
        r#"{"param1":"a""#,
        "{\"param1\":\"a\tb\"}",
        "",
        "[]",
    ] {
        check(line, false);
    }
}

#[test]
fn the_tape_reads_ordinary_lines_by_itself() {
    let names = FieldNames::default();
    let mut tape = tape::TapeReader::new();
    for line in [
        r#"{"phone_number":"+33612345678","first_name":"Axelle","param1":null}"#,
        r#"{"param1":"a\tb","x":{"y":[1,2.5,-3e4,true]},"phone_number":"+33612345678"}"#,
        "{}",
    ] {
        let read = tape.read(line.as_bytes(), &names);
        assert_eq!(read, text::read(line.as_bytes(), &names).ok(), "{line}");
        assert!(read.is_some(), "{line}");
    }
}

/// Our own names, or some of others: odd ones, and one longer than what is compared at once.
fn names(mapped: bool) -> FieldNames {
    if !mapped {
        return FieldNames::default();
    }
    let pairs = [
        ("param1", "x"),
        ("param5", "a key of seventeen"),
        ("last_name", "a\"b\\"),
        ("param2", "a"),
    ];
    FieldNames::mapped(pairs).unwrap()
}

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "\"phone_number\"",
        "\"first_name\"",
        "\"param1\"",
        "\"param5\"",
        "\"phone\\u005fnumber\"",
        "\"\\u0070aram1\"",
        "\"x\"",
        "\"\"",
        "\"\\ud800\"",
        "\"é\"",
        "\"a\"",
        "\"a key of seventeen\"",
        "\"a\\\"b\\\\\"",
        "x",
        "1",
        "\"param1",
    ])
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-0",
            "12.50",
            "1e400",
            "-1E-400",
            "184467440737095516160",
            "18446744073709551615",
            "-9223372036854775809",
            "01",
            "1.",
            ".5",
            "+1",
            "-",
            "1e",
            "NaN",
            "nul",
            "nullx",
            "\"\"",
            "\"+33612345678\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "\"\\udc00\\ud800\"",
            "\"\\u00\"",
            "\"\\x\"",
            "\"a\tb\"",
            "\"a\u{1}\"",
            "\"a\u{7f}\"",
            "\"\\u0000\"",
            "\"\\\\\"",
            "\"\\\"\"",
            "'a'",
            "\"",
            "",
        ])
        .prop_map(str::to_owned),
        "[ -~é😀]{0,70}".prop_map(|text| format!("\"{}\"", text.replace(['"', '\\'], ""))),
        "-?[0-9]{1,25}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(|values| format!("[{}]", values.join(","))),
            prop::collection::vec((key(), inner), 0..5).prop_map(|pairs| object(&pairs)),
        ]
    })
}

fn object(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Lines that are nearly records, and some bytes of them changed.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let pairs = prop::collection::vec((key(), value()), 0..7);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..8u8), 0..3);
    (pairs, changes).prop_map(|(pairs, changes)| {
        let mut line = object(&pairs).into_bytes();
        for (at, byte, kind) in changes {
            let at = at.index(line.len());
            match kind {
                0 => line[at] = byte,
                1 => line.insert(at, b" \"\\{}[],:0-"[usize::from(byte) % 11]),
                2 if line.len() > 1 => drop(line.remove(at)),
                3 => line.truncate(at.max(1)),
                _ => {}
            }
        }
        line
    })
}

#[test]
fn a_key_that_stands_twice_is_left_to_the_next_reader_in_every_line() {
    let names = FieldNames::default();
    let mut scanner = scan::Scanner::new();
    for _ in 0..3 {
        let line = r#"{"phone_number":"+33612345678","param1":"a","param1":"b"}"#;
        let mut record = Record::EMPTY;
        assert_eq!(scanner.read(line.into(), &names, &mut record), None);
    }
}

#[test]
fn spaces_between_pairs_are_no_reason_to_leave_a_line_to_another_reader() {
    let names = FieldNames::default();
    let mut scanner = scan::Scanner::new();
    for line in [
        r#"{"phone_number":"+331",  "first_name":"Zoe"}"#,
        r#"{ "phone_number" : 1 ,   "first_name" : "Zoe" }"#,
    ] {
        let mut record = Record::EMPTY;
        assert_eq!(scanner.read(line.into(), &names, &mut record), Some(()), "{line}");
        assert_eq!(Some(&record), text::read(line.as_bytes(), &names).ok().as_ref());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Whatever scan or tape are sure of, `serde_json` reads the same; and in what `serde_json` rejects, they find nothing.
    /// The scan reads each line as the intake does, with the others behind it.
    #[test]
    fn all_readers_agree(
        lines in prop::collection::vec((line(), 1..4_usize), 1..8),
        mapped in any::<bool>(),
    ) {
        let names = names(mapped);
        // What one line leaves behind meets the same line again.
        let lines: Vec<_> = lines.into_iter().flat_map(|(line, times)| vec![line; times]).collect();
        let mut tape = tape::TapeReader::new();
        for line in &lines {
            if let Some(quick) = tape.read(line, &names) {
                prop_assert_eq!(Some(quick), text::read(line, &names).ok(), "{}", line.escape_ascii());
            }
        }
        let lines: Vec<_> = lines.iter().filter_map(|line| std::str::from_utf8(line).ok()).collect();
        let all = lines.join("\n");
        let mut scanner = scan::Scanner::new();
        let mut from = 0;
        for line in lines {
            let excerpt = Excerpt::from(all.as_str()).part(from, from + line.len()).unwrap();
            from += line.len() + 1;
            let mut quickest = Record::EMPTY;
            if scanner.read(excerpt, &names, &mut quickest).is_some() {
                let thorough = text::read(line.as_bytes(), &names).ok();
                prop_assert_eq!(Some(&quickest), thorough.as_ref(), "{}", line);
                prop_assert_eq!(quickest.verbatim, !line.contains('\\'));
            }
        }
    }

    /// The tape defers only for a reason: numbers, other types, or something odd in an ignored key.
    #[test]
    fn the_tape_is_sure_of_plain_strings(texts in prop::collection::vec(".{0,40}", 8)) {
        let names = FieldNames::default();
        let mut tape = tape::TapeReader::new();
        let mut pairs = serde_json::Map::new();
        for (place, text) in texts.iter().enumerate() {
            pairs.insert(names.key(place).to_owned(), text.as_str().into());
        }
        let line = serde_json::to_vec(&pairs).unwrap();
        let quick = tape.read(&line, &names);
        prop_assert!(quick.is_some());
        prop_assert_eq!(quick, text::read(&line, &names).ok());
    }

    #[test]
    fn any_bytes_are_read_without_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let names = FieldNames::default();
        let mut reader = RecordReader::new();
        let _ = reader.read(&line, &names).is_ok();
    }
}
