//! Campaigns that `create` made, as the ledger has them, and names as the listing has them.
//!
//! Source: "bulk campaign details", read whole (see `volley_provider::exotel::Lookup`).

use volley_ledger::ListCampaign;
use volley_provider::Reply;
use volley_provider::exotel::{Found, Listed, Listing, Lookup, LookupStep};

use super::Account;
use crate::commands::CommandError;
use crate::pipeline::RunError;

/// The campaign with that id at Exotel, if this ledger knows that `create` made it.
pub(super) fn with_id(id: &str, account: &Account<'_>) -> Result<Option<ListCampaign>, CommandError> {
    Ok(all(account)?
        .into_iter()
        .find(|campaign| campaign.provider_id.as_deref() == Some(id)))
}

/// All of this account.
pub(super) fn all(account: &Account<'_>) -> Result<Vec<ListCampaign>, CommandError> {
    let Some(reader) = account.reader()? else {
        return Ok(Vec::new());
    };
    let mut campaigns = reader.list_campaigns().map_err(RunError::from)?;
    campaigns.retain(|campaign| {
        campaign.provider == account.exchange.provider().name() && campaign.account == account.name()
    });
    Ok(campaigns)
}

/// What the listing shows of a name.
pub(super) struct Looked {
    /// The campaigns that have it.
    pub(super) found: Vec<Listed>,
    /// Whether all of the listing was read, so that what is not found was not there; else what came of it.
    pub(super) whole: Result<(), Reply>,
}

/// Looks a name up in the whole listing.
pub(super) fn look_up(name: &str, account: &Account<'_>) -> Looked {
    let mut lookup = Lookup::new([name]);
    let whole = read_listing(&mut lookup, account);
    let found = match lookup.found(name) {
        Found::Absent => Vec::new(),
        Found::One(listed) => vec![listed.clone()],
        Found::Twins(twins) => twins.to_vec(),
    };
    Looked { found, whole }
}

fn read_listing(lookup: &mut Lookup, account: &Account<'_>) -> Result<(), Reply> {
    let exotel = account.exchange.api();
    let unknown = |reason: String| Reply::Unknown { reason };
    loop {
        let evidence = account.exchange.ask(&exotel.listing_request(lookup.offset()));
        let step = match exotel.listing(&evidence) {
            Listing::Page(page) => lookup.take(page),
            Listing::Other(reply) => return Err(reply),
        };
        match step {
            LookupStep::More => {}
            LookupStep::Whole { unreadable: 0 } => return Ok(()),
            LookupStep::Whole { unreadable } => {
                return Err(unknown(format!(
                    "{unreadable} campaigns of the listing cannot be read"
                )));
            }
            LookupStep::Stuck => {
                return Err(unknown("the listing's pages do not add up".to_owned()));
            }
        }
    }
}
