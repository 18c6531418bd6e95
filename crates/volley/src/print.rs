//! The one place that prints. Results go to stdout, everything else to stderr; a closed stdout is no panic.
//!
//! While a block of progress renews itself at the end of a terminal, what is told goes above it.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use serde::Serialize;
use serde_json::json;
use volley_ledger::Outcome;
use volley_model::RequestKey;

/// The block that renews itself, if there is one: a process has one terminal.
static BLOCK: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// From now on what is told is written above this block; `None`: it is gone.
pub(crate) fn keep_clear_of(block: Option<ProgressBar>) {
    *BLOCK.lock().unwrap_or_else(PoisonError::into_inner) = block;
}

/// Writes while the block is taken away.
fn above(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match block {
        Some(block) => block.suspend(write),
        None => write(),
    }
}

/// Stderr for whole lines, such as logs are.
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        above(|| io::stderr().lock().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Writes a result, and returns whether it was taken. A reader that went away (`volley … | head`) has had enough; any
/// other failure is told.
pub(crate) fn result(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            message(&format!("volley: failed to write to stdout: {error}"));
            false
        }
        _ => true,
    }
}

/// Writes one JSON object on a line of its own.
pub(crate) fn json(value: &impl Serialize) -> bool {
    // Our own structs have string keys and no non-finite numbers: they always serialise.
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    result(&line)
}

/// Writes a line for people to stderr. If stderr is gone, nobody reads it.
pub(crate) fn message(text: &str) {
    let _ = above(|| writeln!(io::stderr().lock(), "{text}"));
}

/// Writes an outcome that the ledger could not take, so that no ticket is lost with the process.
pub(crate) fn unrecorded(key: &RequestKey, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Accepted {
            ticket,
            contacts,
            cost,
            currency,
            ..
        } => json!({
            "state": "accepted", "ticket": ticket, "contacts": contacts,
            "cost": cost.map(|cost| cost.to_string()), "currency": currency.code(),
        }),
        Outcome::Unticketed { reason, .. } => json!({"state": "unticketed", "reason": reason}),
        Outcome::Refused {
            code,
            message,
            status,
        } => {
            json!({"state": "refused", "status": status, "code": code, "message": message})
        }
        // The number that it was refused for, and words that may name it, are in no line that is printed.
        Outcome::Split { code, status, .. } => json!({"state": "split", "status": status, "code": code}),
        Outcome::Released { reason } => json!({"state": "released", "reason": reason}),
        Outcome::Simulated { ticket } => json!({"state": "simulated", "ticket": ticket}),
        Outcome::InDoubt { reason } => json!({"state": "in_doubt", "reason": reason}),
    };
    message(&json!({"unrecorded": {"request_key": key.0, "outcome": outcome}}).to_string());
}
