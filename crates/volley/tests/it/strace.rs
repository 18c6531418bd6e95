//! Faults at the n-th system call of the real binary, for n = 1, 2, … until a run is not hit any more: EIO, no space,
//! a lost connection, SIGKILL; on a run of three batches of two (invariants 1, 2, 4, 12). And the order of system calls
//! in a clean run: no byte of a request before its intent is durable (invariant 3).
//!
//! strace counts per thread and per system call. A sweep over a whole process therefore reaches the n-th call of the
//! thread that gets there first; the ledger's thread has sweeps of its own, in which strace is attached to it alone,
//! once it waits for its first batch. Named points in a batch's life, and the call before which SIGKILL falls:
//! ```text
//!  slot written ─ pwrite64 of -bodies ·  intent written ─ pwrite64 of -wal ·  intent durable ─ fdatasync, pwrite64 of -lock
//!  handed over ─ writev (HEADERS, DATA) ·  answered ─ recvfrom ·  outcome ─ the next pwrite64 and fdatasync
//! ```
//! "After" a point is before the next call. Without ptrace each test here is a named skip.

mod order;
mod tracer;

use std::os::unix::process::ExitStatusExt as _;

use crate::disk::{expect_finished, expect_told};
use crate::skip::Need;
use crate::support::{End, Sandbox, contacts};
use tracer::{Tracer, ledger_thread};

/// More than any sweep takes: one that is hit for ever is a bug of the test.
const CALLS_MAX: u32 = 400;
const SYNCS: &[&str] = &["fsync", "fdatasync"];
const WRITES: &[&str] = &["pwrite64"];
const SENDS: &[&str] = &["sendto", "writev"];
const ANSWERS: &[&str] = &["recvfrom"];

/// Whose system calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// All threads from the start, with a ledger still to be made.
    Process,
    /// All threads from the start, with a ledger that has been used.
    ProcessWithLedger,
    /// The ledger's thread, from its first batch on.
    LedgerThread,
}

/// What strace does to the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Error(&'static str),
    Kill,
}

impl Fault {
    fn words(self) -> String {
        match self {
            Self::Error(name) => format!("error={name}"),
            Self::Kill => "signal=KILL".to_owned(),
        }
    }
}

#[test]
fn eio_on_any_sync_is_7_and_loses_no_ticket() {
    sweep(Whose::Process, SYNCS, Fault::Error("EIO"), expect_7);
    sweep(Whose::ProcessWithLedger, SYNCS, Fault::Error("EIO"), expect_7);
}

#[test]
fn eio_on_any_sync_of_the_ledger_s_thread_is_7_and_loses_no_ticket() {
    sweep(Whose::LedgerThread, SYNCS, Fault::Error("EIO"), expect_7);
}

#[test]
fn eio_on_any_write_is_7_and_loses_no_ticket() {
    sweep(Whose::ProcessWithLedger, WRITES, Fault::Error("EIO"), expect_7);
}

#[test]
fn eio_on_any_write_while_the_ledger_is_made_is_7() {
    sweep(Whose::Process, WRITES, Fault::Error("EIO"), expect_7);
}

#[test]
fn no_space_at_any_write_of_the_ledger_s_thread_is_7_and_loses_no_ticket() {
    sweep(Whose::LedgerThread, WRITES, Fault::Error("ENOSPC"), expect_7);
}

#[test]
fn a_kill_at_any_sync_doubles_and_loses_nothing() {
    sweep(Whose::Process, SYNCS, Fault::Kill, expect_killed);
    sweep(Whose::LedgerThread, SYNCS, Fault::Kill, expect_killed);
}

#[test]
fn a_kill_at_any_write_of_the_ledger_s_thread_doubles_and_loses_nothing() {
    sweep(Whose::LedgerThread, WRITES, Fault::Kill, expect_killed);
}

#[test]
fn a_kill_at_any_write_of_the_process_doubles_and_loses_nothing() {
    sweep(Whose::ProcessWithLedger, WRITES, Fault::Kill, expect_killed);
}

