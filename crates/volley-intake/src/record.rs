//! One line of JSON, as far as it concerns us: the phone number and the seven fields.
//!
//! Three readers of the same rules, each of which says either what the line holds or that it cannot tell. [`scan`] reads
//! the common shape; [`tape`] any other, by simd-json; then [`text`] decides, on the line as it was written. The last one
//! is asked for lines that simd-json rejects for things in keys we ignore (integers above u64, `1e400`, lone surrogates),
//! for numbers beside escapes, whose text a tape no longer knows, and for every fault, so that all explanations come from
//! one place.
//!
//! Bounds: nesting at most [`DEPTH_MAX`]. No allocation a line, but for texts with escapes and nested values.

mod fault;
mod marks;
mod names;
mod scan;
mod tape;
mod text;

use volley_model::{Excerpt, Field};

pub(crate) use fault::RecordFault;
pub use names::{FieldNames, FieldNamesError};

/// How deep a line may nest: simd-json's own limit, held by all readers.
pub(crate) const DEPTH_MAX: usize = simd_json::DEFAULT_MAX_DEPTH;

/// How many keys we know: the phone number, then the fields.
pub(crate) const KEYS: usize = 1 + Field::COUNT;

/// What a known key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string; or nothing, null, an empty string: all these are the empty text.
    Text,
    /// A number, whose text is what was written.
    Number,
    Boolean,
    Array,
    Object,
}

/// A line's values, by place in [`FieldNames`]: 0 is the phone number. It is large, and so one is filled where it lies.
#[derive(Debug, Clone)]
pub(crate) struct Record<'line> {
    texts: Texts<'line>,
    kinds: [Kind; KEYS],
    /// The texts that were written with escapes, by their places.
    unescaped: Vec<(usize, String)>,
    /// Whether it is known that every text stands in a JSON string as it is, without escapes.
    pub(crate) verbatim: bool,
}

/// The text of each value, empty where there is none.
pub(crate) type Texts<'line> = [Excerpt<'line>; KEYS];

impl<'line> Record<'line> {
    /// Of no line yet.
    pub(crate) const EMPTY: Self = Self {
        texts: [Excerpt::EMPTY; KEYS],
        kinds: [Kind::Text; KEYS],
        unescaped: Vec::new(),
        verbatim: false,
    };

    /// A value's text, as it stands in the line.
    #[inline]
    pub(crate) fn set(&mut self, place: usize, kind: Kind, text: Excerpt<'line>) {
        self.texts[place] = text;
        self.kinds[place] = kind;
    }

    /// A string that was written with escapes.
    pub(crate) fn set_unescaped(&mut self, place: usize, text: String) {
        self.kinds[place] = Kind::Text;
        self.unescaped.push((place, text));
    }

    pub(crate) fn kind(&self, place: usize) -> Kind {
        self.kinds[place]
    }

    /// The texts as they stand in the line; `None` where one was written with escapes.
    #[inline]
    pub(crate) fn texts(&self) -> Option<&Texts<'line>> {
        self.unescaped.is_empty().then_some(&self.texts)
    }

    /// All texts, those too that were written with escapes.
    pub(crate) fn unescaped_texts(&self) -> Texts<'_> {
        let mut texts = self.texts;
        for (place, text) in &self.unescaped {
            texts[*place] = Excerpt::from(text.as_str());
        }
        texts
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
