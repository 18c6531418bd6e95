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
use volley_model::{Excerpt, Msisdn};

use super::Region;
use super::calling_codes::CALLING_CODES;
use super::homes::{HOMES, Home, Trunk};

/// The library takes two digits for a number only if nothing is between them; nobody writes to such short ones.
const DIALLED_DIGITS_MIN: usize = 5;
/// U+00A0 in UTF-8, as numbers copied from web pages have it.
const NO_BREAK_SPACE_FIRST: u8 = 0xc2;
const NO_BREAK_SPACE_SECOND: u8 = 0xa0;

/// By the calling code: its place in [`CALLING_CODES`], from 1; 0 where nobody has the code.
static PLACES: [u8; 1000] = {
    let mut places = [0; 1000];
    let mut place = 0;
    while place < CALLING_CODES.len() {
        #[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256 codes")]
        {
            places[CALLING_CODES[place].code as usize] = place as u8 + 1;
        }
        place += 1;
    }
    places
};

/// The place of a number's calling code in [`CALLING_CODES`].
pub(crate) fn code_place(number: Msisdn) -> Option<usize> {
    let (text, count) = number.digits();
    let digits = text[..count].iter().map(|digit| digit - b'0');
    place_of(digits).map(|(place, _)| place)
}

/// The place of the calling code with which these digits begin, and its length. No code is the beginning of another.
fn place_of(digits: impl Iterator<Item = u8>) -> Option<(usize, usize)> {
    let mut code = 0;
    for (length, digit) in (1..=3).zip(digits) {
        code = code * 10 + usize::from(digit);
        if code == 0 {
            return None;
        }
        if let Some(place) = usize::from(PLACES[code]).checked_sub(1) {
            return Some((place, length));
        }
    }
    None
}

/// What is known of each calling code, by its place.
pub(super) struct CodeIndex {
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

/// A number of which the calling code is known. Two words, so that it is handed on in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct International {
    pub(super) number: Msisdn,
    /// Of its code in [`CALLING_CODES`].
    place: u8,
}

impl CodeIndex {
    pub(super) fn new() -> Self {
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
        Self { regions, trunks }
    }

    /// The number of a text in international form, if the library is known to leave it unchanged, or to strip a trunk zero.
    pub(super) fn international(&self, text: Excerpt<'_>, two_zeros: TwoZeros) -> Option<International> {
        let prefix = match text.as_str().as_bytes() {
            [b'+', ..] => 1,
            [b'0', b'0', ..] if two_zeros == TwoZeros::ArePlus => 2,
            _ => return None,
        };
        let digits = Digits::read(text.part(prefix, text.len())?)?;
        let (place, length) = digits.place()?;
        let row = &CALLING_CODES[place];
        let national = digits.behind(row.code, length)?;
        if national.first == 0 && self.trunks[place] == Trunk::Zero {
            let stripped = national.second != 0 && row.takes_length(national.length - 1);
            return stripped.then(|| International::joined(place, national.value, national.length - 1))?;
        }
        row.leaves_unchanged(national.length, national.first)
            .then(|| International::joined(place, national.value, national.length))?
    }

    /// The number of a text as it is dialled at home, if the library is known to only put the calling code before it,
    /// or in place of the trunk zero.
    pub(super) fn national(text: Excerpt<'_>, home: &Home) -> Option<International> {
        let dialled = Digits::read(text)?;
        if dialled.count < DIALLED_DIGITS_MIN {
            return None;
        }
        let place = usize::from(PLACES[usize::from(home.code)]).checked_sub(1)?;
        let row = &CALLING_CODES[place];
        let first = dialled.digit(0);
        if first == 0 && home.trunk == Trunk::Zero {
            let stripped = dialled.digit(1) != 0 && row.takes_length(dialled.count - 1);
            return stripped.then(|| International::joined(place, dialled.value, dialled.count - 1))?;
        }
        let unchanged = row.leaves_unchanged(dialled.count, first)
            && !home.may_dial_abroad(first)
            && !dialled.begin_with(home.code);
        unchanged.then(|| International::joined(place, dialled.value, dialled.count))?
    }

    /// Cuts a number at its calling code, whatever follows.
    pub(super) fn split(number: Msisdn) -> Option<International> {
        let digits = Digits::read(number.get().to_string().as_str().into())?;
        let (place, length) = digits.place()?;
        let national = digits.behind(CALLING_CODES[place].code, length)?;
        International::joined(place, national.value, national.length)
    }

    /// The region the library puts a number into; `None` where no country has the code, or several share it and none of
    /// them has such a number.
    pub(super) fn region(&self, found: International) -> Option<Region> {
        self.regions[usize::from(found.place)].or_else(|| {
            PHONE_NUMBER_UTIL
                .get_region_for_number(&found.for_library())
                .and_then(Region::known)
        })
    }
}

/// Powers of ten, by the number of their zeros.
const TENS: [u64; Msisdn::DIGITS_MAX + 1] = {
    let mut tens = [1; Msisdn::DIGITS_MAX + 1];
    let mut zeros = 1;
    while zeros < tens.len() {
        tens[zeros] = tens[zeros - 1] * 10;
        zeros += 1;
    }
    tens
};

/// The digits of a text, read once.
struct Digits {
    value: u64,
    /// How many, leading zeros included.
    count: usize,
    /// The first eight of them, the first in the lowest byte; zeros behind the last.
    first: u64,
}

/// What stands behind a calling code.
struct National {
    value: u64,
    /// How many digits, leading zeros included; at least one.
    length: usize,
    first: u8,
    /// 0 where there is none.
    second: u8,
}

const ZEROS: u128 = u128::from_le_bytes([b'0'; 16]);
const ABOVE_NINE: u128 = u128::from_le_bytes([0x7f - 9; 16]);
const HIGH_BITS: u128 = u128::from_le_bytes([0x80; 16]);

