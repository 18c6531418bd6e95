//! What every ledger does, on a server, from the same tests as in a file; and what only a server does.

mod addresses;
mod asking;
mod budget;
mod claims;
mod cut;
mod drafts;
mod fences;
mod late;
mod proxy;
mod refused;
mod set_back;
mod suppress_while;
mod unflushed;
mod verify;

#[path = "both/campaign.rs"]
mod campaign;
#[path = "both/doubts.rs"]
mod doubts;
#[path = "both/forget.rs"]
mod forget;
#[path = "both/lifecycle.rs"]
mod lifecycle;
#[path = "both/list_campaigns.rs"]
mod list_campaigns;
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

/// Of the model's test: fewer than in a file, since each step connects anew.
const HISTORIES: u32 = 6;

/// A stage of a test that is about a server alone; `None` where there is none.
fn server_stage() -> Option<Stage> {
    let stage = Stage::on_a_server();
    (!stage.is_a_file()).then_some(stage)
}

fn new_stage() -> Stage {
    Stage::on_a_server()
}
