//! Invariant 9: inputs without end, and lines without end: memory stays bounded, and a stop does not wait for the next byte.

use std::io::Write;

use super::zst;
use crate::support::{Sandbox, contacts, wait_until};

const GIGABYTE: usize = 1 << 30;
const MEMORY_BYTES_MAX: u64 = 200 << 20;

/// The most memory that the process has held so far.
fn peak_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("a process that runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .expect("a peak");
    let kibibytes: u64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("kB");
    kibibytes << 10
}

#[track_caller]
fn assert_bounded(id: u32) {
    let peak = peak_bytes(id);
    assert!(peak < MEMORY_BYTES_MAX, "{peak} bytes at its peak");
}

#[test]
fn a_line_of_a_gigabyte_is_one_invalid_line_and_is_never_held() {
    let sandbox = Sandbox::new();
    sandbox.campaign().write();
    let mut process = sandbox.send(&["-", "--rejects", "rejects.ndjson"]).start_piped();
    let mut pipe = process.take_stdin().expect("a pipe");
    let block = vec![b'x'; 1 << 20];
    pipe.write_all(b"{\"phone_number\":\"").expect("a reader");
    for _ in 0..GIGABYTE / block.len() {
        pipe.write_all(&block).expect("a reader");
    }
    // All but the last 64 KiB, which fit into the pipe, has been read.
    assert_bounded(process.id());
    pipe.write_all(b"\"}\n").expect("a reader");
    pipe.write_all(contacts(0..3).as_bytes()).expect("a reader");
    drop(pipe);
    let end = process.wait();
    end.expect(0).expect_lines(&[("accepted", 3), ("invalid", 1)]);
    let rejects = sandbox.read_ndjson("rejects.ndjson");
    assert_eq!(rejects[0]["reason"], "line_too_long");
    assert_eq!(rejects[0]["line"], 1);
    assert!(
        rejects[0]["value"]
            .as_str()
            .is_some_and(|value| value.len() <= 256)
    );
}

#[test]
fn a_compressed_gigabyte_is_not_held_either() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_size", 1).write();
    let line = std::io::Read::take(std::io::repeat(b'x'), GIGABYTE as u64);
    let mut bomb = zstd::encode_all(line, 1).expect("memory");
    bomb.extend(zst(format!("\n{}", contacts(0..1)).as_bytes()));
    sandbox.write("bomb", bomb);
    let mut process = sandbox.send(&["bomb", "-"]).start_piped();
    let pipe = process.take_stdin().expect("a pipe");
    wait_until("the line after the long one", || {
        sandbox.mock().stats().together.recipients == 1
    });
    assert_bounded(process.id());
    drop(pipe);
    process
        .wait()
        .expect(0)
        .expect_lines(&[("accepted", 1), ("invalid", 1)]);
}

#[test]
fn max_recipients_ends_a_run_whose_pipe_stays_open() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_size", 5).write();
    let mut process = sandbox.send(&["-", "--max-recipients", "7"]).start_piped();
    let mut pipe = process.take_stdin().expect("a pipe");
    pipe.write_all(contacts(0..20).as_bytes()).expect("a reader");
    let end = process.wait();
    end.expect(9);
    assert_eq!(end.lines("accepted"), 7, "{end}");
    drop(pipe);
}

#[test]
fn a_stop_by_the_provider_does_not_wait_for_more_input() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_size", 5).write();
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":401}]}"#);
    let mut process = sandbox.send(&["-"]).start_piped();
    let mut pipe = process.take_stdin().expect("a pipe");
    pipe.write_all(contacts(0..20).as_bytes()).expect("a reader");
    let end = process.wait();
    end.expect(11);
    drop(pipe);
}

#[test]
fn whole_batches_are_sent_while_the_pipe_is_still_open() {
    let sandbox = Sandbox::new();
    sandbox.campaign().set("limits.batch_size", 5).write();
    let mut process = sandbox.send(&["-"]).start_piped();
    let mut pipe = process.take_stdin().expect("a pipe");
    pipe.write_all(contacts(0..12).as_bytes()).expect("a reader");
    wait_until("two batches", || sandbox.mock().stats().together.recipients == 10);
    drop(pipe);
    process.wait().expect(0).expect_lines(&[("accepted", 12)]);
}
