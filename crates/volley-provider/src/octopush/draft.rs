//! One recipient, written where there is always room, before it goes into the body as a whole.
//!
//! A body may have to grow at each byte that is appended, and that is asked each time; and a copy of some number of bytes asks
//! how many. Here each part is copied as so many bytes as are known where this is compiled, and the next part is written over
//! what was too many.
//! Bounds: [`ROOM`] bytes; what may need more is not drafted.

use volley_model::{Excerpt, Field, Msisdn};

use super::encode::OPENING_BYTES;

/// Bytes of a draft: its number, its texts or the longest defaults (each character escaped by six bytes), their
/// keys with a quotation mark, and what is copied too much.
const ROOM: usize = 64 + TEXTS_MAX + Field::COUNT * (Field::CHARS_MAX * 6 + OPENING_BYTES + 1) + AT_ONCE;
/// The most bytes of texts that a recipient is drafted with: more than all fields at their longest have.
pub(super) const TEXTS_MAX: usize = 2048;
/// As many bytes as are copied of a short text.
const AT_ONCE: usize = 32;

/// A recipient as it is written.
pub(super) struct Draft {
    bytes: Box<[u8; ROOM]>,
    length: usize,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            bytes: Box::new([0; ROOM]),
            length: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Writes the first `length` of these bytes.
    #[inline]
    pub(super) fn put<const N: usize>(&mut self, bytes: &[u8; N], length: usize) {
        self.bytes[self.length..self.length + N].copy_from_slice(bytes);
        self.length += length;
    }

    #[inline]
    pub(super) fn put_byte(&mut self, byte: u8) {
        self.put(&[byte], 1);
    }

    /// Writes `+` and all digits.
    #[inline]
    pub(super) fn put_number(&mut self, number: Msisdn) {
        let (digits, count) = number.digits();
        self.put_byte(b'+');
        self.put(&digits, count);
    }

    #[inline]
    pub(super) fn put_text(&mut self, text: Excerpt<'_>) {
        match text.first_chunk::<AT_ONCE>() {
            Some(chunk) if text.len() <= AT_ONCE => self.put(chunk, text.len()),
            _ => self.put_slice(text.as_str().as_bytes()),
        }
    }

    pub(super) fn put_slice(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.bytes[self.length..end].copy_from_slice(bytes);
        self.length = end;
    }
}
