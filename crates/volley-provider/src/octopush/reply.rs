//! What came of a request that is no batch: a look at the account, a change of its configuration, a cancellation, a step
//! of a campaign on a list. See [`Reply`].

use volley_model::{Evidence, Verdict};

use super::JudgeContext;
use super::judge::judge;
use super::wire::{TICKET_NAMES, is_ticket};
use crate::{Reply, Said};

/// What the evidence says of such a request.
pub(super) fn reply_of(evidence: &Evidence) -> Reply {
    let context = JudgeContext {
        duplicate_codes: &[],
        doubted: false,
        simulated: false,
    };
    match judge(evidence, &context) {
        // A 2xx with a ticket, and one without.
        Verdict::Accepted(_) | Verdict::Unticketed { .. } => Reply::Done(Said::of(evidence)),
        Verdict::Refused(refusal) | Verdict::RefusedFor { refusal, .. } => Reply::Refused(refusal),
        Verdict::Account(refusal) => Reply::Account(refusal),
        Verdict::NotProcessed { reason, .. } => Reply::Later { reason },
        Verdict::Unsent { reason, .. } => Reply::Unsent { reason },
        Verdict::InDoubt { reason, .. } => Reply::Unknown { reason },
    }
}

/// What the evidence says of a cancellation: 204 alone confirms one ("cancel-sms", "cancel-an-sms-on-list"). What is confirmed
/// may free numbers, so that any other success confirms nothing.
pub(super) fn cancellation_of(evidence: &Evidence) -> Reply {
    match (reply_of(evidence), evidence) {
        (Reply::Done(said), Evidence::Answered(answer)) if answer.status == 204 => Reply::Done(said),
        (Reply::Done(_), _) => Reply::Unknown {
            reason: format!("{}, which does not confirm it", evidence.summary()),
        },
        (other, _) => other,
    }
}

impl Said {
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
    use volley_model::{Answer, AnswerBody};

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
        let Reply::Done(said) = reply_of(&evidence) else {
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
            let Reply::Done(said) = reply_of(&answered(204, body)) else {
                panic!("{body}");
            };
            assert_eq!(said.iter().count(), 0, "{body}");
        }
    }

    #[test]
    fn only_204_confirms_a_cancellation() {
        let cancelled = |evidence: &Evidence| matches!(cancellation_of(evidence), Reply::Done(_));
        assert!(cancelled(&answered(204, "")));
        for (status, body) in [
            (200, ""),
            (202, ""),
            (200, r#"{"code":131}"#),
            (200, "<html>"),
            (201, "{}"),
        ] {
            let reply = cancellation_of(&answered(status, body));
            assert!(
                matches!(reply, Reply::Unknown { .. }),
                "{status} {body}: {reply:?}"
            );
        }
        let reply = cancellation_of(&answered(400, r#"{"code":131}"#));
        assert!(matches!(reply, Reply::Refused(_)), "{reply:?}");
    }

    #[test]
    fn what_is_no_success_is_told_apart_as_for_a_batch() {
        let code = |status, code| reply_of(&answered(status, &format!(r#"{{"code":{code},"message":"m"}}"#)));
        assert!(matches!(code(400, 131), Reply::Refused(refusal) if refusal.code == Some(131)));
        assert!(matches!(code(400, 101), Reply::Account(_)));
        assert!(matches!(code(401, 7), Reply::Account(_)));
        assert!(matches!(code(400, 129), Reply::Later { .. }));
        assert!(matches!(code(429, 7), Reply::Later { .. }));
        assert!(matches!(code(502, 7), Reply::Unknown { .. }));
        assert!(matches!(
            reply_of(&answered(400, "<html>")),
            Reply::Unknown { .. }
        ));
        let lost = Evidence::Lost(volley_model::Lost::Timeout);
        assert!(matches!(reply_of(&lost), Reply::Unknown { .. }));
    }
}
