//! `volley octopush …`: the account itself, and campaigns that the provider keeps.

mod balance;
mod campaign;
mod list_campaign;
mod parameters;

use volley_provider::octopush::Octopush;

use super::CommandError;
use super::account::closed;
use crate::cli::{Common, OctopushCommand};
use crate::config::access::Access;
use crate::config::credentials;
use crate::exit::Exit;
use crate::pipeline::RunError;

/// The provider's name in the ledger.
const PROVIDER: &str = "octopush";
/// What it bills in.
const CURRENCY_CODE: &str = "EUR";

/// Does what the command line says, and tells how it ended.
pub(super) fn octopush(command: &OctopushCommand, common: &Common) -> Result<Exit, CommandError> {
    let told = match command {
        OctopushCommand::Parameters(command) => parameters::parameters(command, common),
        OctopushCommand::ListCampaign(command) => list_campaign::list_campaign(command, common),
        OctopushCommand::Campaign(command) => campaign::campaign(command, common),
        OctopushCommand::Balance(args) => balance::balance(args, common),
    }?;
    Ok(told.tell(common))
}

/// The account, reached by the settings and the credentials at hand.
type Account<'a> = super::account::Account<'a, Octopush>;

/// Reaches it.
fn reach<'a>(common: &'a Common, settings: &[String]) -> Result<Account<'a>, CommandError> {
    let access = Access::of(settings)?;
    let credentials = credentials::octopush(&mut super::account::warn(common))?;
    let api = Octopush::new(&credentials).map_err(RunError::from)?;
    Account::new(common, &access, api, credentials.account())
}
