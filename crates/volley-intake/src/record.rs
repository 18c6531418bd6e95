//! One line of JSON, as far as it concerns us: the phone number and the seven fields.
//!
//! Three readers of the same rules, each of which says either what the line holds or that it cannot tell. [`scan`] reads
//! the common shape; [`tape`] any other, by simd-json; then [`text`] decides, on the line as it was written. The last one is asked for lines that simd-json rejects for things in keys we ignore (integers above u64,
//! `1e400`, lone surrogates), for numbers beside escapes, whose text a tape no longer knows, and for every fault, so that
//! all explanations come from one place.
//!
//! Bounds: nesting at most [`DEPTH_MAX`]. No allocation a line, but for a field that has both a number beside it
//! and an escape in it.

mod marks;
mod names;
mod scan;
mod tape;
mod text;

use volley_model::{Excerpt, Field, Reason};

pub use names::{FieldNames, FieldNamesError};

/// How deep a line may nest: simd-json's own limit, held by both readers.
pub(crate) const DEPTH_MAX: usize = simd_json::DEFAULT_MAX_DEPTH;

/// How many keys we know: the phone number, then the fields.
pub(crate) const KEYS: usize = 1 + Field::COUNT;

/// What a known key holds.
#[derive(Debug, Clone, Default)]
pub(crate) enum Value<'line> {
    /// No such key, null, or an empty string.
    #[default]
    Lacking,
    /// A text as it was written.
    Text(Excerpt<'line>),
    /// A text that was written with escapes.
    Unescaped(String),
    /// A number, as it was written.
    Number(Excerpt<'line>),
    /// Of a type that no key of ours has; its name with an article.
    Other(&'static str),
}

/// A line's values, by place in [`FieldNames`]: 0 is the phone number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record<'line> {
    pub(crate) values: [Value<'line>; KEYS],
    /// Whether it is known that every text and number stands in a JSON string as it is, without escapes.
    pub(crate) verbatim: bool,
}

impl Value<'_> {
    /// The text of a string.
    pub(crate) fn text(&self) -> Option<Excerpt<'_>> {
        match self {
            Self::Text(text) => Some(*text),
            Self::Unescaped(text) => Some(Excerpt::from(text.as_str())),
            Self::Lacking | Self::Number(_) | Self::Other(_) => None,
        }
    }
}

/// Why a line is no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordFault {
    pub(crate) reason: Reason,
    pub(crate) detail: String,
}

impl RecordFault {
    fn malformed(detail: impl Into<String>) -> Self {
        Self {
            reason: Reason::JsonMalformed,
            detail: detail.into(),
        }
    }
}

/// Reads records, one after another, into buffers of its own.
pub(crate) struct RecordReader {
    scanner: scan::Scanner,
    tape: tape::TapeReader,
}

impl RecordReader {
    pub(crate) fn new() -> Self {
        Self {
            scanner: scan::Scanner::new(),
            tape: tape::TapeReader::new(),
        }
    }

    /// Reads a line of the common shape into an empty record; `None` if it is of another, and what the record has then
    /// means nothing.
    pub(crate) fn glance<'line>(
        &mut self,
        line: Excerpt<'line>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Option<()> {
        self.scanner.read(line, names, record)
    }

    /// The record of a line that a [`glance`](Self::glance) did not tell.
    pub(crate) fn read<'line>(
        &'line mut self,
        line: &'line [u8],
        names: &FieldNames,
    ) -> Result<Record<'line>, RecordFault> {
        match self.tape.read(line, names) {
            Some(record) => Ok(record),
            None => text::read(line, names),
        }
    }
}

#[cfg(test)]
mod tests;
