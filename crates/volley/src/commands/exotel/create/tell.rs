//! How people and scripts are told of a campaign that `create` made, or may have made.

use volley_ledger::ListCampaign;
use volley_model::ListCampaignState;
use volley_provider::Said;
use volley_provider::exotel::Listed;

use super::super::campaign::id_told;
use crate::commands::list_campaign;
use crate::commands::told::Told;
use crate::exit::Exit;

/// One that stands as the ledger has it.
pub(super) fn standing(campaign: &ListCampaign, how: &str) -> Told {
    if list_campaign::is_doubtful(campaign) {
        return doubt(campaign, "");
    }
    let id = campaign.provider_id.as_deref();
    let id = id.map(|id| format!(", as {id}")).unwrap_or_default();
    let why = campaign.reason.as_deref();
    let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
    let then = match campaign.state {
        ListCampaignState::Failed | ListCampaignState::Cancelled => "choose another name for a new one",
        _ => "it is not created again",
    };
    let text = format!(
        "{} is {}{id}{why}{how}: {then}\n",
        campaign.ticket,
        campaign.state.name()
    );
    let exit = list_campaign::exit_of(campaign.state);
    of(Told::ended(exit, text, Said::default()), campaign)
}

/// One in doubt; `now` is what was just seen of it.
pub(super) fn doubt(campaign: &ListCampaign, now: &str) -> Told {
    let name = &campaign.ticket;
    let reason = campaign
        .reason
        .as_deref()
        .unwrap_or("its command was killed, or still runs");
    let text = format!(
        "{name} is in doubt ({reason}): whether it was created is not known, and it is not created again{now}. The same \
         command looks for its name in the listing once more; if it stays away: {}, or --sent, or --abandon",
        resolve_command(name)
    );
    of(Told::ended(Exit::Doubtful, text, Said::default()), campaign)
}

/// One in doubt that was not what is asked for now.
pub(super) fn other_doubt(campaign: &ListCampaign) -> Told {
    let name = &campaign.ticket;
    let text = format!(
        "nothing is created: {name} is in doubt, with other parameters, and may have been created. Give the parameters that it \
         had, and it is looked for in the listing; if it stays away: {}, or --sent, or --abandon",
        resolve_command(name)
    );
    of(Told::ended(Exit::Doubtful, text, Said::default()), campaign)
}

/// Another one in doubt stands in the way of one that is to be created.
pub(super) fn held_up(name: &str, doubtful: &ListCampaign) -> Told {
    let text = format!(
        "{name} is not created: {} is for the same people, and in doubt, so that they could be called twice. The command that \
         created that one looks for it in the listing; if it stays away: {}, or --sent, or --abandon",
        doubtful.ticket,
        resolve_command(&doubtful.ticket)
    );
    Told::ended(Exit::Doubtful, text, Said::default())
        .with("name", name)
        .with("in_doubt", doubtful.ticket.clone())
}

/// A name that something has could not prove that ours was made. `tried`: this ledger's own may have been, whatever was said.
pub(super) fn taken(name: &str, by: &Listed, tried: bool) -> Told {
    let id = id_told(&by.id);
    let state = by.state.name();
    let (exit, why) = if tried {
        let why = format!(
            "campaign {id} has this name and is {state}: it may be the one that was tried before, created after all. Look at it \
             with `volley exotel campaign show {id}` before you create it under another name: its people could be called twice"
        );
        (Exit::Doubtful, why)
    } else {
        let why = format!("campaign {id} has this name already, and is {state}; choose another name");
        (Exit::Refused, why)
    };
    Told::ended(exit, format!("{name} is not created: {why}"), Said::default())
        .with("name", name)
        .with("id", by.id.clone())
}

/// Others of the same name that call the same people.
pub(super) fn twins(others: &[&Listed]) -> String {
    let ids: Vec<String> = others
        .iter()
        .map(|listed| format!("{} ({})", id_told(&listed.id), listed.state.name()))
        .collect();
    format!(
        "another campaign has its name and calls the same people: {}; end it at Exotel",
        ids.join(", ")
    )
}

/// How the operator says that it was not created.
pub(in crate::commands) fn resolve_command(name: &str) -> String {
    // A number alone would be taken for a batch's.
    let ticket = if name.parse::<i64>().is_ok() {
        "ticket:"
    } else {
        ""
    };
    format!("volley doubt resolve '{ticket}{name}' --not-sent --reason TEXT")
}

/// With what the ledger has of it.
pub(super) fn of(told: Told, campaign: &ListCampaign) -> Told {
    told.with("name", campaign.ticket.clone())
        .with("id", campaign.provider_id.clone())
        .with("state", campaign.state.name())
        .with("ledger", list_campaign::as_json(campaign))
}
