//! The numbers of a batch as one small blob.
//!
//! Shape: count, then the sorted E.164 integers, each as its distance from the one before, all as LEB128 varints; then
//! a [checksum](crate::checksum) that the batch's request key is part of, so that a blob under another batch shows.
//! About 3 bytes a number for one country's numbers in batches of 500.

use volley_model::Msisdn;

use crate::checksum;

/// Why a blob cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MembersError {
    #[error("the numbers fail their checksum")]
    Checksum,
    #[error("the numbers are not well-formed")]
    Shape,
}

/// Writes the numbers, in whatever order they come.
pub(crate) fn encode(key: &str, members: &[Msisdn]) -> Vec<u8> {
    let mut sorted: Vec<u64> = members.iter().map(|member| member.get()).collect();
    sorted.sort_unstable();
    let mut blob = Vec::with_capacity(8 + 4 * members.len() + checksum::BYTES);
    push(&mut blob, sorted.len() as u64);
    let mut before = 0;
    for number in sorted {
        push(&mut blob, number - before);
        before = number;
    }
    let sum = checksum::of_bytes(key, &blob);
    blob.extend_from_slice(&sum);
    blob
}

/// Reads the numbers into `members`, which is emptied first, in rising order.
pub(crate) fn decode(key: &str, blob: &[u8], members: &mut Vec<Msisdn>) -> Result<(), MembersError> {
    members.clear();
    let Some((mut rest, sum)) = blob.split_last_chunk::<{ checksum::BYTES }>() else {
        return Err(MembersError::Shape);
    };
    if checksum::of_bytes(key, rest) != *sum {
        return Err(MembersError::Checksum);
    }
    let count = pull(&mut rest).ok_or(MembersError::Shape)?;
    let mut number = 0_u64;
    for _ in 0..count {
        let distance = pull(&mut rest).filter(|distance| *distance > 0);
        number = distance
            .and_then(|distance| number.checked_add(distance))
            .ok_or(MembersError::Shape)?;
        members.push(Msisdn::new(number).map_err(|_| MembersError::Shape)?);
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(MembersError::Shape)
    }
}

fn push(blob: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        blob.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    blob.push(value.to_le_bytes()[0]);
}

fn pull(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    fn numbers(integers: impl IntoIterator<Item = u64>) -> Vec<Msisdn> {
        integers
            .into_iter()
            .map(|integer| Msisdn::new(integer).unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn numbers_come_back_sorted(integers in btree_set(1_u64..=999_999_999_999_999, 1..600), key in "[0-9A-Za-z]{26}") {
            let expected = numbers(integers.iter().copied());
            let mut shuffled = expected.clone();
            shuffled.reverse();
            let blob = encode(&key, &shuffled);
            let mut found = numbers([5]);
            prop_assert_eq!(decode(&key, &blob, &mut found), Ok(()));
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn a_changed_byte_or_a_lost_tail_is_noticed(
            integers in btree_set(1_u64..=999_999_999_999_999, 1..50),
            at in any::<prop::sample::Index>(),
            flip in 1_u8..=255,
        ) {
            let blob = encode("key", &numbers(integers));
            let mut found = Vec::new();
            let mut changed = blob.clone();
            let place = at.index(changed.len());
            changed[place] ^= flip;
            prop_assert!(decode("key", &changed, &mut found).is_err());
            prop_assert!(decode("key", &blob[..place], &mut found).is_err());
        }
    }

    #[test]
    fn a_blob_under_another_batch_is_noticed() {
        let blob = encode("key", &numbers([33_612_345_678]));
        assert_eq!(decode("yek", &blob, &mut Vec::new()), Err(MembersError::Checksum));
    }
}
