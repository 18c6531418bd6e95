//! Campaigns on lists and tags: created, computed, then sent or cancelled, each by a request of its own.
//!
//! ```text
//! create ─► computing ─┬─► ready ─► send (commit) ─► sent
//!                      └─► failed
//! ```
//! Only the send is a commit: it takes the money, and its numbers and ticket enter the record. A cancelled campaign is
//! unknown from then on (*assumed*).
//! *Bounds*: each campaign keeps its numbers until it is cancelled, or until a reset.
//! *Not here*: making lists; the settings say whom a name stands for.
//! *Sources*: "Send SMS to contacts (on-list/on-tag)", "status-sms-campaign-list", "confirm-sms-on-list",
//! "cancel-an-sms-on-list". That status and cancel are served under `-on-tag`, too, is *assumed*: the pages show them
//! under `-on-list`.

mod answer;
mod audience;
mod campaign;
mod order;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::cancel::take_back;
use super::config::{ComputingAnswer, StatusAfterSend};
use super::refusal::Refusal;
use super::{Account, credentials, request, ticket};
use crate::mock::{Mock, State as MockState};
use crate::record::{Commit, Standing};
pub(super) use audience::Audiences;
use audience::Kind;
pub(super) use campaign::Campaigns;
use campaign::{Campaign, Progress};
use order::ListRequest;

/// The four services, under either name.
pub(super) fn routes() -> Router<Arc<Mock>> {
    let mut router = Router::new();
    for (service, kind) in [("on-list", Kind::List), ("on-tag", Kind::Tag)] {
        let path = |step: &str| format!("/v1/public/sms-campaign-{service}/{step}");
        let create_here = async move |mock: State<Arc<Mock>>, headers: HeaderMap, body: Bytes| {
            create(kind, &mock, &headers, &body)
        };
        router = router
            .route(&path("create"), post(create_here))
            .route(&path("status"), get(status))
            .route(&path("send"), post(send))
            .route(&path("cancel"), delete(cancel));
    }
    router
}

fn create(kind: Kind, mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Response {
    match draw_up(mock, kind, headers, body) {
        Ok(ticket) => answer::created(&ticket),
        Err(refusal) => refusal.into_response(),
    }
}

fn draw_up(mock: &Mock, kind: Kind, headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let request: ListRequest<'_> = request::object(body)?;
    let order = order::review(&mock.octopush, config, kind, &request)?;
    let campaign = Campaign::new(login, order, mock.clock.now_ms(), config.lists.computing_ms);

    let account = &mut mock.state().octopush;
    account.tickets_given += 1;
    let ticket = ticket::name(mock.config.seed, account.tickets_given);
    account.campaigns.insert(ticket.clone(), campaign);
    Ok(ticket)
}

/// The query of a status.
#[derive(Debug, Deserialize)]
struct StatusQuery {
    ticket_number: Option<String>,
}

async fn status(
    State(mock): State<Arc<Mock>>,
    headers: HeaderMap,
    Query(query): Query<StatusQuery>,
) -> Response {
    match tell(&mock, &headers, query.ticket_number.as_deref()) {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_response(),
    }
}

fn tell(mock: &Mock, headers: &HeaderMap, ticket: Option<&str>) -> Result<Response, Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let ticket = ticket.ok_or_else(|| Refusal::malformed("ticket_number is missing"))?;
    let mut state = mock.state();
    let campaign = state.octopush.campaigns.get_mut(login, ticket)?;
    let (reach, status) = match campaign.progress(mock.clock.now_ms()) {
        Progress::Computing => match config.lists.computing_answer {
            ComputingAnswer::BadRequest => return Err(Refusal::computing(config.lists.computing_code)),
            ComputingAnswer::UnderComputation => (None, "under_computation"),
            ComputingAnswer::Calculating => (None, "calculating"),
        },
        Progress::Failed => (None, "failed"),
        Progress::Ready(reach) => (Some(reach), config.lists.ready_spelling.as_str()),
        Progress::Sent(reach) => match config.lists.status_after_send {
            StatusAfterSend::Sent => (Some(reach), "sent"),
            StatusAfterSend::BadRequest132 => return Err(Refusal::already_sent()),
        },
    };
    let (contacts, cost) = reach.map_or((0, Decimal::ZERO), |reach| (reach.numbers.len(), reach.cost));
    Ok(answer::status(contacts, cost, status))
}

async fn send(State(mock): State<Arc<Mock>>, headers: HeaderMap, body: Bytes) -> Response {
    match commit(&mock, &headers, &body) {
        Ok(sending_date) => answer::sent(&sending_date),
        Err(refusal) => refusal.into_response(),
    }
}

/// Takes the money and remembers everything, in one step. Gives the date the campaign goes out at.
fn commit(mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Result<String, Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let ticket = ticket::named_in(body)?;
    let mut state = mock.state();
    let MockState { record, octopush, .. } = &mut *state;
    let residual = octopush.residual(config);
    let Account { campaigns, spent, .. } = octopush;
    let campaign = campaigns.get_mut(login, &ticket)?;
    let reach = match campaign.progress(mock.clock.now_ms()) {
        Progress::Ready(reach) => reach,
        Progress::Computing => return Err(Refusal::computing(config.lists.computing_code)),
        Progress::Failed => return Err(Refusal::no_correct_number()),
        Progress::Sent(_) => return Err(Refusal::already_sent()),
    };
    if config.credit.is_some() && residual < reach.cost {
        return Err(Refusal::no_credit());
    }
    let now = mock.clock.wall();
    *spent += reach.cost;
    record.octopush.commit(Commit {
        ticket,
        request_key: None,
        name: None,
        numbers: &reach.numbers,
        cost: reach.cost,
        standing: if campaign.is_ahead(now) {
            Standing::Revocable
        } else {
            Standing::Final
        },
    });
    Ok(campaign.send(now))
}

async fn cancel(State(mock): State<Arc<Mock>>, headers: HeaderMap, body: Bytes) -> Response {
    match call_off(&mock, &headers, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Drops a campaign that was not sent, or takes a sent one back whose time has not come.
fn call_off(mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let login = credentials::login(&mock.config.octopush.accounts, headers)?;
    let ticket = ticket::named_in(body)?;
    let mut state = mock.state();
    let campaign = state.octopush.campaigns.get_mut(login, &ticket)?;
    if campaign.was_sent() {
        if !campaign.is_ahead(mock.clock.wall()) {
            return Err(Refusal::already_sent());
        }
        take_back(mock, &mut state, &ticket).map_err(|_| Refusal::already_sent())?;
    }
    state.octopush.campaigns.remove(&ticket);
    Ok(())
}
