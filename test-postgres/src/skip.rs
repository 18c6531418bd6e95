//! Tests that need PostgreSQL on a machine without it: each says loudly that it was skipped, or fails where it must not be.
//!
//! Input: `VOLLEY_TESTS_MUST_NOT_SKIP`, the names of what this machine is known to have, apart by spaces.
//! Output: a line `SKIPPED: name: why` on stderr, past the harness, which hides what a passing test prints.

use std::io::Write as _;

use crate::programs::{INSTALL, Programs};

const NAME: &str = "postgresql";

/// Whether PostgreSQL is installed; otherwise the test is to return, having been skipped.
///
/// # Panics
///
/// Where it is missing and `VOLLEY_TESTS_MUST_NOT_SKIP` names `postgresql`, as CI does.
#[track_caller]
pub fn is_there() -> bool {
    let Err(missing) = Programs::find() else {
        return true;
    };
    let must = std::env::var("VOLLEY_TESTS_MUST_NOT_SKIP").unwrap_or_default();
    assert!(
        !must.split_whitespace().any(|needed| needed == NAME),
        "no {missing} here; {INSTALL}"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("SKIPPED: {test}: {NAME}: no {missing} here; {INSTALL}\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("an open stderr");
    false
}
