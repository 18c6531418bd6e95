//! The parameters of a campaign as they are changed or given: which there are, what each may be and when, and the body that
//! sets some of them.
//!
//! Source: "update campaign details": before `send_at` every parameter may change, after it `action` and the callbacks alone. It
//! writes `from` as a list with commas, booleans as text, `schedule` as an array and `on_status` beside `retries`; the samples of
//! "create campaign" have arrays, booleans and objects, and `on_status` within, which is what we send.
//! What becomes of the members of `retries` and `schedule` that a change does not give is not documented: give all of them.
//! Not here: the clock, and whose campaign it is. Who changes `from` or `lists` of a campaign that Volley sent goes past the
//! ledger; who changes its `name` loses it in the listing.

mod action;
mod fields;

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use bytes::Bytes;
use volley_model::Msisdn;

pub use action::Action;
pub use fields::{CAMPAIGN_FIELDS, CampaignField, Rule, When};

use super::encode::{push_key, push_texts};
use super::message::{
    CallerId, Mechanism, MessageError, OnStatus, RETRIES_MAX, Schedule, TYPE, WebUrl, instant,
};
use super::{NAME_HEAD, RECIPIENTS_MAX};
use crate::json_string::push_json_string;
use crate::presentable;

/// The most lists of a campaign ("update campaign details").
pub const LISTS_MAX: usize = 5;
/// A name has more than 3 characters ("create campaign").
const NAME_CHARS_MIN: usize = 4;
/// The longest name of a campaign that has to be found again by it: no page tells the longest that Exotel keeps.
const SURE_NAME_CHARS_MAX: usize = 64;

/// Parameters to be set, each checked.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CampaignParameters {
    /// By their places in [`CAMPAIGN_FIELDS`].
    given: BTreeMap<usize, Given>,
}

#[derive(Clone, PartialEq, Eq)]
enum Given {
    Text(String),
    Texts(Vec<String>),
    Whole(u32),
    Flag(bool),
}

/// A value that a parameter cannot have. Shown behind the parameter's name; a number in it is masked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// As in a campaign file.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Anything else.
    #[error("{value:?} is no {wanted}")]
    Value {
        /// What was given.
        value: String,
        /// What would be right.
        wanted: &'static str,
    },
    /// The same number or list twice.
    #[error("{value:?} is given twice")]
    Twice {
        /// What was.
        value: String,
    },
    /// More than Exotel takes.
    #[error("{given} are given; Exotel takes 1 to {most}")]
    Count {
        /// How many.
        given: usize,
        /// How many it takes.
        most: usize,
    },
}

/// Parameters that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// Nothing to do.
    #[error("no parameter is given")]
    Nothing,
    /// As in a campaign file.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// Both ways of saying whom.
    #[error("from and lists are given; a campaign has one of them")]
    BothAudiences,
    /// Neither.
    #[error("from and lists are missing; a campaign needs one of them")]
    NoAudience,
    /// An action and something else.
    #[error("action is given with other parameters, and no page says which comes first; give it alone")]
    ActionWithOthers,
    /// An action on what does not exist yet.
    #[error("action is given; a campaign that is to be created has none")]
    ActionAtCreation,
    /// A name that may not come back as it was sent.
    #[error(
        "name has something else than letters, digits and, between them, spaces, points, hyphens and low lines, or more than \
         {SURE_NAME_CHARS_MAX} characters; by another one it might not be found again in Exotel's listing"
    )]
    UnsureName,
    /// A name that only batches of `volley send` have.
    #[error(
        "name begins with {NAME_HEAD}, by which the batches of `volley send` are found again; choose another"
    )]
    ReservedName,
    /// What a campaign cannot be created without.
    #[error("{name} is missing; a campaign needs it")]
    Missing {
        /// The parameter.
        name: &'static str,
    },
}

impl CampaignParameters {
    /// Sets a parameter from its text: `true` or `false`, a whole number in digits, several values with commas between them.
    /// Of two texts the last counts.
    ///
    /// # Errors
    /// [`ParameterError`].
    pub fn set(&mut self, field: &CampaignField, text: &str) -> Result<(), ParameterError> {
        let given = read(field.rule, text)?;
        let place = CAMPAIGN_FIELDS.iter().position(|known| known == field);
        self.given.extend(place.map(|place| (place, given)));
        Ok(())
    }

    /// Whether nothing is to be set.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// Whether a parameter is to be set.
    pub fn contains(&self, name: &str) -> bool {
        self.fields().any(|field| field.name == name)
    }

