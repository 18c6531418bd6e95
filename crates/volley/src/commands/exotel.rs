//! `volley exotel …`: campaigns that Exotel keeps, and what their calls cost.

mod campaign;
pub(super) mod create;
mod created;
mod delete;
mod parameters;
mod price;
mod update;

use volley_model::Currency;
use volley_provider::exotel::Exotel;

use super::CommandError;
use crate::cli::{Common, ExotelCommand};
use crate::config::access::ExotelAccess;
use crate::config::credentials;
use crate::exit::Exit;
use crate::pipeline::RunError;

/// The provider's name in the ledger.
const PROVIDER: &str = "exotel";

/// Does what the command line says, and tells how it ended.
pub(super) fn exotel(command: &ExotelCommand, common: &Common) -> Result<Exit, CommandError> {
    let told = match command {
        ExotelCommand::Campaign(command) => campaign::campaign(command, common),
        ExotelCommand::Calls(args) => price::calls(args, common),
    }?;
    Ok(told.tell(common))
}

/// The account, reached by the settings and the credentials at hand.
type Account<'a> = super::account::Account<'a, Exotel>;

/// Reaches it, and tells what it pays in.
fn reach<'a>(common: &'a Common, settings: &[String]) -> Result<(Account<'a>, Currency), CommandError> {
    let ExotelAccess {
        access,
        account_sid,
        currency,
    } = ExotelAccess::of(settings)?;
    let credentials = credentials::exotel(&mut super::account::warn(common))?;
    let api = Exotel::new(&credentials, &account_sid).map_err(RunError::from)?;
    Ok((Account::new(common, &access, api, account_sid)?, currency))
}
