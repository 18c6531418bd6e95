//! `POST /v2/accounts/<sid>/campaigns`: checks, commits, answers; each campaign by itself.
//!
//! Each campaign's commit is one step under one lock: id, numbers and the account's list together, or none of them.
//! *Sources*: "create campaign". Several campaigns in one request: that each has an item of its own, in their order, and
//! that the status is 207 if they differ and theirs if they agree, is *assumed*. So is what a balance must cover: one call
//! to each number of every campaign that the account has, or the answer 402.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::Account;
use super::admission::admit;
use super::audience::{Audience, carried};
use super::campaign::{Campaign, Reach, Stage};
use super::config::ExotelConfig;
use super::envelope::{Reply, answer, success};
use super::refusal::Refusal;
use super::request::{self, Fields};
use super::settings::Settings;
use super::{Accounts, ticket};
use crate::config::Price;
use crate::exchange::Arrived;
use crate::mock::{Mock, State as MockState};
use crate::provider::Provider;
use crate::record::{Commit, Standing};

/// Answers a create.
pub(super) async fn create(
    State(mock): State<Arc<Mock>>,
    Path(sid): Path<String>,
    Extension(arrived): Extension<Arrived>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let outcome = accept(&mock, &sid, arrived, &headers, &body);
    answer(&mock, &Method::POST, outcome)
}

fn accept(
    mock: &Mock,
    sid: &str,
    arrived: Arrived,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let campaigns = request::campaigns(&mock.config.exotel.strict, headers, body)?;
    let numbers = campaigns.iter().map(carried).sum();
    mock.state().record.carried(Provider::Exotel, numbers, arrived.0);
    let create = |fields: &Fields| create_one(mock, sid, fields);
    let outcomes: Vec<Result<Value, Refusal>> = campaigns.iter().map(create).collect();
    Ok(reply(outcomes))
}

fn create_one(mock: &Mock, sid: &str, fields: &Fields) -> Result<Value, Refusal> {
    let config = &mock.config.exotel;
    let now = mock.clock.wall();
    let settings = Settings::read(config, sid, fields, now)?;
    let audience = Audience::read(&mock.exotel, config, fields, settings.dynamic)?;
    let audience = audience.ok_or_else(|| Refusal::mandatory("From"))?;
    let mut state = mock.state();
    Ok(commit(mock, &mut state, sid, (settings, audience), now)?.to_json(sid))
}

/// Remembers everything, and a second time where a twin is due.
fn commit<'s>(
    mock: &Mock,
    state: &'s mut MockState,
    sid: &str,
    (settings, audience): (Settings, Audience),
    now: Timestamp,
) -> Result<&'s Campaign, Refusal> {
    let config = &mock.config.exotel;
    let reach = Reach::new(audience, &settings);
    check_credit(config, &state.exotel, sid, reach.members.len())?;
    state.exotel.creates += 1;
    let twin = config.twin_every > 0 && state.exotel.creates.is_multiple_of(config.twin_every);
    if twin {
        let reach = Reach::new(reach.audience.clone(), &settings);
        add(mock, state, sid, (settings.clone(), reach), now);
    }
    let id = add(mock, state, sid, (settings, reach), now);
    mock.exotel.wake();
    state.exotel.account(sid)?.campaign(&id)
}

/// Adds one campaign; gives its id.
fn add(
    mock: &Mock,
    state: &mut MockState,
    sid: &str,
    (settings, reach): (Settings, Reach),
    now: Timestamp,
) -> String {
    let MockState { record, exotel, .. } = state;
    exotel.campaigns += 1;
    exotel.outbox.expect(&settings.callbacks);
    let nth = exotel.campaigns;
    let id = ticket::campaign_id(mock.config.seed, nth);
    record.exotel.commit(Commit {
        ticket: id.clone(),
        request_key: None,
        name: Some(&settings.name),
        numbers: &reach.members,
        cost: Decimal::ZERO,
        // The campaign keeps its numbers itself.
        standing: Standing::Final,
    });
    let lag_ms = mock.config.exotel.start_lag_ms;
    let campaign = Campaign::new(id.clone(), nth, settings, reach, now, lag_ms);
    exotel.by_sid.entry_ref(sid).or_default().add(campaign);
    id
}

/// Whether the balance covers these numbers beside all that was accepted.
pub(super) fn check_credit(
    config: &ExotelConfig,
    accounts: &Accounts,
    sid: &str,
    numbers: usize,
) -> Result<(), Refusal> {
    let Some(credit) = config.credit.map(Price::amount) else {
        return Ok(());
    };
    let campaigns = accounts.by_sid.get(sid).into_iter().flat_map(Account::campaigns);
    let standing = campaigns.filter(|campaign| campaign.stage != Stage::Deleted);
    let accepted: usize = standing.map(|campaign| campaign.reach.members.len()).sum();
    if config.call_price.amount() * Decimal::from(accepted + numbers) > credit {
        return Err(Refusal::no_credit());
    }
    Ok(())
}

fn reply(outcomes: Vec<Result<Value, Refusal>>) -> Reply {
    let total = outcomes.len();
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let status_of = |outcome: &Result<Value, Refusal>| {
        outcome
            .as_ref()
            .map_or_else(|refusal| refusal.status, |_| StatusCode::OK)
    };
    let status = outcomes.first().map_or(StatusCode::OK, status_of);
    let agree = outcomes.iter().all(|outcome| status_of(outcome) == status);
    let item = |outcome: Result<Value, Refusal>| match outcome {
        Ok(data) => success(data),
        Err(refusal) => refusal.item(),
    };
    Reply {
        status: if agree { status } else { StatusCode::MULTI_STATUS },
        metadata: json!({ "failed": failed, "total": total, "success": total - failed }),
        response: outcomes.into_iter().map(item).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_agree_give_their_status_and_others_207() {
        let good = || Ok(json!({}));
        let bad = || Err(Refusal::invalid("name"));
        let check = |outcomes: Vec<Result<Value, Refusal>>, status: u16, failed: usize| {
            let reply = reply(outcomes);
            assert_eq!(reply.status.as_u16(), status);
            assert_eq!(reply.metadata["failed"], failed);
            assert_eq!(reply.metadata["total"], reply.response.len());
        };
        check(vec![good()], 200, 0);
        check(vec![good(), good()], 200, 0);
        check(vec![bad()], 400, 1);
        check(vec![bad(), bad()], 400, 2);
        check(vec![good(), bad()], 207, 1);
        check(vec![Err(Refusal::no_credit()), bad()], 207, 2);
    }
}
