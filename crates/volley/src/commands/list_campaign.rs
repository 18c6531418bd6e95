//! What the ledger knows of a campaign whose recipients the provider keeps or was told of by hand; the same for both providers.
//!
//! The ledger is looked at without its lock, and opened only to write: waiting for the provider holds up nobody.

use serde_json::{Value, json};
use volley_ledger::{Draft, Ledger, ListCampaign, ListStep, Reader};
use volley_model::{Audience, Currency, ListCampaignState};
use volley_provider::Provider;

use super::CommandError;
use super::account::Account;
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;

/// The campaign as the ledger knows it; `None` without a ledger too.
pub(super) fn look<P>(account: &Account<'_, P>, ticket: &str) -> Result<Option<ListCampaign>, CommandError> {
    let Some(reader) = account.reader()? else {
        return Ok(None);
    };
    let found = reader.list_campaign(account.exchange.provider().name(), &account.name(), ticket);
    of_this_host(found.map_err(RunError::from)?, account)
}

/// The same under the lock.
pub(super) fn known<P>(
    ledger: &Ledger,
    account: &Account<'_, P>,
    ticket: &str,
) -> Result<Option<ListCampaign>, CommandError> {
    let found = ledger.list_campaign(account.exchange.provider().name(), &account.name(), ticket);
    of_this_host(found.map_err(RunError::from)?, account)
}

/// A ticket says something at the host that gave it alone.
fn of_this_host<P>(
    found: Option<ListCampaign>,
    account: &Account<'_, P>,
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

/// A draft as the ledger takes it, with whatever is known of it.
pub(super) fn draft<P>(
    account: &Account<'_, P>,
    ticket: &str,
    audience: Option<Audience>,
    message: Vec<(String, String)>,
    currency: Currency,
) -> Draft {
    Draft {
        provider: account.exchange.provider().name().to_owned(),
        account: account.name(),
        host: account.exchange.endpoint().host().to_owned(),
        ticket: ticket.to_owned(),
        audience,
        message,
        currency,
        at: clock::now(),
    }
}

/// What the ledger says of it, for scripts: a member of its own beside the provider's.
pub(super) fn as_json(campaign: &ListCampaign) -> Value {
    json!({
        "state": campaign.state.name(), "reason": campaign.reason, "contacts": campaign.contacts,
        "cost": campaign.cost.map(|cost| cost.to_string()), "currency": campaign.currency.code(),
        "sending_date": campaign.sending_date, "provider_id": campaign.provider_id,
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

/// Whether nobody knows if it was sent.
pub(super) fn is_doubtful(campaign: &ListCampaign) -> bool {
    matches!(
        campaign.state,
        ListCampaignState::Sending | ListCampaignState::InDoubt
    )
}

/// Whether it is known by its name, and made and sent by one request.
pub(super) fn is_exotel(campaign: &ListCampaign) -> bool {
    Provider::named(&campaign.provider) == Some(Provider::Exotel)
}

/// The exit of one that is no draft, where nothing more is done with it.
pub(super) fn exit_of(state: ListCampaignState) -> Exit {
    match state {
        ListCampaignState::Sending | ListCampaignState::InDoubt => Exit::Doubtful,
        ListCampaignState::Failed | ListCampaignState::Cancelled => Exit::Refused,
        ListCampaignState::Draft
        | ListCampaignState::Sent
        | ListCampaignState::DeclaredSent
        | ListCampaignState::Abandoned => Exit::Complete,
    }
}
