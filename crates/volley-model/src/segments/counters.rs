//! Our count of segments, held against two public counters that were written without us.
//!
//! The counters: `sms-segments-calculator` 1.3.0 (Twilio's, with the graphemes of `grapheme-splitter`) and `split-sms`
//! 0.1.7, installed by npm in an empty folder and run with Node 20.20.2 over each text below. Of the first was taken
//! `new SegmentedMessage(text, "auto", false)`: `encodingName`, `messageSize` / 7 or / 16, `segmentsCount`; of the second
//! `split(text)`: `characterSet`, `bytes`, halved for Unicode, `parts.length`.
//!
//! They agree with each other and with us on encoding and units of every text, and on segments but where a character
//! that readers take for one is several: `sms-segments-calculator` keeps such a cluster in one segment (an emoji family,
//! a flag, a letter with its accent behind it), and then may need one more. `split-sms` and we split between its code
//! points: TS 23.040, 9.2.3.24.1, joins the segments before anything is shown, and TS 23.038 knows characters, no
//! clusters. Neither maps a character to another one of its own accord; with its `smartEncoding` on,
//! `sms-segments-calculator` writes ’ as ', and still leaves ç and ê as they are.

use super::{Encoding, Measure, Meter};

/// A text, as pieces with how often each is repeated.
type Pieces = &'static [(&'static str, usize)];

const FAMILY: &str = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
const FLAG: &str = "🇫🇷";
const ACCENT_BEHIND: &str = "e\u{301}";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";
const GREEK: &str = "ΔΦΓΛΩΠΨΣΘΞ";
const ALPHABET: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                        ¿abcdefghijklmnopqrstuvwxyzäöñüà";

fn check(pieces: Pieces, encoding: Encoding, units: u32, segments: u32) {
    let text: String = pieces.iter().map(|(piece, times)| piece.repeat(*times)).collect();
    let expected = Measure {
        encoding,
        units,
        segments,
    };
    assert_eq!(Meter::of(&text), expected, "{pieces:?}");
}

fn gsm7(pieces: Pieces, septets: u32, segments: u32) {
    check(pieces, Encoding::Gsm7, septets, segments);
}

fn ucs2(pieces: Pieces, code_units: u32, segments: u32) {
    check(pieces, Encoding::Ucs2, code_units, segments);
}

#[test]
fn texts_in_the_alphabet_are_counted_as_both_counters_do() {
    gsm7(&[], 0, 1);
    gsm7(&[(" ", 1)], 1, 1);
    gsm7(&[("a", 160)], 160, 1);
    gsm7(&[("a", 161)], 161, 2);
    gsm7(&[("a", 306)], 306, 2);
    gsm7(&[("a", 307)], 307, 3);
    gsm7(&[("a", 1224)], 1224, 8);
    gsm7(&[("é", 1)], 1, 1);
    gsm7(&[("Ç", 1)], 1, 1);
    gsm7(&[("\n", 1)], 1, 1);
    gsm7(&[("\r", 1)], 1, 1);
    gsm7(&[("\r\n", 1)], 2, 1);
    gsm7(&[("a", 80), ("\r\n", 40)], 160, 1);
    gsm7(&[("a", 81), ("\r\n", 40)], 161, 2);
    gsm7(&[("a", 152), ("\r\n", 1), ("a", 152)], 306, 2);
    gsm7(&[(GREEK, 16)], 160, 1);
    gsm7(&[(GREEK, 16), ("a", 1)], 161, 2);
    gsm7(&[(ALPHABET, 1)], 127, 1);
}

