//! Over a server: the connection of the ledger's thread breaks, or SIGKILL falls, at its n-th call, for n = 1, 2, …; the run, or the
//! next one, finishes (invariants 1, 2, 4, 12).
//!
//! ```text
//!  claims, intent ─ sendto, recvfrom · COMMIT ─ sendto · durable ─ recvfrom · handed over, answered (another thread) ·
//!  outcome ─ sendto, recvfrom · COMMIT ─ sendto · told ─ recvfrom
//! ```
//! A broken connection is made again, and the run's own commits are counted: whether the last one happened. So nothing is in
//! doubt, and the run ends as if nothing had been.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::tracer::{TRACE, Tracer};
use super::{Fault, Whose, clean_exit, expect_killed, expect_told, strike, three_batches};
use crate::disk::Waiting;
use crate::skip::Need;
use crate::support::{End, Kept, Provider, Sandbox, check_rows};

const CALLS: [&str; 2] = ["sendto", "recvfrom"];
/// Most of a strike is waiting: for the silence of the dead, and for what they may have had in flight.
const AT_ONCE: usize = 6;

#[test]
fn a_connection_to_the_server_lost_at_any_byte_is_made_again_and_loses_nothing() {
    let broken = Fault::Error("ECONNRESET");
    sweep(Provider::Octopush, broken, 4, expect_unharmed);
    sweep(Provider::Exotel, broken, 12, expect_unharmed);
}

#[test]
fn a_kill_at_any_byte_to_or_from_the_server_doubles_and_loses_nothing() {
    sweep(Provider::Octopush, Fault::Kill, 8, expect_killed);
    sweep(Provider::Exotel, Fault::Kill, 16, expect_killed);
}

#[track_caller]
fn expect_unharmed(sandbox: &Sandbox, end: &End, at: &str) {
    assert_eq!(end.code(), clean_exit(sandbox.provider()), "{at}\n{end}");
    expect_told(sandbox, end, at);
}

/// Strikes at every so many-th call, beginning with another one each time, so that in some runs all are met;
/// `VOLLEY_TEST_EVERY_CALL=1` meets them all.
fn sweep(provider: Provider, fault: Fault, each: usize, expect: impl Fn(&Sandbox, &End, &str) + Sync) {
    if !Need::Strace.is_met() || !test_postgres::is_there() {
        return;
    }
    let every = std::env::var_os("VOLLEY_TEST_EVERY_CALL").is_some();
    let stride = if every { 1 } else { each };
    let count = |call| (call, calls_of_a_run(provider, call));
    let all = CALLS.map(count).into_iter();
    let all = all.flat_map(|(call, count)| (1..=count).map(move |nth| (call, nth)));
    let rows: Vec<(&str, u32)> = all.skip(fastrand::usize(0..stride)).step_by(stride).collect();
    assert!(rows.len() > 5, "a run has few calls: {rows:?}");
    let hits = AtomicUsize::new(0);
    check_rows(AT_ONCE, &rows, |(call, nth)| {
        let at = format!("{provider:?}, over a server: {fault:?} at {call} number {nth}");
        let (over, injection) = (provider.over(Kept::Server), fault.at(call, *nth));
        let mut expect = &expect;
        let hit = strike(over, Whose::LedgerThread, &injection, &at, &mut expect);
        hits.fetch_add(usize::from(hit), Ordering::Relaxed);
    });
    let hits = hits.into_inner();
    // How often the thread asks whether an answer has come is a matter of time.
    assert!(
        hits > rows.len() / 2,
        "{fault:?}: {hits} hits at {} calls",
        rows.len()
    );
}

/// How many of these calls the ledger's thread makes in a run without a fault.
fn calls_of_a_run(provider: Provider, call: &str) -> u32 {
    let sandbox = three_batches(provider.over(Kept::Server));
    let tracer = Tracer::new(&sandbox).args(["-e", &format!("trace={call}")]);
    let waiting = Waiting::start(&sandbox);
    let attached = tracer.attach(waiting.ledger_thread());
    waiting.go_on().expect(clean_exit(provider));
    attached.wait();
    let trace = sandbox.read(TRACE);
    let calls = trace.lines().filter(|line| line.starts_with(call)).count();
    u32::try_from(calls).expect("few")
}
