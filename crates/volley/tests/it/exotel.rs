//! Voice campaigns by Exotel, from the campaign file to the ticket: what differs from SMS is what is tested here.

mod campaign;
mod create;
mod doubts;
mod kills;
mod rules;
mod splits;

use crate::books::{Books, expect_sum};
use crate::support::{End, Sandbox};

/// Invariants 1, 2 and 4 after a run.
#[track_caller]
fn expect_all_agree(sandbox: &Sandbox, end: &End) {
    let most = sandbox.mock().stats().exotel.max_per_recipient;
    assert!(most <= 1, "a number stands in {most} campaigns\n{end}");
    expect_sum(end);
    Books::open(sandbox)
        .expect_sound()
        .expect_campaigns_of(sandbox.mock());
}

/// The requests that created a campaign.
fn campaigns(sandbox: &Sandbox) -> u64 {
    sandbox.mock().stats().exotel.accepted_requests
}
