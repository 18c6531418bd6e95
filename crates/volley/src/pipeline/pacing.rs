//! When a request may go: by a bucket of this process's own, or by tokens that all who send the campaign lease from one row.
//!
//! A leased token is for one moment: it is waited for, and used within a few milliseconds, or it is void and another is leased.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use volley_ledger::{Among, Uptime};
use volley_transport::{Limit, Pace};

/// How early [`Pacing::approach`] returns (guarantee, "Intent, pace, in flight").
const APPROACH: Duration = Duration::from_millis(20);
/// An intent is not begun earlier than that for a server that takes longer: it would be in doubt after a crash.
const COMMIT_MAX: Duration = Duration::from_millis(250);
/// After so many tokens in a row that were void before they could be used it is told.
const VOID_TOLD: u32 = 20;
/// And after so long the run ends: as for a server that is away.
const VOID_FOR: Duration = Duration::from_mins(5);
/// Tokens that are leased one after another are not further apart: at low rates the distance is longer, and no turn is missed by a way of
/// milliseconds.
const VOID_GAP: Duration = Duration::from_secs(30);

/// See the module.
pub(super) enum Pacing {
    /// Nobody else sends the campaign.
    Own(Pace),
    Shared(SharedPace),
}

/// The pace of all who send the campaign.
pub(super) struct SharedPace {
    among: Among,
    /// The distance of two requests.
    spacing: Duration,
    /// When the next token is due, about, as the last lease told.
    next: Cell<Instant>,
    /// Who waits for a token here.
    waiting: Cell<u32>,
    cool_until: Cell<Option<Instant>>,
    limit: Cell<Limit>,
    /// How long an intent takes to become durable, about.
    commit: Cell<Duration>,
    voids: Cell<Voids>,
}

/// Nothing could be sent for [`VOID_FOR`]: each token was void before it could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFar;

impl TooFar {
    pub(super) const WHY: &str = "for five minutes the ledger's server, or this machine, took so long that each turn was over before it could be \
        used; the server must answer within 50 ms";
}

/// Tokens in a row that were void before they could be used.
#[derive(Debug, Clone, Copy, Default)]
struct Voids {
    tokens: u32,
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Voids {
    /// One more, at this moment. Where none was leased for a while, in a cool-down or without the server, they begin anew.
    fn add(&mut self, now: Instant) -> Result<(), TooFar> {
        if self.last.is_some_and(|last| now - last > VOID_GAP) {
            *self = Self::default();
        }
        self.last = Some(now);
        self.tokens += 1;
        let since = *self.since.get_or_insert(now);
        if now - since >= VOID_FOR {
            return Err(TooFar);
        }
        if self.tokens.is_multiple_of(VOID_TOLD) {
            tracing::warn!(
                tokens = self.tokens,
                "nothing can be sent: the ledger's server, or this machine, takes so long that each turn is over before it can be used; \
                 the server must answer within 50 ms"
            );
        } else {
            tracing::debug!("a token was void before it could be used");
        }
        Ok(())
    }
}

impl Pacing {
    pub(super) fn shared(among: Among, requests_per_second: f64) -> Self {
        Self::Shared(SharedPace {
            among,
            spacing: Duration::try_from_secs_f64(1.0 / requests_per_second).unwrap_or(Duration::MAX),
            next: Cell::new(Instant::now()),
            waiting: Cell::new(0),
            cool_until: Cell::new(None),
            limit: Cell::new(Limit::None),
            commit: Cell::default(),
            voids: Cell::default(),
        })
    }

    /// Returns when a token is at most 20 ms away for a caller that would arrive now, as far as is known; on a server, 20 ms and what
    /// an intent takes to become durable. Takes nothing.
    pub(super) async fn approach(&self, recipients: u32) {
        match self {
            Self::Own(pace) => pace.approach(recipients).await,
            Self::Shared(pace) => pace.approach().await,
        }
    }

