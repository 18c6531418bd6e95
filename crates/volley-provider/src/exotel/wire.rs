//! The shapes of Exotel's answers, read leniently: only what is asked for must be readable.
//!
//! ```text
//! {"request_id":"…","method":"POST","http_code":200,"metadata":{"total":1,…},
//!  "response":[{"code":200,"status":"success","error_data":null,"data":{"id":"…","name":"…",…}}]}
//! {…,"response":[{"code":400,"status":"failure","data":null,
//!                 "error_data":{"code":1002,"message":"Invalid parameter","description":"…"}}]}
//! {"RestException":{"Status":429,"Message":"…","Code":…}}
//! ```
//! Sources: the samples of "create campaign" and "bulk campaign details" in the newer reference; `error_data` is *assumed* from
//! Exotel's documentation of its trunks, whose envelope is the same. `response` is an array or one object; the items of a
//! listing are wrapped as above, or the campaigns themselves; the older API's exception may come from a gateway.
//! What a provider says is full of numbers: nothing here can be printed, and what goes out for reading is masked.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use volley_model::{Amount, Answer, AnswerBody, Refusal};

use crate::presentable;

/// The longest id taken for one. Those seen have 32 hexadecimal digits, and are opaque.
const TICKET_BYTES_MAX: usize = 256;
/// What the id of a voice campaign is called.
pub(super) const TICKET_NAME: &str = "id";

/// The members of a JSON object, unread. Of a repeated key the last counts.
#[derive(Clone, Default)]
pub(super) struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// `None` where there is no whole JSON object.
    pub(super) fn of(answer: &'a Answer) -> Option<Self> {
        match &answer.body {
            AnswerBody::Whole(body) => serde_json::from_slice(body).ok().map(Self),
            AnswerBody::Cut | AnswerBody::TooLarge => None,
        }
    }

    /// `None` where there is no JSON object.
    pub(super) fn of_json(json: &'a str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// A member's JSON; `null` is none.
    pub(super) fn token(&self, key: &str) -> Option<&'a str> {
        let token = self.0.get(key).map(|raw| raw.get())?;
        (token != "null").then_some(token)
    }

    /// A member that is an object.
    pub(super) fn object(&self, key: &str) -> Option<Self> {
        Self::of_json(self.token(key)?)
    }

    /// A member that is a text.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.token(key)?).ok()
    }

    /// A member that is a text, or another JSON scalar as it is written.
    pub(super) fn scalar(&self, key: &str) -> Option<String> {
        let token = self.token(key)?;
        match token.as_bytes().first()? {
            b'"' => serde_json::from_str(token).ok(),
            b'{' | b'[' => None,
            _ => Some(token.to_owned()),
        }
    }

    /// A whole number, not negative: written as one, or its digits as a text.
    pub(super) fn count(&self, key: &str) -> Option<u64> {
        let digits = self.scalar(key)?;
        let written_in_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        written_in_digits.then(|| digits.parse().ok())?
    }

    /// An amount, written as a number or as a text; read from its digits, for no float ever holds money.
    pub(super) fn amount(&self, key: &str) -> Option<Amount> {
        self.scalar(key)?.parse().ok()
    }

    /// A campaign's id.
    pub(super) fn ticket(&self) -> Option<String> {
        let is_text = self.token(TICKET_NAME)?.starts_with('"');
        let id = if is_text {
            self.text(TICKET_NAME)?
        } else {
            self.count(TICKET_NAME)?.to_string()
        };
        is_ticket(&id).then_some(id)
    }

    /// A map of counts, such as `stats`. What is no count is left out.
    pub(super) fn counts(&self, key: &str) -> BTreeMap<String, u64> {
        let Some(members) = self.object(key) else {
            return BTreeMap::new();
        };
        let names = members.0.keys();
        names
            .filter_map(|name| Some((presentable(name), members.count(name)?)))
            .collect()
    }
}

/// Whether a text can be a campaign's id: something visible, of a length that can be handled, and no step in a path.
pub fn is_ticket(text: &str) -> bool {
    !text.trim().is_empty()
        && text.len() <= TICKET_BYTES_MAX
        && !text.chars().any(char::is_control)
        && !matches!(text, "." | "..")
}

