//! `GET /v2/accounts/<sid>/campaigns/<id>/call-details`: a row for each call that has ended.
//!
//! *Sources*: "campaign call details" for query and rows. That a campaign without any ended call is 404 comes from a public
//! client's comments; that a call shows up with its end, and that rows come oldest first, is *assumed*.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::admission::admit;
use super::campaign::Campaign;
use super::date::rfc3339;
use super::dial::Call;
use super::envelope::{Reply, answer};
use super::number;
use super::page::Page;
use super::refusal::Refusal;
use super::show::find;
use super::ticket::call_sid;
use crate::mock::Mock;

/// The query; all optional.
#[derive(Debug, Deserialize)]
pub(super) struct DetailsQuery {
    offset: Option<String>,
    limit: Option<String>,
    status: Option<String>,
    sort_by: Option<String>,
}

/// Answers with a page of calls.
pub(super) async fn call_details(
    State(mock): State<Arc<Mock>>,
    Path((sid, id)): Path<(String, String)>,
    headers: HeaderMap,
    Query(query): Query<DetailsQuery>,
) -> Response {
    let outcome = look(&mock, (&sid, &id), &headers, &query);
    answer(&mock, &Method::GET, outcome)
}

fn look(
    mock: &Mock,
    (sid, id): (&str, &str),
    headers: &HeaderMap,
    query: &DetailsQuery,
) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let page = Page::read(query.offset.as_deref(), query.limit.as_deref())?;
    let newest_first = match query.sort_by.as_deref() {
        None | Some("date_created:asc") => false,
        Some("date_created:desc") => true,
        Some(_) => {
            return Err(Refusal::invalid(
                "sort_by must be date_created:asc or date_created:desc",
            ));
        }
    };
    let status = query.status.as_deref();
    if status.is_some_and(|status| !matches!(status, "completed" | "failed" | "busy" | "no-answer")) {
        return Err(Refusal::invalid(
            "status must be completed, failed, busy or no-answer",
        ));
    }
    let now = mock.clock.wall().as_microsecond();
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let campaign = find(mock, &state.exotel, sid, id)?;
    let calls = campaign.dialling.calls().iter().zip(0_u64..);
    let mut rows: Vec<(&Call, u64)> = calls.filter(|(call, _)| call.end() <= now).collect();
    if rows.is_empty() {
        return Err(Refusal::not_found("No call has been made yet"));
    }
    rows.retain(|(call, _)| status.is_none_or(|status| call.outcome.name() == status));
    if newest_first {
        rows.reverse();
    }
    let row = |(call, nth): &(&Call, u64)| row(mock, campaign, call, *nth);
    let response: Vec<Value> = page.of(&rows).iter().map(row).collect();
    Ok(Reply {
        status: StatusCode::OK,
        metadata: page.metadata(response.len(), rows.len()),
        response,
    })
}

fn row(mock: &Mock, campaign: &Campaign, call: &Call, nth: u64) -> Value {
    let style = mock.config.exotel.number_text;
    let instant = |at| Timestamp::from_microsecond(at).map(rfc3339).ok();
    let data = json!({
        "number": number::write(campaign.reach.members[call.member as usize], style),
        "name": null,
        "duration": call.seconds,
        "date_created": instant(call.begun),
        "status": call.outcome.name(),
        "digit": null,
        "recording_url": null,
        "start_time": instant(call.begun),
        "end_time": instant(call.end()),
        "caller_id": campaign.settings.caller_id,
        "direction": "Outgoing",
        "call_sid": call_sid(mock.config.seed, campaign.nth, nth),
    });
    super::envelope::success(data)
}
