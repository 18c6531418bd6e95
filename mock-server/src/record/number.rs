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
        let (words, rest) = digits.as_chunks::<8>();
        for word in words {
            key = key * 100_000_000 + eight_digits(u64::from_le_bytes(*word))?;
        }
        for byte in rest {
            if !byte.is_ascii_digit() {
                return None;
            }
            key = key * 10 + u64::from(byte - b'0');
        }
        Some(Self(key))
    }

    /// The first four digits as a number from 0 to 9999: enough to tell countries apart.
    pub(crate) fn first_four_digits(self) -> usize {
        // All but the leading 1 and four digits are cut off, eight, four, two and one at a time: dividing by constants is
        // several times quicker than by a power that is looked up.
        let mut first = self.0;
        if first >= 1_000_000_000_000 {
            first /= 100_000_000;
        }
        if first >= 100_000_000 {
            first /= 10_000;
        }
        if first >= 1_000_000 {
            first /= 100;
        }
        if first >= 100_000 {
            first /= 10;
        }
        let first = first - 10_000;
        usize::try_from(first).unwrap_or_default()
    }

    /// Which of so many equal shares of all numbers it belongs to.
    pub(super) fn shard(self, shards: u32) -> usize {
        // The highest bits of a product with an odd constant, 2⁶⁴ over the golden ratio: neighbours are far from each other.
        let spread = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        usize::try_from((spread * u64::from(shards)) >> 32).unwrap_or_default()
    }

    /// Whether it is a French number.
    pub(crate) fn is_french(self) -> bool {
        self.first_four_digits() / 100 == 33
    }
}

/// The value of eight ASCII digits, the first of them in the lowest byte; nothing if one is none. Neighbours are joined,
/// then pairs of them, then fours.
fn eight_digits(text: u64) -> Option<u64> {
    const ZEROS: u64 = u64::from_le_bytes(*b"00000000");
    const HIGH_HALVES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    // 0 to 9 have 3 in their high half, and keep it when 6 is added.
    let above = text.wrapping_add(0x0606_0606_0606_0606);
    if (text & HIGH_HALVES) != ZEROS || (above & HIGH_HALVES) != ZEROS {
        return None;
    }
    let digits = text - ZEROS;
    let pairs = (digits * 10 + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
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
    fn every_digit_counts_and_whatever_is_none_is_refused_wherever_it_stands() {
        for length in DIGITS_MIN..=DIGITS_MAX {
            for place in 0..length {
                for byte in (0..0x80).map(char::from) {
                    let mut text = "+9081726354917263"[..=length].to_owned();
                    text.replace_range(place + 1..place + 2, &byte.to_string());
                    // At the first place a space may stand, in front of one digit less.
                    let spaced = place == 0 && byte == ' ' && length > DIGITS_MIN;
                    let good = byte.is_ascii_digit() || spaced;
                    let expected = good.then(|| text.replace(' ', ""));
                    assert_eq!(Number::parse(&text).map(|n| n.to_string()), expected, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn the_first_four_digits_lead_to_the_country() {
        let first = |text: &str| Number::parse(text).map(Number::first_four_digits);
        assert_eq!(first("+33612345678"), Some(3361));
        assert_eq!(first("+123456"), Some(1234));
        assert_eq!(first("+9999999999999999"), Some(9999));
        assert_eq!(first("+0012345"), Some(12));
        for digits in DIGITS_MIN..=DIGITS_MAX {
            assert_eq!(first(&"+9081726354917263"[..=digits]), Some(9081), "{digits}");
            assert_eq!(first(&"+0000000000000000"[..=digits]), Some(0), "{digits}");
            assert_eq!(first(&"+9999999999999999"[..=digits]), Some(9999), "{digits}");
        }
        assert_eq!(Number::parse("+336000123").map(Number::is_french), Some(true));
        assert_eq!(Number::parse("+346000123").map(Number::is_french), Some(false));
    }
}
