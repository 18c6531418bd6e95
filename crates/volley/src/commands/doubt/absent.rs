//! Batches in doubt that the provider's listings lacked (Exotel): how they are told, and the operator's word on all at once.
//!
//! A listing may lag, so that one proves nothing: a first and a later one must have lacked them. See docs/guarantee.md.

use serde_json::json;
use volley_ledger::{Ledger, OpenDoubt, Signature, Word};

use super::super::{CommandError, operator};
use crate::cli::{Common, DoubtResolveArgs};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
use crate::progress::duration;
use crate::summary::{counted, counted_as, grouped};

/// What the listings said.
pub(super) fn told(doubt: &OpenDoubt) -> String {
    match doubt.first_absent_at {
        Some(first) => format!("absent in {} since {first:.0}", counted(doubt.absent, "listing")),
        None => "not yet, or without an answer".to_owned(),
    }
}

/// What the operator can do.
pub(super) fn remedy(doubt: &OpenDoubt) -> String {
    if doubt.absent == 0 {
        return "run the campaign again: it looks the name up in Exotel's listing by itself".to_owned();
    }
    "run the campaign again later, since the listing may lag; if the name never shows: volley doubt resolve --all-absent \
     --not-sent --recipients N --reason TEXT"
        .to_owned()
}

/// Frees all that the listings have lacked for long enough.
pub(super) fn resolve(
    args: &DoubtResolveArgs,
    word: &Word,
    signature: &Signature,
    mut ledger: Ledger,
    common: &Common,
) -> Result<Exit, CommandError> {
    let absent = ledger.absentees(None, args.absent_for).map_err(RunError::from)?;
    if !absent.is_empty() {
        confirm(&absent, args.recipients)?;
    }
    let resolved = ledger.resolve_absent(None, args.absent_for, word, signature)?;
    ledger.close().map_err(RunError::from)?;
    let recipients: u64 = resolved.iter().map(|(_, resolved)| resolved.recipients).sum();
    if common.json {
        let batches = resolved.iter().map(|(batch, resolved)| {
            json!({
                "batch": batch.0, "campaign": resolved.campaign, "was": resolved.was.name(),
                "state": resolved.state.name(), "recipients": resolved.recipients,
            })
        });
        print::json(&json!({
            "schema": 1, "resolved": batches.collect::<Vec<_>>(), "recipients": recipients, "who": signature.who,
            "why": signature.why, "at": signature.at.to_string(), "exit_code": Exit::Complete.code(),
        }));
    } else if resolved.is_empty() {
        print::result(&format!(
            "no batch was absent in two listings at least {} apart; nothing was changed\n",
            duration(args.absent_for)
        ));
    } else {
        print::result(&format!(
            "{} not sent: {} sent to by the next run that has them\n",
            counted_as(resolved.len() as u64, "batch is", "batches are"),
            counted_as(recipients, "recipient is", "recipients are")
        ));
    }
    Ok(Exit::Complete)
}

/// Freed numbers are called again: whoever frees them says how many they are.
fn confirm(absent: &[OpenDoubt], given: Option<u64>) -> Result<(), CommandError> {
    let recipients: u64 = absent.iter().map(|doubt| doubt.recipients).sum();
    let batches = counted_as(absent.len() as u64, "batch", "batches");
    let given = match given {
        Some(given) => Some(given.to_string()),
        None => operator::asked(&format!(
            "{batches} were not sent, as Exotel's listing lacks them: the next run calls their recipients.\n\
             If they were sent after all, these are called twice. Type the number of recipients of all together:"
        ))?,
    };
    match given {
        Some(given) if given.trim() == recipients.to_string() => Ok(()),
        Some(given) => Err(CommandError::Unconfirmed(format!(
            "the absent batches do not have {given} recipients, but {}; see `volley doubt list`; nothing was changed",
            grouped(recipients)
        ))),
        None => Err(CommandError::Unconfirmed(
            "the word frees numbers to be called again; confirm it with --recipients N, the number of recipients of all \
             absent batches together; nothing was changed"
                .to_owned(),
        )),
    }
}
