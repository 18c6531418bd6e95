//! How people and scripts are told of a campaign on a list or tag.

use volley_ledger::ListCampaign;
use volley_provider::octopush::{ListStatus, Progress, Said, StatusReply, answered, explain};

use super::super::{Account, CURRENCY_CODE};
use crate::cli::WaitArgs;
use crate::commands::list_campaign;
use crate::commands::told::Told;
use crate::exit::Exit;
use crate::progress::duration;
use crate::summary::counted;

/// A status, and what the ledger makes of it. What is in doubt here is in doubt, whatever the provider calls it.
pub(super) fn status(
    ticket: &str,
    reply: &StatusReply,
    campaign: Option<&ListCampaign>,
    wait: &WaitArgs,
    account: &Account<'_>,
) -> Told {
    if let Some(campaign) = campaign.filter(|campaign| list_campaign::is_doubtful(campaign)) {
        return in_doubt(campaign, reply);
    }
    let told = match reply {
        StatusReply::Status(status) => of_status(ticket, status, wait),
        StatusReply::AlreadySent(refusal) => {
            let text = format!("{ticket} was sent already: {}\n", answered(refusal));
            Told::done(text, Said::default()).with("state", "already_sent")
        }
        StatusReply::Other(reply) => Told::not_done("ask for the status", reply.clone(), &account.exchange),
    };
    let told = told.with("ticket", ticket);
    match campaign {
        Some(campaign) => told.with("ledger", list_campaign::as_json(campaign)),
        None => told,
    }
}

fn of_status(ticket: &str, status: &ListStatus, wait: &WaitArgs) -> Told {
    let said = status.said.clone();
    let told = match &status.progress {
        Progress::Failed if wait.wait => Told::ended(
            Exit::Refused,
            format!("{ticket} failed at Octopush: nobody was reached; make a new one"),
            said,
        ),
        Progress::Computing if wait.wait => {
            let waited = duration(wait.wait_max);
            let text = format!(
                "{ticket} was not ready after {waited}; ask again later: volley octopush list-campaign status {ticket}"
            );
            Told::ended(Exit::Unreachable, text, said)
        }
        Progress::Computing => Told::done(
            format!("{ticket} is computing: its contacts are being counted\n"),
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
    let contacts = status.contacts.map(|contacts| counted(contacts, "contact"));
    let cost = status.cost.map(|cost| format!("{cost} {CURRENCY_CODE}"));
    match (contacts, cost) {
        (Some(contacts), Some(cost)) => format!(": {contacts} for {cost}"),
        (Some(known), None) | (None, Some(known)) => format!(": {known}"),
        (None, None) => String::new(),
    }
}

/// One in doubt, with what the provider calls it now.
pub(super) fn in_doubt(campaign: &ListCampaign, reply: &StatusReply) -> Told {
    let (now, said) = match reply {
        StatusReply::Status(status) => (
            format!("; Octopush calls it {:?} now", status.progress.name()),
            status.said.clone(),
        ),
        StatusReply::AlreadySent(refusal) => (format!("; {}", explain(refusal)), Said::default()),
        StatusReply::Other(_) => (String::new(), Said::default()),
    };
    doubt(campaign, &now, said)
}

/// One in doubt since just now.
pub(super) fn doubt(campaign: &ListCampaign, now: &str, said: Said) -> Told {
    let ticket = &campaign.ticket;
    let reason = campaign
        .reason
        .as_deref()
        .unwrap_or("its command was killed, or still runs");
    let text = format!(
        "{ticket} is in doubt ({reason}): whether it was sent is not known, and it is not sent again{now}. Do not make it \
         anew before that is settled: look at it with `volley octopush list-campaign status {ticket}`, find out at \
         Octopush, and say so with `volley doubt resolve {ticket} --sent`, --not-sent or --abandon, and --reason TEXT"
    );
    as_it_stands(Exit::Doubtful, text, said, campaign)
}

/// An end that the ledger's state decides.
pub(super) fn standing(exit: Exit, campaign: &ListCampaign, then: &str) -> Told {
    let text = format!("{} is {}: {then}\n", campaign.ticket, campaign.state.name());
    as_it_stands(exit, text, Said::default(), campaign)
}

/// An end told with the campaign as the ledger has it.
pub(super) fn as_it_stands(exit: Exit, text: String, said: Said, campaign: &ListCampaign) -> Told {
    Told::ended(exit, text, said)
        .with("ticket", campaign.ticket.clone())
        .with("state", campaign.state.name())
        .with("ledger", list_campaign::as_json(campaign))
}
