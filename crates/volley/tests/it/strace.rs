//! Faults at the n-th system call of the real binary, for n = 1, 2, … until a run is not hit any more: EIO, no space,
//! a lost connection, SIGKILL; on a run of three batches of two (invariants 1, 2, 4, 12). And the order of system calls
//! in a clean run: no byte of a request before its intent is durable (invariant 3).
//!
//! strace counts per thread and per system call. A sweep over a whole process therefore reaches the n-th call of the
//! thread that gets there first; the ledger's thread has sweeps of its own, in which strace is attached to it alone,
//! once it waits for its first batch. Named points in a batch's life, and the call before which SIGKILL falls:
//! ```text
//!  slot written ─ pwritev of -bodies ·  intent written ─ pwrite64 of -wal ·  intent durable ─ fdatasync, pwrite64 of -lock
//!  handed over ─ writev (HEADERS, DATA) ·  answered ─ recvfrom ·  outcome ─ the next pwrite64 and fdatasync
//! ```
//! "After" a point is before the next call. Without ptrace each test here is a named skip.
//!
//! Over a server the ledger's calls are those of its connection: [`server`] has their sweeps.
//!
//! A failing disk is below both providers, and has most of its sweeps for Octopush. What is between a request and what becomes of
//! it is swept for Exotel too, with a number that splits a batch: its refusal, and the child's intent, are points of their own.

mod order;
mod server;
mod tracer;

use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::disk::{Waiting, expect_finished_but, expect_told, tickets_on_stderr};
use crate::skip::Need;
use crate::support::{End, Over, Provider, Sandbox, contacts, for_both, number};
use tracer::Tracer;

/// More than any sweep takes: one that is hit for ever is a bug of the test.
const CALLS_MAX: u32 = 400;
const SYNCS: &[&str] = &["fsync", "fdatasync"];
/// Of the log and the ledger, and of the bodies: each must be hit, so that a change of system call does not hide one.
const WRITES: &[&str] = &["pwrite64", "pwritev"];
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
    /// From then on, every time: the disk does not come back.
    ErrorForEver(&'static str),
    Kill,
}

