use super::calling_codes::CALLING_CODES;
use super::*;

fn region(name: &str) -> Region {
    Region::named(name).unwrap()
}

/// What a normaliser with this default region makes of a text: the number, or the fault's words.
fn check(default_region: Option<&str>, text: &str, expected: Result<u64, &str>) {
    check_rule(NumberRule::Possible, default_region, text, expected);
}

fn check_rule(rule: NumberRule, default_region: Option<&str>, text: &str, expected: Result<u64, &str>) {
    let normalizer = Normalizer::new(default_region.map(region), rule, None);
    let answer = normalizer
        .normalize(text)
        .map(Msisdn::get)
        .map_err(|fault| fault.to_string());
    assert_eq!(
        answer,
        expected.map_err(str::to_owned),
        "{text:?} in {default_region:?}"
    );
}

#[test]
fn spellings_of_one_number() {
    for text in [
        "+33612345678",
        "+33 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "+330612345678",
        "+33.6.12.34.56.78",
        "+33-612-345-678",
        " +33612345678 ",
        "0033612345678",
        "00 33 6 12 34 56 78",
        "00330612345678",
        "＋３３６１２３４５６７８",
        "+٣٣٦١٢٣٤٥٦٧٨",
        "(+33)612345678",
    ] {
        check(None, text, Ok(33_612_345_678));
        check(Some("FR"), text, Ok(33_612_345_678));
    }
    for text in [
        "0612345678",
        "06 12 34 56 78",
        "612345678",
        "(06) 12.34.56.78",
        "０６１２３４５６７８",
    ] {
        check(Some("FR"), text, Ok(33_612_345_678));
    }
}

#[test]
fn a_national_number_needs_a_region() {
    check(Some("FR"), "0612345678", Ok(33_612_345_678));
    check(
        None,
        "0612345678",
        Err("no country code, and no default_region is set"),
    );
    check(Some("US"), "(212) 555-0123", Ok(12_125_550_123));
    check(None, "+1 (212) 555-0123", Ok(12_125_550_123));
}

#[test]
fn double_zero_is_the_prefix_only_where_nothing_else_is_dialled() {
    check(None, "0033612345678", Ok(33_612_345_678));
    check(Some("DE"), "0033612345678", Ok(33_612_345_678));
    check(Some("US"), "01133612345678", Ok(33_612_345_678));
    for name in ["US", "BR", "JP", "RU", "AU"] {
        check(
            Some(name),
            "0033612345678",
            Err(&format!(
                "00 is not the international prefix of the default region {name}: write + or the national form"
            )),
        );
        check(Some(name), "+33612345678", Ok(33_612_345_678));
    }
    check(None, "00", Err("no country code, and no default_region is set"));
    check(None, "00999123456789", Err("no such country code"));
}

#[test]
fn letters_and_extensions_are_faults_never_digits() {
    check(
        None,
        "+33 6 12 34 56 78 ext 5",
        Err("not a digit at character 19"),
    );
    check(Some("US"), "0800-FLOWERS", Err("not a digit at character 6"));
    check(None, "tel:+33612345678;ext=5", Err("not a digit at character 1"));
    check(None, "+33612345678x5", Err("not a digit at character 13"));
    check(None, "+33612345678,,5", Err("has an extension"));
    check(None, "+33612345678 #5#", Err("has an extension"));
    check(None, "+33612345678;5", Err("has an extension"));
    check(None, "+3361234567O", Err("not a digit at character 12"));
    check(None, "+33ー612345678", Ok(33_612_345_678));
}

#[test]
fn lengths_have_their_borders() {
    check(None, "+3361234567", Err("too short"));
    check(None, "+336123456789", Err("too long"));
    check(None, "+49151123456789", Ok(49_151_123_456_789));
    check(None, "+4915112345678901234", Err("too long"));
    check(None, "+6281234567890123", Err("too long"));
    check(None, "+628123456789012", Ok(628_123_456_789_012));
    check(None, "+4712345", Ok(4_712_345));
    check(
        None,
        "+47123456",
        Err("no number of its country has this many digits"),
    );
    check(None, "+", Err("not a phone number"));
    check(None, "", Err("not a phone number"));
    check(None, " ", Err("not a phone number"));
    check(
        None,
        &format!("+33612345678{}", " ".repeat(238)),
        Ok(33_612_345_678),
    );
    check(None, &format!("+33612345678{}", " ".repeat(239)), Err("too long"));
    check(None, "+0612345678", Err("no such country code"));
    check(None, "+210123456789", Err("no such country code"));
}

