//! The `load-tests` binary from outside, and the committed example held to it.

mod scenarios;

use std::path::PathBuf;

use assert_cmd::Command;
use benches::{Corpus, Shape, Spread};

fn load_tests(args: &[&str]) -> Command {
    let mut command = Command::cargo_bin("load-tests").expect("the binary is built with its tests");
    command.args(args);
    command
}

fn examples() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

/// Lines that hold anything but white space.
fn counted_lines(bytes: &[u8]) -> usize {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .count()
}

#[test]
fn the_committed_example_is_what_the_generator_writes() {
    let committed = std::fs::read(examples().join("contacts.ndjson")).unwrap();
    let made = load_tests(&["generate", "--example"]).output().unwrap();
    assert!(made.status.success());
    assert!(
        made.stdout == committed,
        "make it anew: load-tests generate --example --output examples/contacts.ndjson"
    );
}

#[test]
fn the_committed_example_has_a_thousand_counted_lines() {
    let committed = std::fs::read(examples().join("contacts.ndjson")).unwrap();
    assert_eq!(counted_lines(&committed), 1_000);
    assert_eq!(Corpus::example().expected().lines, 1_000);
    assert!(
        std::str::from_utf8(&committed).is_err(),
        "bytes that are no UTF-8 are part of it"
    );
}

#[test]
fn flags_choose_the_corpus_and_the_truth_is_one_line_on_stderr() {
    let check = |args: &[&str], corpus: Corpus| {
        let made = load_tests(&["generate", "--recipients", "300"])
            .args(args)
            .output()
            .unwrap();
        assert!(made.status.success(), "{args:?}");
        assert!(made.stdout == corpus.to_bytes().unwrap(), "{args:?}");
        assert_eq!(
            String::from_utf8(made.stderr).unwrap(),
            format!("{}\n", corpus.expected())
        );
    };
    let default = Corpus::new(1, 300);
    check(&[], default.clone());
    check(
        &["--seed", "9"],
        Corpus {
            seed: 9,
            ..default.clone()
        },
    );
    check(
        &["--dense"],
        Corpus {
            spread: Spread::Dense,
            ..default.clone()
        },
    );
    check(
        &["--sparse", "--plain"],
        Corpus {
            spread: Spread::Sparse,
            shape: Shape::Plain,
            ..default.clone()
        },
    );
    check(
        &["--duplicates", "20", "--invalid", "0"],
        Corpus {
            duplicates_percent: 20,
            invalid_percent: 0,
            ..default
        },
    );
}

#[test]
fn contacts_and_truth_go_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let (contacts, truth) = (
        folder.path().join("contacts.ndjson"),
        folder.path().join("truth.json"),
    );
    let made = load_tests(&["generate", "--recipients", "200", "--output"])
        .arg(&contacts)
        .arg("--truth")
        .arg(&truth)
        .output()
        .unwrap();
    assert!(made.status.success());
    assert!(made.stdout.is_empty() && made.stderr.is_empty());
    let corpus = Corpus::new(1, 200);
    assert!(std::fs::read(contacts).unwrap() == corpus.to_bytes().unwrap());
    assert_eq!(
        std::fs::read_to_string(truth).unwrap(),
        format!("{}\n", corpus.expected())
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |args: &[&str]| load_tests(args).output().unwrap().status.code();
    assert_eq!(refused(&["generate"]), Some(2));
    assert_eq!(
        refused(&["generate", "--recipients", "1", "--dense", "--sparse"]),
        Some(2)
    );
    assert_eq!(refused(&["generate", "--recipients", "100000001"]), Some(2));
    assert_eq!(refused(&["generate", "--example", "--recipients", "5"]), Some(2));
    assert_eq!(
        refused(&["generate", "--recipients", "1", "--output", "/nowhere/at/all"]),
        Some(1)
    );
}
