//! Lines that are not sent to, written as NDJSON: `{"line":17,"input":"contacts.ndjson","reason":…}`.
//!
//! Bounds: a value is cut at 256 bytes, at the border of a character; the output is written in whole lines, about
//! 64 KiB at a time, and not synced.
//! Not here: where the output goes, and which lines the provider rejects later; those are written by [`Rejects`] too.

use std::fmt;
use std::io::{self, Write};

use volley_model::Reason;

/// The most bytes of a value that are shown.
const VALUE_BYTES_MAX: usize = 256;
/// Whole lines are collected up to this size before they are written.
const BLOCK_BYTES: usize = 64 * 1024;

/// One rejected line. It has no `Debug`: its value may be a phone number.
#[derive(Clone, Copy)]
pub struct Rejection<'a> {
    /// Its number in its input, from 1.
    pub line: u64,
    /// What the input is called.
    pub input: &'a str,
    /// Why.
    pub reason: Reason,
    /// What is wrong, and where.
    pub detail: &'a str,
    /// The value at fault, or the line; any bytes, cut when written.
    pub value: &'a [u8],
}

impl Rejection<'_> {
    /// Appends the rejection as one line of JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"line\":");
        out.extend_from_slice(self.line.to_string().as_bytes());
        out.extend_from_slice(b",\"input\":");
        write_string(out, self.input);
        out.extend_from_slice(b",\"reason\":\"");
        out.extend_from_slice(self.reason.name().as_bytes());
        out.extend_from_slice(b"\",\"detail\":");
        write_string(out, self.detail);
        out.extend_from_slice(b",\"value\":");
        write_string(out, &cut(self.value));
        out.extend_from_slice(b"}\n");
    }
}

/// The value's beginning, as text.
fn cut(value: &[u8]) -> String {
    // Some bytes more than are shown, so that a character over the border is not taken for a broken one.
    let mut text = String::from_utf8_lossy(&value[..value.len().min(VALUE_BYTES_MAX + 4)]).into_owned();
    while text.len() > VALUE_BYTES_MAX {
        text.pop();
    }
    text
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail, and a string always has JSON.
    let written = serde_json::to_writer(&mut *out, text);
    debug_assert!(written.is_ok(), "a string is written to memory");
}

/// The first line that was rejected for a reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Example {
    /// Its number in its input, from 1.
    pub line: u64,
    /// What the input is called.
    pub input: String,
    /// Why.
    pub reason: Reason,
    /// What is wrong, and where.
    pub detail: String,
    /// The value at fault, or the line, cut.
    pub value: String,
}

impl fmt::Debug for Example {
    /// Without the value, which may be a phone number.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Example({}, line {})", self.reason.name(), self.line)
    }
}

/// Whether lines that are skipped for what happened before are written too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Skipped {
    /// Only invalid lines, and numbers the provider refused.
    #[default]
    Left,
    /// `duplicate`, `suppressed` and `already_sent` too.
    Included,
}

/// Where rejections go.
pub struct Rejects(Kept);

/// What is kept of rejections.
enum Kept {
    Nothing,
    Lines {
        out: Box<dyn Write + Send>,
        skipped: Skipped,
        block: Vec<u8>,
    },
    Examples(Vec<Example>),
}

impl Rejects {
    /// Nowhere: they are counted.
    pub fn none() -> Self {
        Self(Kept::Nothing)
    }

    /// To an output, in whole lines.
    pub fn to(out: Box<dyn Write + Send>, skipped: Skipped) -> Self {
        Self(Kept::Lines {
            out,
            skipped,
            block: Vec::new(),
        })
    }

    /// The first invalid line of each reason is remembered: see [`Finished::examples`](crate::Finished::examples).
    pub fn first_of_each() -> Self {
        Self(Kept::Examples(Vec::new()))
    }

    /// Whether a rejection of this kind is kept at all.
    pub(crate) fn wants(&self, reason: Reason) -> bool {
        match &self.0 {
            Kept::Nothing => false,
            Kept::Lines { skipped, .. } => {
                let always = reason.is_invalid() || reason == Reason::RefusedByProvider;
                always || *skipped == Skipped::Included
            }
            Kept::Examples(examples) => {
                reason.is_invalid() && examples.iter().all(|example| example.reason != reason)
            }
        }
    }

    /// Writes one, with others.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn add(&mut self, rejection: &Rejection<'_>) -> io::Result<()> {
        match &mut self.0 {
            Kept::Nothing => {}
            Kept::Lines { block, .. } => {
                rejection.write(block);
                if block.len() >= BLOCK_BYTES {
                    return self.flush();
                }
            }
            Kept::Examples(examples) => examples.push(Example {
                line: rejection.line,
                input: rejection.input.to_owned(),
                reason: rejection.reason,
                detail: rejection.detail.to_owned(),
                value: cut(rejection.value),
            }),
        }
        Ok(())
    }

    /// Writes the last ones out.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        let Kept::Lines { out, block, .. } = &mut self.0 else {
            return Ok(());
        };
        let written = out.write_all(block).and_then(|()| out.flush());
        block.clear();
        written
    }

    /// What was remembered of [`first_of_each`](Self::first_of_each).
    pub(crate) fn examples(&self) -> &[Example] {
        match &self.0 {
            Kept::Examples(examples) => examples,
            Kept::Nothing | Kept::Lines { .. } => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &[u8], expected: &str) {
        assert_eq!(cut(value), expected);
    }

    #[test]
    fn a_value_is_cut_at_the_border_of_a_character() {
        check(b"+3361", "+3361");
        check(&[b'x'; 300], &"x".repeat(256));
        let over = format!("{}é", "x".repeat(255));
        check(over.as_bytes(), &"x".repeat(255));
        let fits = format!("{}é", "x".repeat(254));
        check(fits.as_bytes(), &fits);
        check(b"a\xffb", "a\u{fffd}b");
    }

    #[test]
    fn a_rejection_is_one_line_of_json() {
        let mut out = Vec::new();
        Rejection {
            line: 17,
            input: "a \"b\".ndjson",
            reason: Reason::PhoneNumberInvalid,
            detail: "too short",
            value: b"+33\n61",
        }
        .write(&mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "{\"line\":17,\"input\":\"a \\\"b\\\".ndjson\",\"reason\":\"phone_number_invalid\",\
             \"detail\":\"too short\",\"value\":\"+33\\n61\"}\n"
        );
    }
}
