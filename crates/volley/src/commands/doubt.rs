//! `volley doubt …`: what nobody knows, and the operator's word on it.
//!
//! Not here: settling doubts by asking the provider, which every run does by itself.

mod absent;
mod list_campaign;

use std::fmt::Write as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use volley_ledger::{BatchId, Ledger, OpenDoubt, Opening, Reader, Receipt, Resolved, Word, shown_path};
use volley_model::{Amount, BatchState};
use volley_provider::Provider;

use super::{CommandError, ledger_path, named, operator};
use crate::cli::{Common, DoubtListArgs, DoubtResolveArgs, Doubted};
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::pipeline::settle::deadline;
use crate::print;
use crate::summary::{counted, grouped};

/// Shows the doubts, and the batches whose ticket is missing. Neither locks nor changes the ledger.
pub(super) fn list(args: &DoubtListArgs, common: &Common) -> Result<Exit, CommandError> {
    let name = args.campaign.as_deref();
    named::refuse_file(name, common)?;
    let path = ledger_path(common, None);
    let reader = Reader::open(&path).map_err(RunError::from)?;
    let known = reader.campaigns().map_err(RunError::from)?;
    if let Some(name) = name
        && !known.iter().any(|known| known == name)
    {
        return Err(named::unknown(&path, name, &known));
    }
    let doubts = reader.doubts(name).map_err(RunError::from)?;
    let unticketed = reader.unticketed(name).map_err(RunError::from)?;
    // They belong to no campaign of a name.
    let list_campaigns = match name {
        None => list_campaign::in_doubt(&reader)?,
        Some(_) => Vec::new(),
    };
    let now = clock::now();
    let taken = if common.json {
        let all = |batches: &[OpenDoubt]| {
            batches
                .iter()
                .map(|doubt| as_json(doubt, now))
                .collect::<Vec<_>>()
        };
        print::json(&json!({
            "schema": 1, "ledger": shown_path(&path), "doubts": all(&doubts), "unticketed": all(&unticketed),
            "list_campaigns": list_campaigns.iter().map(list_campaign::as_json).collect::<Vec<_>>(),
        }))
    } else {
        let mut text = as_text(&doubts, &unticketed, now);
        if list_campaigns.is_empty() && doubts.is_empty() {
            text.insert_str(0, "nothing is in doubt\n");
        }
        for campaign in &list_campaigns {
            list_campaign::write(&mut text, campaign, now);
        }
        print::result(&text)
    };
    Ok(Exit::Complete.if_taken(taken))
}

/// Takes the operator's word on one batch, or on one campaign on a list.
pub(super) fn resolve(args: &DoubtResolveArgs, common: &Common) -> Result<Exit, CommandError> {
    let word = word(args)?;
    let signature = operator::sign(&args.reason)?;
    let path = ledger_path(common, None);
    let mut ledger = Ledger::open(&path, Opening::MustExist, clock::now()).map_err(RunError::from)?;
    let batch = match &args.what {
        // clap takes none only with --all-absent.
        None => return absent::resolve(args, &word, &signature, ledger, common),
        Some(Doubted::Batch(batch)) => BatchId(*batch),
        Some(Doubted::ListCampaign(ticket)) => {
            return list_campaign::resolve(ticket, &word, &signature, args.recipients, ledger, common);
        }
    };
    let doubt = ledger.doubt(batch).map_err(RunError::from)?;
    match (&word, doubt) {
        (Word::NotSent, Some(doubt)) => confirm(&Freed::of_doubt(&doubt), args.recipients)?,
        (Word::Withdrawn, _) => {
            if let Some(freed) = accepted(&path, batch)? {
                confirm(&freed, args.recipients)?;
            }
        }
        _ => {}
    }
    let resolved = ledger.resolve(batch, &word, &signature)?;
    ledger.close().map_err(RunError::from)?;
    if common.json {
        print::json(&json!({
            "schema": 1, "batch": batch.0, "campaign": resolved.campaign, "was": resolved.was.name(),
            "state": resolved.state.name(), "recipients": resolved.recipients, "who": signature.who,
            "why": signature.why, "at": signature.at.to_string(), "exit_code": Exit::Complete.code(),
        }));
    } else {
        print::result(&told(batch, &resolved));
    }
    Ok(Exit::Complete)
}

