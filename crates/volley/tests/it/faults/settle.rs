//! Doubts settled in a later run: with the same input, with another, with none; whatever it was that lost the answer. Octopush is
//! asked again by the same key, and Exotel's listing is read; what that lacks stays in doubt until the operator frees it.
//!
//! For a doubt to outlast its run the fault meets Octopush's probe too, and Exotel's listing lags.

mod bodies;
mod money;
mod probes;
mod stops;
mod witness;

use serde_json::{Value, json};
use volley_model::BatchState;

use super::{hits, wait_for_hits};
use crate::books::{Books, expect_all_agree};
use crate::support::Holding::{self, HasIt, LacksIt};
use crate::support::{
    Campaign, Converged, End, Kept, Over, Provider, Sandbox, contacts, decimal, for_all, wait_until,
};

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

/// Settings of the mock under which Exotel's doubts outlast their run.
const LISTING_LAGS: &str = "[exotel]\nlisting_lag_ms = 3600000\n";

fn prepared(over: Over, mock: &str) -> Sandbox {
    let sandbox = Sandbox::with_mock(mock).of(over);
    campaign(&sandbox).write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    sandbox
}

/// One rule, for requests that carry this number.
fn fault_at(sandbox: &Sandbox, deed: &str, number: &str) {
    sandbox.faults(&format!(r#"{{"rules":[{{{deed},"number":"{number}"}}]}}"#));
}

/// The faults are over, and the listing has caught up.
fn mend(sandbox: &Sandbox) {
    sandbox.mock().clear_faults();
    sandbox.mock().advance_clock(3601);
}

/// After a run whose third batch met this fault and is in doubt; the fault is over.
fn doubtful(over: Over, deed: &str) -> Sandbox {
    let provider = over.provider;
    let sandbox = prepared(over, LISTING_LAGS);
    fault_at(&sandbox, deed, THIRD);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(
        hits(&sandbox),
        [1 + provider.probes()],
        "the batch and one probe\n{end}"
    );
    end.expect(6)
        .expect_lines(&[("accepted", RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
    expect_all_agree(&sandbox, &end);
    mend(&sandbox);
    sandbox
}

fn holding(deed: &str) -> Holding {
    if deed == LOST_COMMITTED { HasIt } else { LacksIt }
}

/// Which batches, by their number in the ledger, were handed over in this order after a doubtful run.
fn handed_over_since(sandbox: &Sandbox) -> Vec<i64> {
    let behind = usize::try_from(5 + sandbox.provider().probes()).expect("few");
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

/// Lines of an input of a later run.
#[derive(Clone, Copy)]
struct Lines {
    /// Of batches that were accepted.
    known: u64,
    /// Of the batch in doubt.
    doubted: u64,
    /// Whole batches of new ones.
    new: u64,
}

/// A doubt of an earlier run, and a run with another input.
#[track_caller]
fn check(over: Over, deed: &str, input: &str, of: Lines) {
    let provider = over.provider;
    let sandbox = doubtful(over, deed);
    let holding = holding(deed);
    let settles = provider.settles(holding);
    sandbox.write("other.ndjson", input);
    let end = sandbox.send(&["other.ndjson"]).run();
    end.expect(if settles { 0 } else { 6 });
    if settles {
        end.expect_lines(&[("accepted", of.new), ("already_sent", of.known + of.doubted)]);
    } else {
        end.expect_lines(&[
            ("accepted", of.new),
            ("already_sent", of.known),
            ("in_doubt", of.doubted),
        ]);
    }
    let (settled, sent) = (u64::from(settles), of.new / BATCH);
    expect_settled(&end, settled);
    let summary = end.summary();
    assert_eq!(summary["batches"]["in_doubt"], 1 - settled, "{end}");
    assert_eq!(summary["batches"]["accepted"], sent + settled, "{end}");
    assert_eq!(summary["contacts"], BATCH * (sent + settled), "{end}");
    let told = u64::from(provider.settled(holding) == BatchState::Accepted);
    assert_eq!(
        summary["tickets"],
        sent + told,
        "a duplicate has no ticket\n{end}"
    );
    expect_cost(&sandbox, &end, sent + told, settled - told);
    let handed_over = handed_over_since(&sandbox);
    match provider {
        Provider::Octopush => assert_eq!(handed_over[0], 3, "the doubt's probe went first"),
        Provider::Exotel => assert!(
            !handed_over.contains(&3),
            "never again by itself: {handed_over:?}"
        ),
    }
    expect_all_agree(&sandbox, &end);
    expect_report_agrees(&sandbox, holding);
    expect_nothing_left(&sandbox, !settles);
}

/// So many batches of the run have a ticket, and so many none.
#[track_caller]
fn expect_cost(sandbox: &Sandbox, end: &End, ticketed: u64, unticketed: u64) {
    let summary = end.summary();
    let times = |price: &str, batches: u64| exactly(price) * rust_decimal::Decimal::from(batches);
    let (confirmed, estimated) = match sandbox.provider() {
        Provider::Octopush => (times(CHARGED, ticketed), times(RESERVED, unticketed)),
        // What calls cost is told later.
        Provider::Exotel => (exactly("0"), times(RESERVED, ticketed + unticketed)),
    };
    assert_eq!(decimal(&summary["cost"]["estimated"]), estimated, "{end}");
    if !summary["cost"]["total"].is_null() {
        assert_eq!(decimal(&summary["cost"]["total"]) - estimated, confirmed, "{end}");
    }
}

fn exactly(text: &str) -> rust_decimal::Decimal {
    decimal(&text.into())
}

/// Everybody is reached, after the operator's word where it is due, and a further run has nothing to do.
#[track_caller]
fn expect_nothing_left(sandbox: &Sandbox, word_is_due: bool) {
    let requests = sandbox.mock().stats().together.requests;
    let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
    end.expect(0);
    assert_eq!(freed, if word_is_due { BATCH } else { 0 }, "{end}");
    expect_settled(&end, 0);
    end.expect_lines(&[("accepted", freed), ("already_sent", RECIPIENTS - freed)]);
    if !word_is_due {
        assert_eq!(
            sandbox.mock().stats().together.requests,
            requests,
            "nothing is left"
        );
    }
    expect_all_agree(sandbox, &end);
}

/// The report has the doubt that is left, the provider's tickets but an unknown one, and its cost with estimates.
#[track_caller]
fn expect_report_agrees(sandbox: &Sandbox, holding: Holding) {
    let provider = sandbox.provider();
    let report = report(sandbox);
    let left = u64::from(!provider.settles(holding));
    let doubts = report["doubts"].as_array().expect("doubts").len() as u64;
    assert_eq!(doubts, left, "{report}");
    let seen = sandbox.mock().stats().together;
    let tickets = report["tickets"].as_array().expect("tickets").len() as u64;
    let unticketed = u64::from(provider.settled(holding) == BatchState::Unticketed);
    assert_eq!(tickets + unticketed, seen.tickets, "{report}");
    if provider == Provider::Octopush {
        let estimated = decimal(&report["cost"]["estimated"]);
        let unknown = rust_decimal::Decimal::from(unticketed);
        assert_eq!(
            decimal(&report["cost"]["total"]) - estimated,
            seen.total_cost - exactly(CHARGED) * unknown,
            "{report}"
        );
        assert_eq!(estimated, exactly(RESERVED) * unknown, "{report}");
    }
    let first = &report["runs"][0]["lines"];
    assert_eq!(
        (&first["accepted"], &first["in_doubt"]),
        (&(RECIPIENTS - BATCH * left).into(), &(BATCH * left).into()),
        "what was settled since counts as accepted: {report}"
    );
}

fn check_both(input: &str, of: Lines) {
    for_all(|over| {
        for deed in [LOST_UNCOMMITTED, LOST_COMMITTED] {
            check(over, deed, input, of);
        }
    });
}

#[test]
fn a_later_run_settles_with_the_same_input() {
    let of = Lines {
        known: RECIPIENTS - BATCH,
        doubted: BATCH,
        new: 0,
    };
    check_both(&contacts(0..20), of);
}

#[test]
fn a_later_run_settles_with_another_input() {
    let of = Lines {
        known: 0,
        doubted: 2,
        new: 8,
    };
    check_both(&(contacts(10..12) + &contacts(100..108)), of);
}

#[test]
fn a_later_run_settles_with_an_empty_input() {
    let of = Lines {
        known: 0,
        doubted: 0,
        new: 0,
    };
    check_both("", of);
}

#[test]
fn the_report_of_the_settling_run_says_what_its_summary_said() {
    for_all(|over| {
        let sandbox = doubtful(over, LOST_COMMITTED);
        sandbox.write("other.ndjson", contacts(10..12) + &contacts(100..108));
        let end = sandbox.send(&["other.ndjson"]).run();
        end.expect(0);
        let report = report(&sandbox);
        assert_eq!(
            report["runs"][1]["lines"],
            end.summary()["lines"],
            "{report}\n{end}"
        );
    });
}

/// `request_timeout` is for those that may live, in flight or cut off: where every run has told its end nobody does.
#[test]
fn a_run_alone_on_a_server_waits_for_nobody_before_it_asks_nor_at_its_end() {
    if !test_postgres::is_there() {
        return;
    }
    let sandbox = Sandbox::with_mock(LISTING_LAGS).of(Provider::Exotel.over(Kept::Server));
    campaign(&sandbox).set("limits.request_timeout", "10m").write();
    sandbox.write("contacts.ndjson", contacts(0..20));
    fault_at(&sandbox, LOST_UNCOMMITTED, THIRD);
    for (run, count) in [(1, "accepted"), (2, "already_sent")] {
        let end = sandbox.send(&["contacts.ndjson"]).run();
        end.expect(6)
            .expect_lines(&[(count, RECIPIENTS - BATCH), ("in_doubt", BATCH)]);
        assert_eq!(Books::open(&sandbox).absences(3).len(), run, "{end}");
        expect_all_agree(&sandbox, &end);
    }
}

#[test]
fn an_intent_found_open_after_a_kill_is_settled_once_settle_has_passed() {
    for_all(|over| {
        for (at, holding) in [
            ("before_read", LacksIt),
            ("after_read", LacksIt),
            ("after_commit", HasIt),
        ] {
            settle_after_a_kill(over, at, holding);
        }
    });
}

fn settle_after_a_kill(over: Over, at: &str, holding: Holding) {
    let provider = over.provider;
    let sandbox = prepared(over, "");
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
    // The third, and those behind it whose intents were written a little ahead, and never sent.
    let open = Books::open(&sandbox).batches(BatchState::Intended);
    assert!((1..=3).contains(&open), "{at}: {open} open");
    sandbox.mock().clear_faults();

    let settle = ["contacts.ndjson", "--set", "limits.settle=1s"];
    let end = sandbox.send(&settle).run();
    let absent = match (provider, holding) {
        (Provider::Octopush, _) => 0,
        (Provider::Exotel, HasIt) => open - 1,
        (Provider::Exotel, LacksIt) => open,
    };
    end.expect(if absent > 0 { 6 } else { 0 }).expect_lines(&[
        ("already_sent", (2 + open - absent) * BATCH),
        ("in_doubt", absent * BATCH),
        ("accepted", (3 - open) * BATCH),
    ]);
    expect_settled(&end, open - absent);
    let books = Books::open(&sandbox);
    assert_eq!(books.state_of(3), provider.settled(holding), "{at}\n{end}");
    let started_at = books.runs_started_at();
    let probes = books.hand_overs();
    let probes = probes.iter().filter(|one| one.batch == 3).map(|one| one.at);
    let asked: Vec<i64> = probes
        .chain(books.absences(3))
        .filter(|asked| *asked > started_at[1])
        .collect();
    // A lookup that finds leaves no time behind.
    assert_eq!(
        asked.is_empty(),
        (provider, holding) == (Provider::Exotel, HasIt),
        "{at}\n{end}"
    );
    for asked in asked {
        assert!(
            asked - started_at[1] >= 1_000_000,
            "{at}: asked at {asked}, within `settle` of taking the lock, {started_at:?}"
        );
    }
    expect_all_agree(&sandbox, &end);
    let Converged { end, freed } = sandbox.converge(&["contacts.ndjson"]);
    end.expect(0);
    assert_eq!(freed, absent * BATCH, "{end}");
    expect_all_agree(&sandbox, &end);
}
