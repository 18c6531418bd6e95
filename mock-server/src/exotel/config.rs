//! The switches for what Exotel's pages leave open or contradict, its pace and its price.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::config::Price;

/// Calls a minute of an account that has arranged nothing else ("campaign throttling").
const CALLS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).expect("not zero");
/// Price of a call, in hundredths. Invented: no page of the campaigns names one.
const CALL_PRICE_CENTS: i64 = 40;

/// How Exotel is played. The default accepts every reading of the pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExotelConfig {
    /// Accounts that exist; empty: any credentials are good, for any sid.
    pub accounts: Vec<ExotelAccount>,
    /// Readings to be strict about.
    pub strict: Vec<ExotelStrict>,
    /// What each account has at the start; absent: never used up.
    pub credit: Option<Price>,
    /// What each call costs, in the account's currency, which no page names.
    pub call_price: Price,
    /// Milliseconds after a call's end until its price is told. That a price may come late is *assumed*.
    pub price_lag_ms: u64,
    /// Requests an account may send in a minute of the mock's clock; 0: no limit. The pages say 200 ("Voice APIs").
    pub requests_per_minute: u32,
    /// Calls that are begun in a minute, over all running campaigns of an account.
    pub calls_per_minute: NonZeroU32,
    /// Milliseconds that a campaign without `send_at` stays Created.
    pub start_lag_ms: u64,
    /// How calls end.
    pub outcomes: Outcomes,
    /// Numbers that are well formed and invalid all the same.
    pub bad_numbers: Vec<String>,
    /// How a number is written in refusals, rows and callbacks.
    pub number_text: NumberText,
    /// Milliseconds until a new campaign is listed.
    pub listing_lag_ms: u64,
    /// The shape of what is listed.
    pub list_items: ListItems,
    /// What the listing's `name` finds.
    pub name_filter: NameFilter,
    /// Every so many created campaigns one is committed twice, under one name and two ids; 0: none.
    pub twin_every: u64,
    /// How an action is refused that the campaign's state does not allow.
    pub illegal_action: IllegalAction,
    /// Whether a deleted campaign is unknown, and not merely Deleted.
    pub deleted_is_gone: bool,
    /// Whom lists stand for.
    pub audiences: ExotelAudienceConfig,
}

impl Default for ExotelConfig {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            strict: Vec::new(),
            credit: None,
            call_price: Price::new(Decimal::new(CALL_PRICE_CENTS, 2)).expect("a constant with two decimals"),
            price_lag_ms: 0,
            requests_per_minute: 0,
            calls_per_minute: CALLS_PER_MINUTE,
            start_lag_ms: 0,
            outcomes: Outcomes::default(),
            bad_numbers: Vec::new(),
            number_text: NumberText::AsSent,
            listing_lag_ms: 0,
            list_items: ListItems::Wrapped,
            name_filter: NameFilter::Contains,
            twin_every: 0,
            illegal_action: IllegalAction::BadRequest,
            deleted_is_gone: false,
            audiences: ExotelAudienceConfig::default(),
        }
    }
}

/// One account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExotelAccount {
    /// In the path.
    pub sid: String,
    /// The API key: the user of the Basic authentication.
    pub key: String,
    /// The API token: its password.
    pub token: String,
}

/// Leaves key and token out.
impl std::fmt::Debug for ExotelAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExotelAccount")
            .field("sid", &self.sid)
            .finish_non_exhaustive()
    }
}

/// A reading of the pages that the default does not insist on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExotelStrict {
    /// A body is `{"campaigns":[…]}` (the samples of "update campaign" and "create campaign").
    Wrapped,
    /// A body is the campaign itself (the table of "update campaign details").
    Flat,
    /// `from` is an array (the samples of "create campaign").
    FromArray,
    /// `from` is one string with commas ("comma separated list": "update campaign details").
    FromString,
    /// `call_duplicate_numbers` is a boolean ("create campaign").
    Boolean,
    /// `call_duplicate_numbers` is `'true'` or `'false'` ("update campaign details").
    BooleanAsText,
    /// `on_status` is a member of `retries` (the samples of "create campaign").
    OnStatusInRetries,
    /// `on_status` stands beside `retries` (the table of "update campaign details").
    OnStatusBeside,
    /// `schedule` is an object (the samples of "create campaign").
    ScheduleObject,
    /// `schedule` is an array of one object ("Array": "update campaign details").
    ScheduleArray,
    /// The `Content-Type` of a body is `application/json`, or the answer 415 ("create campaign" asks for it; that it is
    /// looked at is *assumed*).
    ContentType,
}

/// Shares of the calls by how they end; their sum need not be 1. If any is given, one that is not is 0.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Outcomes {
    /// Answered.
    #[serde(default)]
    pub completed: f64,
    /// Engaged.
    #[serde(default)]
    pub busy: f64,
    /// Not answered.
    #[serde(default)]
    pub no_answer: f64,
    /// Not made.
    #[serde(default)]
    pub failed: f64,
}

impl Default for Outcomes {
    fn default() -> Self {
        Self {
            completed: 0.7,
            busy: 0.1,
            no_answer: 0.15,
            failed: 0.05,
        }
    }
}

/// How a number is written. No page says whether it comes back as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberText {
    /// In a refusal as it was sent, elsewhere as E.164.
    AsSent,
    /// A zero for the calling code of India; others as E.164.
    National,
    /// The digits of E.164.
    WithoutPlus,
}

/// What `response` holds in a listing: no page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListItems {
    /// `{"code":200,"status":"success","data":{…}}` for each campaign.
    Wrapped,
    /// The campaigns themselves.
    Bare,
}

/// What the listing's `name` finds ("search": "campaign details in bulk", without a word on how).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameFilter {
    /// Every name that contains it.
    Contains,
    /// That name alone.
    Exact,
}

/// How an action is refused that the campaign's state does not allow; no page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IllegalAction {
    /// Status 400.
    BadRequest,
    /// Status 200 with an item of code 409.
    ItemConflict,
}

/// Whom lists stand for. A sid that is not here stands for 20 Indian mobile numbers, always the same.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExotelAudienceConfig {
    /// Numbers by the list's sid.
    pub lists: BTreeMap<String, Vec<String>>,
}
