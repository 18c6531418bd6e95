//! `GET /v2/accounts/<sid>/campaigns/<id>`: the campaign with its figures.
//!
//! *Sources*: "get campaign details". That `summary` stands beside `data` is *assumed*.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};

use super::account;
use super::admission::admit;
use super::campaign::{Campaign, Stage};
use super::envelope::{Reply, answer};
use super::refusal::Refusal;
use super::{Accounts, stats};
use crate::mock::Mock;

/// Answers with one campaign.
pub(super) async fn show(
    State(mock): State<Arc<Mock>>,
    Path((sid, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let outcome = look(&mock, &sid, &id, &headers);
    answer(&mock, &Method::GET, outcome)
}

fn look(mock: &Mock, sid: &str, id: &str, headers: &HeaderMap) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let config = &mock.config.exotel;
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let campaign = find(mock, &state.exotel, sid, id)?;
    let mut reply = Reply::one(campaign.to_json_with_numbers(sid, config.number_text));
    reply.response[0]["summary"] = stats::summary(campaign);
    Ok(reply)
}

/// The account's campaign of this id; one that is deleted is unknown where the switch says so.
pub(super) fn find<'a>(
    mock: &Mock,
    accounts: &'a Accounts,
    sid: &str,
    id: &str,
) -> Result<&'a Campaign, Refusal> {
    let campaign = accounts.account(sid)?.campaign(id)?;
    if campaign.stage == Stage::Deleted && mock.config.exotel.deleted_is_gone {
        return Err(account::unknown());
    }
    Ok(campaign)
}
