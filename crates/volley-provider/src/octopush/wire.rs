//! The shapes of Octopush's answers, read leniently: only what is asked for must be readable.
//!
//! Success: `{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"total_cost":5.00502839}`, on some pages with
//! `number_of_sms_needed` and `residual_credit`. Failure: `{"code":121,"message":"Mention STOP is missing."}`.
//! Costs are read from the raw token: no float ever holds money.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use volley_model::{Acceptance, Amount, Answer, AnswerBody, Refusal};

use crate::provider_text::presentable;

/// The longest ticket taken for one. Those seen have 17 to 26 characters, and are opaque.
const TICKET_BYTES_MAX: usize = 256;
/// What a ticket is called: on the pages on sending, and on those on lists and drafts.
pub(super) const TICKET_NAMES: [&str; 2] = ["sms_ticket", "ticket_number"];

/// The members of an answer's object, unread. Of a repeated key the last counts.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// `None` where there is no whole JSON object.
    fn of(answer: &'a Answer) -> Option<Self> {
        match &answer.body {
            AnswerBody::Whole(body) => serde_json::from_slice(body).ok().map(Self),
            AnswerBody::Cut | AnswerBody::TooLarge => None,
        }
    }

    fn token(&self, key: &str) -> Option<&'a str> {
        self.0.get(key).map(|raw| raw.get())
    }

    fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.token(key)?).ok()
    }

    fn count(&self, key: &str) -> Option<u64> {
        self.token(key)?.parse().ok()
    }

    fn amount(&self, key: &str) -> Option<Amount> {
        self.token(key)?.parse().ok()
    }

    /// A code: a whole number, or its digits as a string.
    fn code(&self) -> Option<u32> {
        let token = self.token("code")?;
        let digits = match token.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"')?,
            None => token,
        };
        let written_in_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        written_in_digits.then(|| digits.parse().ok())?
    }

    fn ticket(&self) -> Option<String> {
        TICKET_NAMES
            .into_iter()
            .filter_map(|key| self.text(key))
            .find(|ticket| is_ticket(ticket))
    }
}

/// Whether a text can be a ticket: something visible, and of a length that can be handled.
pub fn is_ticket(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= TICKET_BYTES_MAX && !text.chars().any(char::is_control)
}

/// What a 2xx says; `None` without a readable ticket. A member that cannot be read is missing, and nothing more.
pub(super) fn acceptance(answer: &Answer) -> Option<Acceptance> {
    let members = Members::of(answer)?;
    Some(Acceptance {
        ticket: members.ticket()?,
        contacts: members.count("number_of_contacts"),
        cost: members.amount("total_cost"),
        currency: super::CURRENCY,
        units: members.count("number_of_sms_needed"),
        residual_credit: members.amount("residual_credit"),
    })
}

