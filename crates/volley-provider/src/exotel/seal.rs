//! Gives a planned batch the name by which its campaign is found again in Exotel's listing.
//!
//! Exotel has no idempotency key, so that the campaign's `name` stands for one: a request whose answer was lost is looked up
//! by it, never repeated.
//! Output: the same bytes and the same name for the same batch, in every run and on every machine; another name where the
//! account, the campaign, the generation or the body differ. A child's name is that of its line's first batch and a number.
//! Sources: "create campaign" (a name has more than 3 characters). Neither its longest length nor its characters are
//! documented; letters, digits and hyphens are *assumed* to pass unchanged.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU32;

use volley_model::{BodyHash, BodyHasher, PlannedBatch, RequestKey, SealedBatch};

use crate::base62::{KEY_CHARS, base62};

/// What all names begin with, for whoever reads Exotel's dashboard.
pub const NAME_HEAD: &str = "volley-";
const KEY_HEAD: &[u8] = br#","name":""#;
const KEY_TAIL: &[u8] = br#""}]}"#;
/// What sealing adds to a body, with room for a child's number.
pub(super) const KEY_PART_BYTES: usize = KEY_HEAD.len() + NAME_HEAD.len() + KEY_CHARS + 11 + KEY_TAIL.len();

/// The context of blake3's key derivation: each use has hashes of its own.
const CONTEXT: &str = "volley 2026 exotel name of a created campaign";

/// Seals the batches of one campaign on one account.
pub struct Sealer {
    /// The hash of everything before the generation: the same for all batches.
    prefix: blake3::Hasher,
    generations: HashMap<BodyHash, u32>,
}

impl Sealer {
    /// `account` is the account sid. `generations` tells, for bodies that the ledger knows, how many earlier batches of the
    /// campaign with that body ended without reaching anybody; a body that is not in it has generation 0.
    pub fn new(account: &str, campaign: &str, generations: HashMap<BodyHash, u32>) -> Self {
        let mut prefix = blake3::Hasher::new_derive_key(CONTEXT);
        for part in [account, campaign] {
            // Each part behind its length, so that no two pairs run into the same bytes.
            prefix.update(&(part.len() as u64).to_le_bytes());
            prefix.update(part.as_bytes());
        }
        Self { prefix, generations }
    }

    /// Seals a batch. The name and what closes the body are appended to the batch's own buffer.
    pub fn seal(&self, batch: PlannedBatch) -> SealedBatch {
        let hasher = hashed(&batch.body);
        let body_hash = hasher.hash();
        let key = self.key(body_hash, self.generation(body_hash));
        self.sealed(batch, hasher, key)
    }

    /// Seals what is left of a batch of which a number was refused.
    ///
    /// `line` is the key of the batch that the line of splits began with, and `n` counts that line's children, so that names
    /// stay short however long the line grows. The name is no hash of the child's body: it is unique as long as no `n` is
    /// given twice in a line.
    pub fn seal_child(&self, line: &RequestKey, n: NonZeroU32, batch: PlannedBatch) -> SealedBatch {
        let hasher = hashed(&batch.body);
        self.sealed(batch, hasher, RequestKey(format!("{line}-{n}")))
    }

    fn sealed(&self, batch: PlannedBatch, mut hasher: BodyHasher, key: RequestKey) -> SealedBatch {
        let body_hash = hasher.hash();
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
            generation: self.generation(body_hash),
            units: batch.units,
            lines: batch.lines,
        }
    }

    fn generation(&self, body_hash: BodyHash) -> u32 {
        self.generations.get(&body_hash).copied().unwrap_or(0)
    }

    /// The body goes into the key by its hash: half the work, and the ledger's row alone can recompute the key.
    fn key(&self, body_hash: BodyHash, generation: u32) -> RequestKey {
        let mut hasher = self.prefix.clone();
        hasher.update(&generation.to_le_bytes());
        hasher.update(&body_hash.0);
        RequestKey(format!("{NAME_HEAD}{}", base62(*hasher.finalize().as_bytes())))
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Sealer").finish_non_exhaustive()
    }
}

