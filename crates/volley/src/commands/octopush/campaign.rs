//! `volley octopush campaign cancel`: takes a campaign back that is to go out later.
//!
//! A confirmed cancellation before `send_at` frees the numbers of its batch: the next run sends to them. Whatever is not
//! confirmed, or came too late by either clock, or is not known to be scheduled, frees nobody.

use jiff::Timestamp;
use volley_ledger::{Ledger, Ticketed};
use volley_model::{BatchState, Evidence};
use volley_provider::octopush::{Reply, Said};

use super::super::CommandError;
use super::told::Told;
use super::{Account, PROVIDER, closed};
use crate::cli::{Common, OctopushCampaignCommand, TicketArgs};
use crate::clock;
use crate::summary::grouped;

/// What Octopush cancels at all ("cancel-sms").
const LIMITS: &str = "Octopush cancels campaigns of fewer than 3 recipients, more than 10 minutes before their send_at, \
                      1,000 a month";
/// The most recipients of a campaign that it cancels.
const RECIPIENTS_MAX: u64 = 2;

/// Does what the command line says.
pub(super) fn campaign(command: &OctopushCampaignCommand, common: &Common) -> Result<Told, CommandError> {
    let OctopushCampaignCommand::Cancel(args) = command;
    let account = Account::reach(common, &common.overrides)?;
    // Locked before it is asked for: no run may send to these numbers meanwhile.
    let ledger = account.existing_ledger()?;
    let batches = match &ledger {
        Some(ledger) => of_this_account(ledger, &account, &args.ticket)?,
        None => Vec::new(),
    };
    if batches.iter().any(|batch| batch.recipients > RECIPIENTS_MAX) {
        account.notice(&format!("{LIMITS}; this one has more, and is tried all the same"));
    }
    let octopush = account.exchange.octopush();
    let evidence = account.exchange.ask(&octopush.cancel_request(&args.ticket));
    let told = match octopush.reply(&evidence) {
        Reply::Done(said) => return confirmed(args, said, &evidence, &batches, ledger),
        Reply::Unknown { reason } => unknown(&reason),
        reply @ Reply::Refused(_) => Told::not_done(
            &format!("cancel the campaign ({LIMITS})"),
            reply,
            account.exchange.endpoint(),
        ),
        reply => Told::not_done("cancel the campaign", reply, account.exchange.endpoint()),
    };
    let told = told.with("ticket", args.ticket.clone());
    match ledger {
        Some(ledger) => closed(ledger, told),
        None => Ok(told),
    }
}

fn of_this_account(
    ledger: &Ledger,
    account: &Account<'_>,
    ticket: &str,
) -> Result<Vec<Ticketed>, CommandError> {
    let mut batches = ledger.ticketed(ticket).map_err(crate::pipeline::RunError::from)?;
    let name = account.name();
    batches.retain(|batch| batch.provider == PROVIDER && batch.account == name);
    Ok(batches)
}

fn unknown(reason: &str) -> Told {
    Told::ended(
        crate::exit::Exit::Unreachable,
        format!(
            "whether the campaign was cancelled is not known: {reason}; it counts as sent; it is safe to run this again"
        ),
        Said::default(),
    )
}

/// The provider says that it is cancelled: what that frees.
fn confirmed(
    args: &TicketArgs,
    said: Said,
    evidence: &Evidence,
    batches: &[Ticketed],
    ledger: Option<Ledger>,
) -> Result<Told, CommandError> {
    let ticket = &args.ticket;
    let freed = |text: String, recipients: u64| {
        Told::done(format!("{ticket} is cancelled: {text}\n"), said)
            .with("ticket", ticket.clone())
            .with("freed_recipients", recipients)
    };
    let Some(mut ledger) = ledger else {
        return Ok(freed("there is no ledger here that knows it".to_owned(), 0));
    };
    let told = match batches {
        [] => freed("the ledger does not know it, and nobody is freed".to_owned(), 0),
        [batch] => {
            if let Some(why) = kept(batch, latest(evidence)) {
                freed(format!("{why}, so that its numbers stay as they are"), 0)
            } else {
                let reason = "cancelled before its send_at, and the provider confirmed it";
                ledger.withdraw(batch.batch, reason, clock::now())?;
                freed(then(batch), batch.recipients)
            }
        }
        several => {
            let count = several.len();
            freed(
                format!("{count} batches have this ticket, and nobody is freed"),
                0,
            )
        }
    };
    closed(ledger, told)
}

/// What follows from a batch that is withdrawn.
fn then(batch: &Ticketed) -> String {
    format!(
        "its {} recipients are free again, and the next run of {} sends to those it has; what it cost stays booked, since \
         no page says that the money comes back",
        grouped(batch.recipients),
        batch.campaign
    )
}

/// Why the numbers of a cancelled batch are not freed.
fn kept(batch: &Ticketed, now: Timestamp) -> Option<String> {
    match (batch.state, batch.send_at) {
        (BatchState::Accepted, Some(send_at)) if now < send_at => None,
        (BatchState::Accepted, Some(send_at)) => Some(format!("its send_at {send_at} had come")),
        (BatchState::Accepted, None) => Some("it was not scheduled, as far as the ledger knows".to_owned()),
        (state, _) => Some(format!("its batch is {}", state.name())),
    }
}

/// The later of our clock and the provider's: a message may have gone out by either.
fn latest(evidence: &Evidence) -> Timestamp {
    let theirs = match evidence {
        Evidence::Answered(answer) => answer.date,
        _ => None,
    };
    let theirs = theirs.and_then(|seconds| Timestamp::from_second(seconds).ok());
    theirs.map_or_else(clock::now, |theirs| theirs.max(clock::now()))
}