    /// The parameters that are to be set, in the page's order.
    pub fn fields(&self) -> impl Iterator<Item = &'static CampaignField> {
        self.given.keys().map(|place| &CAMPAIGN_FIELDS[*place])
    }

    /// Those of them that cannot change once `send_at` has passed.
    pub fn too_late(&self) -> impl Iterator<Item = &'static CampaignField> {
        self.fields().filter(|field| field.when == When::BeforeSendAt)
    }

    /// The text of a parameter that has one.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Given::Text(text) => Some(text),
            Given::Texts(_) | Given::Whole(_) | Given::Flag(_) => None,
        }
    }

    /// The values of a parameter that may have several; none where it is not given.
    pub fn texts(&self, name: &str) -> &[String] {
        match self.value(name) {
            Some(Given::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// Whether a parameter is given, and true.
    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.value(name), Some(Given::Flag(true)))
    }

    fn value(&self, name: &str) -> Option<&Given> {
        let place = CAMPAIGN_FIELDS.iter().position(|field| field.name == name)?;
        self.given.get(&place)
    }

    /// What is kept of a campaign beside its name and its lists, as key and value: what those who are called hear, and hashes
    /// that tell the same numbers and the same other parameters again, without showing a number, or a secret of a callback's.
    pub fn message(&self) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        let mut others = blake3::Hasher::new();
        for (place, given) in &self.given {
            let name = CAMPAIGN_FIELDS[*place].name;
            match name {
                "name" | "lists" | "from" => {}
                "caller_id" | "url" => parts.push((name.to_owned(), given.text())),
                _ => {
                    for text in [name, given.text().as_str()] {
                        others.update(&(text.len() as u64).to_le_bytes());
                        others.update(text.as_bytes());
                    }
                }
            }
        }
        parts.push(("others".to_owned(), others.finalize().to_hex().to_string()));
        parts.extend(self.numbers_hash().map(|hash| ("from".to_owned(), hash)));
        parts
    }

    /// A hash of the numbers of `from`, the same in any order; `None` without any.
    pub fn numbers_hash(&self) -> Option<String> {
        let mut numbers = self.texts("from").to_vec();
        numbers.sort();
        let hash = blake3::hash(numbers.join(",").as_bytes());
        (!numbers.is_empty()).then(|| hash.to_hex().to_string())
    }

    /// Whether the change says anew who is called.
    pub fn changes_audience(&self) -> bool {
        self.contains("from") || self.contains("lists")
    }

    /// Checks what goes together in a change.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub fn check_update(&self) -> Result<(), ParametersError> {
        if self.is_empty() {
            return Err(ParametersError::Nothing);
        }
        if self.contains("action") && self.given.len() > 1 {
            return Err(ParametersError::ActionWithOthers);
        }
        self.check_together()
    }

    /// Checks what a campaign needs to be created. A name is one of these things: without one of its own it could not be
    /// found in the listing if the answer were lost.
    ///
    /// # Errors
    /// [`ParametersError`].
    pub fn check_creation(&self) -> Result<(), ParametersError> {
        if self.contains("action") {
            return Err(ParametersError::ActionAtCreation);
        }
        if !self.changes_audience() {
            return Err(ParametersError::NoAudience);
        }
        for name in ["caller_id", "url", "name"] {
            if !self.contains(name) {
                return Err(ParametersError::Missing { name });
            }
        }
        if !self.text("name").is_some_and(is_sure_name) {
            return Err(ParametersError::UnsureName);
        }
        self.check_together()
    }

    fn check_together(&self) -> Result<(), ParametersError> {
        if self.contains("from") && self.contains("lists") {
            return Err(ParametersError::BothAudiences);
        }
        if self.contains("retries.number_of_retries") && !self.contains("retries.interval_mins") {
            return Err(MessageError::NoInterval.into());
        }
        if self.text("name").is_some_and(|name| name.starts_with(NAME_HEAD)) {
            return Err(ParametersError::ReservedName);
        }
        if let (Some(send_at), Some(end_at)) = (self.text("schedule.send_at"), self.text("schedule.end_at")) {
            Schedule::new(Some(send_at), Some(end_at))?;
        }
        Ok(())
    }

    /// The body of the request, of a change and of a creation: the parameters that are given, and no others.
    pub fn body(&self) -> Bytes {
        let mut campaign = Vec::new();
        let mut group = None;
        for (place, given) in &self.given {
            let (its_group, name) = match CAMPAIGN_FIELDS[*place].name.split_once('.') {
                Some((group, name)) => (Some(group), name),
                None => (None, CAMPAIGN_FIELDS[*place].name),
            };
            if its_group != group {
                if group.is_some() {
                    campaign.push(b'}');
                }
                if let Some(opened) = its_group {
                    push_key(&mut campaign, opened);
                    campaign.push(b'{');
                }
                group = its_group;
            }
            push_given(&mut campaign, name, given);
        }
        if group.is_some() {
            campaign.push(b'}');
        }
        wrapped(&campaign)
    }
}

impl Given {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Texts(texts) => texts.join(","),
            Self::Whole(whole) => whole.to_string(),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

impl fmt::Debug for CampaignParameters {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The values may be numbers or have secrets.
        out.debug_list()
            .entries(self.fields().map(|field| field.name))
            .finish()
    }
}

