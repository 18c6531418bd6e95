//! The guarantee's table "What the wire proves", row by row, over HTTP/2 and over HTTP/1.1.
//!
//! Five batches of four, one at a time; the third request meets the fault. What it leaves in doubt is asked about in the
//! same run, with the same key: a ticket if the provider lacked it, a duplicate if it had it. Then the faults are over,
//! and a second run finishes what may be finished. Where the fault meets the probe too, the doubt stays until then.

use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::thread;

use volley_model::BatchState;

use super::hits;
use crate::books::{Books, expect_all_agree};
use crate::support::{End, Sandbox, contacts, number};

const BATCHES: u32 = 5;
const BATCH_SIZE: u32 = 4;
const RECIPIENTS: u64 = 20;
/// Rows that run at the same time: most of a row is waiting for a disk.
const ROWS_AT_ONCE: usize = 4;

/// What becomes of the batch that meets the fault, and of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Accepted by the same request.
    Accepted,
    /// Accepted when it was sent again with the same key.
    AcceptedAgain,
    /// Sent, ticket unknown; the run completes.
    Unticketed,
    /// In doubt, and asked about in the same run: the provider's first ticket if it lacked the batch, a duplicate if not.
    InDoubt,
    /// In doubt, and the run stops.
    Redirected,
    /// Refused; the rest is sent.
    Refused,
    /// Released, and the run stops: credentials or credit.
    Released,
}

impl Then {
    fn exit(self) -> i32 {
        match self {
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed | Self::InDoubt => 0,
            Self::Redirected => 6,
            Self::Refused => 5,
            Self::Released => 11,
        }
    }

    /// The state of the batch, given what the provider had of it when the fault was over.
    fn state(self, provider: Provider) -> BatchState {
        match self {
            Self::Accepted | Self::AcceptedAgain => BatchState::Accepted,
            Self::Unticketed => BatchState::Unticketed,
            Self::InDoubt => settled(provider),
            Self::Redirected => BatchState::InDoubt,
            Self::Refused => BatchState::Refused,
            Self::Released => BatchState::Released,
        }
    }

    /// The account of the first run's lines.
    fn lines(self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed | Self::InDoubt => {
                vec![("accepted", 20)]
            }
            Self::Redirected => vec![("accepted", 8), ("in_doubt", 4), ("pending", 8)],
            Self::Refused => vec![("accepted", 16), ("refused", 4)],
            Self::Released => vec![("accepted", 8), ("pending", 12)],
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::Redirected => "doubtful",
            Self::Released => "stopped",
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed | Self::InDoubt | Self::Refused => {
                "complete"
            }
        }
    }
}

/// Whether the provider has the batch that met the fault, before anybody asks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    HasIt,
    LacksIt,
}

/// What becomes of a doubt that is asked about.
fn settled(provider: Provider) -> BatchState {
    match provider {
        HasIt => BatchState::Unticketed,
        LacksIt => BatchState::Accepted,
    }
}

use Provider::{HasIt, LacksIt};
use Then::{Accepted, AcceptedAgain, InDoubt, Redirected, Refused, Released, Unticketed};

