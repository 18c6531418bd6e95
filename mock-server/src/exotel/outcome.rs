//! How a call ends, and how long it takes: the same under a seed, whenever it is asked for.
//!
//! *Sources*: the statuses: "campaign call details". How often each occurs is a setting, how long a call takes invented.

use super::config::Outcomes;
use super::ticket::scatter;
use crate::error::MockError;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Completed,
    Busy,
    NoAnswer,
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Completed, Self::Busy, Self::NoAnswer, Self::Failed];
    /// Those that a campaign may call again for.
    pub(super) const UNSUCCESSFUL: [Self; 3] = [Self::Busy, Self::NoAnswer, Self::Failed];

    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
        }
    }

    /// Fewest and most seconds that such a call takes.
    fn seconds(self) -> (u64, u64) {
        match self {
            Self::Completed => (5, 65),
            Self::Busy => (2, 6),
            Self::NoAnswer => (20, 40),
            Self::Failed => (1, 3),
        }
    }
}

/// The dice that decide.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    /// Upper ends of the outcomes' parts of 1.
    ends: [f64; 4],
}

impl Dice {
    pub(super) fn new(shares: &Outcomes) -> Result<Self, MockError> {
        let shares = [shares.completed, shares.busy, shares.no_answer, shares.failed];
        let sum: f64 = shares.iter().sum();
        if !sum.is_finite() || sum <= 0.0 || shares.iter().any(|share| *share < 0.0) {
            return Err(MockError::Setting {
                key: "exotel.outcomes",
                reason: "the shares must not be negative, and one must be above 0".to_owned(),
            });
        }
        let mut end = 0.0;
        let ends = shares.map(|share| {
            end += share / sum;
            end
        });
        Ok(Self { ends })
    }

    /// How an attempt to reach a member of a campaign ends, and after how many seconds.
    pub(super) fn throw(&self, seed: u64, campaign: u64, member: u32, attempt: u8) -> (Outcome, u16) {
        let place = u64::from(member) << 8 | u64::from(attempt);
        let thrown = scatter(seed, campaign, place);
        let part = f64::from(u32::try_from(thrown >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0);
        let last = Outcome::ALL[self.last()];
        let outcome = self.ends.iter().zip(Outcome::ALL).find(|(end, _)| part < **end);
        let outcome = outcome.map_or(last, |(_, outcome)| outcome);
        let (fewest, most) = outcome.seconds();
        let seconds = fewest + (thrown & 0xffff_ffff) % (most - fewest + 1);
        (outcome, u16::try_from(seconds).unwrap_or(u16::MAX))
    }

    /// The last outcome with a share: the sum of the parts may end a little below 1.
    fn last(&self) -> usize {
        let whole = self.ends[3];
        self.ends.iter().take_while(|end| **end < whole).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_come_in_their_shares_and_repeat_with_the_seed() {
        let dice = Dice::new(&Outcomes::default()).expect("shares");
        let throw = |seed: u64| -> Vec<(Outcome, u16)> {
            (0..10_000).map(|member| dice.throw(seed, 3, member, 0)).collect()
        };
        let thrown = throw(7);
        assert_eq!(thrown, throw(7));
        assert_ne!(thrown, throw(8));
        let count = |outcome: Outcome| thrown.iter().filter(|(thrown, _)| *thrown == outcome).count();
        assert!((6800..7200).contains(&count(Outcome::Completed)));
        assert!((850..1150).contains(&count(Outcome::Busy)));
        assert!((1350..1650).contains(&count(Outcome::NoAnswer)));
        assert!((400..600).contains(&count(Outcome::Failed)));
    }

    #[test]
    fn an_outcome_without_a_share_never_comes() {
        let dice = Dice::new(&Outcomes {
            completed: 0.0,
            busy: 2.0,
            no_answer: 1.0,
            failed: 0.0,
        })
        .expect("shares");
        for member in 0..10_000 {
            let (outcome, _) = dice.throw(1, 1, member, 0);
            assert!(matches!(outcome, Outcome::Busy | Outcome::NoAnswer));
        }
    }

    #[test]
    fn shares_that_make_no_sense_are_refused() {
        let check = |completed: f64, busy: f64, good: bool| {
            let shares = Outcomes {
                completed,
                busy,
                no_answer: 0.0,
                failed: 0.0,
            };
            assert_eq!(Dice::new(&shares).is_ok(), good, "{completed} {busy}");
        };
        check(1.0, 0.0, true);
        check(0.0, 0.0, false);
        check(2.0, -1.0, false);
        check(f64::NAN, 1.0, false);
        check(f64::INFINITY, 1.0, false);
    }
}
