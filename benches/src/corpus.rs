//! The corpus: which line comes next, and what it says.
//!
//! Input: a [`Corpus`]. Output: its lines, in an order drawn from the seed, and the [`Expected`] account.
//! Bounds: how many lines of each kind are left to draw is all that is remembered between lines, so a corpus of a
//! hundred million recipients needs no more memory than one of ten.

use std::fmt;
use std::io::{self, Write};

use fastrand::Rng;

use crate::bad_line::BadLine;
use crate::expected::Expected;
use crate::numbers::{self, Number, Numbers, RECIPIENTS_MAX, Spread};
use crate::record::{chance, write_lifelike, write_plain};
use crate::spelling::{HomeRegion, Spelling};

/// One `line_too_long` for so many lines of each other reason: it weighs as much as 500 good lines, and at the common
/// share such lines would be five sixths of the bytes.
const BAD_LINES_PER_LONG_LINE: u64 = 100;

/// What good lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Accents, escapes, several spellings of numbers, other keys, other orders, CRLF, blank lines.
    Lifelike,
    /// ASCII without escapes, E.164 only, the same keys in the same order: the easy case, for comparison.
    Plain,
}

/// A file of contacts, described. The same description gives the same bytes on every machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// Another seed, another file.
    pub seed: u64,
    /// Distinct numbers in good lines; at most [`RECIPIENTS_MAX`].
    pub recipients: u64,
    /// Where the numbers lie.
    pub spread: Spread,
    /// What good lines look like.
    pub shape: Shape,
    /// The default region of the campaign that reads it.
    pub home: HomeRegion,
    /// Lines that repeat a number, for a hundred recipients.
    pub duplicates_percent: u8,
    /// Bad lines of each reason in `bad_lines`, for a hundred recipients. There is one `line_too_long` for a hundred
    /// of each other reason, and at least one where there are any.
    pub invalid_percent: u8,
    /// The reasons for which lines are bad.
    pub bad_lines: &'static [BadLine],
}

/// A corpus was asked for more distinct numbers than it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecipientsMaxExceeded {
    /// How many were asked for.
    pub recipients: u64,
}

impl fmt::Display for RecipientsMaxExceeded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} recipients are more than the {RECIPIENTS_MAX} a corpus can have",
            self.recipients
        )
    }
}

impl std::error::Error for RecipientsMaxExceeded {}

impl Corpus {
    /// A lifelike corpus of several countries for a campaign at home in France, with 5 % duplicates and 1 % bad lines
    /// of each reason that holds for every campaign.
    pub fn new(seed: u64, recipients: u64) -> Self {
        Self {
            seed,
            recipients,
            spread: Spread::Mixed,
            shape: Shape::Lifelike,
            home: HomeRegion::France,
            duplicates_percent: 5,
            invalid_percent: 1,
            bad_lines: &BadLine::OF_EVERY_CAMPAIGN,
        }
    }

    /// The committed `examples/contacts.ndjson`: exactly 1,000 lines, with bad lines of the two reasons as well that
    /// depend on the campaign.
    pub fn example() -> Self {
        Self {
            bad_lines: &BadLine::ALL,
            ..Self::new(2026, 891)
        }
    }

    /// The account that a correct reader comes to.
    pub fn expected(&self) -> Expected {
        let each = self.share(self.invalid_percent);
        let mut invalid = [0; BadLine::ALL.len()];
        for &reason in self.bad_lines {
            invalid[reason.index()] = match reason {
                BadLine::LineTooLong => each.div_ceil(BAD_LINES_PER_LONG_LINE),
                _ => each,
            };
        }
        Expected::new(self.recipients, self.share(self.duplicates_percent), invalid)
    }

    fn share(&self, percent: u8) -> u64 {
        self.recipients / 100 * u64::from(percent) + self.recipients % 100 * u64::from(percent) / 100
    }

    /// The lines, one at a time.
    ///
    /// # Errors
    /// [`RecipientsMaxExceeded`] when there are not so many numbers.
    pub fn lines(&self) -> Result<Lines, RecipientsMaxExceeded> {
        if self.recipients > RECIPIENTS_MAX {
            return Err(RecipientsMaxExceeded {
                recipients: self.recipients,
            });
        }
        let expected = self.expected();
        Ok(Lines {
            corpus: self.clone(),
            numbers: Numbers::new(self.spread, self.recipients, self.seed),
            random: Rng::with_seed(self.seed),
            written: 0,
            left: expected,
            spelled: Vec::with_capacity(32),
        })
    }

    /// Writes all lines, a small write each: give it a buffered writer.
    ///
    /// # Errors
    /// What `out` answers; [`io::ErrorKind::InvalidInput`] with [`RecipientsMaxExceeded`].
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<Expected> {
        let mut lines = self
            .lines()
            .map_err(|exceeded| io::Error::new(io::ErrorKind::InvalidInput, exceeded))?;
        let mut line = Vec::with_capacity(512);
        while lines.next_into(&mut line) {
            out.write_all(&line)?;
            line.clear();
        }
        Ok(self.expected())
    }

    /// All lines in memory, for benches and small tests.
    ///
    /// # Errors
    /// [`RecipientsMaxExceeded`] when there are not so many numbers.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecipientsMaxExceeded> {
        let mut lines = self.lines()?;
        let mut bytes = Vec::new();
        while lines.next_into(&mut bytes) {}
        Ok(bytes)
    }
}

