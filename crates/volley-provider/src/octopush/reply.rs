//! What came of a request that is no batch: a look at the account, a change of its configuration, a cancellation, a step
//! of a campaign on a list.
//!
//! What an answer proves is decided by [`judge`], as for a batch; here its verdict is put into the words of such a request,
//! with all that the provider said.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use volley_model::{Answer, AnswerBody, Evidence, Refusal, Verdict};

use super::JudgeContext;
use super::judge::judge;
use super::wire::{TICKET_NAMES, is_ticket};
use crate::one_line::on_one_line;

/// A request's end.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A 2xx.
    Done(Said),
    /// Refused: nothing was changed.
    Refused(Refusal),
    /// Credentials, credit or the account: nothing was changed.
    Account(Refusal),
    /// Not processed now: nothing was changed, and the same request may come again.
    Later {
        /// What happened.
        reason: String,
    },
    /// Nothing left us.
    Unsent {
        /// What happened.
        reason: String,
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
    /// What the evidence says of such a request.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let context = JudgeContext {
            duplicate_codes: &[],
            doubted: false,
            simulated: false,
        };
        match judge(evidence, &context) {
            // A 2xx with a ticket, and one without.
            Verdict::Accepted(_) | Verdict::Unticketed { .. } => Self::Done(Said::of(evidence)),
            Verdict::Refused(refusal) | Verdict::RefusedFor { refusal, .. } => Self::Refused(refusal),
            Verdict::Account(refusal) => Self::Account(refusal),
            Verdict::NotProcessed { reason, .. } => Self::Later { reason },
            Verdict::Unsent { reason, .. } => Self::Unsent { reason },
            Verdict::InDoubt { reason, .. } => Self::Unknown { reason },
        }
    }

    /// What the evidence says of a cancellation: 204 alone confirms one ("cancel-sms", "cancel-an-sms-on-list"). What is
    /// confirmed may free numbers, so that any other success confirms nothing.
    pub(super) fn of_cancellation(evidence: &Evidence) -> Self {
        match (Self::of(evidence), evidence) {
            (Self::Done(said), Evidence::Answered(answer)) if answer.status == 204 => Self::Done(said),
            (Self::Done(_), _) => Self::Unknown {
                reason: format!("{}, which does not confirm it", evidence.summary()),
            },
            (other, _) => other,
        }
    }
}

impl Said {
    /// What an answer says.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let Evidence::Answered(Answer {
            body: AnswerBody::Whole(body),
            ..
        }) = evidence
        else {
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

    /// Both together; of two members of one name the other's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Those whose names are not told apart so.
    #[must_use]
    pub fn without(mut self, is_left_out: impl Fn(&str) -> bool) -> Self {
        self.0.retain(|name, _| !is_left_out(name));
        self
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

    /// The ticket, by either of its names.
    pub fn ticket(&self) -> Option<String> {
        TICKET_NAMES
            .into_iter()
            .filter_map(|name| self.text(name))
            .find(|ticket| is_ticket(ticket))
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

    #[test]
    fn an_answer_s_members_are_kept_to_the_last_digit_and_put_on_one_line() {
        let evidence = answered(
            200,
            "{ \"amount\": 204.10,\n \"unit\" : \"sms \\\" premium\u{9b}\u{202e}\", \"packs\": [ {\"credit\" : 1e-8} ] }",
        );
        let Reply::Done(said) = Reply::of(&evidence) else {
            panic!("it is a success");
        };
        let told = serde_json::to_string(&said).unwrap();
        assert_eq!(
            told,
            r#"{"amount":204.10,"packs":[{"credit":1e-8}],"unit":"sms \" premium\u009b\u202e"}"#
        );
        assert_eq!(said.text("unit").as_deref(), Some("sms \" premium\u{9b}\u{202e}"));
        assert_eq!((said.json("amount"), said.json("none")), (Some("204.10"), None));
    }

    #[test]
    fn a_success_may_say_nothing() {
        for body in ["", "[]", "null", "<html>"] {
            let Reply::Done(said) = Reply::of(&answered(204, body)) else {
                panic!("{body}");
            };
            assert_eq!(said.iter().count(), 0, "{body}");
        }
    }

    #[test]
    fn only_204_confirms_a_cancellation() {
        let cancelled = |evidence: &Evidence| matches!(Reply::of_cancellation(evidence), Reply::Done(_));
        assert!(cancelled(&answered(204, "")));
        for (status, body) in [
            (200, ""),
            (202, ""),
            (200, r#"{"code":131}"#),
            (200, "<html>"),
            (201, "{}"),
        ] {
            let reply = Reply::of_cancellation(&answered(status, body));
            assert!(
                matches!(reply, Reply::Unknown { .. }),
                "{status} {body}: {reply:?}"
            );
        }
        let reply = Reply::of_cancellation(&answered(400, r#"{"code":131}"#));
        assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    }

    #[test]
    fn what_is_no_success_is_told_apart_as_for_a_batch() {
        let code =
            |status, code| Reply::of(&answered(status, &format!(r#"{{"code":{code},"message":"m"}}"#)));
        assert!(matches!(code(400, 131), Reply::Refused(refusal) if refusal.code == Some(131)));
        assert!(matches!(code(400, 101), Reply::Account(_)));
        assert!(matches!(code(401, 7), Reply::Account(_)));
        assert!(matches!(code(400, 129), Reply::Later { .. }));
        assert!(matches!(code(429, 7), Reply::Later { .. }));
        assert!(matches!(code(502, 7), Reply::Unknown { .. }));
        assert!(matches!(
            Reply::of(&answered(400, "<html>")),
            Reply::Unknown { .. }
        ));
        let lost = Evidence::Lost(volley_model::Lost::Timeout);
        assert!(matches!(Reply::of(&lost), Reply::Unknown { .. }));
    }
}
