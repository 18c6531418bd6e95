//! What would stop this campaign, or surprise whoever sends it, as far as the ledger and the clock tell before sending.

use std::path::Path;

use volley_ledger::{Changes, LedgerError, Reader};
use volley_model::Amount;
use volley_provider::Content;

use crate::clock;
use crate::config::Campaign;
use crate::pipeline::setup::identity;

/// The notes on a campaign, each a whole sentence. `account` is known only where there are credentials.
pub(super) fn notes(
    campaign: &Campaign,
    ledger: &Path,
    account: Option<&str>,
    estimated: Option<Amount>,
) -> Result<Vec<String>, LedgerError> {
    let mut notes = Vec::new();
    let mut begun = false;
    match Reader::open(ledger) {
        Ok(reader) => {
            if let Some(account) = account {
                match reader.compare(&identity(campaign, account), Changes::Refuse) {
                    Ok(known) => begun = known.begun,
                    Err(error) => notes.push(format!("send would refuse it: {error}")),
                }
            }
            notes.extend(over_budget(campaign, &reader, estimated)?);
        }
        Err(LedgerError::Missing { path, .. }) => {
            notes.push(format!(
                "no ledger at {}: nothing counts as sent before",
                path.display()
            ));
        }
        Err(error) => return Err(error),
    }
    notes.extend(time(&campaign.content, begun));
    Ok(notes)
}

/// When it goes out. A time that has passed means at once (Octopush's page "Schedule SMS sending").
fn time(content: &Content, begun: bool) -> Option<String> {
    let (send_at, instant) = content.send_at()?;
    Some(match (instant < clock::now(), begun) {
        (false, _) => format!("it goes out at {send_at} (send_at), not at once"),
        (true, true) => format!("send_at {send_at} is in the past: what is left goes out at once"),
        (true, false) => format!("send would refuse it: send_at {send_at} is in the past"),
    })
}

/// Whether the budget would stop the campaign before its end.
fn over_budget(
    campaign: &Campaign,
    reader: &Reader,
    estimated: Option<Amount>,
) -> Result<Option<String>, LedgerError> {
    let spending = match reader.campaign(&campaign.name)? {
        Some(id) => reader.spending(id)?,
        None => volley_ledger::Spending::default(),
    };
    let spent = spending.settled + spending.reserved;
    Ok(campaign
        .limits
        .max_cost
        .filter(|max_cost| estimated.is_some_and(|estimated| spent + estimated > *max_cost))
        .map(|max_cost| {
            format!("max_cost {max_cost} may stop it before its end: {spent} is spent or reserved already")
        }))
}
