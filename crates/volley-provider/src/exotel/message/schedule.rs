//! When a campaign starts and ends: its `schedule`.
//!
//! Source: "update campaign details" (RFC 3339; `send_at`, and `end_at`, "even if all calls are not attempted"). It calls the
//! schedule an array; the samples of "create campaign" show an object, which is what we send.

use super::MessageError;
use crate::octopush::SendAt;

/// A start, an end, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    send_at: Option<SendAt>,
    end_at: Option<SendAt>,
}

impl Schedule {
    /// Reads and checks both ends.
    ///
    /// # Errors
    /// [`MessageError::Instant`], [`MessageError::EmptySchedule`], [`MessageError::EndsTooEarly`].
    pub fn new(send_at: Option<&str>, end_at: Option<&str>) -> Result<Self, MessageError> {
        let send_at = send_at.map(instant).transpose()?;
        let end_at = end_at.map(instant).transpose()?;
        match (&send_at, &end_at) {
            (None, None) => Err(MessageError::EmptySchedule),
            (Some(start), Some(end)) if end.instant() <= start.instant() => Err(MessageError::EndsTooEarly {
                send_at: start.to_string(),
                end_at: end.to_string(),
            }),
            _ => Ok(Self { send_at, end_at }),
        }
    }

    /// When calling starts; `None`: at once.
    pub fn send_at(&self) -> Option<&SendAt> {
        self.send_at.as_ref()
    }

    /// When calling ends, whoever is left; `None`: when all are called, or when Exotel ends it.
    pub fn end_at(&self) -> Option<&SendAt> {
        self.end_at.as_ref()
    }
}

/// An instant with its offset, as strict as Octopush's: the bytes go to the provider.
pub(in crate::exotel) fn instant(text: &str) -> Result<SendAt, MessageError> {
    SendAt::parse(text).map_err(|_| MessageError::Instant {
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NINE: &str = "2026-12-01T09:00:00+05:30";

    fn check(send_at: Option<&str>, end_at: Option<&str>, expected: Option<&MessageError>) {
        assert_eq!(
            Schedule::new(send_at, end_at).err().as_ref(),
            expected,
            "{send_at:?} {end_at:?}"
        );
    }

    #[test]
    fn an_end_is_after_the_start_whatever_their_offsets() {
        check(Some(NINE), None, None);
        check(None, Some(NINE), None);
        check(Some(NINE), Some("2026-12-01T09:00:01+05:30"), None);
        check(Some(NINE), Some("2026-12-01T03:30:01Z"), None);
        let too_early = |end_at: &str| MessageError::EndsTooEarly {
            send_at: NINE.to_owned(),
            end_at: end_at.to_owned(),
        };
        check(Some(NINE), Some(NINE), Some(&too_early(NINE)));
        let same = "2026-12-01T03:30:00+00:00";
        check(Some(NINE), Some(same), Some(&too_early(same)));
        check(None, None, Some(&MessageError::EmptySchedule));
    }

    #[test]
    fn a_time_without_an_offset_is_none() {
        let text = "2026-12-01T09:00:00";
        let error = Schedule::new(Some(text), None).unwrap_err();
        assert_eq!(
            error,
            MessageError::Instant {
                text: text.to_owned()
            }
        );
        assert!(error.to_string().ends_with("such as 2026-12-01T09:00:00+05:30"));
    }
}
