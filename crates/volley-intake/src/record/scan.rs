//! The quickest reader: a look at each byte for the quotation marks of a line, then from mark to mark, and every value
//! borrowed from the line itself.
//!
//! It knows objects without control characters, tabs among them, with nothing nested in our keys, and without escapes in any
//! key but one of ours. Whatever else it meets, a fault among it, it leaves to the next reader, by `None`; what it is sure
//! of, all readers read alike, which tests hold. Lines of one file mostly have their keys in one order: that of the line
//! before is tried first.
//!
//! Bounds: nothing is allocated or copied, but for texts with escapes, and what serde takes to skip nested values.
//! Sources: RFC 8259, 2 (white space), 6 (numbers), 7 (what a string may hold as it is).

use serde::de::IgnoredAny;
use volley_model::Excerpt;

use super::marks::{Look, QuoteMarks};
use super::{FieldNames, KEYS, Kind, Record, text};

pub(super) struct Scanner {
    marks: QuoteMarks,
    pairs: Pairs,
}

impl Scanner {
    pub(super) fn new() -> Self {
        Self {
            marks: QuoteMarks::default(),
            pairs: Pairs {
                order: std::array::from_fn(|pair| pair),
                count: 0,
                seen: 0,
            },
        }
    }

    /// Reads the line into an empty record; `None` where another reader has to look, and what the record has then means
    /// nothing. (A record is too large to be handed from one to another for each line.)
    pub(super) fn read<'line>(
        &mut self,
        line: Excerpt<'line>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Option<()> {
        let look = self.marks.look_at(line.as_str().as_bytes());
        if look == Look::Controls {
            return None;
        }
        let mut cursor = Cursor {
            line,
            text: line.as_str(),
            at: 0,
            marks: &self.marks,
            has_escapes: look == Look::Escapes,
            depth_is_known: false,
        };
        record.verbatim = look == Look::Plain;
        cursor.skip_space();
        cursor.take(b'{')?;
        cursor.skip_space();
        if cursor.take(b'}').is_none() {
            self.pairs.read(&mut cursor, names, record)?;
        }
        cursor.skip_space();
        (cursor.at == line.len()).then_some(())
    }
}

/// The pairs of a line.
struct Pairs {
    /// The place of the key that each pair of a line had last; [`KEYS`] for one that is not ours.
    order: [usize; KEYS],
    /// How many of this line are read.
    count: usize,
    /// Bit p: the key of place p came.
    seen: u32,
}

/// What stands behind a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    Another,
    TheEnd,
}

impl Pairs {
    /// Takes all pairs, and the bracket behind them; notes the order of their keys for the next line.
    fn read<'line>(
        &mut self,
        cursor: &mut Cursor<'line, '_>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Option<()> {
        (self.count, self.seen) = (0, 0);
        loop {
            if !cursor.has_escapes && self.take_usual(cursor, names, record) == Behind::TheEnd {
                return Some(());
            }
            self.take_any(cursor, names, record)?;
            if cursor.behind()? == Behind::TheEnd {
                return Some(());
            }
        }
    }

    /// Takes pairs as long as each has the key that the line before had there, with a string: of most lines these are all.
    fn take_usual<'line>(
        &mut self,
        cursor: &mut Cursor<'line, '_>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Behind {
        let (line, marks) = (cursor.line, cursor.marks);
        let text = line.as_str().as_bytes();
        let byte = |at: usize| text.get(at).copied();
        let behind_space = |at: usize| at + usize::from(byte(at) == Some(b' '));
        let mut at = cursor.at;
        let mut behind = Behind::Another;
        while behind == Behind::Another
            && let Some(place) = self.order.get(self.count).copied()
            && let Some(opening) = names.opening(place)
            // What stands behind the line may be compared too: no opening holds a line's end.
            && opening.begins(line.bytes_behind(at))
            // A line that was rejected for a key that it had twice leaves it twice in the order.
            && self.seen & 1 << place == 0
            && let quote = behind_space(at + opening.length())
            && byte(quote) == Some(b'"')
            && let Some(end) = marks.next(quote + 1)
            && let Some(value) = line.part(quote + 1, end)
        {
            behind = match byte(end + 1) {
                Some(b',') => Behind::Another,
                Some(b'}') => Behind::TheEnd,
                _ => break,
            };
            record.set(place, Kind::Text, value);
            self.seen |= 1 << place;
            self.count += 1;
            at = behind_space(end + 2);
        }
        cursor.at = at;
        behind
    }

