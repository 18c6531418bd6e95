//! The `request_id`s of the last 24 hours.
//!
//! *Sources*: "Schedule SMS sending": "A `request_id` will expire after 24 hours". That the scope is the account, and
//! that an empty one is none, is *assumed*.

use hashbrown::HashMap;

/// How long a key is remembered.
const LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;

/// Keys with the time of their first use, on the provider's clock.
#[derive(Debug, Default)]
pub(super) struct RequestKeys {
    used: HashMap<String, i64, foldhash::fast::FixedState>,
}

/// A request's key within its account. An empty or absent `request_id` is no key.
pub(super) fn scoped(login: &str, request_id: Option<&str>) -> Option<String> {
    let id = request_id.filter(|id| !id.is_empty())?;
    // No header holds a NUL, so that two pairs never make one key.
    Some(format!("{login}\0{id}"))
}

impl RequestKeys {
    /// Whether the key was used less than 24 hours before `now_ms`.
    pub(super) fn is_used(&self, key: &str, now_ms: i64) -> bool {
        self.used
            .get(key)
            .is_some_and(|first| now_ms - first < LIFETIME_MS)
    }

    /// Remembers the key from now on.
    pub(super) fn remember(&mut self, key: String, now_ms: i64) {
        self.used.insert(key, now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_24_hours_within_its_account() {
        let mut keys = RequestKeys::default();
        let key = scoped("me", Some("k1")).expect("a key");
        keys.remember(key.clone(), 1000);
        assert!(keys.is_used(&key, 1000));
        assert!(keys.is_used(&key, 1000 + LIFETIME_MS - 1));
        assert!(!keys.is_used(&key, 1000 + LIFETIME_MS));
        assert!(!keys.is_used(&scoped("you", Some("k1")).expect("a key"), 1000));
    }

    #[test]
    fn an_empty_request_id_is_none() {
        assert_eq!(scoped("me", Some("")), None);
        assert_eq!(scoped("me", None), None);
    }
}
