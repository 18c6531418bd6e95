//! Whether a measured run was right: its account is the corpus' truth, and the server saw each number once.

use serde_json::Value;

use crate::contacts::Written;
use crate::control::Control;
use crate::error::LoadError;
use crate::scenario::{Case, Does, ServerKind};

/// More numbers than this are not read back one by one: the counts must do.
const NUMBERS_READ_MAX: u64 = 2_000_000;

fn equal(what: &str, found: u64, expected: u64) -> Result<(), LoadError> {
    if found == expected {
        return Ok(());
    }
    Err(LoadError::Wrong(format!(
        "{what} is {found} and should be {expected}"
    )))
}

/// The last summary of a case against the truth; `runs` is how many it took.
pub(crate) fn summary(case: &Case, contacts: &Written, summary: &Value, runs: u32) -> Result<(), LoadError> {
    let expected = &contacts.expected;
    let line = |name: &str| summary["lines"][name].as_u64().unwrap_or(u64::MAX);
    equal("lines.read", line("read"), expected.lines)?;
    equal("lines.invalid", line("invalid"), expected.invalid_lines())?;
    let (accepted, already_sent) = match case.does {
        Does::Rerun => (0, expected.distinct),
        // What an earlier run of the same case reached, and what a doubt turned out to be.
        _ if runs > 1 => (
            line("accepted"),
            expected.distinct.saturating_sub(line("accepted")),
        ),
        _ => (expected.distinct, 0),
    };
    equal("lines.accepted", line("accepted"), accepted)?;
    equal("lines.already_sent", line("already_sent"), already_sent)?;
    equal("lines.duplicate", line("duplicate"), expected.duplicates)
}

/// What the server saw against the truth.
pub(crate) fn server(case: &Case, contacts: &Written, control: &Control) -> Result<(), LoadError> {
    let stats = control.stats()?;
    let distinct = match case.does {
        Does::Rerun => return equal("the requests of a rerun", stats.requests, 0),
        _ => contacts.expected.distinct,
    };
    equal("the server's recipients", stats.recipients, distinct)?;
    if case.server == ServerKind::Counting {
        return Ok(());
    }
    let of_mock = |figure: Option<u64>| figure.unwrap_or(u64::MAX);
    equal(
        "the mock's distinct_recipients",
        of_mock(stats.distinct_recipients),
        distinct,
    )?;
    equal(
        "the mock's max_per_recipient",
        of_mock(stats.max_per_recipient),
        1,
    )?;
    if distinct <= NUMBERS_READ_MAX && control.numbers()? != contacts.numbers() {
        return Err(LoadError::Wrong(
            "other numbers were reached than those of the contacts".to_owned(),
        ));
    }
    Ok(())
}
