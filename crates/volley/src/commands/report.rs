//! `volley report`: what the ledger knows of campaigns, as text, as JSON, or as one page of HTML.

mod breakdown;
mod html;
mod json;
mod list_campaigns;
mod text;

use serde_json::json;
use volley_ledger::{CampaignReport, Numbers, Reader};
use volley_model::{Amount, Currency};

pub(super) use list_campaigns::audience_json;

use super::outputs::{self, refuse_ledger};
use super::{CommandError, ledger_path, named};
use crate::cli::{Common, ReportArgs};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::{clock, print};
use breakdown::Breakdown;

/// A campaign as it is reported.
struct Reported {
    campaign: CampaignReport,
    breakdown: Breakdown,
}

/// Shows what the ledger knows. Neither locks nor changes it.
pub(super) fn report(args: &ReportArgs, common: &Common) -> Result<Exit, CommandError> {
    named::refuse_file(args.campaign.as_deref(), common)?;
    let path = ledger_path(common, None);
    let reader = Reader::open(&path).map_err(RunError::from)?;
    if let Some(name) = &args.campaign {
        named::refuse_unknown(&reader, &path, name)?;
    }
    if let Some(page) = &args.html {
        refuse_ledger("--html", page, &path)?;
    }
    let campaigns = campaigns(&reader, args)?;
    // They belong to no campaign of a name.
    let list_campaigns = match args.campaign {
        None => reader.list_campaigns().map_err(RunError::from)?,
        Some(_) => Vec::new(),
    };
    if let Some(page) = &args.html {
        let text = html::page(&campaigns, &list_campaigns, clock::now());
        outputs::write_whole("--html", page, text.as_bytes())?;
        if !common.json {
            let taken = print::result(&format!("{} written\n", page.display()));
            return Ok(Exit::Complete.if_taken(taken));
        }
    }
    let taken = if common.json {
        print::json(&json!({
            "schema": 1, "campaigns": campaigns.iter().map(json::campaign).collect::<Vec<_>>(),
            "list_campaigns": list_campaigns.iter().map(list_campaigns::as_json).collect::<Vec<_>>(),
        }))
    } else if campaigns.is_empty() && list_campaigns.is_empty() {
        print::result("no campaign has been run with this ledger\n")
    } else {
        let mut texts: Vec<String> = campaigns.iter().map(text::campaign).collect();
        texts.extend(list_campaigns::as_text(&list_campaigns));
        print::result(&texts.join("\n"))
    };
    Ok(Exit::Complete.if_taken(taken))
}

/// The campaigns asked for. To count countries every number is looked at, and so only of one campaign, or for a page.
fn campaigns(reader: &Reader, args: &ReportArgs) -> Result<Vec<Reported>, CommandError> {
    let numbers = if args.campaign.is_some() || args.html.is_some() {
        Numbers::Wanted
    } else {
        Numbers::LeftOut
    };
    let reports = reader.report(args.campaign.as_deref()).map_err(RunError::from)?;
    let reported = |campaign: CampaignReport| {
        let breakdown = Breakdown::of(reader, &campaign.name, numbers).map_err(RunError::from)?;
        Ok(Reported { campaign, breakdown })
    };
    reports.into_iter().map(reported).collect()
}

pub(super) fn money(amount: Amount, currency: Option<Currency>) -> String {
    match currency.filter(|currency| *currency != Currency::NONE) {
        Some(currency) => format!("{amount} {}", currency.code()),
        None => amount.to_string(),
    }
}
