//! Asking how far a draft is, once or until the provider has counted its contacts.

use std::time::{Duration, Instant};

use volley_provider::octopush::{Progress, StatusReply};

use super::super::{Account, closed};
use super::{book, tell};
use crate::cli::{StatusArgs, WaitArgs};
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign};
use crate::progress::duration;

/// The first pause between two questions; each is twice the one before, up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause: soon enough for a person, seldom enough for the provider.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often it is said that we still wait.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Shows a draft's status; what that ends is written down.
pub(super) fn status(args: &StatusArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    show(&args.ticket.ticket, &args.wait, account)
}

/// The same for a draft that was just made.
pub(super) fn show(ticket: &str, wait: &WaitArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let seen = list_campaign::look(account, ticket)?;
    let reply = ask(ticket, wait, account);
    let news = seen
        .as_ref()
        .is_some_and(|campaign| book::is_news(campaign, &reply));
    if !news {
        return Ok(tell::status(ticket, &reply, seen.as_ref(), wait, account));
    }
    let mut ledger = account.ledger()?;
    let campaign = match list_campaign::known(&ledger, account, ticket)? {
        Some(campaign) => Some(book::book(&mut ledger, campaign, &reply)?),
        None => None,
    };
    let told = tell::status(ticket, &reply, campaign.as_ref(), wait, account);
    closed(ledger, told)
}

/// Asks, and with `--wait` asks again while the provider computes.
pub(super) fn ask(ticket: &str, wait: &WaitArgs, account: &Account<'_>) -> StatusReply {
    let octopush = account.exchange.api();
    let request = octopush.list_campaign_status_request(ticket);
    let begun = Instant::now();
    let (mut pause, mut tell_at) = (PAUSE_FIRST, TELL_EVERY);
    loop {
        let reply = octopush.status_reply(&account.exchange.ask(&request));
        let left = wait.wait_max.saturating_sub(begun.elapsed());
        if !wait.wait || !is_computing(&reply) || left.is_zero() {
            return reply;
        }
        if begun.elapsed() >= tell_at {
            account.notice(&format!(
                "{ticket}: Octopush still counts its contacts, {} so far",
                duration(begun.elapsed())
            ));
            tell_at = begun.elapsed() + TELL_EVERY;
        }
        account.exchange.pause(pause.min(left));
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn is_computing(reply: &StatusReply) -> bool {
    matches!(reply, StatusReply::Status(status) if status.progress == Progress::Computing)
}
