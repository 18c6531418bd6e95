//! The page's tables: doubts, refusals, totals by day and country, runs, tickets, campaigns on lists.

use std::fmt::Write as _;

use volley_ledger::{CampaignReport, ListCampaign, Ticket};
use volley_model::{Amount, Currency};

use super::element::{Column, Table, escaped, section};
use crate::commands::report::breakdown::{Breakdown, Totals, without_numbers};
use crate::commands::report::{money, text};
use crate::summary::grouped;

/// A page of more would be slow to open; `volley export tickets` has all.
pub(super) const TICKETS_MAX: usize = 5000;

pub(super) fn doubts(campaign: &CampaignReport) -> String {
    if campaign.doubts.is_empty() {
        return String::new();
    }
    let mut table = Table::new(
        "Batches in doubt",
        [
            Column::number("Batch"),
            Column::number("Recipients"),
            Column::text("Since"),
            Column::text("Handed over"),
            Column::text("Why"),
            Column::text("Request key"),
        ],
    );
    for doubt in &campaign.doubts {
        table.row(&[
            doubt.batch.to_string(),
            grouped(doubt.recipients),
            format!("{:.0}", doubt.since),
            doubt
                .first_handed_over_at
                .map_or_else(|| "not known".to_owned(), |at| format!("{at:.0}")),
            escaped(&without_numbers(&doubt.reason)),
            format!("<code>{}</code>", escaped(&doubt.request_key)),
        ]);
    }
    let remedy = "<p>Whether these were sent is not known, and nothing of them is sent again. Run the campaign again later, or ask \
        the provider and say what you learnt: <code>volley doubt resolve</code>.</p>\n";
    section("In doubt", &(remedy.to_owned() + &table.html()))
}

pub(super) fn refusals(breakdown: &Breakdown) -> String {
    let mut table = Table::new(
        "Refusals",
        [
            Column::text("The provider's answer"),
            Column::number("Recipients"),
            Column::number("Batches"),
        ],
    );
    for (refusal, refused) in &breakdown.refusals {
        table.row(&[
            escaped(&text::told(refusal)),
            grouped(refused.recipients),
            grouped(refused.batches),
        ]);
    }
    table.html()
}

pub(super) fn totals_table<'a>(
    first: &str,
    rows: impl Iterator<Item = (String, &'a Totals)>,
    currency: Option<Currency>,
) -> String {
    let mut table = Table::new(
        &format!("Recipients and costs by {}", first.to_lowercase()),
        [
            Column::text(first),
            Column::number("Recipients"),
            Column::number("Batches"),
            Column::number("Cost"),
        ],
    );
    let mut shared = Amount::ZERO;
    for (name, totals) in rows {
        shared += totals.shared;
        table.row(&[
            escaped(&name),
            grouped(totals.recipients),
            grouped(totals.batches),
            escaped(&money(totals.cost, currency)),
        ]);
    }
    let mut out = table.html();
    if shared > Amount::ZERO {
        let _ = writeln!(
            out,
            "<p class=\"note\">A ticket has one price. {} of these costs are shares of tickets with several countries, by \
             their numbers.</p>",
            escaped(&money(shared, currency))
        );
    }
    out
}

pub(super) fn runs(campaign: &CampaignReport, breakdown: &Breakdown) -> String {
    let mut table = Table::new(
        "Runs",
        [
            Column::number("Run"),
            Column::text("Begun"),
            Column::text("End"),
            Column::number("Lines"),
            Column::number("Accepted"),
            Column::number("Invalid"),
            Column::number("Skipped"),
            Column::number("Refused"),
            Column::number("In doubt"),
            Column::number("Pending"),
            Column::number("Requests/s"),
            Column::number("Allowed"),
        ],
    );
    for run in &campaign.runs {
        let lines = &run.lines;
        let ended = text::outcome(run);
        let end = match &run.reason {
            Some(reason) => format!("{ended}: {}", without_numbers(reason)),
            None => ended.to_owned(),
        };
        let or_dash = |figure: Option<String>| figure.unwrap_or_else(|| "–".to_owned());
        let worker = run.worker.as_ref().and_then(|worker| worker.name.as_ref());
        table.row(&[
            worker.map_or_else(
                || run.run.to_string(),
                |name| format!("{} ({})", run.run, escaped(name)),
            ),
            format!("{:.0}", run.started_at),
            escaped(&end) + if run.simulated { " (simulated)" } else { "" },
            grouped(lines.read() + run.accepted),
            grouped(run.accepted),
            grouped(lines.invalid),
            grouped(lines.duplicate + lines.suppressed + lines.already_sent),
            grouped(lines.refused),
            grouped(lines.in_doubt),
            grouped(lines.planned),
            or_dash(breakdown.pace(run.run).map(|pace| format!("{pace:.1}"))),
            or_dash(run.limits.map(|limits| limits.requests_per_second.to_string())),
        ]);
    }
    table.html()
}

pub(super) fn tickets(tickets: &[Ticket]) -> String {
    let mut table = Table::new(
        "Tickets",
        [
            Column::text("Ticket"),
            Column::text("State"),
            Column::number("Recipients"),
            Column::number("Contacts"),
            Column::number("Cost"),
            Column::text("Booked"),
        ],
    );
    let hidden = tickets.len().saturating_sub(TICKETS_MAX);
    for ticket in tickets[hidden..].iter().rev() {
        let cost = ticket
            .cost
            .map_or_else(|| "no price yet".to_owned(), |cost| money(cost, ticket.currency));
        table.row(&[
            format!("<code>{}</code>", escaped(&ticket.ticket)),
            ticket.state.name().replace('_', " "),
            grouped(ticket.recipients),
            ticket.contacts.map_or_else(|| "–".to_owned(), grouped),
            escaped(&cost),
            ticket.at.map_or_else(|| "–".to_owned(), |at| format!("{at:.0}")),
        ]);
    }
    let mut out = table.html();
    if hidden > 0 {
        let _ = writeln!(
            out,
            "<p class=\"note\">The newest {}; <code>volley export tickets</code> has all {}.</p>",
            grouped(TICKETS_MAX as u64),
            grouped(tickets.len() as u64)
        );
    }
    out
}

pub(super) fn list_campaigns_table(campaigns: &[ListCampaign]) -> Option<String> {
    if campaigns.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Campaigns on lists and tags",
        [
            Column::text("Ticket"),
            Column::text("Provider"),
            Column::text("Audience"),
            Column::text("State"),
            Column::number("Contacts"),
            Column::number("Cost"),
        ],
    );
    for campaign in campaigns {
        let audience = campaign.audience.as_ref();
        table.row(&[
            format!("<code>{}</code>", escaped(&campaign.ticket)),
            escaped(&campaign.provider),
            audience.map_or_else(
                || "–".to_owned(),
                |audience| escaped(&format!("{} {}", audience.kind(), audience.name())),
            ),
            campaign.state.name().replace('_', " "),
            campaign.contacts.map_or_else(|| "–".to_owned(), grouped),
            campaign.cost.map_or_else(
                || "–".to_owned(),
                |cost| escaped(&money(cost, Some(campaign.currency))),
            ),
        ]);
    }
    Some(table.html())
}
