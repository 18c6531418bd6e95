//! `volley exotel calls`: what the calls of the ledger's batches cost, booked to their tickets.
//!
//! ```text
//! unpriced batch ─► its campaign is over ─► all its calls ─► all have a price ─► one sum, booked once and for good
//! ```
//! Anything less leaves the batch unpriced, and is told. Sources: "campaign call details", "call details bulk" (31 days).

use std::fmt::Write as _;

use serde_json::{Value, json};
use volley_ledger::{Ticketed, WordError};
use volley_model::{Amount, Currency};
use volley_provider::exotel::{CampaignState, PriceSum, Prices, price_sum};
use volley_provider::{Reply, Said};

use super::{Account, PROVIDER, campaign, reach};
use crate::cli::{CallsArgs, Common};
use crate::clock;
use crate::commands::CommandError;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::config::ConfigError;
use crate::pipeline::RunError;
use crate::summary::{code_of, counted, counted_as, currency_told};

/// What is known of a batch's calls.
enum Priced {
    /// All of them.
    Whole { calls: u64, cost: Amount },
    /// Not yet, and why.
    NotYet(String),
}

/// Prices what can be, or counts what is to be priced.
pub(super) fn calls(args: &CallsArgs, common: &Common) -> Result<Told, CommandError> {
    let (account, currency) = reach(common, &common.overrides)?;
    let name = args.campaign.as_deref();
    let mut batches = match account.reader()? {
        Some(reader) => reader.unpriced(PROVIDER, name).map_err(RunError::from)?,
        // Tells what is missing, in the ledger's own words.
        None => account
            .existing_ledger()?
            .unpriced(PROVIDER, name)
            .map_err(RunError::from)?,
    };
    batches.retain(|batch| batch.account == account.name());
    if !args.price {
        let text = format!(
            "{} without a price; --price asks for it\n",
            counted_as(batches.len() as u64, "batch is", "batches are")
        );
        return Ok(Told::done(text, Said::default()).with("unpriced_batches", batches.len()));
    }
    if currency == Currency::NONE {
        return Err(CommandError::Config(ConfigError::Missing {
            key: "--set exotel.currency=CODE".to_owned(),
            why: "Exotel does not name the account's currency, and a price is booked for good; such as INR"
                .to_owned(),
        }));
    }
    // Asked for without the ledger's lock: a run may go on meanwhile.
    let mut known = Vec::new();
    for batch in batches {
        match account.check_host(&batch.ticket, &batch.host) {
            Ok(()) => match price(&batch, &account) {
                Ok(priced) => known.push((batch, priced)),
                Err(told) => return Ok(*told),
            },
            Err(error) => known.push((batch, Priced::NotYet(error.to_string()))),
        }
    }
    book(&known, currency, &account)
}

/// What a batch cost; else the reply that tells nothing.
fn price(batch: &Ticketed, account: &Account<'_>) -> Result<Priced, Box<Told>> {
    let state = match campaign::asked(&batch.ticket, account) {
        Reply::Done(said) => said.campaign().map(|listed| listed.state),
        reply => return not_now("ask for the campaign", reply, account),
    };
    let is_over = |state: &CampaignState| {
        matches!(
            state,
            CampaignState::Completed
                | CampaignState::Failed
                | CampaignState::Canceled
                | CampaignState::Archived
        )
    };
    match state {
        Some(state) if is_over(&state) => {}
        Some(state) => return Ok(Priced::NotYet(format!("it is {}", state.name()))),
        None => return Ok(Priced::NotYet("its state cannot be read".to_owned())),
    }
    let calls = match campaign::calls_of(&batch.ticket, account) {
        Ok(calls) => calls,
        Err(reply) => return not_now("ask for the calls", reply, account),
    };
    let sids: Vec<String> = calls.into_iter().map(|call| call.sid).collect();
    if sids.is_empty() {
        return Ok(Priced::NotYet("no call of it is told".to_owned()));
    }
    let exotel = account.exchange.api();
    let mut prices = Vec::new();
    for (_, request) in exotel.price_requests(&sids) {
        match exotel.prices(&account.exchange.ask(&request)) {
            Prices::Known(some) => prices.extend(some),
            Prices::Other(reply) => return not_now("ask for the prices", reply, account),
        }
    }
    Ok(match price_sum(sids.iter().map(String::as_str), &prices) {
        PriceSum::Whole(cost) => Priced::Whole {
            calls: sids.len() as u64,
            cost,
        },
        PriceSum::Unfinished { unpriced, .. } => Priced::NotYet(format!(
            "{} no price yet, or are older than the 31 days that Exotel tells of",
            counted_as(unpriced.len() as u64, "call has", "calls have")
        )),
    })
}

/// What speaks of this batch alone leaves it unpriced; what speaks of the account ends it all.
fn not_now(what: &str, reply: Reply, account: &Account<'_>) -> Result<Priced, Box<Told>> {
    match reply {
        Reply::Refused(refusal) => Ok(Priced::NotYet(account.exchange.provider().explain(&refusal))),
        Reply::Unknown { reason } => Ok(Priced::NotYet(reason)),
        reply => Err(Box::new(Told::not_done(what, reply, &account.exchange))),
    }
}

fn book(
    known: &[(Ticketed, Priced)],
    currency: Currency,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    let mut ledger = account.existing_ledger()?;
    let code = code_of(currency);
    let (mut text, mut total, mut not_yet) = (String::new(), Amount::ZERO, 0_u64);
    let mut booked: Vec<Value> = Vec::new();
    for (batch, priced) in known {
        match priced {
            Priced::Whole { calls, cost } => {
                match ledger.price(batch.batch, *cost, currency, clock::now()) {
                    Ok(()) => {}
                    Err(WordError::Ledger(error)) => return Err(RunError::from(error).into()),
                    // It was withdrawn, or priced, meanwhile; or the campaign counts in another currency.
                    Err(error) => {
                        not_yet += 1;
                        let _ = writeln!(text, "batch {}: {error}", batch.batch);
                        continue;
                    }
                }
                total += *cost;
                booked.push(json!({
                    "batch": batch.batch.0, "campaign": batch.campaign, "ticket": batch.ticket, "calls": calls,
                    "cost": cost.to_string(), "currency": code,
                }));
                let _ = writeln!(
                    text,
                    "batch {} of campaign {}: {} for {cost} {}",
                    batch.batch,
                    batch.campaign,
                    counted(*calls, "call"),
                    currency_told(code.as_deref())
                );
            }
            Priced::NotYet(why) => {
                let _ = writeln!(
                    text,
                    "batch {} of campaign {}: {why}",
                    batch.batch, batch.campaign
                );
                not_yet += 1;
            }
        }
    }
    let _ = writeln!(
        text,
        "{} booked, {total} {} together; {} not priced yet",
        counted_as(booked.len() as u64, "batch is", "batches are"),
        currency_told(code.as_deref()),
        counted_as(not_yet, "batch is", "batches are")
    );
    let told = Told::done(text, Said::default())
        .with("booked", booked)
        .with("total", total.to_string())
        .with("currency", code)
        .with("unpriced_batches", not_yet);
    closed(ledger, told)
}
