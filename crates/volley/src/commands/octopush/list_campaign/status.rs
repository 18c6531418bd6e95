//! Asking how far a draft is, once or until the provider has counted its contacts.

use std::time::{Duration, Instant};

use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::ListCampaignState;
use volley_provider::octopush::{ListStatus, Progress, Said, StatusReply, explain};

use super::super::super::CommandError;
use super::super::Account;
use super::super::told::Told;
use super::{closed, known, step};
use crate::cli::{StatusArgs, WaitArgs};
use crate::exit::Exit;
use crate::progress::duration;
use crate::summary::grouped;

/// The first pause between two questions; each is twice the one before, up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause: soon enough for a person, seldom enough for the provider.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often it is said that we still wait.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Shows a draft's status; what it ends is written down.
pub(super) fn status(args: &StatusArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let ticket = &args.ticket.ticket;
    let reply = ask(ticket, &args.wait, account);
    let told = told(ticket, &reply, &args.wait, account);
    let Some(mut ledger) = account.existing_ledger()? else {
        return Ok(told);
    };
    let told = match known(&ledger, account, ticket)? {
        None => told,
        Some(campaign) => {
            let campaign = book(&mut ledger, campaign, &reply)?;
            told.with("ledger_state", campaign.state.name())
        }
    };
    closed(ledger, told)
}

/// Asks, and with `--wait` asks again while the provider computes.
pub(super) fn ask(ticket: &str, wait: &WaitArgs, account: &Account<'_>) -> StatusReply {
    let octopush = account.exchange.octopush();
    let request = octopush.list_campaign_status_request(ticket);
    let begun = Instant::now();
    let (mut pause, mut tell_at) = (PAUSE_FIRST, TELL_EVERY);
    loop {
        let reply = octopush.status_reply(&account.exchange.ask(&request));
        let left = wait.wait_max.saturating_sub(begun.elapsed());
        if !wait.wait || !is_computing(&reply) || left.is_zero() {
            return reply;
        }
        if begun.elapsed() >= tell_at {
            account.notice(&format!(
                "{ticket}: Octopush still counts its contacts, {} so far",
                duration(begun.elapsed())
            ));
            tell_at = begun.elapsed() + TELL_EVERY;
        }
        account.exchange.pause(pause.min(left));
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn is_computing(reply: &StatusReply) -> bool {
    matches!(reply, StatusReply::Status(status) if status.progress == Progress::Computing)
}

/// Writes down what the status proves: contacts and cost of what is still to be sent, and the end of a doubt.
pub(super) fn book(
    ledger: &mut Ledger,
    campaign: ListCampaign,
    reply: &StatusReply,
) -> Result<ListCampaign, CommandError> {
    let may_end = matches!(
        campaign.state,
        ListCampaignState::Draft | ListCampaignState::Sending | ListCampaignState::InDoubt
    );
    match reply {
        StatusReply::Status(status) if may_end && status.progress == Progress::Failed => {
            let reason = "the provider says that it failed".to_owned();
            step(ledger, &campaign, &ListStep::Failed { reason })
        }
        StatusReply::AlreadySent(refusal) if may_end => {
            if campaign.state == ListCampaignState::Draft {
                // Not by this ledger; the way to "sent" leads over the intent.
                step(ledger, &campaign, &ListStep::Intended)?;
            }
            let sent = ListStep::Sent {
                provider_id: None,
                sending_date: None,
                reason: Some(explain(refusal)),
            };
            step(ledger, &campaign, &sent)
        }
        StatusReply::Status(status) => price(ledger, campaign, status),
        StatusReply::AlreadySent(_) | StatusReply::Other(_) => Ok(campaign),
    }
}

/// Writes contacts and cost down where they are news.
fn price(
    ledger: &mut Ledger,
    campaign: ListCampaign,
    status: &ListStatus,
) -> Result<ListCampaign, CommandError> {
    let known = (campaign.contacts, campaign.cost);
    let now = (status.contacts.or(known.0), status.cost.or(known.1));
    let final_state = matches!(
        campaign.state,
        ListCampaignState::Failed
            | ListCampaignState::Cancelled
            | ListCampaignState::DeclaredSent
            | ListCampaignState::Abandoned
    );
    if now == known || final_state {
        return Ok(campaign);
    }
    let priced = ListStep::Priced {
        contacts: now.0,
        cost: now.1,
    };
    step(ledger, &campaign, &priced)
}

/// A status for people and scripts.
pub(super) fn told(ticket: &str, reply: &StatusReply, wait: &WaitArgs, account: &Account<'_>) -> Told {
    let told = match reply {
        StatusReply::Status(status) => of_status(ticket, status, wait),
        StatusReply::AlreadySent(refusal) => {
            let text = format!("{ticket} was sent already: {}\n", explain(refusal));
            Told::done(text, Said::default()).with("state", "already_sent")
        }
        StatusReply::Other(reply) => {
            Told::not_done("ask for the status", reply.clone(), account.exchange.endpoint())
        }
    };
    told.with("ticket", ticket)
}

fn of_status(ticket: &str, status: &ListStatus, wait: &WaitArgs) -> Told {
    let said = status.said.clone();
    let told = match &status.progress {
        Progress::Failed if wait.wait => Told::ended(
            Exit::Refused,
            format!("{ticket} failed at Octopush: nobody was reached; make a new one"),
            said,
        ),
        Progress::Computing if wait.wait => Told::ended(
            Exit::Unreachable,
            format!(
                "{ticket} was not ready after {}; run it again later",
                duration(wait.wait_max)
            ),
            said,
        ),
        progress => Told::done(
            format!("{ticket} is {}{}\n", progress.name(), priced(status)),
            said,
        ),
    };
    told.with("state", status.progress.name())
}

/// `: 20 contacts for 2.58 EUR`, as far as that is known.
pub(super) fn priced(status: &ListStatus) -> String {
    let contacts = status
        .contacts
        .map(|contacts| format!("{} contacts", grouped(contacts)));
    let cost = status
        .cost
        .map(|cost| format!("{cost} {}", volley_provider::octopush::CURRENCY.code()));
    match (contacts, cost) {
        (Some(contacts), Some(cost)) => format!(": {contacts} for {cost}"),
        (Some(known), None) | (None, Some(known)) => format!(": {known}"),
        (None, None) => String::new(),
    }
}
