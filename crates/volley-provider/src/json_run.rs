//! How much of a text stands in a JSON string as it is: such runs are copied whole.
//!
//! Sources: RFC 8259, 7 (quotation mark, reverse solidus and U+0000 to U+001F must be escaped, nothing else).

/// How many bytes stand before the first that ends a string or may not stand in one as it is: a quotation mark, a reverse
/// solidus, or one below U+0020.
///
/// Eight bytes at a time: in each of the three sums the lowest byte that is marked is one that is looked for, and a wrong mark
/// can only stand above it.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    const LOW: u64 = u64::from_le_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    let zeros = |word: u64| word.wrapping_sub(LOW) & !word;
    let marks = |eight: [u8; 8]| {
        let word = u64::from_le_bytes(eight);
        let quotes = zeros(word ^ (LOW * u64::from(b'"')));
        let solidi = zeros(word ^ (LOW * u64::from(b'\\')));
        let controls = word.wrapping_sub(LOW * 0x20) & !word;
        (quotes | solidi | controls) & HIGH
    };
    let first = |marks: u64| (marks.trailing_zeros() / 8) as usize;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        match marks(*chunk) {
            0 => at += 8,
            marks => return at + first(marks),
        }
    }
    // What is left, filled up with what stands for itself.
    let mut last = [b' '; 8];
    let rest = &bytes[at..];
    last[..rest.len()].copy_from_slice(rest);
    match marks(last) {
        0 => bytes.len(),
        marks => at + first(marks),
    }
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
