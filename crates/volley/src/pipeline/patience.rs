//! How long an unreachable provider is tried.
//!
//! Before anything has answered in a run: three tries, since a wrong host should not take minutes to tell. Later:
//! five minutes without any answer, cool-downs not counted (guarantee, "What the wire proves").

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// Tries before anything has answered.
pub(crate) const FIRST_TRIES: u32 = 3;
const SILENCE_MAX: Duration = Duration::from_mins(5);

/// Whether to try on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Try {
    /// Once more.
    Again,
    /// No.
    Enough,
}

#[derive(Default)]
pub(crate) struct Patience {
    answered: Cell<bool>,
    tries: Cell<u32>,
    silent_since: Cell<Option<Instant>>,
    /// Until then the provider asked us to wait.
    cool_until: Cell<Option<Instant>>,
}

impl Patience {
    /// The provider answered something.
    pub(crate) fn answered(&self) {
        self.answered.set(true);
        self.silent_since.set(None);
    }

    /// Nobody was there.
    pub(crate) fn failed(&self) -> Try {
        self.tries.set(self.tries.get() + 1);
        let now = Instant::now();
        // A silence that begins within a cool-down counts from its end.
        let begins = self.cool_until.get().map_or(now, |until| until.max(now));
        let since = self.silent_since.get().unwrap_or(begins);
        self.silent_since.set(Some(since));
        let enough = if self.answered.get() {
            now.saturating_duration_since(since) > SILENCE_MAX
        } else {
            self.tries.get() >= FIRST_TRIES
        };
        if enough { Try::Enough } else { Try::Again }
    }

    /// The provider asked us to wait: that time is no silence.
    pub(crate) fn cooled_down(&self, pause: Duration) {
        self.silent_since
            .set(self.silent_since.get().map(|since| since + pause));
        let until = Instant::now() + pause;
        self.cool_until.set(self.cool_until.get().max(Some(until)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn three_tries_before_any_answer_and_five_minutes_after() {
        let patience = Patience::default();
        assert_eq!(
            (patience.failed(), patience.failed(), patience.failed()),
            (Try::Again, Try::Again, Try::Enough)
        );
        patience.answered();
        assert_eq!(patience.failed(), Try::Again);
        tokio::time::advance(SILENCE_MAX).await;
        assert_eq!(patience.failed(), Try::Again);
        patience.cooled_down(Duration::from_secs(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(patience.failed(), Try::Again, "the cool-down does not count");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(patience.failed(), Try::Enough);
        patience.answered();
        assert_eq!(patience.failed(), Try::Again);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_that_begins_within_a_cool_down_counts_from_its_end() {
        let patience = Patience::default();
        patience.answered();
        patience.cooled_down(Duration::from_mins(15));
        assert_eq!(patience.failed(), Try::Again);
        tokio::time::advance(Duration::from_mins(15)).await;
        assert_eq!(patience.failed(), Try::Again, "the cool-down does not count");
        tokio::time::advance(SILENCE_MAX + Duration::from_secs(1)).await;
        assert_eq!(patience.failed(), Try::Enough);
    }
}
