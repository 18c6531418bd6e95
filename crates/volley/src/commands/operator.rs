//! The operator behind a word: who it is, how a word is confirmed, and what becomes of one that is not taken.

use std::env;
use std::io::{self, IsTerminal};

use volley_ledger::{Signature, WordError};

use super::CommandError;
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::question;

/// Signs a word with the user's name on this machine.
pub(super) fn sign(reason: &str) -> Result<Signature, CommandError> {
    if reason.trim().is_empty() {
        return Err(WordError::NoReason.into());
    }
    Ok(Signature {
        why: reason.to_owned(),
        ..signature()
    })
}

/// The user's name on this machine, now, without a reason.
pub(super) fn signature() -> Signature {
    let user = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| env::var(name).ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
    let host = rustix::system::uname();
    Signature {
        who: format!("{user}@{}", host.nodename().to_string_lossy()),
        why: String::new(),
        at: clock::now(),
    }
}

/// What the operator types to confirm; `None` off a terminal, where nobody can be asked.
pub(super) fn asked(question: &str) -> Result<Option<String>, CommandError> {
    if !io::stderr().is_terminal() {
        return Ok(None);
    }
    question::answer(question).map(Some).map_err(|error| {
        CommandError::Unconfirmed(format!(
            "the terminal cannot be read: {error}; nothing was changed"
        ))
    })
}

/// The exit of a word that is not taken.
pub(super) fn exit(error: &WordError) -> Exit {
    match error {
        WordError::Ledger(error) => RunError::Ledger(error.clone()).exit(),
        WordError::NoReason
        | WordError::NoBatch { .. }
        | WordError::Settled { .. }
        | WordError::NotOfAbsent
        | WordError::NotPriced { .. }
        | WordError::OtherCurrency { .. }
        | WordError::ReceiptNeeded { .. }
        | WordError::TicketTaken { .. }
        | WordError::NoListCampaign { .. }
        | WordError::ListCampaignWithdrawn { .. }
        | WordError::ListCampaignSettled { .. }
        | WordError::TicketOfSeveral { .. }
        | WordError::ForeignReceipt { .. }
        | WordError::CopyIntoFile { .. } => Exit::Usage,
        WordError::NoCampaign { .. } | WordError::NameTaken { .. } | WordError::ListCampaignTaken { .. } => {
            Exit::Config
        }
        WordError::Doubtful { .. } => Exit::Doubtful,
        WordError::Busy { .. } => Exit::Locked,
    }
}
