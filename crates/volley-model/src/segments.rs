//! How a text is encoded on the air, and how many segments it takes.
//!
//! GSM-7: 160 septets in one segment, 153 in each of several; characters of the extension table take two, and the
//! pair is not split over segments. UCS-2: 70 code units in one, 67 in each of several; a surrogate pair is not
//! split. A text with one character outside GSM-7 is UCS-2 as a whole.
//!
//! Sources: 3GPP TS 23.038, 6.2.1 (alphabet and extension table) and TS 23.040, 9.2.3.24.1 (concatenation).

#[cfg(test)]
mod counters;
mod foreign;

pub use foreign::{Foreign, foreign, replacement};

/// Septets in the only segment, and in each of several; and code units.
const GSM7_SINGLE: u32 = 160;
const GSM7_SEVERAL: u32 = 153;
const UCS2_SINGLE: u32 = 70;
const UCS2_SEVERAL: u32 = 67;

/// The alphabet in which a text goes over the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM default alphabet, septets.
    Gsm7,
    /// 16-bit code units.
    Ucs2,
}

/// What a text takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The alphabet.
    pub encoding: Encoding,
    /// Septets or code units in all.
    pub units: u32,
    /// Segments: what the provider charges for. At least 1.
    pub segments: u32,
}

/// The units of a text in either encoding, added up without laying them into segments. Mostly that is all it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UnitCount {
    septets: u32,
    code_units: u32,
    /// A character outside GSM-7.
    foreign: bool,
    /// A character of two septets, and one of two code units: such a pair is not split over segments.
    septet_pair: bool,
    code_unit_pair: bool,
}

impl UnitCount {
    /// Adds a text.
    pub(crate) fn add(&mut self, text: &str) {
        if is_plain(text) {
            let characters = u32::try_from(text.len()).unwrap_or(u32::MAX);
            self.septets = self.septets.saturating_add(characters);
            self.code_units = self.code_units.saturating_add(characters);
            return;
        }
        for character in text.chars() {
            let septets = septets(character);
            self.foreign |= septets.is_none();
            self.septet_pair |= septets == Some(2);
            self.septets = self.septets.saturating_add(septets.unwrap_or_default());
            let is_pair = character.len_utf16() == 2;
            self.code_unit_pair |= is_pair;
            self.code_units = self.code_units.saturating_add(1 + u32::from(is_pair));
        }
    }

    /// What a text of these units takes; `None` where it depends on where its pairs stand.
    pub(crate) fn measure(self) -> Option<Measure> {
        let (encoding, units, has_pair, single, several) = if self.foreign {
            let pair = self.code_unit_pair;
            (Encoding::Ucs2, self.code_units, pair, UCS2_SINGLE, UCS2_SEVERAL)
        } else {
            let pair = self.septet_pair;
            (Encoding::Gsm7, self.septets, pair, GSM7_SINGLE, GSM7_SEVERAL)
        };
        let segments = match units {
            _ if units <= single => 1,
            _ if has_pair => return None,
            _ => units.div_ceil(several),
        };
        Some(Measure {
            encoding,
            units,
            segments,
        })
    }
}

/// Counts a text that comes in pieces. Both encodings are counted at once, since the last character may decide.
#[derive(Debug, Clone, Copy)]
pub struct Meter {
    gsm7: Option<Parts>,
    ucs2: Parts,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            gsm7: Some(Parts::new(GSM7_SINGLE, GSM7_SEVERAL)),
            ucs2: Parts::new(UCS2_SINGLE, UCS2_SEVERAL),
        }
    }
}

impl Meter {
    /// Measures a text in one piece.
    pub fn of(text: &str) -> Measure {
        let mut meter = Self::default();
        meter.push(text);
        meter.finish()
    }

    /// Appends a piece of the text.
    pub fn push(&mut self, text: &str) {
        if is_plain(text) {
            return self.push_plain(text.len());
        }
        for character in text.chars() {
            self.ucs2.add(if character.len_utf16() == 2 { 2 } else { 1 });
            self.gsm7 = match (self.gsm7, septets(character)) {
                (Some(mut parts), Some(septets)) => {
                    parts.add(septets);
                    Some(parts)
                }
                _ => None,
            };
        }
    }

