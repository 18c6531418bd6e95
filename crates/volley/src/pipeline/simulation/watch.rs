//! Watches what leaves the process: pace, gate, keys in flight, what may follow a doubt. Knows nothing of the dispatcher.

mod passes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::network::FAULTS;
use crate::config::Limits;
use passes::Passes;

/// Trials in a row that may end in doubt.
const TRIALS_IN_DOUBT_MAX: u32 = 10;
/// A key's last moment, from its first attempt.
const PROBE_WINDOW: Duration = Duration::from_hours(23);
/// How often a provider is tried at least that has answered nothing yet.
const TRIES_MIN: u32 = 3;
/// How long an unreachable provider that had answered is tried at least.
const SILENCE_MIN: Duration = Duration::from_mins(5);
/// Wall clocks that agree within five minutes are trusted.
const CLOCK_OFF_MAX: Duration = Duration::from_mins(5);

/// What evidence means for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Definite,
    Doubt,
    Neither,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Door {
    TrialDue,
    /// This key is the trial, until it is definite, in doubt, or concluded.
    Trial(String),
    Open,
    Closed,
}

#[derive(Debug)]
pub(super) struct Watch {
    period: Duration,
    burst: u32,
    in_flight_max: usize,
    settle: Duration,
    /// When the bucket is full again.
    full_at: Duration,
    in_air: BTreeSet<String>,
    door: Door,
    trials_in_doubt: u32,
    /// Keys whose probe of this run has been heard of.
    heard: BTreeSet<String>,
    /// When each key was first handed over, over all runs.
    first: BTreeMap<String, Duration>,
    /// When each key's last attempt failed in doubt, or the lock was taken after a crash.
    doubted: BTreeMap<String, Duration>,
    /// Passes through Exotel's listing, in this run.
    pub(super) passes: Passes,
    /// When the provider last showed that it is there, in this run.
    answered_at: Option<Duration>,
    /// The longest silence behind which the provider was found not to be there.
    silence_max: Duration,
    /// How often it was found not to be there before it had answered anything in this run.
    vain_tries: u32,
    /// Why nothing may be handed over any more in this run.
    pub(super) silenced: Option<&'static str>,
    pub(super) hits: Hits,
}

/// What the histories met.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hits {
    pub(super) requests: u64,
    pub(super) doubts: u64,
    pub(super) probes: u64,
    pub(super) gets: u64,
    pub(super) pages: u64,
    /// What batches met, by the rows of the table of faults.
    pub(super) faults: [u64; FAULTS],
}

