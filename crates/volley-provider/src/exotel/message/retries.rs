//! Calling again who was not reached: the `retries` of a campaign.
//!
//! Source: "update campaign details": up to 3, `interval_mins` mandatory with them, `Linear` or `Exponential`, on any of
//! three statuses. The page gives no default for the last two, so that what is not given is not sent.

use super::MessageError;

/// The most retries.
pub const RETRIES_MAX: u32 = 3;

/// How often, how far apart and after what a person is called again by the dialler: not a second sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    number: u32,
    interval_mins: u32,
    /// How the intervals grow; `None`: as Exotel has it.
    pub mechanism: Option<Mechanism>,
    /// After what; `None`: as Exotel has it.
    pub on_status: Option<OnStatus>,
}

impl Retries {
    /// Checks how often and how far apart.
    ///
    /// # Errors
    /// [`MessageError::TooManyRetries`], [`MessageError::NoInterval`], [`MessageError::ZeroInterval`].
    pub fn new(number: u32, interval_mins: Option<u32>) -> Result<Self, MessageError> {
        if number > RETRIES_MAX {
            return Err(MessageError::TooManyRetries { number });
        }
        let interval_mins = interval_mins.ok_or(MessageError::NoInterval)?;
        if interval_mins == 0 {
            return Err(MessageError::ZeroInterval);
        }
        Ok(Self {
            number,
            interval_mins,
            mechanism: None,
            on_status: None,
        })
    }

    /// How often a person is called again at most.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Minutes between two calls.
    pub fn interval_mins(&self) -> u32 {
        self.interval_mins
    }
}

/// How the intervals between calls grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Each as long as the first.
    Linear,
    /// Each longer than the one before.
    Exponential,
}

impl Mechanism {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Linear, Self::Exponential];

    /// The name on the wire and in the campaign file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "Linear",
            Self::Exponential => "Exponential",
        }
    }

    /// The mechanism of that name.
    ///
    /// # Errors
    /// [`MessageError::Mechanism`].
    pub fn named(name: &str) -> Result<Self, MessageError> {
        let found = Self::ALL.into_iter().find(|mechanism| mechanism.name() == name);
        found.ok_or_else(|| MessageError::Mechanism {
            text: name.to_owned(),
        })
    }
}

/// How a call ended without reaching anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub enum RetryStatus {
    Busy,
    NoAnswer,
    Failed,
}

impl RetryStatus {
    /// All of them, in the page's order.
    pub const ALL: [Self; 3] = [Self::Busy, Self::NoAnswer, Self::Failed];

    /// The name on the wire and in the campaign file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Failed => "failed",
        }
    }
}

/// A set of such ends, not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OnStatus(u8);

impl OnStatus {
    /// Reads the names; one that comes twice counts once.
    ///
    /// # Errors
    /// [`MessageError::RetryStatus`], [`MessageError::NoRetryStatus`].
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, MessageError> {
        let mut set = Self(0);
        for name in names {
            let found = RetryStatus::ALL.into_iter().find(|status| status.name() == name);
            let status = found.ok_or_else(|| MessageError::RetryStatus {
                text: name.to_owned(),
            })?;
            set.0 |= 1 << (status as u8);
        }
        if set.0 == 0 {
            return Err(MessageError::NoRetryStatus);
        }
        Ok(set)
    }

    /// The members, in the page's order.
    pub fn iter(self) -> impl Iterator<Item = RetryStatus> {
        RetryStatus::ALL
            .into_iter()
            .filter(move |status| self.0 & (1 << (*status as u8)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_0_to_3_retries_with_an_interval() {
        let check = |number, interval, expected: Result<(), MessageError>| {
            let retries = Retries::new(number, interval);
            assert_eq!(retries.map(|_| ()), expected, "{number} {interval:?}");
        };
        check(0, Some(1), Ok(()));
        check(3, Some(1440), Ok(()));
        check(4, Some(1), Err(MessageError::TooManyRetries { number: 4 }));
        check(3, None, Err(MessageError::NoInterval));
        check(3, Some(0), Err(MessageError::ZeroInterval));
    }

    #[test]
    fn names_are_those_of_the_page_and_no_others() {
        assert_eq!(Mechanism::named("Linear"), Ok(Mechanism::Linear));
        assert_eq!(Mechanism::named("Exponential"), Ok(Mechanism::Exponential));
        for name in ["linear", "LINEAR", "", "exponential "] {
            assert!(Mechanism::named(name).is_err(), "{name}");
        }
        let names = |given: &[&str]| {
            OnStatus::named(given.iter().copied())
                .map(|set| set.iter().map(RetryStatus::name).collect::<Vec<_>>())
        };
        assert_eq!(
            names(&["no-answer", "busy", "busy"]),
            Ok(vec!["busy", "no-answer"])
        );
        assert_eq!(names(&["failed"]), Ok(vec!["failed"]));
        assert_eq!(names(&[]), Err(MessageError::NoRetryStatus));
        for name in ["failure", "no_answer", "Busy", ""] {
            let text = name.to_owned();
            assert_eq!(names(&["busy", name]), Err(MessageError::RetryStatus { text }));
        }
    }
}
