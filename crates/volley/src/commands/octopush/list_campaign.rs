//! `volley octopush list-campaign …`: drafts on the provider's own lists and tags, each sent at most once.
//!
//! The ledger keeps every draft with its ticket, its cost and what became of it. An order to send is written down before
//! it leaves; one whose answer was lost is in doubt, and is never given again by itself.

mod create;
mod order;
mod status;

use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::ListCampaignState;

use super::super::CommandError;
use super::told::Told;
use super::{Account, PROVIDER, closed};
use crate::cli::{Common, ListCampaignCommand, ListSendArgs, TicketArgs};
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use volley_provider::octopush::{ALREADY_SENT, Reply, Said, StatusReply};

/// Does one step, or with `create --send` all of them.
pub(super) fn list_campaign(command: &ListCampaignCommand, common: &Common) -> Result<Told, CommandError> {
    let account = Account::reach(common, &common.overrides)?;
    match command {
        ListCampaignCommand::Create(args) => create::create(args, &account),
        ListCampaignCommand::Status(args) => status::status(args, &account),
        ListCampaignCommand::Send(args) => send(args, &account),
        ListCampaignCommand::Cancel(args) => cancel(args, &account),
    }
}

fn send(args: &ListSendArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let mut ledger = account.ledger()?;
    let told = order::order(&args.ticket.ticket, &args.wait, &args.order, account, &mut ledger)?;
    closed(ledger, told)
}

/// Deletes a draft. What may have been sent is deleted as well, and stays in doubt: the provider confirms that it is gone,
/// not that nobody was reached.
fn cancel(args: &TicketArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let ledger = account.existing_ledger()?;
    let octopush = account.exchange.octopush();
    let request = octopush.cancel_list_campaign_request(&args.ticket);
    let reply = octopush.reply(&account.exchange.ask(&request));
    let Some(mut ledger) = ledger else {
        return Ok(not_in_ledger(&args.ticket, reply, account));
    };
    let told = match (known(&ledger, account, &args.ticket)?, reply) {
        (Some(campaign), Reply::Done(said)) => cancelled_in_ledger(&mut ledger, &campaign, said)?,
        (Some(campaign), Reply::Refused(refusal)) if refusal.code == Some(ALREADY_SENT) => {
            // Too late to cancel, and proof that it was sent.
            let sent = StatusReply::AlreadySent(refusal.clone());
            status::book(&mut ledger, campaign, &sent)?;
            not_in_ledger(&args.ticket, Reply::Refused(refusal), account)
        }
        (_, reply) => not_in_ledger(&args.ticket, reply, account),
    };
    closed(ledger, told)
}

/// How a cancellation ended, where the ledger has no say in it.
fn not_in_ledger(ticket: &str, reply: Reply, account: &Account<'_>) -> Told {
    match reply {
        Reply::Done(said) => cancelled(ticket, said),
        reply => {
            Told::not_done("cancel the campaign", reply, account.exchange.endpoint()).with("ticket", ticket)
        }
    }
}

fn cancelled(ticket: &str, said: Said) -> Told {
    Told::done(format!("{ticket} is cancelled\n"), said)
        .with("ticket", ticket)
        .with("state", ListCampaignState::Cancelled.name())
}

fn cancelled_in_ledger(
    ledger: &mut Ledger,
    campaign: &ListCampaign,
    said: Said,
) -> Result<Told, CommandError> {
    let ticket = campaign.ticket.clone();
    match campaign.state {
        ListCampaignState::Draft => {}
        ListCampaignState::Sent if is_ahead(campaign) => {}
        ListCampaignState::Sending | ListCampaignState::InDoubt => {
            let text = format!(
                "{ticket} is cancelled at Octopush; whether it had been sent before is still not known: once you do, say \
                 so with `volley doubt resolve {ticket}`"
            );
            return Ok(Told::ended(Exit::Doubtful, text, said)
                .with("ticket", ticket)
                .with("state", campaign.state.name()));
        }
        state => {
            let text = format!(
                "{ticket} is cancelled at Octopush; it stays {} in the ledger\n",
                state.name()
            );
            return Ok(Told::done(text, said)
                .with("ticket", ticket)
                .with("state", state.name()));
        }
    }
    let reason = "cancelled, and the provider confirmed it".to_owned();
    step(ledger, campaign, &ListStep::Cancelled { reason })?;
    Ok(cancelled(&ticket, said))
}

/// Whether a sent campaign's date still lies ahead, as the provider gave it.
fn is_ahead(campaign: &ListCampaign) -> bool {
    campaign
        .sending_date
        .as_deref()
        .and_then(|date| date.parse::<jiff::Timestamp>().ok())
        .is_some_and(|date| clock::now() < date)
}

/// The campaign as the ledger knows it.
fn known(ledger: &Ledger, account: &Account<'_>, ticket: &str) -> Result<Option<ListCampaign>, CommandError> {
    let found = ledger.list_campaign(PROVIDER, &account.name(), ticket);
    Ok(found.map_err(RunError::from)?)
}

/// One step, durable once this returns.
fn step(ledger: &mut Ledger, campaign: &ListCampaign, step: &ListStep) -> Result<ListCampaign, CommandError> {
    let stepped = ledger.step(campaign.id, step, clock::now());
    Ok(stepped.map_err(RunError::from)?)
}
