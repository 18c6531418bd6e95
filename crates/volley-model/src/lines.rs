//! The account of input lines: every line read ends in exactly one count.

use std::ops::AddAssign;

/// Why a line was not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it, and the interface defines them")]
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
        self.invalid
            + self.suppressed
            + self.duplicate
            + self.already_sent
            + self.refused
            + self.in_doubt
            + self.planned
    }
}

impl AddAssign for LineCounts {
    fn add_assign(&mut self, other: Self) {
        self.invalid += other.invalid;
        self.suppressed += other.suppressed;
        self.duplicate += other.duplicate;
        self.already_sent += other.already_sent;
        self.refused += other.refused;
        self.in_doubt += other.in_doubt;
        self.planned += other.planned;
    }
}
