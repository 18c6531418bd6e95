//! What would stop this campaign, or surprise whoever sends it, as far as it shows before sending.

use std::path::Path;

use volley_ledger::{Changes, LedgerError, Reader};
use volley_model::Amount;

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
    if let Some(send_at) = campaign
        .message
        .send_at
        .as_ref()
        .filter(|at| !begun && at.instant() < clock::now())
    {
        notes.push(format!(
            "send would refuse it: send_at {} is in the past",
            send_at.as_str()
        ));
    }
    if lacks_stop_mention(campaign) {
        notes.push(
            "premium marketing to French numbers needs a STOP mention, such as STOP au 30101: the provider refuses it \
             without (code 121)"
                .to_owned(),
        );
    }
    Ok(notes)
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

/// Whether French numbers may be among the recipients of a text that lacks the mention they need.
fn lacks_stop_mention(campaign: &Campaign) -> bool {
    let french = |region: &volley_intake::Region| region.to_string() == "FR";
    let reaches_france = match &campaign.input.allowed_countries {
        Some(allowed) => allowed.iter().any(french),
        None => campaign.input.default_region.as_ref().is_some_and(french),
    };
    reaches_france && campaign.message.lacks_stop_mention()
}
