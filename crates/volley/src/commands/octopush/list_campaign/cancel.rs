//! Deleting a draft, or a campaign that is to go out later.
//!
//! What may have been sent is deleted as well, and stays in doubt: the provider confirms that it is gone, not that nobody
//! was reached.

use jiff::Timestamp;
use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::{Evidence, ListCampaignState};
use volley_provider::octopush::{ALREADY_SENT, Reply, Said, StatusReply, answered};

use super::super::{Account, closed};
use super::{book, tell};
use crate::cli::TicketArgs;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::exit::Exit;

/// Cancels it; what is confirmed is written down.
pub(super) fn cancel(args: &TicketArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let ticket = &args.ticket;
    let seen = list_campaign::look(account, ticket)?;
    if let Some(campaign) = seen
        .as_ref()
        .filter(|seen| seen.state == ListCampaignState::Cancelled)
    {
        return Ok(tell::standing(
            Exit::Complete,
            campaign,
            "there is nothing left to cancel",
        ));
    }
    // Locked before it is asked for, so that nobody orders it meanwhile.
    let ledger = match seen {
        Some(_) => Some(account.ledger()?),
        None => None,
    };
    let octopush = account.exchange.api();
    let evidence = account
        .exchange
        .ask(&octopush.cancel_list_campaign_request(ticket));
    let reply = octopush.cancellation_reply(&evidence);
    let Some(mut ledger) = ledger else {
        return Ok(unrecorded(ticket, reply, account));
    };
    let told = match list_campaign::known(&ledger, account, ticket)? {
        Some(campaign) => recorded(&mut ledger, campaign, reply, &evidence, account)?,
        None => unrecorded(ticket, reply, account),
    };
    closed(ledger, told)
}

/// How it ended for one that the ledger does not know.
fn unrecorded(ticket: &str, reply: Reply, account: &Account<'_>) -> Told {
    match reply {
        Reply::Done(said) => Told::done(format!("{ticket} is cancelled\n"), said)
            .with("ticket", ticket)
            .with("state", ListCampaignState::Cancelled.name()),
        reply => not_cancelled(ticket, reply, account),
    }
}

fn not_cancelled(ticket: &str, reply: Reply, account: &Account<'_>) -> Told {
    match reply {
        Reply::Refused(refusal) => Told::refused(
            format!(
                "{ticket} is not cancelled: {}; a campaign that is cancelled already is not found",
                answered(&refusal)
            ),
            &refusal,
        ),
        reply => Told::not_done("cancel the campaign", reply, &account.exchange),
    }
    .with("ticket", ticket)
}

fn recorded(
    ledger: &mut Ledger,
    campaign: ListCampaign,
    reply: Reply,
    evidence: &Evidence,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    match reply {
        Reply::Done(said) => confirmed(ledger, &campaign, said, account.exchange.latest(evidence)),
        Reply::Refused(refusal) if refusal.code == Some(ALREADY_SENT) => {
            // Too late to cancel, and proof that it was sent.
            let sent = StatusReply::AlreadySent(refusal.clone());
            let campaign = book::book(ledger, campaign, &sent)?;
            let told = Told::refused(
                format!("{} is not cancelled: {}", campaign.ticket, answered(&refusal)),
                &refusal,
            );
            Ok(told
                .with("ticket", campaign.ticket.clone())
                .with("ledger", list_campaign::as_json(&campaign)))
        }
        reply => {
            Ok(not_cancelled(&campaign.ticket, reply, account)
                .with("ledger", list_campaign::as_json(&campaign)))
        }
    }
}

fn confirmed(
    ledger: &mut Ledger,
    campaign: &ListCampaign,
    said: Said,
    now: Timestamp,
) -> Result<Told, CommandError> {
    let ticket = campaign.ticket.clone();
    match campaign.state {
        ListCampaignState::Draft => {}
        ListCampaignState::Sent if is_ahead(campaign, now) => {}
        ListCampaignState::Sending | ListCampaignState::InDoubt => {
            return Ok(tell::doubt(campaign, "; at Octopush it is cancelled now", said));
        }
        state => {
            let text = format!(
                "{ticket} is cancelled at Octopush; it stays {} in the ledger\n",
                state.name()
            );
            return Ok(tell::as_it_stands(Exit::Complete, text, said, campaign));
        }
    }
    let reason = "the provider confirmed it".to_owned();
    let cancelled = list_campaign::step(ledger, campaign, &ListStep::Cancelled { reason });
    if cancelled.is_err() {
        crate::print::message(&format!(
            "{ticket} is cancelled at Octopush, and the ledger could not keep that"
        ));
    }
    let text = format!("{ticket} is cancelled\n");
    Ok(tell::as_it_stands(Exit::Complete, text, said, &cancelled?))
}

/// Whether a sent campaign's date still lies ahead, as the provider gave it.
fn is_ahead(campaign: &ListCampaign, now: Timestamp) -> bool {
    campaign
        .sending_date
        .as_deref()
        .and_then(|date| date.parse::<Timestamp>().ok())
        .is_some_and(|date| now < date)
}
