//! A disk that is full or read-only, and a ledger that something happened to: nothing that the process was told of is
//! lost, nothing is sent from what cannot be trusted, and once it is mended the next run finishes (invariants 11 to 13,
//! and "Storage that fails").
//!
//! Not here: what `cli::ledger` shows of ledgers that were closed cleanly.

mod damage;
pub(crate) mod full;
mod single;

use std::fs;
use std::io::Write as _;
use std::process::ChildStdin;

use serde_json::Value;
use volley_model::BatchState;

use crate::books::{Books, expect_all_agree, key_of};
use crate::support::{Converged, End, Kept, Sandbox, Started, number, wait_until};

/// A run that has opened its ledger and waits for the rest of its input's first line.
pub(crate) struct Waiting {
    started: Started,
    input: ChildStdin,
    rest: String,
}

impl Waiting {
    /// Starts it with the sandbox's `contacts.ndjson` as standard input; returns once the ledger is open.
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let mut started = sandbox.send(&[]).start_piped();
        let mut input = started.take_stdin().expect("a pipe");
        let mut first = sandbox.read("contacts.ndjson");
        let rest = first.split_off(8);
        input.write_all(first.as_bytes()).expect("a reader");
        let mut waiting = Self { started, input, rest };
        wait_until("the ledger to be opened", || {
            assert!(!waiting.started.has_ended(), "it ended before its input came");
            let has_bodies = sandbox.kept() == Kept::Server || sandbox.path("volley.db-bodies").exists();
            waiting.find_ledger_thread().is_some() && has_bodies
        });
        waiting
    }

    /// The thread that writes the ledger.
    pub(crate) fn ledger_thread(&self) -> u32 {
        self.find_ledger_thread().expect("it waits for a batch")
    }

    fn find_ledger_thread(&self) -> Option<u32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.started.id())).ok()?;
        tasks.flatten().find_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            let id = task.file_name().to_string_lossy().parse();
            (name == "ledger\n").then(|| id.expect("a number"))
        })
    }

    /// Gives it the rest of its input, and waits for its end.
    pub(crate) fn go_on(mut self) -> End {
        self.input.write_all(self.rest.as_bytes()).expect("a reader");
        drop(self.input);
        self.started.wait()
    }
}

/// Every ticket that the provider gave, and that the process heard of, is in the ledger or was printed as an
/// `unrecorded` line of JSON on stderr. For runs whose every answer was heard.
#[track_caller]
pub(crate) fn expect_told(sandbox: &Sandbox, end: &End, at: &str) {
    let mut known = tickets_on_stderr(end);
    if sandbox.has_ledger() {
        known.extend(tickets_in_ledger(sandbox));
    }
    for given in sandbox.mock().tickets() {
        let key = key_of(&given).unwrap_or_default();
        // A request whose answer was lost is in doubt, and shows as such.
        let settled = known.contains(&given.ticket) || is_ticketless(sandbox, key);
        assert!(settled, "{at}: {given:?} is lost\n{end}");
    }
}

/// The tickets in lines `{"unrecorded":{"request_key":…,"outcome":{"state":"accepted","ticket":…}}}`.
pub(crate) fn tickets_on_stderr(end: &End) -> Vec<String> {
    let parsed = end
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ticket = |line: Value| Some(line["unrecorded"]["outcome"]["ticket"].as_str()?.to_owned());
    parsed.filter_map(ticket).collect()
}

fn tickets_in_ledger(sandbox: &Sandbox) -> Vec<String> {
    let reports = volley_ledger::Reader::open(&sandbox.ledger())
        .and_then(|reader| reader.report(None))
        .expect("a ledger that can be read");
    let tickets = reports.into_iter().flat_map(|report| report.tickets);
    tickets.map(|ticket| ticket.ticket).collect()
}

/// Whether the ledger says itself that this batch was, or may have been, sent without our knowing its ticket. An intent
/// that is merely open does not say so: its answer may have been heard.
fn is_ticketless(sandbox: &Sandbox, key: &str) -> bool {
    let keys = "SELECT request_key FROM batch WHERE state IN ('in_doubt', 'unticketed')";
    sandbox.rows(keys).iter().any(|ticketless| ticketless == key)
}

/// Runs `contacts.ndjson` to its end without faults: every number has been accepted exactly once, nothing is in doubt,
/// and a further run sends nothing. What Exotel lacks was freed by the operator.
#[track_caller]
pub(crate) fn expect_finished(sandbox: &Sandbox, recipients: u32, at: &str) {
    expect_finished_but(sandbox, recipients, None, at);
}

/// The same, of a campaign with a number that is refused.
#[track_caller]
pub(crate) fn expect_finished_but(sandbox: &Sandbox, recipients: u32, refused: Option<u32>, at: &str) {
    let Converged { end, .. } = sandbox.converge(&["contacts.ndjson"]);
    // Whether the number was refused in this run, or in the one with the fault.
    let good = end.code() == 0 || (refused.is_some() && end.code() == 5);
    assert!(good, "{at}: the next run\n{end}");
    let refusals = u64::from(refused.is_some());
    assert_eq!(end.lines("refused"), refusals, "{at}\n{end}");
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known + refusals, u64::from(recipients), "{at}\n{end}");
    expect_all_agree(sandbox, &end);
    let books = Books::open(sandbox);
    assert_eq!(books.batches(BatchState::InDoubt), 0, "{at}\n{end}");
    assert_eq!(books.batches(BatchState::Intended), 0, "{at}\n{end}");
    let reached = sandbox.mock().recipients();
    for nth in 0..recipients {
        let wanted = number(nth);
        let times = reached
            .iter()
            .find(|one| one.number == wanted)
            .map(|one| one.times);
        let once = (refused != Some(nth)).then_some(1);
        assert_eq!(times, once, "{at}: {wanted}\n{end}");
    }
    let requests = sandbox.mock().stats().together.requests;
    let further = sandbox.send(&["contacts.ndjson"]).run();
    further
        .expect(0)
        .expect_lines(&[("already_sent", known), ("refused", refusals)]);
    assert_eq!(
        sandbox.mock().stats().together.requests,
        requests,
        "{at}: a further run sends nothing\n{further}"
    );
}

/// Asserts a refusal: exit 7, its remedy, no panic, and that the provider has heard nothing.
#[track_caller]
fn expect_refused(sandbox: &Sandbox, end: &End, requests_before: u64, at: &str) {
    assert_eq!(end.code(), 7, "{at}\n{end}");
    assert!(!end.stderr.contains("panicked"), "{at}\n{end}");
    let error = end.summary()["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("volley.db"), "{at}: the file is named\n{end}");
    let requests = sandbox.mock().stats().together.requests;
    assert_eq!(requests, requests_before, "{at}: nothing was sent\n{end}");
}
