//! The order to send a draft: given once, and never again by itself.
//!
//! ```text
//!  status ready, cost known ─► asked ─► intent durable ─► POST send ─┬─► sent
//!                                                                    ├─► draft again    proof that nothing was sent
//!                                                                    └─► in doubt       the status is shown, nothing more
//! ```

use volley_ledger::{Draft, Ledger, ListCampaign, ListStep};
use volley_model::ListCampaignState;
use volley_provider::octopush::{
    CURRENCY, ListStatus, Progress, Reply, Said, SendReply, StatusReply, explain,
};

use super::super::super::CommandError;
use super::super::told::Told;
use super::super::{Account, PROVIDER};
use super::{known, status, step};
use crate::cli::{OrderArgs, WaitArgs};
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::question;

/// Sends a draft, unless it was sent or may have been.
pub(super) fn order(
    ticket: &str,
    wait: &WaitArgs,
    order: &OrderArgs,
    account: &Account<'_>,
    ledger: &mut Ledger,
) -> Result<Told, CommandError> {
    let campaign = match known(ledger, account, ticket)? {
        Some(campaign) => match campaign.state {
            ListCampaignState::Draft => Some(campaign),
            ListCampaignState::Sending | ListCampaignState::InDoubt => {
                return doubtful(campaign, account, ledger);
            }
            ListCampaignState::Sent | ListCampaignState::DeclaredSent | ListCampaignState::Abandoned => {
                return Ok(told_as_it_stands(
                    Exit::Complete,
                    &campaign,
                    "it is not sent again",
                ));
            }
            ListCampaignState::Failed | ListCampaignState::Cancelled => {
                return Ok(told_as_it_stands(Exit::Refused, &campaign, "make a new one"));
            }
        },
        None => None,
    };
    let reply = status::ask(ticket, wait, account);
    let campaign = match (&reply, campaign) {
        // Nothing is written down of a ticket that the provider does not know.
        (StatusReply::Other(_), _) => return Ok(status::told(ticket, &reply, wait, account)),
        (_, Some(campaign)) => campaign,
        (_, None) => adopt(ticket, account, ledger)?,
    };
    let campaign = status::book(ledger, campaign, &reply)?;
    match &reply {
        StatusReply::Status(status) if status.progress == Progress::Ready => {
            give(&campaign, status, order, account, ledger)
        }
        StatusReply::Status(status) => Ok(not_ready(&campaign, status, wait)),
        StatusReply::AlreadySent(_) | StatusReply::Other(_) => Ok(told_as_it_stands(
            Exit::Complete,
            &campaign,
            "it is not sent again",
        )),
    }
}

/// A draft that was made elsewhere, by a ledger or by hand.
fn adopt(ticket: &str, account: &Account<'_>, ledger: &mut Ledger) -> Result<ListCampaign, CommandError> {
    let draft = Draft {
        provider: PROVIDER.to_owned(),
        account: account.name(),
        host: account.exchange.endpoint().host().to_owned(),
        ticket: ticket.to_owned(),
        audience: None,
        message: Vec::new(),
        currency: CURRENCY,
        at: clock::now(),
    };
    Ok(ledger.record_draft(&draft).map_err(RunError::from)?)
}

/// Asks whoever sits there, writes the intent down, and gives the order.
fn give(
    campaign: &ListCampaign,
    status: &ListStatus,
    order: &OrderArgs,
    account: &Account<'_>,
    ledger: &mut Ledger,
) -> Result<Told, CommandError> {
    if let Some(told) = too_dear(campaign, status, order) {
        return Ok(told);
    }
    if account.asks() && !order.yes {
        ask(campaign, status)?;
    }
    let campaign = step(ledger, campaign, &ListStep::Intended)?;
    let octopush = account.exchange.octopush();
    let request = octopush.send_list_campaign_request(&campaign.ticket, campaign.audience.as_ref());
    let reply = octopush.send_reply(&account.exchange.ask(&request));
    let outcome = match &reply {
        SendReply::Sent { sending_date, .. } => ListStep::Sent {
            provider_id: None,
            sending_date: sending_date.clone(),
            reason: None,
        },
        SendReply::AlreadySent(refusal) => ListStep::Sent {
            provider_id: None,
            sending_date: None,
            reason: Some(explain(refusal)),
        },
        SendReply::NotSent(reply) => ListStep::Unsent {
            reason: why_not(reply),
        },
        SendReply::InDoubt { reason } => ListStep::InDoubt {
            reason: reason.clone(),
        },
    };
    let campaign = match step(ledger, &campaign, &outcome) {
        Ok(campaign) => campaign,
        Err(error) => {
            // So that no outcome is lost with the process; the ledger says "sending", which is a doubt from now on.
            print::message(&format!(
                "{}: {outcome:?} could not be written down",
                campaign.ticket
            ));
            return Err(error);
        }
    };
    Ok(match reply {
        SendReply::Sent { said, .. } => sent(&campaign, status, said),
        SendReply::AlreadySent(_) => told_as_it_stands(Exit::Complete, &campaign, "it is not sent again"),
        SendReply::NotSent(reply) => Told::not_done("send the campaign", reply, account.exchange.endpoint())
            .with("ticket", campaign.ticket.clone())
            .with("state", campaign.state.name()),
        SendReply::InDoubt { .. } => in_doubt(&campaign, "run it again to see its status"),
    })
}

fn too_dear(campaign: &ListCampaign, status: &ListStatus, order: &OrderArgs) -> Option<Told> {
    let max_cost = order.max_cost?;
    let why = match status.cost {
        Some(cost) if cost <= max_cost => return None,
        Some(cost) => format!("it costs {cost}, and --max-cost allows {max_cost}"),
        None => format!("what it costs is not known, and --max-cost allows {max_cost}"),
    };
    let text = format!("{} is not sent: {why}", campaign.ticket);
    Some(
        Told::ended(Exit::Limit, text, status.said.clone())
            .with("ticket", campaign.ticket.clone())
            .with("state", campaign.state.name()),
    )
}

