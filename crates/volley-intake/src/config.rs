//! What the intake has to know before the first byte.

use std::num::NonZeroUsize;

use volley_model::FieldSet;

use crate::{FieldNames, NumberRule, Region};

/// The settings of an intake: the campaign file's `[input]`, checked, and what limits and template ask of it.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each asks for something by itself")]
pub struct IntakeConfig {
    /// The input's keys for our fields.
    pub names: FieldNames,
    /// The region whose numbers may be written without a country code.
    pub default_region: Option<Region>,
    /// What a number must pass.
    pub numbers: NumberRule,
    /// The only countries sent to; `None` allows all.
    pub allowed_countries: Option<Vec<Region>>,
    /// Fields a recipient must have: placeholders without a default.
    pub required: FieldSet,
    /// Recipients in a batch. The last one of a run is shorter.
    pub batch_size: NonZeroUsize,
    /// Whether the encoder is asked to measure each recipient's message.
    pub count_units: bool,
    /// Whether, where units are counted, they are counted by country too, and what makes a message UCS-2 is. For plans: a run
    /// that sends has no use for it.
    pub count_details: bool,
    /// Whether batches tell where their members' lines stand.
    pub keep_places: bool,
    /// Whether batches tell what it takes to take them apart again: where other runs may hold some of their numbers.
    pub keep_parts: bool,
    /// At most so many recipients in this run, cut exactly; fewer, where some come back after that (see
    /// [`Intake::take_back`](crate::Intake::take_back)).
    pub recipients_max: Option<u64>,
    /// How much of the input may be invalid.
    pub max_invalid: Option<InvalidLimit>,
}

impl IntakeConfig {
    /// The defaults of the campaign file, with batches of `batch_size`.
    pub fn new(batch_size: NonZeroUsize) -> Self {
        Self {
            names: FieldNames::default(),
            default_region: None,
            numbers: NumberRule::default(),
            allowed_countries: None,
            required: FieldSet::default(),
            batch_size,
            count_units: false,
            count_details: false,
            keep_places: false,
            keep_parts: false,
            recipients_max: None,
            max_invalid: None,
        }
    }
}

/// The most invalid lines a run accepts; see [`InvalidLimit::JUDGED_FROM_LINES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidLimit {
    /// A share of the lines read, as an exact ratio: 12.5 % is 125 of 1000.
    Share {
        /// Invalid lines …
        of: u64,
        /// … in so many lines read. Not zero.
        lines: u64,
    },
    /// A number of lines.
    Count(u64),
}

impl InvalidLimit {
    /// Lines read before the limit is first judged, and before the first batch is given out: fewer say little
    /// about a share. A shorter input is judged at its end.
    pub const JUDGED_FROM_LINES: u64 = 10_000;

    /// Whether so many invalid lines among so many are too many.
    pub fn is_exceeded(self, invalid: u64, read: u64) -> bool {
        match self {
            Self::Share { of, lines } => {
                u128::from(invalid) * u128::from(lines) > u128::from(of) * u128::from(read)
            }
            Self::Count(most) => invalid > most,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exact_at_its_border() {
        let limit = InvalidLimit::Share { of: 125, lines: 1000 };
        assert!(!limit.is_exceeded(1, 8));
        assert!(limit.is_exceeded(2, 15));
        assert!(!InvalidLimit::Share { of: 0, lines: 100 }.is_exceeded(0, 10));
        assert!(InvalidLimit::Share { of: 0, lines: 100 }.is_exceeded(1, u64::MAX));
        assert!(!InvalidLimit::Count(3).is_exceeded(3, 3));
        assert!(InvalidLimit::Count(3).is_exceeded(4, 9));
    }
}
