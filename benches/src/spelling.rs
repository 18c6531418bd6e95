//! The ways in which people and programs write one phone number.
//!
//! Input: a [`Number`]. Output: a spelling of it that libphonenumber reads back as the same number, when the default
//! region is the one the corpus was made for.

use crate::numbers::Number;

/// The default region of the campaign that is to read the corpus: what a number without calling code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HomeRegion {
    /// `default_region = "FR"`: French numbers also stand in their national spelling.
    France,
    /// No default region: every number carries its calling code.
    None,
}

/// A way to write a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// `+33612345678`
    E164,
    /// `+33 6 12 34 56 78`
    Spaced,
    /// `0033612345678`
    DoubleZero,
    /// `+33-6-12-34-56-78`
    Dashed,
    /// As [`Spelling::Spaced`], with no-break spaces, as copied from a web page.
    NoBreakSpaced,
    /// `+33 (0)6 12 34 56 78`
    BracketedTrunk,
    /// `+330612345678`, the trunk zero kept by mistake.
    KeptTrunk,
    /// `06 12 34 56 78`
    National,
    /// `06.12.34.56.78`
    NationalDotted,
    /// `0612345678`
    NationalCompact,
}

use Spelling::{
    BracketedTrunk, Dashed, DoubleZero, E164, KeptTrunk, National, NationalCompact, NationalDotted,
    NoBreakSpaced, Spaced,
};

const EVERYWHERE: &[Spelling] = &[E164, Spaced, DoubleZero, Dashed, NoBreakSpaced];
const WITH_TRUNK: &[Spelling] = &[
    E164,
    Spaced,
    DoubleZero,
    Dashed,
    NoBreakSpaced,
    BracketedTrunk,
    KeptTrunk,
];
const AT_HOME: &[Spelling] = &[
    E164,
    Spaced,
    DoubleZero,
    Dashed,
    NoBreakSpaced,
    BracketedTrunk,
    KeptTrunk,
    National,
    NationalDotted,
    NationalCompact,
];

impl Spelling {
    /// The spellings that name this number and no other; the first is E.164.
    pub(crate) fn all_of(number: Number, home: HomeRegion) -> &'static [Self] {
        match (number.country, home) {
            ("FR", HomeRegion::France) => AT_HOME,
            ("FR" | "BE" | "CH" | "DE" | "GB", _) => WITH_TRUNK,
            _ => EVERYWHERE,
        }
    }

    /// Appends the number so spelled.
    pub(crate) fn write(self, number: Number, out: &mut Vec<u8>) {
        match self {
            E164 => prefixed("+", number, "", out),
            DoubleZero => prefixed("00", number, "", out),
            KeptTrunk => prefixed("+", number, "0", out),
            Spaced => grouped(number, " ", " ", out),
            Dashed => grouped(number, "-", "-", out),
            NoBreakSpaced => grouped(number, "\u{a0}", "\u{a0}", out),
            BracketedTrunk => grouped(number, " (0)", " ", out),
            National => national(number, " ", out),
            NationalDotted => national(number, ".", out),
            NationalCompact => national(number, "", out),
        }
    }
}

fn prefixed(prefix: &str, number: Number, trunk: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(prefix.as_bytes());
    digits(number.calling_code, out);
    out.extend_from_slice(trunk.as_bytes());
    digits(number.national, out);
}

fn grouped(number: Number, before_national: &str, separator: &str, out: &mut Vec<u8>) {
    out.push(b'+');
    digits(number.calling_code, out);
    out.extend_from_slice(before_national.as_bytes());
    groups(number.national, separator, out);
}

fn national(number: Number, separator: &str, out: &mut Vec<u8>) {
    out.push(b'0');
    groups(number.national, separator, out);
}

/// Nine digits as French people group them (6 12 34 56 78), others in pairs with what is odd in front.
fn groups(national: u64, separator: &str, out: &mut Vec<u8>) {
    let start = out.len();
    digits(national, out);
    let count = out.len() - start;
    let mut written = [0u8; 20];
    written[..count].copy_from_slice(&out[start..]);
    out.truncate(start);
    for (at, digit) in written[..count].iter().enumerate() {
        if at > 0 && (count - at).is_multiple_of(2) {
            out.extend_from_slice(separator.as_bytes());
        }
        out.push(*digit);
    }
}

/// Appends the decimal digits of `number`.
pub(crate) fn digits(number: u64, out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = number;
    loop {
        out.push(b"0123456789"[usize::try_from(rest % 10).unwrap_or_default()]);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out[start..].reverse();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::{Numbers, Spread};
    use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

    #[test]
    fn a_french_number_has_these_spellings() {
        let number = Number {
            country: "FR",
            calling_code: 33,
            national: 612_345_678,
        };
        let spelled: Vec<String> = Spelling::all_of(number, HomeRegion::France)
            .iter()
            .map(|spelling| {
                let mut out = Vec::new();
                spelling.write(number, &mut out);
                String::from_utf8(out).unwrap()
            })
            .collect();
        assert_eq!(
            spelled,
            [
                "+33612345678",
                "+33 6 12 34 56 78",
                "0033612345678",
                "+33-6-12-34-56-78",
                "+33\u{a0}6\u{a0}12\u{a0}34\u{a0}56\u{a0}78",
                "+33 (0)6 12 34 56 78",
                "+330612345678",
                "06 12 34 56 78",
                "06.12.34.56.78",
                "0612345678",
            ]
        );
    }

    #[test]
    fn libphonenumber_reads_every_spelling_back_as_the_number() {
        for spread in [Spread::Dense, Spread::Mixed, Spread::Sparse] {
            let numbers = Numbers::new(spread, 500, 11);
            for number in (0..numbers.count()).map(|index| numbers.nth(index)) {
                for spelling in Spelling::all_of(number, HomeRegion::France) {
                    let mut out = Vec::new();
                    spelling.write(number, &mut out);
                    let text = String::from_utf8(out).unwrap();
                    let parsed = PhoneNumber::parse(&text, Some(Region::FR)).expect(&text);
                    let e164 = parsed.format_as(PhoneNumberFormat::E164);
                    assert_eq!(e164, format!("+{}", number.e164()), "{text}");
                    assert!(parsed.is_valid(), "{text}");
                }
            }
        }
    }

    #[test]
    fn without_a_home_every_spelling_carries_its_calling_code() {
        let number = Number {
            country: "FR",
            calling_code: 33,
            national: 612_345_678,
        };
        for spelling in Spelling::all_of(number, HomeRegion::None) {
            let mut out = Vec::new();
            spelling.write(number, &mut out);
            let digits: Vec<u8> = out.iter().copied().filter(u8::is_ascii_digit).collect();
            assert!(
                digits.starts_with(b"33") || digits.starts_with(b"0033"),
                "{spelling:?}"
            );
        }
    }
}
