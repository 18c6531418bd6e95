//! Recipients, written where there is always room, before they go into the body together.
//!
//! A body may have to grow at each byte that is appended, and that is asked each time; and a copy of some number of bytes asks
//! how many. Here each part is copied as so many bytes as are known where this is compiled, and the next part is written over
//! what was too many.
//! A hundred or so go over at once: what was just written in small parts cannot be read in large ones yet, and the processor
//! would wait for it at each recipient.
//! Bounds: [`PAGE`] bytes; a recipient that may need more than [`ROOM`] is not drafted.

use volley_model::{Excerpt, Field, Msisdn};

use super::encode::OPENING_BYTES;

/// Bytes of a draft: few enough to stay in the processor's first cache.
const PAGE: usize = 16 * 1024;
/// The most bytes of a recipient: its number, its texts or the longest defaults (each character escaped by six bytes), their
/// keys with a quotation mark, and what is copied too much.
const ROOM: usize = 64 + TEXTS_MAX + Field::COUNT * (Field::CHARS_MAX * 6 + OPENING_BYTES + 1) + AT_ONCE;
/// The most bytes of texts that a recipient is drafted with: more than all fields at their longest have.
pub(super) const TEXTS_MAX: usize = 2048;
/// As many bytes as are copied of a short text.
const AT_ONCE: usize = 32;

/// Recipients as they are written.
pub(super) struct Draft {
    bytes: Box<[u8; PAGE]>,
    length: usize,
}

impl Draft {
    pub(super) fn new() -> Self {
        Self {
            bytes: Box::new([0; PAGE]),
            length: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn has_room(&self) -> bool {
        PAGE - self.length >= ROOM
    }

    /// Appends to the body what was written since the last time.
    pub(super) fn move_into(&mut self, body: &mut Vec<u8>) {
        body.extend_from_slice(&self.bytes[..self.length]);
        self.length = 0;
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