/// A member behind its comma, which the first of an object does not have.
fn push_given(campaign: &mut Vec<u8>, name: &str, given: &Given) {
    if campaign.last() == Some(&b'{') {
        push_json_string(campaign, name);
        campaign.push(b':');
    } else {
        push_key(campaign, name);
    }
    match given {
        Given::Text(text) => push_json_string(campaign, text),
        Given::Texts(texts) => push_texts(campaign, texts),
        Given::Whole(whole) => campaign.extend_from_slice(whole.to_string().as_bytes()),
        Given::Flag(flag) => campaign.extend_from_slice(if *flag { b"true" } else { b"false" }),
    }
}

/// `{"campaigns":[{…}]}` around members of which each stands behind a comma.
fn wrapped(members: &[u8]) -> Bytes {
    let mut body = br#"{"campaigns":[{"#.to_vec();
    body.extend_from_slice(members.get(1..).unwrap_or_default());
    body.extend_from_slice(b"}]}");
    body.into()
}

/// Whether a name is *assumed* to come back as it was sent: nothing in it can be trimmed, normalised or quoted.
fn is_sure_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b" .-_".contains(byte);
    let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    name.len() <= SURE_NAME_CHARS_MAX
        && bytes.iter().all(inner)
        && outer(bytes.first())
        && outer(bytes.last())
}

/// Reads a text by its rule.
fn read(rule: Rule, text: &str) -> Result<Given, ParameterError> {
    let kept = || Given::Text(text.to_owned());
    let no = |wanted| ParameterError::Value {
        value: presentable(text),
        wanted,
    };
    match rule {
        Rule::Numbers => numbers(text),
        Rule::Lists => several(text, LISTS_MAX, |list| Ok(list.to_owned())),
        Rule::CallerId => Ok(CallerId::new(text).map(|_| kept())?),
        Rule::Url => Ok(WebUrl::new(text).map(|_| kept())?),
        Rule::Name if text.trim().chars().count() >= NAME_CHARS_MIN => Ok(kept()),
        Rule::Name => Err(no("name: it has more than 3 characters")),
        Rule::Type if text == TYPE => Ok(kept()),
        Rule::Type => Err(no("type; there is trans alone")),
        Rule::Flag => match text {
            "true" => Ok(Given::Flag(true)),
            "false" => Ok(Given::Flag(false)),
            _ => Err(no("true or false")),
        },
        Rule::NumberOfRetries => match text.parse() {
            Ok(number) if number <= RETRIES_MAX => Ok(Given::Whole(number)),
            Ok(number) => Err(MessageError::TooManyRetries { number }.into()),
            Err(_) => Err(no("whole number from 0 to 3")),
        },
        Rule::Minutes => match text.parse() {
            Ok(0) => Err(MessageError::ZeroInterval.into()),
            Ok(minutes) => Ok(Given::Whole(minutes)),
            Err(_) => Err(no("whole number of minutes, at least 1")),
        },
        Rule::Mechanism => Ok(Mechanism::named(text).map(|_| kept())?),
        Rule::OnStatus => {
            let set = OnStatus::named(text.split(',').map(str::trim))?;
            Ok(Given::Texts(
                set.iter().map(|status| status.name().to_owned()).collect(),
            ))
        }
        Rule::Instant => Ok(Given::Text(instant(text)?.as_str().to_owned())),
        Rule::Text => Ok(kept()),
        Rule::Action if Action::named(text).is_some() => Ok(kept()),
        Rule::Action => Err(no("action; there are pause, resume, complete, archive")),
    }
}

/// Numbers in E.164 form, each once: one in another form would be read by the provider's guess.
fn numbers(text: &str) -> Result<Given, ParameterError> {
    several(text, RECIPIENTS_MAX, |number| {
        let parsed = number.strip_prefix('+').and_then(|digits| digits.parse().ok());
        let parsed = parsed.and_then(|digits| Msisdn::new(digits).ok());
        match parsed.map(Msisdn::e164) {
            // A second plus or a leading zero would have been lost.
            Some(e164) if e164 == number => Ok(e164),
            _ => Err(ParameterError::Value {
                value: presentable(number),
                wanted: "number such as +919812345678",
            }),
        }
    })
}

/// Values with commas between them, none empty, none twice, at most `most`.
fn several(
    text: &str,
    most: usize,
    read: impl Fn(&str) -> Result<String, ParameterError>,
) -> Result<Given, ParameterError> {
    let mut values: Vec<String> = Vec::new();
    for value in text.split(',').map(str::trim) {
        if value.is_empty() {
            return Err(ParameterError::Value {
                value: presentable(text),
                wanted: "list with commas between its values",
            });
        }
        values.push(read(value)?);
    }
    if values.len() > most {
        let given = values.len();
        return Err(ParameterError::Count { given, most });
    }
    let mut seen = HashSet::new();
    if let Some(twice) = values.iter().find(|value| !seen.insert(value.as_str())) {
        return Err(ParameterError::Twice {
            value: presentable(twice),
        });
    }
    Ok(Given::Texts(values))
}

#[cfg(test)]
mod tests;
