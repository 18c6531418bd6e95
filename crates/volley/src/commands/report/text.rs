//! A campaign's report as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use volley_ledger::{CampaignReport, RunReport, Ticket, WorkerState};
use volley_model::{Amount, BatchState, Currency};

use super::breakdown::{Breakdown, Refusal, Totals};
use super::{Reported, money};
use crate::summary::{counted, counted_as, grouped};

/// How many tickets are shown: the newest; `--json` has all.
const TICKETS_SHOWN: usize = 10;

pub(super) fn campaign(reported: &Reported) -> String {
    let Reported { campaign, breakdown } = reported;
    let mut out = String::new();
    let _ = writeln!(
        out,
        "campaign {} ({}, {})",
        campaign.name, campaign.provider, campaign.host
    );
    write_states(&mut out, campaign);
    if let (Some(total), currency) = (campaign.cost.total, campaign.cost.currency) {
        let _ = writeln!(
            out,
            "cost {}, of which {} estimated",
            money(total, currency),
            campaign.cost.estimated
        );
    }
    write_breakdown(&mut out, breakdown, campaign.cost.currency);
    for run in &campaign.runs {
        write_run(&mut out, run, breakdown);
    }
    for doubt in &campaign.doubts {
        let _ = writeln!(
            out,
            "in doubt: batch {}, {}, since {:.0}: {}",
            doubt.batch,
            counted(doubt.recipients, "recipient"),
            doubt.since,
            doubt.reason
        );
    }
    write_tickets(&mut out, &campaign.tickets);
    out
}

fn write_states(out: &mut String, campaign: &CampaignReport) {
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
}

/// Days where there are several, countries where they were counted, and who was refused.
fn write_breakdown(out: &mut String, breakdown: &Breakdown, currency: Option<Currency>) {
    if breakdown.days.len() > 1 {
        out.push_str("by day (UTC)\n");
        for (day, totals) in &breakdown.days {
            write_totals(out, &day.to_string(), totals, currency);
        }
    }
    if let Some(countries) = breakdown
        .countries
        .as_ref()
        .filter(|countries| !countries.is_empty())
    {
        write_countries(out, countries, currency);
    }
    for (refusal, refused) in &breakdown.refusals {
        let _ = writeln!(
            out,
            "refused: {} in {}, {}",
            counted(refused.recipients, "recipient"),
            counted_as(refused.batches, "batch", "batches"),
            told(refusal)
        );
    }
}

fn write_countries(out: &mut String, countries: &BTreeMap<String, Totals>, currency: Option<Currency>) {
    out.push_str("by country\n");
    let mut shared = Amount::ZERO;
    for (country, totals) in countries {
        write_totals(out, country, totals, currency);
        shared += totals.shared;
    }
    if shared > Amount::ZERO {
        let _ = writeln!(
            out,
            "  ({} of it are shares, by numbers, of tickets with several countries)",
            money(shared, currency)
        );
    }
}

fn write_totals(out: &mut String, name: &str, totals: &Totals, currency: Option<Currency>) {
    let _ = writeln!(
        out,
        "  {name:<10} {:>12} {}, {}",
        grouped(totals.recipients),
        if totals.recipients == 1 {
            "recipient"
        } else {
            "recipients"
        },
        money(totals.cost, currency)
    );
}

/// `HTTP 400, code 101: bad text`.
pub(super) fn told(refusal: &Refusal) -> String {
    let mut out = refusal
        .status
        .map_or_else(|| "no status".to_owned(), |status| format!("HTTP {status}"));
    if let Some(code) = refusal.code {
        let _ = write!(out, ", code {code}");
    }
    if !refusal.reason.is_empty() {
        let _ = write!(out, ": {}", refusal.reason);
    }
    out
}

fn write_run(out: &mut String, run: &RunReport, breakdown: &Breakdown) {
    let _ = write!(
        out,
        "run {}{} at {:.0}{}{}: {}, {}, {} accepted",
        run.run,
        run.worker
            .as_ref()
            .and_then(|worker| worker.name.as_ref())
            .map(|name| format!(" of {name}"))
            .unwrap_or_default(),
        run.started_at,
        if run.simulated { ", simulated" } else { "" },
        run.send_at
            .map(|at| format!(", to go out at {at}"))
            .unwrap_or_default(),
        outcome(run),
        counted(run.lines.read() + run.accepted, "line"),
        grouped(run.accepted)
    );
    if let (Some(pace), Some(limits)) = (breakdown.pace(run.run), run.limits) {
        let _ = write!(
            out,
            ", {pace:.1} requests/s of {} allowed",
            limits.requests_per_second
        );
    }
    out.push('\n');
}

/// How it ended, or what is known of one that has told no end.
pub(super) fn outcome(run: &RunReport) -> &str {
    match (&run.outcome, &run.worker) {
        (Some(outcome), _) => outcome,
        (None, None) => "running, or killed",
        (None, Some(worker)) => match worker.state {
            WorkerState::UnderWay => "under way",
            WorkerState::Silent => "silent, and taken for dead by whoever comes next",
            WorkerState::Fenced => "killed, and found dead",
            WorkerState::Ended => "ended",
        },
    }
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
            "  {} {}, {cost}{}",
            ticket.ticket,
            counted(ticket.recipients, "recipient"),
            if ticket.state == BatchState::Withdrawn {
                ", withdrawn"
            } else {
                ""
            }
        );
    }
}
