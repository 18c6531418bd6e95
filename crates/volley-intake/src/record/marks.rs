//! Where a line's quotation marks stand, as bits, and what else in it matters before it is read: one look at each byte,
//! sixteen at a time, and the same steps whatever the bytes are. To look for each string's end by itself costs a wrong guess
//! of the processor a string, since no two are of one length.
//!
//! Bounds: a bit for each byte of one line.

use wide::u8x16;

/// Bytes that one word of bits stands for.
const BLOCK: usize = 64;
const STEP: usize = 16;

/// The quotation marks of a line.
#[derive(Default)]
pub(super) struct QuoteMarks {
    /// Bit b of word w: there is one at byte 64 w + b.
    words: Vec<u64>,
}

/// What a line has that matters before it is looked at more closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Neither escapes nor control characters.
    Plain,
    /// A reverse solidus, and no control characters.
    Escapes,
    /// Control characters: white space that is rare, or a fault.
    Controls,
}

impl QuoteMarks {
    /// Forgets the line before and looks at this one.
    pub(super) fn look_at(&mut self, line: &[u8]) -> Look {
        self.words.clear();
        let mut sight = Sight::new();
        let (blocks, rest) = line.as_chunks::<BLOCK>();
        self.words.extend(blocks.iter().map(|block| sight.take(block)));
        if !rest.is_empty() {
            let marks = if let Some(last) = line.last_chunk::<BLOCK>() {
                // It begins with bytes that were looked at already.
                sight.take(last) >> (BLOCK - rest.len())
            } else {
                let mut padded = [b' '; BLOCK];
                padded[..rest.len()].copy_from_slice(rest);
                sight.take(&padded)
            };
            self.words.push(marks);
        }
        sight.look()
    }

    /// The first one at this byte or behind it.
    #[inline]
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let mut word = from / BLOCK;
        let mut marks = self.words.get(word)? & (u64::MAX << (from % BLOCK));
        while marks == 0 {
            word += 1;
            marks = *self.words.get(word)?;
        }
        Some(word * BLOCK + marks.trailing_zeros() as usize)
    }
}

/// What was seen so far of a line, in sixteen columns.
struct Sight {
    lowest: u8x16,
    escapes: u8x16,
}

impl Sight {
    fn new() -> Self {
        Self {
            lowest: u8x16::splat(u8::MAX),
            escapes: u8x16::splat(0),
        }
    }

    /// Takes a block: its quotation marks.
    #[inline]
    fn take(&mut self, block: &[u8; BLOCK]) -> u64 {
        let (steps, _) = block.as_chunks::<STEP>();
        let mut marks = 0;
        for (at, step) in steps.iter().enumerate() {
            let step = u8x16::new(*step);
            self.lowest = self.lowest.min(step);
            self.escapes |= step.simd_eq(u8x16::splat(b'\\'));
            marks |= u64::from(step.simd_eq(u8x16::splat(b'"')).to_bitmask()) << (at * STEP);
        }
        marks
    }

    #[inline]
    fn look(&self) -> Look {
        // No step below the space is one, too, for the higher of a byte and it.
        let space = u8x16::splat(b' ');
        if self.lowest.max(space) != self.lowest {
            Look::Controls
        } else if self.escapes.any() {
            Look::Escapes
        } else {
            Look::Plain
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quotation_mark_is_found_at_every_place_in_lines_of_every_length() {
        let mut marks = QuoteMarks::default();
        for length in 0..200 {
            for byte in [0, b'!', b'#', b'\\', 0x7f, 0x80, b'"' + 0x80, 0xff] {
                let mut line = vec![byte; length];
                marks.look_at(&line);
                assert_eq!(marks.next(0), None, "{byte} {length}");
                for place in 0..length {
                    line[place] = b'"';
                    marks.look_at(&line);
                    assert_eq!(marks.next(0), Some(place), "{byte} {length}");
                    assert_eq!(marks.next(place), Some(place), "{byte} {length}");
                    assert_eq!(marks.next(place + 1), None, "{byte} {length}");
                    line[place] = byte;
                }
            }
        }
    }

    #[test]
    fn of_several_quotation_marks_each_is_found() {
        let mut marks = QuoteMarks::default();
        let line = "\"a\"".repeat(100);
        marks.look_at(line.as_bytes());
        let mut found = Vec::new();
        let mut from = 0;
        while let Some(at) = marks.next(from) {
            found.push(at);
            from = at + 1;
        }
        let expected: Vec<_> = line.match_indices('"').map(|(at, _)| at).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_look_finds_every_escape_and_every_control_character() {
        let mut marks = QuoteMarks::default();
        for byte in 0..=255_u8 {
            for length in [1, 15, 63, 64, 65, 130] {
                for place in [0, length / 2, length - 1] {
                    let mut line = vec![b'a'; length];
                    line[place] = byte;
                    let expected = match byte {
                        0..0x20 => Look::Controls,
                        b'\\' => Look::Escapes,
                        _ => Look::Plain,
                    };
                    assert_eq!(marks.look_at(&line), expected, "{byte} at {place} of {length}");
                    line.extend_from_slice(b"\\\n");
                    assert_eq!(marks.look_at(&line), Look::Controls);
                }
            }
        }
        assert_eq!(marks.look_at(b""), Look::Plain);
    }
}
