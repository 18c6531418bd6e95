//! Octopush: SMS by `POST /sms-campaign/send`, up to 500 recipients a request; campaigns on lists and tags that it keeps;
//! the account's configuration and balance.
//!
//! Sources: the pages "Schedule SMS sending" and "Transactional SMS" (dev.octopush.com, sms-gateway-api-documentation)
//! for the request, its fields and both shapes of success; "Send SMS to contacts (on-list/on-tag)" and the pages around it
//! (see `list_campaign`); "Modify configuration" (see `parameters`); "cancel-sms"; "wallet/check-balance" for the free
//! request.
//! Not here: connections, pace, retries (transport), states of batches (ledger).

mod message;

mod draft;
mod encode;
mod request;
mod seal;

mod codes;
mod judge;
mod reply;
mod wire;

mod list_campaign;
mod parameters;

use std::borrow::Cow;
use std::fmt;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};
use volley_model::{Amount, Answer, AnswerBody, Currency, Evidence, Verdict};

pub use crate::{Reply, Said};
pub use codes::{Class, Code, answered, codes, explain};
pub use encode::Encoder;
pub use judge::{DUPLICATE_CODES_DEFAULT, JudgeContext, judge};
pub use list_campaign::{
    ALREADY_SENT, ListCampaignDraft, ListCampaignError, ListKind, ListStatus, Progress, SendReply,
    StatusReply,
};
pub use message::{Kind, Message, MessageError, Purpose, SendAt, Sender};
pub use parameters::{PARAMETER_FIELDS, PARAMETER_GROUPS, ParameterError, ParameterField, Parameters, Rule};
pub use seal::Sealer;
pub use wire::is_ticket;

use crate::credentials::sensitive;
use crate::{CredentialsError, OctopushCredentials};

/// The base URL unless the campaign file says otherwise.
pub const BASE_URL_DEFAULT: &str = "https://api.octopush.com/v1/public";
/// The most recipients of one request (the pages on sending and on voice SMS).
pub const RECIPIENTS_MAX: usize = 500;

/// What Octopush bills in. Its answers name no currency; "Schedule SMS sending" has prices in euros.
pub const CURRENCY: Currency = Currency::EUR;

const API_LOGIN: HeaderName = HeaderName::from_static("api-login");
const API_KEY: HeaderName = HeaderName::from_static("api-key");

/// Builds the requests of one account. The URIs are paths below the base URL, which is the transport's matter.
#[derive(Clone)]
pub struct Octopush {
    headers: HeaderMap,
    credentials: OctopushCredentials,
}

impl Octopush {
    /// Prepares everything that is the same in each request.
    ///
    /// # Errors
    /// The credentials fit into no header; no message shows one.
    pub fn new(credentials: &OctopushCredentials) -> Result<Self, CredentialsError> {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(API_LOGIN, sensitive("api-login", &credentials.login)?);
        headers.insert(API_KEY, sensitive("api-key", credentials.key.expose())?);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(Self {
            headers,
            credentials: credentials.clone(),
        })
    }

    /// Judges one attempt of this account's.
    pub fn judge(&self, evidence: &Evidence, context: &JudgeContext<'_>) -> Verdict {
        judge(&self.redacted(evidence), context)
    }

    /// What came of a request that is no batch.
    pub fn reply(&self, evidence: &Evidence) -> Reply {
        reply::reply_of(&self.redacted(evidence))
    }

    /// What came of a cancellation.
    pub fn cancellation_reply(&self, evidence: &Evidence) -> Reply {
        reply::cancellation_of(&self.redacted(evidence))
    }

    /// The credit that an answer to [`balance_request`](Self::balance_request) tells; `None` where it is not in euros.
    pub fn credit(&self, answer: &Answer) -> Option<Amount> {
        let said = Said::of(&Evidence::Answered(answer.clone()));
        let in_euros = said.text("unit").as_deref() == Some("euro");
        in_euros.then(|| said.json("amount")?.parse().ok())?
    }

    /// What came of asking for a draft's status.
    pub fn status_reply(&self, evidence: &Evidence) -> StatusReply {
        StatusReply::of(&self.redacted(evidence))
    }

    /// What came of telling a draft to send.
    pub fn send_reply(&self, evidence: &Evidence) -> SendReply {
        SendReply::of(&self.redacted(evidence))
    }

    /// The evidence as it may be told: a provider that repeats our credentials is not repeated.
    fn redacted<'a>(&self, evidence: &'a Evidence) -> Cow<'a, Evidence> {
        if let Evidence::Answered(answer) = evidence
            && let AnswerBody::Whole(body) = &answer.body
            && let Some(body) = self.credentials.redacted(body)
        {
            return Cow::Owned(Evidence::Answered(Answer {
                body: AnswerBody::Whole(body),
                ..answer.clone()
            }));
        }
        Cow::Borrowed(evidence)
    }
}

impl fmt::Debug for Octopush {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Octopush([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use bytes::Bytes;

    fn octopush() -> Octopush {
        let credentials = OctopushCredentials {
            login: "planted@example.org".to_owned(),
            key: Secret::new("planted-key"),
        };
        Octopush::new(&credentials).unwrap()
    }

    #[test]
    fn nothing_printed_shows_a_credential() {
        let octopush = octopush();
        let printed = format!("{octopush:?} {:?}", octopush.send_request(Bytes::new()));
        assert!(!printed.contains("planted"), "{printed}");
    }

    #[test]
    fn an_answer_that_repeats_our_credentials_is_not_repeated() {
        let body = br#"{"code":106,"message":"planted@example.org may not, nor planted-key"}"#;
        let evidence = Evidence::Answered(Answer {
            status: 400,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(Bytes::from_static(body)),
        });
        let context = JudgeContext {
            duplicate_codes: &[],
            doubted: false,
            simulated: false,
        };
        let Verdict::Refused(refusal) = octopush().judge(&evidence, &context) else {
            panic!("it is a refusal");
        };
        assert_eq!(refusal.message, "[redacted] may not, nor [redacted]");
        assert_eq!(refusal.code, Some(106));
    }

    #[test]
    fn a_short_credential_does_not_spoil_the_answers_it_happens_to_occur_in() {
        let credentials = OctopushCredentials {
            login: "a@b".to_owned(),
            key: Secret::new("k"),
        };
        let evidence = Evidence::Answered(Answer {
            status: 201,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(Bytes::from_static(br#"{"sms_ticket":"sms_1"}"#)),
        });
        let context = JudgeContext {
            duplicate_codes: &[],
            doubted: false,
            simulated: false,
        };
        let verdict = Octopush::new(&credentials).unwrap().judge(&evidence, &context);
        assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
    }

    #[test]
    fn credentials_that_fit_no_header_are_an_error_that_does_not_show_them() {
        let credentials = OctopushCredentials {
            login: "a@b".to_owned(),
            key: Secret::new("planted\n"),
        };
        let error = Octopush::new(&credentials).unwrap_err();
        assert_eq!(error, CredentialsError::Unsendable { header: "api-key" });
        assert!(!format!("{error} {error:?}").contains("planted"));
    }
}
