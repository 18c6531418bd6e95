//! The people of the corpus: names as they occur, and how programs write them into JSON.
//!
//! No person is meant. First and last names are drawn independently.

/// Names in ASCII, for the plain shape.
pub(crate) const PLAIN_FIRST: &[&str] = &[
    "Axelle", "Thomas", "Camille", "Hugo", "Sarah", "Lucas", "Emma", "Nathan", "Julia", "Martin",
];
pub(crate) const PLAIN_LAST: &[&str] = &[
    "Durand", "Bernard", "Lambert", "Fontaine", "Mercier", "Rousseau", "Schmidt", "Rossi", "Taylor", "Nowak",
];

/// Names as they occur: accents, hyphens, apostrophes, quotes, backslashes, scripts beyond the Latin, emoji.
pub(crate) const FIRST: &[&str] = &[
    "Axelle",
    "Thomas",
    "Camille",
    "Hugo",
    "Sarah",
    "Lucas",
    "Emma",
    "Nathan",
    "Zoé",
    "Anaïs",
    "François",
    "Jean-Noël",
    "Chloé",
    "Théo",
    "Jürgen",
    "José",
    "Begoña",
    "Łukasz",
    "Małgorzata",
    "Niccolò",
    "Søren",
    "Aarav",
    "प्रिया",
    "Léa 🌸",
    "Jean \"Jeannot\"",
    "Maëlys",
    "👩‍⚕️ Inès",
    "Siân",
];
pub(crate) const LAST: &[&str] = &[
    "Durand",
    "Bernard",
    "Lambert",
    "Fontaine",
    "Mercier",
    "Rousseau",
    "Lefèvre",
    "Besançon",
    "L'Hénaff",
    "Saint-André",
    "Müller",
    "Weiß",
    "García Núñez",
    "D'Angelo",
    "Żółkowski",
    "Nowak",
    "O'Connor",
    "Taylor",
    "शर्मा",
    "Smith\\Jones",
    "de La Tour",
    "Peeters",
    "Rossi",
    "Çelik",
];

/// How a program writes text into a JSON string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// Only what must be escaped is.
    Least,
    /// Everything beyond ASCII as `\uXXXX`, in surrogate pairs where needed, as Python does by default.
    Ascii,
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn write_string(text: &str, escaping: Escaping, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
            _ if escaping == Escaping::Ascii && !character.is_ascii() => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write_unit(*unit, out);
                }
            }
            _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

fn write_unit(unit: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(b"0123456789abcdef"[usize::from((unit >> shift) & 0xf)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_escapings_read_back_as_the_text() {
        let names = [FIRST, LAST, PLAIN_FIRST, PLAIN_LAST].concat();
        for name in names {
            for escaping in [Escaping::Least, Escaping::Ascii] {
                let mut out = Vec::new();
                write_string(name, escaping, &mut out);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), name);
                assert!(escaping == Escaping::Least || out.is_ascii(), "{name}");
            }
        }
    }

    #[test]
    fn every_name_fits_in_a_field() {
        for name in [FIRST, LAST].concat() {
            assert!((1..=50).contains(&name.chars().count()), "{name}");
        }
    }
}
