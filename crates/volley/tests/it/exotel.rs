//! Voice campaigns by Exotel, from the campaign file to the ticket: what differs from SMS is what is tested here.

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
