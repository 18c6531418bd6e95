//! `volley octopush list-campaign …`: drafts on the provider's own lists and tags, each sent at most once.
//!
//! The ledger keeps every draft with its ticket, its cost and what became of it. An order to send is written down before
//! it leaves; one whose answer was lost is in doubt, and is never given again by itself.

mod book;
mod cancel;
mod create;
mod order;
mod status;
mod tell;

use crate::cli::{Common, ListCampaignCommand};
use crate::commands::CommandError;
use crate::commands::told::Told;

/// Does one step, or with `create --send` all of them.
pub(super) fn list_campaign(command: &ListCampaignCommand, common: &Common) -> Result<Told, CommandError> {
    let account = super::reach(common, &common.overrides)?;
    match command {
        ListCampaignCommand::Create(args) => create::create(args, &account),
        ListCampaignCommand::Status(args) => status::status(args, &account),
        ListCampaignCommand::Send(args) => order::send(args, &account),
        ListCampaignCommand::Cancel(args) => cancel::cancel(args, &account),
    }
}
