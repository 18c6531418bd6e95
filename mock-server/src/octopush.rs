//! Octopush's public API v1, as its pages describe it.
//!
//! *Input*: requests under `/v1/public/`. *Output*: answers with the documented statuses, codes and fields.
//! *Bounds*: request keys are remembered until a reset; expired ones are only overlooked.
//! *Sources*: the pages of dev.octopush.com, by their titles: "Schedule SMS sending", "Transactional SMS", "Send SMS to
//! contacts (on-list/on-tag)", "Modify configuration". Where two of them differ, both readings are taken, and each
//! strict one is a switch. What no page says is marked *assumed*, and is a switch where a client could depend on it.

mod balance;
mod cancel;
mod config;
mod credentials;
mod fields;
mod keys;
mod lists;
mod message;
mod parameters;
mod refusal;
mod request;
mod review;
mod segments;
mod send;
mod tariff;
mod ticket;
mod value;

use std::sync::Arc;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use hashbrown::{HashMap, HashSet};
use rust_decimal::Decimal;

pub use config::{
    AnswerFields, AudienceConfig, CancelConfig, ComputingAnswer, Credentials, DuplicateConfig, ListConfig,
    OctopushConfig, ReadySpelling, StatusAfterSend, Strict,
};

use crate::config::Price;
use crate::error::MockError;
use crate::mock::Mock;
use crate::record::Number;
use cancel::Schedule;
use keys::RequestKeys;
use lists::{Audiences, Campaigns};
use parameters::Parameters;
use tariff::Tariff;

const PREFIX: &str = "/v1/public/";

/// Whether a path is Octopush's, known or not: such requests are recorded and suffer faults.
pub(crate) fn serves(path: &str) -> bool {
    path.starts_with(PREFIX)
}

pub(crate) fn routes() -> Router<Arc<Mock>> {
    Router::new()
        .route("/v1/public/sms-campaign/send", post(send::send))
        .route("/v1/public/sms-campaign/cancel", delete(cancel::cancel))
        .route("/v1/public/wallet/check-balance", get(balance::check_balance))
        .route("/v1/public/user/campaign-parameters", get(parameters::show))
        .route(
            "/v1/public/user/campaign-parameters/edit",
            patch(parameters::change),
        )
        .merge(lists::routes())
}

/// What is derived from the settings once.
pub(crate) struct Octopush {
    tariff: Tariff,
    blacklist: HashSet<Number, foldhash::fast::FixedState>,
    audiences: Audiences,
}

impl Octopush {
    pub(crate) fn new(config: &OctopushConfig) -> Result<Self, MockError> {
        let mut blacklist = HashSet::default();
        for text in &config.blacklist {
            let number = Number::parse(text).ok_or_else(|| MockError::Setting {
                key: "octopush.blacklist",
                reason: format!("`{text}` is no number: write + and 6 to 16 digits"),
            })?;
            blacklist.insert(number);
        }
        Ok(Self {
            tariff: Tariff::new(config.default_price, &config.prices)?,
            blacklist,
            audiences: Audiences::new(&config.audiences)?,
        })
    }
}

/// What accepted requests change.
#[derive(Default)]
pub(crate) struct Account {
    keys: RequestKeys,
    tickets_given: u64,
    spent: Decimal,
    /// By login.
    parameters: HashMap<String, Parameters, foldhash::fast::FixedState>,
    /// Those on lists and tags.
    campaigns: Campaigns,
    /// The others, as far as their date was ahead.
    schedule: Schedule,
}

impl Account {
    /// What is left of the credit; of a nominal one if it is never used up.
    fn residual(&self, config: &OctopushConfig) -> Decimal {
        let credit = config.credit.map_or(config::NOMINAL_CREDIT, Price::amount);
        credit - self.spent
    }
}
