//! How a campaign on a list or a tag goes from state to state: first the event, then the row, in one transaction.

use std::path::Path;

use crate::database::{self};
use crate::database::{Connection, params};
use jiff::Timestamp;
use volley_model::ListCampaignState;

use super::rows::{self, Event, Stored};
use super::{Draft, ListCampaign, ListStep};
use crate::{LedgerError, ListCampaignId, campaign, moved};

pub(super) const STEP: &str = "a list campaign's step written";

/// A change of state.
#[derive(Debug, Clone)]
pub(super) struct Change<'a> {
    pub(super) becomes: ListCampaignState,
    /// What the row says from then on.
    pub(super) reason: Option<&'a str>,
    /// What the event says.
    pub(super) why: Option<&'a str>,
    /// The operator, if it is their word.
    pub(super) who: Option<&'a str>,
    pub(super) at: Timestamp,
}

/// Writes a draft that is not known yet.
pub(super) fn record(
    connection: &Connection,
    path: &Path,
    draft: &Draft,
) -> Result<ListCampaign, LedgerError> {
    let failed = |error| LedgerError::database(path, "a draft recorded", error);
    let id = rows::next_id(connection).map_err(failed)?;
    let stored = Stored {
        campaign: fresh(id, draft),
        message_hash: campaign::hash(&draft.message),
    };
    rows::insert(connection, &stored).map_err(failed)?;
    for (key, value) in &draft.message {
        let insert = "INSERT INTO list_campaign_part (list_campaign, key, value) VALUES (?1, ?2, ?3)";
        connection
            .execute(insert, params![id, key, value])
            .map_err(failed)?;
    }
    let event = Event {
        campaign: id,
        at: draft.at,
        who: None,
        was: None,
        becomes: ListCampaignState::Draft,
        why: None,
    };
    rows::add_event(connection, event).map_err(failed)?;
    reread(connection, path, id)
}

fn fresh(id: ListCampaignId, draft: &Draft) -> ListCampaign {
    let Draft {
        provider,
        account,
        host,
        ticket,
        audience,
        currency,
        at,
        ..
    } = draft.clone();
    ListCampaign {
        id,
        provider,
        account,
        host,
        ticket,
        provider_id: None,
        audience,
        state: ListCampaignState::Draft,
        reason: None,
        contacts: None,
        cost: None,
        currency,
        sending_date: None,
        created_at: at,
        intended_at: None,
        doubt_since: None,
        changed_at: at,
    }
}

/// One that was copied into another ledger is sent from there.
fn refuse_moved(connection: &Connection, path: &Path, ticket: &str) -> Result<(), LedgerError> {
    let to = moved::to(connection, &moved::list_campaign(ticket));
    match to.map_err(|error| LedgerError::database(path, STEP, error))? {
        None => Ok(()),
        Some(to) => Err(LedgerError::CampaignMoved {
            path: path.to_owned(),
            name: ticket.to_owned(),
            to,
        }),
    }
}

/// Takes one step.
pub(super) fn take(
    connection: &Connection,
    path: &Path,
    id: ListCampaignId,
    step: &ListStep,
    at: Timestamp,
) -> Result<ListCampaign, LedgerError> {
    let found = rows::by_id(connection, path, id)?;
    let mut stored = found.ok_or_else(|| LedgerError::Refused {
        path: path.to_owned(),
        step: STEP,
        detail: format!("there is no list campaign {id}"),
    })?;
    if *step == ListStep::Intended {
        refuse_moved(connection, path, &stored.campaign.ticket)?;
    }
    let campaign = &mut stored.campaign;
    let becomes = match step {
        ListStep::Priced { contacts, cost } => {
            campaign.contacts = contacts.or(campaign.contacts);
            campaign.cost = cost.or(campaign.cost);
            campaign.changed_at = at;
            rows::update(connection, &stored).map_err(|error| LedgerError::database(path, STEP, error))?;
            return reread(connection, path, id);
        }
        ListStep::Sent {
            provider_id,
            sending_date,
            ..
        } => {
            campaign.provider_id = provider_id.clone().or(campaign.provider_id.take());
            campaign.sending_date = sending_date.clone().or(campaign.sending_date.take());
            ListCampaignState::Sent
        }
        ListStep::Intended => ListCampaignState::Sending,
        ListStep::Unsent { .. } => ListCampaignState::Draft,
        ListStep::InDoubt { .. } => ListCampaignState::InDoubt,
        ListStep::Failed { .. } => ListCampaignState::Failed,
        ListStep::Cancelled { .. } => ListCampaignState::Cancelled,
    };
    let change = Change {
        becomes,
        reason: step.reason(),
        why: step.reason(),
        who: None,
        at,
    };
    enter(connection, &mut stored, &change).map_err(|error| LedgerError::database(path, STEP, error))?;
    reread(connection, path, id)
}

/// Brings a campaign into another state. What else the caller changed of it is written too.
pub(super) fn enter(
    connection: &Connection,
    stored: &mut Stored,
    change: &Change<'_>,
) -> database::Result<()> {
    let campaign = &mut stored.campaign;
    let event = Event {
        campaign: campaign.id,
        at: change.at,
        who: change.who,
        was: Some(campaign.state),
        becomes: change.becomes,
        why: change.why,
    };
    campaign.state = change.becomes;
    campaign.reason = change.reason.map(str::to_owned);
    campaign.changed_at = change.at;
    match change.becomes {
        ListCampaignState::Draft => (campaign.intended_at, campaign.doubt_since) = (None, None),
        ListCampaignState::Sending => campaign.intended_at = Some(change.at),
        ListCampaignState::InDoubt => campaign.doubt_since = campaign.doubt_since.or(Some(change.at)),
        ListCampaignState::Sent
        | ListCampaignState::Failed
        | ListCampaignState::Cancelled
        | ListCampaignState::DeclaredSent
        | ListCampaignState::Abandoned => {}
    }
    rows::add_event(connection, event)?;
    rows::update(connection, stored)
}

/// The campaign as it stands on the disk's side: times cut to the microsecond, checksum checked.
pub(super) fn reread(
    connection: &Connection,
    path: &Path,
    id: ListCampaignId,
) -> Result<ListCampaign, LedgerError> {
    let found = rows::by_id(connection, path, id)?;
    found
        .map(|stored| stored.campaign)
        .ok_or_else(|| LedgerError::damaged(path, format!("list campaign {id} is gone")))
}

impl ListStep {
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Priced { .. } | Self::Intended => None,
            Self::Sent { reason, .. } => reason.as_deref(),
            Self::Unsent { reason }
            | Self::InDoubt { reason }
            | Self::Failed { reason }
            | Self::Cancelled { reason } => Some(reason),
        }
    }
}