#[test]
fn valid_asks_for_the_range_too() {
    const UNASSIGNED: Result<u64, &str> = Err("in no range its country has assigned");
    let check = |text, possible, valid| {
        check_rule(NumberRule::Possible, None, text, possible);
        check_rule(NumberRule::Valid, None, text, valid);
    };
    check("+33612345678", Ok(33_612_345_678), Ok(33_612_345_678));
    check("+33 (0)6 12345678", Ok(33_612_345_678), Ok(33_612_345_678));
    check("+2250701020304", Ok(2_250_701_020_304), Ok(2_250_701_020_304));
    check("+390612345678", Ok(390_612_345_678), Ok(390_612_345_678));
    check("+12125550123", Ok(12_125_550_123), Ok(12_125_550_123));
    check("+14005550123", Ok(14_005_550_123), UNASSIGNED);
    check("+2259901020304", Ok(2_259_901_020_304), UNASSIGNED);
    check("+4930", Ok(4_930), UNASSIGNED);
}

#[test]
fn any_takes_plus_spaces_and_7_to_15_digits() {
    let check = |text, expected| check_rule(NumberRule::Any, Some("FR"), text, expected);
    check("+330612345678", Ok(330_612_345_678));
    check("+33 6 12 34 56 78", Ok(33_612_345_678));
    check("+1234567", Ok(1_234_567));
    check("+123456", Err("too short"));
    check("+123456789012345", Ok(123_456_789_012_345));
    check("+1234567890123456", Err("too long"));
    check("+99999999999999999999999999999999999999", Err("too long"));
    check("0612345678", Err("does not begin with +"));
    check("+0612345678", Err("no such country code"));
    check("+33-612345678", Err("not a digit at character 4"));
    check("+336123é5678", Err("not a digit at character 8"));
}

#[test]
fn allowed_countries_are_told_by_the_library_where_a_code_is_shared() {
    let normalizer = |rule| Normalizer::new(None, rule, Some(vec![region("FR"), region("US"), region("GG")]));
    for rule in [NumberRule::Possible, NumberRule::Valid, NumberRule::Any] {
        let check = |text: &str, expected: Result<(), &str>| {
            let answer = normalizer(rule).normalize(text).map(|_| ()).map_err(|fault| {
                assert_eq!(fault.reason(), volley_model::Reason::CountryNotAllowed, "{text}");
                fault.to_string()
            });
            assert_eq!(answer, expected.map_err(str::to_owned), "{text} {rule:?}");
        };
        check("+33612345678", Ok(()));
        check("+12125550123", Ok(()));
        check("+14165550123", Err("CA is not in allowed_countries"));
        check("+447781123456", Ok(()));
        check("+447400123456", Err("GB is not in allowed_countries"));
        check("+4915112345678", Err("DE is not in allowed_countries"));
        check(
            "+80012345678",
            Err("+800 is no single country's, and the number is not known to be of an allowed one"),
        );
    }
}

/// Numbers of every calling code, length and first two digits, in several spellings: whatever the fast path takes,
/// the library answers the same, under any region.
#[test]
fn the_fast_path_answers_as_the_library_does() {
    const SEED: u64 = 7;
    let mut random = fastrand::Rng::with_seed(SEED);
    let regions = [
        None,
        Some(region("FR")),
        Some(region("US")),
        Some(region("IT")),
        Some(region("GG")),
        Some(region("DE")),
    ];
    let normalizers = regions.map(|region| Normalizer::new(region, NumberRule::Possible, None));
    let mut taken = [0u32; 1000];
    let mut of_two_zeros = 0;
    for row in CALLING_CODES {
        for (length, first_two) in (1..=14).flat_map(|length| (0..100).map(move |two| (length, two))) {
            let tail: String = (0..12).map(|_| random.char('0'..='9')).collect();
            let national = &format!("{first_two:02}{tail}")[..length];
            let begin = ["+", "+", "00"][random.usize(..3)];
            let text = spelled(&format!("{begin}{}", row.code), national, &mut random);
            let normalizer = &normalizers[random.usize(..normalizers.len())];
            let default_region = normalizer.default_region;
            let Some(found) = normalizer
                .codes
                .international(text.as_str().into(), normalizer.two_zeros)
            else {
                continue;
            };
            taken[usize::from(row.code)] += 1;
            of_two_zeros += u32::from(begin == "00");
            // Without a region the library does not know what they are, and we do.
            let asked = match (default_region, text.strip_prefix("00")) {
                (None, Some(rest)) => format!("+{rest}"),
                _ => text.clone(),
            };
            let default_region = default_region.map(Region::as_library_region);
            let library = PHONE_NUMBER_UTIL.parse(&asked, default_region).unwrap();
            assert!(
                PHONE_NUMBER_UTIL.is_possible_number(&library),
                "{text}, seed {SEED}"
            );
            assert_eq!(Ok(found.number), e164(&library), "{text}, seed {SEED}");
            assert_eq!(found.for_library(), library, "{text}, seed {SEED}");
            let region = PHONE_NUMBER_UTIL
                .get_region_for_number(&library)
                .and_then(Region::known);
            assert_eq!(normalizer.codes.region(found), region, "{text}, seed {SEED}");
        }
    }
    assert!(of_two_zeros > 1000, "{of_two_zeros}");
    // The path is there to be taken, for every code of a country.
    assert!(
        CALLING_CODES.iter().all(|row| taken[usize::from(row.code)] > 0),
        "{taken:?}"
    );
}

