//! The one place that prints. Results go to stdout, everything else to stderr; a closed stdout is no panic.
//!
//! While a run goes on, [`voice`] writes to stderr, and nobody waits for it.

use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use volley_ledger::Outcome;
use volley_model::RequestKey;

use crate::{clock, voice};

/// Whether what is told on stderr is one JSON object a line, as logs are then.
static AS_JSON: AtomicBool = AtomicBool::new(false);

/// From now on what is told on stderr has the shape of a log line.
pub(crate) fn tell_as_json() {
    AS_JSON.store(true, Ordering::Relaxed);
}

/// Stderr for whole lines, such as logs are. A line that cannot be written is nobody's loss but its reader's: it must not
/// end a run.
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        say(String::from_utf8_lossy(line).trim_end_matches('\n'));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
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

/// Writes what `write` has, row by row. A reader that went away has had enough, and `write` hears of it as of any failure.
///
/// # Errors
/// As `write`; but a closed stdout is none.
pub(crate) fn rows<E>(
    write: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    is_closed: impl FnOnce(&E) -> bool,
) -> Result<(), E> {
    match write(&mut BufWriter::new(io::stdout().lock())) {
        Err(error) if is_closed(&error) => Ok(()),
        done => done,
    }
}

/// Tells people something on stderr.
pub(crate) fn message(text: &str) {
    say(&shaped(text));
}

/// A message as a line: as it is, or in the shape of a log line.
pub(crate) fn shaped(text: &str) -> String {
    if AS_JSON.load(Ordering::Relaxed) {
        as_log_line(text, clock::now())
    } else {
        text.to_owned()
    }
}

/// By the thread that speaks for a run, where there is one.
fn say(line: &str) {
    if !voice::say(line) {
        write_line(line);
    }
}

/// Writes a line to stderr. If stderr is gone, nobody reads it.
pub(crate) fn write_line(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The same for machines. What errors and warnings begin with for people is their level.
fn as_log_line(text: &str, at: Timestamp) -> String {
    let (level, text) = match (
        text.strip_prefix("volley: warning: "),
        text.strip_prefix("volley: "),
    ) {
        (Some(warning), _) => ("WARN", warning),
        (None, Some(error)) => ("ERROR", error),
        (None, None) => ("INFO", text),
    };
    json!({"timestamp": at.to_string(), "level": level, "fields": {"message": text}}).to_string()
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
    let line = json!({"unrecorded": {"request_key": key.0, "outcome": outcome}}).to_string();
    if !voice::say_surely(&line) {
        write_line(&line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_has_a_level_among_logs() {
        for (text, expected) in [
            (
                "volley: it \"failed\"",
                r#"{"fields":{"message":"it \"failed\""},"level":"ERROR","timestamp":"1970-01-01T00:00:00Z"}"#,
            ),
            (
                "volley: warning: hm",
                r#"{"fields":{"message":"hm"},"level":"WARN","timestamp":"1970-01-01T00:00:00Z"}"#,
            ),
            (
                "two\nlines",
                r#"{"fields":{"message":"two\nlines"},"level":"INFO","timestamp":"1970-01-01T00:00:00Z"}"#,
            ),
        ] {
            assert_eq!(as_log_line(text, Timestamp::UNIX_EPOCH), expected);
        }
    }
}
