//! The quickest reader: one look at each byte of a line of the common shape, and every value borrowed from the line itself.
//!
//! It knows flat objects whose keys have no escapes, without control characters, tabs among them. Whatever else it meets, a
//! fault among it, it leaves to the next reader, by `None`; what it is sure of, all readers read alike, which tests hold.
//! Lines of one file mostly have their keys in one order: the one of the line before is tried first, by comparing all up to a
//! value's first byte at once.
//!
//! Bounds: nothing is allocated or copied, but for a text with escapes.
//! Sources: RFC 8259, 2 (white space), 6 (numbers), 7 (what a string may hold as it is).

use std::borrow::Cow;

use super::{FieldNames, KEYS, Record, Value};

pub(super) struct Scanner {
    /// The place of the key that each pair of a line had last; [`KEYS`] for one that is not ours.
    order: [usize; KEYS],
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            order: std::array::from_fn(|pair| pair),
        }
    }

    /// The line's record; `None` where another reader has to look.
    pub(super) fn read<'line>(&mut self, line: &'line [u8], names: &FieldNames) -> Option<Record<'line>> {
        let look = look(line);
        if look == Look::Controls {
            return None;
        }
        let text = simdutf8::basic::from_utf8(line).ok()?;
        let mut cursor = Cursor {
            text,
            at: 0,
            has_escapes: look == Look::Escapes,
        };
        let mut record = Record::default();
        cursor.skip_space();
        cursor.take(b'{')?;
        cursor.skip_space();
        if cursor.take(b'}').is_none() {
            self.read_pairs(&mut cursor, names, &mut record)?;
        }
        cursor.skip_space();
        (cursor.at == text.len()).then_some(record)
    }

    /// Takes all pairs, and the bracket behind them.
    fn read_pairs<'line>(
        &mut self,
        cursor: &mut Cursor<'line>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Option<()> {
        let mut seen = 0_u32;
        for pair in 0.. {
            let guess = self.order.get(pair).copied().unwrap_or(KEYS);
            let (place, value) = if let Some(text) = cursor.string_behind(names.opening(guess)) {
                (guess, Value::of_text(text))
            } else {
                let (place, value) = cursor.pair(names, guess)?;
                if let Some(last) = self.order.get_mut(pair) {
                    *last = place;
                }
                (place, value)
            };
            if let Some(slot) = record.values.get_mut(place) {
                let bit = 1 << place;
                if seen & bit != 0 {
                    return None;
                }
                seen |= bit;
                *slot = value;
            }
            cursor.skip_space();
            if cursor.take(b',').is_none() {
                break;
            }
        }
        cursor.take(b'}')
    }
}

/// What a line has that matters before it is looked at more closely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// Neither escapes nor control characters.
    Plain,
    /// A reverse solidus, and no control characters.
    Escapes,
    /// Control characters: white space that is rare, or a fault.
    Controls,
}

fn look(line: &[u8]) -> Look {
    const CONTROL: u8 = 2;
    let odd = |byte: &u8| (u8::from(*byte < 0x20) * CONTROL) | u8::from(*byte == b'\\');
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | odd(byte));
    // In blocks of a fixed size, which are looked at sixteen bytes at a time.
    let (blocks, rest) = line.as_chunks::<32>();
    match blocks.iter().fold(any(rest), |odd, block| odd | any(block)) {
        0 => Look::Plain,
        1 => Look::Escapes,
        _ => Look::Controls,
    }
}

/// A place in a line without control characters.
struct Cursor<'line> {
    text: &'line str,
    at: usize,
    /// Whether there is a reverse solidus anywhere.
    has_escapes: bool,
}

