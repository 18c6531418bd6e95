//! What may happen to a batch on its way, for either provider from the same table, and what of it is seen on our side.

use std::time::Duration;

use volley_model::{Evidence, Lost, NotProcessed, Unsent};
use volley_provider::Provider;

use super::super::provider::Said;
use super::super::watch::Weight;
use super::Network;

/// What happens to a request at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Nothing,
    Processed,
    /// Processed after nobody waits for it any more.
    ProcessedLate,
    Refused,
}

/// What is seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// What the provider has to say.
    Answer,
    Lost,
    Timeout,
    Cancelled,
    RefusedStream,
    GoAway,
    /// One of these, without anything that could be read.
    Status(&'static [u16]),
    /// An error in the provider's own words.
    Says(Says),
    TooManyRequests,
    Unreadable,
    Cut,
    TooLarge,
}

/// What an error of the provider's means, whatever its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Later,
    Doubt,
    Refused,
    Account,
}

impl Says {
    fn weight(self) -> Weight {
        match self {
            Self::Later => Weight::Neither,
            Self::Doubt => Weight::Doubt,
            Self::Refused | Self::Account => Weight::Definite,
        }
    }
}

/// Statuses that prove nothing.
const VAGUE: &[u16] = &[408, 418, 500, 502, 503, 504];

/// How many kinds of faults there are, and how many of them come first and are common; the others refuse, or end a run.
pub(crate) const FAULTS: usize = TABLE.len();
const COMMON: usize = 19;

/// What may happen to a batch, and how often: for both providers the same.
const TABLE: [(u64, Effect, Sign); 25] = [
    (6, Effect::Nothing, Sign::Lost),
    (3, Effect::Nothing, Sign::Timeout),
    (6, Effect::Processed, Sign::Lost),
    (3, Effect::Processed, Sign::Timeout),
    (5, Effect::ProcessedLate, Sign::Lost),
    (3, Effect::ProcessedLate, Sign::Timeout),
    (3, Effect::Nothing, Sign::Status(VAGUE)),
    (4, Effect::Processed, Sign::Status(VAGUE)),
    (2, Effect::ProcessedLate, Sign::Status(VAGUE)),
    (2, Effect::Nothing, Sign::Cancelled),
    (3, Effect::Nothing, Sign::RefusedStream),
    (2, Effect::Nothing, Sign::GoAway),
    (4, Effect::Nothing, Sign::TooManyRequests),
    (2, Effect::Nothing, Sign::Says(Says::Later)),
    (2, Effect::Processed, Sign::Says(Says::Doubt)),
    (1, Effect::Processed, Sign::Status(&[400])),
    (2, Effect::Processed, Sign::Unreadable),
    (2, Effect::Processed, Sign::Cut),
    (1, Effect::Processed, Sign::TooLarge),
    (3, Effect::Refused, Sign::Says(Says::Refused)),
    (1, Effect::Refused, Sign::Lost),
    (1, Effect::Refused, Sign::Status(&[413])),
    (1, Effect::Nothing, Sign::Says(Says::Account)),
    (1, Effect::Nothing, Sign::Status(&[401, 402, 403])),
    (1, Effect::Nothing, Sign::Status(&[302])),
];

impl Network {
    /// What is to happen to a request.
    pub(super) fn draw(&self) -> (Effect, Sign) {
        let world = &*self.0;
        if !world.faults.get() || !world.chance(world.scenario.fault_rate) {
            return (Effect::Processed, Sign::Answer);
        }
        let rows = if world.chance(0.3) { FAULTS } else { COMMON };
        let weights: u64 = TABLE[..rows].iter().map(|(weight, ..)| weight).sum();
        let mut drawn = world.below(weights);
        let row = TABLE[..rows].iter().position(|(weight, ..)| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        let row = row.expect("less than all weights");
        world.watch.borrow_mut().hits.faults[row] += 1;
        let (_, effect, sign) = TABLE[row];
        (effect, sign)
    }

    /// What our side sees, and what that weighs by the guarantee's table.
    pub(super) fn see(
        &self,
        sign: Sign,
        said: Option<Said>,
        doubted: bool,
        simulated: bool,
    ) -> (Evidence, Weight) {
        let simulated_text = || "simulated".to_owned();
        match sign {
            Sign::Lost => {
                let lost = self.any(&[Lost::Eof, Lost::Protocol, Lost::Reset]);
                (Evidence::Lost(lost(simulated_text())), Weight::Doubt)
            }
            Sign::Timeout => (Evidence::Lost(Lost::Timeout), Weight::Doubt),
            Sign::Cancelled => (
                Evidence::Unsent(Unsent::Cancelled(simulated_text())),
                Weight::Neither,
            ),
            Sign::RefusedStream => (
                Evidence::NotProcessed(NotProcessed::RefusedStream),
                Weight::Neither,
            ),
            Sign::GoAway => (Evidence::NotProcessed(NotProcessed::GoAway), Weight::Neither),
            Sign::TooManyRequests => {
                let mut evidence = self.answer(429, "{}");
                if let Evidence::Answered(answer) = &mut evidence {
                    answer.retry_after = self.retry_after();
                }
                (evidence, Weight::Neither)
            }
            Sign::Status(any) => {
                let status = self.any(any);
                let weight = match status {
                    401..=403 | 404 | 405 | 413 | 415 => Weight::Definite,
                    _ => Weight::Doubt,
                };
                (self.answer(status, "<html>"), weight)
            }
            Sign::Says(says) => {
                let evidence = match self.0.scenario.provider() {
                    Provider::Octopush => self.octopush_says(says),
                    Provider::Exotel => self.exotel_says(says),
                };
                (evidence, says.weight())
            }
            Sign::Answer | Sign::Unreadable | Sign::Cut | Sign::TooLarge => {
                match self.0.scenario.provider() {
                    Provider::Octopush => self.answer_of_octopush(sign, said, doubted, simulated),
                    Provider::Exotel => self.answer_of_exotel(sign, said),
                }
            }
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self.0.below(16) {
            0..6 => None,
            6..10 => Some(Duration::ZERO),
            15 => Some(Duration::from_mins(15)),
            seconds => Some(Duration::from_secs(seconds)),
        }
    }
}