impl Fault {
    /// As strace wants it.
    fn at(self, call: &str, nth: u32) -> String {
        match self {
            Self::Error(name) => format!("{call}:error={name}:when={nth}"),
            Self::ErrorForEver(name) => format!("{call}:error={name}:when={nth}+"),
            Self::Kill => format!("{call}:signal=KILL:when={nth}"),
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
    let broken = Fault::Error("EIO");
    for_both(|provider| sweep_of(provider, Whose::LedgerThread, SYNCS, broken, expect_7));
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
fn a_disk_that_fails_for_good_is_7_and_loses_no_ticket() {
    let printed = AtomicUsize::new(0);
    for_both(|provider| {
        let mut expect = |sandbox: &Sandbox, end: &End, at: &str| {
            expect_7(sandbox, end, at);
            printed.fetch_add(tickets_on_stderr(end).len(), Ordering::Relaxed);
        };
        let whose = Whose::ProcessWithLedger;
        let broken = Fault::ErrorForEver("EIO");
        sweep_of(provider, whose, SYNCS, broken, &mut expect);
        if provider == Provider::Octopush {
            sweep(whose, WRITES, Fault::ErrorForEver("ENOSPC"), &mut expect);
        }
    });
    // Which answers come when the ledger has just failed is a matter of time.
    let printed = printed.into_inner();
    assert!(printed > 0 || !Need::Strace.is_met(), "none had to be printed");
}

#[test]
fn a_kill_at_any_sync_doubles_and_loses_nothing() {
    sweep(Whose::Process, SYNCS, Fault::Kill, expect_killed);
    sweep(Whose::LedgerThread, SYNCS, Fault::Kill, expect_killed);
}

#[test]
fn a_kill_at_any_write_of_the_ledger_s_thread_doubles_and_loses_nothing() {
    for_both(|provider| sweep_of(provider, Whose::LedgerThread, WRITES, Fault::Kill, expect_killed));
}

#[test]
fn a_kill_at_any_write_of_the_process_doubles_and_loses_nothing() {
    sweep(Whose::ProcessWithLedger, WRITES, Fault::Kill, expect_killed);
}

#[test]
fn a_kill_at_any_byte_to_or_from_the_provider_doubles_and_loses_nothing() {
    for_both(|provider| {
        for calls in [SENDS, ANSWERS] {
            sweep_of(
                provider,
                Whose::ProcessWithLedger,
                calls,
                Fault::Kill,
                expect_killed,
            );
        }
    });
}

#[test]
fn a_connection_lost_at_any_byte_doubles_and_loses_nothing() {
    let broken = Fault::Error("ECONNRESET");
    for_both(|provider| {
        for calls in [SENDS, ANSWERS] {
            sweep_of(provider, Whose::ProcessWithLedger, calls, broken, expect_settled);
        }
    });
}

/// A failing disk: exit 7, and what the process was told is in the ledger or on stderr.
#[track_caller]
fn expect_7(sandbox: &Sandbox, end: &End, at: &str) {
    let code = if is_sqlite_s_own(sandbox) { end.code() } else { 7 };
    assert_eq!(end.code(), code, "{at}\n{end}");
    assert!([0, 7].contains(&code), "{at}\n{end}");
    expect_told(sandbox, end, at);
}

/// Whether what failed was SQLite's sync of a folder, whose errors it ignores: the ledger syncs the folder itself.
fn is_sqlite_s_own(sandbox: &Sandbox) -> bool {
    let trace = sandbox.read(tracer::TRACE);
    let mut hit = trace.lines().filter(|line| line.contains("(INJECTED)"));
    hit.all(|line| line.contains("fdatasync(") && !line.contains("volley.db"))
}

#[track_caller]
fn expect_killed(_: &Sandbox, end: &End, at: &str) {
    assert_eq!(end.status.signal(), Some(9), "{at}\n{end}");
}

/// A failing network: sent again where that is proven to be right, else asked about. What Exotel lacks is left in doubt.
#[track_caller]
fn expect_settled(sandbox: &Sandbox, end: &End, at: &str) {
    let provider = sandbox.provider();
    let left = provider == Provider::Exotel && end.code() == 6;
    assert!(left || end.code() == clean_exit(provider), "{at}\n{end}");
    expect_told(sandbox, end, at);
}

/// Runs with a fault at the n-th call, for n = 1, 2, … until none is hit; after each fault the next run finishes.
fn sweep(whose: Whose, calls: &[&str], fault: Fault, expect: impl FnMut(&Sandbox, &End, &str)) {
    sweep_of(Provider::Octopush, whose, calls, fault, expect);
}

/// The same, of this provider.
fn sweep_of(
    provider: Provider,
    whose: Whose,
    calls: &[&str],
    fault: Fault,
    mut expect: impl FnMut(&Sandbox, &End, &str),
) {
    if !Need::Strace.is_met() {
        return;
    }
    let mut hit = 0;
    for call in calls {
        let first_unhit = (1..CALLS_MAX).find(|nth| {
            let at = format!("{provider:?}, {whose:?}: {fault:?} at {call} number {nth}");
            !strike(provider, whose, &fault.at(call, *nth), &at, &mut expect)
        });
        let hits = first_unhit.expect("a run that is not hit any more") - 1;
        assert!(hits > 0 || calls != WRITES, "{whose:?}, {call}: never hit");
        hit += hits;
    }
    assert!(hit > 1, "{whose:?}, {calls:?}: never hit");
}

/// One run with one fault, and what must come after it. Whether the fault was hit.
fn strike(
    over: impl Into<Over>,
    whose: Whose,
    injection: &str,
    at: &str,
    expect: &mut dyn FnMut(&Sandbox, &End, &str),
) -> bool {
    let over = over.into();
    let provider = over.provider;
    let sandbox = three_batches(over);
    if whose == Whose::ProcessWithLedger {
        use_ledger(&sandbox);
    }
    let tracer = Tracer::new(&sandbox).inject(injection);
    let end = match whose {
        Whose::Process | Whose::ProcessWithLedger => tracer.run(sandbox.send(&["contacts.ndjson"])),
        Whose::LedgerThread => {
            let waiting = Waiting::start(&sandbox);
            let attached = tracer.attach(waiting.ledger_thread());
            let end = waiting.go_on();
            attached.wait();
            end
        }
    };
    assert!(!end.stderr.contains("panicked"), "{at}\n{end}");
    let hit = sandbox.read(tracer::TRACE).contains("(INJECTED)") || end.status.signal() == Some(9);
    if hit {
        expect(&sandbox, &end, at);
    } else {
        assert_eq!(end.code(), clean_exit(provider), "{at}: not hit\n{end}");
    }
    sandbox.outlast_the_silence();
    expect_finished_but(&sandbox, RECIPIENTS, bad_number(provider), at);
    hit
}

const RECIPIENTS: u32 = 6;

/// A number that the provider refuses: of the second batch, which Exotel's refusal splits.
fn bad_number(provider: Provider) -> Option<u32> {
    (provider == Provider::Exotel).then_some(3)
}

/// Of a run that met no fault.
fn clean_exit(provider: Provider) -> i32 {
    if bad_number(provider).is_some() { 5 } else { 0 }
}

/// A campaign of three batches of two, one at a time over one connection.
fn three_batches(over: impl Into<Over>) -> Sandbox {
    let over = over.into();
    let bad: Vec<String> = bad_number(over.provider).into_iter().map(number).collect();
    let sandbox = Sandbox::with_mock(&format!("[exotel]\nbad_numbers = {bad:?}\n")).of(over);
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
