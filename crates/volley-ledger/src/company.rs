//! A run that has begun, in the company of others: the limits are agreed on, what nobody asks about is taken up, and the thread
//! that speaks with the others is started. In a file there are no others.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::among::Start;
use crate::database::{self, Connection};
use crate::doubts::{self, Which};
use crate::ledger::Hold;
use crate::postgres::Patience;
use crate::postgres::claims::Claimant;
use crate::postgres::workers::{self, Common};
use crate::{
    Among, AmongThread, BatchId, Entry, Ledger, LedgerError, Neighbours, OpenDoubt, RunLimits, Terms,
};

/// What a run has of those that send the same campaign at once.
#[derive(Debug)]
pub struct Company {
    /// To speak with them.
    pub among: Among,
    /// Its thread.
    pub thread: AmongThread,
    /// To ask whose a number is.
    pub neighbours: Neighbours,
    /// The doubts of dead runs, which are this one's to ask about.
    pub doubts: Vec<OpenDoubt>,
}

impl Ledger {
    /// On what terms the next run sends, for those who share the ledger to agree on: told before the run is
    /// [entered](Self::enter). In a file it is of no account.
    pub fn agree_on(&mut self, limits: RunLimits, terms: Terms) {
        self.terms = terms;
        self.common = Some(Common {
            limits,
            batch_size: terms.batch_size,
            max_cost: terms.max_cost,
        });
    }

    /// Joins those that send the campaign at once; `None` in a file, where a run is alone.
    ///
    /// # Errors
    /// The server fails.
    pub fn join(
        &mut self,
        entry: &Entry,
        limits: &RunLimits,
        now: Timestamp,
    ) -> Result<Option<Company>, LedgerError> {
        let terms = self.terms;
        let Hold::Among(address) = &self.hold else {
            return Ok(None);
        };
        let address = address.clone();
        let (simulated, taken) = self.transact("taking up doubts", now, |connection, place| {
            take_up(connection, entry)
                .map_err(|error| LedgerError::database(&place.ledger, "taking up doubts", error))
        })?;
        let mut open = Vec::new();
        for batch in taken.iter().copied() {
            open.extend(doubts::open(&self.connection, &self.place, Which::One(batch))?);
        }
        let patience = Patience::at_work(address.silence(), self.hurry.clone());
        let claimant = Claimant {
            campaign: entry.campaign,
            message: entry.message,
            retry_refused: terms.retry_refused,
        };
        let neighbours = Neighbours::connect(&address, claimant, patience.clone(), &self.place.ledger)?;
        let (among, thread) = Among::start(Start {
            address,
            patience,
            campaign: entry.campaign,
            run: entry.run,
            limits: *limits,
            committed: Arc::clone(&self.committed),
            doubts: (!simulated).then(|| taken.into_iter().collect()),
        })?;
        Ok(Some(Company {
            among,
            thread,
            neighbours,
            doubts: open,
        }))
    }

    /// The numbers of a batch, rising.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn members(&self, batch: BatchId) -> Result<Vec<volley_model::Msisdn>, LedgerError> {
        let path = &self.place.ledger;
        match crate::queries::batch(&self.connection, path, batch)? {
            Some(row) => crate::queries::members(&self.connection, path, &row),
            None => Ok(Vec::new()),
        }
    }
}

/// Whether the run is one in simulation mode, and the doubts that it has taken up: then none, since to ask may reach people.
fn take_up(connection: &Connection, entry: &Entry) -> database::Result<(bool, Vec<BatchId>)> {
    let query = "SELECT simulated FROM run WHERE id = ?1";
    let simulated: bool = connection.query_row(query, [entry.run], |row| row.get(0))?;
    let taken = match connection.postgres() {
        Some(session) if !simulated => {
            workers::take_up_doubts(session, entry.campaign, entry.run, &HashSet::new())?
        }
        _ => Vec::new(),
    };
    Ok((simulated, taken))
}