/// What any other answer says. Where its `code` is `None` it is no readable provider error.
pub(super) fn refusal(answer: &Answer) -> Refusal {
    let members = Members::of(answer);
    let members = members.as_ref();
    let message = members.and_then(|members| members.text("message").or_else(|| members.text("detail")));
    Refusal {
        status: answer.status,
        code: members.and_then(Members::code),
        message: presentable(&message.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 400,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        }
    }

    #[test]
    fn a_success_has_three_fields_or_five() {
        let three = acceptance(&answer(
            r#"{ "sms_ticket": "sms_5f3fbce61266e", "number_of_contacts": 1, "total_cost": 5.00502839 }"#,
        ))
        .unwrap();
        assert_eq!(three.ticket, "sms_5f3fbce61266e");
        assert_eq!(
            (three.contacts, three.units, three.residual_credit),
            (Some(1), None, None)
        );
        assert_eq!(three.cost.unwrap().to_string(), "5.00502839");
        let five = acceptance(&answer(
            r#"{"sms_ticket":"t","number_of_contacts":2,"number_of_sms_needed":3,"residual_credit":94.995,"total_cost":1e-8,"code":0}"#,
        ))
        .unwrap();
        assert_eq!((five.contacts, five.units), (Some(2), Some(3)));
        assert_eq!(five.residual_credit.unwrap().to_string(), "94.995");
        assert_eq!(five.cost.unwrap().to_string(), "0.00000001");
    }

    #[test]
    fn a_cost_that_is_no_exact_amount_leaves_the_ticket_standing() {
        for cost in [
            r#""5.00""#,
            "-5",
            "null",
            "1e400",
            "[5]",
            "{}",
            "true",
            "0.12345678901234567890123456789",
        ] {
            let body = format!(r#"{{"sms_ticket":"t","total_cost":{cost}}}"#);
            let acceptance = acceptance(&answer(&body)).unwrap();
            assert_eq!(
                (acceptance.ticket.as_str(), acceptance.cost),
                ("t", None),
                "{cost}"
            );
        }
        assert_eq!(acceptance(&answer(r#"{"sms_ticket":"t"}"#)).unwrap().cost, None);
        let counts = acceptance(&answer(
            r#"{"sms_ticket":"t","number_of_contacts":"1","number_of_sms_needed":-1}"#,
        ))
        .unwrap();
        assert_eq!((counts.contacts, counts.units), (None, None));
    }

    #[test]
    fn a_ticket_is_a_text_with_something_in_it() {
        let ticket = |body: &str| acceptance(&answer(body)).map(|acceptance| acceptance.ticket);
        assert_eq!(ticket(r#"{"sms_ticket":"sms_1"}"#).as_deref(), Some("sms_1"));
        assert_eq!(ticket(r#"{"ticket_number":"sms_1"}"#).as_deref(), Some("sms_1"));
        assert_eq!(
            ticket(r#"{"sms_ticket":null,"ticket_number":"sms_1"}"#).as_deref(),
            Some("sms_1")
        );
        assert_eq!(
            ticket(&format!(r#"{{"sms_ticket":"{}"}}"#, "x".repeat(256))).map(|ticket| ticket.len()),
            Some(256)
        );
        for body in [
            "",
            "null",
            "[\"sms_1\"]",
            "{}",
            r#"{"sms_ticket":""}"#,
            r#"{"sms_ticket":" "}"#,
            r#"{"sms_ticket":7}"#,
            r#"{"sms_ticket":"a\u001b[0m"}"#,
            r#"{"ticket":"sms_1"}"#,
            r#"{"sms_ticket":"sms_1""#,
            r#"{"sms_ticket":"sms_1"} x"#,
        ] {
            assert_eq!(ticket(body), None, "{body}");
        }
        assert_eq!(
            ticket(&format!(r#"{{"sms_ticket":"{}"}}"#, "x".repeat(257))),
            None
        );
    }

    #[test]
    fn a_code_is_a_number_or_its_digits() {
        let check = |body: &str, code: Option<u32>, message: &str| {
            let refusal = refusal(&answer(body));
            assert_eq!(
                (refusal.code, refusal.message.as_str()),
                (code, message),
                "{body}"
            );
            assert_eq!(refusal.status, 400);
        };
        check(
            r#"{"code":121,"message":"Mention STOP is missing."}"#,
            Some(121),
            "Mention STOP is missing.",
        );
        check(r#"{"code":"121"}"#, Some(121), "");
        check(r#"{"code":121,"message":7}"#, Some(121), "");
        check(
            r#"{"code":999999,"detail":"a\u001b[2Jb"}"#,
            Some(999_999),
            "a[2Jb",
        );
        check(r#"{"message":"lost"}"#, None, "lost");
        for body in [
            r#"{"code":121.0}"#,
            r#"{"code":-1}"#,
            r#"{"code":""}"#,
            r#"{"code":"+1"}"#,
            r#"{"code":null}"#,
            r#"{"code":4294967296}"#,
            "<html>121</html>",
            "[121]",
        ] {
            check(body, None, "");
        }
    }
}
