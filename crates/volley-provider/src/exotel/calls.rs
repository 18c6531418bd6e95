//! A campaign's calls, and what each of them cost.
//!
//! ```text
//! call-details of the campaign (v2), page by page ─► the calls' sids ─► Calls.json by sids (v1) ─► prices ─► one sum
//! ```
//! Sources: "campaign call details" (the rows); "call details bulk" (`Sid` up to 100, `Price`). Until a campaign's first call the
//! rows answer 404, which is an empty page (*assumed* from what a client of the API tells). A price is a decimal in a string
//! without a currency, and is absent until the call is billed (*assumed*).
//! Not here: which batch a campaign belongs to, and in which currency the account pays.

mod prices;

use std::fmt;

use volley_model::{AnswerBody, Evidence};

pub use prices::{CallPrice, PriceSum, Prices, price_sum};

use super::judge::{status_within, succeeded};
use super::reply;
use super::wire::{Envelope, Item};
use crate::Reply;
use crate::presentable;

/// What came of asking for a page of calls.
#[derive(Debug, Clone)]
pub enum Calls {
    /// The page; empty before the first call.
    Page(CallsPage),
    /// Anything else; never [`Reply::Done`].
    Other(Reply),
}

/// A page of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallsPage {
    /// The calls, in the page's order.
    pub calls: Vec<Call>,
    /// How many more stand on the page, without a sid that could be read.
    pub unreadable: u64,
    /// How many calls there are in all, if the page says so.
    pub total: Option<u64>,
}

/// A call: one attempt to reach one number. Prints no number.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub sid: String,
    /// Who was called, as the provider writes it, which may differ from what was sent: see
    /// [`named_member`](super::named_member).
    pub number: Option<String>,
    /// How it ended.
    pub status: CallStatus,
    /// How long it was, in seconds.
    pub duration_seconds: Option<u64>,
    /// When it was made, as the provider writes it, fit to be shown.
    pub date_created: Option<String>,
    /// The keys that were pressed, fit to be shown.
    pub digits: Option<String>,
}

impl fmt::Debug for Call {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Call({}, {})", self.sid, self.status.name())
    }
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallStatus {
    /// Someone answered.
    Completed,
    /// It could not be made.
    Failed,
    /// The line was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// A status that the page does not name.
    Other(String),
}

impl CallStatus {
    /// The status of that spelling.
    pub fn spelled(text: &str) -> Self {
        match text.to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "busy" => Self::Busy,
            "no-answer" => Self::NoAnswer,
            _ => Self::Other(presentable(text)),
        }
    }

    /// The name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Busy => "busy",
            Self::NoAnswer => "no-answer",
            Self::Other(text) => text,
        }
    }
}

impl Calls {
    /// What the evidence says.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let Evidence::Answered(answer) = evidence else {
            return Self::Other(reply::reply_of(evidence));
        };
        if status_within(answer) == 404 {
            return Self::Page(CallsPage::default());
        }
        if !succeeded(answer) || !matches!(answer.body, AnswerBody::Whole(_)) {
            return Self::Other(reply::reply_of(evidence));
        }
        match CallsPage::of(&Envelope::of(answer)) {
            Some(page) => Self::Page(page),
            None => Self::Other(Reply::Unknown {
                reason: format!("{}, without a readable page", evidence.summary()),
            }),
        }
    }
}

impl CallsPage {
    fn of(envelope: &Envelope<'_>) -> Option<Self> {
        // A failure in the envelope of a success is no page.
        envelope.says_success().then_some(())?;
        let items = envelope.items.as_ref()?;
        let calls: Vec<Call> = items.iter().filter_map(Call::of).collect();
        Some(Self {
            unreadable: (items.len() - calls.len()) as u64,
            calls,
            total: envelope.metadata.count("total"),
        })
    }

    /// How many calls stand on it.
    pub fn len(&self) -> u64 {
        self.calls.len() as u64 + self.unreadable
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether none follows, the page having been asked for from `offset` on; as of a page of campaigns.
    pub fn is_last(&self, offset: u64) -> bool {
        let known = |total| offset.saturating_add(self.len()) >= total;
        self.is_empty() || self.total.is_some_and(known)
    }
}

impl Call {
    /// `None` without a sid.
    fn of(item: &Item<'_>) -> Option<Self> {
        let data = item.data.as_ref()?;
        let text = |key| data.scalar(key).filter(|text| !text.is_empty());
        Some(Self {
            sid: text("call_sid").filter(|sid| super::is_ticket(sid))?,
            number: text("number"),
            status: CallStatus::spelled(&text("status").unwrap_or_default()),
            duration_seconds: data.count("duration"),
            date_created: text("date_created").map(|date| presentable(&date)),
            digits: text("digit")
                .or_else(|| text("digits"))
                .map(|digits| presentable(&digits)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_model::Answer;

    fn calls(status: u16, body: &str) -> Calls {
        Calls::of(&Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        }))
    }

    fn page(status: u16, body: &str) -> CallsPage {
        match calls(status, body) {
            Calls::Page(page) => page,
            Calls::Other(other) => panic!("{status} {body}: {other:?}"),
        }
    }

    #[test]
    fn rows_are_read_wrapped_and_bare() {
        let row =
            r#"{"call_sid":"s1","number":"09812345678","status":"no-answer","duration":"12","digit":1}"#;
        for item in [
            row.to_owned(),
            format!(r#"{{"code":200,"status":"success","data":{row}}}"#),
        ] {
            let page = page(
                200,
                &format!(r#"{{"metadata":{{"total":3}},"response":[{item},{{"number":"1"}}]}}"#),
            );
            assert_eq!(
                (page.total, page.unreadable, page.is_last(0), page.is_last(1)),
                (Some(3), 1, false, true)
            );
            let call = &page.calls[0];
            assert_eq!(
                (call.sid.as_str(), call.number.as_deref()),
                ("s1", Some("09812345678"))
            );
            assert_eq!(
                (call.status.clone(), call.duration_seconds),
                (CallStatus::NoAnswer, Some(12))
            );
            assert_eq!((call.digits.as_deref(), &call.date_created), (Some("1"), &None));
            assert!(!format!("{page:?}").contains("9812345678"));
        }
    }

    #[test]
    fn before_the_first_call_there_is_an_empty_page() {
        for (status, body) in [
            (404, ""),
            (404, r#"{"response":[{"code":404,"error_data":{"code":1000}}]}"#),
            (200, r#"{"response":[{"code":404,"data":null}]}"#),
            (200, r#"{"response":[]}"#),
        ] {
            let page = page(status, body);
            assert!(page.is_empty() && page.is_last(0), "{status} {body}");
        }
    }

    #[test]
    fn what_is_no_page_is_none() {
        for (status, body) in [
            (200, "<html>"),
            (200, r#"{"response":[{"code":500,"data":null}]}"#),
            (401, ""),
            (429, ""),
            (500, r#"{"response":[{"code":404}]}"#),
        ] {
            let Calls::Other(reply) = calls(status, body) else {
                panic!("{status} {body}");
            };
            assert!(!matches!(reply, Reply::Done(_)), "{status} {body}");
        }
    }
}
