//! What the ledger knows of a draft, and what a status proves of it.
//!
//! The ledger is looked at without its lock, and opened only to write: waiting for the provider holds up nobody.

use serde_json::{Value, json};
use volley_ledger::{Draft, Ledger, ListCampaign, ListStep, Reader};
use volley_model::{Audience, ListCampaignState};
use volley_provider::octopush::{CURRENCY, ListStatus, Progress, StatusReply, answered};

use super::super::{Account, PROVIDER};
use crate::clock;
use crate::commands::CommandError;
use crate::pipeline::RunError;

/// The campaign as the ledger knows it; `None` without a ledger too.
pub(super) fn look(account: &Account<'_>, ticket: &str) -> Result<Option<ListCampaign>, CommandError> {
    let Some(reader) = account.reader()? else {
        return Ok(None);
    };
    let found = reader.list_campaign(PROVIDER, &account.name(), ticket);
    of_this_host(found.map_err(RunError::from)?, account)
}

/// The same under the lock.
pub(super) fn known(
    ledger: &Ledger,
    account: &Account<'_>,
    ticket: &str,
) -> Result<Option<ListCampaign>, CommandError> {
    let found = ledger.list_campaign(PROVIDER, &account.name(), ticket);
    of_this_host(found.map_err(RunError::from)?, account)
}

/// A ticket says something at the host that gave it alone.
fn of_this_host(
    found: Option<ListCampaign>,
    account: &Account<'_>,
) -> Result<Option<ListCampaign>, CommandError> {
    if let Some(campaign) = &found {
        account.check_host(&campaign.ticket, &campaign.host)?;
    }
    Ok(found)
}

/// One step, durable once this returns.
pub(super) fn step(
    ledger: &mut Ledger,
    campaign: &ListCampaign,
    step: &ListStep,
) -> Result<ListCampaign, CommandError> {
    let stepped = ledger.step(campaign.id, step, clock::now());
    Ok(stepped.map_err(RunError::from)?)
}

/// Records a draft, with whatever is known of it.
pub(super) fn record(
    ledger: &mut Ledger,
    account: &Account<'_>,
    ticket: &str,
    audience: Option<Audience>,
    message: Vec<(String, String)>,
) -> Result<ListCampaign, CommandError> {
    let draft = draft(account, ticket, audience, message);
    Ok(ledger.record_draft(&draft).map_err(RunError::from)?)
}

/// A draft as the ledger takes it.
pub(super) fn draft(
    account: &Account<'_>,
    ticket: &str,
    audience: Option<Audience>,
    message: Vec<(String, String)>,
) -> Draft {
    Draft {
        provider: PROVIDER.to_owned(),
        account: account.name(),
        host: account.exchange.endpoint().host().to_owned(),
        ticket: ticket.to_owned(),
        audience,
        message,
        currency: CURRENCY,
        at: clock::now(),
    }
}

/// Whether a status says something of a campaign that the ledger does not know yet.
pub(super) fn is_news(campaign: &ListCampaign, reply: &StatusReply) -> bool {
    match reply {
        StatusReply::Status(status) => ends(campaign, status) || price(campaign, status).is_some(),
        StatusReply::AlreadySent(_) => may_end(campaign),
        StatusReply::Other(_) => false,
    }
}

/// Writes down what the status proves: contacts and cost of what is still to be sent, and the end of a doubt.
pub(super) fn book(
    ledger: &mut Ledger,
    campaign: ListCampaign,
    reply: &StatusReply,
) -> Result<ListCampaign, CommandError> {
    match reply {
        StatusReply::Status(status) if ends(&campaign, status) => {
            let reason = "the provider says so".to_owned();
            step(ledger, &campaign, &ListStep::Failed { reason })
        }
        StatusReply::Status(status) => match price(&campaign, status) {
            Some(priced) => step(ledger, &campaign, &priced),
            None => Ok(campaign),
        },
        StatusReply::AlreadySent(refusal) if may_end(&campaign) => {
            if campaign.state == ListCampaignState::Draft {
                // Not by this ledger; the way to "sent" leads over the intent.
                step(ledger, &campaign, &ListStep::Intended)?;
            }
            let sent = ListStep::Sent {
                provider_id: None,
                sending_date: None,
                reason: Some(answered(refusal)),
            };
            step(ledger, &campaign, &sent)
        }
        StatusReply::AlreadySent(_) | StatusReply::Other(_) => Ok(campaign),
    }
}

/// Whether its end is still open.
fn may_end(campaign: &ListCampaign) -> bool {
    matches!(
        campaign.state,
        ListCampaignState::Draft | ListCampaignState::Sending | ListCampaignState::InDoubt
    )
}

fn ends(campaign: &ListCampaign, status: &ListStatus) -> bool {
    may_end(campaign) && status.progress == Progress::Failed
}

/// Contacts and cost where they are news. While the provider counts, what it says of them is no more than a beginning.
fn price(campaign: &ListCampaign, status: &ListStatus) -> Option<ListStep> {
    let may_change = may_end(campaign) || campaign.state == ListCampaignState::Sent;
    if !may_change || status.progress == Progress::Computing {
        return None;
    }
    let contacts = status.contacts.or(campaign.contacts);
    let cost = status.cost.or(campaign.cost);
    ((contacts, cost) != (campaign.contacts, campaign.cost)).then_some(ListStep::Priced { contacts, cost })
}

/// What the ledger says of it, for scripts: a member of its own beside the provider's.
pub(super) fn as_json(campaign: &ListCampaign) -> Value {
    json!({
        "state": campaign.state.name(), "reason": campaign.reason, "contacts": campaign.contacts,
        "cost": campaign.cost.map(|cost| cost.to_string()), "currency": campaign.currency.code(),
        "sending_date": campaign.sending_date,
        "doubt_since": campaign.doubt_since.map(|at| at.to_string()),
    })
}

/// A part of its message, where the ledger has it.
pub(super) fn part(
    reader: &Reader,
    campaign: &ListCampaign,
    wanted: &str,
) -> Result<Option<String>, CommandError> {
    let parts = reader
        .list_campaign_message(campaign.id)
        .map_err(RunError::from)?;
    let found = parts.into_iter().find(|(key, _)| key == wanted);
    Ok(found.map(|(_, value)| value))
}
