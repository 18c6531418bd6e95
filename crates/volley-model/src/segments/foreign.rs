//! The characters that force a text out of the GSM alphabet: which, where, and what may stand in for them.
//!
//! Most were not meant: a word processor's quotes and dashes, a space that does not break, an accent that the alphabet
//! lacks. One of them makes every segment hold 70 characters instead of 160.
//! Not here: whether to replace them. A suggestion may spoil a name, so it is shown and never applied.

use super::septets;

/// A character outside GSM-7 that a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// The character.
    pub character: char,
    /// Its first place in the text, counted in characters from 1.
    pub position: usize,
    /// How often the text has it.
    pub count: usize,
}

/// The characters of a text that the GSM alphabet lacks, each once, in the order of their first places.
pub fn foreign(text: &str) -> Vec<Foreign> {
    let mut found: Vec<Foreign> = Vec::new();
    for (position, character) in (1..).zip(text.chars()) {
        if septets(character).is_some() {
            continue;
        }
        match found.iter_mut().find(|known| known.character == character) {
            Some(known) => known.count += 1,
            None => found.push(Foreign {
                character,
                position,
                count: 1,
            }),
        }
    }
    found
}

/// What GSM-7 has in place of a character, which may be nothing at all; `None` where it has nothing like it.
pub fn replacement(character: char) -> Option<&'static str> {
    if matches!(character, COMBINING_FIRST..=COMBINING_LAST) {
        return Some("");
    }
    let line = REPLACEMENTS
        .iter()
        .find(|(_, instead_of)| instead_of.contains(character));
    line.map(|(written, _)| *written)
}

/// Accents that stand behind their letter as characters of their own (Unicode, "Combining Diacritical Marks").
const COMBINING_FIRST: char = '\u{300}';
const COMBINING_LAST: char = '\u{36f}';

