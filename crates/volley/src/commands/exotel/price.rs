//! `volley exotel calls`: what the calls of the ledger's batches, and of what `create` made, cost, booked to their tickets.
//!
//! ```text
//! unpriced ticket ─► its campaign is over ─► all its calls ─► all have a price ─► one sum, booked once and for good
//! ```
//! Anything less leaves the batch unpriced, and is told. Sources: "campaign call details", "call details bulk" (31 days).

use std::fmt::Write as _;

use serde_json::{Value, json};
use volley_ledger::{Ledger, ListCampaign, ListStep, Ticketed, WordError};
use volley_model::{Amount, Currency, ListCampaignState};
use volley_provider::exotel::{CampaignState, PriceSum, Prices, price_sum};
use volley_provider::{Reply, Said};

use super::{Account, PROVIDER, campaign, created, reach};
use crate::cli::{CallsArgs, Common};
use crate::clock;
use crate::commands::account::closed;
use crate::commands::told::Told;
use crate::commands::{CommandError, list_campaign, named};
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

/// What the calls are of.
enum Subject {
    Batch(Ticketed),
    /// What `create` made.
    Created(ListCampaign),
}

impl Subject {
    /// The campaign's id at Exotel.
    fn id(&self) -> &str {
        match self {
            Self::Batch(batch) => &batch.ticket,
            Self::Created(campaign) => campaign.provider_id.as_deref().unwrap_or_default(),
        }
    }

    fn host(&self) -> &str {
        match self {
            Self::Batch(batch) => &batch.host,
            Self::Created(campaign) => &campaign.host,
        }
    }

    /// For people.
    fn named(&self) -> String {
        match self {
            Self::Batch(batch) => format!("batch {} of campaign {}", batch.batch, batch.campaign),
            Self::Created(campaign) => format!("campaign {}", campaign.ticket),
        }
    }

    /// For scripts.
    fn as_json(&self, calls: u64, cost: Amount, code: Option<&str>) -> Value {
        let (batch, campaign) = match self {
            Self::Batch(batch) => (Some(batch.batch.0), &batch.campaign),
            Self::Created(campaign) => (None, &campaign.ticket),
        };
        json!({
            "batch": batch, "campaign": campaign, "ticket": self.id(), "calls": calls, "cost": cost.to_string(),
            "currency": code,
        })
    }
}

