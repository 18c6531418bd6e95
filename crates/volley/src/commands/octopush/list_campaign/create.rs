//! Making a draft, and with `--send` the whole way: made, counted, sent.

use volley_ledger::{Draft, Ledger};
use volley_provider::octopush::{CURRENCY, ListCampaignDraft, Purpose, Reply, Said, SendAt};

use super::super::super::CommandError;
use super::super::told::Told;
use super::super::{Account, PROVIDER};
use super::{closed, order, status};
use crate::cli::{CreateArgs, WaitArgs};
use crate::clock;
use crate::config::list_campaign::Typed;
use crate::pipeline::RunError;

/// Makes a draft.
pub(super) fn create(args: &CreateArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    let draft = draft(args)?;
    if let Some(send_at) = draft.message.send_at.as_ref().filter(|at| is_past(at)) {
        return Err(RunError::SendAtPast(send_at.as_str().to_owned()).into());
    }
    warn(&draft, account);
    let mut ledger = account.ledger()?;
    let octopush = account.exchange.octopush();
    let reply = octopush.reply(
        &account
            .exchange
            .ask(&octopush.create_list_campaign_request(&draft)),
    );
    let told = match reply {
        Reply::Done(said) => match said.ticket() {
            Some(ticket) => {
                record(&draft, &ticket, account, &mut ledger)?;
                let made = Told::done(
                    format!("made the draft {ticket}: it sends nothing until it is told to\n"),
                    said,
                );
                go_on(
                    args,
                    made.with("ticket", ticket.clone()).with("state", "draft"),
                    &ticket,
                    account,
                    &mut ledger,
                )?
            }
            None => unknown("answered without a readable ticket"),
        },
        Reply::Unknown { reason } => unknown(&reason),
        reply => Told::not_done("make the campaign", reply, account.exchange.endpoint()),
    };
    closed(ledger, told)
}

/// A draft that may have been made is harmless.
fn unknown(reason: &str) -> Told {
    Told::ended(
        crate::exit::Exit::Unreachable,
        format!(
            "failed to make the campaign: {reason}; if a draft was made at Octopush, it sends nothing: make it again"
        ),
        Said::default(),
    )
}

/// What is typed, checked.
fn draft(args: &CreateArgs) -> Result<ListCampaignDraft, CommandError> {
    let given = |flag: bool| flag.then_some(true);
    let flags = Typed {
        list: args.list.clone(),
        tag: args.tag.clone(),
        text: args.text.clone(),
        kind: args.kind.clone(),
        purpose: args.purpose.clone(),
        sender: args.sender.clone(),
        send_at: args.send_at.clone(),
        with_replies: given(args.with_replies),
        auto_optimize_text: args.no_auto_optimize_text.then_some(false),
        auto_remove_blacklisted_numbers: given(args.auto_remove_blacklisted_numbers),
    };
    let file = match &args.file {
        Some(path) => Typed::load(path)?,
        None => Typed::default(),
    };
    Ok(flags.or(file).draft()?)
}

fn is_past(send_at: &SendAt) -> bool {
    send_at.instant() < clock::now()
}

/// What may surprise, as far as it shows before: whom the list holds is the provider's to know.
fn warn(draft: &ListCampaignDraft, account: &Account<'_>) {
    if draft.lacks_stop_mention() {
        account.notice(
            "volley: warning: premium marketing to French numbers needs a STOP mention, such as STOP au 30101: Octopush \
             refuses it without (code 121)",
        );
    }
    if draft.message.purpose == Purpose::Alert {
        account.notice(&format!("alert: {}", Purpose::ALERT_WARNING));
    }
}

fn record(
    draft: &ListCampaignDraft,
    ticket: &str,
    account: &Account<'_>,
    ledger: &mut Ledger,
) -> Result<(), CommandError> {
    let message = &draft.message;
    let mut parts = vec![
        ("text", message.template.wire().to_owned()),
        ("type", draft.kind.name().to_owned()),
        ("purpose", message.purpose.name().to_owned()),
        ("sender", message.sender.as_str().to_owned()),
        ("with_replies", message.with_replies.to_string()),
    ];
    parts.extend(
        message
            .send_at
            .as_ref()
            .map(|at| ("send_at", at.as_str().to_owned())),
    );
    let made = Draft {
        provider: PROVIDER.to_owned(),
        account: account.name(),
        host: account.exchange.endpoint().host().to_owned(),
        ticket: ticket.to_owned(),
        audience: Some(draft.audience.clone()),
        message: parts
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        currency: CURRENCY,
        at: clock::now(),
    };
    if let Err(error) = ledger.record_draft(&made) {
        // Nothing is lost with it but the ticket, and that is told.
        account.notice(&format!(
            "the draft {ticket} was made, and the ledger could not keep it"
        ));
        return Err(RunError::from(error).into());
    }
    Ok(())
}

/// Whatever else was asked for.
fn go_on(
    args: &CreateArgs,
    made: Told,
    ticket: &str,
    account: &Account<'_>,
    ledger: &mut Ledger,
) -> Result<Told, CommandError> {
    // An order needs the cost, which is known once the contacts are counted.
    let wait = WaitArgs {
        wait: args.wait.wait || args.send,
        ..args.wait.clone()
    };
    if !wait.wait {
        return Ok(made);
    }
    account.notice(&format!("made the draft {ticket}"));
    if args.send {
        return order::order(ticket, &wait, &args.order, account, ledger);
    }
    let reply = status::ask(ticket, &wait, account);
    if let Some(campaign) = super::known(ledger, account, ticket)? {
        status::book(ledger, campaign, &reply)?;
    }
    Ok(status::told(ticket, &reply, &wait, account))
}