fn ask(campaign: &ListCampaign, status: &ListStatus) -> Result<(), CommandError> {
    let audience = campaign.audience.as_ref().map_or_else(
        || "an audience that this ledger does not know".to_owned(),
        |audience| format!("the {} {:?}", audience.kind(), audience.name()),
    );
    let question = format!(
        "Send {} to {audience}{}?",
        campaign.ticket,
        status::priced(status)
    );
    match question::agreed(&question) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::Unconfirmed(
            "not confirmed; nothing was sent".to_owned(),
        )),
        Err(error) => Err(CommandError::Unconfirmed(format!(
            "the terminal cannot be read: {error}; give --yes to send unasked"
        ))),
    }
}

fn why_not(reply: &Reply) -> String {
    match reply {
        Reply::Refused(refusal) | Reply::Account(refusal) => explain(refusal),
        Reply::Later { reason, .. } | Reply::Unsent { reason, .. } | Reply::Unknown { reason } => {
            reason.clone()
        }
        Reply::Done(_) => String::new(),
    }
}

fn sent(campaign: &ListCampaign, status: &ListStatus, said: Said) -> Told {
    let when = campaign
        .sending_date
        .as_ref()
        .map(|date| format!(", on {date}"))
        .unwrap_or_default();
    let text = format!("{} is sent{when}{}\n", campaign.ticket, status::priced(status));
    Told::done(text, said)
        .with("ticket", campaign.ticket.clone())
        .with("state", campaign.state.name())
        .with("number_of_contacts", campaign.contacts)
        .with("cost", campaign.cost.map(|cost| cost.to_string()))
        .with("currency", campaign.currency.code())
}

/// One that is not ready, and so not sent.
fn not_ready(campaign: &ListCampaign, status: &ListStatus, wait: &WaitArgs) -> Told {
    let ticket = &campaign.ticket;
    let (exit, why) = match &status.progress {
        Progress::Failed => (
            Exit::Refused,
            "it failed at Octopush, nobody was reached; make a new one".to_owned(),
        ),
        Progress::Computing if wait.wait => (
            Exit::Unreachable,
            "Octopush has not counted its contacts yet; run it again later".to_owned(),
        ),
        Progress::Computing => (
            Exit::Unreachable,
            "Octopush still counts its contacts; run it again later, or with --wait".to_owned(),
        ),
        progress => (
            Exit::Unreachable,
            format!(
                "Octopush says {:?}, which is not \"ready\"; look it up there",
                progress.name()
            ),
        ),
    };
    Told::ended(exit, format!("{ticket} is not sent: {why}"), status.said.clone())
        .with("ticket", ticket.clone())
        .with("state", status.progress.name())
}

/// An order whose answer was lost: its status is asked for and shown. Only "failed" and "sent already" end the doubt.
fn doubtful(
    campaign: ListCampaign,
    account: &Account<'_>,
    ledger: &mut Ledger,
) -> Result<Told, CommandError> {
    let campaign = if campaign.state == ListCampaignState::Sending {
        let reason = "found open: its order may have been given".to_owned();
        step(ledger, &campaign, &ListStep::InDoubt { reason })?
    } else {
        campaign
    };
    let once = WaitArgs {
        wait: false,
        wait_max: std::time::Duration::ZERO,
    };
    let reply = status::ask(&campaign.ticket, &once, account);
    let campaign = status::book(ledger, campaign, &reply)?;
    Ok(match campaign.state {
        ListCampaignState::Failed => {
            told_as_it_stands(Exit::Refused, &campaign, "nobody was reached; make a new one")
        }
        ListCampaignState::Sent => told_as_it_stands(Exit::Complete, &campaign, "it is not sent again"),
        _ => in_doubt(&campaign, &status_in_words(&reply)),
    })
}

fn status_in_words(reply: &StatusReply) -> String {
    match reply {
        StatusReply::Status(status) => format!("Octopush calls it {:?} now", status.progress.name()),
        StatusReply::AlreadySent(refusal) => explain(refusal),
        StatusReply::Other(reply) => format!("Octopush does not tell its status: {}", why_not(reply)),
    }
}

fn in_doubt(campaign: &ListCampaign, now: &str) -> Told {
    let ticket = &campaign.ticket;
    let reason = campaign.reason.as_deref().unwrap_or("no reason is known");
    let text = format!(
        "{ticket} is in doubt ({reason}): whether it was sent is not known, and it is not sent again; {now}. Find out at \
         Octopush, then: volley doubt resolve {ticket} --sent, --not-sent or --abandon, with --reason TEXT"
    );
    Told::ended(Exit::Doubtful, text, Said::default())
        .with("ticket", ticket.clone())
        .with("state", campaign.state.name())
        .with("doubt_since", campaign.doubt_since.map(|at| at.to_string()))
}

fn told_as_it_stands(exit: Exit, campaign: &ListCampaign, then: &str) -> Told {
    let ticket = &campaign.ticket;
    let reason = campaign
        .reason
        .as_ref()
        .map(|reason| format!(" ({reason})"))
        .unwrap_or_default();
    let text = format!("{ticket} is {}{reason}: {then}\n", campaign.state.name());
    Told::ended(exit, text, Said::default())
        .with("ticket", ticket.clone())
        .with("state", campaign.state.name())
        .with("sending_date", campaign.sending_date.clone())
        .with("cost", campaign.cost.map(|cost| cost.to_string()))
        .with("currency", campaign.currency.code())
}
