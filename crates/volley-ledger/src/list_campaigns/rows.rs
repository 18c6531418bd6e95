//! Campaigns on lists and tags as rows: the columns in their order, written with their checksums and checked when they
//! are read, since one that turned from sent to draft would be sent again.

use std::fmt;
use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, Params, Row};
use jiff::Timestamp;
use rusqlite::types::Value;
use volley_model::{Audience, ListCampaignState};

use super::ListCampaign;
use crate::checksum;
use crate::rows::{Cursor, optional, text, time};
use crate::{LedgerError, ListCampaignId};

/// The columns of a campaign, in the order in which [`read`] takes them; the last one is the checksum of the others.
pub(crate) const COLUMNS: &str = "id, provider, account, host, ticket, audience_kind, audience_name, message_hash, \
    currency, created_at, state, reason, contacts, cost, sending_date, provider_id, intended_at, doubt_since, \
    changed_at, sum";
const INSERT: &str = "INSERT INTO list_campaign (id, provider, account, host, ticket, audience_kind, audience_name, \
    message_hash, currency, created_at, state, reason, contacts, cost, sending_date, provider_id, \
    intended_at, doubt_since, changed_at, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
    ?15, ?16, ?17, ?18, ?19, ?20)";
/// Takes the values of [`INSERT`] from [`CHANGING`] on, and the id behind them.
const UPDATE: &str = "UPDATE list_campaign SET state = ?1, reason = ?2, contacts = ?3, cost = ?4, \
    sending_date = ?5, provider_id = ?6, intended_at = ?7, doubt_since = ?8, changed_at = ?9, sum = ?10 WHERE id = ?11";
/// How many of the columns never change.
const CHANGING: usize = 10;
/// The columns of an event; the last one is the checksum of the others.
pub(crate) const EVENT_COLUMNS: &str = "list_campaign, number, at, who, was, becomes, why, sum";
const ADD_EVENT: &str = "INSERT INTO list_campaign_event (list_campaign, number, at, who, was, becomes, why, sum) \
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) campaign: ListCampaign,
    pub(super) message_hash: [u8; 32],
}

/// A change of state, as it is recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) campaign: ListCampaignId,
    pub(super) at: Timestamp,
    /// `None` for Volley itself.
    pub(super) who: Option<&'a str>,
    /// `None` where the draft was recorded.
    pub(super) was: Option<ListCampaignState>,
    pub(super) becomes: ListCampaignState,
    pub(super) why: Option<&'a str>,
}

/// Why a row cannot be taken as it is.
#[derive(Debug)]
pub(super) enum Fault {
    Unreadable(database::Error),
    Checksum,
}

/// Every campaign that `condition` selects, oldest first.
pub(super) fn select(
    connection: &Connection,
    path: &Path,
    condition: &str,
    values: impl Params,
) -> Result<Vec<Stored>, LedgerError> {
    let failed = |error| LedgerError::database(path, "reading list campaigns", error);
    let query = format!("SELECT {COLUMNS} FROM list_campaign WHERE {condition} ORDER BY id");
    let mut statement = connection.prepare(&query).map_err(failed)?;
    let mut rows = statement.query(values).map_err(failed)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let id: i64 = row.get(0).map_err(failed)?;
        found.push(read(&row).map_err(|fault| fault.at(path, id))?);
    }
    Ok(found)
}

/// The campaign with that id.
pub(super) fn by_id(
    connection: &Connection,
    path: &Path,
    id: ListCampaignId,
) -> Result<Option<Stored>, LedgerError> {
    Ok(select(connection, path, "id = ?1", [id])?.pop())
}

/// The id of a row that is about to be written. In a file nobody else writes, and rows are never deleted.
pub(crate) fn next_id(connection: &Connection) -> database::Result<ListCampaignId> {
    let next = match connection.postgres() {
        None => "SELECT coalesce(max(id), 0) + 1 FROM list_campaign",
        Some(_) => "SELECT nextval(pg_get_serial_sequence('list_campaign', 'id'))",
    };
    connection.query_row(next, [], |row| row.get(0))
}

/// Writes a new row.
pub(super) fn insert(connection: &Connection, stored: &Stored) -> database::Result<()> {
    connection.execute(INSERT, stored.values()).map(drop)
}