/// The value of eight digits, the first in the lowest byte: neighbours are put together to pairs, these to fours, these to
/// the whole.
fn eight(digits: u64) -> u64 {
    const PAIR: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & PAIR).wrapping_mul(0x000f_4240_0000_0064);
    let lower = ((pairs >> 16) & PAIR).wrapping_mul(0x0000_2710_0000_0001);
    upper.wrapping_add(lower) >> 32
}

impl Digits {
    /// The place of the calling code with which they begin, and its length.
    fn place(&self) -> Option<(usize, usize)> {
        place_of((0..self.count).map(|at| self.digit(at)))
    }

    /// One of the first eight digits; 0 behind the last.
    #[inline]
    fn digit(&self, at: usize) -> u8 {
        self.first.to_le_bytes()[at]
    }

    /// The digits in a text that holds nothing else but what the library drops between digits; 15 at most.
    fn read(text: Excerpt<'_>) -> Option<Self> {
        if let Some(digits) = Self::run(text) {
            return Some(digits);
        }
        let text = text.as_str().as_bytes();
        if !text.first()?.is_ascii_digit() || !text.last()?.is_ascii_digit() {
            return None;
        }
        let mut digits = Self {
            value: 0,
            count: 0,
            first: 0,
        };
        let mut bytes = text.iter();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'0'..=b'9' if digits.count < Msisdn::DIGITS_MAX => {
                    let digit = byte - b'0';
                    if digits.count < 8 {
                        digits.first |= u64::from(digit) << (8 * digits.count);
                    }
                    digits.value = digits.value * 10 + u64::from(digit);
                    digits.count += 1;
                }
                b' ' | b'-' | b'.' | b'(' | b')' => {}
                NO_BREAK_SPACE_FIRST if bytes.next() == Some(&NO_BREAK_SPACE_SECOND) => {}
                _ => return None,
            }
        }
        Some(digits)
    }

    /// The digits of a text that holds nothing else, where enough stands behind it to read it at once.
    #[inline]
    fn run(text: Excerpt<'_>) -> Option<Self> {
        let chunk = text.first_chunk::<16>()?;
        let count = text.len();
        if count == 0 || count > Msisdn::DIGITS_MAX {
            return None;
        }
        // The digits moved to the end, zeros before them.
        let moved = u128::from_le_bytes(*chunk) << (8 * (16 - count));
        let zeros = ZEROS << (8 * (16 - count));
        let values = moved ^ zeros;
        // A byte above nine becomes one above 0x7f, by itself or by what is added.
        if (values.wrapping_add(ABOVE_NINE) | values) & HIGH_BITS != 0 {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "each half is meant by itself")]
        let (upper, lower) = (eight(values as u64), eight((values >> 64) as u64));
        #[expect(clippy::cast_possible_truncation, reason = "the first eight are meant")]
        let first = (values >> (8 * (16 - count))) as u64;
        Some(Self {
            value: upper * 100_000_000 + lower,
            count,
            first,
        })
    }

    /// What stands behind this calling code of so many digits, with which they begin.
    fn behind(&self, code: u16, code_length: usize) -> Option<National> {
        let length = self.count.checked_sub(code_length).filter(|length| *length > 0)?;
        Some(National {
            value: self.value - u64::from(code) * TENS[length],
            length,
            first: self.digit(code_length),
            second: self.digit(code_length + 1),
        })
    }

    /// Whether these are the first of them.
    fn begin_with(&self, code: u16) -> bool {
        let code_length = match code {
            0..10 => 1,
            10..100 => 2,
            _ => 3,
        };
        let behind = self.count.checked_sub(code_length);
        behind.is_some_and(|behind| self.value / TENS[behind] == u64::from(code))
    }
}

impl International {
    /// A calling code and the national digits behind it.
    fn joined(place: usize, national: u64, national_length: usize) -> Option<Self> {
        let code = CALLING_CODES[place].code;
        let number = u64::from(code) * TENS.get(national_length)? + national;
        Some(Self {
            number: Msisdn::new(number).ok()?,
            place: u8::try_from(place).ok()?,
        })
    }

    /// Its calling code.
    pub(super) fn code(self) -> u16 {
        CALLING_CODES[usize::from(self.place)].code
    }

    /// The number as the library holds it.
    pub(super) fn for_library(self) -> PhoneNumber {
        // A code does not begin with a zero: what is left of the number's digits are the national ones.
        let digits = self.number.get().ilog10() - u32::from(self.code()).ilog10();
        let national = self.number.get() % 10_u64.pow(digits);
        let mut number = PhoneNumber {
            country_code: i32::from(self.code()),
            national_number: national,
            ..PhoneNumber::default()
        };
        let zeros = digits - (national.max(1).ilog10() + 1);
        if zeros > 0 {
            number.italian_leading_zero = Some(true);
        }
        if zeros > 1 {
            number.number_of_leading_zeros = i32::try_from(zeros).ok();
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(digits: Option<Digits>) -> Option<(u64, usize, u64)> {
        digits.map(|digits| (digits.value, digits.count, digits.first))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Digits read at once and one by one are the same, whatever stands among them or behind them.
        #[test]
        fn digits_read_at_once_are_those_read_one_by_one(
            text in "[0-9]{0,17}|[0-9]{0,6}[ -~é\u{a0}]{0,2}[0-9]{0,8}",
            behind in "[ -~é0-9]{0,20}",
        ) {
            let long = format!("{text}{behind}");
            let at_once = Excerpt::new(&long, text.len()).unwrap();
            prop_assert_eq!(seen(Digits::read(at_once)), seen(Digits::read(text.as_str().into())), "{}", long);
        }
    }
}
