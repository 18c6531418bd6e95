//! The report as one page: no network, light and dark, readable on a phone, on paper and by a screen reader.
//!
//! Everything is in the page as text and SVG when it is opened; its script only narrows tables down to what is searched
//! for. It holds no phone number: who was sent to is for `volley export`.
//! Bounds: the newest [`TICKETS_MAX`](tables::TICKETS_MAX) tickets of a campaign and the charts of its newest [`CHARTED_RUNS_MAX`] runs.

mod chart;
mod element;
mod tables;

use std::fmt::Write as _;

use jiff::Timestamp;
use volley_ledger::{CampaignReport, ListCampaign, RunReport};
use volley_model::{Amount, BatchState};

use super::breakdown::Breakdown;
use super::{Reported, money};
use crate::summary::{counted_as, grouped};
use element::{Column, Table, escaped, section};

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
const CHARTED_RUNS_MAX: usize = 3;

/// The page of these campaigns, as of now.
pub(super) fn page(campaigns: &[Reported], list_campaigns: &[ListCampaign], now: Timestamp) -> String {
    let title = match campaigns {
        [one] => format!("Campaign {}", one.campaign.name),
        several => counted_as(several.len() as u64, "campaign", "campaigns"),
    };
    let mut body = String::new();
    if campaigns.len() > 1 {
        body.push_str(&contents(campaigns));
    }
    for reported in campaigns {
        body.push_str(&campaign(reported));
    }
    if let Some(table) = tables::list_campaigns_table(list_campaigns) {
        body.push_str(&section("Campaigns on lists and tags", &table));
    }
    if campaigns.is_empty() && list_campaigns.is_empty() {
        body.push_str("<p>No campaign has been run with this ledger.</p>");
    }
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'; img-src data:\">\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <title>{title} – Volley</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
         <header><h1>Campaign report</h1><p>As of {now:.0}, by the ledger. Times are UTC.</p></header>\n\
         <main id=\"main\">\n{body}</main>\n\
         <footer><p>Written by volley {version}. Phone numbers are not in this page: \
         <code>volley export recipients</code> has them.</p></footer>\n\
         <script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        title = escaped(&title),
        version = env!("CARGO_PKG_VERSION"),
    )
}

fn contents(campaigns: &[Reported]) -> String {
    let mut table = Table::new(
        "Campaigns",
        [
            Column::text("Campaign"),
            Column::text("Provider"),
            Column::number("Sent to"),
            Column::number("In doubt"),
            Column::number("Cost"),
        ],
    );
    for Reported { campaign, .. } in campaigns {
        let name = escaped(&campaign.name);
        table.row(&[
            format!("<a href=\"#c-{name}\">{name}</a>"),
            escaped(&campaign.provider),
            grouped(sent(campaign)),
            grouped(doubtful(campaign)),
            cost(campaign),
        ]);
    }
    section("All campaigns", &table.html())
}

/// All of a campaign.
fn campaign(reported: &Reported) -> String {
    let Reported { campaign, breakdown } = reported;
    let name = escaped(&campaign.name);
    let mut out =
        format!("<article id=\"c-{name}\" aria-labelledby=\"h-{name}\"><h2 id=\"h-{name}\">{name}</h2>\n");
    let _ = writeln!(
        out,
        "<p>{} at {}, begun {:.0}{}.</p>",
        escaped(&campaign.provider),
        escaped(&campaign.host),
        campaign.created_at,
        if campaign.closed {
            "; its numbers were erased, and its name is closed"
        } else {
            ""
        },
    );
    out.push_str(&key_figures(campaign));
    out.push_str(&account(campaign));
    let currency = campaign.cost.currency;
    out.push_str(&tables::doubts(campaign));
    if !breakdown.refusals.is_empty() {
        out.push_str(&section("Refused by the provider", &tables::refusals(breakdown)));
    }
    for run in charted(campaign, breakdown) {
        out.push_str(&charts(run, breakdown));
    }
    if !breakdown.days.is_empty() {
        let days = breakdown
            .days
            .iter()
            .map(|(day, totals)| (day.to_string(), totals));
        out.push_str(&section("By day", &tables::totals_table("Day", days, currency)));
    }
    if let Some(countries) = breakdown
        .countries
        .as_ref()
        .filter(|countries| !countries.is_empty())
    {
        let rows = countries
            .iter()
            .map(|(country, totals)| (country.clone(), totals));
        out.push_str(&section(
            "By country",
            &tables::totals_table("Country", rows, currency),
        ));
    }
    out.push_str(&section("Runs", &tables::runs(campaign, breakdown)));
    out.push_str(&section("Tickets", &tables::tickets(&campaign.tickets)));
    out.push_str("</article>\n");
    out
}

