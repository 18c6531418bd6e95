//! A look at a ledger without its lock, while another process may be writing it: for what only looks.
//!
//! Bounds: a reader sees whole commits only, and each question one moment.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use crate::database::Connection;
use jiff::Timestamp;
use volley_model::Msisdn;

use crate::doubts::{self, Which};
use crate::ledger::{marks, misfit, server};
use crate::place::Place;
use crate::postgres::Address;
use crate::report::{self, CampaignReport};
use crate::schema::Format;
use crate::{
    BatchRecord, CampaignId, CampaignIdentity, Changes, Draft, Known, LedgerError, ListCampaign,
    ListCampaignId, MessageId, Numbers, OpenDoubt, Spending, StoredMembers, Ticketed,
};
use crate::{
    campaign, export, filesystem, list_campaigns, lock, lookup, pricing, queries, schema, suppress, withdraw,
};

/// See the module.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    place: Place,
}

/// A ledger's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFound {
    /// PostgreSQL's version, as it says itself.
    pub version: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The format of the ledger.
    pub format: u32,
}

impl Reader {
    /// Opens an existing ledger; never makes or changes one, nor brings it to another format.
    ///
    /// # Errors
    /// [`Missing`](LedgerError::Missing), [`Foreign`](LedgerError::Foreign), [`Newer`](LedgerError::Newer),
    /// [`NetworkFileSystem`](LedgerError::NetworkFileSystem), [`Storage`](LedgerError::Storage).
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if Address::is_one(path) {
            let (connection, place) = server::look(path)?;
            return Ok(Self { connection, place });
        }
        let place = Place::at(path)?;
        if !place.has_ledger()? {
            return Err(place.missing());
        }
        filesystem::refuse_network(&place)?;
        schema::check_marks(&place)?;
        let connection = schema::connect_to_read(&place.ledger)?;
        schema::format(&connection, &place.ledger)?;
        Ok(Self { connection, place })
    }

    /// Where it lies: a file, symbolic links resolved, or a server's address without its password.
    pub fn path(&self) -> &Path {
        &self.place.ledger
    }

    /// What it runs on; `None` for a file.
    ///
    /// # Errors
    /// The server cannot be asked.
    pub fn server(&self) -> Result<Option<ServerFound>, LedgerError> {
        if self.connection.postgres().is_none() {
            return Ok(None);
        }
        let query = "SELECT current_setting('server_version'), \
            coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false), (SELECT format FROM ledger)";
        let found = self.connection.query_row(query, [], |row| {
            Ok(ServerFound {
                version: row.get(0)?,
                tls: row.get(1)?,
                format: row.get(2)?,
            })
        });
        found
            .map(Some)
            .map_err(|error| LedgerError::database(&self.place.ledger, "asking the server what it is", error))
    }

    /// Whether a ledger may be made where none is: nothing shows that there was one.
    ///
    /// # Errors
    /// [`Displaced`](LedgerError::Displaced) where files of a ledger are left that itself is gone, and everything that
    /// [`open`](Self::open) reports of places.
    pub fn may_be_made(path: &Path) -> Result<(), LedgerError> {
        if Address::is_one(path) {
            // A server's administrator drops a schema on purpose.
            return Ok(());
        }
        let place = Place::at(path)?;
        filesystem::refuse_network(&place)?;
        let left = if place.has_lock()? {
            Some(place.lock.as_path())
        } else {
            place.leftover()?
        };
        left.map_or(Ok(()), |left| {
            let detail = format!("the ledger is gone, and {} is here", left.display());
            Err(LedgerError::displaced(&place.ledger, detail))
        })
    }

    /// Whether it is the ledger that was left here, as its lock file remembers: what [`open`](crate::Ledger::open) would
    /// say of that. The lock is not taken.
    ///
    /// # Errors
    /// [`Displaced`](LedgerError::Displaced) for one whose lock file is gone or garbled, for a copy, and for one that was
    /// exchanged or rolled back; or a file cannot be read.
    pub fn is_as_left(&self) -> Result<(), LedgerError> {
        if self.connection.postgres().is_some() {
            return Ok(());
        }
        // Read before the database: a writer notes a commit behind it, so that what it notes is never ahead.
        let memory = lock::recall(&self.place)?;
        let marks = marks(&self.connection, &self.place.ledger)?;
        match misfit(memory.as_ref(), &marks, self.place.inode()?) {
            None => Ok(()),
            Some(detail) => Err(LedgerError::displaced(&self.place.ledger, detail)),
        }
    }

    /// The names of all campaigns, oldest first.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn campaigns(&self) -> Result<Vec<String>, LedgerError> {
        campaign::names(&self.connection)
            .map_err(|error| LedgerError::database(&self.place.ledger, "listing campaigns", error))
    }

    /// The campaign of that name.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn campaign(&self, name: &str) -> Result<Option<CampaignId>, LedgerError> {
        campaign::find(&self.connection, name)
            .map_err(|error| LedgerError::database(&self.place.ledger, "looking the campaign up", error))
    }

    /// What [`enter`](crate::Ledger::enter) would say of a campaign.
    ///
    /// # Errors
    /// As there.
    pub fn compare(&self, identity: &CampaignIdentity, changes: Changes) -> Result<Known, LedgerError> {
        campaign::compare(&self.connection, &self.place.ledger, identity, changes)
    }

    /// The campaign's wording with these parts; `None` for one that it never had.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn message(
        &self,
        campaign: CampaignId,
        parts: &[(String, String)],
    ) -> Result<Option<MessageId>, LedgerError> {
        campaign::message(&self.connection, campaign, parts)
            .map_err(|error| LedgerError::database(&self.place.ledger, "looking the message up", error))
    }

    /// See [`Ledger::standing`](crate::Ledger::standing).
    ///
    /// # Errors
    /// As there.
    pub fn standing(
        &self,
        campaign: CampaignId,
        each: &mut dyn FnMut(StoredMembers<'_>),
    ) -> Result<(), LedgerError> {
        queries::standing(&self.connection, &self.place.ledger, campaign, each)
    }

    /// See [`Ledger::spending`](crate::Ledger::spending).
    ///
    /// # Errors
    /// As there.
    pub fn spending(&self, campaign: CampaignId) -> Result<Spending, LedgerError> {
        queries::spending(&self.connection, &self.place.ledger, campaign)
    }

    /// The batches without a definite outcome, of one campaign or of all, oldest first. A name that no campaign has gives
    /// an empty list.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn doubts(&self, campaign: Option<&str>) -> Result<Vec<OpenDoubt>, LedgerError> {
        self.find(campaign, doubts::open)
    }

    /// The batches that were sent and whose ticket is not known, as [`doubts`](Self::doubts).
    ///
    /// # Errors
    /// As there.
    pub fn unticketed(&self, campaign: Option<&str>) -> Result<Vec<OpenDoubt>, LedgerError> {
        self.find(campaign, doubts::unticketed)
    }

    /// See [`Ledger::absentees`](crate::Ledger::absentees).
    ///
    /// # Errors
    /// As there.
    pub fn absentees(
        &self,
        campaign: Option<&str>,
        absent_for: Duration,
    ) -> Result<Vec<OpenDoubt>, LedgerError> {
        self.find(campaign, |moment, place, which| {
            lookup::absentees(moment, place, which, absent_for)
        })
    }

    fn find(
        &self,
        campaign: Option<&str>,
        question: impl FnOnce(&Connection, &Place, Which) -> Result<Vec<OpenDoubt>, LedgerError>,
    ) -> Result<Vec<OpenDoubt>, LedgerError> {
        let path = &self.place.ledger;
        let failed = |error| LedgerError::database(path, "reading doubts", error);
        // One moment for batches and their attempts, while another process may be writing.
        let moment = self.connection.moment().map_err(failed)?;
        match doubts::named(&moment, path, campaign)? {
            Some(which) => question(&moment, &self.place, which),
            None => Ok(Vec::new()),
        }
    }

    /// Totals, tickets, costs, runs and doubts of one campaign, or of all, oldest first. A name that no campaign has
    /// gives an empty list.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn report(&self, name: Option<&str>) -> Result<Vec<CampaignReport>, LedgerError> {
        report::campaigns(&self.connection, &self.place.ledger, name)
    }

    /// Every batch of the campaign of that name, or of all, oldest first, with its numbers where they are wanted and have not
    /// been erased; until `each` has enough. A name that no campaign has gives none.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails; batches may have been told by then.
    pub fn export(
        &self,
        name: Option<&str>,
        numbers: Numbers,
        each: &mut dyn FnMut(&BatchRecord, &[Msisdn]) -> ControlFlow<()>,
    ) -> Result<(), LedgerError> {
        export::batches(&self.connection, &self.place.ledger, name, numbers, each)
    }

    /// See [`Ledger::suppressed`](crate::Ledger::suppressed).
    ///
    /// # Errors
    /// As there.
    pub fn suppressed(&self, each: &mut dyn FnMut(Msisdn, Timestamp)) -> Result<(), LedgerError> {
        let failed = |error| LedgerError::database(&self.place.ledger, "reading the suppression list", error);
        // One moment for the list and its sum, while another process may be writing.
        let moment = self.connection.moment().map_err(failed)?;
        suppress::all(&moment, &self.place.ledger, each)
    }

    /// See [`Ledger::ticketed`](crate::Ledger::ticketed).
    ///
    /// # Errors
    /// As there.
    pub fn ticketed(&self, ticket: &str) -> Result<Vec<Ticketed>, LedgerError> {
        let failed = |error| LedgerError::database(&self.place.ledger, "looking the ticket up", error);
        // One moment for batches and their campaigns, while another process may be writing.
        let moment = self.connection.moment().map_err(failed)?;
        withdraw::ticketed(&moment, &self.place.ledger, ticket)
    }

    /// See [`Ledger::unpriced`](crate::Ledger::unpriced).
    ///
    /// # Errors
    /// As there.
    pub fn unpriced(&self, provider: &str, campaign: Option<&str>) -> Result<Vec<Ticketed>, LedgerError> {
        let failed = |error| LedgerError::database(&self.place.ledger, "looking for prices", error);
        // One moment for batches and their campaigns, while another process may be writing.
        let moment = self.connection.moment().map_err(failed)?;
        pricing::unpriced(&moment, &self.place.ledger, provider, campaign)
    }

    /// The campaigns on lists and tags, oldest first; none in a ledger of format 1.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn list_campaigns(&self) -> Result<Vec<ListCampaign>, LedgerError> {
        if self.is_first()? {
            return Ok(Vec::new());
        }
        list_campaigns::all(&self.connection, &self.place.ledger)
    }

    /// See [`Ledger::list_campaign`](crate::Ledger::list_campaign).
    ///
    /// # Errors
    /// As there.
    pub fn list_campaign(
        &self,
        provider: &str,
        account: &str,
        ticket: &str,
    ) -> Result<Option<ListCampaign>, LedgerError> {
        if self.is_first()? {
            return Ok(None);
        }
        list_campaigns::one(&self.connection, &self.place.ledger, provider, account, ticket)
    }

    /// Whether the ledger has format 1, still: asked each time, since a writer may bring it on meanwhile.
    fn is_first(&self) -> Result<bool, LedgerError> {
        Ok(schema::format(&self.connection, &self.place.ledger)? == Format::First)
    }

    /// What the recipients of a campaign on a list or tag get: key and value of each part; empty where it was made
    /// elsewhere.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn list_campaign_message(&self, id: ListCampaignId) -> Result<Vec<(String, String)>, LedgerError> {
        list_campaigns::parts(&self.connection, &self.place.ledger, id)
    }

    /// A campaign of the same message to the same audience of that account whose order may have been followed: it is being
    /// sent, or in doubt. Whoever makes another one may reach everybody twice.
    ///
    /// # Errors
    /// The ledger cannot be read, or a checksum fails.
    pub fn doubtful_like(&self, draft: &Draft) -> Result<Option<ListCampaign>, LedgerError> {
        if self.is_first()? {
            return Ok(None);
        }
        list_campaigns::doubtful_like(&self.connection, &self.place.ledger, draft)
    }

    /// What does not add up, one line a fault; empty in a sound ledger.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn conservation(&self) -> Result<Vec<String>, LedgerError> {
        let faults = report::faults(&self.connection, &self.place.ledger)?;
        Ok(faults
            .into_iter()
            .map(|(place, fault)| format!("{place}: {fault}"))
            .collect())
    }
}
