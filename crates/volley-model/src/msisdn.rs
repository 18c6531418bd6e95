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

/// The digits of 0 to 99: numbers are written two digits at a time.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut value = 0_u8;
    while value < 100 {
        pairs[value as usize] = [b'0' + value / 10, b'0' + value % 10];
        value += 1;
    }
    pairs
};

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

    /// Appends `+` and all digits.
    pub fn write_e164(self, out: &mut Vec<u8>) {
        let mut text = [b'+'; Self::DIGITS_MAX + 1];
        let mut rest = self.get();
        let mut at = text.len();
        while rest > 9 {
            at -= 2;
            text[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
            rest /= 100;
        }
        if rest > 0 {
            at -= 1;
            text[at] = PAIRS[(rest % 10) as usize][1];
        }
        out.extend_from_slice(&text[at - 1..]);
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
