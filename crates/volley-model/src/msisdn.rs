//! A phone number in E.164 form, in one machine word.
//!
//! Bounds: 1 to 15 digits (ITU-T E.164, 6.2.1), the first not zero: country codes never begin with one,
//! so the integer alone says how many digits there are, and it fits in 50 bits.
//! Not here: what makes a number possible or valid; the intake's normaliser decides that.

use std::fmt;
use std::num::NonZeroU64;

/// An E.164 number, without its plus. Printing it masks it: `+33*****4821`; see [`Msisdn::e164`] for all digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Msisdn(NonZeroU64);

/// Why an integer is no E.164 number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsisdnError {
    /// Zero: no digits at all.
    #[error("no digits")]
    Empty,
    /// More digits than E.164 allows.
    #[error("more than 15 digits")]
    TooLong,
}

const ZEROS: u128 = u128::from_le_bytes([b'0'; 16]);

/// The eight digits of a number below 10^8 as bytes of 0 to 9, the first in the lowest: cut into two fours, these into four
/// pairs, these into digits, all parts of a step at once. (A division by 100 is one by 2^20 of the 10,486-fold, exact below
/// 10,000; one by 10 of a number below 100 is one by 2^10 of the 103-fold.)
fn eight_digits(number: u64) -> u64 {
    const PAIRS: u64 = 0x0000_007f_0000_007f;
    const DIGITS: u64 = 0x000f_000f_000f_000f;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & PAIRS;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & DIGITS;
    tens | ((pairs - 10 * tens) << 8)
}

impl Msisdn {
    /// The most digits an E.164 number has (ITU-T E.164, 6.2.1).
    pub const DIGITS_MAX: usize = 15;
    const MAX: u64 = 999_999_999_999_999;

    /// Takes the digits after the plus as one integer.
    ///
    /// # Errors
    /// [`MsisdnError::Empty`] for zero, [`MsisdnError::TooLong`] above 15 digits.
    pub fn new(digits: u64) -> Result<Self, MsisdnError> {
        if digits > Self::MAX {
            return Err(MsisdnError::TooLong);
        }
        NonZeroU64::new(digits).map(Self).ok_or(MsisdnError::Empty)
    }

    /// The digits as one integer.
    pub fn get(self) -> u64 {
        self.0.get()
    }

    /// Whether the number has the calling code 33: France without its overseas parts, whose codes are their own (262, 508,
    /// 590, 594, 596, 681, 687, 689). What a provider asks for France is not certain to hold for those.
    ///
    /// No other calling code begins with 33 (ITU-T E.164, list of assigned country codes), so two digits are enough.
    pub fn is_french(self) -> bool {
        let mut first = self.get();
        while first > 99 {
            first /= 10;
        }
        first == 33
    }

    /// All digits as text, the first of these bytes, and how many they are.
    #[inline]
    pub fn digits(self) -> ([u8; 16], usize) {
        const UPPER: u64 = 100_000_000;
        let number = self.get();
        let upper = u128::from(eight_digits(number / UPPER));
        let lower = u128::from(eight_digits(number % UPPER));
        let digits = upper | (lower << 64);
        // The number is not zero: fewer than sixteen stand before its first digit.
        let leading = digits.trailing_zeros() / 8;
        let text = (digits | ZEROS) >> (8 * leading);
        (text.to_le_bytes(), 16 - leading as usize)
    }

    /// Appends `+` and all digits.
    pub fn write_e164(self, out: &mut Vec<u8>) {
        let (digits, count) = self.digits();
        out.push(b'+');
        out.extend_from_slice(&digits[..count]);
    }

    /// `+` and all digits: for requests and for exports the user asked for, never for logs or errors.
    pub fn e164(self) -> String {
        format!("+{}", self.get())
    }
}

impl fmt::Display for Msisdn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.get().to_string();
        if digits.len() < 8 {
            return write!(out, "+*****{}", &digits[digits.len().saturating_sub(2)..]);
        }
        write!(out, "+{}*****{}", &digits[..2], &digits[digits.len() - 4..])
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_with_all_its_digits() {
        let ones = (1..=15).map(|digits| "1".repeat(digits).parse::<u64>().unwrap());
        let tens = (0..15).map(|zeros| 10_u64.pow(zeros));
        let steps = (1..200_000).map(|step| step * 4_999_999_937);
        for number in ones.chain(tens).chain(1..200_000).chain(steps) {
            for number in [number, number - 1, 999_999_999_999_999 - number] {
                let Ok(msisdn) = Msisdn::new(number) else { continue };
                let mut wire = b"to ".to_vec();
                msisdn.write_e164(&mut wire);
                assert_eq!(wire, format!("to +{number}").into_bytes());
            }
        }
    }

    #[test]
    fn fifteen_digits_fit_and_sixteen_do_not() {
        assert_eq!(
            Msisdn::new(999_999_999_999_999).map(Msisdn::get),
            Ok(999_999_999_999_999)
        );
        assert_eq!(Msisdn::new(1_000_000_000_000_000), Err(MsisdnError::TooLong));
        assert_eq!(Msisdn::new(0), Err(MsisdnError::Empty));
    }

    #[test]
    fn french_numbers_are_those_with_the_calling_code_33() {
        for (digits, french) in [
            (33_612_345_678, true),
            (33_123_456_789, true),
            (34_612_345_678, false),
            (32_470_123_456, false),
            (330, true),
            (3, false),
            (333_333_333_333_333, true),
            (133_612_345_678, false),
            // Réunion and Guadeloupe.
            (262_692_123_456, false),
            (590_690_123_456, false),
        ] {
            assert_eq!(Msisdn::new(digits).unwrap().is_french(), french, "{digits}");
        }
    }

    #[test]
    fn printing_masks_and_e164_does_not() {
        let number = Msisdn::new(33_612_344_821).unwrap();
        assert_eq!(format!("{number} {number:?}"), "+33*****4821 +33*****4821");
        assert_eq!(number.e164(), "+33612344821");
        let mut wire = Vec::new();
        number.write_e164(&mut wire);
        assert_eq!(wire, b"+33612344821");
        assert_eq!(Msisdn::new(4_912_345).unwrap().to_string(), "+*****45");
    }
}
