//! `volley exotel campaign delete`: takes a campaign back that has not started.
//!
//! Only what Exotel itself confirms frees the numbers of its batch: the next run calls them. A campaign of which the ledger
//! never hears that it is gone leaves people out, so that the ledger must know it before anything is asked.
//! Source: "delete campaign".

use volley_ledger::{Ledger, ListCampaign, ListStep, Ticketed};
use volley_model::{BatchState, ListCampaignState};
use volley_provider::exotel::CampaignState;
use volley_provider::{Reply, Said};

use super::{Account, PROVIDER, campaign, created};
use crate::cli::DeleteArgs;
use crate::clock;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;
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
    let told = match created::with_id(id, account)? {
        Some(found) => {
            ledger.hold_list_campaigns().map_err(RunError::from)?;
            // As it stands now that nobody else is at it.
            let campaign = created::with_id(id, account)?.unwrap_or(found);
            cancel(&campaign, &mut ledger, account)?
        }
        None => withdraw(id, &mut ledger, account)?,
    };
    closed(ledger, told.with("id", id.clone()))
}

/// Deletes a batch's campaign, and frees its numbers.
fn withdraw(id: &str, ledger: &mut Ledger, account: &Account<'_>) -> Result<Told, CommandError> {
    let mut batch = the_batch(ledger, id, account)?;
    if batch.state != BatchState::Withdrawn {
        ledger
            .hold_campaign(&batch, clock::now())
            .map_err(RunError::from)?;
        // As it stands now that nobody else is at it.
        batch = the_batch(ledger, id, account)?;
    }
    if batch.state == BatchState::Withdrawn {
        let text = format!("{id} was deleted before: its numbers are free\n");
        return Ok(Told::done(text, Said::default()));
    }
    if let Some(told) = may_have_twin(id, &batch.request_key.0, account) {
        return Ok(told);
    }
    let said = match ask(id, account) {
        Ok(said) => said,
        Err(told) => return Ok(*told),
    };
    let withdrawn = withdrawn(&batch, ledger, said);
    if withdrawn.is_err() {
        print::message(&format!(
            "{id} is deleted at Exotel, and the ledger could not keep that"
        ));
    }
    withdrawn
}

/// Deletes one that `create` made; the ledger has no numbers of it that could become free.
fn cancel(campaign: &ListCampaign, ledger: &mut Ledger, account: &Account<'_>) -> Result<Told, CommandError> {
    account.check_host(&campaign.ticket, &campaign.host)?;
    let id = campaign.provider_id.as_deref().unwrap_or_default();
    let told = |text, said| Told::done(text, said).with("name", campaign.ticket.clone());
    if campaign.state == ListCampaignState::Cancelled {
        return Ok(told(format!("{id} was deleted before\n"), Said::default()));
    }
    if let Some(told) = may_have_twin(id, &campaign.ticket, account) {
        return Ok(told);
    }
    let said = match ask(id, account) {
        Ok(said) => said,
        Err(told) => return Ok(*told),
    };
    let reason = "deleted before it started, and the provider confirmed it".to_owned();
    let cancelled = list_campaign::step(ledger, campaign, &ListStep::Cancelled { reason });
    if cancelled.is_err() {
        print::message(&format!(
            "{id} is deleted at Exotel, and the ledger could not keep that"
        ));
    }
    cancelled?;
    Ok(told(format!("{} is deleted\n", campaign.ticket), said))
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

/// A second campaign with its name calls the same people: nobody becomes free while it can.
fn may_have_twin(id: &str, name: &str, account: &Account<'_>) -> Option<Told> {
    let told = |exit, why: String| {
        let text = format!("{id} is not deleted: {why}");
        Some(Told::ended(exit, text, Said::default()))
    };
    let looked = created::look_up(name, account);
    let mut others = looked.found.iter().filter(|listed| listed.id != id);
    if let Some(twin) = others.find(|listed| !listed.state.calls_nobody()) {
        let then = if twin.state.may_be_deleted() {
            "delete that one first, with --not-in-ledger"
        } else {
            "it has called them, or does, so that they do not become free; to keep this one from calling them too, give \
             --not-in-ledger"
        };
        let why = format!(
            "campaign {} has its name, is {} and is for the same people; {then}",
            campaign::id_told(&twin.id),
            twin.state.name()
        );
        return told(Exit::Doubtful, why);
    }
    if let Err(reply) = looked.whole {
        return Some(Told::not_done(
            "see whether another campaign calls the same people",
            reply,
            &account.exchange,
        ));
    }
    if looked.found.iter().any(|listed| listed.id == id) {
        return None;
    }
    match campaign::asked(id, account) {
        Reply::Done(shown) if is_deleted(&shown, id) => None,
        Reply::Refused(gone) if gone.status == 404 => None,
        Reply::Done(_) => {
            let why = "the listing does not show it yet, nor what else may have its name; try it again later";
            told(Exit::Unreachable, why.to_owned())
        }
        reply => Some(Told::not_done(
            "see whether the listing is up to date",
            reply,
            &account.exchange,
        )),
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
