//! The rejects file: which lines, in which order, with what.

use crate::support::{Sandbox, contacts, contacts_of};

#[test]
fn a_reject_is_one_line_with_its_place_its_reason_and_its_value() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    sandbox.write("contacts.ndjson", contacts(0..16));
    sandbox.append("contacts.ndjson", "{\"phone_number\":\"+3361\"}\n");
    let end = sandbox
        .send(&["contacts.ndjson", "--rejects", "rejects.ndjson"])
        .run();
    end.expect(0).expect_lines(&[("accepted", 16), ("invalid", 1)]);
    assert_eq!(
        sandbox.read("rejects.ndjson"),
        "{\"line\":17,\"input\":\"contacts.ndjson\",\"reason\":\"phone_number_invalid\",\
         \"detail\":\"too short\",\"value\":\"+3361\"}\n"
    );
}

#[test]
fn a_value_is_cut_at_256_bytes() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    sandbox.write("in.ndjson", format!("{}\n", "é".repeat(1000)));
    sandbox
        .send(&["in.ndjson", "--rejects", "rejects.ndjson"])
        .run()
        .expect(5);
    let rejected = &sandbox.read_ndjson("rejects.ndjson")[0];
    assert_eq!(rejected["value"], "é".repeat(128));
}

#[test]
fn every_line_of_the_file_is_an_object_with_the_same_five_keys() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    let bytes = b"\xff\n{\n[]\n{}\n{\"phone_number\":null}\n{\"phone_number\":\"\x01\"}\n\"\xc3\n{\"phone_number\":\"+33612345678\",\"param1\":{}}\n";
    sandbox.write("odd \"name\".ndjson", bytes);
    sandbox
        .send(&["odd \"name\".ndjson", "--rejects", "rejects.ndjson"])
        .run()
        .expect(5);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    for (rejected, line) in rejects.iter().zip(1_u64..) {
        let keys: Vec<&str> = rejected
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let mut sorted = ["line", "input", "reason", "detail", "value"];
        sorted.sort_unstable();
        let mut found = keys.clone();
        found.sort_unstable();
        assert_eq!(found, sorted);
        assert_eq!(rejected["line"], line);
        assert_eq!(rejected["input"], "odd \"name\".ndjson");
    }
    assert_eq!(rejects.len(), 8);
}

#[test]
fn skipped_lines_are_written_when_asked_for() {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("input.suppress", vec!["optouts.txt"])
        .write();
    sandbox.write("optouts.txt", "+33600000002\n");
    sandbox.write("first.ndjson", contacts(0..1));
    sandbox.send(&["first.ndjson"]).run().expect(0);

    sandbox.write("in.ndjson", contacts_of([0, 1, 2, 1]));
    sandbox.append("in.ndjson", "{}\n");
    let args = ["in.ndjson", "--rejects", "rejects.ndjson"];
    sandbox.send(&args).run().expect(0).expect_lines(&[
        ("accepted", 1),
        ("already_sent", 1),
        ("suppressed", 1),
        ("duplicate", 1),
        ("invalid", 1),
    ]);
    let reasons = || -> Vec<(u64, String)> {
        let line = |line: &serde_json::Value| {
            let reason = line["reason"].as_str().expect("a reason").to_owned();
            (line["line"].as_u64().expect("a line"), reason)
        };
        sandbox.read_ndjson("rejects.ndjson").iter().map(line).collect()
    };
    assert_eq!(reasons(), [(5, "phone_number_missing".to_owned())]);

    sandbox
        .send(&args)
        .arg("--rejects-include-skipped")
        .run()
        .expect(0);
    let expected = [
        (1, "already_sent"),
        (2, "already_sent"),
        (3, "suppressed"),
        (4, "duplicate"),
        (5, "phone_number_missing"),
    ];
    assert_eq!(
        reasons(),
        expected.map(|(line, reason)| (line, reason.to_owned()))
    );
}

#[test]
fn numbers_that_the_provider_refuses_now_are_written_with_its_words() {
    let sandbox = Sandbox::new();
    sandbox.prepare(3, 2);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":119,"request":2}]}"#);
    let end = sandbox
        .send(&["contacts.ndjson", "--rejects", "rejects.ndjson"])
        .run();
    end.expect(5).expect_lines(&[("accepted", 2), ("refused", 1)]);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(rejects.len(), 1);
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["value"]),
        (&3.into(), &crate::support::number(2).into())
    );
    assert!(
        rejects[0]["detail"]
            .as_str()
            .is_some_and(|detail| detail.contains("119")),
        "{}",
        rejects[0]
    );
}

#[test]
fn numbers_that_the_provider_refused_earlier_are_written_with_their_reason() {
    let sandbox = Sandbox::new();
    sandbox.prepare(3, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":119}]}"#);
    sandbox.send(&["contacts.ndjson"]).run().expect(5);
    let again = sandbox
        .send(&["contacts.ndjson", "--rejects", "rejects.ndjson"])
        .run();
    again.expect(0).expect_lines(&[("refused", 3)]);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(rejects.len(), 3);
    assert!(rejects.iter().all(|line| line["reason"] == "refused_by_provider"));
}

#[test]
fn fail_on_invalid_sends_the_rest_and_ends_with_5() {
    let sandbox = Sandbox::new();
    sandbox.prepare(9, 10);
    sandbox
        .send(&["contacts.ndjson", "--fail-on-invalid"])
        .run()
        .expect(0);
    sandbox.append("contacts.ndjson", contacts(20..21));
    sandbox.append("contacts.ndjson", "{}\n");
    let end = sandbox.send(&["contacts.ndjson", "--fail-on-invalid"]).run();
    end.expect(5)
        .expect_lines(&[("accepted", 1), ("already_sent", 9), ("invalid", 1)]);
    assert_eq!(end.summary()["outcome"], "complete");
}

#[test]
fn a_rejects_file_that_cannot_be_made_sends_nothing() {
    let sandbox = Sandbox::new();
    sandbox.prepare(3, 10);
    let end = sandbox
        .send(&["contacts.ndjson", "--rejects", "missing/rejects.ndjson"])
        .run();
    end.expect(3);
    assert!(
        end.summary()["error"]
            .to_string()
            .contains("missing/rejects.ndjson")
    );
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn including_the_skipped_needs_a_rejects_file() {
    let sandbox = Sandbox::new();
    sandbox.prepare(3, 10);
    let end = sandbox
        .send(&["contacts.ndjson", "--rejects-include-skipped"])
        .run();
    assert_eq!(end.code(), 2, "{end}");
}
