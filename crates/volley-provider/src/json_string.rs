//! Writes JSON strings into a body: runs without escapes are copied whole, nothing is allocated.
//!
//! Sources: RFC 8259, 7 (quotation mark, reverse solidus and U+0000 to U+001F must be escaped, nothing else).

use crate::json_run::plain_length;

/// Appends a text as a JSON string, quotes included.
pub(crate) fn push_json_string(body: &mut Vec<u8>, text: &str) {
    body.push(b'"');
    push_json_text(body, text);
    body.push(b'"');
}

/// Appends what stands between the quotes.
#[inline]
pub(crate) fn push_json_text(body: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let plain = plain_length(bytes);
    if plain == bytes.len() {
        body.extend_from_slice(bytes);
    } else {
        push_escaped(body, bytes, plain);
    }
}

/// The same for a text of which only so many bytes stand as they are.
#[cold]
fn push_escaped(body: &mut Vec<u8>, mut rest: &[u8], mut plain: usize) {
    loop {
        let (run, behind) = rest.split_at(plain);
        body.extend_from_slice(run);
        let Some((&byte, behind)) = behind.split_first() else {
            return;
        };
        push_escape(body, byte);
        rest = behind;
        plain = plain_length(rest);
    }
}

fn push_escape(body: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        b'"' | b'\\' => byte,
        _ => {
            let digits = [hex_digit(byte >> 4), hex_digit(byte & 0xf)];
            body.extend_from_slice(b"\\u00");
            body.extend_from_slice(&digits);
            return;
        }
    };
    body.extend_from_slice(&[b'\\', short]);
}

fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: &str) {
        let mut body = Vec::new();
        push_json_string(&mut body, text);
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn only_what_must_be_escaped_is() {
        check("", r#""""#);
        check("Zoë /'\u{7f}\u{2028}😀", "\"Zoë /'\u{7f}\u{2028}😀\"");
        check("a\"b\\c", r#""a\"b\\c""#);
        check("\n\r\t", r#""\n\r\t""#);
        check("x\u{0}\u{8}\u{1b}\u{1f}y", r#""x\u0000\u0008\u001b\u001fy""#);
    }

    proptest! {
        #[test]
        fn every_text_reads_back_as_it_was(text in "(?s)[\u{0}-\u{ff}]{0,8}\\PC{0,40}.{0,8}") {
            let mut body = Vec::new();
            push_json_string(&mut body, &text);
            prop_assert_eq!(serde_json::from_slice::<String>(&body).unwrap(), text);
        }
    }
}