fn spelled(begin: &str, national: &str, random: &mut fastrand::Rng) -> String {
    let mut text = begin.to_owned();
    for digit in national.chars() {
        if random.u8(..8) == 0 {
            text.push_str(["-", " ", ".", "(", ")", ") ", " (", "--", "\u{a0}"][random.usize(..9)]);
        }
        text.push(digit);
    }
    text
}

/// Numbers as dialled in every main country, with every trunk, length and first two digits.
#[test]
fn the_fast_path_at_home_answers_as_the_library_does() {
    const SEED: u64 = 11;
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut taken = 0;
    for home in HOMES {
        let default_region = region(home.region);
        for (length, first_two) in (1..=14).flat_map(|length| (0..100).map(move |two| (length, two))) {
            let tail: String = (0..12).map(|_| random.char('0'..='9')).collect();
            let trunk = ["", "0", "1", "8", "00"][random.usize(..5)];
            let dialled = format!("{trunk}{}", &format!("{first_two:02}{tail}")[..length]);
            let text = spelled(&dialled[..1], &dialled[1..], &mut random);
            let Some(found) = CodeIndex::national(text.as_str().into(), home) else {
                continue;
            };
            taken += 1;
            let library = PHONE_NUMBER_UTIL
                .parse(&text, Some(default_region.as_library_region()))
                .unwrap();
            assert!(PHONE_NUMBER_UTIL.is_possible_number(&library), "{text} {home:?}");
            assert_eq!(Ok(found.number), e164(&library), "{text} {home:?}, seed {SEED}");
            assert_eq!(found.for_library(), library, "{text} {home:?}, seed {SEED}");
        }
    }
    assert!(taken > 10_000, "{taken}");
    // Where it matters most: the trunk zero and its absence.
    for text in ["0612345678", "612345678", "06 12 34 56 78"] {
        let france = HOMES.iter().find(|home| home.region == "FR").unwrap();
        assert_eq!(
            CodeIndex::national(text.into(), france).map(|found| found.number.get()),
            Some(33_612_345_678),
            "{text}"
        );
    }
}

/// The table knows every code of the library and no other, and every length that is possible.
#[test]
fn the_table_of_calling_codes_is_the_library_s() {
    let codes: Vec<_> = PHONE_NUMBER_UTIL.get_supported_calling_codes().collect();
    assert!(CALLING_CODES.iter().map(|row| i32::from(row.code)).eq(codes));
    for row in CALLING_CODES {
        for length in 2..=15usize {
            let number = PhoneNumber {
                country_code: i32::from(row.code),
                national_number: 2 * 10u64.pow(u32::try_from(length).unwrap() - 1),
                ..PhoneNumber::default()
            };
            let taken = (0..10).any(|digit| row.leaves_unchanged(length, digit));
            assert_eq!(
                taken,
                PHONE_NUMBER_UTIL.is_possible_number(&number),
                "+{} {length}",
                row.code
            );
        }
    }
}

/// The spellings that people use are taken by the fast path: what it costs to ask the library shows in a file of millions.
#[test]
fn common_spellings_need_no_library() {
    let normalizer = Normalizer::new(Some(region("FR")), NumberRule::Possible, None);
    for text in [
        "+33612345678",
        "+33 6 12 34 56 78",
        "+33 (0)6 12 34 56 78",
        "+330612345678",
        "0033612345678",
        "+33\u{a0}6\u{a0}12\u{a0}34\u{a0}56\u{a0}78",
    ] {
        let found = normalizer.codes.international(text.into(), normalizer.two_zeros);
        assert_eq!(
            found.map(|found| found.number.get()),
            Some(33_612_345_678),
            "{text}"
        );
    }
}

/// Trunk prefixes: what the library strips or changes, the fast path leaves alone, but for a zero that can be nothing else.
#[test]
fn trunk_prefixes_are_left_to_the_library() {
    let codes = CodeIndex::new();
    for text in [
        "+4901512345678",
        "+330612345678",
        "+4401234567890",
        "+78912345678",
        "+3680612345678",
        "+5215512345678",
        "+54111512345678",
    ] {
        let library = PHONE_NUMBER_UTIL.parse(text, None).unwrap();
        if let Some(found) = codes.international(text.into(), TwoZeros::AreOpen) {
            assert_eq!(Ok(found.number), e164(&library), "{text}");
        }
    }
    check(None, "+330612345678", Ok(33_612_345_678));
    check(None, "+4407911123456", Ok(447_911_123_456));
}
