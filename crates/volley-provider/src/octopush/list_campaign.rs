//! A campaign on a list or a tag of contacts at Octopush: made, looked at, sent, cancelled, in four requests.
//!
//! ```text
//!  create ─► 201 ticket_number      (a draft: it sends nothing)
//!  status ─► 400 while computing, or 200 calculating … ready … failed
//!  send   ─► 200 sending_date       (this is what reaches people)
//!  cancel ─► 204
//! ```
//! Sources: "Send SMS to contacts (on-list/on-tag)" for create and the names of the four steps; "status-sms-campaign-list",
//! "confirm-sms-on-list" and "cancel-an-sms-on-list" for the others.
//! Where they differ, we read every spelling and send one:
//! - the states are "calculating, ready to send, failed" on the first page, `under_computation`, `ready_to_be_sent` in the
//!   list and `ready_to_be_send` in the example of the second;
//! - `type` is `sms_vocal` alone in the first page's table and `sms_premium` in its example: all three are taken;
//! - the confirmation is posted to `/sms-campaign/send` in an English sample, to `/sms-campaign-on-list/send` in the heading
//!   and the French one: the latter is what we use;
//! - the page calls the last step "deleting" and its path `cancel`; status and cancel have no path of their own for tags.
//!
//! Not here: whom a list holds; the provider fills in the placeholders.

use bytes::Bytes;
use volley_model::{Amount, Answer, Audience, Evidence, Refusal};

use super::codes::{Class, known};
use super::encode::push_message;
use super::reply;
use super::wire::refusal;
use super::{Kind, Message, MessageError};
use crate::json_string::push_json_string;
use crate::presentable;
use crate::{Reply, Said};

/// The code that says that a campaign was sent already.
pub const ALREADY_SENT: u32 = 132;
/// Codes that, answering an order, speak of one that was given: repeated (120, 133), awaiting approval (126), being
/// processed (127). By whom is not known, so that they prove nothing of ours.
const ORDERED: [u32; 4] = [120, 126, 127, 133];

/// What a campaign on a list or tag sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// An SMS.
    Sms(Kind),
    /// The text, spoken.
    Vocal,
}

impl ListKind {
    /// All of them.
    pub const ALL: [Self; 3] = [
        Self::Sms(Kind::SmsPremium),
        Self::Sms(Kind::SmsLowCost),
        Self::Vocal,
    ];

    /// The name on the wire and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms(kind) => kind.name(),
            Self::Vocal => "sms_vocal",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A campaign to be made. The message's own kind counts for [`ListKind::Sms`] only, and its simulation is not sent: no page
/// on lists knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListCampaignDraft {
    /// Whom it goes to.
    pub audience: Audience,
    /// What it sends.
    pub kind: ListKind,
    /// What is said, by whom and when.
    pub message: Message,
}

/// Why a campaign on a list cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListCampaignError {
    /// The message itself.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// No name.
    #[error("the name of the list or tag is empty")]
    NoAudience,
    /// `{first_name|there}`.
    #[error(
        "a placeholder has a default, and only Volley could fill it in: the contacts of a list are the provider's; write \
         {{first_name}} alone"
    )]
    Default,
    /// A voice sender with something else than digits.
    #[error("the sender of a voice campaign must have 3 to 11 digits")]
    VocalSender,
}

impl ListCampaignDraft {
    /// Checks what the fields' types cannot. `text` is the text as it was typed.
    ///
    /// # Errors
    /// [`ListCampaignError`].
    pub fn check(&self, text: &str) -> Result<(), ListCampaignError> {
        self.message.check()?;
        if self.audience.name().trim().is_empty() {
            return Err(ListCampaignError::NoAudience);
        }
        if self.message.template.wire() != text {
            return Err(ListCampaignError::Default);
        }
        let digits = |sender: &str| sender.bytes().all(|byte| byte.is_ascii_digit());
        if self.kind == ListKind::Vocal && !digits(self.message.sender.as_str()) {
            return Err(ListCampaignError::VocalSender);
        }
        Ok(())
    }

