//! Whether a record is a recipient: its number, its fields' types and lengths, and what the message needs.

use volley_model::{Excerpt, Field, FieldSet, Msisdn, Reason, Recipient};

use crate::record::{KEYS, Record, Value};
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
    pub(super) fn number_at_a_glance(&self, record: &Record<'_>) -> Option<Msisdn> {
        self.normalizer.at_a_glance(record.values[0].text()?)
    }

    /// The recipient that a record is; `known` is its number, where it was told before.
    pub(super) fn examine<'record>(
        &self,
        record: &'record Record<'_>,
        known: Option<Msisdn>,
        names: &FieldNames,
    ) -> Result<Recipient<'record>, Fault<'record>> {
        let number = match known {
            Some(number) => number,
            None => self.number(record, names)?,
        };
        let mut fields = [None; Field::COUNT];
        for place in 1..KEYS {
            fields[place - 1] = field(&record.values[place], names.key(place))?;
        }
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
        record: &'record Record<'_>,
        names: &FieldNames,
    ) -> Result<Msisdn, Fault<'record>> {
        let text = match &record.values[0] {
            Value::Text(text) => text.as_str(),
            Value::Unescaped(text) => text,
            Value::Lacking => {
                return Err(Fault {
                    reason: Reason::PhoneNumberMissing,
                    detail: format!("{} is absent, null or empty", names.key(0)),
                    value: None,
                });
            }
            Value::Number(text) => {
                return Err(type_fault(
                    names.key(0),
                    "a number",
                    "a string",
                    Some(text.as_str()),
                ));
            }
            Value::Other(kind) => return Err(type_fault(names.key(0), kind, "a string", None)),
        };
        self.normalizer.normalize(text).map_err(|fault| Fault {
            reason: fault.reason(),
            detail: fault.to_string(),
            value: Some(text),
        })
    }
}

fn field<'record>(value: &'record Value<'_>, key: &str) -> Result<Option<Excerpt<'record>>, Fault<'record>> {
    let text = match value {
        Value::Lacking => return Ok(None),
        Value::Text(text) | Value::Number(text) => *text,
        Value::Unescaped(text) => Excerpt::from(text.as_str()),
        Value::Other(kind) => return Err(type_fault(key, kind, "a string, a number or null", None)),
    };
    // A text has at most as many characters as bytes.
    if text.len() > Field::CHARS_MAX {
        let characters = text.as_str().chars().count();
        if characters > Field::CHARS_MAX {
            return Err(Fault {
                reason: Reason::FieldTooLong,
                detail: format!(
                    "{key} has {characters} characters, more than {}",
                    Field::CHARS_MAX
                ),
                value: Some(text.as_str()),
            });
        }
    }
    Ok(Some(text))
}

fn type_fault<'record>(key: &str, is: &str, takes: &str, value: Option<&'record str>) -> Fault<'record> {
    Fault {
        reason: Reason::FieldType,
        detail: format!("{key} is {is}, not {takes}"),
        value,
    }
}
