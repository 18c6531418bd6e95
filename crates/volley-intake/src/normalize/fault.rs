//! Why a text is no number that may be sent to. The texts are read by people in the rejects file, and never
//! contain the number.

use std::fmt;

use rlibphonenumber::{ParseError, ValidationError};
use volley_model::Reason;

use super::Region;

/// Why a text is no number that may be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberFault {
    /// A letter, or with [`NumberRule::Any`](super::NumberRule::Any) anything but a digit.
    Letter {
        /// Its place, counted in characters from 1.
        at: usize,
    },
    /// An extension, such as `;5` or `#5`.
    Extension,
    /// `00…` where the region dials another international prefix.
    Ambiguous {
        /// The default region.
        region: Region,
    },
    /// No `+` where one is needed.
    NoPlus,
    /// No country code, and no region to take it from.
    NoRegion,
    /// No country has this code.
    UnknownCode,
    /// Nothing like a number.
    NotANumber,
    /// Too few digits for its country.
    TooShort,
    /// Too many digits for its country, or more than 15.
    TooLong,
    /// Neither too short nor too long: no number of its country has as many digits.
    Length,
    /// Possible, but in no range that its country has assigned.
    NotValid,
    /// A number of a country that the campaign does not allow.
    CountryNotAllowed {
        /// The country, where it can be told.
        region: Option<Region>,
        /// The calling code.
        code: u16,
    },
}

impl NumberFault {
    /// The reason under which the line is counted.
    pub fn reason(self) -> Reason {
        match self {
            Self::CountryNotAllowed { .. } => Reason::CountryNotAllowed,
            _ => Reason::PhoneNumberInvalid,
        }
    }

    pub(super) fn unread(error: &ParseError, text: &str, has_region: bool) -> Self {
        match error {
            ParseError::InvalidCountryCode if !has_region && !text.contains(['+', '\u{ff0b}']) => {
                Self::NoRegion
            }
            ParseError::InvalidCountryCode => Self::UnknownCode,
            ParseError::NotANumber(_) => Self::NotANumber,
            ParseError::TooShortAfterIdd | ParseError::TooShortNsn => Self::TooShort,
            ParseError::TooLongNsn => Self::TooLong,
        }
    }

    pub(super) fn impossible(error: ValidationError) -> Self {
        match error {
            ValidationError::TooShort => Self::TooShort,
            ValidationError::TooLong => Self::TooLong,
            ValidationError::InvalidCountryCode => Self::UnknownCode,
            ValidationError::InvalidLength => Self::Length,
        }
    }
}

impl fmt::Display for NumberFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Letter { at } => write!(out, "not a digit at character {at}"),
            Self::Extension => out.write_str("has an extension"),
            Self::Ambiguous { region } => write!(
                out,
                "00 is not the international prefix of the default region {region}: write + or the national form"
            ),
            Self::NoPlus => out.write_str("does not begin with +"),
            Self::NoRegion => out.write_str("no country code, and no default_region is set"),
            Self::UnknownCode => out.write_str("no such country code"),
            Self::NotANumber => out.write_str("not a phone number"),
            Self::TooShort => out.write_str("too short"),
            Self::TooLong => out.write_str("too long"),
            Self::Length => out.write_str("no number of its country has this many digits"),
            Self::NotValid => out.write_str("in no range its country has assigned"),
            Self::CountryNotAllowed {
                region: Some(region), ..
            } => {
                write!(out, "{region} is not in allowed_countries")
            }
            Self::CountryNotAllowed { region: None, code } => {
                write!(
                    out,
                    "+{code} is no single country's, and the number is not known to be of an allowed one"
                )
            }
        }
    }
}
