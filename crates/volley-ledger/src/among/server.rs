//! The server as the thread has it: a connection, and its clock against ours.
//!
//! Not here: when to connect again.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Start;
use super::clocks::Clocks;
use crate::database::{self, Connection};
use crate::place::Place;
use crate::postgres::{Address, Patience, Session, Use};
use crate::{CampaignId, LedgerError, RunId};

/// See the module.
pub(super) struct Server {
    address: Address,
    patience: Patience,
    pub(super) place: Place,
    /// The run that asks, and its campaign.
    pub(super) campaign: CampaignId,
    pub(super) run: RunId,
    pub(super) connection: Connection,
    pub(super) clocks: Clocks,
}

impl Server {
    pub(super) fn connect(start: &Start) -> Result<Self, LedgerError> {
        let place = Place::on_server(&start.address.to_string());
        let (connection, clocks) = connect(&start.address, &start.patience, &place)?;
        Ok(Self {
            address: start.address.clone(),
            patience: start.patience.clone(),
            place,
            campaign: start.campaign,
            run: start.run,
            connection,
            clocks,
        })
    }

    /// By another connection.
    pub(super) fn connect_again(&mut self) -> Result<(), LedgerError> {
        let (connection, clocks) = connect(&self.address, &self.patience, &self.place)?;
        (self.connection, self.clocks) = (connection, clocks);
        Ok(())
    }

    pub(super) fn patience(&self) -> &Patience {
        &self.patience
    }

    /// After how long without a sign of life this run counts as dead.
    pub(super) fn silence(&self) -> Duration {
        self.address.silence()
    }

    /// What its clock says.
    pub(super) fn time(&self) -> database::Result<Timestamp> {
        let now = self
            .connection
            .query_row("SELECT server_time()", [], |row| row.get(0))?;
        Ok(Timestamp::from_microsecond(now).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    pub(super) fn failed(&self, step: &'static str, error: database::Error) -> LedgerError {
        LedgerError::database(&self.place.ledger, step, error)
    }

    /// That this run lives no more, for the server.
    pub(super) fn buried(&self) -> LedgerError {
        LedgerError::Buried {
            path: self.place.ledger.clone(),
            run: self.run,
        }
    }
}

/// A connection, and the server's clock against ours.
fn connect(
    address: &Address,
    patience: &Patience,
    place: &Place,
) -> Result<(Connection, Clocks), LedgerError> {
    let failed = |error| LedgerError::database(&place.ledger, "connecting", error);
    let session =
        Session::connect(address, Use::Write, patience.clone()).map_err(|error| failed(error.into()))?;
    let connection = Connection::Postgres(session);
    let asked = Instant::now();
    let told = connection
        .query_row("SELECT server_time()", [], |row| row.get(0))
        .map_err(failed)?;
    Ok((connection, Clocks::new(asked, told, Instant::now())))
}
