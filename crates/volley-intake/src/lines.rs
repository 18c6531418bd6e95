//! A rolling buffer that cuts an input into lines, without copying them, and says which of them are UTF-8.
//!
//! Lines are given out a few at a time. The text of one reaches on into those behind it (see [`Excerpt`]).
//! Bounds: one block of 256 KiB, of which at most one unfinished line is carried over to the next read. Of a line
//! longer than [`LINE_BYTES_MAX`] only the head is kept, for the rejection; the rest is read and forgotten.
//! A byte order mark at the start, a carriage return before a line's end and a lacking last newline are accepted.

use std::io::{self, Read};

use volley_model::Excerpt;

/// The longest line, in bytes, without its line end.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
/// Large enough that a system call costs nothing beside its bytes, small enough to stay in the second-level cache.
const BLOCK_BYTES: usize = 256 * 1024;
/// What is kept of a line that is too long.
pub(crate) const HEAD_BYTES: usize = 256;
const BOM: &[u8] = b"\xef\xbb\xbf";
/// A line without its end yet, longer than this, is too long whatever follows: a byte order mark and a carriage
/// return do not count.
const UNFINISHED_BYTES_MAX: usize = LINE_BYTES_MAX + BOM.len() + 1;

/// A line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line<'block> {
    /// A whole line; where its group begins and ends with whole lines and is UTF-8, what stands behind it there is behind
    /// its excerpt.
    Text(Excerpt<'block>),
    /// A whole line that is no UTF-8.
    Bytes(&'block [u8]),
    /// Its first bytes.
    TooLong(&'block [u8]),
}

/// Where a line is kept, until the next read.
#[derive(Debug, Clone, Copy)]
enum Span {
    Whole { from: usize, to: usize },
    TooLong { from: usize },
    Forgotten { head: usize },
}

/// What reading brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filled {
    More,
    End,
}

#[derive(Clone, Copy)]
enum State {
    /// Lines are held whole.
    Whole,
    /// The rest of a line is being forgotten; this much of `head` is its beginning.
    Forgetting(usize),
    /// A line that was forgotten has ended.
    Forgotten(usize),
}

pub(crate) struct LineBuffer {
    block: Vec<u8>,
    /// The first byte not given out.
    start: usize,
    /// No newline before here.
    scanned: usize,
    /// Behind the last byte read.
    end: usize,
    head: Vec<u8>,
    state: State,
    ended: bool,
    number: u64,
}

impl LineBuffer {
    pub(crate) fn new() -> Self {
        Self {
            block: vec![0; BLOCK_BYTES],
            start: 0,
            scanned: 0,
            end: 0,
            head: vec![0; HEAD_BYTES],
            state: State::Whole,
            ended: false,
            number: 0,
        }
    }

    /// Forgets the input before: what follows is another one.
    pub(crate) fn begin(&mut self) {
        (self.start, self.scanned, self.end, self.number) = (0, 0, 0, 0);
        self.state = State::Whole;
        self.ended = false;
    }

    /// The number of the line given out last, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next lines that are there whole, at most so many; none when more has to be read, or nothing is left.
    pub(crate) fn next_lines(&mut self, most: usize) -> Vec<Line<'_>> {
        let mut spans = Vec::with_capacity(most);
        while spans.len() < most
            && let Some(span) = self.next_span()
        {
            spans.push(span);
        }
        let text = self.text_of(&spans);
        spans.into_iter().map(|span| self.line(span, text)).collect()
    }

    /// All of these lines with what stands between them, if it is UTF-8: where it begins, and the text. Most often it is,
    /// and asked once for many lines the question costs next to nothing.
    fn text_of(&self, spans: &[Span]) -> Option<(usize, &str)> {
        let (Some(Span::Whole { from, .. }), Some(Span::Whole { to, .. })) = (spans.first(), spans.last())
        else {
            return None;
        };
        let text = simdutf8::basic::from_utf8(&self.block[*from..*to]).ok()?;
        Some((*from, text))
    }

    fn line<'block>(&'block self, span: Span, text: Option<(usize, &'block str)>) -> Line<'block> {
        let (from, to) = match span {
            Span::Whole { from, to } => (from, to),
            Span::TooLong { from } => return Line::TooLong(&self.block[from..from + HEAD_BYTES]),
            Span::Forgotten { head } => return Line::TooLong(&self.head[..head]),
        };
        if let Some((start, text)) = text
            && let Some(line) = Excerpt::from(text).part(from - start, to - start)
        {
            return Line::Text(line);
        }
        let bytes = &self.block[from..to];
        simdutf8::basic::from_utf8(bytes).map_or(Line::Bytes(bytes), |text| Line::Text(text.into()))
    }

    fn next_span(&mut self) -> Option<Span> {
        if let State::Forgotten(head) = self.state {
            self.state = State::Whole;
            self.number += 1;
            return Some(Span::Forgotten { head });
        }
        let rest = &self.block[self.scanned..self.end];
        let (stop, next) = match memchr::memchr(b'\n', rest) {
            Some(at) => (self.scanned + at, self.scanned + at + 1),
            None if self.ended && self.start < self.end => (self.end, self.end),
            None => {
                self.scanned = self.end;
                return None;
            }
        };
        let from = self.start;
        (self.start, self.scanned) = (next, next);
        self.number += 1;
        let (from, to) = self.without_marks(from, stop, self.number == 1);
        Some(if to - from > LINE_BYTES_MAX {
            Span::TooLong { from }
        } else {
            Span::Whole { from, to }
        })
    }

    /// A line's place without a carriage return at its end, and for the first line without a byte order mark.
    fn without_marks(&self, from: usize, to: usize, first: bool) -> (usize, usize) {
        let line = &self.block[from..to];
        let to = to - usize::from(line.ends_with(b"\r"));
        let mark = first && line.starts_with(BOM);
        (from + if mark { BOM.len() } else { 0 }, to)
    }

    /// Reads on, once [`next_lines`](Self::next_lines) has nothing left.
    pub(crate) fn fill(&mut self, input: &mut dyn Read) -> io::Result<Filled> {
        if self.end - self.start > UNFINISHED_BYTES_MAX {
            self.forget_line();
        }
        if let State::Forgetting(length) = self.state {
            return self.skip_line(input, length);
        }
        self.block.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        (self.start, self.scanned) = (0, self.end);
        let count = read(input, &mut self.block[self.end..])?;
        self.end += count;
        Ok(self.filled(count))
    }

    fn filled(&mut self, count: usize) -> Filled {
        if count > 0 || self.ended {
            return if self.ended { Filled::End } else { Filled::More };
        }
        // The last line may still be there, unfinished: it is given out before the end is told.
        self.ended = true;
        if self.start < self.end || matches!(self.state, State::Forgotten(_)) {
            Filled::More
        } else {
            Filled::End
        }
    }

    fn forget_line(&mut self) {
        let (from, _) = self.without_marks(self.start, self.end, self.number == 0);
        self.head.copy_from_slice(&self.block[from..from + HEAD_BYTES]);
        self.state = State::Forgetting(HEAD_BYTES);
        (self.start, self.scanned, self.end) = (0, 0, 0);
    }

    fn skip_line(&mut self, input: &mut dyn Read, head: usize) -> io::Result<Filled> {
        let count = read(input, &mut self.block)?;
        let newline = memchr::memchr(b'\n', &self.block[..count]);
        if let Some(at) = newline {
            (self.start, self.scanned, self.end) = (at + 1, at + 1, count);
        }
        if newline.is_some() || count == 0 {
            self.state = State::Forgotten(head);
        }
        Ok(self.filled(count))
    }
}

fn read(input: &mut dyn Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All lines of an input; a line that is too long as `None`.
    fn lines(mut input: impl Read) -> Vec<Option<Vec<u8>>> {
        let mut buffer = LineBuffer::new();
        buffer.begin();
        let mut lines = Vec::new();
        loop {
            loop {
                let some = buffer.next_lines(3);
                if some.is_empty() {
                    break;
                }
                lines.extend(some.into_iter().map(|line| match line {
                    Line::Text(line) => Some(line.as_str().as_bytes().to_vec()),
                    Line::Bytes(line) => {
                        assert!(std::str::from_utf8(line).is_err());
                        Some(line.to_vec())
                    }
                    Line::TooLong(_) => None,
                }));
            }
            if buffer.fill(&mut input).unwrap() == Filled::End {
                assert_eq!(buffer.number(), u64::try_from(lines.len()).unwrap());
                return lines;
            }
        }
    }

    fn check(input: &[u8], expected: &[&str]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|line| Some(line.as_bytes().to_vec()))
            .collect();
        assert_eq!(lines(input), expected, "{:?}", input.escape_ascii().to_string());
    }

    #[test]
    fn line_ends_of_every_kind() {
        check(b"", &[]);
        check(b"a", &["a"]);
        check(b"a\n", &["a"]);
        check(b"a\r\nb\r\n", &["a", "b"]);
        check(b"a\n\n b", &["a", "", " b"]);
        check(b"\xef\xbb\xbfa\n\xef\xbb\xbfb", &["a", "\u{feff}b"]);
        check(b"\xef\xbb\xbf", &[""]);
        check(b"a\r", &["a"]);
    }

    #[test]
    fn a_line_that_is_no_utf8_stands_alone_among_those_that_are() {
        let mut buffer = LineBuffer::new();
        buffer.begin();
        let mut input: &[u8] = b"\xef\xbb\xbfa\xc3\xa9\r\n\xff\nb\xc3\n\xa9c\nd";
        let mut found = Vec::new();
        while buffer.fill(&mut input).unwrap() == Filled::More {
            for line in buffer.next_lines(9) {
                found.push(match line {
                    Line::Text(line) => Ok(line.as_str().to_owned()),
                    Line::Bytes(line) => Err(line.to_vec()),
                    Line::TooLong(_) => panic!("none is long"),
                });
            }
        }
        let text = |text: &str| Ok(text.to_owned());
        let bytes = |bytes: &[u8]| Err(bytes.to_vec());
        assert_eq!(
            found,
            [
                text("aé"),
                bytes(b"\xff"),
                bytes(b"b\xc3"),
                bytes(b"\xa9c"),
                text("d")
            ]
        );
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_does_not() {
        for end in ["", "\n", "\r\n"] {
            for bom in ["", "\u{feff}"] {
                let longest = format!("{bom}{}{end}", "x".repeat(LINE_BYTES_MAX));
                assert_eq!(
                    lines(longest.as_bytes())[0].as_ref().map(Vec::len),
                    Some(LINE_BYTES_MAX)
                );
                let longer = format!("{bom}{}{end}", "x".repeat(LINE_BYTES_MAX + 1));
                assert_eq!(lines(longer.as_bytes()), [None], "{end:?} {bom:?}");
            }
        }
    }

    #[test]
    fn what_follows_a_forgotten_line_is_read() {
        for length in [100_000, 300_000, 1_000_000, 262_144, 262_143] {
            let text = format!("a\n{}\nb\nc", "x".repeat(length));
            let expected = [
                Some(b"a".to_vec()),
                None,
                Some(b"b".to_vec()),
                Some(b"c".to_vec()),
            ];
            assert_eq!(lines(text.as_bytes()), expected, "{length}");
        }
    }

    #[test]
    fn a_line_of_a_gigabyte_is_never_held() {
        let mut buffer = LineBuffer::new();
        buffer.begin();
        let mut input = io::repeat(b'x').take(1 << 30).chain(&b"\nnext"[..]);
        let mut found = Vec::new();
        loop {
            for line in buffer.next_lines(5) {
                found.push(matches!(line, Line::TooLong(head) if head == [b'x'; HEAD_BYTES]));
            }
            assert_eq!(buffer.block.capacity(), BLOCK_BYTES);
            if buffer.fill(&mut input).unwrap() == Filled::End {
                break;
            }
        }
        assert_eq!(found, [true, false]);
    }
}
