//! The provider: what it accepted, for which numbers, at what cost. The oracle of the others.
//!
//! What both have is here: requests that are processed late, how often each number was reached, and how often it may be. What
//! each has of its own is in a file of its own: Octopush's keys, Exotel's bad numbers and its listing.

pub(super) mod exotel;
pub(super) mod octopush;

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use volley_model::Amount;

use super::scenario::{Habits, Scenario};
use exotel::Campaigns;
use octopush::{DuplicateAnswer, Keys};

/// A request's body, as the provider reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) simulated: bool,
    pub(super) numbers: Vec<u64>,
    /// Octopush's key, or the name of Exotel's campaign.
    pub(super) key: String,
}

impl Sent {
    pub(super) fn read(body: &[u8], provider: volley_provider::Provider) -> Self {
        match provider {
            volley_provider::Provider::Octopush => octopush::read(body),
            volley_provider::Provider::Exotel => exotel::read(body),
        }
    }
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
    /// Of this key there was a request before, perhaps an accepted one (Octopush).
    Duplicate(DuplicateAnswer, Option<Order>),
    /// Nothing was created, for this number (Exotel).
    RefusedFor(u64),
}

#[derive(Debug)]
struct Late {
    due: Duration,
    sent: Sent,
    /// Found to be no duplicate when it came.
    checked: bool,
}

#[derive(Debug)]
enum Own {
    Octopush(Keys),
    Exotel(Campaigns),
}

#[derive(Debug)]
pub(super) struct Provider {
    own: Own,
    /// The body of each key that was ever seen.
    bodies: BTreeMap<String, Vec<u64>>,
    /// Accepted requests by their key, simulated ones left out.
    pub(super) orders: BTreeMap<String, Order>,
    late: Vec<Late>,
    /// How often each number was reached, and how often it may be: once, and once more for each mistaken word of the operator's.
    reached: BTreeMap<u64, u32>,
    pub(super) pardoned: BTreeMap<u64, u32>,
    tickets: u64,
    chance: Rng,
}

