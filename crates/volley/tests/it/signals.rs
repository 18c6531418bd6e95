//! Signals, for both providers and over both ledgers: what is in flight is waited for, what is not stays pending, and a second run goes on.

use std::io::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use rustix::process::Signal;
use volley_model::BatchState;

use crate::books::{Books, expect_all_agree};
use crate::faults::wait_for_accepted;
use crate::support::{End, Over, Sandbox, Started, contacts, for_all, wait_until};

const RECIPIENTS: u64 = 1000;

/// Two hundred batches of five at a rate that takes two seconds, answers a moment later.
fn slow_campaign(over: Over, answer_delay_ms: u32, shutdown_grace: &str) -> Sandbox {
    let settings = format!("[server]\nanswer_delay_ms = {answer_delay_ms}\n");
    let sandbox = Sandbox::with_mock(&settings).of(over);
    sandbox
        .campaign()
        .set("limits.batch_size", 5)
        .set("limits.max_in_flight", 8)
        .set("limits.requests_per_second", 100.0)
        .set("limits.shutdown_grace", shutdown_grace)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..1000));
    sandbox
}

/// A second run, without hindrance: everybody who was not reached is.
#[track_caller]
fn expect_completed(sandbox: &Sandbox) {
    let fast = ["--set", "limits.requests_per_second=2000"];
    let end = sandbox.send(&["contacts.ndjson"]).args(fast).run();
    end.expect(0);
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known, end.lines("read"), "{end}");
    assert_eq!(end.lines("read"), RECIPIENTS, "{end}");
    expect_all_agree(sandbox, &end);
}

#[test]
fn one_signal_stops_the_reading_and_waits_for_what_is_in_flight() {
    for_all(stop_by_one_signal);
}

fn stop_by_one_signal(over: Over) {
    let signals = [
        (Signal::TERM, 15, 143),
        (Signal::INT, 2, 130),
        (Signal::HUP, 1, 129),
    ];
    for &(signal, number, code) in over.kept.first(1, &signals) {
        let sandbox = slow_campaign(over, 50, "30s");
        let send = sandbox.send(&["contacts.ndjson"]).start();
        wait_for_accepted(&sandbox, 10);
        send.signal(signal);
        let end = send.wait();
        assert_eq!(
            end.status.signal(),
            Some(number),
            "it ends by the signal itself\n{end}"
        );
        end.expect(code);
        let summary = end.summary();
        assert_eq!(summary["outcome"], "interrupted", "{end}");
        assert_eq!(
            summary["batches"]["in_doubt"], 0,
            "what was in flight was answered\n{end}"
        );
        assert!(end.lines("pending") > 0, "{end}");
        assert_eq!(
            end.lines("accepted"),
            sandbox.mock().stats().together.recipients,
            "{end}"
        );
        let states = Books::open(&sandbox).states();
        let settled = [BatchState::Accepted, BatchState::Released];
        assert!(
            states.keys().all(|state| settled.contains(state)),
            "{states:?}\n{end}"
        );
        expect_all_agree(&sandbox, &end);
        expect_completed(&sandbox);
    }
}

#[test]
fn a_second_signal_stops_at_once() {
    for_all(stop_by_two_signals);
}

