//! Gives a planned batch its `request_id`, by which Octopush refuses a second sending of the same request.
//!
//! Output: the same bytes and the same key for the same batch, in every run and on every machine; another key where
//! the account, the campaign, the generation, the body or simulation differ.
//! Sources: "Schedule SMS sending" (`request_id`, 24 hours). Letters and digits only: the provider's older clients
//! strip everything else.

use std::collections::HashMap;
use std::fmt;

use volley_model::{BodyHash, BodyHasher, PlannedBatch, RequestKey, SealedBatch};

use crate::base62::{KEY_CHARS, base62};

const KEY_HEAD: &[u8] = br#","request_id":""#;
const KEY_TAIL: &[u8] = br#""}"#;
/// What sealing adds to a body.
pub(super) const KEY_PART_BYTES: usize = KEY_HEAD.len() + KEY_CHARS + KEY_TAIL.len();

/// Contexts of blake3's key derivation: each use has hashes of its own.
const CONTEXT_REAL: &str = "volley 2026 octopush request_id of a sent batch";
const CONTEXT_SIMULATED: &str = "volley 2026 octopush request_id of a simulated batch";

/// Seals the batches of one campaign on one account.
pub struct Sealer {
    /// The hash of everything before the generation: the same for all batches.
    prefix: blake3::Hasher,
    generations: HashMap<BodyHash, u32>,
}

impl Sealer {
    /// `account` stands for the account: the login, or a hash of it. `generations` tells, for bodies that the ledger knows,
    /// how many earlier batches of the campaign with that body ended without reaching anybody; a body that is not in it
    /// has generation 0.
    pub fn new(account: &str, campaign: &str, simulated: bool, generations: HashMap<BodyHash, u32>) -> Self {
        let context = if simulated {
            CONTEXT_SIMULATED
        } else {
            CONTEXT_REAL
        };
        let mut prefix = blake3::Hasher::new_derive_key(context);
        for part in [account, campaign] {
            // Each part behind its length, so that no two pairs run into the same bytes.
            prefix.update(&(part.len() as u64).to_le_bytes());
            prefix.update(part.as_bytes());
        }
        Self { prefix, generations }
    }

    /// Seals a batch. The key and the closing brace are appended to the batch's own buffer.
    pub fn seal(&self, batch: PlannedBatch) -> SealedBatch {
        let mut hasher = BodyHasher::default();
        hasher.update(&batch.body);
        let body_hash = hasher.hash();
        let generation = self.generations.get(&body_hash).copied().unwrap_or(0);
        let key = self.key(body_hash, generation);
        let mut body = batch.body;
        let unsealed = body.len();
        body.extend_from_slice(KEY_HEAD);
        body.extend_from_slice(key.0.as_bytes());
        body.extend_from_slice(KEY_TAIL);
        hasher.update(&body[unsealed..]);
        SealedBatch {
            members: batch.members,
            body: body.into_bytes(),
            body_hash,
            sealed_hash: hasher.hash(),
            key,
            generation,
            units: batch.units,
            lines: batch.lines,
        }
    }

    /// The body goes into the key by its hash: half the work, and the ledger's row alone can recompute the key.
    fn key(&self, body_hash: BodyHash, generation: u32) -> RequestKey {
        let mut hasher = self.prefix.clone();
        hasher.update(&generation.to_le_bytes());
        hasher.update(&body_hash.0);
        RequestKey(base62(*hasher.finalize().as_bytes()))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use volley_model::{LineCounts, Msisdn};

    fn planned(body: &[u8]) -> PlannedBatch {
        PlannedBatch {
            members: vec![Msisdn::new(33_612_344_821).unwrap()],
            body: body.to_vec().into(),
            units: 3,
            lines: LineCounts {
                planned: 1,
                ..LineCounts::default()
            },
            places: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn key(account: &str, campaign: &str, simulated: bool, generation: u32, body: &[u8]) -> String {
        let generations = HashMap::from([(BodyHash::of(body), generation)]);
        let sealed = Sealer::new(account, campaign, simulated, generations).seal(planned(body));
        assert_eq!(sealed.generation, generation);
        sealed.key.0
    }

    #[test]
    fn the_key_is_appended_and_the_rest_goes_through_unchanged() {
        let sealed =
            Sealer::new("me@example.org", "spring", false, HashMap::new()).seal(planned(b"{\"a\":1"));
        assert_eq!(
            sealed.body,
            format!("{{\"a\":1,\"request_id\":\"{}\"}}", sealed.key)
        );
        assert_eq!(sealed.body_hash, BodyHash::of(b"{\"a\":1"));
        assert_eq!((sealed.generation, sealed.units), (0, 3));
        assert_eq!(sealed.members, planned(b"").members);
        assert_eq!(sealed.lines, planned(b"").lines);
        assert_eq!(sealed.body.len(), 6 + KEY_PART_BYTES);
    }

    #[test]
    fn keys_stay_the_same_over_versions() {
        // A key that changed with a release would send a doubtful batch twice. Never edit these.
        let sealed = key("me@example.org", "spring", false, 0, b"{\"a\":1");
        assert_eq!(sealed, "1w9QiHiWva0cC9HrK8zoGzf5Lc");
        let simulated = key("me@example.org", "spring", true, 0, b"{\"a\":1");
        assert_eq!(simulated, "inQjw9VTk8mypYLEffKAo529Dm");
    }

    #[test]
    fn whatever_differs_makes_another_key() {
        let reference = key("account", "campaign", false, 0, b"body");
        for other in [
            key("account2", "campaign", false, 0, b"body"),
            key("account", "campaign2", false, 0, b"body"),
            key("account", "campaign", true, 0, b"body"),
            key("account", "campaign", false, 1, b"body"),
            key("account", "campaign", false, 0, b"body2"),
            key("accountc", "ampaign", false, 0, b"body"),
        ] {
            assert_ne!(other, reference);
        }
    }

    proptest! {
        #[test]
        fn a_key_is_26_letters_and_digits_and_the_same_every_time(
            account in ".{0,20}", campaign in ".{0,20}", simulated: bool, generation: u32, body: Vec<u8>,
        ) {
            let first = key(&account, &campaign, simulated, generation, &body);
            prop_assert_eq!(first.len(), 26);
            prop_assert!(first.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(first, key(&account, &campaign, simulated, generation, &body));
        }

        #[test]
        fn two_different_requests_have_two_keys(
            one in (".{0,3}", ".{0,3}", any::<bool>(), 0_u32..3, "[ab]{0,3}"),
            two in (".{0,3}", ".{0,3}", any::<bool>(), 0_u32..3, "[ab]{0,3}"),
        ) {
            let of = |r: &(String, String, bool, u32, String)| key(&r.0, &r.1, r.2, r.3, r.4.as_bytes());
            prop_assert_eq!(one == two, of(&one) == of(&two));
        }
    }
}