    /// Appends so many characters of which each is [plain](is_plain).
    fn push_plain(&mut self, characters: usize) {
        let units = u32::try_from(characters).unwrap_or(u32::MAX);
        self.ucs2.add_run(units);
        if let Some(gsm7) = &mut self.gsm7 {
            gsm7.add_run(units);
        }
    }

    /// The measure of what was pushed.
    pub fn finish(self) -> Measure {
        match self.gsm7 {
            Some(parts) => parts.measure(Encoding::Gsm7),
            None => self.ucs2.measure(Encoding::Ucs2),
        }
    }
}

/// Units laid into segments that have room for `several` each, unless all fit into `single`.
#[derive(Debug, Clone, Copy)]
struct Parts {
    single: u32,
    several: u32,
    units: u32,
    full: u32,
    in_last: u32,
}

impl Parts {
    fn new(single: u32, several: u32) -> Self {
        Self {
            single,
            several,
            units: 0,
            full: 0,
            in_last: 0,
        }
    }

    fn add(&mut self, units: u32) {
        self.units += units;
        if self.in_last + units > self.several {
            self.full += 1;
            self.in_last = 0;
        }
        self.in_last += units;
    }

    /// Adds so many characters of one unit each.
    fn add_run(&mut self, units: u32) {
        self.units = self.units.saturating_add(units);
        let last = self.in_last.saturating_add(units);
        let filled = last.saturating_sub(1) / self.several;
        self.full += filled;
        self.in_last = last - filled * self.several;
    }

    fn measure(self, encoding: Encoding) -> Measure {
        let segments = if self.units <= self.single {
            1
        } else {
            self.full + 1
        };
        Measure {
            encoding,
            units: self.units,
            segments,
        }
    }
}

/// Whether every character is ASCII and takes one unit in either encoding, as in most texts.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| PLAIN[usize::from(byte)])
}

/// The bytes that are ASCII characters of one septet; a test holds it against [`septets`].
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        plain[byte as usize] = matches!(byte, b'\n' | b'\r' | b' '..=b'Z' | b'_' | b'a'..=b'z');
        byte += 1;
    }
    plain
};

/// Septets of a character in the GSM default alphabet; `None` outside it.
pub fn septets(character: char) -> Option<u32> {
    match LATIN.get(character as usize) {
        Some(0) => None,
        Some(septets) => Some(u32::from(*septets)),
        None => alphabet(character),
    }
}

/// The septets of U+0000 to U+00FF, most of what names are written with; 0 for none.
const LATIN: [u8; 256] = {
    let mut latin = [0; 256];
    let mut byte = 0_u8;
    loop {
        latin[byte as usize] = match alphabet(byte as char) {
            Some(1) => 1,
            Some(_) => 2,
            None => 0,
        };
        if byte == u8::MAX {
            break latin;
        }
        byte += 1;
    }
};

