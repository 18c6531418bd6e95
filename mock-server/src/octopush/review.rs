//! Decides whether a send is in order, and what it reaches and costs.
//!
//! Pure: neither keys nor credit are looked at here.
//! *Sources*: "Schedule SMS sending", "Transactional SMS"; the codes are in `refusal`. The order of the checks is *assumed*.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::Octopush;
use super::config::{OctopushConfig, Strict};
use super::fields::{boolean, charge, is_marketing, send_at, sender, text};
use super::message::{Message, mentions_stop};
use super::refusal::Refusal;
use super::request::{Contact, FIELDS, SendRequest};
use super::tariff::Meter;
use super::value::{Raw, Value, scalar, string};
use crate::record::Number;

/// Recipients one request may carry ("send-sms", the page on campaigns).
const RECIPIENTS_MAX: usize = 500;
/// Characters a field of a recipient may have ("personalized-sendings").
const FIELD_CHARS_MAX: usize = 50;

/// A send that is in order.
#[derive(Debug)]
pub(super) struct Campaign {
    /// Whom it reaches, in the request's order; never empty.
    pub(super) numbers: Vec<Number>,
    /// SMS over all of them.
    pub(super) segments: u64,
    /// Exact, in euros.
    pub(super) cost: Decimal,
    /// Whether it reaches nobody after all.
    pub(super) simulated: bool,
    /// When it goes out; absent: at once.
    pub(super) send_at: Option<Timestamp>,
}

/// Checks a request.
pub(super) fn review(
    octopush: &Octopush,
    config: &OctopushConfig,
    request: &SendRequest<'_>,
) -> Result<Campaign, Refusal> {
    let strict = |reading: Strict| config.strict.contains(&reading);
    let contacts = recipients(request)?;
    let text = text(request.text, strict(Strict::TextGsm7Only))?;
    let premium = is_premium(request.kind, strict(Strict::TypeRequired))?;
    sender(request.sender, &strict)?;
    let marketing = is_marketing(request.purpose, strict(Strict::PurposeRequired))?;
    let send_at = send_at(request.send_at, strict(Strict::SendAtRequired))?;
    let simulated = boolean(request.simulation_mode, "simulation_mode")?;
    let removing = boolean(
        request.auto_remove_blacklisted_numbers,
        "auto_remove_blacklisted_numbers",
    )?;
    boolean(request.with_replies, "with_replies")?;
    boolean(request.auto_optimize_text, "auto_optimize_text")?;

    let mut reach = Reach {
        numbers: Vec::with_capacity(contacts.len()),
        french: false,
        meter: octopush.tariff.meter(),
    };
    reach.add_all(octopush, contacts, &Message::parse(&text), removing)?;
    if reach.numbers.is_empty() {
        return Err(Refusal::no_correct_number());
    }
    if premium && marketing && reach.french && !mentions_stop(&text) {
        return Err(Refusal::stop_missing());
    }
    let cost = octopush.tariff.cost(&reach.meter) + charge(removing);
    Ok(Campaign {
        numbers: reach.numbers,
        segments: reach.meter.segments(),
        cost,
        simulated,
        send_at,
    })
}

/// Whom a request reaches, as far as it was looked through.
struct Reach {
    numbers: Vec<Number>,
    french: bool,
    meter: Meter,
}

impl Reach {
    /// Goes through the recipients. One whose number is not correct is dropped: the request goes on.
    fn add_all(
        &mut self,
        octopush: &Octopush,
        contacts: &[Contact<'_>],
        message: &Message<'_>,
        removing: bool,
    ) -> Result<(), Refusal> {
        for contact in contacts {
            for (value, name) in contact.fields.iter().zip(FIELDS) {
                if value.is_some_and(|value| !is_field(value)) {
                    let what = format!("{name} must have at most {FIELD_CHARS_MAX} characters");
                    return Err(Refusal::malformed(what));
                }
            }
            let Some(number) = number(contact.phone_number) else {
                continue;
            };
            if removing && octopush.blacklist.contains(&number) {
                continue;
            }
            self.french = self.french || number.is_french();
            octopush
                .tariff
                .add(&mut self.meter, number, message.segments(contact));
            self.numbers.push(number);
        }
        Ok(())
    }
}

fn recipients<'r, 'a>(request: &'r SendRequest<'a>) -> Result<&'r [Contact<'a>], Refusal> {
    let contacts = request
        .recipients
        .as_deref()
        .ok_or_else(Refusal::recipients_missing)?;
    if contacts.is_empty() {
        return Err(Refusal::no_recipient());
    }
    if contacts.len() > RECIPIENTS_MAX {
        return Err(Refusal::too_many_recipients(RECIPIENTS_MAX));
    }
    Ok(contacts)
}

