//! An account at a provider, for commands that need no campaign file; the same for both.

use std::io::{self, IsTerminal};

use volley_ledger::{Ledger, LedgerError, Opening, Reader};

use super::told::Told;
use super::{CommandError, ledger_path, opening};
use crate::cli::Common;
use crate::clock;
use crate::config::access::Access;
use crate::exchange::Exchange;
use crate::pipeline::RunError;
use crate::print;

/// An account whose requests are built by `P`.
pub(super) struct Account<'a, P> {
    common: &'a Common,
    pub(super) exchange: Exchange<P>,
    name: String,
}

/// Tells what is no error about credentials.
pub(super) fn warn(common: &Common) -> impl FnMut(String) + '_ {
    |warning| {
        if !common.quiet {
            print::message(&format!("volley: warning: {warning}"));
        }
    }
}

impl<'a, P> Account<'a, P> {
    /// Prepares everything; nothing is opened yet. `name` is the account's in the ledger.
    pub(super) fn new(
        common: &'a Common,
        access: &Access,
        api: P,
        name: String,
    ) -> Result<Self, CommandError> {
        Ok(Self {
            common,
            exchange: Exchange::new(access, api)?,
            name,
        })
    }

    /// The account's name in the ledger.
    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    /// The ledger, for an order that is given once: nobody else gives one, or has a word on it, until it is closed. It must be
    /// there off a terminal: a vanished one must never mean that nothing was sent yet.
    pub(super) fn ledger(&self) -> Result<Ledger, CommandError> {
        let path = ledger_path(self.common, None);
        let ledger =
            Ledger::open(&path, opening(self.exchange.endpoint()), clock::now()).map_err(RunError::from)?;
        if ledger.made() {
            self.notice(&format!(
                "made the ledger {}: nothing was sent before",
                ledger.path().display()
            ));
        }
        ledger.hold_list_campaigns().map_err(RunError::from)?;
        Ok(ledger)
    }

    /// The ledger, which must be there.
    pub(super) fn existing_ledger(&self) -> Result<Ledger, CommandError> {
        let path = ledger_path(self.common, None);
        Ok(Ledger::open(&path, Opening::MustExist, clock::now()).map_err(RunError::from)?)
    }

    /// A look at the ledger, if there is one.
    pub(super) fn reader(&self) -> Result<Option<Reader>, CommandError> {
        match Reader::open(&ledger_path(self.common, None)) {
            Ok(reader) => Ok(Some(reader)),
            Err(LedgerError::Missing { .. }) => Ok(None),
            Err(error) => Err(RunError::from(error).into()),
        }
    }

    /// A ticket of another host says nothing at this one.
    pub(super) fn check_host(&self, ticket: &str, host: &str) -> Result<(), CommandError> {
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
    pub(super) fn asks(&self) -> bool {
        io::stderr().is_terminal() && !self.exchange.endpoint().is_loopback()
    }

    /// What the user should know meanwhile.
    pub(super) fn notice(&self, text: &str) {
        if !self.common.quiet {
            print::message(text);
        }
    }
}

/// Closes the ledger; its failure outranks what the command has to tell.
pub(super) fn closed(ledger: Ledger, told: Told) -> Result<Told, CommandError> {
    ledger.close().map_err(RunError::from)?;
    Ok(told)
}
