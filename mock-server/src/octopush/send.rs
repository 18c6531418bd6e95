//! `POST /v1/public/sms-campaign/send`: checks, books, answers.
//!
//! The commit is one step under one lock: key, credit, ticket and numbers together, or none of them.
//! *Sources*: "Schedule SMS sending", "Transactional SMS".

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use rust_decimal::{Decimal, RoundingStrategy};

use super::cancel::Scheduled;
use super::config::AnswerFields;
use super::refusal::Refusal;
use super::request::SendRequest;
use super::review::{Campaign, review};
use super::value::scalar;
use super::{Account, credentials, keys, ticket};
use crate::exchange::Arrived;
use crate::mock::{Mock, State as MockState};
use crate::provider::Provider;
use crate::record::{Commit, Standing};

/// Decimals of `residual_credit`: 94.995 = 100 − 5.00502839 rounded to three ("Transactional SMS").
const RESIDUAL_DECIMALS: u32 = 3;

/// Keeps the tickets of simulated sends apart from those of real ones.
const SIMULATED_TICKETS: u64 = 1 << 63;

/// Answers a send.
pub(super) async fn send(
    State(mock): State<Arc<Mock>>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match accept(&mock, arrived, &headers, &body).await {
        Ok(success) => success.into_response(&mock),
        Err(refusal) => refusal.into_response(),
    }
}

/// What a success tells.
struct Success {
    ticket: String,
    contacts: usize,
    segments: u64,
    cost: Decimal,
    residual: Decimal,
}

/// Who sends, and under which key.
struct Origin<'a> {
    login: &'a str,
    request_id: Option<&'a str>,
    key: Option<String>,
}

async fn accept(mock: &Mock, arrived: Arrived, headers: &HeaderMap, body: &[u8]) -> Result<Success, Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let request = SendRequest::parse(body)?;
    let carried = request.recipients.as_ref().map_or(0, Vec::len) as u64;
    mock.state()
        .record
        .carried(Provider::Octopush, carried, arrived.0);

    let request_id = request.request_id.and_then(scalar);
    let origin = Origin {
        login,
        request_id: request_id.as_deref(),
        key: keys::scoped(login, request_id.as_deref()),
    };
    let campaign = match review(&mock.octopush, config, &request) {
        Ok(campaign) => campaign,
        Err(refusal) => {
            burn(mock, &mut mock.state(), origin.key);
            return Err(refusal);
        }
    };
    if campaign.simulated {
        return Ok(simulate(mock, &campaign));
    }
    let gap_ms = config.duplicates.detection_gap_ms;
    if gap_ms == 0 {
        return commit(mock, &mut mock.state(), origin, &campaign);
    }
    refuse_duplicate(mock, &mock.state(), origin.key.as_deref())?;
    tokio::time::sleep(Duration::from_millis(gap_ms)).await;
    book(mock, &mut mock.state(), origin, &campaign)
}

/// Looks for the key and books, with nothing in between.
fn commit(
    mock: &Mock,
    state: &mut MockState,
    origin: Origin<'_>,
    campaign: &Campaign,
) -> Result<Success, Refusal> {
    refuse_duplicate(mock, state, origin.key.as_deref())?;
    book(mock, state, origin, campaign)
}

fn refuse_duplicate(mock: &Mock, state: &MockState, key: Option<&str>) -> Result<(), Refusal> {
    let duplicates = &mock.config.octopush.duplicates;
    match key {
        Some(key) if state.octopush.keys.is_used(key, mock.clock.now_ms()) => {
            Err(Refusal::duplicate(duplicates.status, duplicates.code))
        }
        _ => Ok(()),
    }
}

/// Takes the money and remembers everything. Without enough credit nothing goes out (*assumed*).
fn book(
    mock: &Mock,
    state: &mut MockState,
    origin: Origin<'_>,
    campaign: &Campaign,
) -> Result<Success, Refusal> {
    let config = &mock.config.octopush;
    let account = &mut state.octopush;
    if config.credit.is_some() && account.residual(config) < campaign.cost {
        burn(mock, state, origin.key);
        return Err(Refusal::no_credit());
    }
    account.spent += campaign.cost;
    account.tickets_given += 1;
    if let Some(key) = origin.key {
        account.keys.remember(key, mock.clock.now_ms());
    }
    let ticket = ticket::name(mock.config.seed, account.tickets_given);
    let residual = account.residual(config);
    let standing = schedule(mock, account, origin.login, &ticket, campaign);
    let commit = Commit {
        ticket: ticket.clone(),
        request_key: origin.request_id,
        name: None,
        numbers: &campaign.numbers,
        cost: campaign.cost,
        standing,
    };
    state.record.octopush.commit(commit);
    Ok(Success {
        ticket,
        contacts: campaign.numbers.len(),
        segments: campaign.segments,
        cost: campaign.cost,
        residual,
    })
}

/// Remembers a campaign whose date is ahead. Its numbers are kept only if it is small enough to be cancelled.
fn schedule(mock: &Mock, account: &mut Account, login: &str, ticket: &str, campaign: &Campaign) -> Standing {
    let Some(send_at) = campaign.send_at.filter(|at| *at > mock.clock.wall()) else {
        return Standing::Final;
    };
    let recipients = campaign.numbers.len();
    let scheduled = Scheduled {
        login: login.to_owned(),
        send_at,
        recipients,
    };
    account.schedule.add(ticket.to_owned(), scheduled);
    if recipients <= mock.config.octopush.cancel.recipients_max {
        Standing::Revocable
    } else {
        Standing::Final
    }
}

/// The fake result of `simulation_mode`: neither money nor key is used (*assumed*).
fn simulate(mock: &Mock, campaign: &Campaign) -> Success {
    let mut state = mock.state();
    let nth = state.record.octopush.simulated();
    Success {
        ticket: ticket::name(mock.config.seed, SIMULATED_TICKETS + nth),
        contacts: campaign.numbers.len(),
        segments: campaign.segments,
        cost: campaign.cost,
        residual: state.octopush.residual(&mock.config.octopush),
    }
}

/// Uses the key of a refused request up, where the switch says so.
fn burn(mock: &Mock, state: &mut MockState, key: Option<String>) {
    let Some(key) = key.filter(|_| mock.config.octopush.duplicates.refused_burns_key) else {
        return;
    };
    let now_ms = mock.clock.now_ms();
    // A repeat does not lengthen the life of a key.
    if !state.octopush.keys.is_used(&key, now_ms) {
        state.octopush.keys.remember(key, now_ms);
    }
}

impl Success {
    /// Writes the JSON by hand: amounts are exact decimals, which no `f64` may touch.
    fn into_response(self, mock: &Mock) -> Response {
        let mut body = String::with_capacity(192);
        let mut write = |text: std::fmt::Arguments<'_>| {
            // Writing to a string cannot fail.
            let _ = body.write_fmt(text);
        };
        write(format_args!(
            r#"{{"sms_ticket":"{}","number_of_contacts":{}"#,
            self.ticket, self.contacts
        ));
        if mock.config.octopush.answer_fields == AnswerFields::Five {
            let residual = self
                .residual
                .round_dp_with_strategy(RESIDUAL_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
            write(format_args!(
                r#","number_of_sms_needed":{},"residual_credit":{}"#,
                self.segments,
                residual.normalize()
            ));
        }
        write(format_args!(r#","total_cost":{}}}"#, self.cost.normalize()));
        (
            StatusCode::CREATED,
            [(header::CONTENT_TYPE, "application/json")],
            body,
        )
            .into_response()
    }
}