fn word(args: &DoubtResolveArgs) -> Result<Word, CommandError> {
    if args.not_sent {
        return Ok(Word::NotSent);
    }
    if args.abandon {
        return Ok(Word::Abandon);
    }
    if args.withdrawn {
        return Ok(Word::Withdrawn);
    }
    let Some(ticket) = &args.ticket else {
        return Ok(Word::Sent(None));
    };
    if ticket.trim().is_empty() {
        return Err(CommandError::Unconfirmed(
            "the ticket is blank; leave --ticket out if it is not known; nothing was changed".to_owned(),
        ));
    }
    let cost = args.cost.as_deref().map(amount).transpose()?;
    Ok(Word::Sent(Some(Receipt {
        ticket: ticket.clone(),
        cost,
    })))
}

fn amount(typed: &str) -> Result<Amount, CommandError> {
    typed.parse().map_err(|error| {
        CommandError::Unconfirmed(format!(
            "--cost {typed} is {error}; write it as 24.75; nothing was changed"
        ))
    })
}

/// A batch whose numbers a word would free.
struct Freed {
    batch: BatchId,
    campaign: String,
    recipients: u64,
    /// What the word says of it.
    what: &'static str,
}

impl Freed {
    fn of_doubt(doubt: &OpenDoubt) -> Self {
        Self {
            batch: doubt.batch,
            campaign: doubt.campaign.clone(),
            recipients: doubt.recipients,
            what: "was not sent",
        }
    }
}

/// The batch with that number, if it has a ticket; another one is refused by the ledger.
fn accepted(ledger: &Path, batch: BatchId) -> Result<Option<Freed>, CommandError> {
    let reader = Reader::open(ledger).map_err(RunError::from)?;
    for report in reader.report(None).map_err(RunError::from)? {
        if let Some(ticket) = report.tickets.iter().find(|ticket| ticket.batch == batch) {
            return Ok(Some(Freed {
                batch,
                campaign: report.name,
                recipients: ticket.recipients,
                what: "was cancelled before it went out",
            }));
        }
    }
    Ok(None)
}

/// Freed numbers are sent to again: whoever frees them says how many they are.
fn confirm(freed: &Freed, given: Option<u64>) -> Result<(), CommandError> {
    let Freed {
        batch,
        campaign,
        recipients,
        what,
    } = freed;
    let given = match given {
        Some(given) => Some(given.to_string()),
        None => operator::asked(&format!(
            "Batch {batch} of campaign {campaign} {what}: the next run sends to its recipients again.\n\
             If it was sent after all, they get it twice. Type its number of recipients:"
        ))?,
    };
    match given {
        Some(given) if given.trim() == recipients.to_string() => Ok(()),
        Some(given) => Err(CommandError::Unconfirmed(format!(
            "batch {batch} does not have {given} recipients; see `volley doubt list` or `volley report`; nothing was changed"
        ))),
        None => Err(CommandError::Unconfirmed(
            "the word frees numbers to be sent to again; confirm it with --recipients N, the batch's number of recipients; \
             nothing was changed"
                .to_owned(),
        )),
    }
}

fn told(batch: BatchId, resolved: &Resolved) -> String {
    let recipients = grouped(resolved.recipients);
    let then = match resolved.state {
        BatchState::DeclaredNotSent | BatchState::Withdrawn => {
            format!("its {recipients} recipients are sent to by the next run that has them")
        }
        BatchState::Accepted => "its ticket and its cost are booked".to_owned(),
        _ => format!("its {recipients} recipients are not sent to again"),
    };
    format!(
        "batch {batch} of campaign {} was {} and is {} now: {then}\n",
        resolved.campaign,
        resolved.was.name(),
        resolved.state.name()
    )
}

/// Since when it may have been sent, as far as is known.
fn since(doubt: &OpenDoubt) -> Timestamp {
    doubt.doubt_since.unwrap_or(doubt.intended_at)
}

/// Whether its provider can be asked about it with the same key; one that cannot has a listing.
fn has_key(doubt: &OpenDoubt) -> bool {
    Provider::named(&doubt.provider) != Some(Provider::Exotel)
}

