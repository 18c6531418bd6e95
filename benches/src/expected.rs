//! The truth about a corpus: the account that a correct reader of it must come to.

use std::fmt;

use crate::bad_line::BadLine;

/// How many lines of each kind a corpus has. Blank lines do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// All lines, which is the sum of what follows.
    pub lines: u64,
    /// Good lines with a number that no good line before them has.
    pub distinct: u64,
    /// Good lines with the number of a good line before them, most in another spelling.
    pub duplicates: u64,
    /// Bad lines, in the order of [`BadLine::ALL`].
    invalid: [u64; BadLine::ALL.len()],
}

impl Expected {
    pub(crate) fn new(distinct: u64, duplicates: u64, invalid: [u64; BadLine::ALL.len()]) -> Self {
        let lines = distinct + duplicates + invalid.iter().sum::<u64>();
        Self {
            lines,
            distinct,
            duplicates,
            invalid,
        }
    }

    /// The lines that are bad for this reason.
    pub fn invalid(&self, reason: BadLine) -> u64 {
        self.invalid[reason.index()]
    }

    /// One bad line less, when it leaves the urn.
    pub(crate) fn remove_bad(&mut self, reason: BadLine) {
        self.invalid[reason.index()] -= 1;
    }

    /// The lines that are bad for any reason.
    pub fn invalid_lines(&self) -> u64 {
        self.invalid.iter().sum()
    }
}

/// One JSON object in one line:
/// `{"lines":1000,"distinct":891,"duplicates":44,"invalid":{"json_malformed":8,…}}`, the reasons as the rejects file
/// names them, all of them.
impl fmt::Display for Expected {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lines,
            distinct,
            duplicates,
            ..
        } = self;
        write!(
            out,
            r#"{{"lines":{lines},"distinct":{distinct},"duplicates":{duplicates},"invalid":{{"#
        )?;
        for (at, reason) in BadLine::ALL.into_iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(out, r#"{comma}"{}":{}"#, reason.name(), self.invalid(reason))?;
        }
        out.write_str("}}")
    }
}
