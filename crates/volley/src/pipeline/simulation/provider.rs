//! The provider: what it accepted, under which keys, for which numbers, at what cost. The oracle of the others.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use serde::Deserialize;
use volley_model::Amount;

use super::scenario::{DuplicateAnswer, Scenario};
use super::world::HOUR;

/// How long a key is remembered (Octopush, `request_id`).
const KEY_LIFE: Duration = Duration::from_secs(24 * HOUR);

/// A request's body, as the provider reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Sent {
    pub(super) simulated: bool,
    pub(super) numbers: Vec<u64>,
    pub(super) request_id: String,
}

/// An accepted request.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) numbers: Vec<u64>,
    pub(super) ticket: String,
    /// As it stands in the answer; `None` leaves it out.
    pub(super) cost_token: Option<String>,
    /// What it is, where it is an exact decimal.
    pub(super) cost: Option<Amount>,
    pub(super) contacts: usize,
}

/// What it says to a request that it processed.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Accepted(Order),
    Duplicate(DuplicateAnswer, Option<Order>),
}

#[derive(Debug)]
struct Late {
    due: Duration,
    sent: Sent,
    /// Found to be no duplicate when it came.
    checked: bool,
}

#[derive(Debug)]
pub(super) struct Provider {
    duplicates: DuplicateAnswer,
    atomic: bool,
    pub(super) burns: bool,
    /// When a key was used, and whether by an accepted request.
    used: BTreeMap<String, Duration>,
    /// The body of each key that was ever seen.
    bodies: BTreeMap<String, Vec<u64>>,
    /// Accepted requests by their key, simulated ones left out.
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) burned: BTreeMap<String, Duration>,
    late: Vec<Late>,
    /// How often each number was reached, and how often it may be: once, and once more for each word of the operator's.
    reached: BTreeMap<u64, u32>,
    pub(super) pardoned: BTreeMap<u64, u32>,
    tickets: u64,
    costs: Rng,
}

impl Provider {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self {
            duplicates: scenario.duplicates,
            atomic: scenario.atomic,
            burns: scenario.burns,
            used: BTreeMap::new(),
            bodies: BTreeMap::new(),
            orders: BTreeMap::new(),
            burned: BTreeMap::new(),
            late: Vec::new(),
            reached: BTreeMap::new(),
            pardoned: BTreeMap::new(),
            tickets: 0,
            costs: Rng::with_seed(scenario.numbers),
        }
    }

    /// Sees the body of a request: one key, one body.
    pub(super) fn see(&mut self, sent: &Sent) {
        let body = self
            .bodies
            .entry(sent.request_id.clone())
            .or_insert_with(|| sent.numbers.clone());
        assert_eq!(
            *body, sent.numbers,
            "invariant 6, keys: one key, one body: {}",
            sent.request_id
        );
    }

    /// Processes what was under way until now.
    pub(super) fn catch_up(&mut self, now: Duration) {
        while let Some(at) = (0..self.late.len()).min_by_key(|at| self.late[*at].due) {
            if self.late[at].due > now {
                return;
            }
            let Late { due, sent, checked } = self.late.remove(at);
            if checked || !self.knows(&sent.request_id, due) {
                self.accept(&sent, due);
            }
        }
    }

    /// A request that it will process after its connection is gone.
    pub(super) fn process_later(&mut self, sent: Sent, now: Duration, delay: Duration) {
        self.catch_up(now);
        let known = self.knows(&sent.request_id, now);
        if self.atomic || !known {
            let checked = !self.atomic;
            self.late.push(Late {
                due: now + delay,
                sent,
                checked,
            });
        }
    }

    pub(super) fn process(&mut self, sent: &Sent, now: Duration) -> Said {
        self.catch_up(now);
        if self.knows(&sent.request_id, now) {
            let first = self.orders.get(&sent.request_id).cloned();
            return Said::Duplicate(self.duplicates, first);
        }
        Said::Accepted(self.accept(sent, now))
    }

    /// Refuses a request for what is in it.
    pub(super) fn refuse(&mut self, sent: &Sent, now: Duration) {
        self.catch_up(now);
        if self.burns && !self.knows(&sent.request_id, now) {
            self.used.insert(sent.request_id.clone(), now);
            self.burned.insert(sent.request_id.clone(), now);
        }
    }

    /// Whether a request with that key was accepted, or still may be.
    pub(super) fn has_or_will(&self, key: &str) -> bool {
        self.orders.contains_key(key)
            || self
                .late
                .iter()
                .any(|late| late.sent.request_id == key && !late.sent.simulated)
    }

    fn knows(&self, key: &str, now: Duration) -> bool {
        self.used.get(key).is_some_and(|used| now < *used + KEY_LIFE)
    }

    fn accept(&mut self, sent: &Sent, now: Duration) -> Order {
        self.used.insert(sent.request_id.clone(), now);
        let order = self.order(&sent.numbers);
        if sent.simulated {
            return order;
        }
        for number in &sent.numbers {
            let reached = self.reached.entry(*number).or_default();
            *reached += 1;
            let allowed = 1 + self.pardoned.get(number).copied().unwrap_or(0);
            assert!(
                *reached <= allowed,
                "invariant 1, once: +{number} was sent to {reached} times, the last time with key {}",
                sent.request_id
            );
        }
        self.orders.insert(sent.request_id.clone(), order.clone());
        order
    }

    fn order(&mut self, numbers: &[u64]) -> Order {
        self.tickets += 1;
        let each = self.costs.u64(1..=5_000_000);
        let hundred_millionths = each * numbers.len() as u64;
        let exact = format!("0.{hundred_millionths:08}");
        let (cost_token, is_exact) = match self.costs.u8(..16) {
            0 => (None, false),
            1 => (Some(format!("\"{exact}\"")), false),
            2 => (Some(format!("-{exact}")), false),
            3 => (Some(format!("{hundred_millionths}e-8")), true),
            4 => (Some("0.77777777".to_owned()), true),
            _ => (Some(exact), true),
        };
        let cost = cost_token
            .as_deref()
            .filter(|_| is_exact)
            .map(|token| match token {
                "0.77777777" => token.parse().expect("an amount"),
                _ => format!("0.{hundred_millionths:08}").parse().expect("an amount"),
            });
        let dropped = usize::from(self.costs.u8(..8) == 0);
        Order {
            numbers: numbers.to_vec(),
            ticket: format!("sms_{}", self.tickets),
            cost_token,
            cost,
            contacts: numbers.len() - dropped,
        }
    }
}
