//! Text that a provider wrote, made fit to be shown and stored.
//!
//! Output: at most 256 characters, no control characters, none that turn the direction of writing, and no full
//! phone number: a provider that repeats the number at fault must not put it into our logs.

/// The most characters kept.
pub(crate) const CHARS_MAX: usize = 256;

/// From this many digits on, a run of them is masked: E.164 numbers in use have seven at least, while short codes
/// (`STOP au 30101`) and the parts of a date stay readable.
const MASKED_FROM_DIGITS: usize = 7;

/// The text as it may be shown.
pub fn presentable(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for character in text.chars().filter_map(printable) {
        if character.is_ascii_digit() {
            digits.push(character);
            continue;
        }
        flush(&mut shown, &mut digits);
        shown.push(character);
    }
    flush(&mut shown, &mut digits);
    let shown = shown.trim();
    if shown.chars().count() <= CHARS_MAX {
        return shown.to_owned();
    }
    shown.chars().take(CHARS_MAX - 1).chain(['…']).collect()
}

fn printable(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\t' => Some(' '),
        commanding if is_commanding(commanding) => None,
        other => Some(other),
    }
}

/// Whether a terminal would obey a character rather than show it: control characters, line and paragraph separators, and
/// what overrides the direction of writing.
pub(crate) fn is_commanding(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || character.is_control()
}

fn flush(shown: &mut String, digits: &mut String) {
    if digits.len() < MASKED_FROM_DIGITS {
        shown.push_str(digits);
    } else {
        shown.push_str(&digits[..2]);
        shown.push_str("*****");
        // As `Msisdn` masks: the last four digits tell a user which number it was.
        let kept = if digits.len() < 8 { 2 } else { 4 };
        shown.push_str(&digits[digits.len() - kept..]);
    }
    digits.clear();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(presentable(text), expected, "{text:?}");
    }

    #[test]
    fn control_characters_go_and_the_words_stay() {
        check("Mention STOP is missing.", "Mention STOP is missing.");
        check(" one\ntwo\u{1b}[31m\u{9b}\u{0}\u{7f} ", "one two[31m");
        check("\u{202e}evil\u{2066}", "evil");
    }

    #[test]
    fn full_numbers_are_masked_and_short_codes_and_dates_are_not() {
        check("+33612344821 is wrong", "+33*****4821 is wrong");
        check("0612344821", "06*****4821");
        check("1234567", "12*****67");
        check("123456", "123456");
        check(
            "STOP au 30101, 2026-12-01T09:00:00",
            "STOP au 30101, 2026-12-01T09:00:00",
        );
    }

    #[test]
    fn long_text_is_cut_at_256_characters() {
        check(&"é".repeat(256), &"é".repeat(256));
        check(&"é".repeat(257), &format!("{}…", "é".repeat(255)));
    }

    proptest! {
        #[test]
        fn nothing_shown_is_long_or_controls_a_terminal(text in "(?s).{0,400}") {
            let shown = presentable(&text);
            prop_assert!(shown.chars().count() <= CHARS_MAX);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
