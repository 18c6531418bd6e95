//! A number as people write it becomes an E.164 number, or a fault that says why not.
//!
//! The answer is libphonenumber's for every input, but for what it guesses and we do not: letters and extensions
//! are faults, never digits, and `00…` counts as the international prefix only where nothing else is meant.
//! [`international`] is the fast path, for numbers that the library would leave as they are.
//!
//! Bounds: at most 15 digits (ITU-T E.164, 6.2.1), written in at most 250 bytes.
//! Sources: `interface.md` of the project for the rules; rlibphonenumber for everything a country decides.

mod calling_codes;
mod fault;
mod homes;
mod international;
mod region;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, get_national_significant_number_owned};
use volley_model::{Excerpt, Msisdn};

pub(crate) use calling_codes::CALLING_CODES;
pub use fault::NumberFault;
use homes::{HOMES, Home, Trunk};
pub(crate) use international::code_place;
use international::{CodeIndex, International, TwoZeros};
use region::DoubleZero;
pub use region::Region;

/// What a number must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberRule {
    /// libphonenumber's test of length: it may exist.
    #[default]
    Possible,
    /// libphonenumber's test of ranges: it is of an assigned kind.
    Valid,
    /// `+`, spaces dropped, and 7 to 15 digits.
    Any,
}

/// A text longer than this is not looked at: the bound that libphonenumber's Java edition has.
const TEXT_BYTES_MAX: usize = 250;
/// The fewest digits under [`NumberRule::Any`].
const ANY_DIGITS_MIN: u32 = 7;

/// Makes numbers of texts.
pub struct Normalizer {
    rule: NumberRule,
    default_region: Option<Region>,
    /// The default region, if it is the main one of its calling code.
    home: Option<&'static Home>,
    double_zero: DoubleZero,
    two_zeros: TwoZeros,
    allowed: Option<Vec<Region>>,
    codes: CodeIndex,
}

impl Normalizer {
    /// With the region for numbers without a country code, the rule, and the countries allowed (`None`: all).
    pub fn new(default_region: Option<Region>, rule: NumberRule, allowed: Option<Vec<Region>>) -> Self {
        let home = default_region
            .map(|region| region.to_string())
            .and_then(|name| HOMES.iter().find(|home| home.region == name));
        let double_zero = DoubleZero::seen_from(default_region);
        // Where the trunk is a zero, two of them are the only international prefix.
        let at_home = home.is_some_and(|home: &Home| home.trunk == Trunk::Zero);
        let two_zeros = if at_home || double_zero == DoubleZero::MeansPlus {
            TwoZeros::ArePlus
        } else {
            TwoZeros::AreOpen
        };
        Self {
            rule,
            default_region,
            home,
            double_zero,
            two_zeros,
            allowed,
            codes: CodeIndex::new(),
        }
    }

    /// The number a text means.
    ///
    /// # Errors
    /// See [`NumberFault`].
    pub fn normalize(&self, text: &str) -> Result<Msisdn, NumberFault> {
        if self.rule == NumberRule::Any {
            return self.any(text);
        }
        let Some(found) = self.quickly(text.into()) else {
            return self.asked(text);
        };
        if self.rule == NumberRule::Valid && !PHONE_NUMBER_UTIL.is_valid_number(&found.for_library()) {
            return Err(NumberFault::NotValid);
        }
        self.allow(found)?;
        Ok(found.number)
    }

    /// The number a text means, where the fast path knows it and it is allowed; what is left is a matter for
    /// [`normalize`](Self::normalize).
    pub(crate) fn at_a_glance(&self, text: Excerpt<'_>) -> Option<Msisdn> {
        if self.rule != NumberRule::Possible {
            return None;
        }
        let found = self.quickly(text)?;
        self.allow(found).ok()?;
        Some(found.number)
    }

    /// What the library makes of a number that was taken as it was written, such as +330612345678: the number that it dials.
    /// `None` where it makes nothing of it.
    pub fn reading(number: Msisdn) -> Option<Msisdn> {
        let parsed = PHONE_NUMBER_UTIL.parse(number.e164(), None).ok()?;
        e164(&parsed).ok()
    }