    /// An intent took so long to become durable: how long one takes, about, where that is the way to a server and back, many times over.
    pub(super) fn note_commit(&self, took: Duration) -> Duration {
        let Self::Shared(pace) = self else {
            return Duration::ZERO;
        };
        let commit = (pace.commit.get() * 3 + took.min(COMMIT_MAX)) / 4;
        pace.commit.set(commit);
        commit
    }

    /// Takes what a request to so many recipients needs, and returns at the moment it may go.
    pub(super) async fn token(&self, recipients: u32) -> Result<(), TooFar> {
        match self {
            Self::Own(pace) => {
                pace.token(recipients).await;
                Ok(())
            }
            Self::Shared(pace) => pace.token(recipients).await,
        }
    }

    /// Makes everybody wait at least that long from now.
    pub(super) fn cool_down(&self, for_: Duration) {
        match self {
            Self::Own(pace) => pace.cool_down(for_),
            Self::Shared(pace) => {
                pace.cool_until(Instant::now() + for_);
                pace.among.cool_down(for_);
            }
        }
    }

    /// What made the latest token wait.
    pub(super) fn waiting_for(&self) -> Limit {
        match self {
            Self::Own(pace) => pace.waiting_for(),
            Self::Shared(pace) if pace.is_cooling() => Limit::CoolDown,
            Self::Shared(pace) => pace.limit.get(),
        }
    }

    /// Another who sends the campaign was told to wait until then.
    pub(super) fn hear_of_cool_down(&self, until: Instant) {
        if let Self::Shared(pace) = self {
            pace.cool_until(until);
        }
    }
}

impl SharedPace {
    async fn approach(&self) {
        loop {
            let mut due = self.next.get() + self.spacing * self.waiting.get();
            if let Some(until) = self.cool_until.get() {
                due = due.max(until);
            }
            let now = Instant::now();
            let ahead = APPROACH + self.commit.get();
            if due <= now + ahead {
                return;
            }
            // What was heard of it may change meanwhile.
            sleep_until((due - ahead).min(now + Duration::from_secs(1))).await;
        }
    }

    async fn token(&self, recipients: u32) -> Result<(), TooFar> {
        let _waiting = Waiting::join(&self.waiting);
        let asked = Instant::now();
        loop {
            let Ok(token) = self.among.lease(recipients).await else {
                // The run must end, and hears of it by the news.
                return std::future::pending().await;
            };
            self.next.set(token.next.into());
            sleep_until(token.due.into()).await;
            let now = Instant::now();
            if token.is_void(now.into_std(), Uptime::now()) {
                let mut voids = self.voids.get();
                let far = voids.add(now);
                self.voids.set(voids);
                far?;
                continue;
            }
            self.voids.take();
            if !self.is_cooling() {
                self.limit.set(if now - asked <= APPROACH {
                    Limit::None
                } else if token.put_off_by_recipients {
                    Limit::RecipientsPerSecond
                } else {
                    Limit::RequestsPerSecond
                });
                return Ok(());
            }
        }
    }

    fn cool_until(&self, until: Instant) {
        self.cool_until.set(self.cool_until.get().max(Some(until)));
    }

    fn is_cooling(&self) -> bool {
        self.cool_until.get().is_some_and(|until| until > Instant::now())
    }
}

/// One who waits, for as long as it does.
struct Waiting<'a>(&'a Cell<u32>);

impl<'a> Waiting<'a> {
    fn join(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_minutes_of_void_tokens_are_too_far() {
        let begun = Instant::now();
        let mut voids = Voids::default();
        for second in 0..300 {
            assert_eq!(voids.add(begun + Duration::from_secs(second)), Ok(()));
        }
        assert_eq!(voids.add(begun + VOID_FOR), Err(TooFar));
    }

    #[test]
    fn void_tokens_before_and_after_a_long_cool_down_are_no_row() {
        let begun = Instant::now();
        let mut voids = Voids::default();
        for minute in [0, 6, 12] {
            assert_eq!(voids.add(begun + Duration::from_mins(minute)), Ok(()));
        }
    }
}
