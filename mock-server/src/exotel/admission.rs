//! Who comes in: the credentials, then the account's requests of this minute.
//!
//! *Sources*: "HTTP status codes" and the introduction to the voice APIs: 200 requests a minute, then 429. That a minute
//! begins with its first request, that `Retry-After` goes along, and that refused requests count, is *assumed*.

use http::HeaderMap;
use jiff::Timestamp;

use super::credentials;
use super::refusal::Refusal;
use crate::mock::Mock;

const MINUTE_SECONDS: i64 = 60;

/// The requests of a minute.
#[derive(Debug, Default)]
pub(super) struct Visits {
    began: Option<Timestamp>,
    count: u32,
}

impl Visits {
    /// Counts a request; gives the seconds to wait if it is one too many.
    fn count(&mut self, per_minute: u32, now: Timestamp) -> Result<(), u64> {
        let passed = self.began.map(|began| now.duration_since(began).as_secs());
        let seconds = if let Some(seconds @ 0..MINUTE_SECONDS) = passed {
            seconds
        } else {
            // A clock that goes back begins a new minute, too.
            self.began = Some(now);
            self.count = 0;
            0
        };
        self.count = self.count.saturating_add(1);
        if self.count > per_minute {
            return Err(u64::try_from(MINUTE_SECONDS - seconds).unwrap_or(1));
        }
        Ok(())
    }
}

/// Lets a request to this account in, or not.
pub(super) fn admit(mock: &Mock, sid: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let config = &mock.config.exotel;
    credentials::verify(&config.accounts, sid, headers)?;
    let per_minute = config.requests_per_minute;
    if per_minute == 0 {
        return Ok(());
    }
    let mut state = mock.state();
    let account = state.exotel.by_sid.entry_ref(sid).or_default();
    let counted = account.visits.count(per_minute, mock.clock.wall());
    counted.map_err(|seconds| Refusal::too_many_requests(per_minute, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_requests_and_ends() {
        let mut visits = Visits::default();
        let mut check = |second: i64, expected: Result<(), u64>| {
            let now = Timestamp::from_second(1_000_000 + second).expect("an instant");
            assert_eq!(visits.count(2, now), expected, "{second}");
        };
        check(0, Ok(()));
        check(10, Ok(()));
        check(10, Err(50));
        check(59, Err(1));
        check(60, Ok(()));
        check(61, Ok(()));
        check(62, Err(58));
        check(-5, Ok(()));
    }
}
