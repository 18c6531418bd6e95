//! `volley ledger copy`: campaigns into a ledger on a server, and what of them arrived there, as that ledger itself reports it.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use volley_ledger::{CampaignReport, Copied, CopiedCampaign, Reader, shown_path};
use volley_model::BatchState;

use crate::cli::{Common, CopyArgs};
use crate::commands::report::money;
use crate::commands::{CommandError, ledger_path, named, operator};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::summary::{code_of, counted, counted_as, grouped};

/// Copies campaigns, and tells what they add up to where they are now.
pub(crate) fn copy(args: &CopyArgs, common: &Common) -> Result<Exit, CommandError> {
    for name in &args.campaigns {
        named::refuse_file(Some(name), common)?;
    }
    let from = ledger_path(common, None);
    let copied = volley_ledger::copy(&from, &args.to, &args.campaigns, &operator::signature())?;
    let from = shown_path(&from);
    let reader = Reader::open(&args.to).map_err(RunError::from)?;
    let mut reports = Vec::with_capacity(copied.campaigns.len());
    for campaign in &copied.campaigns {
        let report = reader.report(Some(&campaign.name)).map_err(RunError::from)?;
        reports.extend(report.into_iter().map(|report| (campaign, report)));
    }
    let taken = if common.json {
        print::json(&json!({
            "schema": 1, "from": from, "to": reader.path(), "campaigns": reports.iter().map(as_json).collect::<Vec<_>>(),
            "copied_before": copied.before, "suppressed": copied.suppressed.changed,
            "list_campaigns": copied.list_campaigns, "exit_code": Exit::Complete.code(),
        }))
    } else {
        print::result(&as_text(&from, reader.path(), &copied, &reports))
    };
    Ok(Exit::Complete.if_taken(taken))
}

/// Recipients by what became of them.
struct Totals {
    sent: u64,
    in_doubt: u64,
    refused: u64,
}

impl Totals {
    fn of(report: &CampaignReport) -> Self {
        let mut totals = Self {
            sent: 0,
            in_doubt: 0,
            refused: 0,
        };
        for state in &report.states {
            match state.state {
                BatchState::Accepted
                | BatchState::Unticketed
                | BatchState::DeclaredSent
                | BatchState::Abandoned => totals.sent += state.recipients,
                BatchState::Intended | BatchState::InDoubt => totals.in_doubt += state.recipients,
                BatchState::Refused => totals.refused += state.recipients,
                // Each for the one number that it was refused for.
                BatchState::Split => totals.refused += state.batches,
                BatchState::Released
                | BatchState::Simulated
                | BatchState::DeclaredNotSent
                | BatchState::Withdrawn => {}
            }
        }
        totals
    }
}

/// Batches that nobody knows the outcome of; those that a killed run left, too.
fn doubts(report: &CampaignReport) -> u64 {
    let open = |state: BatchState| matches!(state, BatchState::Intended | BatchState::InDoubt);
    let states = report.states.iter().filter(|totals| open(totals.state));
    states.map(|totals| totals.batches).sum()
}

fn as_json((campaign, report): &(&CopiedCampaign, CampaignReport)) -> Value {
    let totals = Totals::of(report);
    json!({
        "campaign": campaign.name, "runs": campaign.runs, "batches": campaign.batches,
        "recipients": {"sent": totals.sent, "refused": totals.refused, "in_doubt": totals.in_doubt},
        "doubts": doubts(report), "tickets": report.tickets.len(),
        "cost": {
            "total": report.cost.total.map(|total| total.to_string()), "estimated": report.cost.estimated.to_string(),
            "currency": report.cost.currency.and_then(code_of),
        },
        "bodies_lost": campaign.bodies_lost.iter().map(|batch| batch.0).collect::<Vec<_>>(),
    })
}

fn as_text(from: &Path, to: &Path, copied: &Copied, reports: &[(&CopiedCampaign, CampaignReport)]) -> String {
    let mut out = String::new();
    for (campaign, report) in reports {
        write_campaign(&mut out, campaign, report);
    }
    for name in &copied.before {
        let _ = writeln!(out, "campaign {name}: copied before, and left as it is there");
    }
    let _ = writeln!(
        out,
        "suppression list: {} added, {} there now",
        counted(copied.suppressed.changed, "number"),
        grouped(copied.suppressed.listed)
    );
    let _ = match copied.list_campaigns {
        Some(count) => writeln!(out, "{} on lists and tags", counted(count, "campaign")),
        None => writeln!(
            out,
            "campaigns on lists and tags stay where they are: they are copied with all campaigns, when none is named"
        ),
    };
    let (from, to) = (from.display(), to.display());
    let _ = writeln!(
        out,
        "copied from {from} to {to}; send from there from now on, with --ledger {to} or VOLLEY_LEDGER: {from} sends these no more"
    );
    out
}

fn write_campaign(out: &mut String, campaign: &CopiedCampaign, report: &CampaignReport) {
    let totals = Totals::of(report);
    let _ = writeln!(
        out,
        "campaign {}: {} in {}; {} sent, {} refused; {} with {} in doubt; {}",
        campaign.name,
        counted_as(campaign.batches, "batch", "batches"),
        counted(campaign.runs, "run"),
        counted(totals.sent, "recipient"),
        grouped(totals.refused),
        counted_as(doubts(report), "batch", "batches"),
        counted(totals.in_doubt, "recipient"),
        counted(report.tickets.len() as u64, "ticket"),
    );
    if let Some(total) = report.cost.total {
        let _ = writeln!(
            out,
            "  cost {}, of which {} estimated",
            money(total, report.cost.currency),
            report.cost.estimated
        );
    }
    for batch in &campaign.bodies_lost {
        let _ = writeln!(
            out,
            "  batch {batch} is in doubt, and its request was lost in the old ledger already, so that it cannot be probed; ask \
             the provider, and say what you learnt with `volley doubt resolve {batch}`"
        );
    }
}
