//! Times for the ledger: our wall clock's, set back by as much as it was last seen ahead of the provider's.
//!
//! A key's 23 hours count from the stamp of its first attempt. A clock that is ahead when a batch is sent, and right when
//! it is asked about, would end them late, and a probe could be a second send. A clock that is behind ends them early,
//! which is safe. The comparison comes with the first answer that has a `Date`: a run's first batch is stamped without.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};

/// `Date` has whole seconds, and an answer is on its way for a while: so much is no lead.
const LEAD_IGNORED_SECONDS: i64 = 5;

/// How far our clock is ahead of the provider's.
#[derive(Default)]
pub(super) struct Lead(Cell<SignedDuration>);

impl Lead {
    /// Takes an answer's `Date`, in seconds since 1970, that came now by our clock.
    pub(super) fn observe(&self, now: Timestamp, provider: Option<i64>) {
        if let Some(date) = provider {
            let seconds = now.as_second().saturating_sub(date);
            let lead = if seconds > LEAD_IGNORED_SECONDS {
                seconds
            } else {
                0
            };
            self.0.set(SignedDuration::from_secs(lead));
        }
    }

    /// The stamp for what happens now.
    pub(super) fn taken_off(&self, now: Timestamp) -> Timestamp {
        now.saturating_sub(self.0.get()).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_set_back_and_one_behind_is_left() {
        let now: Timestamp = "2026-11-21T12:00:00.25Z".parse().unwrap();
        let lead = Lead::default();
        let check = |provider: Option<&str>, stamp: &str| {
            lead.observe(
                now,
                provider.map(|date| date.parse::<Timestamp>().unwrap().as_second()),
            );
            assert_eq!(
                lead.taken_off(now),
                stamp.parse::<Timestamp>().unwrap(),
                "{provider:?}"
            );
        };
        check(None, "2026-11-21T12:00:00.25Z");
        check(Some("2026-11-21T11:59:55Z"), "2026-11-21T12:00:00.25Z");
        check(Some("2026-11-21T11:59:54Z"), "2026-11-21T11:59:54.25Z");
        check(Some("2026-11-20T11:00:00Z"), "2026-11-20T11:00:00.25Z");
        // The last word counts; an answer without a date says nothing.
        check(None, "2026-11-20T11:00:00.25Z");
        check(Some("2026-11-22T12:00:00Z"), "2026-11-21T12:00:00.25Z");
    }
}