    /// The body of `create`.
    pub fn body(&self) -> Bytes {
        let mut body = b"{".to_vec();
        push_json_string(
            &mut body,
            match self.audience {
                Audience::List(_) => "list_name",
                Audience::Tag(_) => "tag_name",
            },
        );
        body.push(b':');
        push_json_string(&mut body, self.audience.name());
        let message = Message {
            simulation_mode: false,
            ..self.message.clone()
        };
        push_message(&mut body, &message, self.kind.name());
        body.push(b'}');
        body.into()
    }

    /// Whether this is premium marketing without a STOP mention: refused with code 121 if the list holds French numbers.
    pub fn lacks_stop_mention(&self) -> bool {
        self.kind == ListKind::Sms(Kind::SmsPremium) && self.message.lacks_stop_mention()
    }
}

/// How far a draft is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The provider still counts its contacts.
    Computing,
    /// It may be sent.
    Ready,
    /// It failed: nobody was reached.
    Failed,
    /// A state that no page names: shown as it is, and taken for none of the others.
    Other(String),
}

impl Progress {
    /// The state in every spelling of the pages.
    fn spelled(text: &str) -> Self {
        let words = text.trim().to_ascii_lowercase().replace(['_', '-'], " ");
        match words.as_str() {
            "calculating" | "under computation" => Self::Computing,
            "ready to send" | "ready to be sent" | "ready to be send" => Self::Ready,
            "failed" => Self::Failed,
            _ => Self::Other(presentable(text)),
        }
    }

    /// The state in one word, or the provider's own.
    pub fn name(&self) -> &str {
        match self {
            Self::Computing => "computing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Other(text) => text,
        }
    }
}

/// What the provider says of a draft.
#[derive(Debug, Clone)]
pub struct ListStatus {
    /// How far it is.
    pub progress: Progress,
    /// How many contacts it reaches.
    pub contacts: Option<u64>,
    /// What it will cost.
    pub cost: Option<Amount>,
    /// All that was said.
    pub said: Said,
}

/// What came of asking for a draft's status.
#[derive(Debug, Clone)]
pub enum StatusReply {
    /// Its status; a 400 stands for computing.
    Status(ListStatus),
    /// It was sent already (code 132).
    AlreadySent(Refusal),
    /// Anything else; never [`Reply::Done`] with a readable status.
    Other(Reply),
}

impl StatusReply {
    /// What the evidence says. A 400 is "as long as the campaign is not ready" (status-sms-campaign-list), unless its code
    /// says something that waiting does not mend.
    pub(super) fn of(evidence: &Evidence) -> Self {
        if let Evidence::Answered(answer) = evidence
            && answer.status == 400
        {
            return Self::of_bad_request(answer, evidence);
        }
        match reply::reply_of(evidence) {
            Reply::Refused(refusal) if refusal.code == Some(ALREADY_SENT) => Self::AlreadySent(refusal),
            Reply::Done(said) => match ListStatus::of(said) {
                Ok(status) => Self::Status(status),
                Err(said) => Self::Other(Reply::Done(said)),
            },
            other => Self::Other(other),
        }
    }

    fn of_bad_request(answer: &Answer, evidence: &Evidence) -> Self {
        let refusal = refusal(answer);
        match refusal.code.and_then(known).map(|code| code.class) {
            _ if refusal.code == Some(ALREADY_SENT) => Self::AlreadySent(refusal),
            None | Some(Class::Later) => Self::Status(ListStatus {
                progress: Progress::Computing,
                contacts: None,
                cost: None,
                said: Said::of(evidence),
            }),
            Some(_) => Self::Other(reply::reply_of(evidence)),
        }
    }
}

impl ListStatus {
    /// A success without a status is none.
    fn of(said: Said) -> Result<Self, Said> {
        let Some(progress) = said.text("status").map(|text| Progress::spelled(&text)) else {
            return Err(said);
        };
        let member = |names: [&str; 2]| names.into_iter().find_map(|name| said.json(name));
        Ok(Self {
            progress,
            contacts: member(["number_of_contacts", "contacts"]).and_then(|json| json.parse().ok()),
            cost: member(["cost", "total_cost"]).and_then(|json| json.parse().ok()),
            said,
        })
    }
}

