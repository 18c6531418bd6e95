//! The account's default configuration: which fields there are, what each may be, and the body that changes some of them.
//!
//! Source: the page "Modify configuration". It calls each group an "array" and shows an object; an object is what we send.
//! It says nothing of clearing a field, so that only given fields are sent, and none may be empty.
//! Not here: whether a number is possible, which is worth a warning and no more: the page's own samples are not.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::json_string::push_json_string;
use crate::presentable;
use crate::uri::web;

/// What a field may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A type of SMS, as `sms_low_cost`; the page lists none, so that any word is taken.
    Word,
    /// A whole number, not negative.
    Whole,
    /// 3 to 11 ASCII letters and digits.
    Sender,
    /// 3 to 11 digits.
    VocalSender,
    /// `+` and digits, as E.164 writes numbers.
    Number,
    /// An address.
    Email,
    /// `http://` or `https://` with a host.
    Url,
}

/// A field of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParameterField {
    /// Its group.
    pub group: &'static str,
    /// Its name in the group.
    pub name: &'static str,
    /// What it may be.
    pub rule: Rule,
}

impl ParameterField {
    /// The field of that name.
    pub fn named(group: &str, name: &str) -> Option<&'static Self> {
        PARAMETER_FIELDS
            .iter()
            .find(|field| field.group == group && field.name == name)
    }
}

impl fmt::Display for ParameterField {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.group, self.name)
    }
}

const ALERT: &str = "sms_campaign_alert_parameters";
const CAMPAIGN: &str = "campaign_parameters";
const CALLBACKS: &str = "callbacks";

/// The groups, in the page's order.
pub const PARAMETER_GROUPS: [&str; 3] = [ALERT, CAMPAIGN, CALLBACKS];

/// Every field of the page, in its order.
#[rustfmt::skip] // a table is read by its rows
pub const PARAMETER_FIELDS: [ParameterField; 12] = [
    field(ALERT, "alert_type", Rule::Word),
    field(ALERT, "alert_bound", Rule::Whole),
    field(ALERT, "alert_email_to", Rule::Email),
    field(ALERT, "alert_phone_number_to", Rule::Number),
    field(CAMPAIGN, "sender_for_sms_premium", Rule::Sender),
    field(CAMPAIGN, "sender_for_vocal_sms", Rule::VocalSender),
    field(CAMPAIGN, "phone_number_for_test_sms", Rule::Number),
    field(CALLBACKS, "callback_url_for_sms_deliveries", Rule::Url),
    field(CALLBACKS, "callback_url_for_blacklisted_numbers", Rule::Url),
    field(CALLBACKS, "callback_url_for_vocal_sms_deliveries", Rule::Url),
    field(CALLBACKS, "callback_url_for_inbounds", Rule::Url),
    field(CALLBACKS, "email_for_inbounds", Rule::Email),
];

const fn field(group: &'static str, name: &'static str, rule: Rule) -> ParameterField {
    ParameterField { group, name, rule }
}

/// Fields to be changed, each checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// By their places in [`PARAMETER_FIELDS`].
    given: BTreeMap<usize, Given>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Given {
    Text(String),
    Whole(u64),
}

/// A value that a field cannot have. Shown behind the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no {wanted}")]
pub struct ParameterError {
    /// What was given, fit to be shown.
    pub value: String,
    /// What would be right.
    pub wanted: &'static str,
}

impl Parameters {
    /// Sets a field from its text; a whole number is written in digits. Of two values the last counts.
    ///
    /// # Errors
    /// [`ParameterError`].
    pub fn set(&mut self, field: &ParameterField, text: &str) -> Result<(), ParameterError> {
        // A number that is not taken must not stand in a log: `presentable` masks it.
        let refused = |wanted| ParameterError {
            value: presentable(text),
            wanted,
        };
        let given = match (field.rule, text.parse()) {
            (Rule::Whole, Ok(whole)) => Given::Whole(whole),
            (rule, _) => match fault(rule, text) {
                None => Given::Text(text.to_owned()),
                Some(wanted) => return Err(refused(wanted)),
            },
        };
        let place = PARAMETER_FIELDS.iter().position(|known| known == field);
        self.given.extend(place.map(|place| (place, given)));
        Ok(())
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The fields and their texts, in the page's order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static ParameterField, String)> {
        self.given.iter().map(|(place, given)| {
            let text = match given {
                Given::Text(text) => text.clone(),
                Given::Whole(whole) => whole.to_string(),
            };
            (&PARAMETER_FIELDS[*place], text)
        })
    }

    /// The body of the request: the groups and fields that are given, and no others.
    pub fn body(&self) -> Bytes {
        let mut body = Vec::new();
        let mut group = None;
        for (place, given) in &self.given {
            let field = &PARAMETER_FIELDS[*place];
            if group == Some(field.group) {
                body.push(b',');
            } else {
                body.extend_from_slice(if group.is_none() { b"{" } else { b"}," });
                push_json_string(&mut body, field.group);
                body.extend_from_slice(b":{");
                group = Some(field.group);
            }
            push_json_string(&mut body, field.name);
            body.push(b':');
            match given {
                Given::Text(text) => push_json_string(&mut body, text),
                Given::Whole(whole) => body.extend_from_slice(whole.to_string().as_bytes()),
            }
        }
        body.extend_from_slice(if group.is_none() { b"{}" } else { b"}}" });
        body.into()
    }
}

