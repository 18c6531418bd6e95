//! The account of input lines: every line read ends in exactly one count.

use std::ops::{AddAssign, Sub};

/// Why a line was not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    missing_docs,
    reason = "the names say it, and users read them in the rejects file"
)]
pub enum Reason {
    JsonMalformed,
    Utf8Invalid,
    LineTooLong,
    PhoneNumberMissing,
    PhoneNumberInvalid,
    CountryNotAllowed,
    FieldTooLong,
    FieldType,
    PlaceholderMissing,
    RefusedByProvider,
    Duplicate,
    Suppressed,
    AlreadySent,
}

impl Reason {
    /// The reason's name in the rejects file.
    pub fn name(self) -> &'static str {
        match self {
            Self::JsonMalformed => "json_malformed",
            Self::Utf8Invalid => "utf8_invalid",
            Self::LineTooLong => "line_too_long",
            Self::PhoneNumberMissing => "phone_number_missing",
            Self::PhoneNumberInvalid => "phone_number_invalid",
            Self::CountryNotAllowed => "country_not_allowed",
            Self::FieldTooLong => "field_too_long",
            Self::FieldType => "field_type",
            Self::PlaceholderMissing => "placeholder_missing",
            Self::RefusedByProvider => "refused_by_provider",
            Self::Duplicate => "duplicate",
            Self::Suppressed => "suppressed",
            Self::AlreadySent => "already_sent",
        }
    }

    /// Whether the line itself is at fault, rather than skipped for what happened before.
    pub fn is_invalid(self) -> bool {
        !matches!(
            self,
            Self::RefusedByProvider | Self::Duplicate | Self::Suppressed | Self::AlreadySent
        )
    }
}

/// What became of lines as the intake read them. `planned` lines go into batches; their batch's state decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the summary's")]
pub struct LineCounts {
    pub invalid: u64,
    pub suppressed: u64,
    pub duplicate: u64,
    pub already_sent: u64,
    pub refused: u64,
    pub in_doubt: u64,
    pub planned: u64,
}

impl LineCounts {
    /// Lines read: the sum of all counts, and so never anything else.
    pub fn read(&self) -> u64 {
        self.in_order().into_iter().sum()
    }

    /// The counts in the order in which they are declared, which is the ledger's too.
    pub fn in_order(&self) -> [u64; 7] {
        let Self {
            invalid,
            suppressed,
            duplicate,
            already_sent,
            refused,
            in_doubt,
            planned,
        } = *self;
        [
            invalid,
            suppressed,
            duplicate,
            already_sent,
            refused,
            in_doubt,
            planned,
        ]
    }

    fn each(self, other: Self, operation: fn(u64, u64) -> u64) -> Self {
        Self {
            invalid: operation(self.invalid, other.invalid),
            suppressed: operation(self.suppressed, other.suppressed),
            duplicate: operation(self.duplicate, other.duplicate),
            already_sent: operation(self.already_sent, other.already_sent),
            refused: operation(self.refused, other.refused),
            in_doubt: operation(self.in_doubt, other.in_doubt),
            planned: operation(self.planned, other.planned),
        }
    }
}

impl AddAssign for LineCounts {
    fn add_assign(&mut self, other: Self) {
        *self = self.each(other, |ours, theirs| ours + theirs);
    }
}

impl Sub for LineCounts {
    type Output = Self;

    /// The lines that are here and not in `other`, which is a part of these.
    fn sub(self, other: Self) -> Self {
        self.each(other, |ours, theirs| ours - theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_two_parts_less_one_of_them_is_the_other_count_by_count() {
        let one = LineCounts {
            invalid: 1,
            suppressed: 2,
            duplicate: 3,
            already_sent: 4,
            refused: 5,
            in_doubt: 6,
            planned: 7,
        };
        assert_eq!(one.in_order(), [1, 2, 3, 4, 5, 6, 7]);
        let mut both = one;
        both += LineCounts {
            refused: 10,
            planned: 20,
            ..LineCounts::default()
        };
        assert_eq!(both.in_order(), [1, 2, 3, 4, 15, 6, 27]);
        assert_eq!((one.read(), both.read()), (28, 58));
        assert_eq!((both - one).in_order(), [0, 0, 0, 0, 10, 0, 20]);
    }
}
