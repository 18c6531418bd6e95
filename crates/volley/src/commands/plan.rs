//! `volley plan`.

use super::{CommandError, ledger_path};
use crate::cli::{CampaignArgs, Common};
use crate::config::Campaign;
use crate::config::credentials::Credentials;
use crate::exit::Exit;
use crate::inputs::Inputs;
use crate::plan::{self, PlanOptions};
use crate::print;

/// Plans a campaign and shows the plan.
pub(super) fn plan(args: &CampaignArgs, common: &Common) -> Result<Exit, CommandError> {
    let campaign = Campaign::load(&args.campaign, &common.overrides)?;
    let opened = Inputs::new(args.inputs.clone()).open()?;
    let ledger = ledger_path(common, Some(&args.campaign));
    // Without credentials the plan says less, and that is all.
    let account = Credentials::of(&campaign, &mut |_| {})
        .ok()
        .map(|credentials| credentials.account());
    let options = PlanOptions {
        account,
        ..PlanOptions::default()
    };
    let plan = plan::plan(&campaign, opened, &ledger, &options)?;
    let taken = if common.json {
        print::json(&plan)
    } else {
        print::result(&plan.text())
    };
    Ok(plan.exit.if_taken(taken))
}
