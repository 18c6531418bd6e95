//! Whether a record is a recipient: its number, its fields' types and lengths, and what the message needs.

use volley_model::{Excerpt, Field, FieldSet, Msisdn, Reason, Recipient};

use crate::record::{Kind, Record, Texts};
use crate::{FieldNames, Normalizer, NumberFault};

/// Why a record is no recipient. The words for it are made only for somebody who reads them: most runs only count.
pub(super) enum Fault<'record> {
    NumberMissing,
    /// A value of a type that its key does not have; with the text of a number.
    Type {
        place: usize,
        is: &'static str,
        takes: &'static str,
        text: Option<&'record str>,
    },
    Number {
        fault: NumberFault,
        text: &'record str,
    },
    TooLong {
        place: usize,
        text: &'record str,
    },
    /// The message needs a field that it has not.
    Lacking(Field),
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
    ) -> Result<Recipient<'record>, Fault<'record>> {
        let number = match known {
            Some(number) => number,
            None => self.number(record.kind(0), texts[0])?,
        };
        let [_, fields @ ..] = texts;
        for (place, text) in (1..).zip(fields) {
            check_field(record.kind(place), *text, place)?;
        }
        let recipient = Recipient {
            number,
            fields,
            verbatim: record.verbatim,
        };
        if let Some(lacking) = self.required.first_lacking(&recipient) {
            return Err(Fault::Lacking(lacking));
        }
        Ok(recipient)
    }

    fn number<'record>(&self, kind: Kind, text: Excerpt<'record>) -> Result<Msisdn, Fault<'record>> {
        let text = text.as_str();
        if let Some(is) = kind_name(kind) {
            return Err(Fault::Type {
                place: 0,
                is,
                takes: "a string",
                text: (kind == Kind::Number).then_some(text),
            });
        }
        if text.is_empty() {
            return Err(Fault::NumberMissing);
        }
        self.normalizer
            .normalize(text)
            .map_err(|fault| Fault::Number { fault, text })
    }
}

impl<'record> Fault<'record> {
    pub(super) fn reason(&self) -> Reason {
        match self {
            Self::NumberMissing => Reason::PhoneNumberMissing,
            Self::Type { .. } => Reason::FieldType,
            Self::Number { fault, .. } => fault.reason(),
            Self::TooLong { .. } => Reason::FieldTooLong,
            Self::Lacking(_) => Reason::PlaceholderMissing,
        }
    }

    /// The value at fault; `None` where it is the line as a whole.
    pub(super) fn value(&self) -> Option<&'record str> {
        match self {
            Self::Number { text, .. } | Self::TooLong { text, .. } => Some(text),
            Self::Type { text, .. } => *text,
            Self::NumberMissing | Self::Lacking(_) => None,
        }
    }

    /// What is wrong, and where.
    pub(super) fn detail(&self, names: &FieldNames) -> String {
        match self {
            Self::NumberMissing => format!("{} is absent, null or empty", names.key(0)),
            Self::Type { place, is, takes, .. } => format!("{} is {is}, not {takes}", names.key(*place)),
            Self::Number { fault, .. } => fault.to_string(),
            Self::TooLong { place, text } => format!(
                "{} has {} characters, more than {}",
                names.key(*place),
                text.chars().count(),
                Field::CHARS_MAX
            ),
            Self::Lacking(field) => format!(
                "the text needs {}, and {} is absent, null or empty",
                field.name(),
                names.key(1 + field.index())
            ),
        }
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
fn check_field(kind: Kind, text: Excerpt<'_>, place: usize) -> Result<(), Fault<'_>> {
    // A text has at most as many characters as bytes.
    if matches!(kind, Kind::Text | Kind::Number) && text.len() <= Field::CHARS_MAX {
        return Ok(());
    }
    if let Some(is) = kind_name(kind).filter(|_| kind != Kind::Number) {
        return Err(Fault::Type {
            place,
            is,
            takes: "a string, a number or null",
            text: None,
        });
    }
    let text = text.as_str();
    if text.chars().count() <= Field::CHARS_MAX {
        return Ok(());
    }
    Err(Fault::TooLong { place, text })
}