/// What a text that breaks the rule should have been.
fn fault(rule: Rule, text: &str) -> Option<&'static str> {
    let of_length = |allowed: fn(u8) -> bool| (3..=11).contains(&text.len()) && text.bytes().all(allowed);
    let (good, wanted) = match rule {
        Rule::Word => (is_word(text), "type of SMS, such as sms_low_cost"),
        Rule::Whole => (false, "whole number, such as 150"),
        Rule::Sender => (
            of_length(|byte| byte.is_ascii_alphanumeric()),
            "sender of 3 to 11 letters and digits",
        ),
        Rule::VocalSender => (
            of_length(|byte| byte.is_ascii_digit()),
            "voice sender of 3 to 11 digits",
        ),
        Rule::Number => (is_number(text), "number such as +33612345678"),
        Rule::Email => (is_email(text), "e-mail address"),
        Rule::Url => (web(text).is_some(), "URL such as https://example.org/callback"),
    };
    (!good).then_some(wanted)
}

fn is_word(text: &str) -> bool {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(in_word)
}

/// 6 to 16 digits: the samples of Octopush's pages have up to 16, one more than E.164 allows.
fn is_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (6..=16).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// One `@` with something before it and a domain behind: what no mail server would take is noticed, the rest is its matter.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let visible = |part: &str| {
        part.chars()
            .all(|c| !c.is_whitespace() && !c.is_control() && c != '@')
    };
    let labels = domain.split('.');
    !local.is_empty()
        && visible(local)
        && domain.contains('.')
        && visible(domain)
        && labels.into_iter().all(|label| !label.is_empty())
        && text.len() <= 254
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(field: &str, text: &str) -> Result<Parameters, ParameterError> {
        let (group, name) = field.split_once('.').unwrap();
        let mut parameters = Parameters::default();
        parameters.set(ParameterField::named(group, name).unwrap(), text)?;
        Ok(parameters)
    }

    fn check(field: &str, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(set(field, text).is_ok(), "{field} = {text}");
        }
        for text in bad {
            assert!(set(field, text).is_err(), "{field} = {text}");
        }
    }

    #[test]
    fn every_field_has_its_rule() {
        check(
            "campaign_parameters.sender_for_sms_premium",
            &["abc", "12345", "Company1234"],
            &["", "ab", "Company12345", "Company X", "Café"],
        );
        check(
            "campaign_parameters.sender_for_vocal_sms",
            &["123", "12345678901"],
            &["12", "123456789012", "12a45", "+3312"],
        );
        check(
            "campaign_parameters.phone_number_for_test_sms",
            &["+3356478465456", "+336971433333", "+2222333334444555"],
            &[
                "",
                "+",
                "0612345678",
                "+33 6",
                "+33612a",
                "+22223333344445556",
                "+12345",
            ],
        );
        check(
            "sms_campaign_alert_parameters.alert_bound",
            &["0", "150"],
            &["", "-1", "1.5", "many", "18446744073709551616"],
        );
        check(
            "sms_campaign_alert_parameters.alert_type",
            &["sms_low_cost"],
            &["", "sms low"],
        );
        check(
            "callbacks.email_for_inbounds",
            &["a@example.org", "a.b+c@mail.example.org"],
            &[
                "",
                "a",
                "a@",
                "@example.org",
                "a@example",
                "a@@example.org",
                "a b@example.org",
                "a@example..org",
            ],
        );
        check(
            "callbacks.callback_url_for_inbounds",
            &["https://mywebhook.dns/webhook-1", "http://example.org:8080/a?b=c"],
            &[
                "",
                "mywebhook.dns",
                "ftp://example.org",
                "https://",
                "https:///x",
                "https://a b",
            ],
        );
    }

    #[test]
    fn an_error_says_what_was_given_and_what_is_wanted() {
        let error = set("campaign_parameters.sender_for_vocal_sms", "Acme").unwrap_err();
        assert_eq!(error.to_string(), "\"Acme\" is no voice sender of 3 to 11 digits");
        let error = set("campaign_parameters.phone_number_for_test_sms", "0612345678").unwrap_err();
        assert!(!error.to_string().contains("0612345678"), "{error}");
    }

    #[test]
    fn the_body_has_the_given_fields_and_no_others() {
        let mut parameters = Parameters::default();
        assert!(parameters.is_empty());
        assert_eq!(parameters.body(), "{}");
        for (field, text) in [
            ("callbacks.email_for_inbounds", "a@example.org"),
            ("sms_campaign_alert_parameters.alert_bound", "150"),
            ("sms_campaign_alert_parameters.alert_type", "sms_low_cost"),
            ("sms_campaign_alert_parameters.alert_type", "sms_premium"),
        ] {
            let (group, name) = field.split_once('.').unwrap();
            parameters
                .set(ParameterField::named(group, name).unwrap(), text)
                .unwrap();
        }
        assert_eq!(
            parameters.body(),
            r#"{"sms_campaign_alert_parameters":{"alert_type":"sms_premium","alert_bound":150},"callbacks":{"email_for_inbounds":"a@example.org"}}"#
        );
        assert_eq!(parameters.iter().count(), 3);
    }

    #[test]
    fn groups_stand_together_in_the_table() {
        let groups: Vec<&str> = PARAMETER_FIELDS.iter().map(|field| field.group).collect();
        let mut in_order = groups.clone();
        in_order.dedup();
        assert_eq!(in_order, PARAMETER_GROUPS);
    }
}
