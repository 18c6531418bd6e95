//! The command line: exit codes, messages, secrets, and what goes to which stream.

mod campaign_file;
mod check;
mod colours;
mod credentials;
mod ends;
mod help;
mod ledger;
mod message;
mod mistakes;
mod plan;
mod report;
mod secrets;
mod streams;
mod text;

use crate::support::{End, Sandbox};

/// The names in a sandbox's folder, sorted.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(sandbox.path("."))
        .expect("a folder")
        .map(|entry| {
            let name = entry.expect("an entry").file_name();
            name.into_string().expect("a name in UTF-8")
        })
        .collect();
    names.sort_unstable();
    names
}

/// The error of a JSON summary holds each of these.
#[track_caller]
fn assert_error_names(end: &End, parts: &[&str]) {
    let summary = end.summary();
    let error = summary["error"]
        .as_str()
        .unwrap_or_else(|| panic!("no `error`\n{end}"));
    for part in parts {
        assert!(error.contains(part), "`{part}` is not in: {error}");
    }
    assert!(
        end.stderr.contains(error),
        "people are told the same on stderr\n{end}"
    );
}
