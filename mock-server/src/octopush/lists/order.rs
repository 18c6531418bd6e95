//! Decides whether a campaign on a list or tag is in order, and what it reaches and costs.
//!
//! Pure, as the review of a send, whose checks and codes it shares. The audience is looked at here, though the answer
//! keeps it back until the computing is over: the page shows a missing STOP mention as a failure of the creation.
//! *Sources*: "Send SMS to contacts (on-list/on-tag)". That the fields of a contact are empty in the text, and that a
//! campaign which reaches nobody ends as failed, is *assumed*.

use std::borrow::Cow;

use jiff::Timestamp;

use super::audience::Kind;
use super::campaign::Reach;
use crate::octopush::Octopush;
use crate::octopush::config::{OctopushConfig, Strict};
use crate::octopush::fields::{boolean, charge, is_marketing, send_at, sender, text};
use crate::octopush::message::{Message, mentions_stop};
use crate::octopush::refusal::Refusal;
use crate::octopush::request::Contact;
use crate::octopush::value::{Raw, string};
use crate::record::Number;

/// One request to create a campaign. Other keys are ignored.
#[derive(Debug, serde::Deserialize)]
pub(super) struct ListRequest<'a> {
    #[serde(borrow, default)]
    list_name: Raw<'a>,
    #[serde(borrow, default)]
    tag_name: Raw<'a>,
    #[serde(borrow, default)]
    text: Raw<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, default)]
    sender: Raw<'a>,
    #[serde(borrow, default)]
    send_at: Raw<'a>,
    #[serde(borrow, default)]
    purpose: Raw<'a>,
    #[serde(borrow, default)]
    with_replies: Raw<'a>,
    #[serde(borrow, default)]
    auto_optimize_text: Raw<'a>,
    #[serde(borrow, default)]
    auto_remove_blacklisted_numbers: Raw<'a>,
}

/// A campaign that is in order.
#[derive(Debug)]
pub(super) struct Order {
    /// Nothing if its computing will fail.
    pub(super) reach: Option<Reach>,
    pub(super) send_at: Option<SendAt>,
}

/// When a campaign goes out.
#[derive(Debug)]
pub(super) struct SendAt {
    pub(super) written: String,
    pub(super) instant: Timestamp,
}

/// Checks a request to the service of this kind.
pub(super) fn review(
    octopush: &Octopush,
    config: &OctopushConfig,
    service: Kind,
    request: &ListRequest<'_>,
) -> Result<Order, Refusal> {
    let strict = |reading: Strict| config.strict.contains(&reading);
    let (kind, name) = audience(request, service, strict(Strict::ListOrTagByPath))?;
    let text = text(request.text, strict(Strict::TextGsm7Only))?;
    let premium = is_premium(request.kind, &strict)?;
    sender(request.sender, &strict)?;
    let marketing = is_marketing(request.purpose, strict(Strict::PurposeRequired))?;
    let instant = send_at(request.send_at, strict(Strict::SendAtRequired))?;
    let removing = boolean(
        request.auto_remove_blacklisted_numbers,
        "auto_remove_blacklisted_numbers",
    )?;
    boolean(request.with_replies, "with_replies")?;
    boolean(request.auto_optimize_text, "auto_optimize_text")?;

    let mut numbers = octopush.audiences.numbers(kind, &name).into_owned();
    if removing {
        numbers.retain(|number| !octopush.blacklist.contains(number));
    }
    let french = numbers.iter().any(|number| number.is_french());
    if premium && marketing && french && !mentions_stop(&text) {
        return Err(Refusal::stop_missing());
    }
    let fails = numbers.is_empty() || octopush.audiences.fails(&name);
    Ok(Order {
        reach: (!fails).then(|| reach(octopush, numbers, &text, removing)),
        send_at: instant.map(|instant| SendAt {
            written: request.send_at.and_then(string).unwrap_or_default().into_owned(),
            instant,
        }),
    })
}

fn reach(octopush: &Octopush, numbers: Vec<Number>, text: &str, removing: bool) -> Reach {
    let segments = Message::parse(text).segments(&Contact::EMPTY);
    let mut meter = octopush.tariff.meter();
    for number in &numbers {
        octopush.tariff.add(&mut meter, *number, segments);
    }
    let cost = octopush.tariff.cost(&meter) + charge(removing);
    Reach { numbers, cost }
}