/// A whole answer.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    /// The members of `response`; `None` where it is neither an array, nor an object, nor null.
    pub(super) items: Option<Vec<Item<'a>>>,
    /// What is said of all items.
    pub(super) metadata: Members<'a>,
    /// The status that it says of itself, as HTTP counts them.
    http_code: Option<u16>,
    /// The older API's way of failing.
    exception: Option<(Option<u16>, Fault)>,
}

/// One item of `response`.
pub(super) struct Item<'a> {
    /// Its status, as HTTP counts them. What is there and cannot be read is 0, which no status is.
    pub(super) code: Option<u16>,
    /// What it is about; of an item that is no wrapping, the item itself.
    pub(super) data: Option<Members<'a>>,
    /// What is wrong with it.
    pub(super) fault: Option<Fault>,
    /// Whether it says `"status":"success"` of itself.
    pub(super) success: bool,
    /// The item's own members.
    pub(super) members: Members<'a>,
}

/// An error of Exotel's. Not to be shown but by [`Fault::presentable`]: it may name a number in full.
#[derive(Default)]
pub(super) struct Fault {
    /// `error_data.code`.
    pub(super) code: Option<u32>,
    /// All that is said of it.
    pub(super) text: String,
}

/// What an answer to a request for one thing says of that thing.
#[derive(Default)]
pub(super) struct Statement {
    /// The status of the one item, or of the exception.
    pub(super) status: Option<u16>,
    /// The id of the one item's campaign.
    pub(super) ticket: Option<String>,
    /// What is wrong.
    pub(super) fault: Option<Fault>,
    /// Whether this is the older API's exception.
    pub(super) exception: bool,
    /// How many items there are.
    pub(super) items: usize,
}

impl<'a> Envelope<'a> {
    /// An answer that cannot be read has no items.
    pub(super) fn of(answer: &'a Answer) -> Self {
        let Some(members) = Members::of(answer) else {
            return Self::default();
        };
        Self {
            items: items(&members),
            metadata: members.object("metadata").unwrap_or_default(),
            http_code: members.token("http_code").map(|_| status(&members, "http_code")),
            exception: members.object("RestException").map(|exception| {
                let status = exception.token("Status").map(|_| status(&exception, "Status"));
                (status, Fault::of_exception(&exception))
            }),
        }
    }

    /// Whether it does not say of itself that it is a failure.
    pub(super) fn says_success(&self) -> bool {
        self.http_code.is_none_or(|code| (200..300).contains(&code))
    }

    /// The one item, if there is exactly one.
    pub(super) fn only(&self) -> Option<&Item<'a>> {
        match self.items.as_deref() {
            Some([only]) => Some(only),
            _ => None,
        }
    }

    /// What it says of the one thing that was asked for; nothing where it speaks of several, or of none.
    pub(super) fn statement(self) -> Statement {
        let items = self.items.unwrap_or_default();
        let count = items.len();
        match (<[Item<'_>; 1]>::try_from(items), self.exception) {
            (Ok([only]), _) => Statement {
                status: only.code,
                ticket: only.data.as_ref().and_then(Members::ticket),
                fault: only.fault.filter(Fault::is_readable),
                exception: false,
                items: count,
            },
            (Err(_), Some((status, fault))) if count == 0 => Statement {
                status,
                ticket: None,
                fault: Some(fault).filter(Fault::is_readable),
                exception: true,
                items: count,
            },
            (Err(_), _) => Statement {
                items: count,
                ..Statement::default()
            },
        }
    }
}

/// The items of `response`; null and absent ones are none at all where something else shows that this is an envelope.
fn items<'a>(members: &Members<'a>) -> Option<Vec<Item<'a>>> {
    let Some(response) = members.token("response") else {
        let is_envelope = members.0.contains_key("response") || members.token("metadata").is_some();
        return is_envelope.then(Vec::new);
    };
    if response.starts_with('{') {
        return Some(vec![Item::of(response)]);
    }
    let items: Vec<&RawValue> = serde_json::from_str(response).ok()?;
    Some(items.into_iter().map(|item| Item::of(item.get())).collect())
}

