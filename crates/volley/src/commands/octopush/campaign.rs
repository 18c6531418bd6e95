//! `volley octopush campaign cancel`: takes a campaign back that is to go out later.
//!
//! A confirmed cancellation before `send_at` frees the numbers of its batch: the next run sends to them. Whatever is not
//! confirmed, or came too late by either clock, or is not known to be scheduled, frees nobody. What the provider cancels
//! and the ledger never hears of leaves people out: so the ledger must know the ticket before anything is asked.

use jiff::Timestamp;
use volley_ledger::{Ledger, Ticketed};
use volley_model::{BatchState, Evidence};
use volley_provider::octopush::{Reply, Said, answered};

use super::{Account, PROVIDER, closed};
use crate::cli::{CancelArgs, Common, OctopushCampaignCommand};
use crate::commands::CommandError;
use crate::commands::told::Told;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::summary::grouped;
use crate::{clock, print};

/// What Octopush cancels at all ("cancel-sms").
const LIMITS: &str = "Octopush cancels campaigns of fewer than 3 recipients, more than 10 minutes before their send_at, \
                      1,000 a month";
/// The most recipients of a campaign that it cancels.
const RECIPIENTS_MAX: u64 = 2;

/// Does what the command line says.
pub(super) fn campaign(command: &OctopushCampaignCommand, common: &Common) -> Result<Told, CommandError> {
    let OctopushCampaignCommand::Cancel(args) = command;
    let account = super::reach(common, &common.overrides)?;
    if args.not_in_ledger {
        return Ok(unknown_to_the_ledger(&args.ticket.ticket, &account));
    }
    // Locked before it is asked for: no run may send to these numbers meanwhile.
    let mut ledger = account.existing_ledger()?;
    let mut batch = the_batch(&ledger, args, &account)?;
    if batch.state != BatchState::Withdrawn {
        ledger
            .hold_campaign(&batch, clock::now())
            .map_err(RunError::from)?;
        // As it stands now that nobody else is at it.
        batch = the_batch(&ledger, args, &account)?;
    }
    if batch.state == BatchState::Withdrawn {
        let told = Told::done(
            format!(
                "{} was cancelled before: its numbers are free\n",
                args.ticket.ticket
            ),
            Said::default(),
        );
        return closed(ledger, told.with("ticket", args.ticket.ticket.clone()));
    }
    if batch.recipients > RECIPIENTS_MAX {
        account.notice(&format!("{LIMITS}; this one has more, and is tried all the same"));
    }
    ask(&batch, args, ledger, &account)
}

/// The one batch with that ticket, of this account at this host.
fn the_batch(ledger: &Ledger, args: &CancelArgs, account: &Account<'_>) -> Result<Ticketed, CommandError> {
    let ticket = &args.ticket.ticket;
    let mut batches = ledger.ticketed(ticket).map_err(RunError::from)?;
    let name = account.name();
    batches.retain(|batch| batch.provider == PROVIDER && batch.account == name);
    match batches.as_slice() {
        [batch] => {
            account.check_host(ticket, &batch.host)?;
            Ok(batch.clone())
        }
        [] => Err(CommandError::NotByLedger(format!(
            "cancel {ticket}: {} does not know it; name its ledger with --ledger, or give --not-in-ledger if it has none; \
             nothing was asked of Octopush",
            ledger.path().display()
        ))),
        several => Err(CommandError::NotByLedger(format!(
            "cancel {ticket}: {} batches have this ticket, and nobody can tell which is meant; nothing was asked of Octopush",
            several.len()
        ))),
    }
}

fn ask(
    batch: &Ticketed,
    args: &CancelArgs,
    mut ledger: Ledger,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    let ticket = &args.ticket.ticket;
    let octopush = account.exchange.api();
    let evidence = account.exchange.ask_to_the_end(&octopush.cancel_request(ticket));
    let told = match octopush.cancellation_reply(&evidence) {
        Reply::Done(said) => confirmed(batch, &mut ledger, said, account.exchange.latest(&evidence))?,
        reply => not_confirmed(ticket, reply, Some(batch), account),
    };
    closed(ledger, told.with("ticket", ticket.clone()))
}