#[test]
fn a_kill_at_any_byte_to_or_from_the_provider_doubles_and_loses_nothing() {
    sweep(Whose::ProcessWithLedger, SENDS, Fault::Kill, expect_killed);
    sweep(Whose::ProcessWithLedger, ANSWERS, Fault::Kill, expect_killed);
}

#[test]
fn a_connection_lost_at_any_byte_doubles_and_loses_nothing() {
    let broken = Fault::Error("ECONNRESET");
    sweep(Whose::ProcessWithLedger, SENDS, broken, expect_settled);
    sweep(Whose::ProcessWithLedger, ANSWERS, broken, expect_settled);
}

/// A failing disk: exit 7, and what the process was told is in the ledger or on stderr.
#[track_caller]
fn expect_7(sandbox: &Sandbox, end: &End, at: &str) {
    assert_eq!(end.code(), 7, "{at}\n{end}");
    expect_told(sandbox, end, at);
}

#[track_caller]
fn expect_killed(_: &Sandbox, end: &End, at: &str) {
    assert_eq!(end.status.signal(), Some(9), "{at}\n{end}");
}

/// A failing network: sent again where that is proven to be right, else asked about with the same key.
#[track_caller]
fn expect_settled(sandbox: &Sandbox, end: &End, at: &str) {
    assert_eq!(end.code(), 0, "{at}\n{end}");
    expect_told(sandbox, end, at);
}

/// Runs with a fault at the n-th call, for n = 1, 2, … until none is hit; after each fault the next run finishes.
fn sweep(whose: Whose, calls: &[&str], fault: Fault, expect: fn(&Sandbox, &End, &str)) {
    if !Need::Strace.is_met() {
        return;
    }
    let mut hit = 0;
    for call in calls {
        let first_unhit = (1..CALLS_MAX).find(|nth| {
            let at = format!("{whose:?}: {fault:?} at {call} number {nth}");
            !strike(whose, &format!("{call}:{}:when={nth}", fault.words()), &at, expect)
        });
        hit += first_unhit.expect("a run that is not hit any more") - 1;
    }
    println!("{whose:?}, {calls:?}, {fault:?}: {hit} hits");
    assert!(hit > 1, "{whose:?}, {calls:?}: never hit");
}

/// One run with one fault, and what must come after it. Whether the fault was hit.
fn strike(whose: Whose, injection: &str, at: &str, expect: fn(&Sandbox, &End, &str)) -> bool {
    let sandbox = three_batches();
    if whose == Whose::ProcessWithLedger {
        use_ledger(&sandbox);
    }
    let tracer = Tracer::new(&sandbox).inject(injection);
    let end = match whose {
        Whose::Process | Whose::ProcessWithLedger => tracer.run(sandbox.send(&["contacts.ndjson"])),
        Whose::LedgerThread => {
            let mut started = sandbox.send(&[]).start_piped();
            let attached = tracer.attach(ledger_thread(&sandbox, &mut started));
            let mut pipe = started.take_stdin().expect("a pipe");
            let fed = std::io::Write::write_all(&mut pipe, contacts(0..RECIPIENTS).as_bytes());
            drop(pipe);
            let end = started.wait();
            fed.unwrap_or_else(|error| panic!("{at}: {error}\n{end}"));
            attached.wait();
            end
        }
    };
    assert!(!end.stderr.contains("panicked"), "{at}\n{end}");
    let hit = sandbox.read(tracer::TRACE).contains("(INJECTED)") || end.status.signal() == Some(9);
    if hit {
        expect(&sandbox, &end, at);
    } else {
        assert_eq!(end.code(), 0, "{at}: not hit\n{end}");
    }
    expect_finished(&sandbox, RECIPIENTS, at);
    hit
}

const RECIPIENTS: u32 = 6;

/// A campaign of three batches of two, one at a time over one connection.
fn three_batches() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    sandbox
}

/// Makes the ledger by sending something else, so that the next run finds it used.
fn use_ledger(sandbox: &Sandbox) {
    sandbox.write("others.ndjson", contacts(1000..1001));
    sandbox.send(&["others.ndjson"]).run().expect(0);
}
