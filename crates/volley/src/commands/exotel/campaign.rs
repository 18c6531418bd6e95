//! `volley exotel campaign …`: looks at campaigns, and what is done to one.
//!
//! Sources: "get campaign details", "bulk campaign details", "update campaign" (actions), "campaign call details".

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};
use volley_provider::exotel::{Action, Call, Calls, CampaignFilter, CampaignState, Listed, Listing, SortBy};
use volley_provider::{Reply, Said, presentable};

use super::{Account, create, delete, reach, update};
use crate::cli::{CampaignListArgs, Common, ExotelCampaignCommand};
use crate::commands::CommandError;
use crate::commands::told::Told;
use crate::config::ConfigError;
use crate::summary::counted;

/// Does what the command line says.
pub(super) fn campaign(command: &ExotelCampaignCommand, common: &Common) -> Result<Told, CommandError> {
    let account = || reach(common, &common.overrides).map(|(account, _)| account);
    match command {
        ExotelCampaignCommand::Create(args) => create::create(args, common),
        ExotelCampaignCommand::Show(args) => Ok(show(&args.id, &account()?)),
        ExotelCampaignCommand::List(args) => list(args, &account()?),
        ExotelCampaignCommand::Update(args) => update::update(args, common),
        ExotelCampaignCommand::Pause(args) => Ok(act(&args.id, Action::Pause, &account()?)),
        ExotelCampaignCommand::Resume(args) => Ok(act(&args.id, Action::Resume, &account()?)),
        ExotelCampaignCommand::Complete(args) => Ok(act(&args.id, Action::Complete, &account()?)),
        ExotelCampaignCommand::Archive(args) => Ok(act(&args.id, Action::Archive, &account()?)),
        ExotelCampaignCommand::Delete(args) => delete::delete(args, &account()?),
        ExotelCampaignCommand::Calls(args) => {
            let account = account()?;
            Ok(match calls_of(&args.id, &account) {
                Ok(calls) => told_calls(&args.id, &calls),
                Err(reply) => Told::not_done("ask for the calls", reply, &account.exchange),
            })
        }
    }
}

fn show(id: &str, account: &Account<'_>) -> Told {
    match asked(id, account) {
        Reply::Done(said) => {
            let text = said.campaign().map_or_else(
                || format!("Exotel knows {id}, and tells of it what cannot be read; see --json\n"),
                |listed| line(&listed),
            );
            Told::done(text, said)
        }
        reply => Told::not_done("show the campaign", reply, &account.exchange),
    }
}

/// Asks for one campaign.
pub(super) fn asked(id: &str, account: &Account<'_>) -> Reply {
    let exotel = account.exchange.api();
    exotel.reply(&account.exchange.ask(&exotel.show_request(id)))
}

fn list(args: &CampaignListArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let sort_by = args.sort_by.as_deref().map(|name| {
        SortBy::named(name).ok_or_else(|| ConfigError::Flag {
            key: "--sort-by".to_owned(),
            why: format!("{name:?} is none of date_created:asc, date_created:desc, name:asc, name:desc"),
        })
    });
    let states: Vec<CampaignState> = args
        .state
        .iter()
        .map(|state| CampaignState::spelled(state))
        .collect();
    let filter = CampaignFilter {
        offset: args.offset,
        limit: args.limit,
        name: args.name.as_deref(),
        states: &states,
        sort_by: sort_by.transpose()?,
    };
    let exotel = account.exchange.api();
    let evidence = account.exchange.ask(&exotel.list_request(&filter));
    let page = match exotel.listing(&evidence) {
        Listing::Page(page) => page,
        Listing::Other(reply) => {
            return Ok(Told::not_done("list the campaigns", reply, &account.exchange));
        }
    };
    let mut text: String = page.campaigns.iter().map(line).collect();
    let offset = args.offset.unwrap_or(0);
    if page.is_empty() {
        text.push_str("no campaigns\n");
    } else if !page.is_last(offset) {
        let _ = writeln!(text, "there may be more: --offset {}", offset + page.len());
    }
    if page.unreadable > 0 {
        let _ = writeln!(
            text,
            "{} cannot be read",
            counted(page.unreadable, "further campaign")
        );
    }
    let campaigns: Vec<Value> = page.campaigns.iter().map(as_json).collect();
    Ok(Told::done(text, Said::default())
        .with("campaigns", campaigns)
        .with("unreadable", page.unreadable)
        .with("total", page.total)
        .with("last", page.is_last(offset)))
}