impl Provider {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let own = match &scenario.habits {
            Habits::Octopush(habits) => Own::Octopush(Keys::new(habits.clone())),
            Habits::Exotel(habits) => Own::Exotel(Campaigns::new(habits.clone())),
        };
        Self {
            own,
            bodies: BTreeMap::new(),
            orders: BTreeMap::new(),
            late: Vec::new(),
            reached: BTreeMap::new(),
            pardoned: BTreeMap::new(),
            tickets: 0,
            chance: Rng::with_seed(scenario.numbers),
        }
    }

    /// Sees the body of a request: one key, one body.
    pub(super) fn see(&mut self, sent: &Sent, now: Duration) {
        if let Own::Exotel(campaigns) = &mut self.own {
            campaigns.see(&sent.key, now);
        }
        let body = self
            .bodies
            .entry(sent.key.clone())
            .or_insert_with(|| sent.numbers.clone());
        assert_eq!(
            *body, sent.numbers,
            "invariant 6, keys: one key, one body: {}",
            sent.key
        );
    }

    /// Processes what was under way until now.
    pub(super) fn catch_up(&mut self, now: Duration) {
        while let Some(at) = (0..self.late.len()).min_by_key(|at| self.late[*at].due) {
            if self.late[at].due > now {
                return;
            }
            let Late { due, sent, checked } = self.late.remove(at);
            if checked {
                self.accept(&sent, due);
            } else {
                self.receive(&sent, due);
            }
        }
    }

    /// A request that it will process after its connection is gone.
    pub(super) fn process_later(&mut self, sent: Sent, now: Duration, delay: Duration) {
        self.catch_up(now);
        let checked = match &self.own {
            Own::Octopush(keys) if keys.habits.atomic => false,
            Own::Octopush(keys) if keys.knows(&sent.key, now) => return,
            Own::Octopush(_) => true,
            Own::Exotel(_) => false,
        };
        let due = now + delay;
        self.late.push(Late { due, sent, checked });
    }

    pub(super) fn process(&mut self, sent: &Sent, now: Duration) -> Said {
        self.catch_up(now);
        self.receive(sent, now)
    }

    fn receive(&mut self, sent: &Sent, now: Duration) -> Said {
        match &self.own {
            Own::Octopush(keys) if keys.knows(&sent.key, now) => {
                let first = self.orders.get(&sent.key).cloned();
                return Said::Duplicate(keys.habits.duplicates, first);
            }
            Own::Octopush(_) => {}
            Own::Exotel(campaigns) => {
                if let Some(number) = campaigns.refused_for(&sent.numbers) {
                    return Said::RefusedFor(number);
                }
            }
        }
        Said::Accepted(self.accept(sent, now))
    }

    /// Refuses a request for what is in it.
    pub(super) fn refuse(&mut self, sent: &Sent, now: Duration) {
        self.catch_up(now);
        if let Own::Octopush(keys) = &mut self.own {
            keys.refuse(&sent.key, now);
        }
    }

    /// Whether a request with that key was accepted, or still may be.
    pub(super) fn has_or_will(&self, key: &str) -> bool {
        let will = |late: &&Late| late.sent.key == key && !late.sent.simulated;
        let refuses = |late: &&Late| match &self.own {
            Own::Octopush(_) => false,
            Own::Exotel(campaigns) => campaigns.refused_for(&late.sent.numbers).is_some(),
        };
        self.orders.contains_key(key) || self.late.iter().filter(will).any(|late| !refuses(&late))
    }

    /// Whether that is the ticket of the key's request.
    pub(super) fn knows(&self, ticket: &str, key: &str) -> bool {
        match &self.own {
            Own::Octopush(_) => self.orders.get(key).is_some_and(|order| order.ticket == ticket),
            Own::Exotel(campaigns) => campaigns.is_named(ticket, key),
        }
    }

    /// Whether its answers have a cost.
    pub(super) fn prices_at_once(&self) -> bool {
        matches!(self.own, Own::Octopush(_))
    }

    /// Whether the key was used up by a refusal.
    pub(super) fn has_burned(&self, key: &str) -> bool {
        matches!(&self.own, Own::Octopush(keys) if keys.burned.contains(key))
    }

    /// Exotel's campaigns, as its listing and its answers have them.
    pub(super) fn campaigns(&self) -> &Campaigns {
        match &self.own {
            Own::Exotel(campaigns) => campaigns,
            Own::Octopush(_) => panic!("Octopush is asked for campaigns"),
        }
    }

    pub(super) fn campaigns_mut(&mut self) -> &mut Campaigns {
        match &mut self.own {
            Own::Exotel(campaigns) => campaigns,
            Own::Octopush(_) => panic!("Octopush is asked for campaigns"),
        }
    }

    fn accept(&mut self, sent: &Sent, now: Duration) -> Order {
        let order = self.order(&sent.numbers);
        match &mut self.own {
            Own::Octopush(keys) => keys.use_up(&sent.key, now),
            Own::Exotel(campaigns) => campaigns.create(&sent.key, &order.ticket, now),
        }
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
                sent.key
            );
        }
        let earlier = self.orders.insert(sent.key.clone(), order.clone());
        let is_octopush = matches!(self.own, Own::Octopush(_));
        assert!(
            is_octopush || earlier.is_none(),
            "invariant 6, keys: two campaigns were asked for under the name {}",
            sent.key
        );
        order
    }

    fn order(&mut self, numbers: &[u64]) -> Order {
        self.tickets += 1;
        let each = self.chance.u64(1..=5_000_000);
        let hundred_millionths = each * numbers.len() as u64;
        let exact = format!("0.{hundred_millionths:08}");
        let (cost_token, is_exact) = match self.chance.u8(..16) {
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
        let dropped = usize::from(self.chance.u8(..8) == 0);
        Order {
            numbers: numbers.to_vec(),
            ticket: format!("ticket_{}", self.tickets),
            cost_token,
            cost,
            contacts: numbers.len() - dropped,
        }
    }
}
