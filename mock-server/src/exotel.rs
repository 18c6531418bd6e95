//! Exotel's campaigns API, second version, and what the first tells of their calls, as its pages describe them.
//!
//! *Input*: requests under `/v2/accounts/<sid>/` and `/v1/Accounts/<sid>/`. *Output*: answers with the documented
//! envelope, states and fields; callbacks to loopback addresses, and to no others.
//! *Bounds*: a campaign keeps its numbers, twice 8 bytes each, and 16 bytes for each call, until a reset.
//! *Not here*: managing lists and contacts, and campaigns of messages: 404.
//! *Sources*: the pages of developer.exotel.com, by their titles: "update campaign details", "update campaign", "create
//! campaign", "campaign details in bulk", "get campaign details", "delete campaign", "campaign call details", "campaign
//! webhooks", "call details (v1)", "HTTP status codes"; of support.exotel.com: "campaigns API: how it works", "campaign
//! throttling". Where two of them differ, both readings are taken, and each strict one is a switch. What no page says is
//! marked *assumed*, and is a switch where a client could depend on it.

mod account;
mod admission;
mod audience;
mod call_details;
mod callbacks;
mod calls;
mod campaign;
mod config;
mod create;
mod credentials;
mod date;
mod delete;
mod dial;
mod envelope;
mod list;
mod number;
mod outcome;
mod page;
mod refusal;
mod request;
mod retries;
mod schedule;
mod settings;
mod show;
mod stats;
mod ticket;
mod update;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use http::{Method, Uri};
use rust_decimal::Decimal;
use tokio::sync::Notify;

pub use config::{
    ExotelAccount, ExotelAudienceConfig, ExotelConfig, ExotelStrict, IllegalAction, ListItems, NameFilter,
    NumberText, Outcomes,
};

use crate::error::MockError;
use crate::mock::{Mock, State as MockState};
use crate::record::Number;
use account::Account;
use audience::Lists;
use callbacks::Outbox;
pub(crate) use callbacks::run as run_callbacks;
use dial::Rules;
use outcome::Dice;
use refusal::Refusal;

const PREFIX: &str = "/v2/accounts/";
const PREFIX_V1: &str = "/v1/Accounts/";

/// Whether a path is Exotel's, known or not: such requests are recorded and suffer faults.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(PREFIX) || path.starts_with(PREFIX_V1)
}

pub(crate) fn routes() -> Router<Arc<Mock>> {
    let campaign = get(show::show).put(update::update).delete(delete::delete);
    Router::new()
        .route(
            "/v2/accounts/{sid}/campaigns",
            post(create::create).get(list::list),
        )
        .route("/v2/accounts/{sid}/campaigns/{id}", campaign)
        .route(
            "/v2/accounts/{sid}/campaigns/{id}/call-details",
            get(call_details::call_details),
        )
        .route("/v1/Accounts/{sid}/Calls.json", get(calls::many))
        .route("/v1/Accounts/{sid}/Calls/{call}", get(calls::one))
        .method_not_allowed_fallback(wrong_method)
}

/// The answer to a path of Exotel's that is not played.
pub(crate) fn not_found(mock: &Mock, method: &Method, path: &str) -> Response {
    let what = format!("No such resource: {path}");
    refuse(mock, method, path, Refusal::not_found(&what))
}

async fn wrong_method(State(mock): State<Arc<Mock>>, method: Method, uri: Uri) -> Response {
    refuse(&mock, &method, uri.path(), Refusal::method())
}

fn refuse(mock: &Mock, method: &Method, path: &str, refusal: Refusal) -> Response {
    if path.starts_with(PREFIX_V1) {
        calls::refused(&refusal)
    } else {
        envelope::answer(mock, method, Err(refusal))
    }
}

/// A failure that the mock thought of, in the shape of the path's version.
pub(crate) fn failure(method: &Method, path: &str, status: u16, code: u32, message: &str) -> String {
    if path.starts_with(PREFIX_V1) {
        calls::failure(status, code, message)
    } else {
        envelope::failure(method, status, code, message)
    }
}

/// What is derived from the settings once.
pub(crate) struct Exotel {
    lists: Lists,
    bad_numbers: HashSet<Number, FixedState>,
    dice: Dice,
    /// Tells the task of the callbacks that there may be some.
    wake: Notify,
}

impl Exotel {
    pub(crate) fn new(config: &ExotelConfig) -> Result<Self, MockError> {
        let bad_numbers = audience::numbers("exotel.bad_numbers", &config.bad_numbers)?;
        Ok(Self {
            lists: Lists::new(&config.audiences)?,
            bad_numbers: bad_numbers.into_iter().collect(),
            dice: Dice::new(&config.outcomes)?,
            wake: Notify::new(),
        })
    }

    /// After the clock has jumped: callbacks may be due.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// What requests and the passing of time change.
#[derive(Default)]
pub(crate) struct Accounts {
    by_sid: HashMap<String, Account, FixedState>,
    requests: u64,
    /// Campaigns there are, twins included.
    campaigns: u64,
    /// Campaigns that were asked for and accepted.
    creates: u64,
    outbox: Outbox,
}

impl Accounts {
    /// The number of a request that is about to be answered, from 1.
    fn next_request(&mut self) -> u64 {
        self.requests += 1;
        self.requests
    }

    /// An account without campaigns has none to find.
    fn account(&self, sid: &str) -> Result<&Account, Refusal> {
        self.by_sid.get(sid).ok_or_else(account::unknown)
    }

    /// Lets everything happen that is due by now.
    fn catch_up(&mut self, mock: &Mock) {
        let rules = Rules::of(mock);
        let now = mock.clock.wall();
        for account in self.by_sid.values_mut() {
            account.catch_up(&rules, now, &mut self.outbox);
        }
    }
}

/// Books what the calls cost that have ended by now: the record tells it with the tickets.
pub(crate) fn book_calls(mock: &Mock, state: &mut MockState) {
    let MockState { record, exotel, .. } = state;
    if exotel.by_sid.is_empty() {
        return;
    }
    exotel.catch_up(mock);
    let price = mock.config.exotel.call_price.amount();
    let campaigns = exotel.by_sid.values().flat_map(Account::campaigns);
    let costs: HashMap<&str, Decimal, FixedState> = campaigns
        .map(|campaign| {
            (
                campaign.id.as_str(),
                price * Decimal::from(campaign.dialling.ended()),
            )
        })
        .collect();
    record
        .exotel
        .reprice(|ticket| costs.get(ticket).copied().unwrap_or_default());
}
