//! The runs of a campaign that are under way at once: which of them live, and what follows from it.
//!
//! A run lives until it has told its end or is fenced. Before it begins it waits for its [`turn`] and finds an [`agreement`] with
//! those that send already. It beats; whoever sees its beat stand still for too long declares its [`death`], and what it had
//! intended is in doubt, for others to settle: who is [`asking`] about a doubt is one run at a time. A word of the operator wants
//! the campaign [`at_rest`].
//! Not here: who watches, and when (`among`).

mod agreement;
mod asking;
mod at_rest;
mod death;
mod turn;

use std::time::Duration;

pub(crate) use agreement::Common;
pub(crate) use asking::{is_to_be_asked_about, leave_doubt, left_to_others, take_up_doubts, taken_up};
pub(crate) use at_rest::{refuse_any_living, refuse_living};
pub(crate) use death::{bury, conclude_left_by_dead};
pub(crate) use turn::{enter_alone, stay_alone, wait_for};

use crate::database::{self, Connection, params};
use crate::{CampaignId, RunId};

/// Of a run's row: it may still write.
pub(crate) const LIVES: &str = "ended_at IS NULL AND fenced_at IS NULL";
/// It may write no more, for good: a statement that has waited for a lock may go by this, where it sees rows as they were when it
/// began. Of a run that has begun since it would say that none lives.
pub(crate) const IS_OVER: &str = "(ended_at IS NOT NULL OR fenced_at IS NOT NULL)";

/// A run that is under way, and the beat that was last seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Living {
    pub(crate) run: RunId,
    pub(crate) beat: i64,
    /// For how long that may stand still. The run itself goes by it, too, before it hands anything over.
    pub(crate) silence: Duration,
}

/// The runs of a campaign that are under way, without this one.
pub(crate) fn living(
    connection: &Connection,
    campaign: CampaignId,
    but: RunId,
) -> database::Result<Vec<Living>> {
    let query =
        format!("SELECT id, beat, silence FROM run WHERE campaign = ?1 AND id <> ?2 AND {LIVES} ORDER BY id");
    let mut statement = connection.prepare_cached(&query)?;
    let found = statement.query_map(params![campaign, but], |row| {
        Ok(Living {
            run: row.get(0)?,
            beat: row.get(1)?,
            silence: Duration::from_micros(row.get(2)?),
        })
    })?;
    found.collect()
}
