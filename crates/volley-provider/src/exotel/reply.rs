//! What came of a request that is no batch: a look at a campaign, a change of it, its end. See [`Reply`].

use volley_model::{Answer, AnswerBody, Evidence, Verdict};

use super::JudgeContext;
use super::judge::{judge, succeeded};
use super::listing::Listed;
use super::wire::Envelope;
use crate::{Reply, Said};

/// What the evidence says of such a request. A 2xx that broke off is no success: it may have held a failure.
pub(super) fn reply_of(evidence: &Evidence) -> Reply {
    if let Evidence::Answered(answer) = evidence
        && let AnswerBody::Whole(_) = answer.body
        && succeeded(answer)
    {
        return Reply::Done(Said::of(evidence));
    }
    match judge(evidence, &JudgeContext::default()) {
        Verdict::Refused(refusal) | Verdict::RefusedFor { refusal, .. } => Reply::Refused(refusal),
        Verdict::Account(refusal) => Reply::Account(refusal),
        Verdict::NotProcessed { reason, .. } => Reply::Later { reason },
        Verdict::Unsent { reason, .. } => Reply::Unsent { reason },
        Verdict::InDoubt { reason, .. } | Verdict::Unticketed { reason } => Reply::Unknown { reason },
        // No answer that is judged accepted comes here: it has succeeded, and is whole.
        Verdict::Accepted(_) => Reply::Done(Said::default()),
    }
}

impl Said {
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
        match reply_of(&answered(200, body)) {
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
            reply_of(&answered(status, &body))
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
            reply_of(&answered(400, "<html>")),
            Reply::Unknown { .. }
        ));
        let cut = Evidence::Answered(Answer {
            status: 200,
            retry_after: None,
            date: None,
            body: AnswerBody::Cut,
        });
        assert!(matches!(reply_of(&cut), Reply::Unknown { .. }));
        let lost = Evidence::Lost(volley_model::Lost::Timeout);
        assert!(matches!(reply_of(&lost), Reply::Unknown { .. }));
    }
}
