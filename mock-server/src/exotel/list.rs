//! `GET /v2/accounts/<sid>/campaigns`: the account's campaigns, filtered, sorted, in pages.
//!
//! A campaign is listed only after the lag of the settings.
//! *Sources*: "campaign details in bulk". That values it does not name are refused with 400, and that the states are
//! compared without case and hyphens, is *assumed*: the page writes them in two ways.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::account::Account;
use super::admission::admit;
use super::campaign::{Campaign, Stage};
use super::config::{ExotelConfig, ListItems, NameFilter};
use super::envelope::{Reply, answer, success};
use super::page::Page;
use super::refusal::Refusal;
use crate::mock::Mock;

/// The query; all optional. Other parameters are ignored.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    offset: Option<String>,
    limit: Option<String>,
    name: Option<String>,
    status: Option<String>,
    sort_by: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// Answers with a page of campaigns.
pub(super) async fn list(
    State(mock): State<Arc<Mock>>,
    axum::extract::Path(sid): axum::extract::Path<String>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Response {
    let outcome = look(&mock, &sid, &headers, &query);
    answer(&mock, &Method::GET, outcome)
}

fn look(mock: &Mock, sid: &str, headers: &HeaderMap, query: &ListQuery) -> Result<Reply, Refusal> {
    admit(mock, sid, headers)?;
    let config = &mock.config.exotel;
    let page = Page::read(query.offset.as_deref(), query.limit.as_deref())?;
    let order = order(query.sort_by.as_deref())?;
    if query.kind.as_deref().is_some_and(|kind| kind != "trans") {
        return Err(Refusal::invalid("type must be trans"));
    }
    let mut state = mock.state();
    state.exotel.catch_up(mock);
    let account = state.exotel.by_sid.get(sid);
    let all = account.into_iter().flat_map(Account::campaigns);
    let sight = Sight {
        config,
        query,
        now: mock.clock.wall(),
    };
    let mut found: Vec<&Campaign> = all.filter(|campaign| sight.shows(campaign)).collect();
    // Stable: those that are equal stay in the order of creation.
    found.sort_by(|one, other| order(one, other));
    let item = |campaign: &&Campaign| match config.list_items {
        ListItems::Wrapped => success(campaign.to_json(sid)),
        ListItems::Bare => campaign.to_json(sid),
    };
    let response: Vec<Value> = page.of(&found).iter().map(item).collect();
    Ok(Reply {
        status: StatusCode::OK,
        metadata: page.metadata(response.len(), found.len()),
        response,
    })
}

type Order = fn(&Campaign, &Campaign) -> Ordering;

fn order(sort_by: Option<&str>) -> Result<Order, Refusal> {
    match sort_by {
        None | Some("date_created:asc") => Ok(|one, other| one.created.cmp(&other.created)),
        Some("date_created:desc") => Ok(|one, other| (other.created, other.nth).cmp(&(one.created, one.nth))),
        Some("name:asc") => Ok(|one, other| one.settings.name.cmp(&other.settings.name)),
        Some("name:desc") => Ok(|one, other| other.settings.name.cmp(&one.settings.name)),
        Some(_) => Err(Refusal::invalid(
            "sort_by must be date_created:asc, date_created:desc, name:asc or name:desc",
        )),
    }
}

/// What a listing shows.
struct Sight<'q> {
    config: &'q ExotelConfig,
    query: &'q ListQuery,
    now: Timestamp,
}

impl Sight<'_> {
    fn shows(&self, campaign: &Campaign) -> bool {
        let lag = Duration::from_millis(self.config.listing_lag_ms);
        let listed = campaign
            .created
            .saturating_add(lag)
            .is_ok_and(|from| from <= self.now);
        let gone = self.config.deleted_is_gone && campaign.stage == Stage::Deleted;
        listed && !gone && self.name_fits(&campaign.settings.name) && self.status_fits(campaign.stage)
    }

    fn name_fits(&self, name: &str) -> bool {
        self.query
            .name
            .as_ref()
            .is_none_or(|wanted| match self.config.name_filter {
                NameFilter::Contains => name.contains(wanted),
                NameFilter::Exact => name == wanted,
            })
    }

    fn status_fits(&self, stage: Stage) -> bool {
        let plain = |text: &str| text.trim().replace('-', "").to_ascii_lowercase();
        let fits = |wanted: &String| wanted.split(',').any(|one| plain(one) == plain(stage.name()));
        self.query.status.as_ref().is_none_or(fits)
    }
}
