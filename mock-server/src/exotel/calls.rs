//! The calls of campaigns in the first version of the API: the only place that tells a price.
//!
//! *Sources*: "call details (v1)", for one call and in bulk. That a call which has not ended is unknown in bulk ("will not
//! provide ongoing calls' details") and shown as `in-progress` by itself, that `Price` is null until it is known, that a
//! sid nobody knows is left out in bulk, and how a cursor looks, is *assumed*. *Not here*: XML, which the page answers
//! without `.json`: 404; the other filters.

mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::admission::admit;
use super::campaign::Campaign;
use super::date::spaced;
use super::dial::Call;
use super::number;
use super::refusal::Refusal;
use super::ticket::{call_sid, of_call};
use crate::mock::{Mock, State as MockState};
use page::{CallsQuery, Cut};

/// Answers with one call.
pub(super) async fn one(
    State(mock): State<Arc<Mock>>,
    Path((sid, call)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let outcome = look(&mock, &sid, &call, &headers);
    respond(outcome)
}

/// Answers with the calls of the sids that are asked for.
pub(super) async fn many(
    State(mock): State<Arc<Mock>>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    Query(query): Query<CallsQuery>,
) -> Response {
    let outcome = look_up(&mock, &sid, &headers, &query);
    respond(outcome)
}

fn respond(outcome: Result<Value, Refusal>) -> Response {
    match outcome {
        Ok(body) => {
            let json = [(header::CONTENT_TYPE, "application/json")];
            (StatusCode::OK, json, body.to_string()).into_response()
        }
        Err(refusal) => refused(&refusal),
    }
}

/// A failure in the shape of the first version.
pub(super) fn refused(refusal: &Refusal) -> Response {
    let body = failure(refusal.status.as_u16(), 0, &refusal.description);
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut answer = (refusal.status, json, body).into_response();
    if let Some(seconds) = refusal.retry_after {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// `{"RestException":…}`; code 0 stands for none.
pub(super) fn failure(status: u16, code: u32, message: &str) -> String {
    let code = (code > 0).then_some(code);
    json!({ "RestException": { "Status": status, "Message": message, "Code": code } }).to_string()
}

fn look(mock: &Mock, account: &str, name: &str, headers: &HeaderMap) -> Result<Value, Refusal> {
    admit(mock, account, headers)?;
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let sid = name.strip_suffix(".json").unwrap_or("");
    let now = mock.clock.wall();
    let call = find(mock, &state, account, sid).filter(|(_, call)| call.begun <= now.as_microsecond());
    let (campaign, call) = call.ok_or_else(|| Refusal::not_found("No such call"))?;
    Ok(json!({ "Call": to_json(mock, account, campaign, call, sid, now) }))
}

fn look_up(mock: &Mock, account: &str, headers: &HeaderMap, query: &CallsQuery) -> Result<Value, Refusal> {
    admit(mock, account, headers)?;
    let sids = query.sids()?;
    let now = mock.clock.wall();
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let known = |sid: &&str| {
        find(mock, &state, account, sid).is_some_and(|(_, call)| call.end() <= now.as_microsecond())
    };
    let mut sids: Vec<&str> = sids.into_iter().filter(known).collect();
    // By sid: an order that a cursor can name.
    sids.sort_unstable();
    sids.dedup();
    let cut = Cut::of(&sids, query)?;
    let rows: Vec<Value> = cut
        .sids
        .iter()
        .filter_map(|sid| {
            let (campaign, call) = find(mock, &state, account, sid)?;
            Some(to_json(mock, account, campaign, call, sid, now))
        })
        .collect();
    Ok(json!({ "Metadata": cut.metadata(account, query, sids.len()), "Calls": rows }))
}

/// The account's call of this sid.
fn find<'s>(mock: &Mock, state: &'s MockState, account: &str, sid: &str) -> Option<(&'s Campaign, &'s Call)> {
    let (campaign, nth) = of_call(mock.config.seed, sid)?;
    let campaign = state.exotel.by_sid.get(account)?.nth(campaign)?;
    let call = campaign.dialling.calls().get(usize::try_from(nth).ok()?)?;
    // The spelling, too: the digits may be written in capitals.
    (call_sid(mock.config.seed, campaign.nth, nth) == sid).then_some((campaign, call))
}

fn to_json(mock: &Mock, account: &str, campaign: &Campaign, call: &Call, sid: &str, now: Timestamp) -> Value {
    let config = &mock.config.exotel;
    let instant = |at| Timestamp::from_microsecond(at).map(spaced).ok();
    let has_ended = call.end() <= now.as_microsecond();
    let lag = Duration::from_millis(config.price_lag_ms);
    let priced_from = Timestamp::from_microsecond(call.end()).and_then(|end| end.saturating_add(lag));
    let is_priced = has_ended && priced_from.is_ok_and(|from| from <= now);
    json!({
        "Sid": sid,
        "ParentCallSid": null,
        "DateCreated": instant(call.begun),
        "DateUpdated": if has_ended { instant(call.end()) } else { instant(call.begun) },
        "AccountSid": account,
        "To": number::write(campaign.reach.members[call.member as usize], config.number_text),
        "From": campaign.settings.caller_id,
        "PhoneNumberSid": campaign.settings.caller_id,
        "Status": if has_ended { call.outcome.name() } else { "in-progress" },
        "StartTime": instant(call.begun),
        "EndTime": if has_ended { instant(call.end()) } else { None },
        "Duration": has_ended.then(|| call.seconds.to_string()),
        "Price": is_priced.then(|| config.call_price.amount().to_string()),
        "Direction": "outbound-api",
        "AnsweredBy": null,
        "RecordingUrl": null,
        "Uri": format!("/v1/Accounts/{account}/Calls/{sid}.json"),
    })
}
