//! A disk with no room left, and one that cannot be written to: small file systems of the test's own.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use super::{Waiting, expect_finished, expect_refused, expect_told};
use crate::skip::Need;
use crate::support::{Provider, Sandbox, contacts, for_both, wait_until};

const PAGE: u64 = 4096;
const RECIPIENTS: u32 = 6;
const BYTES: u64 = 4 * 1024 * 1024;
/// More than any run here takes.
const PAGES_MAX: u64 = 400;

/// A file system of its own in memory, on the sandbox's folder. Dropped before the sandbox is.
pub(crate) struct Tmpfs<'a>(&'a Sandbox);

impl<'a> Tmpfs<'a> {
    /// `None` where we may not mount: the test is then skipped.
    pub(crate) fn on(sandbox: &'a Sandbox) -> Option<Self> {
        if !Need::Mount.is_met() {
            return None;
        }
        let size = format!("size={BYTES}");
        if mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], sandbox) {
            Some(Self(sandbox))
        } else {
            Need::Mount.skip("mount refuses").then_some(Self(sandbox))
        }
    }

    pub(crate) fn make(&self, read_or_write: &str) {
        assert!(mount(&["-o", &format!("remount,{read_or_write}")], self.0));
    }

    /// Fills it but for so many pages.
    pub(crate) fn fill_but(&self, pages: u64) {
        let mut filler = File::create(self.0.path("filler")).expect("room for an empty file");
        let page = [0x5a; 4096];
        while self.pages_free() > pages {
            filler.write_all(&page).expect("there was room");
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path("filler")).expect("a filler");
    }

    fn pages_free(&self) -> u64 {
        let found = rustix::fs::statvfs(self.0.path(".")).expect("a file system");
        found.f_bavail * found.f_frsize / PAGE
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        // Lazily: a process of a failed test may still have its folder here.
        let _ = Command::new("umount").arg("-l").arg(self.0.path("")).status();
    }
}

fn mount(args: &[&str], sandbox: &Sandbox) -> bool {
    let status = Command::new("mount").args(args).arg(sandbox.path("")).status();
    status.is_ok_and(|status| status.success())
}

/// Three batches of two, one at a time. What is full or fails is below both providers: for both it is here where a request's
/// outcome is on its way, or was never asked for.
fn prepare(sandbox: &Sandbox) {
    sandbox
        .campaign()
        .set("limits.batch_size", 2)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.unit_price", "0.0495")
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
}

#[test]
fn full_on_an_outcome_loses_no_ticket_and_ends_with_7() {
    for_both(fill_on_an_outcome);
}

fn fill_on_an_outcome(provider: Provider) {
    let sandbox = Sandbox::new().of(provider);
    let Some(disk) = Tmpfs::on(&sandbox) else { return };
    prepare(&sandbox);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":700,"request":2,"times":1}]}"#);
    let send = sandbox.send(&["contacts.ndjson"]).start();
    wait_until("the second batch to be accepted", || {
        sandbox.mock().stats().together.accepted_requests == 2
    });
    disk.fill_but(0);
    let end = send.wait();
    end.expect(7);
    assert_eq!(end.lines("accepted"), 2, "{end}");
    assert_eq!(sandbox.mock().stats().faults_hit, [1]);
    disk.make_room();
    expect_told(&sandbox, &end, "full on an outcome");
    expect_finished(&sandbox, RECIPIENTS, "full on an outcome");
}

#[test]
fn full_on_an_intent_sends_nothing_and_ends_with_7() {
    for_both(fill_on_an_intent);
}

fn fill_on_an_intent(provider: Provider) {
    let sandbox = Sandbox::new().of(provider);
    let Some(disk) = Tmpfs::on(&sandbox) else { return };
    prepare(&sandbox);
    let waiting = Waiting::start(&sandbox);
    disk.fill_but(0);
    let end = waiting.go_on();
    end.expect(7);
    // The failure ends the reading too: what was not read by then is no line of this run.
    let pending = end.lines("pending");
    assert_eq!(end.lines("read"), pending, "{end}");
    assert!((2..=u64::from(RECIPIENTS)).contains(&pending), "{end}");
    assert_eq!(sandbox.mock().stats().together.requests, 0, "{end}");
    disk.make_room();
    expect_finished(&sandbox, RECIPIENTS, "full on an intent");
}

#[test]
fn with_any_number_of_pages_left_no_ticket_is_lost_and_the_next_run_goes_on() {
    check_pages_left("a ledger to be made", 4, |_| {});
    check_pages_left("a ledger in use", 1, |sandbox| {
        sandbox.write("others.ndjson", contacts(1000..1001));
        sandbox.send(&["others.ndjson"]).run().expect(0);
    });
}

/// Runs with 0 pages left, with a step more, and so on until they are enough.
fn check_pages_left(whose: &str, step: u64, before: fn(&Sandbox)) {
    let mut pages = 0;
    loop {
        let sandbox = Sandbox::new();
        let Some(disk) = Tmpfs::on(&sandbox) else { return };
        prepare(&sandbox);
        before(&sandbox);
        disk.fill_but(pages);
        let at = format!("{whose} with {pages} pages left");
        let end = sandbox.send(&["contacts.ndjson"]).run();
        disk.make_room();
        assert!(!end.stderr.contains("panicked"), "{at}\n{end}");
        assert!([0, 7].contains(&end.code()), "{at}\n{end}");
        expect_told(&sandbox, &end, &at);
        expect_finished(&sandbox, RECIPIENTS, &at);
        if end.code() == 0 {
            break;
        }
        assert!(pages < PAGES_MAX, "{at}: never enough\n{end}");
        pages += step;
    }
    assert!(pages > 0, "{whose}: no room was needed");
}

#[test]
fn a_read_only_file_system_is_7_and_nothing_is_sent() {
    let sandbox = Sandbox::new();
    let Some(disk) = Tmpfs::on(&sandbox) else { return };
    prepare(&sandbox);
    disk.make("ro");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    expect_refused(&sandbox, &end, 0, "no ledger there");
    disk.make("rw");
    expect_finished(&sandbox, RECIPIENTS, "no ledger there");

    sandbox.append("contacts.ndjson", contacts(100..102));
    let requests = sandbox.mock().stats().together.requests;
    disk.make("ro");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    expect_refused(&sandbox, &end, requests, "a ledger there");
    disk.make("rw");
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0)
        .expect_lines(&[("accepted", 2), ("already_sent", RECIPIENTS.into())]);
}
