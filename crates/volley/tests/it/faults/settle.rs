//! Doubts settled in a later run: with the same input, with another, with none; whatever it was that lost the answer.

mod bodies;
mod money;
mod probes;
mod stops;
mod witness;

use serde_json::{Value, json};
use volley_model::BatchState;

use super::{hits, wait_for_hits};
use crate::books::{Books, expect_all_agree};
use crate::support::{Campaign, End, Sandbox, contacts, decimal, wait_until};

/// Five batches of four, one at a time.
const RECIPIENTS: u64 = 20;
const BATCH: u64 = 4;
/// The first number of the third batch.
const THIRD: &str = "+33600000008";
/// What the mock charges for a batch, and what is reserved for it.
const CHARGED: &str = "0.18049468";
const RESERVED: &str = "0.2";

/// Where the answer of the third batch is lost.
const LOST_UNCOMMITTED: &str = r#""at":"after_read","do":"status","status":502"#;
const LOST_COMMITTED: &str = r#""at":"after_commit","do":"status","status":502"#;

fn campaign(sandbox: &Sandbox) -> Campaign<'_> {
    sandbox
        .campaign()
        .set("limits.batch_size", 4)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.unit_price", "0.05")
}

fn prepared(mock: &str) -> Sandbox {
    let sandbox = Sandbox::with_mock(mock);
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox
}