fn stop_by_two_signals(over: Over) {
    for (first, second) in [(Signal::TERM, Signal::INT), (Signal::INT, Signal::INT)] {
        // Neither the answers nor the grace end while anybody waits.
        let sandbox = slow_campaign(over, 3_600_000, "1h");
        let mut send = sandbox.send(&["contacts.ndjson"]).start();
        wait_until("a request in flight", || {
            sandbox.mock().stats().together.accepted_requests > 0
        });
        send.signal(first);
        // Two signals of one kind may arrive as one: it is sent until it is heard.
        wait_until("the second signal to be heard", || {
            let ended = send.has_ended();
            if !ended {
                send.signal(second);
            }
            ended
        });
        let end = send.wait();
        // The doubt outranks the signal.
        end.expect(6);
        assert_eq!(end.summary()["outcome"], "doubtful", "{end}");
        assert_eq!(end.lines("in_doubt"), 5, "the first batch goes alone\n{end}");
        assert_eq!(end.lines("accepted"), 0, "{end}");
        assert_eq!(Books::open(&sandbox).batches(BatchState::InDoubt), 1);
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn what_is_not_answered_within_the_grace_is_in_doubt() {
    for_all(stop_within_the_grace);
}

fn stop_within_the_grace(over: Over) {
    let sandbox = slow_campaign(over, 0, "200ms");
    let send = sandbox.send(&["contacts.ndjson"]).start();
    wait_for_accepted(&sandbox, 10);
    sandbox.faults(r#"{"rules":[{"at":"after_commit","do":"delay","ms":3600000}]}"#);
    wait_until("several in flight", || sandbox.mock().stats().faults_hit[0] >= 3);
    send.signal(Signal::TERM);
    let end = send.wait();
    end.expect(6);
    assert_eq!(end.summary()["outcome"], "doubtful", "{end}");
    assert_eq!(
        end.lines("in_doubt"),
        5 * sandbox.mock().stats().faults_hit[0],
        "all that were in flight\n{end}"
    );
    assert!(end.lines("pending") > 0, "{end}");
    expect_all_agree(&sandbox, &end);
    sandbox.mock().clear_faults();
    expect_completed(&sandbox);
}

#[test]
fn a_signal_is_heard_while_standard_input_is_idle() {
    for_all(stop_while_idle);
}

fn stop_while_idle(over: Over) {
    let sandbox = slow_campaign(over, 0, "30s");
    let mut send = sandbox.send(&["-"]).start_piped();
    let mut pipe = send.take_stdin().expect("a pipe");
    pipe.write_all(contacts(0..13).as_bytes()).expect("room");
    wait_for_accepted(&sandbox, 2);
    send.signal(Signal::TERM);
    let end = send.wait();
    drop(pipe);
    assert_eq!(end.status.signal(), Some(15), "{end}");
    end.expect(143).expect_lines(&[("accepted", 10), ("pending", 3)]);
    expect_all_agree(&sandbox, &end);
    expect_completed(&sandbox);
}

#[test]
fn a_signal_is_heard_before_the_first_line() {
    for_all(stop_before_the_first_line);
}

fn stop_before_the_first_line(over: Over) {
    let sandbox = slow_campaign(over, 0, "30s");
    let mut send = sandbox.send(&["-"]).start_piped();
    let pipe = send.take_stdin().expect("a pipe");
    wait_until("the run to begin", || has_begun(&sandbox));
    send.signal(Signal::TERM);
    let end = send.wait();
    drop(pipe);
    end.expect(143).expect_lines(&[]);
    assert_eq!(sandbox.mock().stats().together.requests, 0);
}

/// Whether the ledger knows of a run.
pub(crate) fn has_begun(sandbox: &Sandbox) -> bool {
    runs_begun(&sandbox.ledger()) > 0
}

/// How many runs a ledger knows of.
pub(crate) fn runs_begun(ledger: &Path) -> usize {
    let reports = volley_ledger::Reader::open(ledger).and_then(|reader| reader.report(None));
    reports.map_or(0, |reports| reports.iter().map(|report| report.runs.len()).sum())
}

#[test]
fn a_process_that_was_stopped_for_a_while_doubles_nothing() {
    for_all(stop_and_go_on);
}

fn stop_and_go_on(over: Over) {
    let sandbox = slow_campaign(over, 20, "30s");
    let timeout = ["--set", "limits.request_timeout=1s"];
    let mut send = sandbox.send(&["contacts.ndjson"]).args(timeout).start();
    wait_for_accepted(&sandbox, 20);
    send.signal(Signal::STOP);
    wait_for_state(&send, 'T');
    // Longer than the time-out of what is in flight.
    let until = std::time::Instant::now() + std::time::Duration::from_millis(2_500);
    wait_until("the time-out to pass", || std::time::Instant::now() > until);
    assert!(!send.has_ended(), "it was stopped in the middle");
    send.signal(Signal::CONT);
    let end = send.wait();
    end.expect(0).expect_lines(&[("accepted", RECIPIENTS)]);
    expect_rate_kept(&sandbox, &end);
    expect_all_agree(&sandbox, &end);
    expect_completed(&sandbox);
}

/// Waits until the kernel shows the process in that state.
fn wait_for_state(send: &Started, state: char) {
    let stat = format!("/proc/{}/stat", send.id());
    wait_until("the process's state", || {
        let line = std::fs::read_to_string(&stat).expect("Linux's /proc");
        line.rsplit_once(") ")
            .is_some_and(|(_, rest)| rest.starts_with(state))
    });
}

/// What was missed is not caught up with: no second has more than the rate and its burst (invariant 7).
#[track_caller]
fn expect_rate_kept(sandbox: &Sandbox, end: &End) {
    let sent = Books::open(sandbox).hand_overs();
    let within = |first: i64| {
        sent.iter()
            .filter(|one| (first..first + 1_000_000).contains(&one.at))
            .count()
    };
    let most = sent.iter().map(|one| within(one.at)).max().unwrap_or(0);
    // 100 a second, a burst of max(1, 100 / 100), and one that was stopped between its token and its hand-over.
    assert!(most <= 102, "{most} within one second\n{end}");
}
