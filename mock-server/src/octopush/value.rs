//! A JSON value as it was written: a number keeps its digits, and a string is only unescaped where it has to be.
//!
//! *Sources*: the types of the fields: "Schedule SMS sending". That null stands for absent, and which values a flag takes,
//! is *assumed*.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// One value; null is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A string without escapes: what stands between its quotes. Nearly every string is one.
    Plain(&'a str),
    /// The JSON text of anything else.
    Other(&'a str),
}

/// A value that may be absent; null is absent.
pub(super) type Raw<'a> = Option<Value<'a>>;

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self::written(raw.get()))
    }
}

impl<'a> Value<'a> {
    /// The value that this JSON text stands for.
    fn written(json: &'a str) -> Self {
        let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        match inner {
            Some(inner) if !inner.as_bytes().contains(&b'\\') => Self::Plain(inner),
            _ => Self::Other(json),
        }
    }
}

/// A string, or nothing if the value is none (or holds half a surrogate pair).
pub(super) fn string(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Plain(text) => Some(Cow::Borrowed(text)),
        Value::Other(json) if json.starts_with('"') => serde_json::from_str(json).ok().map(Cow::Owned),
        Value::Other(_) => None,
    }
}

/// A string, or a number as it was written; nothing for anything else.
pub(super) fn scalar(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value {
        Value::Other(json) if json.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
            Some(Cow::Borrowed(json))
        }
        _ => string(value),
    }
}

/// A boolean, leniently: clients send `"True"`, too. That Octopush casts it is *assumed*.
pub(super) fn flag(raw: Raw<'_>, default: bool) -> Option<bool> {
    match raw {
        None => Some(default),
        Some(Value::Plain("true" | "True" | "1") | Value::Other("true" | "1")) => Some(true),
        Some(Value::Plain("false" | "False" | "0" | "") | Value::Other("false" | "0")) => Some(false),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_strings_numbers_or_null() {
        let check = |json: &str, expected: Option<&str>| {
            let value: Value<'_> = serde_json::from_str(json).expect("json");
            assert_eq!(scalar(value).as_deref(), expected, "{json}");
        };
        check(r#""Axelle""#, Some("Axelle"));
        check(r#""Axelle\n""#, Some("Axelle\n"));
        check(r#""\ud83d\ude00""#, Some("😀"));
        check(r#""\ud83d""#, None);
        check(r#""""#, Some(""));
        check(r#""\"""#, Some("\""));
        check("1e400", Some("1e400"));
        check("-12.50", Some("-12.50"));
        check("true", None);
        check("[]", None);
        check("{}", None);
    }

    #[test]
    fn null_is_absent() {
        let check = |json: &str, expected: Raw<'_>| {
            assert_eq!(
                serde_json::from_str::<Raw<'_>>(json).expect("json"),
                expected,
                "{json}"
            );
        };
        check("null", None);
        check(r#""null""#, Some(Value::Plain("null")));
    }

    #[test]
    fn flags_are_cast() {
        let check = |json: &str, expected: Option<bool>| {
            let raw: Raw<'_> = serde_json::from_str(json).expect("json");
            assert_eq!(flag(raw, true), expected, "{json}");
        };
        for json in ["true", "1", r#""true""#, r#""True""#, r#""1""#, "null"] {
            check(json, Some(true));
        }
        for json in ["false", "0", r#""false""#, r#""False""#, r#""0""#, r#""""#] {
            check(json, Some(false));
        }
        for json in [
            r#""perhaps""#,
            r#""\u0074rue""#,
            r#""TRUE""#,
            "1.0",
            "[]",
            r#""null""#,
        ] {
            check(json, None);
        }
        assert_eq!(flag(None, false), Some(false));
    }
}
