//! The body of a send, read without a copy per recipient.
//!
//! Values keep their raw JSON text, so that a number keeps its digits and a string is only unescaped where
//! it has to be.
//! *Sources*: "Schedule SMS sending" and "Transactional SMS" for the fields. That null stands for absent is *assumed*.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::refusal::Refusal;

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

/// A value as it was written; null is absent.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// One request to `/sms-campaign/send`. Other keys are ignored.
#[derive(Debug, serde::Deserialize)]
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
#[derive(Debug, Default)]
pub(super) struct Contact<'a> {
    pub(super) phone_number: Raw<'a>,
    /// In the order of [`FIELDS`].
    pub(super) fields: [Raw<'a>; FIELDS.len()],
}

impl<'a> SendRequest<'a> {
    /// Reads a body.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        object(body)
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
                let mut contact = Contact::default();
                while let Some(key) = members.next_key()? {
                    match key {
                        Key::PhoneNumber => contact.phone_number = members.next_value()?,
                        Key::Field(field) => contact.fields[field] = members.next_value()?,
                        Key::Other => {
                            members.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(contact)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A key of a recipient.
enum Key {
    PhoneNumber,
    /// Index into [`FIELDS`].
    Field(usize),
    Other,
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
                if name == "phone_number" {
                    return Ok(Key::PhoneNumber);
                }
                let field = FIELDS.iter().position(|field| *field == name);
                Ok(field.map_or(Key::Other, Key::Field))
            }
        }

        deserializer.deserialize_identifier(Name)
    }
}

/// A string, or nothing if the value is none (or holds half a surrogate pair).
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        serde_json::from_str(raw.get()).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// A string, or a number as it was written; nothing for anything else.
pub(super) fn scalar(raw: &RawValue) -> Option<Cow<'_, str>> {
    match raw.get().as_bytes().first() {
        Some(b'"') => string(raw),
        Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(raw.get())),
        _ => None,
    }
}

/// A boolean, leniently: clients send `"True"`, too. That Octopush casts it is *assumed*.
pub(super) fn flag(raw: Raw<'_>, default: bool) -> Option<bool> {
    let Some(raw) = raw else { return Some(default) };
    match raw.get() {
        "true" | "1" | r#""true""# | r#""True""# | r#""1""# => Some(true),
        "false" | "0" | r#""false""# | r#""False""# | r#""0""# | r#""""# => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_strings_numbers_or_null() {
        let check = |json: &str, expected: Option<&str>| {
            let raw: &RawValue = serde_json::from_str(json).expect("json");
            assert_eq!(scalar(raw).as_deref(), expected, "{json}");
        };
        check(r#""Axelle""#, Some("Axelle"));
        check(r#""Axelle\n""#, Some("Axelle\n"));
        check(r#""\ud83d\ude00""#, Some("😀"));
        check(r#""\ud83d""#, None);
        check("1e400", Some("1e400"));
        check("-12.50", Some("-12.50"));
        check("true", None);
        check("[]", None);
        check("{}", None);
    }

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

    #[test]
    fn flags_are_cast() {
        let check = |json: &str, expected: Option<bool>| {
            let raw: &RawValue = serde_json::from_str(json).expect("json");
            assert_eq!(flag(Some(raw), false), expected, "{json}");
        };
        check("true", Some(true));
        check(r#""True""#, Some(true));
        check("0", Some(false));
        check(r#""perhaps""#, None);
        check("[]", None);
        assert_eq!(flag(None, true), Some(true));
    }
}
