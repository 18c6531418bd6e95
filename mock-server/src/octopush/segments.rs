//! How many SMS a message takes.
//!
//! GSM-7 holds 160 septets in one SMS and 153 in each of several, extension characters take two; anything
//! else goes as UCS-2, 70 and 67 code units. Neither an escape pair nor a surrogate pair is split.
//! *Sources*: 3GPP TS 23.038 §6.2.1; "Schedule SMS sending" (1224 = 8 × 153).

/// Septets in a message of one SMS, and in each of several.
const GSM7: Capacity = Capacity {
    alone: 160,
    part: 153,
};
/// Code units in a message of one SMS, and in each of several.
const UCS2: Capacity = Capacity { alone: 70, part: 67 };

struct Capacity {
    alone: u64,
    part: u64,
}

/// The size of a piece of text in both codings; pieces add up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Measure {
    septets: u64,
    units: u64,
    /// What some character is: any of the three below. Not three booleans: those are written one by one and read together,
    /// for which a processor waits.
    some: u8,
}

/// It has no place in GSM-7.
const BEYOND_GSM7: u8 = 1;
/// It takes two septets.
const ESCAPE: u8 = 2;
/// It takes two code units.
const SURROGATES: u8 = 4;

impl Measure {
    pub(super) fn of(text: &str) -> Self {
        if text.bytes().all(|byte| SEPTETS[usize::from(byte)] == 1) {
            let length = text.len() as u64;
            return Self {
                septets: length,
                units: length,
                ..Self::default()
            };
        }
        let mut measure = Self::default();
        for character in text.chars() {
            let units = character.len_utf16() as u64;
            measure.units += units;
            measure.some |= if units == 2 { SURROGATES } else { 0 };
            let width = septets(character);
            measure.septets += width;
            measure.some |= match width {
                0 => BEYOND_GSM7,
                1 => 0,
                _ => ESCAPE,
            };
        }
        measure
    }

    pub(super) fn is_gsm7(self) -> bool {
        !self.has(BEYOND_GSM7)
    }

    fn has(self, kind: u8) -> bool {
        self.some & kind != 0
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            septets: self.septets + other.septets,
            units: self.units + other.units,
            some: self.some | other.some,
        }
    }

    /// The number of SMS; `characters` gives the whole text again, for one whose pairs must not be split.
    /// An empty text is one SMS.
    pub(super) fn segments(self, characters: impl Iterator<Item = char>) -> u64 {
        if self.is_gsm7() {
            count(self.septets, &GSM7, self.has(ESCAPE), characters.map(septets))
        } else {
            let width = |character: char| character.len_utf16() as u64;
            count(self.units, &UCS2, self.has(SURROGATES), characters.map(width))
        }
    }
}

fn count(total: u64, capacity: &Capacity, has_pairs: bool, widths: impl Iterator<Item = u64>) -> u64 {
    if total <= capacity.alone {
        return 1;
    }
    if !has_pairs {
        return total.div_ceil(capacity.part);
    }
    let mut segments = 1;
    let mut filled = 0;
    for width in widths {
        if filled + width > capacity.part {
            segments += 1;
            filled = 0;
        }
        filled += width;
    }
    segments
}

/// Septets of a character in GSM-7: 1, 2 behind an escape, 0 if it has none.
fn septets(character: char) -> u64 {
    match character {
        '\0'..='\u{7f}' => u64::from(SEPTETS[character as usize]),
        '€' => 2,
        '£' | '¥' | 'è' | 'é' | 'ù' | 'ì' | 'ò' | 'Ç' | 'Ø' | 'ø' | 'Å' | 'å' | 'Δ' | 'Φ' | 'Γ' | 'Λ'
        | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' | 'Æ' | 'æ' | 'ß' | 'É' | '¤' | '¡' | 'Ä' | 'Ö' | 'Ñ' | 'Ü'
        | '§' | '¿' | 'ä' | 'ö' | 'ñ' | 'ü' | 'à' => 1,
        _ => 0,
    }
}

/// The same by a byte of UTF-8; 0 for those of longer characters.
const SEPTETS: [u8; 256] = ascii_septets();

const fn ascii_septets() -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0_u8;
    while code < 128 {
        table[code as usize] = match code {
            0x0c | b'^' | b'{' | b'}' | b'\\' | b'[' | b'~' | b']' | b'|' => 2,
            b'\n' | b'\r' | b' '..=b'Z' | b'_' | b'a'..=b'z' => 1,
            _ => 0,
        };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: u64) {
        assert_eq!(Measure::of(text).segments(text.chars()), expected, "{text}");
    }

    #[test]
    fn gsm7_holds_160_then_153() {
        check("", 1);
        check(&"a".repeat(160), 1);
        check(&"a".repeat(161), 2);
        check(&"a".repeat(306), 2);
        check(&"a".repeat(307), 3);
        check(&"a".repeat(1224), 8);
    }

    #[test]
    fn ucs2_holds_70_then_67() {
        check(&"ê".repeat(70), 1);
        check(&"ê".repeat(71), 2);
        check(&"ê".repeat(134), 2);
        check(&"ê".repeat(135), 3);
        check(&format!("{}ê", "a".repeat(70)), 2);
    }

    #[test]
    fn extension_characters_count_two_and_are_not_split() {
        check(&"€".repeat(80), 1);
        check(&format!("{}a", "€".repeat(80)), 2);
        // 152 + 2 does not fit into 153: the pair moves on, and a third SMS is needed.
        check(&format!("{}€{}", "a".repeat(152), "a".repeat(151)), 2);
        check(&format!("{}€{}", "a".repeat(152), "a".repeat(152)), 3);
    }

    #[test]
    fn surrogate_pairs_are_not_split() {
        check(&"😀".repeat(35), 1);
        check(&"😀".repeat(36), 2);
        // 33 pairs fill 66 of 67.
        check(&"😀".repeat(66), 2);
        check(&"😀".repeat(67), 3);
    }

    #[test]
    fn the_alphabet_is_the_standard_one() {
        let single = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
        assert_eq!(single.chars().count(), 127, "all but the escape");
        assert!(single.chars().all(|character| septets(character) == 1));
        assert!("^{}\\[~]|€\u{c}".chars().all(|character| septets(character) == 2));
        assert!("`êçÀ\t😀\u{7f}’".chars().all(|character| septets(character) == 0));
    }
}
