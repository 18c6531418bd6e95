//! How much of a text stands in a JSON string as it is: what reads strings, and what writes them, both copy such runs whole.
//!
//! Sources: RFC 8259, 7 (quotation mark, reverse solidus and U+0000 to U+001F must be escaped, nothing else).

/// How many bytes stand before the first that ends a string or may not stand in one as it is: a quotation mark, a reverse
/// solidus, or one below U+0020.
///
/// Eight bytes at a time: in each of the three sums the lowest byte that is marked is one that is looked for, and a wrong mark
/// can only stand above it.
#[inline]
pub fn plain_length(bytes: &[u8]) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word;
    let (chunks, rest) = bytes.as_chunks::<8>();
    for (at, chunk) in chunks.iter().enumerate() {
        let word = u64::from_le_bytes(*chunk);
        let quotes = zeros(word ^ (LOW * u64::from(b'"')));
        let solidi = zeros(word ^ (LOW * u64::from(b'\\')));
        let controls = word.wrapping_sub(LOW * 0x20) & !word;
        let marks = (quotes | solidi | controls) & HIGH;
        if marks != 0 {
            return at * 8 + (marks.trailing_zeros() / 8) as usize;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes.len() - rest.len() + rest.iter().position(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_ends_a_plain_run_or_does_not() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                for before in [b'a', 0x7f, 0x80, 0xff, b'!', b'#', b'['] {
                    let mut bytes = [before; 20];
                    bytes[place] = byte;
                    let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let expected = if ends { place } else { 20 };
                    assert_eq!(
                        plain_length(&bytes),
                        expected,
                        "{byte} at {place} behind {before}"
                    );
                }
            }
        }
        assert_eq!(plain_length(b""), 0);
        assert_eq!(plain_length(b"ab\"cd\"0123456789"), 2);
    }
}