fn act(id: &str, action: Action, account: &Account<'_>) -> Told {
    let exotel = account.exchange.api();
    let evidence = account
        .exchange
        .ask_to_the_end(&exotel.action_request(id, action));
    let told = match exotel.reply(&evidence) {
        Reply::Done(said) => Told::done(format!("{id}: {} is done\n", action.name()), said),
        Reply::Refused(refusal) => {
            let from: Vec<&str> = action.from().iter().map(CampaignState::name).collect();
            let told = account.exchange.provider().explain(&refusal);
            let text = format!(
                "{id}: {} is refused: {told}; it is for campaigns that are {}",
                action.name(),
                from.join(" or ")
            );
            Told::refused(text, &refusal)
        }
        reply => Told::not_done(action.name(), reply, &account.exchange),
    };
    told.with("id", id).with("action", action.name())
}

/// All calls of a campaign, page by page; else why they cannot be told. Only an empty page is the end: a price that is booked
/// for part of them would be wrong for good.
pub(super) fn calls_of(id: &str, account: &Account<'_>) -> Result<Vec<Call>, Reply> {
    let exotel = account.exchange.api();
    let unknown = |reason: String| Reply::Unknown { reason };
    let mut calls: Vec<Call> = Vec::new();
    let (mut promised, mut seen) = (0, HashSet::new());
    loop {
        let offset = calls.len() as u64;
        let page = match exotel.calls(&account.exchange.ask(&exotel.calls_request(id, offset, None))) {
            Calls::Page(page) => page,
            Calls::Other(reply) => return Err(reply),
        };
        if page.unreadable > 0 {
            let which = counted(page.unreadable, "call");
            return Err(unknown(format!("{which} cannot be read")));
        }
        promised = promised.max(page.total.unwrap_or(0));
        if page.calls.is_empty() {
            // Before the first call a 404 is an empty page; behind calls, one that tells no total may be anything.
            if promised > offset || (offset > 0 && page.total.is_none()) {
                return Err(unknown(format!(
                    "{offset} calls are told, and not that these are all"
                )));
            }
            return Ok(calls);
        }
        // Pages that shift repeat a call, and leave another out.
        if !page.calls.iter().all(|call| seen.insert(call.sid.clone())) {
            return Err(unknown("a call was told twice; run it again".to_owned()));
        }
        calls.extend(page.calls);
    }
}

fn told_calls(id: &str, calls: &[Call]) -> Told {
    let mut text = String::new();
    for call in calls {
        let number = call.number.as_deref().map(presentable).unwrap_or_default();
        let seconds = call.duration_seconds.unwrap_or(0);
        let _ = writeln!(text, "{} {number} {} {seconds} s", call.sid, call.status.name());
    }
    if calls.is_empty() {
        text.push_str("no calls yet\n");
    }
    let rows = calls.iter().map(|call| {
        json!({
            "sid": call.sid, "number": call.number, "status": call.status.name(),
            "duration_seconds": call.duration_seconds, "date_created": call.date_created, "digits": call.digits,
        })
    });
    Told::done(text, Said::default())
        .with("id", id)
        .with("calls", rows.collect::<Vec<_>>())
}

/// An id to be copied, not masked as a number would be.
pub(super) fn id_told(id: &str) -> String {
    if id.is_ascii() {
        id.to_owned()
    } else {
        presentable(id)
    }
}

/// A campaign, in a line for people.
fn line(listed: &Listed) -> String {
    let mut line = format!(
        "{} {} {}",
        id_told(&listed.id),
        presentable(&listed.name),
        listed.state.name()
    );
    if let Some(send_at) = &listed.send_at {
        let _ = write!(line, ", from {}", presentable(send_at));
    }
    for (name, count) in &listed.stats {
        let _ = write!(line, ", {count} {name}");
    }
    line.push('\n');
    line
}

fn as_json(listed: &Listed) -> Value {
    json!({
        "id": listed.id, "name": listed.name, "status": listed.state.name(), "date_created": listed.date_created,
        "send_at": listed.send_at, "stats": listed.stats,
    })
}
