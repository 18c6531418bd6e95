//! The switches for what Octopush's pages leave open or contradict, and its prices.

mod cancel;
mod lists;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::config::Price;
pub use cancel::CancelConfig;
pub use lists::{AudienceConfig, ComputingAnswer, ListConfig, ReadySpelling, StatusAfterSend};

/// Credit that an account without a limit shows.
pub(super) const NOMINAL_CREDIT: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// Price of a segment to a country that has none of its own, in 10⁻⁸ euros. Invented, like those below:
/// the pages show costs and no price list. All lie under 0.0495, the bound of the campaign file's example.
const DEFAULT_PRICE: i64 = 4_901_173;
/// Prices by calling code, in 10⁻⁸ euros.
const PRICES: [(&str, i64); 8] = [
    ("1", 1_230_089),
    ("32", 4_731_259),
    ("33", 4_512_367),
    ("34", 4_652_393),
    ("39", 4_712_857),
    ("41", 4_853_641),
    ("44", 3_180_577),
    ("49", 4_821_547),
];

/// How Octopush is played. The default accepts every reading of the pages.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OctopushConfig {
    /// Accounts that exist; empty: any credentials are good.
    pub accounts: Vec<Credentials>,
    /// How many fields a success has.
    pub answer_fields: AnswerFields,
    /// Readings to be strict about.
    pub strict: Vec<Strict>,
    /// How a repeated `request_id` is found and answered.
    pub duplicates: DuplicateConfig,
    /// Euros at the start; absent: never used up.
    pub credit: Option<Price>,
    /// Euros a segment where no prefix of `prices` fits.
    pub default_price: Price,
    /// Euros a segment by the number's first one to four digits; the longest prefix counts.
    pub prices: BTreeMap<String, Price>,
    /// Numbers that `auto_remove_blacklisted_numbers` removes.
    pub blacklist: Vec<String>,
    /// Whom lists and tags stand for.
    pub audiences: AudienceConfig,
    /// How a campaign on a list or tag goes.
    pub lists: ListConfig,
    /// What may be cancelled.
    pub cancel: CancelConfig,
}

impl Default for OctopushConfig {
    fn default() -> Self {
        let price = |hundred_millionths: i64| Price::new(Decimal::new(hundred_millionths, 8));
        let prices = PRICES
            .iter()
            .filter_map(|(prefix, euros)| Some(((*prefix).to_owned(), price(*euros)?)))
            .collect();
        Self {
            accounts: Vec::new(),
            answer_fields: AnswerFields::Five,
            strict: Vec::new(),
            duplicates: DuplicateConfig::default(),
            credit: None,
            default_price: price(DEFAULT_PRICE).expect("a constant with eight decimals"),
            prices,
            blacklist: Vec::new(),
            audiences: AudienceConfig::default(),
            lists: ListConfig::default(),
            cancel: CancelConfig::default(),
        }
    }
}

/// One account.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Header `api-login`.
    pub login: String,
    /// Header `api-key`.
    pub key: String,
}

/// Leaves the key out.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}

/// The two shapes of a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerFields {
    /// With `number_of_sms_needed` and `residual_credit` ("Transactional SMS").
    Five,
    /// Without them ("Schedule SMS sending").
    Three,
}

/// A reading of the pages that the default does not insist on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strict {
    /// `type` must be there ("Schedule SMS sending"; absent from the table of "Transactional SMS").
    TypeRequired,
    /// `purpose` must be there ("Schedule SMS sending"; optional in "Transactional SMS").
    PurposeRequired,
    /// `sender` must be there (listed everywhere, nowhere marked optional).
    SenderRequired,
    /// `send_at` must be there ("Schedule SMS sending"; optional in "Transactional SMS").
    SendAtRequired,
    /// `sender` may hold no spaces ("Schedule SMS sending", "Send SMS to contacts"; allowed in "Transactional SMS").
    SenderWithoutSpaces,
    /// `text` must be GSM-7 ("non unicode": "Send SMS to contacts", "Transactional SMS").
    TextGsm7Only,
    /// A group of parameters is an object (the example of "Modify configuration").
    ParametersAsObjects,
    /// A group of parameters is an array of one object (the table of "Modify configuration" says "array").
    ParametersAsArrays,
    /// `type` on a list or tag may only be `sms_vocal` (the table of "Send SMS to contacts"; its example: `sms_premium`).
    ListTypeVocalOnly,
    /// The path says which of `list_name` and `tag_name` must be there ("you can use the other instead": "Send SMS to
    /// contacts").
    ListOrTagByPath,
}

/// What becomes of a `request_id` that was used within 24 hours.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateConfig {
    /// Status of the answer ("a validation error": 400).
    pub status: u16,
    /// Its `code` (the legacy table's 120; 133 is near it).
    pub code: u32,
    /// Whether a refused request uses its key up.
    pub refused_burns_key: bool,
    /// Milliseconds between looking for a key and remembering it; with 0 no second request slips through.
    pub detection_gap_ms: u64,
}

impl Default for DuplicateConfig {
    fn default() -> Self {
        Self {
            status: 400,
            code: 120,
            refused_burns_key: false,
            detection_gap_ms: 0,
        }
    }
}
