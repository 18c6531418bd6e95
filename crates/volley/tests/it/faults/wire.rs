//! The guarantee's table "What the wire proves", row by row, over HTTP/2 and over HTTP/1.1, for both providers; and over a server
//! each end of it.
//!
//! Five batches of four, one at a time; the third request meets the fault. What it leaves in doubt is asked about in the
//! same run. Octopush by the same key: a ticket if the provider lacked it, a duplicate if it had it. Exotel by its listing: a
//! ticket if the provider has it, and if it lacks it the doubt stays, until the operator frees it. Then the faults are over,
//! and further runs finish what may be finished. Where the fault meets the question too, Octopush's doubt stays until then.

mod rows;

use std::ops::RangeInclusive;

use volley_model::BatchState;

use super::hits;
use crate::books::{Books, expect_all_agree};
use crate::support::Holding::HasIt;
use crate::support::{Converged, End, Holding, Kept, Provider, Sandbox, check_rows, contacts, number};
use rows::{CERTAIN, HTTP2_ONLY, LOST, Row, UNCERTAIN, WITHIN};

const BATCHES: u32 = 5;
const BATCH_SIZE: u32 = 4;
const BATCH: u64 = 4;
const RECIPIENTS: u64 = 20;
/// The first number of the third batch.
const THIRD: &str = "+33600000008";
/// Rows that run at the same time: most of a row is waiting for a disk.
const ROWS_AT_ONCE: usize = 4;

/// What becomes of the batch that meets the fault, and of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Accepted by the same request.
    Accepted,
    /// Accepted when it was sent again, with the same key or name.
    AcceptedAgain,
    /// Sent, ticket unknown; the run completes.
    Unticketed,
    /// In doubt, and asked about in the same run.
    InDoubt,
    /// In doubt, and the run stops.
    Redirected,
    /// Refused; the rest is sent.
    Refused,
    /// One number is refused, the rest of the batch sent as a child.
    Split,
    /// Released, and the run stops: credentials or credit.
    Released,
}

use Then::{Accepted, AcceptedAgain, InDoubt, Redirected, Refused, Released, Split, Unticketed};

/// One row, for one provider, over one ledger.
#[derive(Debug, Clone, Copy)]
struct Case {
    provider: Provider,
    kept: Kept,
    http2: &'static str,
    rule: &'static str,
    then: Then,
    holding: Holding,
}

impl Case {
    /// Whether the run leaves the batch in doubt, having asked about it.
    fn stays_in_doubt(&self) -> bool {
        self.then == InDoubt && !self.provider.settles(self.holding)
    }

    /// Whether another doubt than a lie about a 429 is asked about.
    fn probes(&self) -> u64 {
        if self.then == InDoubt {
            self.provider.probes()
        } else {
            0
        }
    }

    fn exit(&self) -> i32 {
        match self.then {
            InDoubt if self.stays_in_doubt() => 6,
            Accepted | AcceptedAgain | Unticketed | InDoubt => 0,
            Redirected => 6,
            Refused | Split => 5,
            Released => 11,
        }
    }

    /// The state of the batch after the first run.
    fn state(&self) -> BatchState {
        match self.then {
            Accepted | AcceptedAgain => BatchState::Accepted,
            Unticketed => BatchState::Unticketed,
            InDoubt => self.provider.settled(self.holding),
            Redirected => BatchState::InDoubt,
            Refused => BatchState::Refused,
            Split => BatchState::Split,
            Released => BatchState::Released,
        }
    }

    /// Whether the provider has the batch after the first run: a probe may have brought it.
    fn provider_has_it(&self) -> bool {
        self.holding == HasIt || self.state() == BatchState::Accepted
    }

    /// The account of the first run's lines.
    fn lines(&self) -> Vec<(&'static str, u64)> {
        match self.then {
            InDoubt if self.stays_in_doubt() => vec![("accepted", 16), ("in_doubt", 4)],
            Accepted | AcceptedAgain | Unticketed | InDoubt => vec![("accepted", 20)],
            Redirected => vec![("accepted", 8), ("in_doubt", 4), ("pending", 8)],
            Refused => vec![("accepted", 16), ("refused", 4)],
            Split => vec![("accepted", 19), ("refused", 1)],
            Released => vec![("accepted", 8), ("pending", 12)],
        }
    }

