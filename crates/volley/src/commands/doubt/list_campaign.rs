//! Campaigns on lists and tags of which nobody knows whether they were sent, and the operator's word on one.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde_json::{Value, json};
use volley_ledger::{Ledger, ListCampaign, Reader, Signature, Word};
use volley_model::ListCampaignState;

use super::age;
use crate::cli::Common;
use crate::commands::exotel::create::resolve_command;
use crate::commands::list_campaign::{is_doubtful, is_exotel};
use crate::commands::report::audience_json;
use crate::commands::{CommandError, ledger_path, operator};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::summary::counted;

/// Those in doubt, and those that a command was sending: it may have been killed.
pub(super) fn in_doubt(reader: &Reader) -> Result<Vec<ListCampaign>, CommandError> {
    let mut campaigns = reader.list_campaigns().map_err(RunError::from)?;
    campaigns.retain(is_doubtful);
    Ok(campaigns)
}

/// Since when it may have been sent.
fn since(campaign: &ListCampaign) -> Timestamp {
    campaign
        .doubt_since
        .or(campaign.intended_at)
        .unwrap_or(campaign.changed_at)
}

fn remedy(campaign: &ListCampaign) -> String {
    let ticket = &campaign.ticket;
    if is_exotel(campaign) {
        return format!(
            "give the command that created it again: it looks for the name in Exotel's listing; if it stays away: {}, or \
             --sent, or --abandon",
            resolve_command(ticket)
        );
    }
    format!(
        "look at it with `volley octopush list-campaign status {ticket}`, find out at the provider, then: volley doubt \
         resolve {ticket} --sent, --not-sent or --abandon, with --reason TEXT"
    )
}

pub(super) fn as_json(campaign: &ListCampaign) -> Value {
    json!({
        "ticket": campaign.ticket, "state": campaign.state.name(), "reason": campaign.reason,
        "audience": audience_json(campaign),
        "since": since(campaign).to_string(), "contacts": campaign.contacts,
        "cost": campaign.cost.map(|cost| cost.to_string()), "currency": campaign.currency.code(),
        "remedy": remedy(campaign),
    })
}

pub(super) fn write(out: &mut String, campaign: &ListCampaign, now: Timestamp) {
    let since = since(campaign);
    let contacts = campaign.contacts.map_or_else(
        || "its contacts are not known".to_owned(),
        |contacts| counted(contacts, "contact"),
    );
    let state = match campaign.state {
        ListCampaignState::Sending => "being sent, or left by a killed command",
        _ => "in doubt",
    };
    let _ = writeln!(
        out,
        "campaign {} on {}: {state} since {since:.0} ({}), {contacts}",
        campaign.ticket,
        match &campaign.audience {
            Some(audience) => format!("a {}", audience.kind()),
            None if is_exotel(campaign) => "numbers that were typed".to_owned(),
            None => "a list or tag".to_owned(),
        },
        age(now.duration_since(since)),
    );
    if let Some(reason) = &campaign.reason {
        let _ = writeln!(out, "  why        {reason}");
    }
    let _ = writeln!(out, "  what to do {}", remedy(campaign));
}

/// Takes the operator's word.
pub(super) fn resolve(
    ticket: &str,
    word: &Word,
    signature: &Signature,
    recipients: Option<u64>,
    mut ledger: Ledger,
    common: &Common,
) -> Result<Exit, CommandError> {
    if *word == Word::NotSent {
        confirm(ticket, &ledger_path(common, None), recipients)?;
    }
    let resolved = ledger.resolve_list_campaign(ticket, word, signature)?;
    ledger.close().map_err(RunError::from)?;
    let campaign = &resolved.campaign;
    if common.json {
        print::json(&json!({
            "schema": 1, "ticket": ticket, "was": resolved.was.name(), "state": campaign.state.name(),
            "contacts": campaign.contacts, "who": signature.who, "why": signature.why,
            "at": signature.at.to_string(), "exit_code": Exit::Complete.code(),
        }));
    } else {
        let then = match campaign.state {
            ListCampaignState::Draft if is_exotel(campaign) => {
                "the command that was to create it may do so now".to_owned()
            }
            ListCampaignState::Draft => format!("`volley octopush list-campaign send {ticket}` sends it"),
            _ => "it is not sent again".to_owned(),
        };
        print::result(&format!(
            "campaign {ticket} was {} and is {} now: {then}\n",
            resolved.was.name(),
            campaign.state.name()
        ));
    }
    Ok(Exit::Complete)
}

/// One that was not sent can be sent again: whoever says so says to how many.
fn confirm(ticket: &str, ledger: &Path, given: Option<u64>) -> Result<(), CommandError> {
    let reader = Reader::open(ledger).map_err(RunError::from)?;
    let known = reader.list_campaigns().map_err(RunError::from)?;
    let Some(campaign) = known.iter().find(|campaign| campaign.ticket == ticket) else {
        // The ledger tells that it does not know it.
        return Ok(());
    };
    // Contacts that nobody has counted are none, as far as can be asked for.
    let contacts = campaign.contacts.unwrap_or(0);
    let given = match given {
        Some(given) => Some(given.to_string()),
        None => operator::asked(&format!(
            "Campaign {ticket} was not sent: it can be sent again.\n\
             If it was sent after all, its contacts get it twice. Type their number:"
        ))?,
    };
    match given {
        Some(given) if given.trim() == contacts.to_string() => Ok(()),
        Some(given) => Err(CommandError::Unconfirmed(format!(
            "campaign {ticket} does not have {given} contacts; see `volley doubt list`; nothing was changed"
        ))),
        None => Err(CommandError::Unconfirmed(
            "--not-sent lets it be sent again; confirm it with --recipients N, its number of contacts, 0 where they are not \
             known; nothing was changed"
                .to_owned(),
        )),
    }
}
