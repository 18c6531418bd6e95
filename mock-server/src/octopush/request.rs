//! The body of a send, read without a copy per recipient.
//!
//! Nearly every body is written in the same plain way, which `scan` reads in one pass. Any other goes to `serde_json` as a
//! whole, which decides what is JSON and says what is wrong.
//! *Sources*: "Schedule SMS sending" and "Transactional SMS" for the fields.

mod scan;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::refusal::Refusal;
use super::value::{Raw, scalar};

/// The optional fields of a recipient, as placeholders name them.
pub(super) const FIELDS: [&str; 7] = [
    "first_name",
    "last_name",
    "param1",
    "param2",
    "param3",
    "param4",
    "param5",
];

/// One request to `/sms-campaign/send`. Other keys are ignored.
#[derive(Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub(super) struct SendRequest<'a> {
    #[serde(borrow, default)]
    pub(super) recipients: Option<Vec<Contact<'a>>>,
    #[serde(borrow, default)]
    pub(super) text: Raw<'a>,
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) sender: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) send_at: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) purpose: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) with_replies: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) simulation_mode: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) request_id: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) auto_optimize_text: Raw<'a>,
    #[serde(borrow, default)]
    pub(super) auto_remove_blacklisted_numbers: Raw<'a>,
}

/// One recipient. Other keys are ignored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contact<'a> {
    pub(super) phone_number: Raw<'a>,
    /// In the order of [`FIELDS`].
    pub(super) fields: [Raw<'a>; FIELDS.len()],
}

impl<'a> SendRequest<'a> {
    /// Reads a body.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        let plain = simdutf8::basic::from_utf8(body).ok().and_then(scan::request);
        plain.map_or_else(|| object(body), Ok)
    }

    /// Where the value of this key belongs; nowhere if it is ignored, or is that of the recipients.
    fn slot(&mut self, name: &str) -> Option<&mut Raw<'a>> {
        match name {
            "text" => Some(&mut self.text),
            "type" => Some(&mut self.kind),
            "sender" => Some(&mut self.sender),
            "send_at" => Some(&mut self.send_at),
            "purpose" => Some(&mut self.purpose),
            "with_replies" => Some(&mut self.with_replies),
            "simulation_mode" => Some(&mut self.simulation_mode),
            "request_id" => Some(&mut self.request_id),
            "auto_optimize_text" => Some(&mut self.auto_optimize_text),
            "auto_remove_blacklisted_numbers" => Some(&mut self.auto_remove_blacklisted_numbers),
            _ => None,
        }
    }
}

/// Reads a body that must be one JSON object.
pub(super) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(Refusal::malformed)?;
    // An array would be read as the fields in order.
    if !text.trim_start().starts_with('{') {
        return Err(Refusal::malformed("it is no JSON object"));
    }
    serde_json::from_str(text).map_err(Refusal::malformed)
}

impl<'a> Contact<'a> {
    /// One without any key.
    pub(super) const EMPTY: Self = Self {
        phone_number: None,
        fields: [None; FIELDS.len()],
    };

    /// Where the value of this key belongs; nowhere if it is ignored.
    fn slot(&mut self, key: Key) -> Option<&mut Raw<'a>> {
        match key {
            Key::PhoneNumber => Some(&mut self.phone_number),
            Key::Field(field) => self.fields.get_mut(field),
            Key::Other => None,
        }
    }

    /// What stands for a placeholder; empty if absent.
    pub(super) fn value(&self, field: usize) -> Cow<'a, str> {
        self.fields[field].and_then(scalar).unwrap_or_default()
    }
}

/// Reads objects only: derived code would take an array for the fields in order. Of a repeated key the last
/// one counts, as with PHP.
impl<'de: 'a, 'a> Deserialize<'de> for Contact<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Contact<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a recipient object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Contact<'de>, A::Error> {
                let mut contact = Contact::EMPTY;
                while let Some(key) = members.next_key()? {
                    match contact.slot(key) {
                        Some(slot) => *slot = members.next_value()?,
                        None => drop(members.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(contact)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A key of a recipient.
#[derive(Clone, Copy)]
enum Key {
    PhoneNumber,
    /// Index into [`FIELDS`].
    Field(usize),
    Other,
}

impl Key {
    fn named(name: &str) -> Self {
        if name == "phone_number" {
            return Self::PhoneNumber;
        }
        let field = FIELDS.iter().position(|field| *field == name);
        field.map_or(Self::Other, Self::Field)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key::named(name))
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_absent() {
        let request =
            SendRequest::parse(br#"{"text":null,"recipients":[{"phone_number":null,"param1":null}]}"#);
        let request = request.expect("a request");
        assert!(request.text.is_none());
        assert_eq!(request.recipients.expect("recipients")[0].value(2), "");
    }

    #[test]
    fn bodies_that_are_no_json_object_of_this_shape_are_malformed() {
        let check = |body: &[u8], good: bool| {
            let code = SendRequest::parse(body).err().map(|refusal| refusal.code());
            assert_eq!(code, (!good).then_some(100), "{}", String::from_utf8_lossy(body));
        };
        check(b"{}", true);
        check(b"{", false);
        check(b"", false);
        check(b"[]", false);
        check(b" {}", true);
        check(br#""text""#, false);
        check(br#"{"recipients":[{}]}"#, true);
        check(br#"{"recipients":["+33612345678"]}"#, false);
        check(br#"{"recipients":[["+33612345678"]]}"#, false);
        check(br#"{"recipients":{}}"#, false);
        check(
            br#"{"recipients":[{"phone_number":"+33612345678","colour":{"a":[1]}}]}"#,
            true,
        );
        check(b"{\"text\":\"\xff\"}", false);
        check(br#"{"text":"a","text":"b"}"#, false);
    }
}
