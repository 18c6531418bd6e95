//! Doubts and the end of a run: after a limit, a refusal, an input that breaks off they are still asked about; after
//! trouble with the account, or a signal, they are not.

use std::io::Write as _;

use rustix::process::Signal;
use volley_model::BatchState;

use super::{BATCH, LOST_COMMITTED, RECIPIENTS, THIRD, campaign, expect_settled, hits, prepared};
use crate::books::{Books, expect_all_agree};
use crate::faults::wait_for_hits;
use crate::support::Holding::HasIt;
use crate::support::{End, Kept, Over, Sandbox, contacts, for_all};

/// Due only after everything else is over, in the runs that end by themselves.
const LATE: [&str; 2] = ["--set", "limits.settle=2s"];

fn hand_overs_of(sandbox: &Sandbox, batch: i64) -> u64 {
    let sent = Books::open(sandbox).hand_overs();
    sent.iter().filter(|one| one.batch == batch).count() as u64
}

/// The run stopped with this exit, with work left, and yet it asked about its doubt, at the end.
#[track_caller]
fn expect_asked_about(sandbox: &Sandbox, end: &End, exit: i32, batch: i64) {
    end.expect(exit);
    assert_eq!(end.summary()["batches"]["in_doubt"], 0, "{end}");
    let provider = sandbox.provider();
    let state: BatchState = provider.settled(HasIt);
    assert_eq!(Books::open(sandbox).state_of(batch), state, "{end}");
    assert_eq!(hand_overs_of(sandbox, batch), 1 + provider.probes(), "{end}");
    if provider.probes() > 0 {
        let sent = Books::open(sandbox).hand_overs();
        assert_eq!(
            sent.last().map(|one| one.batch),
            Some(batch),
            "the last of all: {sent:?}"
        );
    }
    expect_all_agree(sandbox, end);
}

/// Loses the second answer, after the commit, once.
fn lose_the_second(sandbox: &Sandbox) {
    sandbox.faults(&format!(r#"{{"rules":[{{{LOST_COMMITTED},"request":2}}]}}"#));
}

#[test]
fn a_run_at_its_end_waits_for_doubts_that_fall_due() {
    for_all(ask_at_the_end);
}

fn ask_at_the_end(over: Over) {
    let sandbox = prepared(over, "");
    lose_the_second(&sandbox);
    let end = sandbox.send(&["contacts.ndjson"]).args(LATE).run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    end.expect_lines(&[("accepted", RECIPIENTS)]);
    expect_asked_about(&sandbox, &end, 0, 2);
}

#[test]
fn a_run_stopped_by_max_recipients_still_asks() {
    for_all(ask_after_max_recipients);
}

fn ask_after_max_recipients(over: Over) {
    let sandbox = prepared(over, "");
    lose_the_second(&sandbox);
    let end = sandbox
        .send(&["contacts.ndjson", "--max-recipients", "12"])
        .args(LATE)
        .run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    assert_eq!(end.lines("accepted"), 12, "{end}");
    expect_asked_about(&sandbox, &end, 9, 2);
}

#[test]
fn a_run_stopped_by_max_cost_still_asks() {
    for_all(ask_after_max_cost);
}

fn ask_after_max_cost(over: Over) {
    let sandbox = prepared(over, "");
    lose_the_second(&sandbox);
    let end = sandbox
        .send(&["contacts.ndjson", "--max-cost", "0.6"])
        .args(LATE)
        .run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    end.expect_lines(&[("accepted", 12), ("pending", 8)]);
    expect_asked_about(&sandbox, &end, 9, 2);
}

#[test]
fn a_run_stopped_by_refusals_still_asks() {
    for_all(ask_after_refusals);
}

fn ask_after_refusals(over: Over) {
    let sandbox = prepared(over, "");
    // The first answer is lost; the rest is refused, three in a row, but for the probe.
    let refused = r#""at":"after_read","do":"status","status":400,"code":121"#;
    let rules: Vec<String> = ["+33600000004", THIRD, "+33600000012", "+33600000016"]
        .iter()
        .map(|number| format!(r#"{{{refused},"number":"{number}"}}"#))
        .collect();
    sandbox.faults(&format!(
        r#"{{"rules":[{{{LOST_COMMITTED},"request":1}},{}]}}"#,
        rules.join(",")
    ));
    let end = sandbox.send(&["contacts.ndjson"]).args(LATE).run();
    assert_eq!(hits(&sandbox), [1, 1, 1, 1, 0], "{end}");
    end.expect_lines(&[("accepted", BATCH), ("refused", 3 * BATCH), ("pending", BATCH)]);
    expect_asked_about(&sandbox, &end, 5, 1);
}

#[test]
fn a_run_whose_input_breaks_off_still_asks() {
    for_all(ask_after_a_broken_input);
}

fn ask_after_a_broken_input(over: Over) {
    let sandbox = prepared(over, "");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(contacts(0..20).as_bytes()).expect("memory");
    encoder.flush().expect("memory");
    let whole = encoder.finish().expect("memory");
    // All lines are there, the end is not.
    sandbox.write("contacts.gz", &whole[..whole.len() - 9]);
    lose_the_second(&sandbox);
    let end = sandbox.send(&["contacts.gz"]).args(LATE).run();
    assert_eq!(hits(&sandbox), [1], "{end}");
    expect_asked_about(&sandbox, &end, 4, 2);
}

/// The run ended without asking; the next one does.
#[track_caller]
fn expect_left(sandbox: &Sandbox, end: &End, batch: i64) {
    // The doubt outranks what stopped the run.
    end.expect(6);
    assert_eq!(end.summary()["batches"]["in_doubt"], 1, "{end}");
    assert_eq!(hand_overs_of(sandbox, batch), 1, "{end}");
    expect_all_agree(sandbox, end);
    sandbox.mock().clear_faults();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0);
    expect_settled(&end, 1);
    assert_eq!(
        end.lines("accepted") + end.lines("already_sent"),
        RECIPIENTS,
        "{end}"
    );
    assert_eq!(
        hand_overs_of(sandbox, batch),
        1 + sandbox.provider().probes(),
        "{end}"
    );
    expect_all_agree(sandbox, &end);
}

#[test]
fn a_run_stopped_by_its_account_asks_no_more() {
    for_all(leave_after_account);
}

fn leave_after_account(over: Over) {
    for status in over.kept.first(1, &[401, 402, 403]) {
        let sandbox = prepared(over, "");
        sandbox.faults(&format!(
            r#"{{"rules":[{{{LOST_COMMITTED},"request":2}},
                {{"at":"after_read","do":"status","status":{status},"number":"+33600000012"}}]}}"#
        ));
        let end = sandbox.send(&["contacts.ndjson"]).args(LATE).run();
        assert_eq!(hits(&sandbox), [1, 1], "{end}");
        // Once the gate is open the fifth goes beside the fourth, which meets the account: it may get through.
        // On a server the right to be the trial is asked for, and the fourth may get it before the third.
        let accepted = end.lines("accepted") / BATCH;
        let least = match over.kept {
            Kept::File => 2,
            Kept::Server => 1,
        };
        assert!((least..=3).contains(&accepted), "{end}");
        expect_left(&sandbox, &end, 2);
    }
}