/// One that no ledger of ours knows.
fn unknown_to_the_ledger(ticket: &str, account: &Account<'_>) -> Told {
    let octopush = account.exchange.api();
    let evidence: Evidence = account.exchange.ask_to_the_end(&octopush.cancel_request(ticket));
    match octopush.cancellation_reply(&evidence) {
        Reply::Done(said) => Told::done(format!("{ticket} is cancelled\n"), said).with("freed_recipients", 0),
        reply => not_confirmed(ticket, reply, None, account),
    }
    .with("ticket", ticket)
}

/// Nothing is freed without a confirmation; where one may have been lost, the operator's word can say so.
fn not_confirmed(ticket: &str, reply: Reply, batch: Option<&Ticketed>, account: &Account<'_>) -> Told {
    let word = batch.map_or_else(String::new, |batch| {
        format!(
            "; if Octopush tells you that it is cancelled: volley doubt resolve {} --withdrawn --recipients {} --reason TEXT",
            batch.batch, batch.recipients
        )
    });
    match reply {
        Reply::Unknown { reason } => Told::ended(
            Exit::Unreachable,
            format!("whether {ticket} was cancelled is not known: {reason}; it counts as sent{word}"),
            Said::default(),
        ),
        Reply::Refused(refusal) => Told::refused(
            format!(
                "{ticket} is not cancelled: {}; {LIMITS}{word}",
                answered(&refusal)
            ),
            &refusal,
        ),
        reply => Told::not_done("cancel the campaign", reply, &account.exchange),
    }
}

/// The provider says that it is cancelled: what that frees.
fn confirmed(
    batch: &Ticketed,
    ledger: &mut Ledger,
    said: Said,
    now: Timestamp,
) -> Result<Told, CommandError> {
    if let Some(why) = kept(batch, now) {
        let text = format!("it is cancelled at Octopush: {why}, so that its numbers stay as they are\n");
        return Ok(Told::done(text, said).with("freed_recipients", 0));
    }
    let reason = "cancelled before its send_at, and the provider confirmed it";
    if let Err(error) = ledger.withdraw(batch.batch, reason, clock::now()) {
        print::message(&format!(
            "Octopush has cancelled batch {}, and the ledger could not keep that: its numbers count as reached; once it can, \
             say so with volley doubt resolve {} --withdrawn --recipients {} --reason TEXT",
            batch.batch, batch.batch, batch.recipients
        ));
        return Err(error.into());
    }
    let text = format!(
        "it is cancelled: its {} free again, and the next run of {} sends to those it has; what it cost stays booked, since \
         no page says that the money comes back\n",
        if batch.recipients == 1 {
            "1 recipient is".to_owned()
        } else {
            format!("{} recipients are", grouped(batch.recipients))
        },
        batch.campaign
    );
    Ok(Told::done(text, said).with("freed_recipients", batch.recipients))
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

#[cfg(test)]
mod tests {
    use super::*;
    use volley_ledger::BatchId;
    use volley_model::RequestKey;

    fn batch(state: BatchState, send_at: Option<&str>) -> Ticketed {
        Ticketed {
            batch: BatchId(1),
            ticket: "sms_1".to_owned(),
            request_key: RequestKey("k1".to_owned()),
            campaign: "spring".to_owned(),
            provider: PROVIDER.to_owned(),
            account: "a".to_owned(),
            host: "h".to_owned(),
            state,
            recipients: 2,
            send_at: send_at.map(|at| at.parse().unwrap()),
        }
    }

    #[test]
    fn only_an_accepted_batch_whose_time_has_not_come_is_freed() {
        let now: Timestamp = "2026-12-01T08:00:00Z".parse().unwrap();
        let freed = |state, send_at| kept(&batch(state, send_at), now).is_none();
        assert!(freed(BatchState::Accepted, Some("2026-12-01T08:00:00.000001Z")));
        assert!(!freed(BatchState::Accepted, Some("2026-12-01T08:00:00Z")));
        assert!(!freed(BatchState::Accepted, Some("2026-12-01T07:59:59Z")));
        assert!(!freed(BatchState::Accepted, None));
        for state in BatchState::ALL {
            let ahead = Some("2026-12-01T09:00:00Z");
            assert_eq!(freed(state, ahead), state == BatchState::Accepted, "{state:?}");
        }
    }
}
