//! What is read and from where, and what becomes of what cannot be read.

mod bodies;
mod endless;
mod fields;
mod lines;
mod numbers;
mod rejects;

use std::io::Write;

use benches::{BadLine, Corpus};

use crate::support::{Sandbox, contacts, workspace_root};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory")
}

/// A sandbox with a campaign and no input yet.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_size", 10).write();
    sandbox
}

#[test]
fn a_pipe_is_read_when_no_input_is_named() {
    let sandbox = sandbox();
    let end = sandbox.send(&[]).stdin(contacts(0..25)).run();
    end.expect(0).expect_lines(&[("accepted", 25)]);
}

#[test]
fn a_dash_is_standard_input_in_its_place_among_the_files() {
    let sandbox = sandbox();
    sandbox.write("a.ndjson", contacts(0..10));
    sandbox.write("b.ndjson", contacts(0..40));
    let end = sandbox
        .send(&["a.ndjson", "-", "b.ndjson", "--rejects", "rejects.ndjson"])
        .arg("--rejects-include-skipped")
        .stdin(contacts(5..20))
        .run();
    end.expect(0).expect_lines(&[("accepted", 40), ("duplicate", 25)]);
    let skipped = sandbox.read_ndjson("rejects.ndjson");
    let of = |input: &str| skipped.iter().filter(|line| line["input"] == input).count();
    assert_eq!((of("a.ndjson"), of("-"), of("b.ndjson")), (0, 5, 20));
}

