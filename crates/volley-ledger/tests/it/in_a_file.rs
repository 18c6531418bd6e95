//! What every ledger does, and what only files can do, in a file.

#[path = "both/campaign.rs"]
mod campaign;
#[path = "both/doubts.rs"]
mod doubts;
#[path = "both/forget.rs"]
pub(crate) mod forget;
#[path = "both/lifecycle.rs"]
mod lifecycle;
#[path = "both/list_campaigns.rs"]
pub(crate) mod list_campaigns;
#[path = "both/lookup.rs"]
mod lookup;
#[path = "both/model.rs"]
mod model;
#[path = "both/pricing.rs"]
mod pricing;
#[path = "both/split.rs"]
mod split;
#[path = "both/standing.rs"]
mod standing;
#[path = "both/suppress.rs"]
mod suppress;
#[path = "both/withdraw.rs"]
mod withdraw;
#[path = "both/word.rs"]
mod word;

use crate::stage::Stage;

/// Of the model's test.
const HISTORIES: u32 = 24;

fn new_stage() -> Stage {
    Stage::in_a_file()
}
