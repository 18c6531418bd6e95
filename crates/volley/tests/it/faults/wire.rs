//! The guarantee's table "What the wire proves", row by row, over HTTP/2 and over HTTP/1.1.
//!
//! Five batches of four, one at a time; the third request meets the fault. Then the faults are over, and a second run
//! finishes what may be finished.

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
    /// In doubt; the rest is sent.
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
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed => 0,
            Self::InDoubt | Self::Redirected => 6,
            Self::Refused => 5,
            Self::Released => 11,
        }
    }

    fn state(self) -> BatchState {
        match self {
            Self::Accepted | Self::AcceptedAgain => BatchState::Accepted,
            Self::Unticketed => BatchState::Unticketed,
            Self::InDoubt | Self::Redirected => BatchState::InDoubt,
            Self::Refused => BatchState::Refused,
            Self::Released => BatchState::Released,
        }
    }

    /// The account of the first run's lines.
    fn lines(self) -> Vec<(&'static str, u64)> {
        match self {
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed => vec![("accepted", 20)],
            Self::InDoubt => vec![("accepted", 16), ("in_doubt", 4)],
            Self::Redirected => vec![("accepted", 8), ("in_doubt", 4), ("pending", 8)],
            Self::Refused => vec![("accepted", 16), ("refused", 4)],
            Self::Released => vec![("accepted", 8), ("pending", 12)],
        }
    }

    fn outcome(self) -> &'static str {
        match self {
            Self::InDoubt | Self::Redirected => "doubtful",
            Self::Released => "stopped",
            Self::Accepted | Self::AcceptedAgain | Self::Unticketed | Self::Refused => "complete",
        }
    }
}

/// Whether the provider has the batch that met the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Provider {
    HasIt,
    LacksIt,
}

use Provider::{HasIt, LacksIt};
use Then::{Accepted, AcceptedAgain, InDoubt, Redirected, Refused, Released, Unticketed};

/// A fault (a rule of the mock's script), what follows, and what the provider has after the first run.
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

fn check_all(http2: &str, rows: &[Row]) {
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
                    check(http2, *row);
                }
            });
        }
    });
}

fn check(http2: &str, (rule, then, provider): Row) {
    let row = format!("http2 = {http2}, {rule}");
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
    sandbox.faults(&format!(r#"{{"rules":[{{{rule},"request":3,"times":1}}]}}"#));

    let end = sandbox.send(&["contacts.ndjson"]).run();
    assert_eq!(hits(&sandbox), [1], "{row}\n{end}");
    assert_eq!(end.code(), then.exit(), "{row}\n{end}");
    end.expect_lines(&then.lines());
    let summary = end.summary();
    assert_eq!(summary["outcome"], then.outcome(), "{row}\n{end}");
    let retried = summary["requests"]["retried"].as_u64().expect("a count");
    assert!(
        retries(rule, then).contains(&retried),
        "{row}: {retried} retried\n{end}"
    );
    let state = Books::open(&sandbox).states().get(&then.state()).copied();
    assert!(state.is_some(), "{row}: no batch is {:?}\n{end}", then.state());
    assert_eq!(
        provider_has_the_third(&sandbox),
        provider == HasIt,
        "{row}\n{end}"
    );
    expect_all_agree(&sandbox, &end);
    finish(&sandbox, then, &row);
}

/// How often requests may be repeated.
fn retries(rule: &str, then: Then) -> RangeInclusive<u64> {
    match then {
        AcceptedAgain => 1..=1,
        // A lie about a 429 shows when the request is repeated.
        InDoubt if rule.contains("429") => 1..=1,
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
fn finish(sandbox: &Sandbox, then: Then, row: &str) {
    sandbox.mock().clear_faults();
    let end: End = sandbox.send(&["contacts.ndjson"]).run();
    let refused = u64::from(BATCH_SIZE) * u64::from(then == Refused);
    assert_eq!(
        end.lines("refused"),
        refused,
        "{row}: what was refused stays so\n{end}"
    );
    let in_doubt = end.lines("in_doubt");
    assert_eq!(end.code(), if in_doubt > 0 { 6 } else { 0 }, "{row}\n{end}");
    let known = end.lines("accepted") + end.lines("already_sent");
    assert_eq!(known + in_doubt + refused, RECIPIENTS, "{row}\n{end}");
    expect_all_agree(sandbox, &end);
}
