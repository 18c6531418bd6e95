//! What is heard of the others: the rows that they have written, as news for whoever sends.
//!
//! Not here: what is done about them.

use std::time::Instant;

use tokio::sync::watch;

use super::POLL;
use super::server::Server;
use super::set_back::{Horizon, Moments};
use crate::LedgerError;
use crate::database::params;
use crate::postgres::workers::LIVES;

/// What others have written.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// Nobody sends before that.
    pub cool_until: Option<Instant>,
    /// The campaign's gate.
    pub gate: GateNews,
    /// Why this run must end; the last news there are.
    pub end: Option<LedgerError>,
}

/// The gate that all who send a campaign have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateNews {
    /// Goes up whenever it closes or opens.
    pub generation: u64,
    /// Whether it is closed.
    pub closed: bool,
    /// Trials in a row that ended in doubt.
    pub trials_in_doubt: u32,
}

/// Hears, and tells what is new.
pub(super) struct Hearing {
    /// When it is time to.
    due: Instant,
    horizon: Horizon,
    news: watch::Sender<News>,
}

/// How the server's clock was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    GoesOn,
    /// Nothing was told: what the rows say was set right, and is to be heard anew.
    WasSetBack,
}

impl Hearing {
    pub(super) fn new(horizon: Horizon, news: watch::Sender<News>, now: Instant) -> Self {
        Self {
            due: now,
            horizon,
            news,
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// It is due at once.
    pub(super) fn hasten(&mut self) {
        self.due = Instant::now();
    }

    /// The last news there are.
    pub(super) fn end(&self, end: &LedgerError) {
        self.news.send_modify(|news| news.end = Some(end.clone()));
    }

    /// Hears what others have written.
    pub(super) fn hear(&mut self, server: &mut Server) -> Result<Clock, LedgerError> {
        let (moments, gate) = ask(server)?;
        if self.horizon.is_before(&moments) {
            let set_right = self.horizon.set_right(&server.connection, server.campaign);
            set_right.map_err(|error| server.failed("setting moments right", error))?;
            return Ok(Clock::WasSetBack);
        }
        self.due = Instant::now() + POLL;
        let Moments { now, cool_until, .. } = moments;
        let cool_until = (cool_until > now).then(|| server.clocks.surely_come(cool_until));
        self.news.send_if_modified(|news| {
            let changed = (news.gate, news.cool_until.is_some()) != (gate, cool_until.is_some());
            (news.gate, news.cool_until) = (gate, cool_until);
            changed
        });
        Ok(Clock::GoesOn)
    }
}

/// The rows, if this run lives.
fn ask(server: &mut Server) -> Result<(Moments, GateNews), LedgerError> {
    let query = format!(
        "SELECT server_time(), cool_until, generation, closed_at IS NOT NULL, trials_in_doubt, \
         EXISTS (SELECT FROM run WHERE id = ?2 AND {LIVES}), next_request_at, trial_until - trial_for \
         FROM pace JOIN gate ON gate.campaign = pace.campaign WHERE pace.campaign = ?1"
    );
    let asked = Instant::now();
    let heard = server
        .connection
        .prepare_cached(&query)
        .and_then(|mut statement| {
            statement.query_row(params![server.campaign, server.run], |row| {
                let gate = GateNews {
                    generation: row.get(2)?,
                    closed: row.get(3)?,
                    trials_in_doubt: row.get(4)?,
                };
                let moments = Moments {
                    now: row.get(0)?,
                    next_request: row.get(6)?,
                    cool_until: row.get(1)?,
                    trial: row.get(7)?,
                };
                Ok((moments, gate, row.get(5)?))
            })
        })
        .map_err(|error| server.failed("hearing of the others", error))?;
    let (moments, gate, lives): (Moments, GateNews, bool) = heard;
    server.clocks.narrow(asked, moments.now, Instant::now());
    if lives {
        Ok((moments, gate))
    } else {
        Err(server.buried())
    }
}