/// An absent type is taken for premium: *assumed*, the pages name no default.
fn is_premium(raw: Raw<'_>, required: bool) -> Result<bool, Refusal> {
    let Some(raw) = raw else {
        return if required {
            Err(Refusal::unknown_type())
        } else {
            Ok(true)
        };
    };
    match string(raw).as_deref() {
        Some("sms_premium") => Ok(true),
        Some("sms_low_cost") => Ok(false),
        _ => Err(Refusal::unknown_type()),
    }
}

fn number(raw: Raw<'_>) -> Option<Number> {
    Number::parse(&string(raw?)?)
}

/// A string or number that is not too long. A character has one byte at least: short strings need no count.
fn is_field(value: Value<'_>) -> bool {
    if let Value::Plain(text) = value
        && text.len() <= FIELD_CHARS_MAX
    {
        return true;
    }
    scalar(value).is_some_and(|text| text.chars().count() <= FIELD_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that is in order in every reading; tests change one thing at a time.
    const GOOD: &str = r#"{"recipients":[{"phone_number":"+33612345678"}],"text":"Hello STOP au 30101",
        "type":"sms_premium","purpose":"wholesale","sender":"Acme","send_at":"2026-12-01T09:00:00+01:00"}"#;

    fn outcome(config: &OctopushConfig, body: &str) -> Result<Campaign, u32> {
        let octopush = Octopush::new(config).expect("settings");
        let request = SendRequest::parse(body.as_bytes()).map_err(|refusal| refusal.code())?;
        review(&octopush, config, &request).map_err(|refusal| refusal.code())
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
        assert_eq!(
            outcome(&config, &body).err().unwrap_or(0),
            expected,
            "{key} = {value}"
        );
    }

    fn check(key: &str, value: &str, expected: u32) {
        check_strictly(&[], key, value, expected);
    }

    fn recipients_json(count: usize) -> String {
        let all: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"phone_number":"+336{n:08}"}}"#))
            .collect();
        format!("[{}]", all.join(","))
    }

    fn string_json(text: &str) -> String {
        serde_json::to_string(text).expect("json")
    }

    #[test]
    fn recipients_are_1_to_500() {
        check("recipients", "", 110);
        check("recipients", "null", 110);
        check("recipients", "[]", 103);
        check("recipients", &recipients_json(1), 0);
        check("recipients", &recipients_json(500), 0);
        check("recipients", &recipients_json(501), 305);
    }

    #[test]
    fn text_is_1_to_1224_characters() {
        let stop = " STOP au 30101";
        check("text", "", 107);
        check("text", "null", 107);
        check("text", r#""""#, 107);
        check(
            "text",
            &string_json(&format!("{}{stop}", "é".repeat(1224 - stop.len()))),
            0,
        );
        check(
            "text",
            &string_json(&format!("{}{stop}", "é".repeat(1225 - stop.len()))),
            119,
        );
    }

    #[test]
    fn unicode_text_is_refused_only_by_the_strict_reading() {
        let text = string_json("Fenêtre STOP au 30101");
        check("text", &text, 0);
        check_strictly(&[Strict::TextGsm7Only], "text", &text, 119);
        check_strictly(
            &[Strict::TextGsm7Only],
            "text",
            &string_json("Été STOP au 30101"),
            0,
        );
    }

    #[test]
    fn type_is_one_of_two_and_may_be_absent() {
        check("type", r#""sms_premium""#, 0);
        check("type", r#""sms_low_cost""#, 0);
        check("type", r#""sms_vocal""#, 112);
        check("type", "1", 112);
        check("type", "null", 0);
        check("type", "", 0);
        check_strictly(&[Strict::TypeRequired], "type", "", 112);
    }

    #[test]
    fn purpose_is_one_of_two_and_may_be_absent() {
        check("purpose", r#""alert""#, 0);
        check("purpose", r#""marketing""#, 100);
        check("purpose", "", 0);
        check_strictly(&[Strict::PurposeRequired], "purpose", "", 100);
    }

    #[test]
    fn sender_is_3_to_11_letters_digits_and_spaces() {
        check("sender", r#""Acm""#, 0);
        check("sender", r#""Ac""#, 106);
        check("sender", r#""Company 123""#, 0);
        check("sender", r#""Company 1234""#, 106);
        check("sender", r#""Acmé""#, 106);
        check("sender", r#""Acme!""#, 106);
        check("sender", "null", 0);
        check("sender", "", 0);
        check_strictly(&[Strict::SenderRequired], "sender", "", 106);
        check_strictly(&[Strict::SenderWithoutSpaces], "sender", r#""Company X""#, 106);
        check_strictly(&[Strict::SenderWithoutSpaces], "sender", r#""CompanyX""#, 0);
    }

    #[test]
    fn send_at_is_a_date_past_or_future() {
        check("send_at", r#""2018-10-03T07:42:39-07:00""#, 0);
        check("send_at", r#""2021-01-01T00:01:00+0100""#, 0);
        check("send_at", r#""2021-01-01 00:01:00""#, 0);
        check("send_at", r#""2021-13-01T00:01:00+01:00""#, 100);
        check("send_at", r#""tomorrow""#, 100);
        check("send_at", "", 0);
        check_strictly(&[Strict::SendAtRequired], "send_at", "", 100);
    }

    #[test]
    fn fields_have_at_most_50_characters_and_are_strings_numbers_or_null() {
        let with = |field: &str| format!(r#"[{{"phone_number":"+33612345678","param1":{field}}}]"#);
        let check_field = |field: &str, expected: u32| check("recipients", &with(field), expected);
        check_field(&string_json(&"é".repeat(50)), 0);
        check_field(&string_json(&"é".repeat(51)), 100);
        check_field(&format!("\"{}\"", "\\u00e9".repeat(50)), 0);
        check_field(&format!("\"{}\"", "\\u00e9".repeat(51)), 100);
        check_field("12.5", 0);
        check_field("null", 0);
        check_field("true", 100);
        check_field("{}", 100);
    }

    #[test]
    fn a_wrong_number_is_dropped_and_with_no_other_the_request_too() {
        let both = r#"[{"phone_number":"+33612345678"},{"phone_number":"0612345678"}]"#;
        check("recipients", both, 0);
        check("recipients", r#"[{"phone_number":"0612345678"}]"#, 117);
        check("recipients", r#"[{"phone_number":33612345678}]"#, 117);
        check("recipients", "[{}]", 117);
        let body = GOOD.replace(r#"[{"phone_number":"+33612345678"}]"#, both);
        let campaign = outcome(&OctopushConfig::default(), &body).expect("in order");
        assert_eq!(campaign.numbers.len(), 1);
    }

    #[test]
    fn stop_is_asked_of_premium_marketing_to_french_numbers() {
        let check = |from: &str, to: &str, expected: u32| {
            let body = GOOD.replace("STOP au 30101", "").replace(from, to);
            let code = outcome(&OctopushConfig::default(), &body).err().unwrap_or(0);
            assert_eq!(code, expected, "{from} → {to}");
        };
        check("", "", 121);
        check("Hello", "Hello STOP to XXXXX", 0);
        check("wholesale", "alert", 0);
        check(r#""purpose":"wholesale","#, "", 121);
        check("sms_premium", "sms_low_cost", 0);
        check("+336", "+346", 0);
        check("[{", r#"[{"phone_number":"+346000123"},{"#, 121);
    }

    #[test]
    fn removing_blacklisted_numbers_costs_a_cent_and_drops_them() {
        let config = OctopushConfig {
            blacklist: vec!["+33612345678".into()],
            ..OctopushConfig::default()
        };
        let two = r#"[{"phone_number":"+33612345678"},{"phone_number":"+33612345679"}]"#;
        let body = GOOD.replace(r#"[{"phone_number":"+33612345678"}]"#, two);
        let kept = outcome(&config, &body).expect("in order");
        assert_eq!(
            (kept.numbers.len(), kept.cost.to_string().as_str()),
            (2, "0.09024734")
        );
        let body = body.replacen('{', r#"{"auto_remove_blacklisted_numbers":true,"#, 1);
        let removed = outcome(&config, &body).expect("in order");
        assert_eq!(
            (removed.numbers.len(), removed.cost.to_string().as_str()),
            (1, "0.05512367")
        );
    }

    #[test]
    fn flags_that_are_none_are_refused() {
        check("with_replies", r#""True""#, 0);
        check("with_replies", "[]", 100);
        check("simulation_mode", "true", 0);
        check("simulation_mode", r#""maybe""#, 100);
    }
}
