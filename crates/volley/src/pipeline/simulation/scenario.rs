//! What a seed decides before anything happens: whose campaign it is, the limits, the provider's habits, how often what fails.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use fastrand::Rng;
use volley_model::Amount;
use volley_provider::Provider;

use super::provider::{exotel, octopush};
use crate::config::Limits;

/// What a history is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Faults,
    Storage,
    Clocks,
    Money,
}

impl Theme {
    /// The theme of a seed, so that the seed alone repeats a history.
    pub(super) fn of(seed: u64) -> Self {
        match seed % 4 {
            0 => Self::Faults,
            1 => Self::Storage,
            2 => Self::Clocks,
            _ => Self::Money,
        }
    }
}

/// Whose history a seed tells: of each theme as many of the one as of the other.
pub(super) fn provider_of(seed: u64) -> Provider {
    match (seed / 4) % 2 {
        0 => Provider::Octopush,
        _ => Provider::Exotel,
    }
}

/// What the provider is like.
#[derive(Debug, Clone)]
pub(super) enum Habits {
    Octopush(octopush::Habits),
    Exotel(exotel::Habits),
}

/// What the `Date` of the provider's answers is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    Right,
    Missing,
    /// Off by so many seconds.
    Off(i64),
}

/// How the wall clock of our machine behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OurClock {
    Right,
    /// Behind by another amount in each run, up to 25 hours.
    FallsBehind,
    /// Ahead by so many seconds, for good.
    Ahead(i64),
}

#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) theme: Theme,
    pub(super) habits: Habits,
    pub(super) limits: Limits,
    /// What the account has at the start, where the answers tell what is left of it; then there is a `min_credit`.
    pub(super) credit: Option<Amount>,
    pub(super) numbers: u64,
    /// Whether another worker is at the same campaign.
    pub(super) shared: bool,
    /// The share of requests that meet a fault.
    pub(super) fault_rate: f64,
    pub(super) outages: bool,
    pub(super) dates: Dates,
    pub(super) our_clock: OurClock,
    /// Whether a rehearsal comes first.
    pub(super) rehearsal: bool,
    pub(super) runs_with_faults: u32,
}

impl Scenario {
    pub(super) fn of(seed: u64, rng: &mut Rng) -> Self {
        let theme = Theme::of(seed);
        let habits = match provider_of(seed) {
            Provider::Octopush => Habits::Octopush(octopush::Habits::drawn(rng)),
            Provider::Exotel => Habits::Exotel(exotel::Habits::drawn(rng)),
        };
        let (batch_size, numbers) = sizes(&habits, rng);
        let (dates, our_clock) = clocks(theme, rng);
        let charges = match &habits {
            Habits::Octopush(_) => 1,
            Habits::Exotel(habits) => habits.charges_per_unit(),
        };
        let mut limits = limits(theme, batch_size, numbers * charges, rng);
        // Exotel tells of no credit, and pretends nothing.
        let is_octopush = matches!(habits, Habits::Octopush(_));
        let credit = credit(theme, numbers, rng).filter(|_| is_octopush);
        limits.min_credit = credit.map(|_| amount("0.25"));
        Self {
            theme,
            habits,
            limits,
            credit,
            numbers,
            shared: (seed / 8) % 4 == 3,
            fault_rate: [0.0, 0.05, 0.2, 0.5, 0.9][rng.usize(..5)],
            outages: rng.u8(..4) == 0,
            dates,
            our_clock,
            rehearsal: rng.u8(..8) == 0 && is_octopush,
            runs_with_faults: rng.u32(1..=5),
        }
    }

    pub(super) fn provider(&self) -> Provider {
        match self.habits {
            Habits::Octopush(_) => Provider::Octopush,
            Habits::Exotel(_) => Provider::Exotel,
        }
    }

    /// What Exotel is like, if it is Exotel's history.
    pub(super) fn exotel(&self) -> Option<&exotel::Habits> {
        match &self.habits {
            Habits::Octopush(_) => None,
            Habits::Exotel(habits) => Some(habits),
        }
    }
}

/// Numbers a batch and in all: few, for speed; but for lines of splits that are long enough to be halved.
fn sizes(habits: &Habits, rng: &mut Rng) -> (u32, u64) {
    match habits {
        Habits::Exotel(habits) if habits.bad >= exotel::BAD_MOST => (rng.u32(54..=60), rng.u64(54..=70)),
        _ => (rng.u32(2..=3), rng.u64(4..=30)),
    }
}

/// Never both wrong: two clocks that are wrong alike cannot be told from right ones.
fn clocks(theme: Theme, rng: &mut Rng) -> (Dates, OurClock) {
    let day = 25 * 3600;
    match (theme, rng.u8(..8)) {
        (Theme::Clocks, 1) => (Dates::Off(rng.i64(-day..=day)), OurClock::Right),
        (Theme::Clocks, 2) => (Dates::Right, OurClock::Ahead(rng.i64(0..=day))),
        (Theme::Clocks, 3..=5) => (Dates::Right, OurClock::FallsBehind),
        (_, 0) => (Dates::Missing, OurClock::Right),
        _ => (Dates::Right, OurClock::Right),
    }
}

/// Credit that may or may not last.
fn credit(theme: Theme, numbers: u64, rng: &mut Rng) -> Option<Amount> {
    let hundredths = rng.u64(0..=numbers * 9);
    (theme == Theme::Money && rng.bool()).then(|| amount("0.01").times(hundredths).expect("small"))
}

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn limits(theme: Theme, batch_size: u32, charges: u64, rng: &mut Rng) -> Limits {
    let priced = theme == Theme::Money || rng.bool();
    let unit_price = priced.then(|| amount("0.05"));
    let hundredths = rng.u64(0..=charges * 6);
    let limited = theme == Theme::Money || rng.u8(..4) == 0;
    let max_cost = (priced && limited).then(|| amount("0.01").times(hundredths).expect("small"));
    Limits {
        batch_size: NonZeroU32::new(batch_size).expect("not zero"),
        requests_per_second: [2.0, 20.0, 100.0, 500.0][rng.usize(..4)],
        // A bucket of fewer waits by a thread and the real clock, which repeats nothing.
        burst: NonZeroU32::new(rng.u32(3..=5)).expect("not zero"),
        recipients_per_second: (rng.u8(..4) == 0).then_some(50.0),
        connections: NonZeroUsize::MIN,
        max_in_flight: NonZeroUsize::new(rng.usize(1..=6)).expect("not zero"),
        max_cost,
        max_invalid: None,
        min_credit: None,
        unit_price,
        request_timeout: Duration::from_secs(5),
        settle: Duration::from_secs(8),
        shutdown_grace: Duration::from_secs(3),
    }
}
