//! What a parameter must look like.
//!
//! *Sources*: "Modify configuration" for the types, and for the lengths of both senders. It names no code for a bad
//! value: 106 for a sender and 100 for the rest is *assumed*, as is how closely URLs, e-mail addresses and numbers are
//! looked at, and that an integer in quotes is cast.

use std::borrow::Cow;

use http::Uri;
use serde_json::Value;

use crate::octopush::refusal::Refusal;
use crate::record::Number;

/// Characters a sender must and may have, of either kind.
const SENDER_CHARS: std::ops::RangeInclusive<usize> = 3..=11;

/// One kind of parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Text,
    Integer,
    /// Letters and digits, without spaces.
    Sender,
    /// Digits.
    VoiceSender,
    PhoneNumber,
    Url,
    Email,
}

impl Rule {
    /// The value to remember.
    pub(super) fn read(self, name: &str, value: &Value) -> Result<Value, Refusal> {
        if self == Self::Integer {
            return match integer(value) {
                Some(integer) => Ok(integer.into()),
                None => Err(self.refusal(name)),
            };
        }
        let text = text(value).ok_or_else(|| self.refusal(name))?;
        if self.fits(&text) {
            Ok(text.into())
        } else {
            Err(self.refusal(name))
        }
    }

    fn fits(self, text: &str) -> bool {
        let is_sender = |good: fn(&u8) -> bool| {
            SENDER_CHARS.contains(&text.len()) && text.bytes().all(|byte| good(&byte))
        };
        match self {
            Self::Text | Self::Integer => true,
            Self::Sender => is_sender(u8::is_ascii_alphanumeric),
            Self::VoiceSender => is_sender(u8::is_ascii_digit),
            Self::PhoneNumber => Number::parse(text).is_some(),
            Self::Url => is_url(text),
            Self::Email => is_email(text),
        }
    }

    fn refusal(self, name: &str) -> Refusal {
        let wanted = match self {
            Self::Text => "a string",
            Self::Integer => "an integer",
            Self::Sender => return Refusal::sender(&format!("{name} must have 3 to 11 letters and digits")),
            Self::VoiceSender => return Refusal::sender(&format!("{name} must have 3 to 11 digits")),
            Self::PhoneNumber => "a number of + and 6 to 16 digits",
            Self::Url => "a URL of http or https",
            Self::Email => "an e-mail address",
        };
        Refusal::malformed(format_args!("{name} must be {wanted}"))
    }
}

/// An integer, in quotes or not.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// A string, or a number as a string.
fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// `http` or `https`, and a host.
fn is_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else {
        return false;
    };
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
}

/// One `@` with something before it and a domain of at least two parts behind it.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let odd = |character: char| character.is_whitespace() || character.is_control();
    !text.contains(odd)
        && !local.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && domain.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 0 stands for "in order".
    fn check(rule: Rule, json: &str, expected: u32) {
        let value: Value = serde_json::from_str(json).expect("json");
        let code = rule
            .read("name", &value)
            .err()
            .map_or(0, |refusal| refusal.code());
        assert_eq!(code, expected, "{rule:?}: {json}");
    }

    #[test]
    fn an_integer_may_stand_in_quotes() {
        check(Rule::Integer, "150", 0);
        check(Rule::Integer, r#""150""#, 0);
        check(Rule::Integer, r#""15O""#, 100);
        check(Rule::Integer, r#""""#, 100);
        check(Rule::Integer, "150.5", 100);
        check(Rule::Integer, r#""150.5""#, 100);
        check(Rule::Integer, "true", 100);
        check(Rule::Integer, "[150]", 100);
        assert_eq!(Rule::Integer.read("name", &"150".into()), Ok(150.into()));
    }

    #[test]
    fn a_sender_is_3_to_11_letters_and_digits() {
        check(Rule::Sender, r#""12345""#, 0);
        check(Rule::Sender, "12345", 0);
        check(Rule::Sender, r#""Acm""#, 0);
        check(Rule::Sender, r#""Ac""#, 106);
        check(Rule::Sender, r#""Company1234""#, 0);
        check(Rule::Sender, r#""Company12345""#, 106);
        check(Rule::Sender, r#""Company X""#, 106);
        check(Rule::Sender, r#""Acmé""#, 106);
        check(Rule::Sender, "{}", 106);
    }

    #[test]
    fn a_voice_sender_is_3_to_11_digits() {
        check(Rule::VoiceSender, r#""123""#, 0);
        check(Rule::VoiceSender, r#""12""#, 106);
        check(Rule::VoiceSender, r#""12345678901""#, 0);
        check(Rule::VoiceSender, r#""123456789012""#, 106);
        check(Rule::VoiceSender, r#""1234A""#, 106);
        check(Rule::VoiceSender, "-1234", 106);
    }

    #[test]
    fn a_number_is_plus_and_6_to_16_digits() {
        check(Rule::PhoneNumber, r#""+336971433333""#, 0);
        check(Rule::PhoneNumber, r#""+ 336971433333""#, 0);
        check(Rule::PhoneNumber, r#""336971433333""#, 100);
        check(Rule::PhoneNumber, r#""+33697""#, 100);
        check(Rule::PhoneNumber, "336971433333", 100);
    }

    #[test]
    fn a_url_has_http_or_https_and_a_host() {
        check(Rule::Url, r#""https://mywebhook.dns/webhook-1""#, 0);
        check(Rule::Url, r#""http://127.0.0.1:8080""#, 0);
        check(Rule::Url, r#""HTTPS://mywebhook.dns/a?b=c#d""#, 0);
        check(Rule::Url, r#""ftp://mywebhook.dns/webhook-1""#, 100);
        check(Rule::Url, r#""mywebhook.dns/webhook-1""#, 100);
        check(Rule::Url, r#""https:///webhook-1""#, 100);
        check(Rule::Url, r#""https://:80/webhook-1""#, 100);
        check(Rule::Url, r#""https://my webhook.dns""#, 100);
        check(Rule::Url, r#""/webhook-1""#, 100);
        check(Rule::Url, r#""""#, 100);
        check(Rule::Url, "1", 100);
    }

    #[test]
    fn an_email_address_has_one_at_and_a_dot_in_its_domain() {
        check(Rule::Email, r#""alerts@example.org""#, 0);
        check(Rule::Email, r#""a.b+c@mail.example.org""#, 0);
        check(Rule::Email, r#""alerts@example""#, 100);
        check(Rule::Email, r#""alerts@.org""#, 100);
        check(Rule::Email, r#""alerts@example.""#, 100);
        check(Rule::Email, r#""alerts@me@example.org""#, 100);
        check(Rule::Email, r#""@example.org""#, 100);
        check(Rule::Email, r#""alerts.example.org""#, 100);
        check(Rule::Email, r#""my alerts@example.org""#, 100);
    }

    #[test]
    fn an_alert_type_is_any_string() {
        check(Rule::Text, r#""sms_low_cost""#, 0);
        check(Rule::Text, "true", 100);
        check(Rule::Text, "{}", 100);
    }
}
