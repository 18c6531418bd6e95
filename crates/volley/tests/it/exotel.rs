//! Voice campaigns by Exotel, from the campaign file to the ticket: what differs from SMS is what is tested here. What a
//! ledger has a part in runs over both; what is decided before one is asked, or is Exotel's wording alone, in a file.

mod campaign;
mod create;
mod doubts;
mod readings;
mod rules;
mod splits;

use crate::books::expect_all_agree;
use crate::support::Sandbox;

pub(crate) use campaign::exotel;

/// The requests that created a campaign.
fn campaigns(sandbox: &Sandbox) -> u64 {
    sandbox.mock().stats().exotel.accepted_requests
}
