//! What is Octopush's own: keys that make a repeat a duplicate, for a day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;
use volley_model::Msisdn;

use super::super::world::HOUR;
use super::Sent;

/// How long a key is remembered (Octopush, `request_id`).
const KEY_LIFE: Duration = Duration::from_secs(24 * HOUR);

/// What it does where the pages are silent.
#[derive(Debug, Clone)]
pub(crate) struct Habits {
    pub(crate) duplicates: DuplicateAnswer,
    /// Whether a duplicate is noticed while the first one is being processed.
    pub(crate) atomic: bool,
    /// Whether a refused request uses its key up.
    pub(crate) burns: bool,
}

impl Habits {
    pub(crate) fn drawn(rng: &mut Rng) -> Self {
        Self {
            duplicates: match rng.u8(..5) {
                0 => DuplicateAnswer::Error(409, 120),
                1 => DuplicateAnswer::Error(400, 133),
                2 => DuplicateAnswer::Ticket,
                _ => DuplicateAnswer::Error(400, 120),
            },
            atomic: rng.bool(),
            burns: rng.bool(),
        }
    }
}

/// How a second request with a key is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DuplicateAnswer {
    /// An error with this status and code.
    Error(u16, u32),
    /// The first one's ticket again.
    Ticket,
}

/// The keys that it has seen.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) habits: Habits,
    /// When a key was used, and whether by an accepted request.
    used: BTreeMap<String, Duration>,
    pub(super) burned: BTreeSet<String>,
}

impl Keys {
    pub(super) fn new(habits: Habits) -> Self {
        Self {
            habits,
            used: BTreeMap::new(),
            burned: BTreeSet::new(),
        }
    }

    pub(super) fn knows(&self, key: &str, now: Duration) -> bool {
        self.used.get(key).is_some_and(|used| now < *used + KEY_LIFE)
    }

    pub(super) fn use_up(&mut self, key: &str, now: Duration) {
        self.used.insert(key.to_owned(), now);
    }

    pub(super) fn refuse(&mut self, key: &str, now: Duration) {
        if self.habits.burns && !self.knows(key, now) {
            self.use_up(key, now);
            self.burned.insert(key.to_owned());
        }
    }
}

/// A body of the numbers, without its key: what the dispatcher does not look into need not be Octopush's.
pub(crate) fn body(members: &[Msisdn], simulated: bool) -> Vec<u8> {
    let numbers: Vec<u64> = members.iter().map(|member| member.get()).collect();
    format!(r#"{{"simulated":{simulated},"numbers":{numbers:?}"#).into_bytes()
}

/// Reads a sealed body.
pub(crate) fn read(body: &[u8]) -> Sent {
    #[derive(Deserialize)]
    struct Body {
        simulated: bool,
        numbers: Vec<u64>,
        request_id: String,
    }
    let body: Body = serde_json::from_slice(body).expect("a sealed body");
    Sent {
        simulated: body.simulated,
        numbers: body.numbers,
        key: body.request_id,
    }
}