impl<'line> Cursor<'line> {
    #[inline]
    fn rest(&self) -> &'line [u8] {
        &self.text.as_bytes()[self.at..]
    }

    #[inline]
    fn skip_space(&mut self) {
        while self.rest().first() == Some(&b' ') {
            self.at += 1;
        }
    }

    /// Takes this byte, if it is the next one.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (*self.rest().first()? == byte).then(|| self.at += 1)
    }

    /// Takes a key and the string that is its value, if they open exactly so.
    #[inline]
    fn string_behind(&mut self, opening: &[u8]) -> Option<&'line str> {
        let behind = self.rest().strip_prefix(opening)?;
        if opening.is_empty() {
            return None;
        }
        let length = quote_at(behind)?;
        if self.has_escapes && behind[..length].contains(&b'\\') {
            return None;
        }
        let start = self.at + opening.len();
        let end = start + length;
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// Takes a key and its value: the key's place, [`KEYS`] for one that is not ours, and the value.
    fn pair(&mut self, names: &FieldNames, guess: usize) -> Option<(usize, Value<'line>)> {
        self.skip_space();
        let key = self.string()?;
        self.skip_space();
        self.take(b':')?;
        self.skip_space();
        let value = self.value()?;
        Some((names.place(key, guess).unwrap_or(KEYS), value))
    }

    /// Takes a string without escapes.
    fn string(&mut self) -> Option<&'line str> {
        self.string_behind(b"\"")
    }

    /// Takes a string with escapes, which serde reads; one that it refuses is another reader's to explain.
    fn escaped_string(&mut self) -> Option<Value<'line>> {
        let mut end = self.at + 1;
        loop {
            match self.text.as_bytes().get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        let raw = self.text.get(self.at..=end)?;
        self.at = end + 1;
        let text: String = serde_json::from_str(raw).ok()?;
        Some(if text.is_empty() {
            Value::Lacking
        } else {
            Value::Text(Cow::Owned(text))
        })
    }

    /// Takes a value that holds no others.
    fn value(&mut self) -> Option<Value<'line>> {
        match self.rest().first()? {
            b'"' => match self.string() {
                Some(text) => Some(Value::of_text(text)),
                None if self.has_escapes => self.escaped_string(),
                None => None,
            },
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            b'n' => self.word("null").map(|()| Value::Lacking),
            b't' => self.word("true").map(|()| Value::Other("a boolean")),
            b'f' => self.word("false").map(|()| Value::Other("a boolean")),
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.rest()
            .starts_with(word.as_bytes())
            .then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<&'line str> {
        let start = self.at;
        let _minus = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.rest().first() {
            self.at += 1;
            let _sign = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        self.text.get(start..self.at)
    }

    /// Takes digits, at least one.
    fn digits(&mut self) -> Option<()> {
        let count = self
            .rest()
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        self.at += count;
        (count > 0).then_some(())
    }
}

impl<'line> Value<'line> {
    fn of_text(text: &'line str) -> Self {
        if text.is_empty() {
            Self::Lacking
        } else {
            Self::Text(Cow::Borrowed(text))
        }
    }
}

/// Where the first quotation mark stands. Eight bytes at a time: the lowest mark of the sum is a zero byte, and with it a
/// quotation mark; a wrong one can only stand above it.
#[inline]
fn quote_at(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk) ^ (LOW * u64::from(b'"'));
        let marks = word.wrapping_sub(LOW) & !word & HIGH;
        if marks != 0 {
            return Some(at + (marks.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?.iter().position(|byte| *byte == b'"')?;
    Some(at + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_mark_is_found_at_every_place_behind_every_byte() {
        for before in (0..=255).filter(|byte| *byte != b'"') {
            for place in 0..20 {
                let mut bytes = [before; 20];
                assert_eq!(quote_at(&bytes), None, "{before}");
                bytes[place] = b'"';
                assert_eq!(quote_at(&bytes), Some(place), "{before}");
                bytes[19] = b'"';
                assert_eq!(quote_at(&bytes), Some(place), "{before}");
            }
        }
        assert_eq!(quote_at(b""), None);
    }

    #[test]
    fn a_look_finds_every_escape_and_every_control_character() {
        for byte in 0..=255_u8 {
            for place in [0, 15, 16, 31, 32, 40] {
                let mut line = [b'a'; 41];
                line[place] = byte;
                let expected = match byte {
                    0..0x20 => Look::Controls,
                    b'\\' => Look::Escapes,
                    _ => Look::Plain,
                };
                assert_eq!(look(&line), expected, "{byte} at {place}");
                line[3] = b'\\';
                line[4] = b'\n';
                assert_eq!(look(&line), Look::Controls);
            }
        }
    }
}
