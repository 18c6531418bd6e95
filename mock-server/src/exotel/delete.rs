//! `DELETE /v2/accounts/<sid>/campaigns/<id>`: only before the start.
//!
//! Its numbers leave the record: it reaches nobody.
//! *Sources*: "delete campaign", "campaigns API: how it works". That a paused one can be deleted, too, while its time has
//! not come, what is answered for one that has started (400), and the body of a success, is *assumed*.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, Method};

use super::admission::admit;
use super::campaign::Stage;
use super::envelope::{Reply, answer};
use super::refusal::Refusal;
use super::show::find;
use crate::mock::{Mock, State as MockState};

/// Answers with the deleted campaign.
pub(super) async fn delete(
    State(mock): State<Arc<Mock>>,
    Path((sid, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let outcome = remove(&mock, &sid, &id, &headers);
    answer(&mock, &Method::DELETE, outcome)
}

fn remove(mock: &Mock, sid: &str, id: &str, headers: &HeaderMap) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let now = mock.clock.wall();
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let campaign = find(mock, &state.exotel, sid, id)?;
    let waits = matches!(campaign.stage, Stage::Created | Stage::Paused);
    if !waits || campaign.has_started(now) {
        let name = campaign.stage.name();
        let why = format!("a campaign that is {name} cannot be deleted: only one that has not started can");
        return Err(Refusal::invalid(why));
    }
    let MockState { record, exotel, .. } = &mut *state;
    let account = exotel.by_sid.get_mut(sid).ok_or_else(super::account::unknown)?;
    let campaign = account.campaign_mut(id)?;
    record.exotel.take_back(id, &campaign.reach.members);
    campaign.end(Stage::Deleted, now.as_microsecond());
    Ok(Reply::one(campaign.to_json(sid)))
}