#[test]
fn extension_characters_take_two_septets_that_stay_together_as_in_both_counters() {
    for character in ["\u{c}", "^", "{", "}", "\\", "[", "~", "]", "|", "€"] {
        assert_eq!(Meter::of(character).units, 2, "{character:?}");
        assert_eq!(Meter::of(character).encoding, Encoding::Gsm7, "{character:?}");
    }
    gsm7(&[(EXTENSION, 8)], 160, 1);
    gsm7(&[(EXTENSION, 16)], 320, 3);
    gsm7(&[("a", 158), ("€", 1)], 160, 1);
    gsm7(&[("a", 159), ("€", 1)], 161, 2);
    gsm7(&[("€", 80)], 160, 1);
    gsm7(&[("€", 81)], 162, 2);
    gsm7(&[("€", 152)], 304, 2);
    gsm7(&[("€", 153)], 306, 3);
    gsm7(&[("a", 304), ("€", 1)], 306, 2);
    gsm7(&[("a", 305), ("€", 1)], 307, 3);
    // The pair would lie across the border of the first segment.
    gsm7(&[("a", 152), ("€", 1), ("a", 6)], 160, 1);
    gsm7(&[("a", 152), ("€", 1), ("a", 7)], 161, 2);
    gsm7(&[("a", 152), ("€", 1), ("a", 151)], 305, 2);
    gsm7(&[("a", 152), ("€", 1), ("a", 152)], 306, 3);
    gsm7(&[("a", 153), ("€", 1), ("a", 151)], 306, 2);
    gsm7(&[("a", 153), ("€", 1), ("a", 152)], 307, 3);
}

#[test]
fn texts_outside_the_alphabet_are_counted_as_both_counters_do() {
    for character in ["ê", "ç", "\t", "`", "’", "\u{a0}", "\u{200b}", "Α"] {
        let measure = Meter::of(character);
        assert_eq!(
            (measure.encoding, measure.units),
            (Encoding::Ucs2, 1),
            "{character:?}"
        );
    }
    ucs2(&[("ê", 70)], 70, 1);
    ucs2(&[("ê", 71)], 71, 2);
    ucs2(&[("ê", 134)], 134, 2);
    ucs2(&[("ê", 135)], 135, 3);
    ucs2(&[("a", 69), ("ê", 1)], 70, 1);
    ucs2(&[("a", 70), ("ê", 1)], 71, 2);
    ucs2(&[("a", 159), ("ê", 1)], 160, 3);
    ucs2(&[(ACCENT_BEHIND, 1)], 2, 1);
    ucs2(&[("ê", 66), ("\r\n", 1), ("ê", 66)], 134, 2);
}

#[test]
fn surrogate_pairs_stay_together_as_in_both_counters() {
    ucs2(&[("😀", 1)], 2, 1);
    ucs2(&[("😀", 35)], 70, 1);
    ucs2(&[("😀", 36)], 72, 2);
    ucs2(&[("😀", 66)], 132, 2);
    ucs2(&[("😀", 67)], 134, 3);
    ucs2(&[("ê", 68), ("😀", 1)], 70, 1);
    ucs2(&[("ê", 69), ("😀", 1)], 71, 2);
    ucs2(&[("ê", 66), ("😀", 1), ("ê", 2)], 70, 1);
    ucs2(&[("ê", 66), ("😀", 1), ("ê", 3)], 71, 2);
    ucs2(&[("ê", 66), ("😀", 1), ("ê", 65)], 133, 2);
    ucs2(&[("ê", 66), ("😀", 1), ("ê", 66)], 134, 3);
    ucs2(&[(FAMILY, 1)], 11, 1);
    ucs2(&[(FAMILY, 6)], 66, 1);
    ucs2(&[(FAMILY, 7)], 77, 2);
    ucs2(&[(FAMILY, 12)], 132, 2);
    ucs2(&[(FAMILY, 13)], 143, 3);
    ucs2(&[("ê", 60), (FAMILY, 1)], 71, 2);
    ucs2(&[("ê", 60), (FAMILY, 2)], 82, 2);
    ucs2(&[("ê", 60), (FAMILY, 1), ("ê", 63)], 134, 3);
    ucs2(&[(FLAG, 34)], 136, 3);
}

/// `sms-segments-calculator` says 3 to each of these, `split-sms` 2.
#[test]
fn clusters_of_characters_are_split_as_split_sms_does_and_not_kept_whole() {
    ucs2(&[("ê", 61), (FAMILY, 1), ("ê", 62)], 134, 2);
    ucs2(&[("ê", 65), (FLAG, 1), ("ê", 65)], 134, 2);
    ucs2(&[("ê", 66), (ACCENT_BEHIND, 1), ("ê", 66)], 134, 2);
}