fn key_figures(campaign: &CampaignReport) -> String {
    let doubtful = doubtful(campaign);
    let estimated = match campaign.cost.total {
        None => "nothing was told yet".to_owned(),
        Some(_) if campaign.cost.estimated > Amount::ZERO => {
            format!("of which {} estimated", campaign.cost.estimated)
        }
        Some(_) => "nothing of it estimated".to_owned(),
    };
    let figures = [
        ("Sent to", grouped(sent(campaign)), "recipients".to_owned()),
        ("Cost", cost(campaign), estimated),
        (
            "Tickets",
            grouped(campaign.tickets.len() as u64),
            "from the provider".to_owned(),
        ),
        (
            "In doubt",
            grouped(doubtful),
            if doubtful == 0 {
                "nothing is open"
            } else {
                "see below"
            }
            .to_owned(),
        ),
    ];
    let mut out = "<dl class=\"figures\">".to_owned();
    for (name, figure, remark) in figures {
        let _ = write!(
            out,
            "<div><dt>{name}</dt><dd><strong>{}</strong> <span>{}</span></dd></div>",
            escaped(&figure),
            escaped(&remark)
        );
    }
    out.push_str("</dl>\n");
    out
}

/// The campaign's recipients by what became of them: a bar, and the same as a table.
fn account(campaign: &CampaignReport) -> String {
    let all: u64 = campaign.states.iter().map(|totals| totals.recipients).sum();
    if all == 0 {
        return String::new();
    }
    let mut bar = "<div class=\"bar\" aria-hidden=\"true\">".to_owned();
    let mut table = Table::new(
        "Recipients by state",
        [
            Column::text("State"),
            Column::number("Recipients"),
            Column::number("Batches"),
            Column::number("Dropped by the provider"),
        ],
    );
    for totals in campaign.states.iter().filter(|totals| totals.recipients > 0) {
        let (state, class) = (totals.state.name().replace('_', " "), class_of(totals.state));
        let _ = write!(
            bar,
            "<span class=\"{class}\" style=\"flex-grow:{}\" title=\"{} {state}\"></span>",
            totals.recipients,
            grouped(totals.recipients)
        );
        table.row(&[
            format!("<span class=\"mark {class}\"></span>{state}"),
            grouped(totals.recipients),
            grouped(totals.batches),
            grouped(totals.dropped),
        ]);
    }
    bar.push_str("</div>\n");
    section("What became of the recipients", &(bar + &table.html()))
}

fn class_of(state: BatchState) -> &'static str {
    match state {
        BatchState::Accepted => "good",
        BatchState::Unticketed | BatchState::DeclaredSent | BatchState::Abandoned => "fair",
        BatchState::Intended | BatchState::InDoubt => "open",
        BatchState::Refused | BatchState::Split => "bad",
        BatchState::Released
        | BatchState::Simulated
        | BatchState::DeclaredNotSent
        | BatchState::Withdrawn => "none",
    }
}

/// The newest runs of which there is something to draw, oldest first.
fn charted<'a>(campaign: &'a CampaignReport, breakdown: &Breakdown) -> Vec<&'a RunReport> {
    let drawn = |run: &&RunReport| {
        breakdown
            .moments
            .iter()
            .filter(|moment| moment.run == run.run)
            .nth(1)
            .is_some()
    };
    let mut runs: Vec<_> = campaign
        .runs
        .iter()
        .rev()
        .filter(drawn)
        .take(CHARTED_RUNS_MAX)
        .collect();
    runs.reverse();
    runs
}

fn charts(run: &RunReport, breakdown: &Breakdown) -> String {
    let moments: Vec<_> = breakdown
        .moments
        .iter()
        .filter(|moment| moment.run == run.run)
        .copied()
        .collect();
    let limit = run.limits.and_then(|limits| limits.recipients_per_second);
    section(
        &format!("Run {} over time", run.run),
        &(chart::throughput(&moments, limit) + &chart::latency(&moments)),
    )
}

fn of_state(campaign: &CampaignReport, state: BatchState) -> u64 {
    let of_state = campaign.states.iter().filter(|totals| totals.state == state);
    of_state.map(|totals| totals.recipients).sum()
}

/// Open ones too: of what a killed run left nobody knows.
fn doubtful(campaign: &CampaignReport) -> u64 {
    of_state(campaign, BatchState::InDoubt) + of_state(campaign, BatchState::Intended)
}

fn sent(campaign: &CampaignReport) -> u64 {
    [
        BatchState::Accepted,
        BatchState::Unticketed,
        BatchState::DeclaredSent,
        BatchState::Abandoned,
    ]
    .into_iter()
    .map(|state| of_state(campaign, state))
    .sum()
}

fn cost(campaign: &CampaignReport) -> String {
    campaign.cost.total.map_or_else(
        || "not known".to_owned(),
        |total| money(total, campaign.cost.currency),
    )
}
