//! The message of a voice campaign, checked against what Exotel's pages ask.
//!
//! Sources: "update campaign details" (`caller_id`, `url`, `call_duplicate_numbers`, `retries`, `schedule`, the callbacks,
//! `custom_field`); "create campaign" for `ExoPhone`s.
//! Not here: whether a time has passed, which takes a clock; the `type`, of which there is one: [`TYPE`]; what each person
//! is told, for a voice campaign has no fields.

mod retries;
mod schedule;

use std::fmt;

pub use retries::{Mechanism, OnStatus, RETRIES_MAX, Retries, RetryStatus};
pub use schedule::Schedule;
pub(super) use schedule::instant;

use crate::uri::web;

/// The one `type` there is: "we support only transactional type of campaigns" ("update campaign details").
pub const TYPE: &str = "trans";

/// What is played to whom it is sent to, and how it is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VoiceMessage {
    /// The `ExoPhone` that calls.
    pub caller_id: CallerId,
    /// The call flow: `http://my.exotel.com/{sid}/exoml/start_voice/{app_id}`.
    pub url: WebUrl,
    /// Whether Exotel may call a number as often as it stands in one campaign. A batch has none twice.
    pub call_duplicate_numbers: bool,
    /// Whether who was not reached is called again; `None`: once and no more.
    pub retries: Option<Retries>,
    /// When calling starts and ends; `None`: at once, until all are called.
    pub schedule: Option<Schedule>,
    /// Told when the campaign starts or ends.
    pub status_callback: Option<WebUrl>,
    /// Told of each call.
    pub call_status_callback: Option<WebUrl>,
    /// Told when all calls to a number are done.
    pub call_schedule_callback: Option<WebUrl>,
    /// Handed to the applets of the call flow; any text.
    pub custom_field: Option<String>,
}

impl VoiceMessage {
    /// The most calls to one person: the first, and the retries. For reservations.
    ///
    /// The page's words "number of times a call … should be attempted" with a default of 0 are read as calls beside the
    /// first (*assumed*): the dearer reading.
    pub fn calls_max_per_recipient(&self) -> u64 {
        1 + self.retries.map_or(0, |retries| u64::from(retries.number()))
    }
}

/// An `ExoPhone`: digits, with a plus or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CallerId(String);

impl CallerId {
    /// Checks an `ExoPhone`. Whether it is the account's is Exotel's to say.
    ///
    /// # Errors
    /// [`MessageError::CallerId`].
    pub fn new(text: &str) -> Result<Self, MessageError> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !digits_only || !(6..=16).contains(&digits.len()) {
            return Err(MessageError::CallerId {
                text: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text for the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A whole `http` or `https` URL. Prints its host only: a callback's path or query may hold a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebUrl {
    text: String,
    host: String,
}

impl WebUrl {
    /// Checks a URL.
    ///
    /// # Errors
    /// [`MessageError::Url`].
    pub fn new(text: &str) -> Result<Self, MessageError> {
        let uri = web(text).ok_or(MessageError::Url)?;
        Ok(Self {
            host: uri.host().unwrap_or_default().to_owned(),
            text: text.to_owned(),
        })
    }

    /// The text for the wire.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, which may be shown.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "WebUrl({}, …)", self.host)
    }
}

/// Why a message cannot be sent. Each names what would be right, and none shows a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No `ExoPhone`.
    #[error("{text:?} is no ExoPhone: 6 to 16 digits, such as 08012345678 or +918012345678")]
    CallerId {
        /// What was given.
        text: String,
    },
    /// No URL of the web.
    #[error("it must be a whole URL with http:// or https:// and a host")]
    Url,
    /// Too many retries.
    #[error("number_of_retries is {number}; Exotel takes 0 to 3")]
    TooManyRetries {
        /// How many.
        number: u32,
    },
    /// No interval.
    #[error(
        "interval_mins is missing; with number_of_retries it must be given: minutes between two calls, at least 1"
    )]
    NoInterval,
    /// An interval of nothing.
    #[error("interval_mins is 0; it must be at least 1 minute")]
    ZeroInterval,
    /// No mechanism.
    #[error("{text:?} is no mechanism; it must be Linear or Exponential")]
    Mechanism {
        /// What was given.
        text: String,
    },
    /// No status that is tried again.
    #[error("{text:?} is no status to retry on; on_status has busy, no-answer, failed, one or more of them")]
    RetryStatus {
        /// What was given.
        text: String,
    },
    /// An empty set.
    #[error("on_status is empty; leave it out, or give one or more of busy, no-answer, failed")]
    NoRetryStatus,
    /// No date, time and offset.
    #[error("{text:?} is no date and time with offset, such as 2026-12-01T09:00:00+05:30")]
    Instant {
        /// What was given.
        text: String,
    },
    /// A schedule of nothing.
    #[error("the schedule is empty; give send_at, end_at or both")]
    EmptySchedule,
    /// Over before it starts.
    #[error("end_at {end_at} is not after send_at {send_at}")]
    EndsTooEarly {
        /// The start.
        send_at: String,
        /// The end.
        end_at: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_6_to_16_digits_and_perhaps_a_plus() {
        for text in ["080456", "08012345678", "+918012345678", "1234567890123456"] {
            assert_eq!(CallerId::new(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "+",
            "08045",
            "12345678901234567",
            "080-1234567",
            "++918012345678",
            "٠٨٠١٢٣٤",
        ] {
            assert!(
                matches!(CallerId::new(text), Err(MessageError::CallerId { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn a_url_is_kept_as_written_and_shows_its_host_only() {
        let text = "https://hooks.example.org/s3cret?token=s3cret";
        let url = WebUrl::new(text).unwrap();
        assert_eq!((url.as_str(), url.host()), (text, "hooks.example.org"));
        assert!(!format!("{url:?}").contains("s3cret"));
        for text in [
            "",
            "hooks.example.org/s3cret",
            "ftp://hooks.example.org/",
            "https:///s3cret",
        ] {
            let error = WebUrl::new(text).unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_most_calls_are_the_first_and_the_retries() {
        let message = |retries| VoiceMessage {
            caller_id: CallerId::new("08012345678").unwrap(),
            url: WebUrl::new("http://my.exotel.com/acme1/exoml/start_voice/4242").unwrap(),
            call_duplicate_numbers: false,
            retries,
            schedule: None,
            status_callback: None,
            call_status_callback: None,
            call_schedule_callback: None,
            custom_field: None,
        };
        let retries = |number| Some(Retries::new(number, Some(1)).unwrap());
        for (retries, calls) in [(None, 1), (retries(0), 1), (retries(1), 2), (retries(3), 4)] {
            assert_eq!(message(retries).calls_max_per_recipient(), calls);
        }
    }
}