/// What comes next, and what the operator can do.
fn remedy(doubt: &OpenDoubt, now: Timestamp) -> String {
    let batch = doubt.batch;
    let until = deadline(doubt.first_attempt_at());
    match doubt.state {
        BatchState::Unticketed => format!(
            "nothing need be done; once its ticket and its cost are known: volley doubt resolve {batch} --sent \
             --ticket T --cost C --reason TEXT"
        ),
        _ if !has_key(doubt) => absent::remedy(doubt),
        _ if doubt.body_kept && now < until => {
            format!("run the campaign again before {until:.0}: it asks the provider by itself")
        }
        _ => format!(
            "find out at the provider, then: volley doubt resolve {batch} --sent, --not-sent or --abandon, with \
             --reason TEXT"
        ),
    }
}

fn as_json(doubt: &OpenDoubt, now: Timestamp) -> Value {
    let open = doubt.state != BatchState::Unticketed;
    let keyed = has_key(doubt);
    let until = deadline(doubt.first_attempt_at());
    json!({
        "batch": doubt.batch.0, "campaign": doubt.campaign, "run": doubt.run.0, "state": doubt.state.name(),
        "reason": doubt.reason, "since": since(doubt).to_string(),
        "age_seconds": now.duration_since(since(doubt)).as_secs().max(0),
        "recipients": doubt.recipients, "segments": doubt.units, "request_key": doubt.request_key.0,
        "attempts": doubt.attempts, "first_attempt": doubt.first_attempt_at().to_string(),
        "provider": doubt.provider,
        "probe_until": (open && keyed).then(|| until.to_string()), "body_kept": doubt.body_kept,
        "probe_possible": open && keyed && doubt.body_kept && now < until,
        "absent": doubt.absent, "first_absent": doubt.first_absent_at.map(|at| at.to_string()),
        "last_absent": doubt.last_absent_at.map(|at| at.to_string()),
        "reserved": doubt.reserved.map(|amount| amount.to_string()), "currency": doubt.currency.code(),
        "remedy": remedy(doubt, now),
    })
}

fn as_text(doubts: &[OpenDoubt], unticketed: &[OpenDoubt], now: Timestamp) -> String {
    let mut out = String::new();
    for doubt in doubts.iter().chain(unticketed) {
        write_doubt(&mut out, doubt, now);
    }
    out
}

fn write_doubt(out: &mut String, doubt: &OpenDoubt, now: Timestamp) {
    let state = match doubt.state {
        BatchState::Intended => "being sent, or left by a killed run",
        BatchState::Unticketed => "sent, its ticket is not known",
        _ => "in doubt",
    };
    let _ = writeln!(
        out,
        "batch {} of campaign {}: {state} since {:.0} ({}), {}",
        doubt.batch,
        doubt.campaign,
        since(doubt),
        age(now.duration_since(since(doubt))),
        counted(doubt.recipients, "recipient")
    );
    if let Some(reason) = &doubt.reason {
        let _ = writeln!(out, "  why        {reason}");
    }
    let _ = writeln!(out, "  key        {}", doubt.request_key);
    if doubt.state != BatchState::Unticketed {
        let _ = writeln!(
            out,
            "  attempts   {}, the first at {:.0}",
            doubt.attempts,
            doubt.first_attempt_at()
        );
        let asked = if has_key(doubt) {
            let body = if doubt.body_kept { "kept" } else { "lost" };
            let until = deadline(doubt.first_attempt_at());
            format!("probes     until {until:.0}, its body is {body}")
        } else {
            format!("looked up  {}", absent::told(doubt))
        };
        let _ = writeln!(out, "  {asked}");
    }
    let _ = writeln!(out, "  what to do {}", remedy(doubt, now));
}

/// The two largest units of an age; a clock that went back shows as nothing.
fn age(age: SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    if days > 0 {
        format!("{days} d {hours} h")
    } else if hours > 0 {
        format!("{hours} h {rest} min")
    } else {
        format!("{rest} min")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_their_two_largest_units() {
        for (seconds, told) in [
            (-5, "0 min"),
            (59, "0 min"),
            (61, "1 min"),
            (3600, "1 h 0 min"),
            (7380, "2 h 3 min"),
            (86_400 * 3 + 3600 * 5, "3 d 5 h"),
        ] {
            assert_eq!(age(SignedDuration::from_secs(seconds)), told);
        }
    }
}