/// A fault (a rule of the mock's script), what follows, and what the provider has of the batch by then.
type Row = (&'static str, Then, Provider);

/// Lost answers: whatever was handed over may have been processed.
const LOST: &[Row] = &[
    (r#""at":"before_read","do":"drop""#, InDoubt, LacksIt),
    (r#""at":"after_read","do":"drop""#, InDoubt, LacksIt),
    (r#""at":"after_commit","do":"drop""#, InDoubt, HasIt),
    (r#""at":"before_read","do":"reset""#, InDoubt, LacksIt),
    (r#""at":"after_read","do":"reset""#, InDoubt, LacksIt),
    (r#""at":"after_commit","do":"reset""#, InDoubt, HasIt),
    (r#""at":"before_read","do":"delay","ms":60000"#, InDoubt, LacksIt),
    (r#""at":"after_read","do":"delay","ms":60000"#, InDoubt, LacksIt),
    (r#""at":"after_commit","do":"delay","ms":60000"#, InDoubt, HasIt),
];

/// Answers that say nothing certain of the batch.
const UNCERTAIN: &[Row] = &[
    (
        r#""at":"before_read","do":"status","status":500"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":500"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":500"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"status","status":502"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":502"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"status","status":503,"retry_after":"1""#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":503"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":504"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"before_read","do":"status","status":408"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":408"#,
        InDoubt,
        HasIt,
    ),
    // A code counts in 400, 409 and 422 only.
    (
        r#""at":"after_commit","do":"status","status":500,"code":126"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":408,"code":101"#,
        InDoubt,
        HasIt,
    ),
    // Anything not listed.
    (
        r#""at":"after_read","do":"status","status":418"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":600"#,
        InDoubt,
        LacksIt,
    ),
    // Octopush's own codes of doubt, and what cannot be read.
    (
        r#""at":"after_commit","do":"status","status":400,"code":125"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":422,"code":500"#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":400,"body":"<html>""#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"truncate","status":400"#,
        InDoubt,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"truncate","status":502"#,
        InDoubt,
        LacksIt,
    ),
    // A duplicate for a key none of whose attempts was in doubt: another ledger may have sent it.
    (
        r#""at":"after_read","do":"status","status":400,"code":120"#,
        InDoubt,
        LacksIt,
    ),
    // Redirects are not followed, and stop the run.
    (
        r#""at":"after_read","do":"status","status":301"#,
        Redirected,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":302"#,
        Redirected,
        LacksIt,
    ),
    (
        r#""at":"after_commit","do":"status","status":307"#,
        Redirected,
        HasIt,
    ),
];

/// Answers that prove something.
const CERTAIN: &[Row] = &[
    (r#""at":"before_read","do":"goaway""#, Accepted, HasIt),
    (r#""at":"after_read","do":"goaway""#, Accepted, HasIt),
    (r#""at":"after_commit","do":"goaway""#, Accepted, HasIt),
    (r#""at":"before_read","do":"delay","ms":30"#, Accepted, HasIt),
    (r#""at":"after_commit","do":"trickle","ms":1"#, Accepted, HasIt),
    (
        r#""at":"before_read","do":"status","status":429,"retry_after":"0""#,
        AcceptedAgain,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"status","status":429,"retry_after":"0""#,
        AcceptedAgain,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"status","status":400,"code":126"#,
        AcceptedAgain,
        HasIt,
    ),
    (
        r#""at":"after_read","do":"status","status":409,"code":153"#,
        AcceptedAgain,
        HasIt,
    ),
    // A 429 that is a lie: the repeated key is a duplicate, and nothing of ours was in doubt before.
    (
        r#""at":"after_commit","do":"status","status":429,"retry_after":"0""#,
        InDoubt,
        HasIt,
    ),
    (
        r#""at":"before_read","do":"status","status":404"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":404,"body":"<html>""#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":405"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"before_read","do":"status","status":413"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":415"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":400"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":422,"code":121"#,
        Refused,
        LacksIt,
    ),
    (
        r#""at":"before_read","do":"status","status":401"#,
        Released,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":402,"body":"""#,
        Released,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":403,"body":"<html>""#,
        Released,
        LacksIt,
    ),
    (
        r#""at":"after_read","do":"status","status":400,"code":101"#,
        Released,
        LacksIt,
    ),
    (r#""at":"after_commit","do":"truncate""#, Unticketed, HasIt),
    (
        r#""at":"after_read","do":"truncate","status":201"#,
        Unticketed,
        LacksIt,
    ),
    (r#""at":"after_commit","do":"garbage""#, Unticketed, HasIt),
    (
        r#""at":"after_commit","do":"garbage","status":200,"body":"{}""#,
        Unticketed,
        HasIt,
    ),
    (
        r#""at":"after_commit","do":"garbage","body":"""#,
        Unticketed,
        HasIt,
    ),
    // The success arrives, its body does not.
    (
        r#""at":"after_commit","do":"trickle","ms":60000"#,
        Unticketed,
        HasIt,
    ),
];

/// Words of HTTP/2 alone.
const HTTP2_ONLY: &[Row] = &[
    (r#""at":"before_read","do":"refuse_stream""#, AcceptedAgain, HasIt),
    (r#""at":"after_read","do":"refuse_stream""#, AcceptedAgain, HasIt),
];

#[test]
fn what_the_wire_proves_decides_over_http2() {
    check_all("auto", &[LOST, UNCERTAIN, CERTAIN, HTTP2_ONLY].concat());
}

#[test]
fn what_the_wire_proves_decides_over_http1() {
    check_all("never", &[LOST, UNCERTAIN, CERTAIN].concat());
}

/// Faults that can be bound to a number meet the probe as well. A duplicate is no such row: it would settle the doubt.
#[test]
fn a_fault_that_meets_the_probe_too_leaves_the_doubt_to_the_next_run() {
    let lasting = |(rule, then, _): &&Row| {
        *then == InDoubt && !rule.contains("before_read") && !rule.contains(r#""code":120"#)
    };
    let rows: Vec<Row> = LOST.iter().chain(UNCERTAIN).filter(lasting).copied().collect();
    on_each(&rows, check_lasting);
}

fn check_all(http2: &str, rows: &[Row]) {
    on_each(rows, |row| check(http2, row));
}

fn on_each(rows: &[Row], check: impl Fn(Row) + Sync) {
    let waiting = Mutex::new(rows.iter());
    let next = || {
        waiting
            .lock()
            .expect("no row fails while it takes the next")
            .next()
    };
    thread::scope(|scope| {
        for _ in 0..ROWS_AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = next() {
                    check(*row);
                }
            });
        }
    });
}

/// The campaign, and the fault with its conditions.
fn prepare(http2: &str, rule: &str, conditions: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .campaign()
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.connections", 1)
        .set("limits.max_in_flight", 1)
        .set("limits.request_timeout", timeout(rule))
        .set("limits.unit_price", "0.0495")
        .set("transport.http2", http2)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..BATCHES * BATCH_SIZE));
    sandbox.faults(&format!(r#"{{"rules":[{{{rule},{conditions}}}]}}"#));
    sandbox
}

fn check(http2: &str, (rule, then, provider): Row) {
    let row = format!("http2 = {http2}, {rule}");
    let sandbox = prepare(http2, rule, r#""request":3,"times":1"#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [1], "{row}\n{end}");
    assert_eq!(end.code(), then.exit(), "{row}\n{end}");
    end.expect_lines(&then.lines());
    let summary = end.summary();
    assert_eq!(summary["outcome"], then.outcome(), "{row}\n{end}");
    assert_eq!(summary["settled"]["batches"], 0, "no earlier run's: {row}\n{end}");
    let retried = summary["requests"]["retried"].as_u64().expect("a count");
    assert!(
        retries(rule, then).contains(&retried),
        "{row}: {retried} retried\n{end}"
    );
    assert_eq!(third_state(&sandbox), then.state(provider), "{row}\n{end}");
    assert_eq!(
        provider_has_the_third(&sandbox),
        provider == HasIt || then == InDoubt,
        "{row}\n{end}"
    );
    if then == InDoubt {
        expect_asked_about(&sandbox, provider, &end, &row);
    }
    expect_all_agree(&sandbox, &end);
    finish(&sandbox, (rule, then, provider), &row);
}

fn check_lasting((rule, _, provider): Row) {
    let sandbox = prepare("auto", rule, r#""number":"+33600000008""#);
    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [2], "the batch and its probe: {rule}\n{end}");
    end.expect(6).expect_lines(&[("accepted", 16), ("in_doubt", 4)]);
    let summary = end.summary();
    assert_eq!(summary["outcome"], "doubtful", "{rule}\n{end}");
    assert_eq!(summary["batches"]["in_doubt"], 1, "{rule}\n{end}");
    assert_eq!(summary["requests"]["retried"], 1, "{rule}\n{end}");
    assert_eq!(third_state(&sandbox), BatchState::InDoubt, "{rule}\n{end}");
    assert_eq!(
        provider_has_the_third(&sandbox),
        provider == HasIt,
        "{rule}\n{end}"
    );
    expect_all_agree(&sandbox, &end);

    sandbox.mock().clear_faults();
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("already_sent", RECIPIENTS)]);
    let summary = end.summary();
    assert_eq!(
        (&summary["settled"]["batches"], &summary["settled"]["recipients"]),
        (&1.into(), &BATCH_SIZE.into()),
        "{rule}\n{end}"
    );
    assert_eq!(third_state(&sandbox), settled(provider), "{rule}\n{end}");
    assert_eq!(hand_overs_of_the_third(&sandbox), 3, "{rule}\n{end}");
    expect_all_agree(&sandbox, &end);
}

/// The doubt was ended by one more request of the same key, and its price is what can be known of it.
#[track_caller]
fn expect_asked_about(sandbox: &Sandbox, provider: Provider, end: &End, row: &str) {
    let summary = end.summary();
    let (tickets, estimated) = match provider {
        HasIt => (4, "0.1980"),
        LacksIt => (5, "0"),
    };
    assert_eq!(summary["tickets"], tickets, "{row}\n{end}");
    assert_eq!(summary["cost"]["estimated"], estimated, "{row}\n{end}");
    let of_a_429 = u64::from(row.contains("429"));
    assert_eq!(hand_overs_of_the_third(sandbox), 2 + of_a_429, "{row}\n{end}");
}

/// The third batch's state in the ledger: with one in flight, batches go in order.
fn third_state(sandbox: &Sandbox) -> BatchState {
    Books::open(sandbox).state_of(3)
}

fn hand_overs_of_the_third(sandbox: &Sandbox) -> u64 {
    let sent = Books::open(sandbox).hand_overs();
    sent.iter().filter(|one| one.batch == 3).count() as u64
}

/// How often requests may be repeated.
fn retries(rule: &str, then: Then) -> RangeInclusive<u64> {
    match then {
        // A lie about a 429 shows when the request is repeated, and then it is asked about.
        InDoubt if rule.contains("429") => 2..=2,
        AcceptedAgain | InDoubt => 1..=1,
        // The fourth request may be handed to the connection that goes away, and is then not processed.
        Accepted if rule.contains("goaway") => 0..=1,
        _ => 0..=0,
    }
}

/// A time-out that only faults that wait for it run into.
fn timeout(rule: &str) -> &'static str {
    if rule.contains("60000") { "2s" } else { "30s" }
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

/// Runs it again without faults: everybody who was not reached and may be is, and nobody else.
fn finish(sandbox: &Sandbox, (_, then, provider): Row, row: &str) {
    sandbox.mock().clear_faults();
    let end: End = sandbox.send(&["contacts.ndjson"]).run();
    let refused = u64::from(BATCH_SIZE) * u64::from(then == Refused);
    assert_eq!(
        end.lines("refused"),
        refused,
        "{row}: what was refused stays so\n{end}"
    );
    assert_eq!(end.code(), 0, "{row}\n{end}");
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known + refused, RECIPIENTS, "{row}\n{end}");
    let doubts = u64::from(then == Redirected);
    assert_eq!(end.summary()["settled"]["batches"], doubts, "{row}\n{end}");
    if then == Redirected {
        assert_eq!(third_state(sandbox), settled(provider), "{row}\n{end}");
    }
    expect_all_agree(sandbox, &end);
}
