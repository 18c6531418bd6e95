//! A server's clock that was set back: what the rows say is to come lies further ahead than anything that is written there, and
//! nothing would be given out until it comes.
//!
//! Such moments are of another clock, and are set anew, so that no second has more than it may, by real time. Whatever was leased
//! before is due, if it is used at all, within [`TOKEN_LIFE`] of its lease; so tokens go on from one life and one distance from
//! now, as if the last of those were due at the very end. A cool-down lasts as long as one may last at most, a trial as long as its
//! run said.
//! Bounds: a step of less than [`STEP_MIN`] is waited out. Not here: a clock set forward, which makes nobody wait.

use super::lease::AHEAD;
use super::micros;
use super::spacing::Spacing;
use super::token::TOKEN_LIFE;
use crate::CampaignId;
use crate::database::{self, Connection, params};

/// A step that is told from how far ahead the rows may be.
const STEP_MIN: i64 = 5_000_000;
/// No provider's wish is followed for longer (`Retry-After` is cut to that).
const COOL_DOWN_MAX: i64 = 15 * 60 * 1_000_000;
/// No batch has more recipients, nor had one when a doubt of it was left.
const RECIPIENTS_MAX: u32 = 5000;

/// What the rows of a campaign say, by the server's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub(super) now: i64,
    pub(super) next_request: i64,
    pub(super) cool_until: i64,
    /// When the trial began that is under way.
    pub(super) trial: Option<i64>,
}

/// How far ahead of the server's clock they may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Horizon {
    next_request: i64,
    /// From where on tokens go on, from now.
    goes_on: i64,
}

impl Horizon {
    /// A lease begins at most [`AHEAD`] from now, and but for its last request it takes as long at most.
    pub(super) fn of(spacing: Spacing) -> Self {
        let longest = spacing.takes(RECIPIENTS_MAX);
        Self {
            next_request: 2 * micros(AHEAD) + longest + STEP_MIN,
            goes_on: micros(TOKEN_LIFE) + longest,
        }
    }

    /// Whether something is further ahead.
    pub(super) fn is_before(self, moments: &Moments) -> bool {
        let Moments {
            now,
            next_request,
            cool_until,
            trial,
        } = *moments;
        next_request > now + self.next_request
            || cool_until > now + COOL_DOWN_MAX + STEP_MIN
            || trial.is_some_and(|began| began > now + STEP_MIN)
    }

    /// Sets that right, unless somebody else has.
    pub(super) fn set_right(self, connection: &Connection, campaign: CampaignId) -> database::Result<()> {
        let next_request = "UPDATE pace SET next_request_at = server_time() + ?3 \
            WHERE campaign = ?1 AND next_request_at > server_time() + ?2";
        let values = params![campaign, self.next_request, self.goes_on];
        connection.prepare_cached(next_request)?.execute(values)?;
        let cool_until = "UPDATE pace SET cool_until = server_time() + ?2 \
            WHERE campaign = ?1 AND cool_until > server_time() + ?2 + ?3";
        let values = params![campaign, COOL_DOWN_MAX, STEP_MIN];
        connection.prepare_cached(cool_until)?.execute(values)?;
        let trial = "UPDATE gate SET trial_until = server_time() + trial_for \
            WHERE campaign = ?1 AND trial_until - trial_for > server_time() + ?2";
        let values = params![campaign, STEP_MIN];
        connection.prepare_cached(trial)?.execute(values).map(drop)
    }
}
