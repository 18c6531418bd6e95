//! A rolling buffer that cuts an input into lines, without copying them.
//!
//! Bounds: one block of 256 KiB, of which at most one unfinished line is carried over to the next read. Of a line
//! longer than [`LINE_BYTES_MAX`] only the head is kept, for the rejection; the rest is read and forgotten.
//! A byte order mark at the start, a carriage return before a line's end and a lacking last newline are accepted.

use std::io::{self, Read};

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
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'block> {
    Whole(&'block [u8]),
    /// Its first bytes.
    TooLong(&'block [u8]),
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

    /// The next line that is there whole; `None` when more has to be read, or nothing is left.
    pub(crate) fn next_line(&mut self) -> Option<Line<'_>> {
        if let State::Forgotten(length) = self.state {
            self.state = State::Whole;
            self.number += 1;
            return Some(Line::TooLong(&self.head[..length]));
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
        let line = without_marks(&self.block[from..stop], self.number == 1);
        if line.len() > LINE_BYTES_MAX {
            return Some(Line::TooLong(&line[..HEAD_BYTES]));
        }
        Some(Line::Whole(line))
    }

    /// Reads on, once [`next_line`](Self::next_line) has nothing left.
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
        let line = without_marks(&self.block[self.start..self.end], self.number == 0);
        self.head.copy_from_slice(&line[..HEAD_BYTES]);
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

fn without_marks(line: &[u8], first: bool) -> &[u8] {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if first {
        return line.strip_prefix(BOM).unwrap_or(line);
    }
    line
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
            while let Some(line) = buffer.next_line() {
                lines.push(match line {
                    Line::Whole(line) => Some(line.to_vec()),
                    Line::TooLong(_) => None,
                });
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
            while let Some(line) = buffer.next_line() {
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