#[test]
fn a_run_stopped_by_a_signal_asks_no_more() {
    for_all(leave_after_a_signal);
}

fn leave_after_a_signal(over: Over) {
    for &signal in over.kept.first(1, &[Signal::TERM, Signal::INT, Signal::HUP]) {
        let sandbox = prepared(over, "");
        // Sent before the signal: all but what the fifth answer waits for.
        sandbox.faults(&format!(
            r#"{{"rules":[{{{LOST_COMMITTED},"request":2}},
                {{"at":"after_commit","do":"delay","ms":300,"number":"+33600000016"}}]}}"#
        ));
        let settle = ["--set", "limits.settle=1h"];
        let send = sandbox.send(&["contacts.ndjson"]).args(settle).start();
        wait_for_hits(&sandbox, 1, 1);
        // Behind the gate the fifth may have overtaken the fourth.
        crate::faults::wait_for_accepted(&sandbox, 5);
        send.signal(signal);
        let end = send.wait();
        end.expect_lines(&[("accepted", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
        expect_left(&sandbox, &end, 2);
    }
}

#[test]
fn a_signal_ends_the_waiting_for_a_doubt_at_the_end_of_the_input() {
    for_all(leave_at_the_end);
}

fn leave_at_the_end(over: Over) {
    let sandbox = Sandbox::new().of(over);
    campaign(&sandbox).set("limits.settle", "1h").write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox.faults(&format!(r#"{{"rules":[{{{LOST_COMMITTED},"request":2}}]}}"#));
    let send = sandbox.send(&["contacts.ndjson"]).start();
    crate::faults::wait_for_accepted(&sandbox, 5);
    send.signal(Signal::TERM);
    let end = send.wait();
    expect_left_at_the_end(&sandbox, &end);
}

#[track_caller]
fn expect_left_at_the_end(sandbox: &Sandbox, end: &End) {
    end.expect(6)
        .expect_lines(&[("accepted", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    assert_eq!(hand_overs_of(sandbox, 2), 1, "{end}");
    expect_all_agree(sandbox, end);
}
