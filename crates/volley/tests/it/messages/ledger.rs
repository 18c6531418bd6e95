//! 3, 7 and 10: a ledger that is missing, cannot be trusted, or is held by another process.

use std::any::Any;
use std::fs;

use super::Row;
use super::environment::send_once;
use crate::support::{Sandbox, wait_until};

const SEND: &str = "send campaign.toml contacts.ndjson";

pub(super) fn rows_of_3() -> Vec<Row> {
    vec![
        Row::new("no ledger, off a terminal, with a real provider", SEND).after(|sandbox| {
            sandbox.campaign().unset("octopush.base_url").write();
        }),
        Row::new("no ledger to report of", "report"),
        Row::new(
            "no folder for a ledger",
            "send campaign.toml contacts.ndjson --ledger nowhere/volley.db",
        ),
        Row::new("a ledger is there already", "ledger init").after(send_once),
        Row::new("something else is there already", "ledger init").after(|sandbox| {
            sandbox.write("volley.db", "hello\n");
        }),
    ]
}

pub(super) fn rows_of_7() -> Vec<Row> {
    vec![
        Row::new("a text in its place", SEND).after(|sandbox| {
            sandbox.write("volley.db", "hello\n");
        }),
        Row::new("a ledger of another program", SEND).after(|sandbox| overwrite(sandbox, 68, b"GPKG")),
        Row::new("a newer one", SEND).after(|sandbox| overwrite(sandbox, 60, &9999_u32.to_be_bytes())),
        Row::new("an empty one", SEND).after(|sandbox| cut(sandbox, 0)),
        Row::new("half of one", SEND).after(|sandbox| cut(sandbox, 2)),
        Row::new("one that is gone", SEND).after(|sandbox| {
            send_once(sandbox);
            fs::remove_file(sandbox.path("volley.db")).expect("a ledger");
        }),
        Row::new("one without its lock file", SEND).after(|sandbox| {
            send_once(sandbox);
            fs::remove_file(sandbox.path("volley.db-lock")).expect("a lock file");
        }),
        Row::new("a copy of it", SEND).after(|sandbox| {
            send_once(sandbox);
            fs::copy(sandbox.path("volley.db"), sandbox.path("copy")).expect("a copy");
            fs::rename(sandbox.path("copy"), sandbox.path("volley.db")).expect("a ledger");
        }),
        Row::new("one that was rolled back", SEND).after(|sandbox| {
            send_once(sandbox);
            let older = fs::read(sandbox.path("volley.db")).expect("a ledger");
            sandbox.append("contacts.ndjson", crate::support::contacts(100..105));
            send_once(sandbox);
            fs::write(sandbox.path("volley.db"), older).expect("a ledger");
        }),
        Row::new("a link to nothing", SEND).after(|sandbox| {
            std::os::unix::fs::symlink("elsewhere.db", sandbox.path("volley.db")).expect("a link");
        }),
        Row::new("another one in its place", SEND).after(|sandbox| {
            send_once(sandbox);
            assert_eq!(
                sandbox
                    .volley(["ledger", "init", "--ledger", "other.db"])
                    .run()
                    .code(),
                0
            );
            fs::rename(sandbox.path("other.db"), sandbox.path("volley.db")).expect("a ledger");
        }),
        Row::new("a text in its place, to report of", "report").after(|sandbox| {
            sandbox.write("volley.db", "hello\n");
        }),
    ]
}

fn overwrite(sandbox: &Sandbox, at: usize, bytes: &[u8]) {
    send_once(sandbox);
    let mut ledger = fs::read(sandbox.path("volley.db")).expect("a ledger");
    ledger[at..at + bytes.len()].copy_from_slice(bytes);
    fs::write(sandbox.path("volley.db"), ledger).expect("a ledger");
}

/// Leaves so many quarters of it.
fn cut(sandbox: &Sandbox, quarters: u64) {
    send_once(sandbox);
    let file = fs::OpenOptions::new()
        .write(true)
        .open(sandbox.path("volley.db"))
        .expect("a ledger");
    let length = file.metadata().expect("a ledger").len();
    file.set_len(length * quarters / 4).expect("a ledger");
}

pub(super) fn rows_of_10() -> Vec<Row> {
    vec![
        Row::new("another run has it", SEND).holding(run),
        Row::new(
            "another run has it, for an operator",
            "ledger forget spring --yes --reason 'a year is over'",
        )
        .holding(run),
    ]
}

/// A run that goes on, and ends when it is dropped.
fn run(sandbox: &Sandbox) -> Box<dyn Any> {
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":60000}]}"#);
    let run = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the first request", || {
        sandbox.mock().stats().together.accepted_requests == 1
    });
    Box::new(run)
}
