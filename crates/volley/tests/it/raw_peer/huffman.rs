//! A text as HPACK writes it (RFC 7541, appendix B), for as many characters as our paths have: a path that is known is found
//! among a request's headers without reading them.

use std::iter;

/// Each character's code, and its length in bits.
#[rustfmt::skip] // a table is read by its rows
const CODES: &[(u8, u32, u32)] = &[
    (b'0', 0x00, 5), (b'1', 0x01, 5), (b'2', 0x02, 5), (b'a', 0x03, 5), (b'c', 0x04, 5),
    (b'e', 0x05, 5), (b'i', 0x06, 5), (b'o', 0x07, 5), (b's', 0x08, 5), (b't', 0x09, 5),
    (b'%', 0x15, 6), (b'-', 0x16, 6), (b'.', 0x17, 6), (b'/', 0x18, 6), (b'3', 0x19, 6), (b'4', 0x1a, 6),
    (b'5', 0x1b, 6), (b'6', 0x1c, 6), (b'7', 0x1d, 6), (b'8', 0x1e, 6), (b'9', 0x1f, 6), (b'=', 0x20, 6),
    (b'A', 0x21, 6), (b'_', 0x22, 6), (b'b', 0x23, 6), (b'd', 0x24, 6), (b'f', 0x25, 6), (b'g', 0x26, 6),
    (b'h', 0x27, 6), (b'l', 0x28, 6), (b'm', 0x29, 6), (b'n', 0x2a, 6), (b'p', 0x2b, 6), (b'r', 0x2c, 6),
    (b'u', 0x2d, 6),
    (b'k', 0x75, 7), (b'v', 0x77, 7), (b'w', 0x78, 7), (b'x', 0x79, 7), (b'y', 0x7a, 7),
    (b'&', 0xf8, 8),
    (b'?', 0x3fc, 10),
];

/// The text's bytes; the last one is filled up with ones.
pub(super) fn encoded(text: &str) -> Vec<u8> {
    let code = |character: u8| {
        let found = CODES.iter().find(|(known, ..)| *known == character);
        let (_, code, length) = found.expect("a character of our paths");
        (0..*length).rev().map(move |bit| code >> bit & 1 == 1)
    };
    let mut bits: Vec<bool> = text.bytes().flat_map(code).collect();
    bits.extend(iter::repeat_n(true, bits.len().next_multiple_of(8) - bits.len()));
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks(8).map(byte).collect()
}

#[test]
fn a_text_is_encoded_as_the_standard_s_samples_are() {
    // RFC 7541, C.4.1 and C.4.2.
    let known: &[u8] = &[
        0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff,
    ];
    assert_eq!(encoded("www.example.com"), known);
    let known: &[u8] = &[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
    assert_eq!(encoded("no-cache"), known);
}
