//! A draft is written down, and what a status proves of it.

use volley_ledger::{Draft, Ledger, ListCampaign, ListStep};
use volley_model::{Audience, ListCampaignState};
use volley_provider::octopush::{CURRENCY, ListStatus, Progress, StatusReply, answered};

use super::super::Account;
use crate::commands::CommandError;
use crate::commands::list_campaign::{self, step};
use crate::pipeline::RunError;

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
    list_campaign::draft(account, ticket, audience, message, CURRENCY)
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