/// The list or the tag, of which there must be one: "you can use `tag_name` instead", under either path, unless the
/// switch insists on the path's own.
fn audience<'a>(
    request: &ListRequest<'a>,
    service: Kind,
    by_path: bool,
) -> Result<(Kind, Cow<'a, str>), Refusal> {
    let (kind, raw) = match (request.list_name, request.tag_name) {
        (Some(list), None) => (Kind::List, list),
        (None, Some(tag)) => (Kind::Tag, tag),
        (None, None) => return Err(Refusal::malformed("list_name or tag_name is missing")),
        (Some(_), Some(_)) => return Err(Refusal::malformed("list_name and tag_name exclude each other")),
    };
    if by_path && kind != service {
        return Err(Refusal::malformed(
            "this is the service of the other kind of name",
        ));
    }
    match string(raw).filter(|name| !name.is_empty()) {
        Some(name) => Ok((kind, name)),
        None => Err(Refusal::malformed("the name is no string, or is empty")),
    }
}

/// The page's table names `sms_vocal` only, its example is `sms_premium`: all are good unless the switch insists. An absent
/// type is taken for premium, or for `sms_vocal` where that is the only one: *assumed*, as in a send.
fn is_premium(raw: Raw<'_>, strict: &impl Fn(Strict) -> bool) -> Result<bool, Refusal> {
    let vocal_only = strict(Strict::ListTypeVocalOnly);
    let Some(raw) = raw else {
        return if strict(Strict::TypeRequired) {
            Err(Refusal::unknown_type())
        } else {
            Ok(!vocal_only)
        };
    };
    match string(raw).as_deref() {
        Some("sms_vocal") => Ok(false),
        Some("sms_premium") if !vocal_only => Ok(true),
        Some("sms_low_cost") if !vocal_only => Ok(false),
        _ => Err(Refusal::unknown_type()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octopush::request::object;

    /// In order in every reading but of `type`; tests change one thing at a time.
    const GOOD: &str = r#"{"list_name":"my_list","text":"Hello STOP at 30101","type":"sms_premium",
        "purpose":"wholesale","sender":"Acme","send_at":"2026-12-01T09:00:00+01:00"}"#;

    fn outcome(config: &OctopushConfig, service: Kind, body: &str) -> Result<Order, u32> {
        let octopush = Octopush::new(config).expect("settings");
        let request: ListRequest<'_> = object(body.as_bytes()).map_err(|refusal| refusal.code())?;
        review(&octopush, config, service, &request).map_err(|refusal| refusal.code())
    }

    /// Sets `key` to `value` (JSON), or removes it with an empty value; 0 stands for "in order".
    fn check_strictly(strict: &[Strict], key: &str, value: &str, expected: u32) {
        let config = OctopushConfig {
            strict: strict.to_vec(),
            ..OctopushConfig::default()
        };
        let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(GOOD).expect("json");
        if value.is_empty() {
            body.remove(key);
        } else {
            body.insert(key.into(), serde_json::from_str(value).expect("json"));
        }
        let body = serde_json::to_string(&body).expect("json");
        let code = outcome(&config, Kind::List, &body).err().unwrap_or(0);
        assert_eq!(code, expected, "{strict:?}: {key} = {value}");
    }

    fn check(key: &str, value: &str, expected: u32) {
        check_strictly(&[], key, value, expected);
    }

    #[test]
    fn there_is_one_name_of_either_kind_under_either_path() {
        let check = |strict: &[Strict], service: Kind, names: &str, expected: u32| {
            let config = OctopushConfig {
                strict: strict.to_vec(),
                ..OctopushConfig::default()
            };
            let body = GOOD.replace(r#""list_name":"my_list","#, names);
            let code = outcome(&config, service, &body).err().unwrap_or(0);
            assert_eq!(code, expected, "{strict:?} {service:?} {names}");
        };
        let (list, tag) = (r#""list_name":"a","#, r#""tag_name":"a","#);
        check(&[], Kind::List, list, 0);
        check(&[], Kind::List, tag, 0);
        check(&[], Kind::Tag, list, 0);
        check(&[], Kind::Tag, tag, 0);
        check(&[], Kind::List, "", 100);
        check(&[], Kind::List, &format!("{list}{tag}"), 100);
        check(&[], Kind::List, &format!(r#"{list}"tag_name":null,"#), 0);
        check(&[], Kind::List, r#""list_name":"","#, 100);
        check(&[], Kind::List, r#""list_name":["a"],"#, 100);
        check(&[Strict::ListOrTagByPath], Kind::List, list, 0);
        check(&[Strict::ListOrTagByPath], Kind::List, tag, 100);
        check(&[Strict::ListOrTagByPath], Kind::Tag, list, 100);
        check(&[Strict::ListOrTagByPath], Kind::Tag, tag, 0);
    }

    #[test]
    fn type_is_one_of_three_or_only_voice() {
        let vocal_only = [Strict::ListTypeVocalOnly];
        check("type", r#""sms_premium""#, 0);
        check("type", r#""sms_low_cost""#, 0);
        check("type", r#""sms_vocal""#, 0);
        check("type", r#""sms""#, 112);
        check("type", "", 0);
        check_strictly(&[Strict::TypeRequired], "type", "", 112);
        check_strictly(&vocal_only, "type", r#""sms_premium""#, 112);
        check_strictly(&vocal_only, "type", r#""sms_low_cost""#, 112);
        check_strictly(&vocal_only, "type", r#""sms_vocal""#, 0);
        check_strictly(&vocal_only, "type", "", 0);
    }

    #[test]
    fn the_other_fields_are_those_of_a_send() {
        let long = |chars: usize| format!("\"{} STOP at 30101\"", "a".repeat(chars - 14));
        check("text", &long(1224), 0);
        check("text", &long(1225), 119);
        check("text", "", 107);
        check("sender", r#""12345678901""#, 0);
        check("sender", r#""123456789012""#, 106);
        check("sender", r#""Company X""#, 0);
        check_strictly(&[Strict::SenderWithoutSpaces], "sender", r#""Company X""#, 106);
        check("purpose", r#""marketing""#, 100);
        check_strictly(&[Strict::PurposeRequired], "purpose", "", 100);
        check("send_at", r#""tomorrow""#, 100);
        check("send_at", "", 0);
        check_strictly(&[Strict::SendAtRequired], "send_at", "", 100);
        check("with_replies", r#""perhaps""#, 100);
        check("auto_optimize_text", "[]", 100);
        check("auto_remove_blacklisted_numbers", "2", 100);
    }

    fn with_lists() -> OctopushConfig {
        let list = |name: &str, numbers: &[&str]| {
            (
                name.to_owned(),
                numbers.iter().map(|text| (*text).to_owned()).collect(),
            )
        };
        let mut config = OctopushConfig {
            blacklist: vec!["+33612345678".into()],
            ..OctopushConfig::default()
        };
        config.audiences.lists = [
            list("spanish", &["+346000123"]),
            list("mixed", &["+346000123", "+33612345678"]),
            list("blacklisted", &["+33612345678"]),
            list("empty", &[]),
        ]
        .into();
        config.audiences.fails = vec!["bad_list".into()];
        config
    }

    #[test]
    fn stop_is_asked_of_premium_marketing_to_an_audience_with_french_numbers() {
        let check = |from: &str, to: &str, expected: u32| {
            let body = GOOD.replace("STOP at 30101", "").replace(from, to);
            let code = outcome(&with_lists(), Kind::List, &body).err().unwrap_or(0);
            assert_eq!(code, expected, "{from} → {to}");
        };
        check("", "", 121);
        check("Hello", "Hello STOP to XXXXX", 0);
        check("wholesale", "alert", 0);
        check("sms_premium", "sms_low_cost", 0);
        check("sms_premium", "sms_vocal", 0);
        check("my_list", "spanish", 0);
        check("my_list", "mixed", 121);
        let removing = r#"mixed","auto_remove_blacklisted_numbers":true,"x":""#;
        check("my_list", removing, 0);
    }

    #[test]
    fn a_campaign_reaches_its_audience_at_its_price_or_fails() {
        let check = |names: &str, expected: Option<(usize, &str)>| {
            let body = GOOD.replace(r#""list_name":"my_list""#, names);
            let order = outcome(&with_lists(), Kind::List, &body).expect("in order");
            let reach = order
                .reach
                .map(|reach| (reach.numbers.len(), reach.cost.to_string()));
            let reach = reach.as_ref().map(|(contacts, cost)| (*contacts, cost.as_str()));
            assert_eq!(reach, expected, "{names}");
        };
        let removing = |name: &str| format!(r#""list_name":"{name}","auto_remove_blacklisted_numbers":true"#);
        check(r#""list_name":"my_list""#, Some((20, "0.90247340")));
        check(&removing("my_list"), Some((20, "0.91247340")));
        check(r#""list_name":"mixed""#, Some((2, "0.09164760")));
        check(&removing("mixed"), Some((1, "0.05652393")));
        check(r#""list_name":"blacklisted""#, Some((1, "0.04512367")));
        check(&removing("blacklisted"), None);
        check(r#""list_name":"empty""#, None);
        check(r#""list_name":"bad_list""#, None);
        check(r#""tag_name":"bad_list""#, None);
    }

    #[test]
    fn the_date_is_kept_as_it_was_written() {
        let order = outcome(&OctopushConfig::default(), Kind::List, GOOD).expect("in order");
        let at = order.send_at.expect("a date");
        assert_eq!(at.written, "2026-12-01T09:00:00+01:00");
        assert_eq!(at.instant.to_string(), "2026-12-01T08:00:00Z");
    }
}