fn hashed(body: &[u8]) -> BodyHasher {
    let mut hasher = BodyHasher::default();
    hasher.update(body);
    hasher
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use volley_model::{LineCounts, Msisdn};

    const UNSEALED: &[u8] = br#"{"campaigns":[{"a":1"#;

    fn planned(body: &[u8]) -> PlannedBatch {
        PlannedBatch {
            members: vec![Msisdn::new(919_812_345_678).unwrap()],
            body: body.to_vec().into(),
            units: 1,
            lines: LineCounts {
                planned: 1,
                ..LineCounts::default()
            },
            places: Vec::new(),
            parts: Vec::new(),
        }
    }

    fn key(account: &str, campaign: &str, generation: u32, body: &[u8]) -> String {
        let generations = HashMap::from([(BodyHash::of(body), generation)]);
        let sealed = Sealer::new(account, campaign, generations).seal(planned(body));
        assert_eq!(sealed.generation, generation);
        sealed.key.0
    }

    #[test]
    fn the_name_is_appended_and_the_rest_goes_through_unchanged() {
        let sealed = Sealer::new("acme1", "spring", HashMap::new()).seal(planned(UNSEALED));
        assert_eq!(
            sealed.body,
            format!(r#"{{"campaigns":[{{"a":1,"name":"{}"}}]}}"#, sealed.key)
        );
        assert_eq!(sealed.body_hash, BodyHash::of(UNSEALED));
        assert_eq!((sealed.generation, sealed.units), (0, 1));
        assert_eq!(sealed.members, planned(b"").members);
        assert_eq!(sealed.lines, planned(b"").lines);
        assert!(sealed.body.len() <= UNSEALED.len() + KEY_PART_BYTES);
    }

    #[test]
    fn keys_stay_the_same_over_versions() {
        // A name that changed with a release would not find a doubtful batch in the listing. Never edit these.
        let sealed = key("acme1", "spring", 0, UNSEALED);
        assert_eq!(sealed, "volley-aijn9kJItEFjx8xeuOEs87rsFi");
        let second = key("acme1", "spring", 1, UNSEALED);
        assert_eq!(second, "volley-T8CMJDnPypkxcs2rFpmByS9M0O");
    }

    #[test]
    fn a_child_is_named_after_its_line_and_sealed_like_any_other() {
        let sealer = Sealer::new("acme1", "spring", HashMap::new());
        let parent = sealer.seal(planned(UNSEALED));
        let child = sealer.seal_child(&parent.key, NonZeroU32::MIN, planned(b"{\"campaigns\":[{\"b\":1"));
        assert_eq!(child.key.0, format!("{}-1", parent.key));
        assert_eq!(
            child.body,
            format!(r#"{{"campaigns":[{{"b":1,"name":"{}-1"}}]}}"#, parent.key)
        );
        assert_eq!(child.body_hash, BodyHash::of(b"{\"campaigns\":[{\"b\":1"));
        let last = sealer.seal_child(&parent.key, NonZeroU32::MAX, planned(UNSEALED));
        assert_eq!(last.body.len(), UNSEALED.len() + KEY_PART_BYTES);
    }

    #[test]
    fn whatever_differs_makes_another_name() {
        let reference = key("account", "campaign", 0, b"body");
        for other in [
            key("account2", "campaign", 0, b"body"),
            key("account", "campaign2", 0, b"body"),
            key("account", "campaign", 1, b"body"),
            key("account", "campaign", 0, b"body2"),
            key("accountc", "ampaign", 0, b"body"),
        ] {
            assert_ne!(other, reference);
        }
    }

    proptest! {
        #[test]
        fn a_name_is_of_letters_digits_and_a_hyphen_and_the_same_every_time(
            account in ".{0,20}", campaign in ".{0,20}", generation: u32, body: Vec<u8>,
        ) {
            let first = key(&account, &campaign, generation, &body);
            let rest = first.strip_prefix("volley-").unwrap();
            prop_assert_eq!(rest.len(), 26);
            prop_assert!(rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            prop_assert_eq!(&first, &key(&account, &campaign, generation, &body));
        }

        #[test]
        fn two_different_requests_have_two_names(
            one in (".{0,3}", ".{0,3}", 0_u32..3, "[ab]{0,3}"),
            two in (".{0,3}", ".{0,3}", 0_u32..3, "[ab]{0,3}"),
        ) {
            let of = |r: &(String, String, u32, String)| key(&r.0, &r.1, r.2, r.3.as_bytes());
            prop_assert_eq!(one == two, of(&one) == of(&two));
        }
    }
}