/// What to write, and in place of which characters.
const REPLACEMENTS: [(&str, &str); 63] = [
    ("'", "‘’‚‛′‹›`´ʼ"),
    ("\"", "“”„‟″«»"),
    ("-", "–—―‒−‑‐•‣◦▪●·"),
    ("...", "…"),
    ("x", "×"),
    // Spaces of all widths, those that do not break among them.
    (
        " ",
        "\t\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200a}\
         \u{202f}\u{205f}\u{3000}",
    ),
    ("\n", "\u{2028}\u{2029}"),
    // What nobody sees: soft hyphen, joiners, marks of direction, byte order mark, variation selectors.
    (
        "",
        "\u{ad}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}\u{feff}\u{fe0e}\u{fe0f}",
    ),
    ("oe", "œ"),
    ("OE", "Œ"),
    ("ij", "ĳ"),
    ("IJ", "Ĳ"),
    ("ff", "ﬀ"),
    ("fi", "ﬁ"),
    ("fl", "ﬂ"),
    ("ffi", "ﬃ"),
    ("ffl", "ﬄ"),
    // The alphabet has à è é ì ò ù ä ö ñ ü å ø, Ä Ö Ñ Ü Å Ø É, and Ç but not ç.
    ("A", "ÀÁÂÃĀĂĄǍ"),
    ("a", "áâãāăąǎ"),
    ("C", "ĆĈĊČ"),
    ("c", "çćĉċč"),
    ("D", "ĎĐ"),
    ("d", "ďđ"),
    ("E", "ÈÊËĒĔĖĘĚẼ"),
    ("e", "êëēĕėęěẽ"),
    ("G", "ĜĞĠĢ"),
    ("g", "ĝğġģ"),
    ("H", "ĤĦ"),
    ("h", "ĥħ"),
    ("I", "ÌÍÎÏĨĪĬĮİ"),
    ("i", "íîïĩīĭįı"),
    ("J", "Ĵ"),
    ("j", "ĵ"),
    ("K", "Ķ"),
    ("k", "ķ"),
    ("L", "ĹĻĽĿŁ"),
    ("l", "ĺļľŀł"),
    ("N", "ŃŅŇ"),
    ("n", "ńņň"),
    ("O", "ÒÓÔÕŌŎŐǑ"),
    ("o", "óôõōŏőǒ"),
    ("R", "ŔŖŘ"),
    ("r", "ŕŗř"),
    ("S", "ŚŜŞŠȘ"),
    ("s", "śŝşšș"),
    ("SS", "ẞ"),
    ("T", "ŢŤŦȚ"),
    ("t", "ţťŧț"),
    ("U", "ÙÚÛŨŪŬŮŰŲǓ"),
    ("u", "úûũūŭůűųǔ"),
    ("W", "ŴẀẂẄ"),
    ("w", "ŵẁẃẅ"),
    ("Y", "ÝŶŸỲ"),
    ("y", "ýÿŷỳ"),
    ("Z", "ŹŻŽ"),
    ("z", "źżž"),
    // Signs that shops and contracts use.
    ("(c)", "©"),
    ("(R)", "®"),
    ("TM", "™"),
    ("No", "№"),
    ("1/2", "½"),
    ("1/4", "¼"),
    ("3/4", "¾"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(char, usize, usize)]) {
        let found: Vec<_> = foreign(text)
            .into_iter()
            .map(|foreign| (foreign.character, foreign.position, foreign.count))
            .collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn each_character_is_found_once_with_its_first_place_and_its_count() {
        check("", &[]);
        check("Déjà vu {first_name} [€] ~", &[]);
        check("Hello, it’s ê, ’ê’", &[('’', 10, 3), ('ê', 13, 2)]);
        // Places are counted in characters, whatever their bytes.
        check("ééé😀ç", &[('😀', 4, 1), ('ç', 5, 1)]);
    }

    #[test]
    fn what_is_written_instead_is_in_the_alphabet_and_what_it_replaces_is_not() {
        let in_the_table = REPLACEMENTS.iter().flat_map(|(_, characters)| characters.chars());
        let mut seen = std::collections::HashSet::new();
        for character in in_the_table.chain(COMBINING_FIRST..=COMBINING_LAST) {
            assert!(seen.insert(character), "{character:?} has two replacements");
            assert_eq!(septets(character), None, "{character:?}");
            let written = replacement(character).unwrap();
            assert!(
                written.chars().all(|character| septets(character).is_some()),
                "{character:?}: {written}"
            );
        }
    }

    fn check_replacement(character: char, expected: Option<&str>) {
        assert_eq!(replacement(character), expected, "{character:?}");
    }

    #[test]
    fn what_word_processors_make_of_plain_signs_is_undone() {
        for (character, plain) in [
            ('’', "'"),
            ('‘', "'"),
            ('`', "'"),
            ('“', "\""),
            ('„', "\""),
            ('«', "\""),
            ('–', "-"),
            ('−', "-"),
            ('\u{2011}', "-"),
            ('•', "-"),
            ('…', "..."),
            ('\u{a0}', " "),
            ('\u{202f}', " "),
            ('\u{200a}', " "),
            ('\t', " "),
            ('\u{200b}', ""),
            ('\u{feff}', ""),
            ('\u{ad}', ""),
        ] {
            check_replacement(character, Some(plain));
        }
    }

    #[test]
    fn an_accent_is_dropped_only_where_the_alphabet_lacks_the_letter() {
        for (lacking, base, neighbour) in [('ç', "c", 'Ç'), ('ê', "e", 'è'), ('á', "a", 'à'), ('È', "E", 'É')]
        {
            check_replacement(lacking, Some(base));
            check_replacement(neighbour, None);
            assert_eq!(septets(neighbour), Some(1), "{neighbour}");
        }
        check_replacement('œ', Some("oe"));
        check_replacement('\u{301}', Some(""));
    }

    #[test]
    fn for_emoji_and_other_scripts_nothing_is_suggested() {
        for character in ['😀', 'ж', '中', 'α', 'ع', '°', '\u{202e}', '\0'] {
            check_replacement(character, None);
        }
    }
}
