//! What dead runs left: the doubts that this run takes up, and tells of once.
//!
//! Not here: which those are (`postgres/workers/asking.rs`), and what is done about them.

use std::collections::HashSet;

use tokio::sync::mpsc::UnboundedSender;
use volley_model::Msisdn;

use super::server::Server;
use crate::doubts::{self, Which};
use crate::postgres::workers;
use crate::{BatchId, LedgerError, OpenDoubt, queries};

/// A doubt that a dead run left.
#[derive(Debug, Clone)]
pub struct Left {
    /// The doubt.
    pub doubt: OpenDoubt,
    /// Its numbers, rising.
    pub members: Vec<Msisdn>,
}

/// Whether a run has asked about a doubt that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Once, and it is one still.
    Yes,
    /// It may not, or cannot: others may.
    No,
}

/// What this run takes up.
pub(super) struct TakenUp {
    /// The doubts that it has taken up already; `None` if it is to take up none.
    had: Option<HashSet<BatchId>>,
    /// Whether the answer to a statement may have been lost, so that the server has taken up doubts of which nothing was heard.
    may_have_taken: bool,
    left: UnboundedSender<Left>,
}

impl TakenUp {
    pub(super) fn new(had: Option<HashSet<BatchId>>, left: UnboundedSender<Left>) -> Self {
        Self {
            had,
            may_have_taken: false,
            left,
        }
    }

    /// The connection is another one.
    pub(super) fn came_back(&mut self) {
        self.may_have_taken = true;
    }

    /// Takes up what there is by now.
    pub(super) fn take_up(&mut self, server: &Server) -> Result<(), LedgerError> {
        let (Some(had), Some(session)) = (&self.had, server.connection.postgres()) else {
            return Ok(());
        };
        let taken = if self.may_have_taken {
            workers::taken_up(session, server.run)
        } else {
            workers::take_up_doubts(session, server.campaign, server.run, had)
        };
        let taken = taken.map_err(|error| server.failed("taking up doubts", error))?;
        self.may_have_taken = false;
        for batch in taken {
            self.tell_of(server, batch)?;
        }
        Ok(())
    }

    /// Tells of a doubt that was taken up, once.
    fn tell_of(&mut self, server: &Server, batch: BatchId) -> Result<(), LedgerError> {
        let is_new = self.had.as_ref().is_some_and(|had| !had.contains(&batch));
        let path = &server.place.ledger;
        let Some(row) = queries::batch(&server.connection, path, batch)?.filter(|_| is_new) else {
            return Ok(());
        };
        let members = queries::members(&server.connection, path, &row)?;
        for doubt in doubts::open(&server.connection, &server.place, Which::One(batch))? {
            let members = members.clone();
            // Where nobody listens any more the run ends, and the next one takes it up.
            drop(self.left.send(Left { doubt, members }));
        }
        if let Some(had) = &mut self.had {
            had.insert(batch);
        }
        Ok(())
    }
}
