//! All of Octopush that is offered, page by page: the pages' own examples against the mock, and the command line doing the
//! same. What a ledger has a part in runs over both; what is decided before one is asked, or is Octopush's wording alone, in a
//! file.

mod balance;
mod campaign_cancel;
mod list_campaign;
mod list_doubt;
mod pages;
mod parameters;
mod sending;

use crate::support::{Invocation, Sandbox};

pub(crate) use list_campaign::draft;

/// `volley --json octopush ARGS` against the sandbox's mock, or against nobody.
pub(crate) fn octopush(sandbox: &Sandbox, args: &[&str]) -> Invocation {
    let base_url = format!("octopush.base_url={}/v1/public", sandbox.mock().base_url());
    sandbox
        .volley(["--json", "octopush"].iter().chain(args))
        .args(["--set", &base_url])
}
