//! A country or territory, by its ISO 3166 code, and what `00` means when dialled there.

use std::fmt;

use rlibphonenumber::PHONE_NUMBER_UTIL;

use super::homes::HOMES;

/// A region that libphonenumber knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// The region of an ISO 3166 alpha-2 code, in either case; `None` where nobody has phone numbers.
    pub fn named(code: &str) -> Option<Self> {
        let name = code.to_ascii_uppercase();
        // Not asked of the library: its metadata take 5 ms to load, and most runs never need them.
        let has_numbers = HOMES.iter().any(|home| home.region == name)
            || SHARING.split_whitespace().any(|other| other == name);
        if !has_numbers {
            return None;
        }
        Self::known(rlibphonenumber::Region::from_code(&name).ok()?)
    }

    pub(super) fn known(region: rlibphonenumber::Region) -> Option<Self> {
        (region != rlibphonenumber::Region::World).then_some(Self(region))
    }

    pub(super) fn as_library_region(self) -> rlibphonenumber::Region {
        self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.as_region_str().as_str())
    }
}

/// Regions that share another one's calling code; with the main ones in [`HOMES`] they are all that have numbers. The
/// tests compare them with the library.
const SHARING: &str = "AG AI AS AX BB BL BM BQ BS CA CC CX DM DO EH GD GG GU IM JE JM KN \
    KY KZ LC MF MP MS PR SJ SX TA TC TT VA VC VG VI YT";

/// Regions whose international prefix is not `00`, with nothing behind it: many dial `00` and a carrier's digits,
/// and the library takes it for the prefix only with those. The tests compare the list with the library.
const OTHER_PREFIX: &str = "US AG AI AS BB BM BS CA DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI \
    RU KZ BY TJ TM CU BR CO AU CC CX ID SG TH JP KR NG CV KE TZ UG GY PW WS MH KH TW MN";

/// What `00` at the start of a number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoubleZero {
    /// No region is set: it can only be the international prefix.
    MeansPlus,
    /// It is the region's own international prefix, which the library knows.
    IsKnown,
    /// The region dials something else.
    MeansSomethingElse(Region),
}

impl DoubleZero {
    pub(super) fn seen_from(region: Option<Region>) -> Self {
        let Some(region) = region else {
            return Self::MeansPlus;
        };
        let name = region.to_string();
        if OTHER_PREFIX.split_whitespace().any(|other| other == name) {
            return Self::MeansSomethingElse(region);
        }
        Self::IsKnown
    }
}

/// What follows two leading zeros, of whatever script; `None` for a number that begins otherwise.
pub(super) fn behind_double_zero(text: &str) -> Option<&str> {
    let mut starts = text
        .char_indices()
        .filter(|(_, character)| character.is_numeric() || matches!(character, '+' | '\u{ff0b}'));
    for _ in 0..2 {
        let (_, character) = starts.next()?;
        if PHONE_NUMBER_UTIL.normalize_digits_only(character.encode_utf8(&mut [0; 4])) != "0" {
            return None;
        }
    }
    let (rest, _) = starts.next()?;
    Some(&text[rest..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(behind_double_zero(text), expected, "{text}");
    }

    #[test]
    fn leading_zeros_of_any_script() {
        check("0033612", Some("33612"));
        check("00 33 6", Some("33 6"));
        check("(0)0 33", Some("33"));
        check("００33", Some("33"));
        check("٠٠٣٣", Some("٣٣"));
        check("0612", None);
        check("+0033", None);
        check("1002", None);
        check("00", None);
        check("", None);
    }

    #[test]
    fn double_zero_is_the_prefix_exactly_where_the_library_takes_it_for_one() {
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            let region = Region::known(region).unwrap();
            // Numbers of several countries: a carrier's digits may look like the beginning of one of them.
            let taken = ["33612345678", "4915112345678", "6591234567", "819012345678"].map(|digits| {
                let parsed = PHONE_NUMBER_UTIL.parse(format!("00{digits}"), Some(region.as_library_region()));
                parsed.is_ok_and(|parsed| {
                    digits == format!("{}{}", parsed.country_code, parsed.national_number)
                })
            });
            match DoubleZero::seen_from(Some(region)) {
                DoubleZero::IsKnown => assert!(taken.contains(&true), "{region} {taken:?}"),
                DoubleZero::MeansSomethingElse(_) => {
                    assert!(!taken.iter().all(|&taken| taken), "{region} {taken:?}");
                }
                DoubleZero::MeansPlus => unreachable!("a region is given"),
            }
        }
    }

    #[test]
    fn a_region_has_a_name_exactly_where_the_library_knows_its_numbers() {
        let letters = || b'A'..=b'Z';
        for code in letters().flat_map(|first| letters().map(move |second| [first, second])) {
            let name = std::str::from_utf8(&code).unwrap();
            let library = rlibphonenumber::Region::from_code(name).ok();
            let has_numbers =
                library.is_some_and(|region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some());
            assert_eq!(Region::named(name).is_some(), has_numbers, "{name}");
        }
    }

    #[test]
    fn every_other_prefix_is_of_a_region() {
        assert!(
            OTHER_PREFIX
                .split_whitespace()
                .all(|name| Region::named(name).is_some())
        );
        assert_eq!(Region::named("XX"), None);
        assert_eq!(Region::named("fr"), Region::named("FR"));
        assert_eq!(Region::named("001"), None);
    }
}
