//! The documents that show command lines with their output: each line is run as it stands there, and says what stands there.
//!
//! A block marked `sh` is run, all of a document's in one shell, from top to bottom; what it prints, on stdout or stderr, is
//! the block marked `text` behind it, or nothing where there is none. `toml NAME` and `json NAME` are files. `sql` and
//! `python` ask the ledger that the guide's campaign has made, and are answered in the same way. A block marked `shell` is
//! shown and not run; [`SHOWN_ONLY`] says which may.
//!
//! `mock-server` is the mock of the test, at a port of its own; times, rates and tickets are taken out on both sides
//! ([`redaction`]).
//!
//! `UPDATE_DOCS=1 cargo test -p volley --test it document` writes what is printed now into the documents.

mod blocks;
mod links;
mod queries;
mod redaction;
mod session;
mod workers;

use std::fs;
use std::path::PathBuf;

use crate::skip::Need;
use crate::support::{Sandbox, workspace_root};
use blocks::Document;

/// How command lines begin that are shown and not run: they install, need a screen, or are an administrator's.
const SHOWN_ONLY: [&str; 4] = ["cargo install ", "xdg-open ", "createuser ", "createdb "];

/// The documents that are held to what is printed.
const HELD: [&str; 5] = [
    "first-five-minutes.md",
    "guide.md",
    "ledger.md",
    "voice.md",
    "workers.md",
];

#[test]
fn the_first_five_minutes_are_as_they_are_told() {
    let sandbox = Sandbox::new();
    copy_examples(&sandbox);
    let mut document = Document::read("first-five-minutes.md");
    session::run(&sandbox, &mut document);
    document.check();
    let seen = sandbox.mock().stats().together;
    assert_eq!((seen.distinct_recipients, seen.max_per_recipient), (891, 1));
    assert!(sandbox.read("report.html").starts_with("<!DOCTYPE html>"));
}

#[test]
fn the_guide_and_the_queries_on_its_ledger_are_as_they_are_told() {
    if !Need::Curl.is_met() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut guide = Document::read("guide.md");
    session::run(&sandbox, &mut guide);
    guide.check();
    assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
    let mut ledger = Document::read("ledger.md");
    queries::run(&sandbox, &mut ledger);
    ledger.check();
}

#[test]
fn the_voice_campaign_is_as_it_is_told() {
    if !Need::Curl.is_met() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut document = Document::read("voice.md");
    session::run(&sandbox, &mut document);
    document.check();
    let seen = sandbox.mock().stats().together;
    assert_eq!((seen.distinct_recipients, seen.max_per_recipient), (5, 1));
}

#[test]
fn only_what_cannot_be_run_is_shown_without_being_run() {
    for name in HELD {
        let document = Document::read(name);
        for line in document.bodies("shell").flat_map(str::lines) {
            let shown_only = SHOWN_ONLY.iter().any(|begin| line.starts_with(begin));
            assert!(shown_only, "{name}: {line}");
        }
        let mut before = "";
        for fence in document.fences() {
            let kind = fence.info.split(' ').next().unwrap_or_default();
            match kind {
                "text" => assert!(
                    ["sh", "sql", "python"].contains(&before),
                    "{name}: {}",
                    fence.body
                ),
                "sh" | "sql" | "python" | "shell" => {}
                "toml" | "json" => assert!(fence.info.contains(' '), "{name}: a file without a name"),
                _ => panic!("{name}: nobody knows what to do with a block of {kind:?}"),
            }
            before = kind;
        }
    }
}

#[test]
fn the_readme_s_first_command_prints_what_stands_there() {
    let sandbox = Sandbox::without_mock();
    copy_examples(&sandbox);
    let end = sandbox
        .volley([
            "rehearse",
            "examples/appointment-reminder.toml",
            "examples/contacts.ndjson",
        ])
        .run();
    assert_eq!(end.code(), 0, "{end}");
    let readme = fs::read_to_string(workspace_root().join("README.md")).expect("the README");
    let (_, shown) = readme.split_once("\n```text\n").expect("an output");
    let (shown, _) = shown.split_once("```").expect("its end");
    assert_eq!(redaction::redacted(&end.stdout), redaction::redacted(shown));
}

#[test]
fn the_readme_has_every_command() {
    let help = Sandbox::without_mock().volley(["--help"]).run().stdout;
    let (_, commands) = help.split_once("\nCommands:\n").expect("commands");
    let (commands, _) = commands.split_once("\n\n").expect("a chapter behind them");
    // What goes on in a second line is indented further.
    let names = commands.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = names
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .collect();
    assert!(names.len() > 10, "{names:?}");
    let readme = fs::read_to_string(workspace_root().join("README.md")).expect("the README");
    let table: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("| `volley "))
        .collect();
    for name in names {
        let row = format!("| `volley {name} ");
        assert!(table.iter().any(|line| line.starts_with(&row)), "{name}");
    }
}

fn documents() -> PathBuf {
    workspace_root().join("docs")
}

/// The documents are read at the top of a clone.
fn copy_examples(sandbox: &Sandbox) {
    fs::create_dir(sandbox.path("examples")).expect("a folder");
    for name in ["appointment-reminder.toml", "contacts.ndjson"] {
        let name = format!("examples/{name}");
        fs::copy(workspace_root().join(&name), sandbox.path(&name)).expect("an example");
    }
}