/// One rule, for requests that carry this number.
fn fault_at(sandbox: &Sandbox, deed: &str, number: &str) {
    sandbox.faults(&format!(r#"{{"rules":[{{{deed},"number":"{number}"}}]}}"#));
}

/// After a run whose third batch, and its probe, met this fault; the fault is over.
fn doubtful(deed: &str) -> Sandbox {
    let sandbox = prepared("");
    fault_at(&sandbox, deed, THIRD);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [2], "the batch and one probe\n{end}");
    end.expect(6)
        .expect_lines(&[("accepted", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    expect_all_agree(&sandbox, &end);
    sandbox.mock().clear_faults();
    sandbox
}

/// Which batches, by their number in the ledger, were handed over in this order after the first `behind` times.
fn handed_over_since(sandbox: &Sandbox, behind: usize) -> Vec<i64> {
    let sent = Books::open(sandbox).hand_overs();
    sent[behind..].iter().map(|one| one.batch).collect()
}

#[track_caller]
fn expect_settled(end: &End, batches: u64) {
    let expected = json!({"batches": batches, "recipients": batches * BATCH});
    assert_eq!(end.summary()["settled"], expected, "settled\n{end}");
}

fn report(sandbox: &Sandbox) -> Value {
    let end = sandbox.volley(["--json", "report", "spring"]).run();
    assert_eq!(end.code(), 0, "{end}");
    let report: Value = serde_json::from_str(&end.stdout).expect("json");
    report["campaigns"][0].clone()
}

/// A doubt of an earlier run, a run with another input, and what its lines should say.
#[track_caller]
fn check(deed: &str, input: &str, lines: &[(&str, u64)]) {
    let sandbox = doubtful(deed);
    let had_it = deed == LOST_COMMITTED;
    sandbox.write("other.ndjson", input);
    let end = sandbox.send(&["other.ndjson"]).run();
    end.expect(0).expect_lines(lines);
    expect_settled(&end, 1);
    let summary = end.summary();
    let sent = lines.iter().find(|(name, _)| *name == "accepted");
    let sent = sent.map_or(0, |(_, count)| count / BATCH);
    assert_eq!(summary["batches"]["in_doubt"], 0, "{end}");
    assert_eq!(summary["batches"]["accepted"], sent + 1, "{end}");
    assert_eq!(summary["contacts"], BATCH * (sent + 1), "{end}");
    assert_eq!(
        summary["tickets"],
        sent + u64::from(!had_it),
        "a duplicate has no ticket\n{end}"
    );
    let estimated = decimal(&summary["cost"]["estimated"]);
    let confirmed = decimal(&summary["cost"]["total"]) - estimated;
    let exactly = |text: &str| decimal(&text.into());
    assert_eq!(estimated, exactly(if had_it { RESERVED } else { "0" }), "{end}");
    assert_eq!(
        confirmed,
        exactly(CHARGED) * rust_decimal::Decimal::from(sent + u64::from(!had_it)),
        "{end}"
    );
    assert_eq!(
        handed_over_since(&sandbox, 6)[0],
        3,
        "the doubt's probe went first"
    );
    expect_all_agree(&sandbox, &end);
    expect_report_agrees(&sandbox, had_it);

    let requests = sandbox.mock().stats().together.requests;
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
    expect_settled(&end, 0);
    assert_eq!(
        sandbox.mock().stats().together.requests,
        requests,
        "nothing is left"
    );
}

/// The report has no doubt any more, the provider's tickets but the unknown one, and its cost with that one's estimate.
#[track_caller]
fn expect_report_agrees(sandbox: &Sandbox, had_it: bool) {
    let report = report(sandbox);
    assert_eq!(report["doubts"], json!([]), "{report}");
    let seen = sandbox.mock().stats().together;
    let tickets = report["tickets"].as_array().expect("tickets").len() as u64;
    assert_eq!(tickets + u64::from(had_it), seen.tickets, "{report}");
    let estimated = decimal(&report["cost"]["estimated"]);
    let unknown = decimal(&if had_it { CHARGED } else { "0" }.into());
    assert_eq!(
        decimal(&report["cost"]["total"]) - estimated,
        seen.total_cost - unknown,
        "{report}"
    );
    assert_eq!(
        estimated,
        decimal(&if had_it { RESERVED } else { "0" }.into()),
        "{report}"
    );
    let first = &report["runs"][0]["lines"];
    assert_eq!(
        (&first["accepted"], &first["in_doubt"]),
        (&RECIPIENTS.into(), &0.into()),
        "what was settled since counts as accepted: {report}"
    );
}

#[test]
fn a_later_run_settles_with_the_same_input() {
    let lines = [("already_sent", RECIPIENTS)];
    check(LOST_UNCOMMITTED, &contacts(0..20), &lines);
    check(LOST_COMMITTED, &contacts(0..20), &lines);
}

#[test]
fn a_later_run_settles_with_another_input() {
    let lines = [("accepted", 8), ("already_sent", 2)];
    // Two of the lines are of the batch in doubt.
    let input = contacts(10..12) + &contacts(100..108);
    check(LOST_UNCOMMITTED, &input, &lines);
    check(LOST_COMMITTED, &input, &lines);
}

#[test]
fn a_later_run_settles_with_an_empty_input() {
    check(LOST_UNCOMMITTED, "", &[]);
    check(LOST_COMMITTED, "", &[]);
}

#[test]
fn the_report_of_the_settling_run_says_what_its_summary_said() {
    let sandbox = doubtful(LOST_UNCOMMITTED);
    sandbox.write("other.ndjson", contacts(10..12) + &contacts(100..108));
    let end = sandbox.send(&["other.ndjson"]).run();
    end.expect(0);
    let report = report(&sandbox);
    assert_eq!(
        report["runs"][1]["lines"],
        end.summary()["lines"],
        "{report}\n{end}"
    );
}

#[test]
fn an_intent_found_open_after_a_kill_is_settled_once_settle_has_passed() {
    for (at, state) in [
        ("before_read", BatchState::Accepted),
        ("after_read", BatchState::Accepted),
        ("after_commit", BatchState::Unticketed),
    ] {
        let sandbox = prepared("");
        sandbox.faults(&format!(
            r#"{{"rules":[{{"at":"{at}","do":"delay","ms":3600000,"request":3}}]}}"#
        ));
        let mut send = sandbox.send(&["contacts.ndjson"]).start();
        wait_for_hits(&sandbox, 0, 1);
        wait_until("the first two outcomes to be durable", || {
            Books::open(&sandbox).batches(BatchState::Accepted) == 2
        });
        send.kill();
        drop(send);
        // The third, and those behind it whose intents were written a little ahead.
        let open = Books::open(&sandbox).batches(BatchState::Intended);
        assert!((1..=3).contains(&open), "{at}: {open} open");
        sandbox.mock().clear_faults();

        let settle = ["--set", "limits.settle=1s"];
        let end = sandbox.send(&["contacts.ndjson"]).args(settle).run();
        end.expect(0).expect_lines(&[
            ("already_sent", (2 + open) * BATCH),
            ("accepted", (3 - open) * BATCH),
        ]);
        expect_settled(&end, open);
        let books = Books::open(&sandbox);
        assert_eq!(books.state_of(3), state, "{at}\n{end}");
        let started_at = books.runs_started_at();
        let handed_over = books.hand_overs();
        let probe = handed_over
            .iter()
            .find(|one| one.batch == 3)
            .expect("it was asked about");
        assert!(
            probe.at - started_at[1] >= 1_000_000,
            "{at}: {probe:?} came within `settle` of taking the lock, {started_at:?}"
        );
        expect_all_agree(&sandbox, &end);
    }
}
