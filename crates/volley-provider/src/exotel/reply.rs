//! What came of a request that is no batch: a look at a campaign, a change of it, its end.
//!
//! What an answer proves is decided by [`judge`], as for a batch; here its verdict is put into the words of such a request,
//! with all that the provider said.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use volley_model::{Answer, AnswerBody, Evidence, Refusal, Verdict};

use super::JudgeContext;
use super::judge::{judge, succeeded};
use super::listing::Listed;
use super::wire::Envelope;
use crate::one_line::on_one_line;

/// A request's end.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A 2xx, whose one item is no failure.
    Done(Said),
    /// Refused: nothing was changed.
    Refused(Refusal),
    /// Credentials, credit or the account: nothing was changed.
    Account(Refusal),
    /// Not processed now: nothing was changed, and the same request may come again.
    Later {
        /// What happened.
        reason: String,
        /// The delay the provider asks for.
        after: Option<Duration>,
    },
    /// Nothing left us.
    Unsent {
        /// What happened.
        reason: String,
        /// Whether trying again is of no use.
        hopeless: bool,
    },
    /// Whether anything was changed is not known.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// The members of an answer's JSON object, as the provider names them, each on one line. Empty where there is none.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Said(BTreeMap<String, Box<RawValue>>);

impl Reply {
    /// What the evidence says of such a request. A 2xx that broke off is no success: it may have held a failure.
    pub(super) fn of(evidence: &Evidence) -> Self {
        if let Evidence::Answered(answer) = evidence
            && let AnswerBody::Whole(_) = answer.body
            && succeeded(answer)
        {
            return Self::Done(Said::of(answer));
        }
        match judge(evidence, &JudgeContext::default()) {
            Verdict::Refused(refusal) | Verdict::RefusedFor { refusal, .. } => Self::Refused(refusal),
            Verdict::Account(refusal) => Self::Account(refusal),
            Verdict::NotProcessed { reason, after, .. } => Self::Later { reason, after },
            Verdict::Unsent { reason, hopeless } => Self::Unsent { reason, hopeless },
            Verdict::InDoubt { reason, .. } | Verdict::Unticketed { reason } => Self::Unknown { reason },
            // No answer that is judged accepted comes here: it has succeeded, and is whole.
            Verdict::Accepted(_) => Self::Done(Said::default()),
        }
    }
}

impl Said {
    fn of(answer: &Answer) -> Self {
        let AnswerBody::Whole(body) = &answer.body else {
            return Self::default();
        };
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(body).unwrap_or_default();
        let on_one_line = |raw: &RawValue| RawValue::from_string(on_one_line(raw.get())).ok();
        Self(
            members
                .into_iter()
                .filter_map(|(name, raw)| Some((name, on_one_line(raw)?)))
                .collect(),
        )
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members, by name, each with its JSON.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, raw)| (name.as_str(), raw.get()))
    }

    /// A member's JSON.
    pub fn json(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|raw| raw.get())
    }

    /// A member's text; `None` where it is none.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.json(name)?).ok()
    }

    /// The one campaign that is spoken of, as far as it can be read.
    pub fn campaign(&self) -> Option<Listed> {
        self.envelope(|envelope| Listed::of(envelope.only()?))
    }

    /// Whether Exotel itself says that the one thing asked for was done, and not only the status of HTTP, which could be
    /// a gateway's. Numbers become free only on such a word.
    pub fn is_confirmed(&self) -> bool {
        self.envelope(|envelope| {
            let only = envelope.only()?;
            let by_code = matches!(only.code, Some(200..=299));
            (only.fault.is_none() && (by_code || only.success)).then_some(())
        })
        .is_some()
    }

    /// Reads what was said once more.
    fn envelope<T>(&self, read: impl FnOnce(&Envelope<'_>) -> Option<T>) -> Option<T> {
        let body = serde_json::to_vec(self).ok()?;
        let answer = Answer {
            status: 200,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.into()),
        };
        read(&Envelope::of(&answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Evidence {
        Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        })
    }

    fn said(body: &str) -> Said {
        match Reply::of(&answered(200, body)) {
            Reply::Done(said) => said,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn an_answer_s_members_are_kept_to_the_last_digit_and_put_on_one_line() {
        let said = said("{ \"http_code\": 200,\n \"response\" : [ {\"data\" : {\"price\": 1.500} } ] }");
        assert_eq!(
            serde_json::to_string(&said).unwrap(),
            r#"{"http_code":200,"response":[{"data":{"price":1.500}}]}"#
        );
        assert_eq!((said.json("http_code"), said.json("none")), (Some("200"), None));
    }

    #[test]
    fn a_success_may_say_nothing_but_then_it_confirms_nothing() {
        for body in ["", "[]", "null", "<html>"] {
            assert!(said(body).is_empty(), "{body}");
            assert!(!said(body).is_confirmed(), "{body}");
        }
        for body in [
            r#"{"response":[{"code":200,"status":"success","data":null,"error_data":null}]}"#,
            r#"{"response":{"status":"success","data":{"id":"c1"}}}"#,
        ] {
            assert!(said(body).is_confirmed(), "{body}");
        }
        for body in [
            r#"{"http_code":200}"#,
            r#"{"response":[]}"#,
            r#"{"response":[{"code":200,"error_data":{"code":1100}}]}"#,
            r#"{"response":[{"status":"failure","data":null}]}"#,
            r#"{"response":[{"code":200},{"code":200}]}"#,
        ] {
            assert!(!said(body).is_confirmed(), "{body}");
        }
    }

    #[test]
    fn the_one_campaign_is_read() {
        let campaign =
            said(r#"{"response":[{"code":200,"data":{"id":"c1","name":"n","status":"InProgress"}}]}"#)
                .campaign()
                .unwrap();
        assert_eq!((campaign.id.as_str(), campaign.name.as_str()), ("c1", "n"));
        assert!(said(r#"{"response":[]}"#).campaign().is_none());
    }

    #[test]
    fn what_is_no_success_is_told_apart_as_for_a_batch() {
        let failure = |status, code| {
            let body =
                format!(r#"{{"response":[{{"code":{code},"data":null,"error_data":{{"code":1002}}}}]}}"#);
            Reply::of(&answered(status, &body))
        };
        assert!(matches!(failure(400, 400), Reply::Refused(refusal) if refusal.code == Some(1002)));
        // An item may fail within a success.
        assert!(matches!(failure(200, 409), Reply::Refused(refusal) if refusal.status == 409));
        assert!(matches!(failure(207, 404), Reply::Refused(_)));
        assert!(matches!(failure(200, 429), Reply::Later { .. }));
        assert!(matches!(failure(200, 500), Reply::Unknown { .. }));
        assert!(matches!(failure(401, 401), Reply::Account(_)));
        assert!(matches!(failure(429, 429), Reply::Later { .. }));
        assert!(matches!(failure(502, 400), Reply::Unknown { .. }));
        assert!(matches!(
            Reply::of(&answered(400, "<html>")),
            Reply::Unknown { .. }
        ));
        let cut = Evidence::Answered(Answer {
            status: 200,
            retry_after: None,
            date: None,
            body: AnswerBody::Cut,
        });
        assert!(matches!(Reply::of(&cut), Reply::Unknown { .. }));
        let lost = Evidence::Lost(volley_model::Lost::Timeout);
        assert!(matches!(Reply::of(&lost), Reply::Unknown { .. }));
    }
}
