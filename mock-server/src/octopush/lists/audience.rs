//! Whom a list or a tag stands for.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::MockError;
use crate::octopush::config::AudienceConfig;
use crate::record::Number;

/// Contacts behind a name that the settings do not know ("status-sms-campaign-list" shows 20).
const CONTACTS: u64 = 20;
/// Mobile numbers behind `+336`.
const MOBILE_NUMBERS: u64 = 100_000_000;

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    List,
    Tag,
}

/// Numbers by name.
type ByName = BTreeMap<String, Vec<Number>>;

/// The lists and tags of the settings.
pub(in crate::octopush) struct Audiences {
    lists: ByName,
    tags: ByName,
    fails: BTreeSet<String>,
}

impl Audiences {
    pub(in crate::octopush) fn new(config: &AudienceConfig) -> Result<Self, MockError> {
        Ok(Self {
            lists: numbers("octopush.audiences.lists", &config.lists)?,
            tags: numbers("octopush.audiences.tags", &config.tags)?,
            fails: config.fails.iter().cloned().collect(),
        })
    }

    /// Everyone behind a name.
    pub(super) fn numbers(&self, kind: Kind, name: &str) -> Cow<'_, [Number]> {
        let known = match kind {
            Kind::List => &self.lists,
            Kind::Tag => &self.tags,
        };
        match known.get(name) {
            Some(numbers) => Cow::Borrowed(numbers),
            None => Cow::Owned(made_up(kind, name)),
        }
    }

    /// Whether a campaign on this name ends as failed.
    pub(super) fn fails(&self, name: &str) -> bool {
        self.fails.contains(name)
    }
}

fn numbers(key: &'static str, config: &BTreeMap<String, Vec<String>>) -> Result<ByName, MockError> {
    let mut by_name = ByName::new();
    for (name, texts) in config {
        let mut numbers = Vec::with_capacity(texts.len());
        for text in texts {
            let number = Number::parse(text).ok_or_else(|| MockError::Setting {
                key,
                reason: format!("`{text}` is no number: write + and 6 to 16 digits"),
            })?;
            numbers.push(number);
        }
        by_name.insert(name.clone(), numbers);
    }
    Ok(by_name)
}

/// French mobile numbers in a row, always the same for a name. Two names share all of them or none.
fn made_up(kind: Kind, name: &str) -> Vec<Number> {
    let rows = MOBILE_NUMBERS / CONTACTS;
    let seed = match kind {
        Kind::List => b'l',
        Kind::Tag => b't',
    };
    let first = fnv1a(seed, name) % rows * CONTACTS;
    (first..first + CONTACTS)
        .filter_map(|n| Number::parse(&format!("+336{n:08}")))
        .collect()
}

/// The hash of that name: the same on every machine and in every version.
fn fnv1a(seed: u8, name: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in std::iter::once(seed).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_stands_for_20_french_numbers_always_the_same() {
        let audiences = Audiences::new(&AudienceConfig::default()).expect("settings");
        let numbers = audiences.numbers(Kind::List, "my_list");
        assert_eq!(numbers.len(), 20);
        assert!(numbers.iter().all(|number| number.is_french()));
        let texts: BTreeSet<String> = numbers.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 20);
        assert!(texts.iter().all(|text| text.len() == "+33612345678".len()));

        assert_eq!(numbers, audiences.numbers(Kind::List, "my_list"));
        assert_ne!(numbers, audiences.numbers(Kind::Tag, "my_list"));
        assert_ne!(numbers, audiences.numbers(Kind::List, "my_other_list"));
    }

    #[test]
    fn a_name_in_the_settings_stands_for_its_numbers_as_its_kind() {
        let numbers = |text: &str| BTreeMap::from([("name".to_owned(), vec![text.to_owned()])]);
        let config = AudienceConfig {
            lists: numbers("+336000123"),
            tags: numbers("+346000123"),
            ..AudienceConfig::default()
        };
        let audiences = Audiences::new(&config).expect("settings");
        let check = |kind: Kind, expected: &str| {
            let numbers = audiences.numbers(kind, "name");
            assert_eq!(
                numbers.iter().map(ToString::to_string).collect::<Vec<_>>(),
                [expected]
            );
        };
        check(Kind::List, "+336000123");
        check(Kind::Tag, "+346000123");
        let wrong = AudienceConfig {
            tags: numbers("0600012345"),
            ..AudienceConfig::default()
        };
        assert!(Audiences::new(&wrong).is_err());
    }
}
