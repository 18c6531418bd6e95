//! `volley report`: totals, tickets and costs from the ledger.

mod list_campaigns;

use std::fmt::Write as _;

use serde_json::{Value, json};
use volley_ledger::{CampaignReport, Reader, RunReport, Ticket};
use volley_model::{Amount, BatchState, Currency};

pub(super) use list_campaigns::audience_json;

use super::{CommandError, ledger_path, named};
use crate::cli::{Common, ReportArgs};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::summary::{counted, counted_as, grouped};

/// How many tickets the text shows: the newest; `--json` has all.
const TICKETS_SHOWN: usize = 10;

/// Shows what the ledger knows. Neither locks nor changes it.
pub(super) fn report(args: &ReportArgs, common: &Common) -> Result<Exit, CommandError> {
    named::refuse_file(args.campaign.as_deref(), common)?;
    let path = ledger_path(common, None);
    let reader = Reader::open(&path).map_err(RunError::from)?;
    let campaigns = reader.report(args.campaign.as_deref()).map_err(RunError::from)?;
    if let (Some(name), []) = (&args.campaign, campaigns.as_slice()) {
        let known = reader.campaigns().map_err(RunError::from)?;
        return Err(named::unknown(path, name, &known));
    }
    // They belong to no campaign of a name.
    let list_campaigns = match args.campaign {
        None => reader.list_campaigns().map_err(RunError::from)?,
        Some(_) => Vec::new(),
    };
    if common.json {
        print::json(&json!({
            "schema": 1, "campaigns": campaigns.iter().map(as_json).collect::<Vec<_>>(),
            "list_campaigns": list_campaigns.iter().map(list_campaigns::as_json).collect::<Vec<_>>(),
        }));
    } else if campaigns.is_empty() && list_campaigns.is_empty() {
        print::result("no campaign has been run with this ledger\n");
    } else {
        let mut texts: Vec<String> = campaigns.iter().map(as_text).collect();
        texts.extend(list_campaigns::as_text(&list_campaigns));
        print::result(&texts.join("\n"));
    }
    Ok(Exit::Complete)
}

fn as_json(campaign: &CampaignReport) -> Value {
    json!({
        "campaign": campaign.name,
        "provider": campaign.provider,
        "host": campaign.host,
        "created": campaign.created_at.to_string(),
        "closed": campaign.closed,
        "states": campaign.states.iter().map(|totals| json!({
            "state": totals.state.name(), "batches": totals.batches, "recipients": totals.recipients,
            "contacts": totals.contacts, "dropped": totals.dropped, "segments": totals.units,
        })).collect::<Vec<_>>(),
        "cost": {
            "total": campaign.cost.total.map(|amount| amount.to_string()),
            "estimated": campaign.cost.estimated.to_string(),
            "currency": campaign.cost.currency.map(|currency| currency.code().to_owned()),
            "unpriced_batches": campaign.cost.unpriced_batches,
        },
        "tickets": campaign.tickets.iter().map(ticket_json).collect::<Vec<_>>(),
        "runs": campaign.runs.iter().map(run_json).collect::<Vec<_>>(),
        "doubts": campaign.doubts.iter().map(|doubt| json!({
            "batch": doubt.batch.0, "recipients": doubt.recipients, "request_key": doubt.request_key,
            "reason": doubt.reason, "since": doubt.since.to_string(),
            "first_handed_over": doubt.first_handed_over_at.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    })
}

fn ticket_json(ticket: &Ticket) -> Value {
    json!({
        "ticket": ticket.ticket, "batch": ticket.batch.0, "state": ticket.state.name(),
        "recipients": ticket.recipients, "contacts": ticket.contacts,
        "cost": ticket.cost.map(|amount| amount.to_string()),
        "currency": ticket.currency.map(|currency| currency.code().to_owned()),
        "cost_source": ticket.cost_source.map(volley_model::CostSource::name),
        "at": ticket.at.map(|at| at.to_string()),
    })
}

fn run_json(run: &RunReport) -> Value {
    let lines = &run.lines;
    json!({
        "run": run.run.0, "started": run.started_at.to_string(),
        "ended": run.ended_at.map(|at| at.to_string()),
        "outcome": run.outcome, "reason": run.reason, "exit_code": run.exit_code, "simulated": run.simulated,
        "send_at": run.send_at.map(|at| at.to_string()),
        "batches": run.batches,
        "lines": {
            "read": lines.read() + run.accepted, "accepted": run.accepted, "invalid": lines.invalid,
            "duplicate": lines.duplicate, "suppressed": lines.suppressed, "already_sent": lines.already_sent,
            "refused": lines.refused, "in_doubt": lines.in_doubt, "pending": lines.planned,
        },
    })
}

fn as_text(campaign: &CampaignReport) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "campaign {} ({}, {})",
        campaign.name, campaign.provider, campaign.host
    );
    for totals in &campaign.states {
        let dropped = if totals.dropped > 0 {
            format!(", {} dropped", grouped(totals.dropped))
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "{:>12} {} {} in {}{dropped}",
            grouped(totals.recipients),
            if totals.recipients == 1 {
                "recipient"
            } else {
                "recipients"
            },
            totals.state.name(),
            counted_as(totals.batches, "batch", "batches")
        );
    }
    if let (Some(total), currency) = (campaign.cost.total, campaign.cost.currency) {
        let _ = writeln!(
            out,
            "cost {}, of which {} estimated",
            money(total, currency),
            campaign.cost.estimated
        );
    }
    for run in &campaign.runs {
        let _ = writeln!(
            out,
            "run {} at {:.0}{}{}: {}, {} lines, {} accepted",
            run.run,
            run.started_at,
            if run.simulated { ", simulated" } else { "" },
            run.send_at
                .map(|at| format!(", to go out at {at}"))
                .unwrap_or_default(),
            run.outcome.as_deref().unwrap_or("running, or killed"),
            grouped(run.lines.read() + run.accepted),
            grouped(run.accepted)
        );
    }
    for doubt in &campaign.doubts {
        let _ = writeln!(
            out,
            "in doubt: batch {}, {} recipients, since {:.0}: {}",
            doubt.batch,
            grouped(doubt.recipients),
            doubt.since,
            doubt.reason
        );
    }
    write_tickets(&mut out, &campaign.tickets);
    out
}

fn write_tickets(out: &mut String, tickets: &[Ticket]) {
    let hidden = tickets.len().saturating_sub(TICKETS_SHOWN);
    let _ = writeln!(out, "{}", counted(tickets.len() as u64, "ticket"));
    if hidden > 0 {
        let _ = writeln!(out, "  the newest {TICKETS_SHOWN}; --json has all");
    }
    for ticket in &tickets[hidden..] {
        let cost = ticket
            .cost
            .map_or_else(|| "no price yet".to_owned(), |cost| money(cost, ticket.currency));
        let _ = writeln!(
            out,
            "  {} {} recipients, {cost}{}",
            ticket.ticket,
            grouped(ticket.recipients),
            if ticket.state == BatchState::Withdrawn {
                ", withdrawn"
            } else {
                ""
            }
        );
    }
}

fn money(amount: Amount, currency: Option<Currency>) -> String {
    match currency {
        Some(currency) => format!("{amount} {}", currency.code()),
        None => amount.to_string(),
    }
}
