//! A campaign whose creation has no answer: looked for by its name, and never created again by itself.

use jiff::{SignedDuration, Timestamp};
use volley_ledger::{Ledger, ListCampaign, ListStep};
use volley_model::ListCampaignState;
use volley_provider::exotel::{Listed, explain, kept};
use volley_provider::{Reply, Said};

use super::super::campaign::id_told;
use super::super::{Account, created};
use super::tell;
use crate::clock;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::exit::Exit;

/// How far Exotel's clock and ours may be apart.
const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(5);

/// Settles the doubt about the campaign of that name, if there is one still.
pub(super) fn settle(
    name: &str,
    sent: impl FnOnce(&str, Option<String>) -> ListStep,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    let mut ledger = account.ledger()?;
    let Some(mut campaign) = list_campaign::known(&ledger, account, name)? else {
        return Err(CommandError::NotByLedger(format!(
            "create {name}: it is gone from the ledger"
        )));
    };
    if campaign.state == ListCampaignState::Sending {
        let reason = "found open: it may have been created".to_owned();
        campaign = list_campaign::step(&mut ledger, &campaign, &ListStep::InDoubt { reason })?;
    }
    let told = if campaign.state == ListCampaignState::InDoubt {
        look_up(&campaign, sent, &mut ledger, account)?
    } else {
        tell::standing(&campaign, "")
    };
    closed(ledger, told)
}

/// One that has its name, and is not older than it, is it.
fn look_up(
    campaign: &ListCampaign,
    sent: impl FnOnce(&str, Option<String>) -> ListStep,
    ledger: &mut Ledger,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    let looked = created::look_up(&campaign.ticket, account);
    let (older, found): (Vec<Listed>, Vec<Listed>) = looked
        .found
        .into_iter()
        .partition(|listed| is_older(listed, campaign));
    let Some(kept) = kept(&found) else {
        let now = match (older.first(), looked.whole) {
            (Some(older), _) => format!(
                "; campaign {} has its name, and was created at {}, before it, unless the clocks differ",
                id_told(&older.id),
                older.date_created.as_deref().unwrap_or_default()
            ),
            (None, Err(reply)) => format!("; the listing could not be read this time: {}", why(&reply)),
            (None, Ok(())) => {
                let reason = format!(
                    "no campaign of its name was in the listing of {:.0}",
                    clock::now()
                );
                let campaign = list_campaign::step(ledger, campaign, &ListStep::InDoubt { reason })?;
                return Ok(tell::doubt(&campaign, ""));
            }
        };
        return Ok(tell::doubt(campaign, &now));
    };
    // An older one may be that of an earlier try, which was said not to have been sent.
    let others: Vec<&Listed> = found
        .iter()
        .chain(&older)
        .filter(|listed| listed.id != kept.id && !listed.state.calls_nobody())
        .collect();
    let reason = match others.as_slice() {
        [] if kept.state.may_have_called_nobody() => Some(format!("it is {} at Exotel", kept.state.name())),
        [] => None,
        others => Some(tell::twins(others)),
    };
    let campaign = list_campaign::step(ledger, campaign, &sent(&kept.id, reason))?;
    if others.is_empty() {
        return Ok(tell::standing(&campaign, "; it was found by its name"));
    }
    let text = format!("{}: {}", campaign.ticket, tell::twins(&others));
    Ok(tell::of(
        Told::ended(Exit::Doubtful, text, Said::default()),
        &campaign,
    ))
}

/// Why there is no page.
fn why(reply: &Reply) -> String {
    match reply {
        Reply::Refused(refusal) | Reply::Account(refusal) => explain(refusal),
        Reply::Later { reason } | Reply::Unsent { reason } | Reply::Unknown { reason } => reason.clone(),
        Reply::Done(_) => "its answer is no page".to_owned(),
    }
}

/// Whether a campaign was there before ours was asked for, as far as Exotel's date can be read.
fn is_older(listed: &Listed, campaign: &ListCampaign) -> bool {
    let made: Option<Timestamp> = listed.date_created.as_deref().and_then(|date| date.parse().ok());
    match (made, campaign.intended_at) {
        (Some(made), Some(intended)) => made
            .checked_add(CLOCKS_APART_MAX)
            .is_ok_and(|latest| latest < intended),
        _ => false,
    }
}
