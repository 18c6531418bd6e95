//! Hashes as letters and digits, for the keys of requests.

/// Characters of a key: 62^26 is about 2^154, far beyond chance collisions.
pub(crate) const KEY_CHARS: usize = 26;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The last 26 digits to base 62 of a 256-bit number, the lowest first. 2^256 is no multiple of 62^26, but the excess of
/// some keys over others is below 2^-101.
pub(crate) fn base62(mut number: [u8; 32]) -> String {
    let mut key = String::with_capacity(KEY_CHARS);
    for _ in 0..KEY_CHARS {
        let mut remainder = 0;
        for byte in &mut number {
            let dividend = remainder << 8 | usize::from(*byte);
            *byte = u8::try_from(dividend / 62).unwrap_or(u8::MAX);
            remainder = dividend % 62;
        }
        key.push(char::from(ALPHABET[remainder]));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_digit_is_written_first() {
        let mut number = [0; 32];
        number[31] = 61;
        assert_eq!(base62(number), format!("z{}", "0".repeat(25)));
        number[30] = 1;
        // 256 + 61 = 5 * 62 + 7.
        assert_eq!(base62(number), format!("75{}", "0".repeat(24)));
    }
}