    fn outcome(&self) -> &'static str {
        match self.then {
            Redirected => "doubtful",
            InDoubt if self.stays_in_doubt() => "doubtful",
            Released => "stopped",
            Accepted | AcceptedAgain | Unticketed | InDoubt | Refused | Split => "complete",
        }
    }

    /// How often requests may be repeated.
    fn retries(&self) -> RangeInclusive<u64> {
        match self.then {
            // A lie about a 429 shows when the request is repeated, and then it is asked about.
            InDoubt if self.rule.contains("429") => 2..=2,
            InDoubt => self.probes()..=self.probes(),
            AcceptedAgain => 1..=1,
            // The fourth request may be handed to the connection that goes away, and is then not processed.
            Accepted if self.rule.contains("goaway") => 0..=1,
            _ => 0..=0,
        }
    }

    /// Recipients that are refused for good.
    fn refused(&self) -> u64 {
        match self.then {
            Refused => BATCH,
            Split => 1,
            _ => 0,
        }
    }

    /// A time-out that only faults that wait for it run into.
    fn timeout(&self) -> &'static str {
        if self.rule.contains("60000") { "2s" } else { "30s" }
    }
}

#[test]
fn what_the_wire_proves_decides_over_http2() {
    let rows = [LOST, UNCERTAIN, CERTAIN, WITHIN, HTTP2_ONLY].concat();
    let cases = cases("auto", &rows, &Provider::BOTH);
    check_all(&[over_a_server(&cases), cases].concat());
}

#[test]
fn what_the_wire_proves_decides_over_http1() {
    let rows = [LOST, UNCERTAIN, CERTAIN].concat();
    check_all(&cases("never", &rows, &[Provider::Octopush]));
    // What the provider makes of the evidence is not the protocol's: here the evidence.
    check_all(&cases("never", LOST, &[Provider::Exotel]));
}

