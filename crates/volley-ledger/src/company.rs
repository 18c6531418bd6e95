//! A run that has begun, in the company of others: the limits are agreed on, what nobody asks about is taken up, and the thread
//! that speaks with the others is started. In a file there are no others.

use jiff::Timestamp;

use crate::among::Start;
use crate::database::{Connection, params};
use crate::doubts::{self, Which};
use crate::ledger::Hold;
use crate::place::Place;
use crate::postgres::claims::Claimant;
use crate::postgres::workers::{self, Common};
use crate::postgres::{Address, Session, Use};
use crate::{
    Among, AmongThread, BatchId, Entry, Ledger, LedgerError, Neighbours, OpenDoubt, RunLimits, Terms,
    campaign,
};

const STEP: &str = "agreeing on limits";

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
    /// Agrees with those that send the campaign already, and joins them; `None` in a file, where a run is alone.
    ///
    /// # Errors
    /// [`OtherLimits`](LedgerError::OtherLimits), and then the run has ended; or the server fails.
    pub fn join(
        &mut self,
        entry: &Entry,
        limits: &RunLimits,
        terms: Terms,
        now: Timestamp,
    ) -> Result<Option<Company>, LedgerError> {
        self.terms = terms;
        let Hold::Among(address) = &self.hold else {
            return Ok(None);
        };
        let address = address.clone();
        let common = Common {
            limits: *limits,
            batch_size: terms.batch_size,
            max_cost: terms.max_cost,
        };
        self.agree(&common, entry, now)?;
        let taken = self.transact("taking up doubts", now, |connection, place| {
            workers::take_up_doubts(connection, entry.campaign, entry.run)
                .map_err(|error| LedgerError::database(&place.ledger, "taking up doubts", error))
        })?;
        let mut open = Vec::new();
        for batch in taken {
            open.extend(doubts::open(&self.connection, &self.place, Which::One(batch))?);
        }
        let neighbours = neighbours(&address, &self.place, entry, terms)?;
        let (among, thread) = Among::start(Start {
            address,
            campaign: entry.campaign,
            run: entry.run,
            limits: *limits,
        })?;
        Ok(Some(Company {
            among,
            thread,
            neighbours,
            doubts: open,
        }))
    }

    fn agree(&mut self, common: &Common, entry: &Entry, now: Timestamp) -> Result<(), LedgerError> {
        let agreed = self.transact(STEP, now, |connection, place| {
            let path = &place.ledger;
            let failed = |error| LedgerError::database(path, STEP, error);
            let name = campaign::name(connection, entry.campaign).map_err(failed)?;
            workers::enter_alone(connection, &name).map_err(failed)?;
            common.agree(connection, path, entry.campaign, entry.run)
        });
        let Err(refused @ LedgerError::OtherLimits { .. }) = agreed else {
            return agreed;
        };
        let why = refused.to_string();
        self.transact(STEP, now, |connection, place| {
            let end =
                "UPDATE run SET ended_at = ?2, outcome = 'failed', reason = ?3, exit_code = 3 WHERE id = ?1";
            connection
                .execute(end, params![entry.run, now.as_microsecond(), why])
                .map(drop)
                .map_err(|error| LedgerError::database(&place.ledger, STEP, error))
        })?;
        Err(refused)
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

fn neighbours(
    address: &Address,
    place: &Place,
    entry: &Entry,
    terms: Terms,
) -> Result<Neighbours, LedgerError> {
    let session = Session::connect(address, Use::Write);
    let session =
        session.map_err(|error| LedgerError::database(&place.ledger, "connecting", error.into()))?;
    let claimant = Claimant {
        campaign: entry.campaign,
        message: entry.message,
        retry_refused: terms.retry_refused,
    };
    Ok(Neighbours::new(
        Connection::Postgres(session),
        address.clone(),
        claimant,
        &place.ledger,
    ))
}
