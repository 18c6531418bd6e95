//! A campaign's report as JSON.

use serde_json::{Value, json};
use volley_ledger::{RunReport, Ticket};

use super::Reported;
use super::breakdown::{Breakdown, Totals};
use crate::summary::code_of;

pub(super) fn campaign(reported: &Reported) -> Value {
    let Reported { campaign, breakdown } = reported;
    let mut told = json!({
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
            "currency": campaign.cost.currency.and_then(code_of),
            "unpriced_batches": campaign.cost.unpriced_batches,
        },
        "days": breakdown.days.iter().map(|(day, totals)| totals_json("day", &day.to_string(), totals)).collect::<Vec<_>>(),
        "refusals": breakdown.refusals.iter().map(|(refusal, refused)| json!({
            "status": refusal.status, "code": refusal.code, "reason": refusal.reason,
            "batches": refused.batches, "recipients": refused.recipients,
        })).collect::<Vec<_>>(),
        "tickets": campaign.tickets.iter().map(ticket_json).collect::<Vec<_>>(),
        "runs": campaign.runs.iter().map(|run| run_json(run, breakdown)).collect::<Vec<_>>(),
        "doubts": campaign.doubts.iter().map(|doubt| json!({
            "batch": doubt.batch.0, "recipients": doubt.recipients, "request_key": doubt.request_key,
            "reason": doubt.reason, "since": doubt.since.to_string(),
            "first_handed_over": doubt.first_handed_over_at.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    });
    if let Some(countries) = &breakdown.countries {
        told["countries"] = countries
            .iter()
            .map(|(country, totals)| totals_json("country", country, totals))
            .collect();
    }
    told
}

fn totals_json(key: &str, name: &str, totals: &Totals) -> Value {
    json!({
        key: name, "batches": totals.batches, "recipients": totals.recipients, "cost": totals.cost.to_string(),
        "shared": totals.shared.to_string(),
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

fn run_json(run: &RunReport, breakdown: &Breakdown) -> Value {
    let lines = &run.lines;
    let mut told = json!({
        "run": run.run.0, "started": run.started_at.to_string(),
        "ended": run.ended_at.map(|at| at.to_string()),
        "outcome": run.outcome, "reason": run.reason, "exit_code": run.exit_code, "simulated": run.simulated,
        "send_at": run.send_at.map(|at| at.to_string()),
        "batches": run.batches,
        "requests_per_second": breakdown.pace(run.run),
        "limits": run.limits.map(|limits| json!({
            "requests_per_second": limits.requests_per_second, "burst": limits.burst,
            "recipients_per_second": limits.recipients_per_second, "max_in_flight": limits.max_in_flight,
        })),
        "lines": {
            "read": lines.read() + run.accepted, "accepted": run.accepted, "invalid": lines.invalid,
            "duplicate": lines.duplicate, "suppressed": lines.suppressed, "already_sent": lines.already_sent,
            "refused": lines.refused, "in_doubt": lines.in_doubt, "pending": lines.planned,
        },
    });
    if let Some(worker) = &run.worker {
        told["worker"] = json!(worker.name);
        told["worker_state"] = json!(worker.state.name());
    }
    told
}