    /// Takes a pair, whatever it is.
    fn take_any<'line>(
        &mut self,
        cursor: &mut Cursor<'line, '_>,
        names: &FieldNames,
        record: &mut Record<'line>,
    ) -> Option<()> {
        cursor.skip_space();
        let guess = self.order.get(self.count).copied().unwrap_or(KEYS);
        let place = if cursor.take_opening(names, guess) {
            guess
        } else {
            // A line that lacks a key of the one before has the others at other places.
            let place = match (0..KEYS).find(|place| cursor.take_opening(names, *place)) {
                Some(place) => place,
                None => cursor.key(names)?,
            };
            if let Some(last) = self.order.get_mut(self.count) {
                *last = place;
            }
            place
        };
        self.count += 1;
        cursor.skip_space();
        if place == KEYS {
            return cursor.skip_value();
        }
        if self.seen & 1 << place != 0 {
            return None;
        }
        self.seen |= 1 << place;
        match cursor.plain_string() {
            Some(text) => record.set(place, Kind::Text, text),
            None => cursor.value(place, record)?,
        }
        Some(())
    }
}

/// A place in a line without control characters.
struct Cursor<'line, 'marks> {
    line: Excerpt<'line>,
    /// Its text.
    text: &'line str,
    at: usize,
    marks: &'marks QuoteMarks,
    /// Whether there is a reverse solidus anywhere.
    has_escapes: bool,
    /// Whether it is known that the line does not nest too deep.
    depth_is_known: bool,
}

impl<'line> Cursor<'line, '_> {
    /// The next byte.
    #[inline]
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        while self.next() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Takes what stands behind a pair: a comma, or the bracket behind the last one.
    fn behind(&mut self) -> Option<Behind> {
        self.skip_space();
        let next = self.next()?;
        self.at += 1;
        match next {
            b',' => {
                self.skip_space();
                Some(Behind::Another)
            }
            b'}' => Some(Behind::TheEnd),
            _ => None,
        }
    }

    /// Takes this byte, if it is the next one.
    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Takes a key and its colon, if it is the key at this place.
    #[inline]
    fn take_opening(&mut self, names: &FieldNames, place: usize) -> bool {
        let Some(opening) = names.opening(place) else {
            return false;
        };
        // What stands behind the line may be compared too: no opening holds a line's end.
        let opens = opening.begins(self.line.bytes_behind(self.at));
        if opens {
            self.at += opening.length();
        }
        opens
    }

    /// Takes a key and its colon, however they are set: the key's place, [`KEYS`] for one that is not ours.
    fn key(&mut self, names: &FieldNames) -> Option<usize> {
        let key = self.plain_string()?;
        self.skip_space();
        self.take(b':')?;
        Some(names.place(key.as_str(), KEYS).unwrap_or(KEYS))
    }

    /// Takes a string without escapes.
    fn plain_string(&mut self) -> Option<Excerpt<'line>> {
        self.next().filter(|byte| *byte == b'"')?;
        let start = self.at + 1;
        let end = self.marks.next(start)?;
        let text = self.line.part(start, end)?;
        if self.has_escapes && text.as_str().contains('\\') {
            return None;
        }
        self.at = end + 1;
        Some(text)
    }

    /// Takes a string with escapes, which serde reads; one that it refuses is another reader's to explain.
    #[cold]
    fn escaped_string(&mut self) -> Option<String> {
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
        serde_json::from_str(raw).ok()
    }

    /// Takes a value that holds no others, and is no string without escapes, into the record.
    fn value(&mut self, place: usize, record: &mut Record<'line>) -> Option<()> {
        match self.next()? {
            b'"' => record.set_unescaped(place, self.escaped_string()?),
            b'-' | b'0'..=b'9' => record.set(place, Kind::Number, self.number()?),
            b'n' => self.word("null")?,
            b't' => {
                self.word("true")?;
                record.set(place, Kind::Boolean, Excerpt::EMPTY);
            }
            b'f' => {
                self.word("false")?;
                record.set(place, Kind::Boolean, Excerpt::EMPTY);
            }
            _ => return None,
        }
        Some(())
    }

    /// Takes a value that nobody asks for, whatever it holds; serde sees to what is nested.
    fn skip_value(&mut self) -> Option<()> {
        match self.next()? {
            b'{' | b'[' => {}
            b'"' => {
                let plain = self.plain_string().map(drop);
                return plain.or_else(|| self.escaped_string().map(drop));
            }
            b'n' => return self.word("null"),
            b't' => return self.word("true"),
            b'f' => return self.word("false"),
            _ => return self.number().map(drop),
        }
        // Asked of the whole line, and so no more than once.
        if !self.depth_is_known {
            if text::nests_too_deep(self.text.as_bytes()) {
                return None;
            }
            self.depth_is_known = true;
        }
        let mut values =
            serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.as_bytes().get(self.at..)?;
        rest.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<Excerpt<'line>> {
        let start = self.at;
        let _minus = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.next() {
            self.at += 1;
            let _sign = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        self.line.part(start, self.at)
    }

    /// Takes digits, at least one.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.next().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}
