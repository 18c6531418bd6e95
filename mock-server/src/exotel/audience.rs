//! Whom a campaign calls: the numbers of `from`, or those behind `lists`.
//!
//! *Sources*: "update campaign details" and "create campaign" for either field and its limits; "campaigns API: how it
//! works": the first invalid number fails the whole request, which names it. That `from` and `lists` exclude each other,
//! and that a list nobody knows is one of somebody's, is *assumed*.

use std::collections::BTreeMap;

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use serde_json::Value;

use super::Exotel;
use super::config::{ExotelAudienceConfig, ExotelConfig, ExotelStrict};
use super::number;
use super::refusal::Refusal;
use super::request::{Fields, given, texts};
use super::ticket::scatter;
use crate::error::MockError;
use crate::record::Number;

/// Numbers of one campaign ("create campaign").
const NUMBERS_MAX: usize = 5000;
/// Lists of a static campaign ("update campaign details"), and of a dynamic one ("create campaign").
const LISTS_MAX: usize = 5;
const LISTS_MAX_DYNAMIC: usize = 1;
/// Contacts behind a sid that the settings do not know.
const CONTACTS: u64 = 20;
/// Mobile numbers behind `+919`.
const MOBILE_NUMBERS: u64 = 1_000_000_000;

/// The lists of the settings.
pub(super) struct Lists(BTreeMap<String, Vec<Number>>);

/// Whom a campaign calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Audience {
    /// In the order given, repeated ones included.
    pub(super) numbers: Vec<Number>,
    /// Empty if the numbers were given.
    pub(super) lists: Vec<String>,
}

impl Lists {
    pub(super) fn new(config: &ExotelAudienceConfig) -> Result<Self, MockError> {
        let mut lists = BTreeMap::new();
        for (sid, texts) in &config.lists {
            lists.insert(sid.clone(), numbers("exotel.audiences.lists", texts)?);
        }
        Ok(Self(lists))
    }

    /// Everyone behind a sid.
    fn numbers(&self, sid: &str) -> Vec<Number> {
        self.0.get(sid).cloned().unwrap_or_else(|| made_up(sid))
    }
}

/// Numbers of the settings.
pub(super) fn numbers(key: &'static str, texts: &[String]) -> Result<Vec<Number>, MockError> {
    let read = |text: &String| {
        number::read(text).ok_or_else(|| MockError::Setting {
            key,
            reason: format!("`{text}` is no number: write + and 6 to 16 digits"),
        })
    };
    texts.iter().map(read).collect()
}

/// Indian mobile numbers in a row, always the same for a sid. Two sids share all of them or none.
fn made_up(sid: &str) -> Vec<Number> {
    let hash = sid
        .bytes()
        .fold(0, |hash, byte| scatter(hash, u64::from(byte), CONTACTS));
    let first = hash % (MOBILE_NUMBERS / CONTACTS) * CONTACTS;
    (first..first + CONTACTS)
        .filter_map(|n| Number::parse(&format!("+919{n:09}")))
        .collect()
}

impl Audience {
    /// Reads `from` or `lists`, if either is given.
    pub(super) fn read(
        exotel: &Exotel,
        config: &ExotelConfig,
        fields: &Fields,
        dynamic: bool,
    ) -> Result<Option<Self>, Refusal> {
        let lists = texts(fields, "lists")?;
        match (given(fields, "from"), lists) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(Refusal::invalid("from and lists exclude each other")),
            (Some(from), None) => {
                let texts = written(&config.strict, from)?;
                let numbers = from_numbers(exotel, config, &texts)?;
                Ok(Some(Self {
                    numbers,
                    lists: Vec::new(),
                }))
            }
            (None, Some(sids)) => {
                let most = if dynamic { LISTS_MAX_DYNAMIC } else { LISTS_MAX };
                if sids.is_empty() || sids.len() > most {
                    return Err(Refusal::invalid(format!("lists must hold 1 to {most} sids")));
                }
                Ok(Some(Self {
                    numbers: sids.iter().flat_map(|sid| exotel.lists.numbers(sid)).collect(),
                    lists: sids.into_iter().map(str::to_owned).collect(),
                }))
            }
        }
    }

    /// Whom it calls, each as often as it is to be called.
    pub(super) fn members(&self, call_duplicate_numbers: bool) -> Vec<Number> {
        if call_duplicate_numbers {
            return self.numbers.clone();
        }
        let mut seen: HashSet<Number, FixedState> =
            HashSet::with_capacity_and_hasher(self.numbers.len(), FixedState::default());
        let numbers = self.numbers.iter().copied();
        numbers.filter(|number| seen.insert(*number)).collect()
    }
}