impl<'a> Item<'a> {
    /// What is no object is an item without anything in it.
    fn of(json: &'a str) -> Self {
        let members = Members::of_json(json).unwrap_or_default();
        let wrapped = ["code", "data", "error_data"]
            .iter()
            .any(|key| members.0.contains_key(*key));
        let bare = (!wrapped).then(|| members.clone());
        Self {
            code: members.token("code").map(|_| status(&members, "code")),
            data: bare.or_else(|| members.object("data")),
            fault: members.object("error_data").map(|fault| Fault::of(&fault)),
            success: members.text("status").as_deref() == Some("success"),
            members,
        }
    }
}

/// A status that is there; 0 if it cannot be read.
fn status(members: &Members<'_>, key: &str) -> u16 {
    members
        .count(key)
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(0)
}

impl Fault {
    fn of(members: &Members<'_>) -> Self {
        let text = |key| members.text(key).filter(|text| !text.trim().is_empty());
        let text = match (text("message"), text("description")) {
            (Some(message), Some(description)) if message != description => {
                format!("{message}: {description}")
            }
            (message, description) => description.or(message).unwrap_or_default(),
        };
        Self {
            code: members.count("code").and_then(|code| u32::try_from(code).ok()),
            text,
        }
    }

    /// The older API numbers its errors in another way: its code is a part of what it says.
    fn of_exception(members: &Members<'_>) -> Self {
        let message = members.text("Message").filter(|text| !text.trim().is_empty());
        let code = || members.count("Code").map(|code| format!("exception {code}"));
        Self {
            code: None,
            text: message.or_else(code).unwrap_or_default(),
        }
    }

    /// Whether it says anything.
    fn is_readable(&self) -> bool {
        self.code.is_some() || !self.text.is_empty()
    }
}

impl Statement {
    /// What was refused, for reading: numbers masked. The status is the one that counts, which may be the item's.
    pub(super) fn refusal(&self, status: u16, answer: &Answer) -> Refusal {
        let message = match &self.fault {
            Some(fault) => presentable(&fault.text),
            None => plain_text(answer),
        };
        Refusal {
            status,
            code: self.fault.as_ref().and_then(|fault| fault.code),
            message,
        }
    }
}

