//! Whether a record is a recipient: its number, its fields' types and lengths, and what the message needs.

use volley_model::{Excerpt, Field, FieldSet, Msisdn, Reason, Recipient};

use crate::record::{KEYS, Kind, Record, Texts};
use crate::{FieldNames, Normalizer};

/// Why a record is no recipient.
pub(super) struct Fault<'record> {
    pub(super) reason: Reason,
    pub(super) detail: String,
    /// The value at fault; `None` where it is the line as a whole.
    pub(super) value: Option<&'record str>,
}

pub(super) struct Examiner {
    normalizer: Normalizer,
    required: FieldSet,
}

impl Examiner {
    pub(super) fn new(normalizer: Normalizer, required: FieldSet) -> Self {
        Self { normalizer, required }
    }

    /// The record's number, if it can be told at once; whatever is not so plain, an [examination](Self::examine) tells.
    #[inline]
    pub(super) fn number_at_a_glance(&self, record: &Record<'_>) -> Option<Msisdn> {
        if record.kind(0) != Kind::Text {
            return None;
        }
        self.normalizer.at_a_glance(record.texts()?[0])
    }

    /// The recipient that a record with these texts is; `known` is its number, where it was told before.
    pub(super) fn examine<'record>(
        &self,
        record: &Record<'_>,
        texts: &'record Texts<'record>,
        known: Option<Msisdn>,
        names: &FieldNames,
    ) -> Result<Recipient<'record>, Fault<'record>> {
        let number = match known {
            Some(number) => number,
            None => self.number(record.kind(0), texts[0], names)?,
        };
        for place in 1..KEYS {
            check_field(record.kind(place), texts[place], names.key(place))?;
        }
        let [_, fields @ ..] = texts;
        let recipient = Recipient {
            number,
            fields,
            verbatim: record.verbatim,
        };
        if let Some(lacking) = self.required.first_lacking(&recipient) {
            return Err(Fault {
                reason: Reason::PlaceholderMissing,
                detail: format!(
                    "the text needs {}, and {} is absent, null or empty",
                    lacking.name(),
                    names.key(1 + lacking.index())
                ),
                value: None,
            });
        }
        Ok(recipient)
    }

    fn number<'record>(
        &self,
        kind: Kind,
        text: Excerpt<'record>,
        names: &FieldNames,
    ) -> Result<Msisdn, Fault<'record>> {
        let text = text.as_str();
        if let Some(kind_name) = kind_name(kind) {
            let value = (kind == Kind::Number).then_some(text);
            return Err(type_fault(names.key(0), kind_name, "a string", value));
        }
        if text.is_empty() {
            return Err(Fault {
                reason: Reason::PhoneNumberMissing,
                detail: format!("{} is absent, null or empty", names.key(0)),
                value: None,
            });
        }
        self.normalizer.normalize(text).map_err(|fault| Fault {
            reason: fault.reason(),
            detail: fault.to_string(),
            value: Some(text),
        })
    }
}

/// What a kind is called that no text has.
fn kind_name(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Text => None,
        Kind::Number => Some("a number"),
        Kind::Boolean => Some("a boolean"),
        Kind::Array => Some("an array"),
        Kind::Object => Some("an object"),
    }
}

#[inline]
fn check_field<'record>(kind: Kind, text: Excerpt<'record>, key: &str) -> Result<(), Fault<'record>> {
    // A text has at most as many characters as bytes.
    if matches!(kind, Kind::Text | Kind::Number) && text.len() <= Field::CHARS_MAX {
        return Ok(());
    }
    if let Some(kind_name) = kind_name(kind).filter(|_| kind != Kind::Number) {
        return Err(type_fault(key, kind_name, "a string, a number or null", None));
    }
    let characters = text.as_str().chars().count();
    if characters <= Field::CHARS_MAX {
        return Ok(());
    }
    Err(Fault {
        reason: Reason::FieldTooLong,
        detail: format!(
            "{key} has {characters} characters, more than {}",
            Field::CHARS_MAX
        ),
        value: Some(text.as_str()),
    })
}

fn type_fault<'record>(key: &str, is: &str, takes: &str, value: Option<&'record str>) -> Fault<'record> {
    Fault {
        reason: Reason::FieldType,
        detail: format!("{key} is {is}, not {takes}"),
        value,
    }
}
