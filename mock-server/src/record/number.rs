//! A phone number as the mock keys it: `+`, an optional space, 6 to 16 digits.
//!
//! *Sources*: "Schedule SMS sending" shows `"+ 442038828112"` and `"+2222333334444555"`.

use std::fmt;

/// Fewest digits a number may have.
const DIGITS_MIN: usize = 6;
/// Most digits a number may have.
const DIGITS_MAX: usize = 16;

/// The digits behind a leading 1, so that leading zeros are kept: `+0123456` and `+123456` differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(u64);

impl Number {
    /// Reads a number, or nothing if it has another shape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes().strip_prefix(b"+")?;
        let digits = digits.strip_prefix(b" ").unwrap_or(digits);
        if !(DIGITS_MIN..=DIGITS_MAX).contains(&digits.len()) {
            return None;
        }
        let mut key = 1_u64;
        for byte in digits {
            if !byte.is_ascii_digit() {
                return None;
            }
            key = key * 10 + u64::from(byte - b'0');
        }
        Some(Self(key))
    }

    /// The first four digits as a number from 0 to 9999: enough to tell countries apart.
    pub(crate) fn first_four_digits(self) -> usize {
        // The key has one digit more than the number, which has six at least.
        let behind = self.0.ilog10() - 4;
        let first = self.0 / 10_u64.pow(behind) - 10_000;
        usize::try_from(first).unwrap_or_default()
    }

    /// Whether it is a French number.
    pub(crate) fn is_french(self) -> bool {
        self.first_four_digits() / 100 == 33
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.0.to_string();
        write!(f, "+{}", &key[1..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_plus_an_optional_space_and_6_to_16_digits() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(
                Number::parse(text).map(|n| n.to_string()).as_deref(),
                expected,
                "{text}"
            );
        };
        check("+123456", Some("+123456"));
        check("+12345", None);
        check("+2222333334444555", Some("+2222333334444555"));
        check("+22223333344445556", None);
        check("+ 442038828112", Some("+442038828112"));
        check("+  442038828112", None);
        check("442038828112", None);
        check("+33 612345678", None);
        check("+0123456", Some("+0123456"));
        check("+３３６１２３４５６７８", None);
        check("", None);
    }

    #[test]
    fn the_first_four_digits_lead_to_the_country() {
        let first = |text: &str| Number::parse(text).map(Number::first_four_digits);
        assert_eq!(first("+33612345678"), Some(3361));
        assert_eq!(first("+123456"), Some(1234));
        assert_eq!(first("+9999999999999999"), Some(9999));
        assert_eq!(first("+0012345"), Some(12));
        assert_eq!(Number::parse("+336000123").map(Number::is_french), Some(true));
        assert_eq!(Number::parse("+346000123").map(Number::is_french), Some(false));
    }
}
