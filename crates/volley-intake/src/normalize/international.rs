//! The fast path: numbers of which it is known what libphonenumber makes, because it changes nothing of them.
//!
//! Proof, by the library's own steps: behind a plus the region plays no part; calling codes are no prefix of one
//! another, so the one found is the library's; the national prefix is not stripped where its pattern cannot match the
//! first digit; the length is one of the possible ones; and E.164 form is the code and the national digits as they
//! are. One zero in front of the national digits is stripped where it is the only national prefix of the code's main country,
//! no number there begins with one, and what is left has a possible length. Two zeros in front of all are a plus where no
//! region is set, or where they are the region's only international prefix, unless a third follows. At home, a number that begins like no international prefix and not with its own calling code is national: then
//! the same holds of it, and a single zero is stripped where it is the only national prefix and no number begins with it.
//! Between digits the library drops space, no-break space, hyphen, point and brackets; with nothing else in the text there
//! can be no extension. Everything else is left to the library.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};
use volley_model::Msisdn;

use super::Region;
use super::calling_codes::CALLING_CODES;
use super::homes::{HOMES, Home, Trunk};

/// The library takes two digits for a number only if nothing is between them; nobody writes to such short ones.
const DIALLED_DIGITS_MIN: usize = 5;
/// U+00A0 in UTF-8, as numbers copied from web pages have it.
const NO_BREAK_SPACE_FIRST: u8 = 0xc2;
const NO_BREAK_SPACE_SECOND: u8 = 0xa0;

/// The calling codes by their digits.
pub(super) struct CodeIndex {
    /// By the code: its place in [`CALLING_CODES`], from 1; 0 where nobody has the code.
    places: Box<[u8; 1000]>,
    /// The only region of each code in the table, where there is but one.
    regions: Vec<Option<Region>>,
    /// What a zero in front of the national digits is, for each code in the table.
    trunks: Vec<Trunk>,
}

/// Whether a number that begins with two zeros is one in international form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TwoZeros {
    /// They stand for the plus.
    ArePlus,
    /// The library has to say.
    AreOpen,
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
        let trunk = |code| HOMES.iter().find(|home| home.code == code).map(|home| home.trunk);
        let trunks = CALLING_CODES
            .iter()
            .map(|row| trunk(row.code).unwrap_or(Trunk::None))
            .collect();
        Self {
            places,
            regions,
            trunks,
        }
    }

    /// The number of a text in international form, if the library is known to leave it unchanged, or to strip a trunk zero.
    pub(super) fn international(&self, text: &str, two_zeros: TwoZeros) -> Option<International> {
        let rest = match text.as_bytes() {
            [b'+', rest @ ..] => rest,
            [b'0', b'0', rest @ ..] if two_zeros == TwoZeros::ArePlus => rest,
            _ => return None,
        };
        if !rest.last()?.is_ascii_digit() || !rest[0].is_ascii_digit() {
            return None;
        }
        let mut digits = [0u8; Msisdn::DIGITS_MAX];
        let digits = plain_digits(rest, &mut digits)?;
        let (place, length) = self.place(digits)?;
        let row = &CALLING_CODES[place];
        match (&digits[length..], self.trunks[place]) {
            ([0, national @ ..], Trunk::Zero) => {
                let stripped = national.first() != Some(&0) && row.takes_length(national.len());
                stripped.then(|| self.joined(place, national)).flatten()
            }
            (national, _) => {
                let unchanged = row.leaves_unchanged(national.len(), *national.first()?);
                unchanged.then(|| self.joined(place, national)).flatten()
            }
        }
    }

    /// The number of a text as it is dialled at home, if the library is known to only put the calling code before it,
    /// or in place of the trunk zero.
    pub(super) fn national(&self, text: &str, home: &Home) -> Option<International> {
        let bytes = text.as_bytes();
        if !bytes.first()?.is_ascii_digit() || !bytes.last()?.is_ascii_digit() {
            return None;
        }
        let mut buffer = [0u8; Msisdn::DIGITS_MAX];
        let dialled = plain_digits(bytes, &mut buffer)?;
        if dialled.len() < DIALLED_DIGITS_MIN {
            return None;
        }
        let place = usize::from(self.places[usize::from(home.code)]).checked_sub(1)?;
        let row = &CALLING_CODES[place];
        let (code, code_length) = code_digits(home.code);
        let code = &code[..code_length];
        let national = match (dialled, home.trunk) {
            ([0, national @ ..], Trunk::Zero) => {
                let stripped = national.first() != Some(&0) && row.takes_length(national.len());
                stripped.then_some(national)?
            }
            ([first, ..], _) => {
                let unchanged = row.leaves_unchanged(dialled.len(), *first)
                    && !home.may_dial_abroad(*first)
                    && !dialled.starts_with(code);
                unchanged.then_some(dialled)?
            }
            ([], _) => return None,
        };
        self.joined(place, national)
    }

    /// Cuts a number at its calling code, whatever follows.
    pub(super) fn split(&self, number: Msisdn) -> Option<International> {
        let text = number.get().to_string();
        let digits: Vec<u8> = text.bytes().map(|byte| byte - b'0').collect();
        let (place, length) = self.place(&digits)?;
        self.joined(place, &digits[length..])
    }

    /// A calling code and what follows it.
    fn joined(&self, place: usize, national: &[u8]) -> Option<International> {
        let code = CALLING_CODES[place].code;
        let (mut number, mut value) = (u64::from(code), 0);
        for digit in national {
            number = number * 10 + u64::from(*digit);
            value = value * 10 + u64::from(*digit);
        }
        Some(International {
            number: Msisdn::new(number).ok()?,
            code,
            national: value,
            national_length: national.len(),
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

/// The values of the digits in a text that holds nothing else but what the library drops between digits.
fn plain_digits<'buffer>(
    text: &[u8],
    buffer: &'buffer mut [u8; Msisdn::DIGITS_MAX],
) -> Option<&'buffer [u8]> {
    let mut count = 0;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'0'..=b'9' => {
                *buffer.get_mut(count)? = byte - b'0';
                count += 1;
            }
            b' ' | b'-' | b'.' | b'(' | b')' => {}
            NO_BREAK_SPACE_FIRST if bytes.next() == Some(&NO_BREAK_SPACE_SECOND) => {}
            _ => return None,
        }
    }
    Some(&buffer[..count])
}

/// The values of a calling code's digits, and how many they are.
fn code_digits(code: u16) -> ([u8; 3], usize) {
    let digit = |value: u16| u8::try_from(value % 10).unwrap_or_default();
    match code {
        0..10 => ([digit(code), 0, 0], 1),
        10..100 => ([digit(code / 10), digit(code), 0], 2),
        _ => ([digit(code / 100), digit(code / 10), digit(code)], 3),
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
