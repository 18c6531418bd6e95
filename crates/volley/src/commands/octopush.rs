//! `volley octopush …`: the account itself, and campaigns that the provider keeps.

mod balance;
mod campaign;
mod list_campaign;
mod parameters;
mod told;

use std::io::{self, IsTerminal};

use volley_ledger::{Ledger, LedgerError, Opening, Reader};
use volley_provider::OctopushCredentials;

use super::{CommandError, ledger_path, opening};
use crate::cli::{Common, OctopushCommand};
use crate::clock;
use crate::config::access::Access;
use crate::config::credentials;
use crate::exchange::Exchange;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use told::Told;

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
struct Account<'a> {
    common: &'a Common,
    exchange: Exchange,
    credentials: OctopushCredentials,
}

impl<'a> Account<'a> {
    fn reach(common: &'a Common, settings: &[String]) -> Result<Self, CommandError> {
        let access = Access::of(settings)?;
        let account = |credentials| -> Result<Self, CommandError> {
            Ok(Self {
                common,
                exchange: Exchange::new(&access, &credentials)?,
                credentials,
            })
        };
        account(credentials::octopush(&mut |warning| {
            if !common.quiet {
                print::message(&format!("volley: warning: {warning}"));
            }
        })?)
    }

    /// The account's name in the ledger.
    fn name(&self) -> String {
        self.credentials.account()
    }

    /// The ledger, which must be there off a terminal: a vanished one must never mean that nothing was sent yet.
    fn ledger(&self) -> Result<Ledger, CommandError> {
        let path = ledger_path(self.common, None);
        let ledger =
            Ledger::open(&path, opening(self.exchange.endpoint()), clock::now()).map_err(RunError::from)?;
        if ledger.made() {
            self.notice(&format!(
                "made the ledger {}: nothing was sent before",
                ledger.path().display()
            ));
        }
        Ok(ledger)
    }

    /// The ledger, which must be there.
    fn existing_ledger(&self) -> Result<Ledger, CommandError> {
        let path = ledger_path(self.common, None);
        Ok(Ledger::open(&path, Opening::MustExist, clock::now()).map_err(RunError::from)?)
    }

    /// A look at the ledger, if there is one.
    fn reader(&self) -> Result<Option<Reader>, CommandError> {
        match Reader::open(&ledger_path(self.common, None)) {
            Ok(reader) => Ok(Some(reader)),
            Err(LedgerError::Missing { .. }) => Ok(None),
            Err(error) => Err(RunError::from(error).into()),
        }
    }

    /// A ticket of another host says nothing at this one.
    fn check_host(&self, ticket: &str, host: &str) -> Result<(), CommandError> {
        let asked = self.exchange.endpoint().host();
        if host == asked {
            return Ok(());
        }
        Err(CommandError::OtherHost {
            ticket: ticket.to_owned(),
            host: host.to_owned(),
            asked: asked.to_owned(),
        })
    }

    /// Whether somebody should be asked before money is spent: a real provider, and a terminal.
    fn asks(&self) -> bool {
        io::stderr().is_terminal() && !self.exchange.endpoint().is_loopback()
    }

    /// What the user should know meanwhile.
    fn notice(&self, text: &str) {
        if !self.common.quiet {
            print::message(text);
        }
    }
}

/// Closes the ledger; its failure outranks what the command has to tell.
fn closed(ledger: Ledger, told: Told) -> Result<Told, CommandError> {
    ledger.close().map_err(RunError::from)?;
    Ok(told)
}