/// What came of telling a draft to send.
#[derive(Debug, Clone)]
pub enum SendReply {
    /// It is sent, now or at its date.
    Sent {
        /// When, as the provider writes it.
        sending_date: String,
        /// All that was said.
        said: Said,
    },
    /// It was sent before this (code 132).
    AlreadySent(Refusal),
    /// Definitely not sent; never [`Reply::Done`] and never [`Reply::Unknown`].
    NotSent(Reply),
    /// Whether it was sent is not known.
    InDoubt {
        /// What happened.
        reason: String,
    },
}

impl SendReply {
    /// What the evidence says. An order that was taken has a date; whatever else a success says is no proof.
    pub(super) fn of(evidence: &Evidence) -> Self {
        let in_doubt = |reason: String| Self::InDoubt { reason };
        match reply::reply_of(evidence) {
            Reply::Done(said) => match said.text("sending_date") {
                Some(date) => Self::Sent {
                    sending_date: presentable(&date),
                    said,
                },
                None => in_doubt(format!("{}, without a readable date", evidence.summary())),
            },
            Reply::Unknown { reason } => in_doubt(reason),
            Reply::Refused(refusal) if refusal.code == Some(ALREADY_SENT) => Self::AlreadySent(refusal),
            not_sent => match refused_code(evidence).filter(|code| ORDERED.contains(code)) {
                Some(_) => in_doubt(format!("{}, of an order that was given", evidence.summary())),
                None => Self::NotSent(not_sent),
            },
        }
    }
}

