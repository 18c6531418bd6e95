//! Making a draft, and with `--send` the whole way: made, counted, sent.

use volley_provider::octopush::{ListCampaignDraft, Purpose, Reply, Said};

use super::super::{Account, closed};
use super::{book, order, status, tell};
use crate::cli::{CreateArgs, WaitArgs};
use crate::clock;
use crate::commands::CommandError;
use crate::commands::told::Told;
use crate::config::list_campaign::Typed;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::{plan, print};

/// Makes a draft.
pub(super) fn create(args: &CreateArgs, account: &Account<'_>) -> Result<Told, CommandError> {
    if !args.send && (args.order.yes || args.order.max_cost.is_some()) {
        let what = "--yes and --max-cost are for an order: give --send too; nothing was made";
        return Err(CommandError::Unconfirmed(what.to_owned()));
    }
    let draft = draft(args)?;
    let send_at = draft.message.send_at.as_ref();
    if let Some(past) = send_at.filter(|at| at.instant() < clock::now()) {
        return Err(RunError::SendAtPast(past.as_str().to_owned()).into());
    }
    if let Some(told) = doubtful_like(&draft, account)? {
        return Ok(told);
    }
    warn(&draft, account);
    let mut ledger = account.ledger()?;
    let octopush = account.exchange.api();
    let reply = octopush.reply(
        &account
            .exchange
            .ask(&octopush.create_list_campaign_request(&draft)),
    );
    let (ticket, said) = match reply {
        Reply::Done(said) => match said.ticket() {
            Some(ticket) => (ticket, said),
            None => return closed(ledger, unknown("answered without a readable ticket")),
        },
        Reply::Unknown { reason } => return closed(ledger, unknown(&reason)),
        reply => {
            let told = Told::not_done("make the campaign", reply, &account.exchange);
            return closed(ledger, told);
        }
    };
    let recorded = book::record(
        &mut ledger,
        account,
        &ticket,
        Some(draft.audience.clone()),
        parts(&draft),
    );
    if recorded.is_err() {
        // Nothing is lost with it but the ticket, and that is told.
        print::message(&format!(
            "the draft {ticket} was made, and the ledger could not keep it"
        ));
    }
    let text = format!("made the draft {ticket}: it sends nothing until it is told to\n");
    let made = tell::as_it_stands(Exit::Complete, text, said, &recorded?);
    ledger.close().map_err(RunError::from)?;
    go_on(args, made, &ticket, account)
}

/// The same message to the same people, ordered before without an answer: another one could reach everybody twice.
fn doubtful_like(draft: &ListCampaignDraft, account: &Account<'_>) -> Result<Option<Told>, CommandError> {
    let Some(reader) = account.reader()? else {
        return Ok(None);
    };
    let made = book::draft(account, "", Some(draft.audience.clone()), parts(draft));
    let found = reader.doubtful_like(&made).map_err(RunError::from)?;
    Ok(found.map(|campaign| {
        tell::doubt(
            &campaign,
            "; it is the same message to the same audience",
            Said::default(),
        )
    }))
}

/// A draft that may have been made is harmless.
fn unknown(reason: &str) -> Told {
    Told::ended(
        Exit::Unreachable,
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

/// What may surprise, as far as it shows before: whom the list holds is the provider's to know.
fn warn(draft: &ListCampaignDraft, account: &Account<'_>) {
    if draft.lacks_stop_mention() {
        account.notice(
            "volley: warning: premium marketing to French numbers needs a STOP mention, such as STOP au 30101: Octopush \
             refuses it without (code 121)",
        );
    }
    for sentence in plan::text_sentences(&draft.message) {
        account.notice(&format!("volley: warning: {sentence}"));
    }
    if draft.message.purpose == Purpose::Alert {
        account.notice(&format!("alert: {}", Purpose::ALERT_WARNING));
    }
}

/// The message's parts, as the ledger keeps them.
fn parts(draft: &ListCampaignDraft) -> Vec<(String, String)> {
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
    parts
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// Whatever else was asked for.
fn go_on(args: &CreateArgs, made: Told, ticket: &str, account: &Account<'_>) -> Result<Told, CommandError> {
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
        let order = order::Order {
            ticket,
            wait: &wait,
            terms: &args.order,
            on_tag: false,
        };
        return order.give(account);
    }
    status::show(ticket, &wait, account)
}
