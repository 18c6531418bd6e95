//! The fast path: `+`, a calling code, and a national number that libphonenumber is known to leave unchanged.
//!
//! Proof, by the library's own steps: behind a plus the region plays no part; calling codes are no prefix of one
//! another, so the one found is the library's; the national prefix is not stripped where its pattern cannot match the
//! first digit; the length is one of the possible ones; and E.164 form is the code and the national digits as they
//! are. Between digits the library drops space, hyphen, point and brackets; with nothing else in the text there can
//! be no extension. Everything else is left to the library.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};
use volley_model::Msisdn;

use super::Region;
use super::calling_codes::CALLING_CODES;

/// The calling codes by their digits.
pub(super) struct CodeIndex {
    /// By the code: its place in [`CALLING_CODES`], from 1; 0 where nobody has the code.
    places: Box<[u8; 1000]>,
    /// The only region of each code in the table, where there is but one.
    regions: Vec<Option<Region>>,
}

/// A number cut at its calling code.
pub(super) struct International {
    pub(super) number: Msisdn,
    pub(super) code: u16,
    national: u64,
    national_length: usize,
    /// Where the code alone tells it.
    only_region: Option<Region>,
}

impl CodeIndex {
    pub(super) fn new() -> Self {
        let mut places = Box::new([0; 1000]);
        for (place, row) in (1..).zip(CALLING_CODES) {
            places[usize::from(row.code)] = place;
        }
        let regions = CALLING_CODES
            .iter()
            .map(|row| {
                rlibphonenumber::Region::from_code(row.region)
                    .ok()
                    .and_then(Region::known)
            })
            .collect();
        Self { places, regions }
    }

    /// The number of a text in international form, if the library would leave it unchanged.
    pub(super) fn international(&self, text: &str) -> Option<International> {
        let (&first, rest) = text.as_bytes().split_first()?;
        if first != b'+' || !rest.last()?.is_ascii_digit() || !rest[0].is_ascii_digit() {
            return None;
        }
        let mut digits = [0u8; Msisdn::DIGITS_MAX];
        let mut count = 0;
        for &byte in rest {
            match byte {
                b'0'..=b'9' => {
                    *digits.get_mut(count)? = byte - b'0';
                    count += 1;
                }
                b' ' | b'-' | b'.' | b'(' | b')' => {}
                _ => return None,
            }
        }
        let digits = &digits[..count];
        let (place, length) = self.place(digits)?;
        let national = &digits[length..];
        if !CALLING_CODES[place].leaves_unchanged(national.len(), *national.first()?) {
            return None;
        }
        self.cut(digits, place, length)
    }

    /// Cuts a number at its calling code, whatever follows.
    pub(super) fn split(&self, number: Msisdn) -> Option<International> {
        let text = number.get().to_string();
        let digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
        let (place, length) = self.place(&digits)?;
        self.cut(&digits, place, length)
    }

    fn cut(&self, digits: &[u8], place: usize, code_length: usize) -> Option<International> {
        let value = |digits: &[u8]| {
            digits
                .iter()
                .fold(0, |value, digit| value * 10 + u64::from(*digit))
        };
        Some(International {
            number: Msisdn::new(value(digits)).ok()?,
            code: CALLING_CODES[place].code,
            national: value(&digits[code_length..]),
            national_length: digits.len() - code_length,
            only_region: self.regions[place],
        })
    }

    /// The place of the calling code with which the digits begin, and its length. No code is the beginning of another.
    fn place(&self, digits: &[u8]) -> Option<(usize, usize)> {
        let mut code = 0;
        for (at, &digit) in digits.iter().take(3).enumerate() {
            code = code * 10 + usize::from(digit);
            if code == 0 {
                return None;
            }
            if let Some(place) = usize::from(self.places[code]).checked_sub(1) {
                return Some((place, at + 1));
            }
        }
        None
    }
}

impl International {
    /// The number as the library holds it.
    pub(super) fn for_library(&self) -> PhoneNumber {
        let mut number = PhoneNumber {
            country_code: i32::from(self.code),
            national_number: self.national,
            ..PhoneNumber::default()
        };
        let shown = self.national.max(1).ilog10() + 1;
        let zeros = self.national_length.saturating_sub(shown as usize);
        if zeros > 0 {
            number.italian_leading_zero = Some(true);
        }
        if zeros > 1 {
            number.number_of_leading_zeros = i32::try_from(zeros).ok();
        }
        number
    }

    /// The region the library puts the number into; `None` where no country has the code, or several share it and
    /// none of them has such a number.
    pub(super) fn region(&self) -> Option<Region> {
        self.only_region.or_else(|| {
            PHONE_NUMBER_UTIL
                .get_region_for_number(&self.for_library())
                .and_then(Region::known)
        })
    }
}