#[test]
fn standard_input_cannot_be_named_twice() {
    let sandbox = sandbox();
    let end = sandbox.send(&["-", "-"]).stdin(contacts(0..5)).run();
    end.expect(2);
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn compressed_input_is_known_by_its_first_bytes_and_not_by_its_name() {
    let plain = contacts(0..2000);
    for (name, bytes) in [
        ("contacts.gz", gzip(plain.as_bytes())),
        ("contacts.zst", gzip(plain.as_bytes())),
        ("contacts.ndjson", zst(plain.as_bytes())),
        ("contacts.gz", zst(plain.as_bytes())),
        ("contacts.gz", plain.clone().into_bytes()),
    ] {
        let sandbox = Sandbox::new();
        sandbox.campaign().write();
        sandbox.write(name, bytes);
        let end = sandbox.send(&[name]).run();
        end.expect(0).expect_lines(&[("accepted", 2000)]);
    }
}

#[test]
fn compressed_input_may_come_through_a_pipe_and_in_several_pieces() {
    let (first, second) = (contacts(0..25), contacts(25..40));
    for pieces in [
        [gzip(first.as_bytes()), gzip(second.as_bytes())].concat(),
        [zst(first.as_bytes()), zst(second.as_bytes())].concat(),
    ] {
        let end = sandbox().send(&[]).stdin(pieces).run();
        end.expect(0).expect_lines(&[("accepted", 40)]);
    }
}

#[test]
fn several_inputs_are_read_in_the_order_given_as_one_run() {
    let sandbox = sandbox();
    sandbox.write("a.ndjson", contacts(0..15));
    sandbox.write("b.ndjson.gz", gzip(contacts(10..30).as_bytes()));
    let end = sandbox
        .send(&["b.ndjson.gz", "a.ndjson", "--rejects", "rejects.ndjson"])
        .arg("--rejects-include-skipped")
        .run();
    end.expect(0).expect_lines(&[("accepted", 30), ("duplicate", 5)]);
    let skipped = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(skipped.len(), 5);
    for (skipped, line) in skipped.iter().zip(11_u64..) {
        assert_eq!(
            (&skipped["input"], &skipped["line"]),
            (&"a.ndjson".into(), &line.into())
        );
    }
    // Batches go across the border of two files.
    assert_eq!(sandbox.mock().stats().together.accepted_requests, 3);
}

#[test]
fn an_empty_file_that_was_named_is_complete() {
    let sandbox = sandbox();
    sandbox.write("empty.ndjson", "");
    sandbox.write("blank.ndjson", "\n  \r\n\t\n");
    let end = sandbox.send(&["empty.ndjson", "blank.ndjson"]).run();
    end.expect(0).expect_lines(&[]);
    assert_eq!(end.summary()["outcome"], "complete");
    sandbox.send(&["-"]).run().expect(0).expect_lines(&[]);
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn an_empty_input_that_nobody_named_cannot_be_read() {
    let sandbox = sandbox();
    for end in [sandbox.send(&[]).run(), sandbox.send(&[]).stdin("").run()] {
        end.expect(4);
        assert_eq!(end.summary()["outcome"], "failed");
        assert!(end.summary()["error"].is_string());
    }
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

#[test]
fn of_several_inputs_all_must_open_before_anything_is_sent() {
    let sandbox = sandbox();
    sandbox.write("contacts.ndjson", contacts(0..25));
    std::fs::create_dir(sandbox.path("folder")).expect("a folder");
    for wrong in ["missing.ndjson", "folder"] {
        let end = sandbox.send(&["contacts.ndjson", wrong]).run();
        end.expect(4);
        let error = end.summary()["error"].to_string();
        assert!(error.contains(wrong), "{error}");
    }
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

/// An input that ends with an error after `readable` lines of 5,000.
fn check_broken_off(bytes: &[u8], readable: impl Fn(u64) -> bool) {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    sandbox.write("cut", bytes);
    let end = sandbox.send(&["cut"]).run();
    end.expect(4);
    let accepted = end.lines("accepted");
    assert!(readable(accepted), "{end}");
    assert_eq!(end.summary()["outcome"], "failed");
    let error = end.summary()["error"].to_string();
    assert!(error.contains("cut"), "{error}");
    assert_eq!(sandbox.mock().stats().together.recipients, accepted);

    // Mended, it goes on.
    sandbox.write("cut", contacts(0..5000));
    let mended = sandbox.send(&["cut"]).run();
    mended
        .expect(0)
        .expect_lines(&[("accepted", 5000 - accepted), ("already_sent", accepted)]);
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
}

#[test]
fn what_was_read_of_an_input_that_breaks_off_is_sent_and_then_it_is_exit_4() {
    let plain = contacts(0..5000);
    let some = |accepted: u64| accepted > 0 && accepted < 5000;
    let gz = gzip(plain.as_bytes());
    check_broken_off(&gz[..gz.len() / 2], some);
    // Only the checksum is missing: every line was read.
    check_broken_off(&gz[..gz.len() - 8], |accepted| accepted == 5000);
    let mut garbled = gz.clone();
    let middle = gz.len() / 2;
    garbled[middle..middle + 64].fill(0xff);
    check_broken_off(&garbled, |accepted| accepted < 5000);
    // In frames of its own, so that the cut leaves whole blocks.
    let framed = [
        zst(contacts(0..2500).as_bytes()),
        zst(contacts(2500..5000).as_bytes()),
    ]
    .concat();
    check_broken_off(&framed[..framed.len() - 20], some);
}

#[test]
fn later_inputs_are_not_read_after_one_that_broke_off() {
    let sandbox = sandbox();
    let gz = gzip(contacts(0..2000).as_bytes());
    sandbox.write("cut.gz", &gz[..gz.len() / 2]);
    sandbox.write("more.ndjson", contacts(5000..5010));
    sandbox.send(&["cut.gz", "more.ndjson"]).run().expect(4);
    let reached = sandbox.mock().recipients();
    assert!(!reached.is_empty());
    assert!(
        reached
            .iter()
            .all(|recipient| recipient.number.as_str() < "+33600005000")
    );
}

#[test]
fn the_examples_come_to_the_account_that_is_known_of_them() {
    let expected = Corpus::example().expected();
    let sandbox = Sandbox::without_mock();
    let examples = workspace_root().join("examples");
    let end = sandbox
        .volley(["--json", "rehearse"])
        .arg(examples.join("appointment-reminder.toml"))
        .arg(examples.join("contacts.ndjson"))
        .args([
            "--rejects",
            "rejects.ndjson",
            "--set",
            "limits.requests_per_second=2000.0",
        ])
        .env_remove("OCTOPUSH_API_LOGIN")
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    end.expect(0).expect_lines(&[
        ("accepted", expected.distinct),
        ("duplicate", expected.duplicates),
        ("invalid", expected.invalid_lines()),
    ]);
    assert_eq!(end.lines("read"), 1000);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    for reason in BadLine::ALL {
        let found = rejects
            .iter()
            .filter(|line| line["reason"] == reason.name())
            .count();
        assert_eq!(found as u64, expected.invalid(reason), "{}", reason.name());
        assert_eq!(
            end.summary()["rejected"][reason.name()],
            found,
            "{}",
            reason.name()
        );
    }
}
