//! JSON of a provider's on one line, for output that is read line by line.

use std::fmt::Write as _;

use crate::provider_text::is_commanding;

/// JSON without white space between its tokens, and without characters in its strings that a terminal would obey.
pub(crate) fn on_one_line(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in json.chars() {
        if in_string && is_commanding(character) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(character));
            continue;
        }
        if !in_string && character.is_ascii_whitespace() {
            continue;
        }
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_between_tokens_and_stays_within_strings() {
        assert_eq!(
            on_one_line("{ \"a b\" : [ 1.50,\n\t\"\\\" c\\\\\" ], \"d\u{9b}\": null }\r\n"),
            "{\"a b\":[1.50,\"\\\" c\\\\\"],\"d\\u009b\":null}"
        );
    }
}
