//! Nobody reads stderr: its reader is gone, its disk is full, its terminal is held. The run goes on as if somebody did.

use std::fs::OpenOptions;
use std::process::Stdio;

use rustix::process::Signal;

use crate::support::{Sandbox, contacts, terminal, wait_until};

/// A run of a hundred batches that tells a lot.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.requests_per_second", 500.0)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..500));
    sandbox
}

const LOUD: [&str; 3] = ["contacts.ndjson", "--log-level", "trace"];

#[test]
fn a_full_disk_under_stderr_ends_no_run() {
    let sandbox = sandbox();
    let mut command = sandbox.send(&LOUD).into_command();
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("a full disk");
    let status = command
        .stdout(Stdio::null())
        .stderr(full)
        .status()
        .expect("the binary");
    assert_eq!(status.code(), Some(0));
    assert_eq!(sandbox.mock().stats().together.recipients, 500);
}

#[test]
fn a_reader_of_stderr_that_goes_away_ends_no_run() {
    let sandbox = sandbox();
    let mut command = sandbox.send(&LOUD).into_command();
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary");
    wait_until("the run to begin", || {
        sandbox.mock().stats().together.requests > 3
    });
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("a child").code(), Some(0));
    assert_eq!(sandbox.mock().stats().together.recipients, 500);
}

#[test]
fn a_terminal_that_is_held_holds_neither_the_sending_nor_the_end() {
    let sandbox = sandbox();
    let command = sandbox.send(&LOUD).into_command();
    let held = terminal::Held::start(command);
    wait_until("all to be sent", || {
        sandbox.mock().stats().together.recipients == 500
    });
    let (status, summary) = held.wait();
    assert_eq!(status.code(), Some(0), "{summary}");
    assert!(summary.contains("\"accepted\":500"), "{summary}");
}

#[test]
fn a_signal_is_heard_while_the_terminal_is_held() {
    let sandbox = sandbox();
    let command = sandbox
        .send(&LOUD)
        .args(["--set", "limits.requests_per_second=20"])
        .into_command();
    let held = terminal::Held::start(command);
    wait_until("the run to begin", || {
        sandbox.mock().stats().together.requests > 3
    });
    held.signal(Signal::TERM);
    let (status, summary) = held.wait();
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(15),
        "{summary}"
    );
    assert!(summary.contains("\"outcome\":\"interrupted\""), "{summary}");
}
