//! `volley exotel campaign delete`: takes a campaign back that has not started.
//!
//! Only what Exotel itself confirms frees the numbers of its batch: the next run calls them. A campaign of which the ledger
//! never hears that it is gone leaves people out, so that the ledger must know it before anything is asked.
//! Source: "delete campaign".

use volley_ledger::{Ledger, Ticketed};
use volley_model::BatchState;
use volley_provider::exotel::CampaignState;
use volley_provider::{Reply, Said};

use super::{Account, PROVIDER, campaign};
use crate::cli::DeleteArgs;
use crate::clock;
use crate::commands::CommandError;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::summary::counted_as;

/// Deletes one.
pub(super) fn delete(args: &DeleteArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let id = &args.campaign.id;
    if args.not_in_ledger {
        return Ok(match ask(id, account) {
            Ok(said) => Told::done(format!("{id} is deleted\n"), said).with("freed_recipients", 0),
            Err(told) => *told,
        }
        .with("id", id.clone()));
    }
    // Locked before it is asked for: no run may call these numbers meanwhile.
    let mut ledger = account.existing_ledger()?;
    let batch = the_batch(&ledger, id, account)?;
    let told = if batch.state == BatchState::Withdrawn {
        Told::done(
            format!("{id} was deleted before: its numbers are free\n"),
            Said::default(),
        )
    } else {
        match ask(id, account) {
            Ok(said) => withdrawn(&batch, &mut ledger, said)?,
            Err(told) => *told,
        }
    };
    closed(ledger, told.with("id", id.clone()))
}

/// The one batch with that ticket, of this account at this host.
fn the_batch(ledger: &Ledger, id: &str, account: &Account<'_>) -> Result<Ticketed, CommandError> {
    let mut batches = ledger.ticketed(id).map_err(RunError::from)?;
    let name = account.name();
    batches.retain(|batch| batch.provider == PROVIDER && batch.account == name);
    match batches.as_slice() {
        [batch] => {
            account.check_host(id, &batch.host)?;
            Ok(batch.clone())
        }
        _ => Err(CommandError::NotByLedger(format!(
            "delete {id}: {} knows {} batches with this id, and one is wanted; name its ledger with --ledger, or give \
             --not-in-ledger if it has none; nothing was asked of Exotel",
            ledger.path().display(),
            batches.len()
        ))),
    }
}

/// Deletes it at Exotel, and looks whether it is: numbers are freed by what both say, and by a look that shows it deleted.
fn ask(id: &str, account: &Account<'_>) -> Result<Said, Box<Told>> {
    let exotel = account.exchange.api();
    let evidence = account.exchange.ask_to_the_end(&exotel.delete_request(id));
    let reply = exotel.reply(&evidence);
    if let reply @ (Reply::Account(_) | Reply::Later { .. } | Reply::Unsent { .. }) = reply {
        return Err(Box::new(Told::not_done(
            "delete the campaign",
            reply,
            &account.exchange,
        )));
    }
    let confirmed = matches!(&reply, Reply::Done(said) if said.is_confirmed());
    match (campaign::asked(id, account), reply) {
        (Reply::Done(shown), _) if is_deleted(&shown, id) => Ok(shown),
        (Reply::Refused(gone), Reply::Done(said)) if gone.status == 404 && confirmed => Ok(said),
        (_, Reply::Refused(refusal)) => {
            let why = account.exchange.provider().explain(&refusal);
            let text = format!("{id} is not deleted: {why}; Exotel deletes campaigns that have not started");
            Err(Box::new(Told::refused(text, &refusal)))
        }
        _ => Err(Box::new(Told::ended(
            Exit::Unreachable,
            format!("whether {id} is deleted is not known: it counts as sent; run it again to see"),
            Said::default(),
        ))),
    }
}

fn is_deleted(shown: &Said, id: &str) -> bool {
    shown
        .campaign()
        .is_some_and(|listed| listed.id == id && listed.state == CampaignState::Deleted)
}

/// Exotel says that it is deleted: its numbers are free.
fn withdrawn(batch: &Ticketed, ledger: &mut Ledger, said: Said) -> Result<Told, CommandError> {
    if batch.state != BatchState::Accepted {
        let text = format!(
            "it is deleted at Exotel; its batch is {}, so that its numbers stay as they are\n",
            batch.state.name()
        );
        return Ok(Told::done(text, said).with("freed_recipients", 0));
    }
    let reason = "deleted before it started, and the provider confirmed it";
    ledger.withdraw(batch.batch, reason, clock::now())?;
    let text = format!(
        "it is deleted: its {} free again, and the next run of {} calls those it has\n",
        counted_as(batch.recipients, "recipient is", "recipients are"),
        batch.campaign
    );
    Ok(Told::done(text, said).with("freed_recipients", batch.recipients))
}