/// How many numbers a request carries, before any is looked at.
pub(super) fn carried(fields: &Fields) -> u64 {
    match fields.get("from") {
        Some(Value::Array(items)) => items.len() as u64,
        Some(Value::String(text)) => text.split(',').count() as u64,
        _ => 0,
    }
}

/// The numbers as they are written, in the readings that are taken.
fn written<'f>(strict: &[ExotelStrict], from: &'f Value) -> Result<Vec<&'f str>, Refusal> {
    match from {
        Value::String(text) if !strict.contains(&ExotelStrict::FromArray) => {
            let parts = text.split(',').map(str::trim);
            Ok(parts.filter(|part| !part.is_empty()).collect())
        }
        Value::Array(items) if !strict.contains(&ExotelStrict::FromString) => items
            .iter()
            .map(|item| {
                item.as_str()
                    .ok_or_else(|| Refusal::wrong_type("from", item, "string"))
            })
            .collect(),
        Value::Array(_) => Err(Refusal::wrong_type("from", from, "string")),
        _ => Err(Refusal::wrong_type("from", from, "[]string")),
    }
}

fn from_numbers(exotel: &Exotel, config: &ExotelConfig, texts: &[&str]) -> Result<Vec<Number>, Refusal> {
    if texts.is_empty() {
        return Err(Refusal::mandatory("From"));
    }
    if texts.len() > NUMBERS_MAX {
        return Err(Refusal::invalid(format!(
            "from must hold 1 to {NUMBERS_MAX} numbers"
        )));
    }
    let read = |text: &&str| {
        number::read(text)
            .filter(|number| !exotel.bad_numbers.contains(number))
            .ok_or_else(|| Refusal::number(&number::quote(text, config.number_text)))
    };
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::super::config::NumberText;
    use super::*;

    /// How many numbers there are, or the refusal.
    fn outcome(config: &ExotelConfig, json: &str) -> Result<Option<usize>, Refusal> {
        let exotel = Exotel::new(config).expect("settings");
        let fields: Fields = serde_json::from_str(json).expect("json");
        let dynamic = fields.contains_key("dynamic");
        let audience = Audience::read(&exotel, config, &fields, dynamic)?;
        Ok(audience.map(|audience| audience.numbers.len()))
    }

    fn check(strict: &[ExotelStrict], json: &str, expected: Result<Option<usize>, u32>) {
        let config = ExotelConfig {
            strict: strict.to_vec(),
            ..ExotelConfig::default()
        };
        let outcome = outcome(&config, json).map_err(|refusal| refusal.code());
        assert_eq!(outcome, expected, "{strict:?}: {json:.80}");
    }

    #[test]
    fn from_is_an_array_or_a_string_with_commas() {
        let array = r#"{"from":["+919812345678","+919812345679"]}"#;
        let string = r#"{"from":"+919812345678, +919812345679"}"#;
        check(&[], array, Ok(Some(2)));
        check(&[], string, Ok(Some(2)));
        check(&[ExotelStrict::FromArray], array, Ok(Some(2)));
        check(&[ExotelStrict::FromArray], string, Err(1007));
        check(&[ExotelStrict::FromString], array, Err(1007));
        check(&[ExotelStrict::FromString], string, Ok(Some(2)));
        check(&[], r#"{"from":[919812345678]}"#, Err(1007));
        check(&[], r#"{"from":{}}"#, Err(1007));
        check(&[], r#"{"from":[]}"#, Err(1001));
        check(&[], r#"{"from":""}"#, Err(1001));
        check(&[], r#"{"from":null}"#, Ok(None));
        check(&[], "{}", Ok(None));
    }

    #[test]
    fn a_campaign_has_at_most_5000_numbers() {
        let body = |numbers: usize| {
            let texts: Vec<String> = (0..numbers).map(|n| format!("+919{n:09}")).collect();
            format!(r#"{{"from":"{}"}}"#, texts.join(","))
        };
        check(&[], &body(5000), Ok(Some(5000)));
        check(&[], &body(5001), Err(1002));
    }

    #[test]
    fn a_campaign_has_at_most_five_lists_and_a_dynamic_one_one() {
        check(&[], r#"{"lists":["a"]}"#, Ok(Some(20)));
        check(&[], r#"{"lists":["a","b","c","d","e"]}"#, Ok(Some(100)));
        check(&[], r#"{"lists":["a","b","c","d","e","f"]}"#, Err(1002));
        check(&[], r#"{"lists":["a"],"dynamic":1}"#, Ok(Some(20)));
        check(&[], r#"{"lists":["a","b"],"dynamic":1}"#, Err(1002));
        check(&[], r#"{"lists":[]}"#, Err(1002));
        check(&[], r#"{"lists":"a"}"#, Err(1007));
        check(&[], r#"{"lists":["a"],"from":["+919812345678"]}"#, Err(1002));
        check(&[], r#"{"lists":["a"],"from":null}"#, Ok(Some(20)));
    }

    #[test]
    fn the_first_invalid_number_is_named_as_the_switch_says() {
        let check = |number_text: NumberText, json: &str, expected: &str| {
            let config = ExotelConfig {
                bad_numbers: vec!["+919999999999".into()],
                number_text,
                ..ExotelConfig::default()
            };
            let refusal = outcome(&config, json).expect_err("a refusal");
            assert_eq!(
                (refusal.code(), refusal.description.as_str()),
                (1002, expected),
                "{json}"
            );
        };
        let bad = r#"{"from":["+919812345678","9999999999","+1"]}"#;
        check(NumberText::AsSent, bad, "Invalid PhoneNumber 9999999999");
        check(NumberText::National, bad, "Invalid PhoneNumber 09999999999");
        check(NumberText::WithoutPlus, bad, "Invalid PhoneNumber 919999999999");
        check(
            NumberText::National,
            r#"{"from":"+1,+919999999999"}"#,
            "Invalid PhoneNumber +1",
        );
    }

    #[test]
    fn repeated_numbers_are_called_once_unless_asked_for() {
        let numbers = ["+919812345678", "+919812345679", "9812345678"];
        let audience = Audience {
            numbers: numbers.iter().filter_map(|text| number::read(text)).collect(),
            lists: Vec::new(),
        };
        assert_eq!(audience.members(false).len(), 2);
        assert_eq!(audience.members(true).len(), 3);
    }

    #[test]
    fn an_unknown_list_stands_for_20_numbers_and_a_known_one_for_its_own() {
        let known = vec!["+919812345678".to_owned()];
        let config = ExotelAudienceConfig {
            lists: BTreeMap::from([("mine".to_owned(), known)]),
        };
        let lists = Lists::new(&config).expect("settings");
        assert_eq!(lists.numbers("mine").len(), 1);
        assert_eq!(lists.numbers("other").len(), 20);
        assert_eq!(lists.numbers("other"), lists.numbers("other"));
        assert_ne!(lists.numbers("other"), lists.numbers("another"));
    }
}