impl Watch {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            period: Duration::from_secs_f64(1.0 / limits.requests_per_second),
            burst: limits.burst.get(),
            in_flight_max: limits.max_in_flight.get(),
            settle: limits.settle,
            full_at: Duration::ZERO,
            in_air: BTreeSet::new(),
            door: Door::TrialDue,
            trials_in_doubt: 0,
            heard: BTreeSet::new(),
            first: BTreeMap::new(),
            doubted: BTreeMap::new(),
            passes: Passes::default(),
            answered_at: None,
            silence_max: Duration::ZERO,
            vain_tries: 0,
            silenced: None,
            hits: Hits::default(),
        }
    }

    /// A run begins; these keys were found open.
    pub(super) fn begin<'a>(&mut self, now: Duration, found_open: impl Iterator<Item = &'a String>) {
        self.door = Door::TrialDue;
        self.trials_in_doubt = 0;
        self.heard.clear();
        self.passes = Passes::default();
        self.answered_at = None;
        self.silence_max = Duration::ZERO;
        self.vain_tries = 0;
        self.silenced = None;
        self.full_at = now;
        assert!(self.in_air.is_empty(), "the last run left nothing in the air");
        for key in found_open {
            self.doubted.insert(key.clone(), now);
        }
    }

    /// A send is handed over.
    pub(super) fn send(&mut self, key: &str, now: Duration, clocks_jump: bool) {
        self.take_token(now);
        self.hits.requests += 1;
        assert_ne!(
            self.door,
            Door::Closed,
            "the gate: {key} went through the closed gate"
        );
        assert!(
            self.trials_in_doubt < TRIALS_IN_DOUBT_MAX,
            "the gate: an eleventh trial, {key}"
        );
        match &self.door {
            Door::Trial(trial) => assert_eq!(trial, key, "the gate: two at once while a trial is out"),
            Door::TrialDue => self.door = Door::Trial(key.to_owned()),
            Door::Open | Door::Closed => {}
        }
        assert!(
            self.in_air.insert(key.to_owned()),
            "invariant 6, keys: two attempts of {key} in flight"
        );
        assert!(
            self.in_air.len() <= self.in_flight_max,
            "more than max_in_flight in the air"
        );
        let first = *self.first.entry(key.to_owned()).or_insert(now);
        if let Some(doubted) = self.doubted.get(key) {
            self.hits.probes += 1;
            assert!(
                !self.heard.contains(key),
                "settling: {key} was asked about twice in one run"
            );
            assert!(
                now <= first + PROBE_WINDOW + CLOCK_OFF_MAX,
                "invariant 6, keys: {key} was sent {} s after its first attempt",
                now.saturating_sub(first).as_secs()
            );
            assert!(
                clocks_jump || now >= *doubted + self.settle,
                "settling: {key} was asked about {:?} after its doubt",
                now.saturating_sub(*doubted)
            );
        }
    }

    /// Whether an attempt of this key was ever in doubt.
    pub(super) fn is_doubted(&self, key: &str) -> bool {
        self.doubted.contains_key(key)
    }

    /// Whether the probe of this key has been heard of in this run.
    pub(super) fn was_asked_about(&self, key: &str) -> bool {
        self.heard.contains(key)
    }

    /// When the doubt of this key began, if it ever was in one.
    pub(super) fn doubted_at(&self, key: &str) -> Option<Duration> {
        self.doubted.get(key).copied()
    }

    /// It is about to be written that the listing lacked this key's campaign.
    pub(super) fn check_absence(&self, key: &str, clock_is_right: bool) {
        assert!(
            self.passes.tells_absence_of(key),
            "lookups: {key} is called absent, and the last pass was not whole, or had it"
        );
        let due = self.doubted[key]
            + if clock_is_right {
                self.settle
            } else {
                Duration::ZERO
            };
        assert!(
            self.passes.began_at() >= Some(due),
            "lookups: {key} is called absent by a pass that began before its doubt was due"
        );
    }

    /// The evidence of a send is there.
    pub(super) fn heard(&mut self, key: &str, weight: Weight, now: Duration) {
        self.in_air.remove(key);
        if weight != Weight::Neither && self.is_doubted(key) {
            self.heard.insert(key.to_owned());
        }
        let is_trial = self.door == Door::Trial(key.to_owned());
        match weight {
            Weight::Doubt => {
                self.hits.doubts += 1;
                self.doubted.insert(key.to_owned(), now);
                self.trials_in_doubt += u32::from(is_trial);
                if is_trial || self.door == Door::Open {
                    self.door = Door::Closed;
                }
            }
            Weight::Definite if is_trial => {
                self.trials_in_doubt = 0;
                self.door = Door::Open;
            }
            Weight::Definite | Weight::Neither => {}
        }
    }

    /// The process died with this key in the air.
    pub(super) fn died(&mut self, key: &str, now: Duration) {
        self.in_air.remove(key);
        self.doubted.insert(key.to_owned(), now);
    }

    /// What came of a batch is about to be written: it holds no trial any more.
    pub(super) fn concluded(&mut self, key: &str) {
        if self.door == Door::Trial(key.to_owned()) {
            self.door = Door::TrialDue;
        }
    }

    /// A free GET is handed over.
    pub(super) fn get(&mut self, now: Duration) {
        self.hits.gets += 1;
        self.take_token(now);
    }

    /// A page of the listing is asked for.
    pub(super) fn page(&mut self, offset: usize, now: Duration) {
        self.hits.pages += 1;
        self.take_token(now);
        self.passes.ask(offset, now);
    }

    /// A campaign is to be deleted.
    pub(super) fn delete(&mut self, now: Duration) {
        self.take_token(now);
    }

    /// The provider showed that it is there.
    pub(super) fn saw_life(&mut self, now: Duration) {
        self.answered_at = Some(now);
    }

    /// The provider showed that it is not there: the moment at which a run may give up.
    pub(super) fn saw_nothing(&mut self, now: Duration) {
        match self.answered_at {
            Some(answered_at) => self.silence_max = self.silence_max.max(now.saturating_sub(answered_at)),
            None => self.vain_tries += 1,
        }
    }

    /// The run gave up, since nobody answered.
    pub(super) fn check_given_up(&self) {
        assert!(
            self.vain_tries >= TRIES_MIN || self.silence_max > SILENCE_MIN,
            "liveness: given up after {:?} without an answer",
            self.silence_max
        );
    }

    /// A free GET had a good answer.
    pub(super) fn answered(&mut self, now: Duration) {
        self.saw_life(now);
        if self.door == Door::Closed {
            self.door = Door::TrialDue;
        }
    }

    fn take_token(&mut self, now: Duration) {
        assert_eq!(self.silenced, None, "something was handed over after that");
        self.full_at = self.full_at.max(now) + self.period;
        let depth = self.period * self.burst + Duration::from_micros(1);
        assert!(
            self.full_at <= now + depth,
            "invariant 7, rate: {:?} too early",
            self.full_at.saturating_sub(now + depth)
        );
    }
}