/// The lines of a corpus, drawn one after the other.
#[derive(Debug)]
pub struct Lines {
    corpus: Corpus,
    numbers: Numbers,
    random: Rng,
    /// Good lines with a new number so far, which is also the index of the next new number.
    written: u64,
    /// An urn: the lines that were not drawn yet.
    left: Expected,
    spelled: Vec<u8>,
}

/// What the urn gave.
enum Drawn {
    New,
    Duplicate,
    Bad(BadLine),
}

impl Lines {
    /// Appends the next line with its line end, and sometimes a blank line before it; `false` after the last.
    pub fn next_into(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(drawn) = self.draw() else { return false };
        let lifelike = self.corpus.shape == Shape::Lifelike;
        if lifelike && self.random.u16(0..500) == 0 {
            out.extend_from_slice(b"  \n");
        }
        match drawn {
            Drawn::New => {
                let index = self.written;
                self.written += 1;
                self.good_line(index, SpellingChoice::First, out);
            }
            Drawn::Duplicate => {
                let index = self.random.u64(0..self.written);
                self.good_line(index, SpellingChoice::Another, out);
            }
            Drawn::Bad(reason) => self.bad_line(reason, out),
        }
        let ending: &[u8] = if lifelike && chance(2, &mut self.random) {
            b"\r\n"
        } else {
            b"\n"
        };
        out.extend_from_slice(ending);
        true
    }

    /// Takes one of the lines that are left, each as likely as any other; a duplicate needs a line to repeat.
    fn draw(&mut self) -> Option<Drawn> {
        if self.left.lines == 0 {
            return None;
        }
        let place = self.random.u64(0..self.left.lines);
        let drawn = match self.left.at(place) {
            Drawn::Duplicate if self.written == 0 => Drawn::New,
            drawn => drawn,
        };
        self.left.take(&drawn);
        Some(drawn)
    }

    fn good_line(&mut self, index: u64, choice: SpellingChoice, out: &mut Vec<u8>) {
        let number = self.numbers.nth(index);
        self.spell(number, index, choice);
        match self.corpus.shape {
            Shape::Plain => write_plain(&self.spelled, &mut self.random, out),
            Shape::Lifelike => write_lifelike(&self.spelled, &mut self.random, out),
        }
    }

    /// A bad line carries the number of some recipient: to have stood in one reaches nobody, and must not make a
    /// later good line a duplicate.
    fn bad_line(&mut self, reason: BadLine, out: &mut Vec<u8>) {
        let index = self.random.u64(0..self.corpus.recipients);
        let number = match reason {
            BadLine::CountryNotAllowed => numbers::not_allowed(&mut self.random),
            _ => self.numbers.nth(index),
        };
        self.spell(number, index, SpellingChoice::First);
        reason.write(&self.spelled, &mut self.random, out);
    }

    fn spell(&mut self, number: Number, index: u64, choice: SpellingChoice) {
        let spellings = match self.corpus.shape {
            Shape::Plain => &[Spelling::E164],
            Shape::Lifelike => Spelling::all_of(number, self.corpus.home),
        };
        let count = spellings.len() as u64;
        // The first spelling follows from the index alone, so that a duplicate can avoid it without a memory.
        let mut of_index = Rng::with_seed(self.corpus.seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let first = if chance(60, &mut of_index) {
            0
        } else {
            of_index.u64(0..count)
        };
        let place = match choice {
            SpellingChoice::Another if count > 1 => (first + self.random.u64(1..count)) % count,
            _ => first,
        };
        self.spelled.clear();
        spellings[usize::try_from(place).unwrap_or_default()].write(number, &mut self.spelled);
    }
}

#[derive(Clone, Copy)]
enum SpellingChoice {
    First,
    Another,
}

impl Expected {
    /// The kind of the line at a place of the urn: the new ones lie first, then the duplicates, then the bad ones.
    fn at(&self, place: u64) -> Drawn {
        if place < self.distinct {
            return Drawn::New;
        }
        let mut place = place - self.distinct;
        if place < self.duplicates {
            return Drawn::Duplicate;
        }
        place -= self.duplicates;
        for reason in BadLine::ALL {
            if place < self.invalid(reason) {
                return Drawn::Bad(reason);
            }
            place -= self.invalid(reason);
        }
        unreachable!("the counts add up to the lines")
    }

    fn take(&mut self, drawn: &Drawn) {
        self.lines -= 1;
        match *drawn {
            Drawn::New => self.distinct -= 1,
            Drawn::Duplicate => self.duplicates -= 1,
            Drawn::Bad(reason) => self.remove_bad(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_the_recipients_and_long_lines_are_rare() {
        let expected = Corpus::new(1, 1_000_000).expected();
        assert_eq!(expected.distinct, 1_000_000);
        assert_eq!(expected.duplicates, 50_000);
        assert_eq!(expected.invalid(BadLine::FieldType), 10_000);
        assert_eq!(expected.invalid(BadLine::LineTooLong), 100);
        assert_eq!(expected.invalid(BadLine::PlaceholderMissing), 0);
        assert_eq!(expected.lines, 1_000_000 + 50_000 + 6 * 10_000 + 100);
    }

    #[test]
    fn no_recipients_are_no_lines() {
        assert_eq!(Corpus::new(1, 0).to_bytes(), Ok(Vec::new()));
    }

    #[test]
    fn a_hundred_million_recipients_are_the_most() {
        assert!(Corpus::new(1, RECIPIENTS_MAX).lines().is_ok());
        let exceeded = Corpus::new(1, RECIPIENTS_MAX + 1).lines().map(|_| ());
        assert_eq!(
            exceeded,
            Err(RecipientsMaxExceeded {
                recipients: RECIPIENTS_MAX + 1
            })
        );
    }
}