const fn alphabet(character: char) -> Option<u32> {
    match character {
        '\n'
        | '\r'
        | ' '..='#'
        | '%'..='?'
        | 'A'..='Z'
        | 'a'..='z'
        | '$'
        | '@'
        | '_'
        | '£'
        | '¥'
        | 'è'
        | 'é'
        | 'ù'
        | 'ì'
        | 'ò'
        | 'Ç'
        | 'Ø'
        | 'ø'
        | 'Å'
        | 'å'
        | 'Δ'
        | 'Φ'
        | 'Γ'
        | 'Λ'
        | 'Ω'
        | 'Π'
        | 'Ψ'
        | 'Σ'
        | 'Θ'
        | 'Ξ'
        | 'Æ'
        | 'æ'
        | 'ß'
        | 'É'
        | '¤'
        | '¡'
        | 'Ä'
        | 'Ö'
        | 'Ñ'
        | 'Ü'
        | '§'
        | '¿'
        | 'ä'
        | 'ö'
        | 'ñ'
        | 'ü'
        | 'à' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, encoding: Encoding, units: u32, segments: u32) {
        assert_eq!(
            Meter::of(text),
            Measure {
                encoding,
                units,
                segments
            },
            "{text:?}"
        );
    }

    #[test]
    fn borders_of_both_encodings() {
        check("", Encoding::Gsm7, 0, 1);
        check(&"a".repeat(160), Encoding::Gsm7, 160, 1);
        check(&"a".repeat(161), Encoding::Gsm7, 161, 2);
        check(&"a".repeat(306), Encoding::Gsm7, 306, 2);
        check(&"a".repeat(307), Encoding::Gsm7, 307, 3);
        check(&"ê".repeat(70), Encoding::Ucs2, 70, 1);
        check(&"ê".repeat(71), Encoding::Ucs2, 71, 2);
        check(&"ê".repeat(134), Encoding::Ucs2, 134, 2);
        check(&"ê".repeat(135), Encoding::Ucs2, 135, 3);
        check(&"a".repeat(1224), Encoding::Gsm7, 1224, 8);
    }

    #[test]
    fn a_pair_is_never_split() {
        // 152 septets, then a pair: it goes whole into the second segment.
        check(
            &format!("{}€{}", "a".repeat(152), "a".repeat(10)),
            Encoding::Gsm7,
            164,
            2,
        );
        check(
            &format!("{}€{}", "a".repeat(152), "a".repeat(151)),
            Encoding::Gsm7,
            305,
            2,
        );
        check(
            &format!("{}€{}", "a".repeat(152), "a".repeat(152)),
            Encoding::Gsm7,
            306,
            3,
        );
        check(
            &format!("{}😀{}", "ê".repeat(66), "ê".repeat(65)),
            Encoding::Ucs2,
            133,
            2,
        );
        check(
            &format!("{}😀{}", "ê".repeat(66), "ê".repeat(66)),
            Encoding::Ucs2,
            134,
            3,
        );
    }

    #[test]
    fn plain_bytes_are_the_ascii_characters_of_one_septet() {
        for byte in 0..=255_u8 {
            let single = byte.is_ascii() && septets(char::from(byte)) == Some(1);
            assert_eq!(PLAIN[usize::from(byte)], single, "{byte}");
        }
    }

    #[test]
    fn units_alone_tell_what_a_meter_tells_or_say_that_they_cannot() {
        for character in ["a", "é", "€", "ê", "😀"] {
            for others in ["a", "é", "ê", "a€", "ê😀"] {
                for count in [
                    0, 1, 33, 34, 66, 67, 69, 70, 71, 79, 80, 81, 134, 135, 152, 153, 154, 159, 160, 161,
                    306, 307,
                ] {
                    let text = format!("{character}{}", others.repeat(count));
                    let mut units = UnitCount::default();
                    units.add(character);
                    units.add(&others.repeat(count));
                    let pair = text.contains(['€', '😀']);
                    match units.measure() {
                        Some(measure) => assert_eq!(measure, Meter::of(&text), "{text}"),
                        None => assert!(pair && Meter::of(&text).segments > 1, "{text}"),
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_counts_as_its_characters_do_one_by_one() {
        for before in [0, 1, 66, 67, 152, 153, 154] {
            for run in [0, 1, 2, 66, 67, 68, 153, 154, 306, 307, 1000] {
                let mut at_once = Meter::default();
                at_once.push("€");
                at_once.push_plain(before);
                let mut singly = at_once;
                at_once.push_plain(run);
                (0..run).for_each(|_| singly.push_plain(1));
                assert_eq!(at_once.finish(), singly.finish(), "{before} {run}");
                let mut scanned = Meter::of(&format!("€{}", "a".repeat(before + run)));
                assert_eq!(at_once.finish(), scanned);
                // One character that is not plain sends the text through the slow path.
                at_once.push("é");
                scanned = Meter::of(&format!("€{}é", "a".repeat(before + run)));
                assert_eq!(at_once.finish(), scanned, "{before} {run}");
            }
        }
    }

    #[test]
    fn one_foreign_character_makes_the_whole_text_ucs2() {
        check("€", Encoding::Gsm7, 2, 1);
        check("😀", Encoding::Ucs2, 2, 1);
        check("`", Encoding::Ucs2, 1, 1);
        check("ç", Encoding::Ucs2, 1, 1);
        check("Ç", Encoding::Gsm7, 1, 1);
    }

    #[test]
    fn the_default_alphabet_has_its_127_characters_and_ten_pairs() {
        let all = (0..=0xffff).filter_map(char::from_u32);
        let (single, double) = all.fold((0, 0), |(single, double), character| match septets(character) {
            Some(1) => (single + 1, double),
            Some(_) => (single, double + 1),
            None => (single, double),
        });
        // 128 places less the escape to the extension table; its ten characters (23.038 has no others).
        assert_eq!((single, double), (127, 10));
    }
}