/// A body that is a line of text, not a document, as a gateway may send: `Too Many Requests`.
fn plain_text(answer: &Answer) -> String {
    let AnswerBody::Whole(body) = &answer.body else {
        return String::new();
    };
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    if text.starts_with(['<', '{', '[', '"']) {
        return String::new();
    }
    presentable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer {
            status: 200,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        }
    }

    fn statement(body: &str) -> Statement {
        Envelope::of(&answer(body)).statement()
    }

    #[test]
    fn one_item_is_read_from_an_array_or_an_object_wrapped_or_bare() {
        for body in [
            r#"{"response":[{"code":200,"status":"success","error_data":null,"data":{"id":"c1"}}]}"#,
            r#"{"response":{"code":200,"data":{"id":"c1"}}}"#,
            r#"{"response":[{"data":{"id":"c1"}}]}"#,
            r#"{"response":[{"id":"c1","name":"n","status":"Created"}]}"#,
            r#"{"response":{"id":"c1"}}"#,
        ] {
            assert_eq!(statement(body).ticket.as_deref(), Some("c1"), "{body}");
        }
        for body in [
            "",
            "null",
            "c1",
            r#"{"id":"c1"}"#,
            r#"[{"id":"c1"}]"#,
            r#"{"response":"c1"}"#,
            r#"{"response":null}"#,
            r#"{"response":[]}"#,
            r#"{"response":["c1"]}"#,
            r#"{"response":[{"data":{"id":"c1"}},{"data":{"id":"c2"}}]}"#,
            r#"{"response":[{"code":200,"data":null,"id":"c1"}]}"#,
            r#"{"response":[{"data":{"id":"c1"}}]} x"#,
        ] {
            assert_eq!(statement(body).ticket, None, "{body}");
        }
    }

    #[test]
    fn an_id_is_a_text_with_something_in_it_or_a_whole_number() {
        let check = |id: &str, expected: Option<&str>| {
            let body = format!(r#"{{"response":[{{"data":{{"id":{id}}}}}]}}"#);
            assert_eq!(statement(&body).ticket.as_deref(), expected, "{id}");
        };
        check(
            "\"491dd6c97d64475ba0ce346a18530ce5\"",
            Some("491dd6c97d64475ba0ce346a18530ce5"),
        );
        check("17", Some("17"));
        check(&format!("\"{}\"", "x".repeat(256)), Some(&"x".repeat(256)));
        check(&format!("\"{}\"", "x".repeat(257)), None);
        for id in [
            "\"\"",
            "\" \"",
            "null",
            "1.5",
            "-1",
            "true",
            "[]",
            "\"a\\u001bb\"",
            "\".\"",
            "\"..\"",
        ] {
            check(id, None);
        }
    }

    #[test]
    fn an_item_s_status_is_a_number_or_its_digits_and_what_cannot_be_read_is_none_of_http() {
        let check = |code: &str, expected: Option<u16>| {
            let body = format!(r#"{{"response":[{{"code":{code},"data":null}}]}}"#);
            assert_eq!(statement(&body).status, expected, "{code}");
        };
        check("409", Some(409));
        check("\"409\"", Some(409));
        check("null", None);
        for code in [
            "\"\"",
            "409.0",
            "-409",
            "70000",
            "{}",
            "[409]",
            "true",
            "\"conflict\"",
        ] {
            check(code, Some(0));
        }
    }

    #[test]
    fn an_error_has_a_code_or_a_text_or_is_none() {
        let check = |error: &str, expected: Option<(Option<u32>, &str)>| {
            let body = format!(r#"{{"response":[{{"code":400,"data":null,"error_data":{error}}}]}}"#);
            let fault = statement(&body).fault;
            let fault = fault.as_ref().map(|fault| (fault.code, fault.text.as_str()));
            assert_eq!(fault, expected, "{error}");
        };
        check(
            r#"{"code":1001,"message":"Mandatory Parameter missing","description":"Campaigns is mandatory"}"#,
            Some((Some(1001), "Mandatory Parameter missing: Campaigns is mandatory")),
        );
        check(r#"{"code":"1002"}"#, Some((Some(1002), "")));
        check(r#"{"code":[],"description":"d"}"#, Some((None, "d")));
        check(r#"{"message":"m","description":"m"}"#, Some((None, "m")));
        check(r#"{"message":"m","description":7}"#, Some((None, "m")));
        for error in [
            "null",
            "{}",
            "[]",
            "\"text\"",
            r#"{"code":4294967296,"message":" "}"#,
        ] {
            check(error, None);
        }
    }

    #[test]
    fn the_older_api_s_exception_is_read_where_there_is_no_item() {
        let exception = statement(r#"{"RestException":{"Status":"429","Message":"Too many","Code":20003}}"#);
        assert_eq!((exception.status, exception.exception), (Some(429), true));
        let fault = exception.fault.unwrap();
        assert_eq!((fault.code, fault.text.as_str()), (None, "Too many"));
        let coded = statement(r#"{"RestException":{"Status":400,"Code":1010}}"#).fault;
        assert_eq!(coded.unwrap().text, "exception 1010");
        assert!(statement(r#"{"RestException":{"Status":400}}"#).fault.is_none());
        let both = statement(r#"{"RestException":{"Status":429},"response":[{"data":{"id":"c1"}}]}"#);
        assert_eq!((both.status, both.exception), (None, false));
    }

    #[test]
    fn a_line_of_text_is_told_and_a_document_is_not() {
        let told = |body: &str| statement(body).refusal(401, &answer(body)).message;
        assert_eq!(told(" Unauthorized\n"), "Unauthorized");
        assert_eq!(told("+919812345678 is bad"), "+91*****5678 is bad");
        for body in ["", "<html>no</html>", "{\"a\":1}", "[1]", "\"text\""] {
            assert_eq!(told(body), "", "{body}");
        }
    }
}
