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
    Lost(u8),
    Timeout,
    Cancelled,
    RefusedStream,
    GoAway,
    Status(u16),
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

impl Network {
    /// What is to happen to a request.
    pub(super) fn draw(&self) -> (Effect, Sign) {
        let world = &*self.0;
        if !world.faults.get() || !world.chance(world.scenario.fault_rate) {
            return (Effect::Processed, Sign::Answer);
        }
        let status = self.any([408, 418, 500, 502, 503, 504]);
        let lost = Sign::Lost(self.any([0, 1, 2]));
        match world.below(if world.chance(0.3) { 64 } else { 56 }) {
            0..6 => (Effect::Nothing, lost),
            6..9 => (Effect::Nothing, Sign::Timeout),
            9..15 => (Effect::Processed, lost),
            15..18 => (Effect::Processed, Sign::Timeout),
            18..23 => (Effect::ProcessedLate, lost),
            23..26 => (Effect::ProcessedLate, Sign::Timeout),
            26..29 => (Effect::Nothing, Sign::Status(status)),
            29..33 => (Effect::Processed, Sign::Status(status)),
            33..35 => (Effect::ProcessedLate, Sign::Status(status)),
            35..37 => (Effect::Nothing, Sign::Cancelled),
            37..40 => (Effect::Nothing, Sign::RefusedStream),
            40..42 => (Effect::Nothing, Sign::GoAway),
            42..46 => (Effect::Nothing, Sign::TooManyRequests),
            46..48 => (Effect::Nothing, Sign::Says(Says::Later)),
            48..50 => (Effect::Processed, Sign::Says(Says::Doubt)),
            50 => (Effect::Processed, Sign::Status(400)),
            51..53 => (Effect::Processed, Sign::Unreadable),
            53..55 => (Effect::Processed, Sign::Cut),
            55 => (Effect::Processed, Sign::TooLarge),
            56..59 => (Effect::Refused, Sign::Says(Says::Refused)),
            59 => (Effect::Refused, lost),
            60 => (Effect::Refused, Sign::Status(413)),
            61 => (Effect::Nothing, Sign::Says(Says::Account)),
            62 => (Effect::Nothing, Sign::Status(self.any([401, 402, 403]))),
            _ => (Effect::Nothing, Sign::Status(302)),
        }
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
            Sign::Lost(0) => (Evidence::Lost(Lost::Eof(simulated_text())), Weight::Doubt),
            Sign::Lost(1) => (Evidence::Lost(Lost::Protocol(simulated_text())), Weight::Doubt),
            Sign::Lost(_) => (Evidence::Lost(Lost::Reset(simulated_text())), Weight::Doubt),
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
            Sign::Status(status) => {
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
