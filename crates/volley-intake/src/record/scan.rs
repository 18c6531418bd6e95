//! The quickest reader: one look at each byte of a line of the common shape, and every value borrowed from the line itself.
//!
//! It knows flat objects whose keys and strings have no escapes. Whatever else it meets, a fault among it, it leaves to the
//! next reader, by `None`; what it is sure of, all readers read alike, which tests hold.
//!
//! Bounds: nothing is allocated or copied.
//! Sources: RFC 8259, 2 (white space), 6 (numbers), 7 (what a string may hold as it is).

use std::borrow::Cow;

use volley_model::plain_length;

use super::{FieldNames, Record, Value};

/// The line's record; `None` where another reader has to look.
pub(super) fn read<'line>(line: &'line [u8], names: &FieldNames) -> Option<Record<'line>> {
    let text = simdutf8::basic::from_utf8(line).ok()?;
    let mut cursor = Cursor { text, at: 0 };
    let mut record = Record::default();
    let mut seen = 0_u32;
    let mut next = 0;
    cursor.skip_space();
    cursor.take(b'{')?;
    cursor.skip_space();
    if cursor.take(b'}').is_none() {
        loop {
            let key = cursor.string()?;
            cursor.skip_space();
            cursor.take(b':')?;
            cursor.skip_space();
            let value = cursor.value()?;
            if let Some(place) = names.place(key, next) {
                let bit = 1 << place;
                if seen & bit != 0 {
                    return None;
                }
                seen |= bit;
                next = place + 1;
                record.values[place] = value;
            }
            cursor.skip_space();
            if cursor.take(b',').is_none() {
                break;
            }
            cursor.skip_space();
        }
        cursor.take(b'}')?;
    }
    cursor.skip_space();
    (cursor.at == text.len()).then_some(record)
}

/// A place in a line.
struct Cursor<'line> {
    text: &'line str,
    at: usize,
}

impl<'line> Cursor<'line> {
    fn rest(&self) -> &'line [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.rest().first() {
            self.at += 1;
        }
    }

    /// Takes this byte, if it is the next one.
    fn take(&mut self, byte: u8) -> Option<()> {
        (*self.rest().first()? == byte).then(|| self.at += 1)
    }

    /// Takes a string without escapes.
    fn string(&mut self) -> Option<&'line str> {
        self.take(b'"')?;
        let start = self.at;
        self.at += plain_length(self.rest());
        let string = self.text.get(start..self.at)?;
        self.take(b'"')?;
        Some(string)
    }

    /// Takes a value that holds no others.
    fn value(&mut self) -> Option<Value<'line>> {
        match self.rest().first()? {
            b'"' => Some(match self.string()? {
                "" => Value::Lacking,
                string => Value::Text(Cow::Borrowed(string)),
            }),
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
