//! `DELETE /v1/public/sms-campaign/cancel`, and what every cancelling does to the record.
//!
//! *Sources*: "cancel-sms", and its newer form for the limits. The codes are *assumed*: 131 for a ticket that is unknown,
//! cancelled, or of a campaign on a list or tag, which has a service of its own; 100 for a limit. So is that only
//! successes count towards the month. What was sent without a date ahead is not told apart by account: keeping whose it
//! was would burden each send.

mod schedule;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::refusal::Refusal;
use super::{credentials, ticket};
use crate::mock::{Mock, State as MockState};
pub(super) use schedule::{Schedule, Scheduled};

/// Answers 204 with an empty body.
pub(super) async fn cancel(State(mock): State<Arc<Mock>>, headers: HeaderMap, body: Bytes) -> Response {
    match call_off(&mock, &headers, &body) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn call_off(mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let ticket = ticket::named_in(body)?;
    let mut state = mock.state();
    let Some(scheduled) = state.octopush.schedule.get(&ticket) else {
        return Err(without_schedule(&state, &ticket));
    };
    if scheduled.login != login {
        return Err(Refusal::unknown_campaign());
    }
    let now = mock.clock.wall();
    state.octopush.schedule.check(&config.cancel, scheduled, now)?;
    take_back(mock, &mut state, &ticket).map_err(|_| Refusal::unknown_campaign())?;
    state.octopush.schedule.cancelled(login, &ticket, now);
    Ok(())
}

/// Why a ticket cannot be cancelled that never had a date ahead.
fn without_schedule(state: &MockState, ticket: &str) -> Refusal {
    if state.record.octopush.stands(ticket) && !state.octopush.campaigns.contains(ticket) {
        Refusal::not_cancellable("it is not scheduled")
    } else {
        Refusal::unknown_campaign()
    }
}

/// A campaign that cannot be taken back: it was final when it was accepted, or is no longer there.
#[derive(Debug)]
pub(super) struct Final;

/// Takes an accepted campaign back: it reaches nobody, and its cost comes back where the switch says so. Its `request_id`
/// stays used (*assumed*).
pub(super) fn take_back(mock: &Mock, state: &mut MockState, ticket: &str) -> Result<(), Final> {
    let cost = state.record.octopush.revoke(ticket).ok_or(Final)?;
    if mock.config.octopush.cancel.refunds {
        state.octopush.spent -= cost;
        state.record.octopush.refund(cost);
    }
    Ok(())
}
