//! Writes JSON strings into a body: runs without escapes are copied whole, nothing is allocated.
//!
//! Sources: RFC 8259, 7 (quotation mark, reverse solidus and U+0000 to U+001F must be escaped, nothing else).

/// For each byte: 0 where it stands for itself, `u` where it needs `\u00xx`, else the letter of its short escape.
const ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escapes[byte] = b'u';
        byte += 1;
    }
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes[b'\n' as usize] = b'n';
    escapes[b'\r' as usize] = b'r';
    escapes[b'\t' as usize] = b't';
    escapes
};

/// Appends a text as a JSON string, quotes included.
pub(crate) fn push_json_string(body: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    body.push(b'"');
    let mut clean_from = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        body.extend_from_slice(&bytes[clean_from..at]);
        body.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            body.extend_from_slice(b"00");
            body.extend_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 0xf)]);
        }
        clean_from = at + 1;
    }
    body.extend_from_slice(&bytes[clean_from..]);
    body.push(b'"');
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