/// Faults that can be bound to a number meet the probe as well. A duplicate is no such row: it would settle the doubt.
#[test]
fn a_fault_that_meets_the_probe_too_leaves_the_doubt_to_the_next_run() {
    let lasting = |case: &Case| !case.rule.contains(r#""code":120"#);
    let cases = doubts(Provider::Octopush, lasting);
    let cases = [over_a_server(&cases), cases].concat();
    check_rows(ROWS_AT_ONCE, &cases, check_probe_lost);
}

/// A page of the listing is asked for until there is one. A fault that cuts the connection would take a batch with it.
#[test]
fn a_fault_that_meets_the_listing_too_delays_what_it_tells() {
    let its_own = |case: &Case| !case.rule.contains("drop") && !case.rule.contains("reset");
    let cases = doubts(Provider::Exotel, its_own);
    let cases = [over_a_server(&cases), cases].concat();
    check_rows(ROWS_AT_ONCE, &cases, check_listing_lost);
}

/// The rows that end in doubt, of faults that can be bound to a number.
fn doubts(provider: Provider, take: impl Fn(&Case) -> bool) -> Vec<Case> {
    let rows = [LOST, UNCERTAIN].concat();
    let mut cases = cases("auto", &rows, &[provider]);
    cases.retain(|case| case.then == InDoubt && !case.rule.contains("before_read") && take(case));
    cases
}

fn cases(http2: &'static str, rows: &[Row], providers: &[Provider]) -> Vec<Case> {
    let case = |row: &Row, provider| {
        let then = row.then(provider)?;
        Some(Case {
            provider,
            kept: Kept::File,
            http2,
            rule: row.rule,
            then,
            holding: row.holding,
        })
    };
    let of_row = |row| providers.iter().filter_map(move |provider| case(row, *provider));
    rows.iter().flat_map(of_row).collect()
}

/// One case of each end that a batch may come to. What the wire proves is judged before any ledger hears of it, so that over a
/// server these are enough; none where there is no PostgreSQL.
fn over_a_server(cases: &[Case]) -> Vec<Case> {
    if !test_postgres::is_there() {
        return Vec::new();
    }
    let mut ends = Vec::new();
    let is_first = |case: &&Case| {
        let end = (case.provider, case.then, case.holding);
        let first = !ends.contains(&end);
        ends.push(end);
        first
    };
    let cases = cases.iter().filter(is_first);
    let kept = Kept::Server;
    cases.map(|case| Case { kept, ..*case }).collect()
}

fn check_all(cases: &[Case]) {
    assert!(!cases.is_empty());
    check_rows(ROWS_AT_ONCE, cases, check);
}

/// The campaign, and the faults.
fn prepare(case: &Case, rules: &str) -> Sandbox {
    let sandbox = Sandbox::new().of(case.provider.over(case.kept));
    sandbox
        .campaign()
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", case.timeout())
        .set("limits.unit_price", "0.0495")
        .set("transport.http2", case.http2)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..BATCHES * BATCH_SIZE));
    sandbox.faults(&format!(r#"{{"rules":[{rules}]}}"#));
    sandbox
}

fn check(case: &Case) {
    let sandbox = prepare(case, &format!(r#"{{{},"request":3,"times":1}}"#, case.rule));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [1], "{case:?}\n{end}");
    expect_first_run(&sandbox, case, &end);
    let retried = end.summary()["requests"]["retried"].as_u64().expect("a count");
    assert!(
        case.retries().contains(&retried),
        "{case:?}: {retried} retried\n{end}"
    );
    if case.then == InDoubt {
        expect_asked_about(&sandbox, case, &end);
    }
    finish(&sandbox, case);
}

#[track_caller]
fn expect_first_run(sandbox: &Sandbox, case: &Case, end: &End) {
    assert_eq!(end.code(), case.exit(), "{case:?}\n{end}");
    end.expect_lines(&case.lines());
    let summary = end.summary();
    assert_eq!(summary["outcome"], case.outcome(), "{case:?}\n{end}");
    assert_eq!(
        summary["settled"]["batches"], 0,
        "no earlier run's: {case:?}\n{end}"
    );
    assert_eq!(third_state(sandbox), case.state(), "{case:?}\n{end}");
    assert_eq!(
        provider_has_the_third(sandbox),
        case.provider_has_it(),
        "{case:?}\n{end}"
    );
    expect_all_agree(sandbox, end);
}

/// The doubt was asked about once: by one more request of the same key, or by none. Its price is what can be known of it.
#[track_caller]
fn expect_asked_about(sandbox: &Sandbox, case: &Case, end: &End) {
    let summary = end.summary();
    let (tickets, estimated) = match (case.provider, case.holding) {
        (Provider::Octopush, HasIt) => (4, "0.1980"),
        (Provider::Octopush, Holding::LacksIt) => (5, "0"),
        // No answer of Exotel's tells a price.
        (Provider::Exotel, HasIt) => (5, "0.9900"),
        (Provider::Exotel, Holding::LacksIt) => (4, "0.7920"),
    };
    assert_eq!(summary["tickets"], tickets, "{case:?}\n{end}");
    assert_eq!(summary["cost"]["estimated"], estimated, "{case:?}\n{end}");
    let of_a_429 = u64::from(case.rule.contains("429"));
    let handed_over = 1 + case.probes() + of_a_429;
    assert_eq!(hand_overs_of_the_third(sandbox), handed_over, "{case:?}\n{end}");
}

fn check_probe_lost(case: &Case) {
    let sandbox = prepare(case, &format!(r#"{{{},"number":"{THIRD}"}}"#, case.rule));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [2], "the batch and its probe: {case:?}\n{end}");
    end.expect(6).expect_lines(&[("accepted", 16), ("in_doubt", 4)]);
    let summary = end.summary();
    assert_eq!(summary["outcome"], "doubtful", "{case:?}\n{end}");
    assert_eq!(summary["batches"]["in_doubt"], 1, "{case:?}\n{end}");
    assert_eq!(summary["requests"]["retried"], 1, "{case:?}\n{end}");
    assert_eq!(third_state(&sandbox), BatchState::InDoubt, "{case:?}\n{end}");
    assert_eq!(
        provider_has_the_third(&sandbox),
        case.holding == HasIt,
        "{case:?}\n{end}"
    );
    expect_all_agree(&sandbox, &end);

    sandbox.mock().clear_faults();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
    let summary = end.summary();
    assert_eq!(
        (&summary["settled"]["batches"], &summary["settled"]["recipients"]),
        (&1.into(), &BATCH_SIZE.into()),
        "{case:?}\n{end}"
    );
    assert_eq!(
        third_state(&sandbox),
        case.provider.settled(case.holding),
        "{case:?}\n{end}"
    );
    assert_eq!(hand_overs_of_the_third(&sandbox), 3, "{case:?}\n{end}");
    expect_all_agree(&sandbox, &end);
}

/// The same fault meets the first page of the listing too.
fn check_listing_lost(case: &Case) {
    let (rule, question) = (case.rule, case.provider.question(THIRD));
    let rules = format!(r#"{{{rule},"number":"{THIRD}"}},{{{rule},{question},"times":1}}"#);
    let sandbox = prepare(case, &rules);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [1, 1], "the batch and a page: {case:?}\n{end}");
    expect_first_run(&sandbox, case, &end);
    expect_asked_about(&sandbox, case, &end);
    finish(&sandbox, case);
}

/// The third batch's state in the ledger: with one in flight, batches go in order.
fn third_state(sandbox: &Sandbox) -> BatchState {
    Books::open(sandbox).state_of(3)
}

fn hand_overs_of_the_third(sandbox: &Sandbox) -> u64 {
    let sent = Books::open(sandbox).hand_overs();
    sent.iter().filter(|one| one.batch == 3).count() as u64
}

/// Whether the provider accepted the batch of the third request.
fn provider_has_the_third(sandbox: &Sandbox) -> bool {
    let first = number(2 * BATCH_SIZE);
    sandbox
        .mock()
        .recipients()
        .iter()
        .any(|recipient| recipient.number == first)
}

/// Runs it again without faults: everybody who was not reached and may be is, and nobody else. What Exotel lacks stays in
/// doubt until the operator frees it, and is then sent as a batch of its own.
fn finish(sandbox: &Sandbox, case: &Case) {
    sandbox.mock().clear_faults();
    let in_doubt = case.then == Redirected || case.stays_in_doubt();
    let freed = in_doubt && !case.provider.settles(case.holding);
    let doubt = third_state(sandbox);
    let Converged { end, freed: by_word } = sandbox.converge(&["contacts.ndjson"]);
    assert_eq!(end.code(), 0, "{case:?}\n{end}");
    assert_eq!(by_word, if freed { BATCH } else { 0 }, "{case:?}\n{end}");
    let refused = end.lines("refused");
    assert_eq!(
        refused,
        case.refused(),
        "{case:?}: what was refused stays so\n{end}"
    );
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known + refused, RECIPIENTS, "{case:?}\n{end}");
    let settled = u64::from(in_doubt && !freed);
    assert_eq!(end.summary()["settled"]["batches"], settled, "{case:?}\n{end}");
    let then = match (in_doubt, freed) {
        (true, true) => BatchState::DeclaredNotSent,
        (true, false) => case.provider.settled(case.holding),
        (false, _) => doubt,
    };
    assert_eq!(third_state(sandbox), then, "{case:?}\n{end}");
    // What was taken for sent is not sent again, even where it was not.
    let never = case.holding == Holding::LacksIt && matches!(case.then, Refused | Unticketed);
    assert_eq!(provider_has_the_third(sandbox), !never, "{case:?}\n{end}");
    expect_all_agree(sandbox, &end);
}
