//! Ids: 32 hex digits each, repeatable under a seed; of requests, campaigns and calls.
//!
//! The id of a call tells its campaign and its place there, so that no call needs a row in a table of ids.
//! *Sources*: the samples of "create campaign", "get campaign details" and "call details (v1)".

/// Odd, so that multiplying by it is one-to-one.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// `STEP * BACK` is 1.
const BACK: u64 = inverse(STEP);

/// Which kind of thing an id is for: no two kinds share any.
const REQUEST: u64 = 0x52e1;
const CAMPAIGN: u64 = 0xca3a;
const CALL: u64 = 0xca11;

/// The id of the n-th request that was answered.
pub(super) fn request_id(seed: u64, nth: u64) -> String {
    hex(seed, REQUEST, nth, nth)
}

/// The id of the n-th campaign that was created.
pub(super) fn campaign_id(seed: u64, nth: u64) -> String {
    hex(seed, CAMPAIGN, nth, nth)
}

/// The id of the n-th call of a campaign.
pub(super) fn call_sid(seed: u64, campaign: u64, nth: u64) -> String {
    hex(seed, CALL, campaign, nth)
}

/// The campaign and the call that an id belongs to, if it is one of a call under this seed.
pub(super) fn of_call(seed: u64, sid: &str) -> Option<(u64, u64)> {
    if sid.len() != 32 || !sid.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let half = |hex: &str| u64::from_str_radix(hex, 16).ok();
    let (high, low) = sid.split_at(16);
    let campaign = clear(half(high)?, seed, CALL);
    Some((campaign, clear(half(low)?, seed.wrapping_add(campaign), !CALL)))
}

fn hex(seed: u64, kind: u64, high: u64, low: u64) -> String {
    let (first, second) = (
        cipher(high, seed, kind),
        cipher(low, seed.wrapping_add(high), !kind),
    );
    format!("{first:016x}{second:016x}")
}

/// Two rounds of a product and a shift, which look like chance and can be undone.
fn cipher(value: u64, seed: u64, kind: u64) -> u64 {
    let mixed = (value ^ seed).wrapping_add(kind).wrapping_mul(STEP);
    (mixed ^ (mixed >> 32)).wrapping_mul(STEP)
}

fn clear(ciphered: u64, seed: u64, kind: u64) -> u64 {
    let mixed = ciphered.wrapping_mul(BACK);
    let mixed = mixed ^ (mixed >> 32);
    mixed.wrapping_mul(BACK).wrapping_sub(kind) ^ seed
}

/// Newton's iteration: each round doubles the bits that are right, of which an odd number has three at once.
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut round = 0;
    while round < 5 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        round += 1;
    }
    found
}

/// A number that a seed and two others lead to, and that looks like chance.
pub(super) fn scatter(seed: u64, first: u64, second: u64) -> u64 {
    let mixed = cipher(second, cipher(first, seed, STEP), STEP);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_repeat_with_the_seed_and_differ_within_it() {
        assert_eq!(campaign_id(1, 1), campaign_id(1, 1));
        assert_ne!(campaign_id(1, 1), campaign_id(2, 1));
        let mut ids: Vec<String> = (0..3000)
            .flat_map(|nth| [request_id(7, nth), campaign_id(7, nth), call_sid(7, 3, nth)])
            .collect();
        assert!(ids.iter().all(|id| id.len() == 32));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 9000);
    }

    #[test]
    fn the_id_of_a_call_leads_back_to_it() {
        for (seed, campaign, nth) in [
            (1, 0, 0),
            (1, 7, 19_999),
            (u64::MAX, u64::MAX, 3),
            (5, 1, u64::MAX),
        ] {
            let sid = call_sid(seed, campaign, nth);
            assert_eq!(of_call(seed, &sid), Some((campaign, nth)), "{sid}");
        }
        let check = |sid: &str| assert_eq!(of_call(1, sid), None, "{sid}");
        check("");
        check(&call_sid(1, 1, 1)[1..]);
        check(&call_sid(1, 1, 1).replace(|c: char| c.is_ascii_digit(), "g"));
        check("éééééééééééééééé");
    }
}
