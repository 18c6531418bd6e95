//! The examples of a life in a pipeline, as they stand in `examples/`: each is run, and none without the ledger of the last
//! time.
//!
//! The provider is the mock, so that a campaign file names loopback. There `volley send` would make a missing ledger, and
//! it is the examples' own looking that refuses.

mod nightly;

use std::path::PathBuf;

use crate::support::{Campaign, Sandbox, workspace_root};

/// A file of `examples/`.
fn example(name: &str) -> PathBuf {
    let path = workspace_root().join("examples").join(name);
    assert!(path.is_file(), "{}", path.display());
    path.canonicalize().expect("a file")
}

/// A sandbox with a ledger, as the examples want one.
fn with_ledger() -> Sandbox {
    let sandbox = Sandbox::new();
    make_ledger(&sandbox);
    sandbox
}

/// What the operator does once.
fn make_ledger(sandbox: &Sandbox) {
    let made = sandbox.volley(["ledger", "init", "--ledger", "volley.db"]).run();
    assert_eq!(made.code(), 0, "{made}");
}

/// Batches of five.
fn campaign(sandbox: &Sandbox) -> Campaign<'_> {
    sandbox.campaign().set("limits.batch_size", 5)
}

/// How many people were reached; none of them twice.
#[track_caller]
fn reached(sandbox: &Sandbox) -> u64 {
    let seen = sandbox.mock().stats().together;
    assert!(seen.max_per_recipient <= 1, "somebody was sent to twice");
    seen.distinct_recipients
}

/// That an example refused for want of the ledger: it says so, sent nothing and made none.
#[track_caller]
fn expect_refused_without_ledger(sandbox: &Sandbox, end: &crate::support::End) {
    assert_eq!(end.code(), 3, "{end}");
    assert!(end.stderr.contains("no ledger"), "{end}");
    assert!(end.stderr.contains("volley ledger init"), "{end}");
    assert_eq!(sandbox.mock().stats().together.requests, 0, "{end}");
    assert!(!sandbox.path("volley.db").exists(), "it made a ledger\n{end}");
}