/// The code of an answer in which one counts.
fn refused_code(evidence: &Evidence) -> Option<u32> {
    match evidence {
        Evidence::Answered(answer) if matches!(answer.status, 400 | 409 | 422) => refusal(answer).code,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octopush::{Purpose, SendAt, Sender};
    use volley_model::{AnswerBody, Lost, Template};

    fn draft(kind: ListKind, text: &str, sender: &str) -> ListCampaignDraft {
        ListCampaignDraft {
            audience: Audience::List("my_list".to_owned()),
            kind,
            message: Message {
                template: Template::parse(text).unwrap(),
                kind: Kind::SmsPremium,
                purpose: Purpose::Wholesale,
                sender: Sender::new(sender).unwrap(),
                send_at: None,
                with_replies: false,
                simulation_mode: true,
                auto_optimize_text: true,
                auto_remove_blacklisted_numbers: false,
            },
        }
    }

    #[test]
    fn the_page_s_example_is_what_is_sent() {
        let text = "This is a Premium SMS with STOP. STOP at 30101";
        let mut campaign = draft(ListKind::Sms(Kind::SmsPremium), text, "Company X");
        assert_eq!(campaign.check(text), Ok(()));
        assert_eq!(
            campaign.body(),
            r#"{"list_name":"my_list","text":"This is a Premium SMS with STOP. STOP at 30101","type":"sms_premium","purpose":"wholesale","sender":"Company X"}"#
        );
        campaign.audience = Audience::Tag("vip".to_owned());
        campaign.kind = ListKind::Vocal;
        campaign.message.send_at = Some(SendAt::parse("2026-12-01T09:00:00+01:00").unwrap());
        campaign.message.with_replies = true;
        let body = campaign.body();
        assert!(body.starts_with(br#"{"tag_name":"vip","#), "{body:?}");
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.contains(r#""type":"sms_vocal""#), "{body}");
        assert!(
            body.ends_with(r#""send_at":"2026-12-01T09:00:00+01:00","with_replies":true}"#),
            "{body}"
        );
    }

    #[test]
    fn what_only_volley_could_fill_in_and_a_voice_sender_of_letters_are_refused() {
        let check = |kind, text: &str, sender: &str, expected| {
            assert_eq!(draft(kind, text, sender).check(text), expected, "{text} {sender}");
        };
        let premium = ListKind::Sms(Kind::SmsPremium);
        check(premium, "Hello {first_name}", "Acme", Ok(()));
        check(
            premium,
            "Hello {first_name|there}",
            "Acme",
            Err(ListCampaignError::Default),
        );
        check(ListKind::Vocal, "Hello", "12345", Ok(()));
        check(
            ListKind::Vocal,
            "Hello",
            "Acme",
            Err(ListCampaignError::VocalSender),
        );
        let mut nobody = draft(premium, "Hello", "Acme");
        nobody.audience = Audience::Tag(" ".to_owned());
        assert_eq!(nobody.check("Hello"), Err(ListCampaignError::NoAudience));
    }

    fn answered(status: u16, body: &str) -> Evidence {
        Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        })
    }

    #[test]
    fn the_states_are_read_in_every_spelling() {
        for (spelling, progress) in [
            ("calculating", Progress::Computing),
            ("under_computation", Progress::Computing),
            ("ready to send", Progress::Ready),
            ("ready_to_be_sent", Progress::Ready),
            ("Ready_To_Be_Send", Progress::Ready),
            ("failed", Progress::Failed),
            ("sent", Progress::Other("sent".to_owned())),
            ("ready", Progress::Other("ready".to_owned())),
        ] {
            let body = format!(r#"{{"number_of_contacts":20,"cost":2.58,"status":"{spelling}"}}"#);
            let StatusReply::Status(status) = StatusReply::of(&answered(200, &body)) else {
                panic!("{spelling}");
            };
            assert_eq!(status.progress, progress, "{spelling}");
            assert_eq!(
                (status.contacts, status.cost),
                (Some(20), Some("2.58".parse().unwrap()))
            );
        }
    }

    #[test]
    fn a_400_is_computing_unless_its_code_says_otherwise() {
        let status = |status: u16, body: &str| StatusReply::of(&answered(status, body));
        for body in [
            "",
            "<html>",
            r#"{"message":"not ready"}"#,
            r#"{"code":129}"#,
            r#"{"code":9999}"#,
        ] {
            let StatusReply::Status(status) = status(400, body) else {
                panic!("{body}");
            };
            assert_eq!(status.progress, Progress::Computing, "{body}");
        }
        for code in [400, 409, 422] {
            let already = status(code, r#"{"code":132}"#);
            assert!(matches!(already, StatusReply::AlreadySent(_)), "{code}");
        }
        assert!(matches!(
            status(400, r#"{"code":131}"#),
            StatusReply::Other(Reply::Refused(_))
        ));
        assert!(matches!(
            status(400, r#"{"code":101}"#),
            StatusReply::Other(Reply::Account(_))
        ));
        assert!(matches!(status(404, ""), StatusReply::Other(Reply::Refused(_))));
        assert!(matches!(
            status(200, r#"{"cost":1}"#),
            StatusReply::Other(Reply::Done(_))
        ));
        assert!(matches!(
            status(503, ""),
            StatusReply::Other(Reply::Unknown { .. })
        ));
    }

    #[test]
    fn only_proof_says_that_a_campaign_was_sent_or_not() {
        let sent = |status: u16, body: &str| SendReply::of(&answered(status, body));
        let SendReply::Sent { sending_date, .. } =
            sent(200, r#"{"sending_date":"2021-06-01T12:00:00+03:00"}"#)
        else {
            panic!("it is a success");
        };
        assert_eq!(sending_date, "2021-06-01T12:00:00+03:00");
        assert!(matches!(sent(400, r#"{"code":132}"#), SendReply::AlreadySent(_)));
        assert!(matches!(
            sent(400, r#"{"code":131}"#),
            SendReply::NotSent(Reply::Refused(_))
        ));
        assert!(matches!(
            sent(400, r#"{"code":129}"#),
            SendReply::NotSent(Reply::Later { .. })
        ));
        assert!(matches!(sent(401, ""), SendReply::NotSent(Reply::Account(_))));
        for (status, body) in [
            (200, "cut off"),
            (200, "{}"),
            (200, r#"{"code":131}"#),
            (204, ""),
            (400, r#"{"code":120}"#),
            (400, r#"{"code":126}"#),
            (409, r#"{"code":127}"#),
            (422, r#"{"code":133}"#),
            (400, ""),
            (408, ""),
            (500, "{}"),
            (502, r#"{"code":131}"#),
            (302, ""),
        ] {
            assert!(
                matches!(sent(status, body), SendReply::InDoubt { .. }),
                "{status} {body}"
            );
        }
        let lost = SendReply::of(&Evidence::Lost(Lost::Timeout));
        assert!(matches!(lost, SendReply::InDoubt { .. }));
    }
}