/// Prices what can be, or counts what is to be priced.
pub(super) fn calls(args: &CallsArgs, common: &Common) -> Result<Told, CommandError> {
    named::refuse_file(args.campaign.as_deref(), common)?;
    let (account, currency) = reach(common, &common.overrides)?;
    let unpriced = unpriced(args.campaign.as_deref(), &account)?;
    if !args.price {
        let text = format!(
            "{} without a price; --price asks for it\n",
            counted_as(unpriced.len() as u64, "ticket is", "tickets are")
        );
        return Ok(Told::done(text, Said::default()).with("unpriced_batches", unpriced.len()));
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
    for subject in unpriced {
        match account.check_host(subject.id(), subject.host()) {
            Ok(()) => match price(subject.id(), &account) {
                Ok(priced) => known.push((subject, priced)),
                Err(told) => return Ok(*told),
            },
            Err(error) => known.push((subject, Priced::NotYet(error.to_string()))),
        }
    }
    book(&known, currency, &account)
}

/// The tickets without a cost, of the campaign of that name or of all.
fn unpriced(name: Option<&str>, account: &Account<'_>) -> Result<Vec<Subject>, CommandError> {
    let batches = match account.reader()? {
        Some(reader) => reader.unpriced(PROVIDER, name).map_err(RunError::from)?,
        // Tells what is missing, in the ledger's own words.
        None => account
            .existing_ledger()?
            .unpriced(PROVIDER, name)
            .map_err(RunError::from)?,
    };
    let batches = batches
        .into_iter()
        .filter(|batch| batch.account == account.name());
    let mut subjects: Vec<Subject> = batches.map(Subject::Batch).collect();
    let created = created::all(account)?.into_iter().filter(|campaign| {
        campaign.state == ListCampaignState::Sent
            && campaign.cost.is_none()
            && campaign.provider_id.is_some()
            && name.is_none_or(|name| name == campaign.ticket)
    });
    subjects.extend(created.map(Subject::Created));
    Ok(subjects)
}

/// What the calls of a campaign cost; else the reply that tells nothing.
fn price(id: &str, account: &Account<'_>) -> Result<Priced, Box<Told>> {
    let state = match campaign::asked(id, account) {
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
    let calls = match campaign::calls_of(id, account) {
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

/// What speaks of this campaign alone leaves it unpriced; what speaks of the account ends it all.
fn not_now(what: &str, reply: Reply, account: &Account<'_>) -> Result<Priced, Box<Told>> {
    match reply {
        Reply::Refused(refusal) => Ok(Priced::NotYet(account.exchange.provider().explain(&refusal))),
        Reply::Unknown { reason } => Ok(Priced::NotYet(reason)),
        reply => Err(Box::new(Told::not_done(what, reply, &account.exchange))),
    }
}

fn book(
    known: &[(Subject, Priced)],
    currency: Currency,
    account: &Account<'_>,
) -> Result<Told, CommandError> {
    let mut ledger = account.existing_ledger()?;
    let code = code_of(currency);
    let (mut text, mut total, mut not_yet) = (String::new(), Amount::ZERO, 0_u64);
    let mut booked: Vec<Value> = Vec::new();
    for (subject, priced) in known {
        let why = match priced {
            Priced::NotYet(why) => Some(why.clone()),
            Priced::Whole { cost, .. } => book_one(subject, *cost, currency, &mut ledger)?,
        };
        match (why, priced) {
            (None, Priced::Whole { calls, cost }) => {
                total += *cost;
                booked.push(subject.as_json(*calls, *cost, code.as_deref()));
                let _ = writeln!(
                    text,
                    "{}: {} for {cost} {}",
                    subject.named(),
                    counted(*calls, "call"),
                    currency_told(code.as_deref())
                );
            }
            (why, _) => {
                not_yet += 1;
                let _ = writeln!(text, "{}: {}", subject.named(), why.unwrap_or_default());
            }
        }
    }
    let _ = writeln!(
        text,
        "{} booked, {total} {} together; {} not priced yet",
        counted_as(booked.len() as u64, "ticket is", "tickets are"),
        currency_told(code.as_deref()),
        counted_as(not_yet, "ticket is", "tickets are")
    );
    let told = Told::done(text, Said::default())
        .with("booked", booked)
        .with("total", total.to_string())
        .with("currency", code)
        .with("unpriced_batches", not_yet);
    closed(ledger, told)
}

/// Books a cost; else why not: it was withdrawn, or priced, meanwhile, or counts in another currency.
fn book_one(
    subject: &Subject,
    cost: Amount,
    currency: Currency,
    ledger: &mut Ledger,
) -> Result<Option<String>, CommandError> {
    match subject {
        Subject::Batch(batch) => match ledger.price(batch.batch, cost, currency, clock::now()) {
            Ok(()) => Ok(None),
            Err(WordError::Ledger(error)) => Err(RunError::from(error).into()),
            Err(error) => Ok(Some(error.to_string())),
        },
        Subject::Created(campaign) if campaign.currency != currency => Ok(Some(format!(
            "it was created with {}: a cost in another currency is not booked",
            code_of(campaign.currency).unwrap_or_else(|| "its currency left open".to_owned())
        ))),
        Subject::Created(campaign) => {
            // It may have been deleted, or priced, while we asked.
            let found = ledger.list_campaign(&campaign.provider, &campaign.account, &campaign.ticket);
            let now = found.map_err(RunError::from)?;
            if now.is_none_or(|now| now.state != ListCampaignState::Sent || now.cost.is_some()) {
                return Ok(Some("it is not sent any more, or has a cost".to_owned()));
            }
            let priced = ListStep::Priced {
                contacts: None,
                cost: Some(cost),
            };
            list_campaign::step(ledger, campaign, &priced)?;
            Ok(None)
        }
    }
}