/// Writes what may change of a row.
pub(super) fn update(connection: &Connection, stored: &Stored) -> database::Result<()> {
    let mut values = stored.values().split_off(CHANGING);
    values.push(stored.campaign.id.into());
    connection.execute(UPDATE, values).map(drop)
}

/// Adds an event behind those that the campaign has.
pub(super) fn add_event(connection: &Connection, event: Event<'_>) -> database::Result<()> {
    let query = "SELECT coalesce(max(number), 0) + 1 FROM list_campaign_event WHERE list_campaign = ?1";
    let number: i64 = connection.query_row(query, [event.campaign], |row| row.get(0))?;
    let mut values = vec![
        event.campaign.into(),
        number.into(),
        time(event.at),
        text(event.who),
        text(event.was.map(ListCampaignState::name)),
        text(Some(event.becomes.name())),
        text(event.why),
    ];
    values.push(Value::Blob(checksum::of_values(&values).to_vec()));
    connection.execute(ADD_EVENT, values).map(drop)
}

impl Stored {
    /// The values of [`COLUMNS`].
    fn values(&self) -> Vec<Value> {
        let campaign = &self.campaign;
        let audience = campaign.audience.as_ref();
        let mut values = vec![
            campaign.id.into(),
            text(Some(&campaign.provider)),
            text(Some(&campaign.account)),
            text(Some(&campaign.host)),
            text(Some(&campaign.ticket)),
            text(audience.map(Audience::kind)),
            text(audience.map(Audience::name)),
            Value::Blob(self.message_hash.to_vec()),
            text(Some(campaign.currency.code())),
            time(campaign.created_at),
            text(Some(campaign.state.name())),
            text(campaign.reason.as_ref()),
            optional(campaign.contacts),
            text(campaign.cost),
            text(campaign.sending_date.as_ref()),
            text(campaign.provider_id.as_ref()),
            campaign.intended_at.map_or(Value::Null, time),
            campaign.doubt_since.map_or(Value::Null, time),
            time(campaign.changed_at),
        ];
        values.push(Value::Blob(checksum::of_values(&values).to_vec()));
        values
    }
}

/// Reads a row of [`COLUMNS`] and checks its checksum.
pub(super) fn read(row: &Row<'_>) -> Result<Stored, Fault> {
    let mut columns = Cursor::new(row, 0);
    let id = columns.next()?;
    let provider = columns.next()?;
    let account = columns.next()?;
    let host = columns.next()?;
    let ticket = columns.next()?;
    let audience = audience(&mut columns)?;
    let message_hash = columns.next()?;
    let currency = columns.parse()?.ok_or_else(database::Error::null)?;
    let created_at = columns.time()?.ok_or_else(database::Error::null)?;
    let campaign = ListCampaign {
        id,
        provider,
        account,
        host,
        ticket,
        audience,
        currency,
        created_at,
        state: columns.named(ListCampaignState::named)?,
        reason: columns.next()?,
        contacts: columns.next()?,
        cost: columns.parse()?,
        sending_date: columns.next()?,
        provider_id: columns.next()?,
        intended_at: columns.time()?,
        doubt_since: columns.time()?,
        changed_at: columns.time()?.ok_or_else(database::Error::null)?,
    };
    if !columns.matches()? {
        return Err(Fault::Checksum);
    }
    Ok(Stored {
        campaign,
        message_hash,
    })
}

fn audience(columns: &mut Cursor<'_>) -> database::Result<Option<Audience>> {
    let (kind, name): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    match (kind, name) {
        (None, None) => Ok(None),
        (Some(kind), Some(name)) => Audience::of(&kind, &name)
            .map(Some)
            .ok_or_else(|| columns.senseless(&kind)),
        _ => Err(columns.senseless("half an audience")),
    }
}

impl Fault {
    fn at(self, path: &Path, id: i64) -> LedgerError {
        match self {
            Self::Unreadable(error) => LedgerError::database(path, "reading list campaigns", error),
            Self::Checksum => LedgerError::damaged(path, format!("list campaign {id} fails its checksum")),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(out, "it cannot be read: {error}"),
            Self::Checksum => out.write_str("it fails its checksum"),
        }
    }
}

impl From<database::Error> for Fault {
    fn from(error: database::Error) -> Self {
        Self::Unreadable(error)
    }
}
