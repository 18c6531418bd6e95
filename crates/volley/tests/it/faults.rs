//! Scripted faults of the provider: what each proves, what it costs, and what the account says afterwards. One table for both
//! providers; where they differ, the table says so.
//!
//! Every test asserts through the mock that its fault was really hit.

mod budget;
mod gate;
mod put_off;
mod rate;
mod settle;
mod storm;
mod wire;

use crate::support::{Sandbox, wait_until};

/// How often each rule of the script was hit.
fn hits(sandbox: &Sandbox) -> Vec<u64> {
    sandbox.mock().stats().faults_hit
}

fn wait_for_hits(sandbox: &Sandbox, rule: usize, times: u64) {
    wait_until("the fault to be hit", || hits(sandbox)[rule] >= times);
}

/// Waits until the provider has accepted so many requests.
pub(crate) fn wait_for_accepted(sandbox: &Sandbox, requests: u64) {
    wait_until("requests to be accepted", || {
        sandbox.mock().stats().together.accepted_requests >= requests
    });
}