    /// The country that the library puts a number into; `None` where no country has it.
    pub fn region_of(&self, number: Msisdn) -> Option<Region> {
        self.codes.region(CodeIndex::split(number)?)
    }

    fn quickly(&self, text: Excerpt<'_>) -> Option<International> {
        let national = || self.home.and_then(|home| CodeIndex::national(text, home));
        self.codes.international(text, self.two_zeros).or_else(national)
    }

    /// Under the rule that takes any digits.
    fn any(&self, text: &str) -> Result<Msisdn, NumberFault> {
        let digits = text.trim().strip_prefix('+').ok_or(NumberFault::NoPlus)?;
        let mut value = 0u64;
        let mut count = 0;
        for (at, character) in digits.char_indices().filter(|(_, character)| *character != ' ') {
            let digit = character.to_digit(10).ok_or_else(|| NumberFault::Letter {
                at: text[..text.len() - digits.len() + at].chars().count() + 1,
            })?;
            count += 1;
            if count == 1 && digit == 0 {
                return Err(NumberFault::UnknownCode);
            }
            value = value.saturating_mul(10).saturating_add(u64::from(digit));
        }
        if count < ANY_DIGITS_MIN {
            return Err(NumberFault::TooShort);
        }
        let number = Msisdn::new(value).map_err(|_| NumberFault::TooLong)?;
        if self.allowed.is_some() {
            let found = CodeIndex::split(number).ok_or(NumberFault::UnknownCode)?;
            self.allow(found)?;
        }
        Ok(number)
    }

    /// What the library says.
    fn asked(&self, text: &str) -> Result<Msisdn, NumberFault> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(NumberFault::TooLong);
        }
        if let Some(at) = text.chars().position(is_letter) {
            return Err(NumberFault::Letter { at: at + 1 });
        }
        let international = match (self.double_zero, region::behind_double_zero(text)) {
            (DoubleZero::MeansPlus, Some(rest)) => Some(format!("+{rest}")),
            (DoubleZero::MeansSomethingElse(region), Some(_)) => {
                return Err(NumberFault::Ambiguous { region });
            }
            _ => None,
        };
        let text = international.as_deref().unwrap_or(text);
        let parsed = PHONE_NUMBER_UTIL
            .parse(text, self.default_region.map(Region::as_library_region))
            .map_err(|error| NumberFault::unread(&error, text, self.default_region.is_some()))?;
        if parsed.extension.is_some() {
            return Err(NumberFault::Extension);
        }
        if let Err(error) = PHONE_NUMBER_UTIL.is_possible_number_with_reason(&parsed) {
            return Err(NumberFault::impossible(error));
        }
        if self.rule == NumberRule::Valid && !PHONE_NUMBER_UTIL.is_valid_number(&parsed) {
            return Err(NumberFault::NotValid);
        }
        let number = e164(&parsed)?;
        if self.allowed.is_some() {
            let found = CodeIndex::split(number).ok_or(NumberFault::UnknownCode)?;
            self.allow(found)?;
        }
        Ok(number)
    }

    fn allow(&self, found: International) -> Result<(), NumberFault> {
        let Some(allowed) = &self.allowed else {
            return Ok(());
        };
        let region = self.codes.region(found);
        match region {
            Some(region) if allowed.contains(&region) => Ok(()),
            _ => Err(NumberFault::CountryNotAllowed {
                region,
                code: found.code(),
            }),
        }
    }
}

/// Letters are never part of a number. The long sound mark of kana is a letter to Unicode, and a dash to people and to
/// the library.
fn is_letter(character: char) -> bool {
    character.is_alphabetic() && character != 'ー'
}

fn e164(parsed: &PhoneNumber) -> Result<Msisdn, NumberFault> {
    let national = get_national_significant_number_owned(parsed);
    let digits = format!("{}{national}", parsed.country_code);
    let value = digits.parse().map_err(|_| NumberFault::TooLong)?;
    Msisdn::new(value).map_err(|_| NumberFault::TooLong)
}

#[cfg(test)]
mod tests;
