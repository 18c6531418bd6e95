//! Octopush: SMS by `POST /sms-campaign/send`, up to 500 recipients a request.
//!
//! Sources: the pages "Schedule SMS sending" and "Transactional SMS" (dev.octopush.com, sms-gateway-api-documentation)
//! for the request, its fields and both shapes of success; "wallet/check-balance" for the free request.
//! Not here: connections, pace, retries (transport), states of batches (ledger).

mod message;

mod encode;
mod seal;

mod codes;
mod judge;
mod wire;

use std::fmt;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use volley_model::{Answer, AnswerBody, Currency, Evidence, Verdict};

pub use codes::explain;
pub use encode::Encoder;
pub use judge::{DUPLICATE_CODES_DEFAULT, JudgeContext, judge};
pub use message::{Kind, Message, MessageError, Purpose, SendAt, Sender};
pub use seal::Sealer;

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

/// Where a batch is sent to, below the base URL.
const SEND: &str = "/sms-campaign/send";
/// What shows, for free, whether the provider answers.
const BALANCE: &str = "/wallet/check-balance";

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

    /// The request that sends a sealed body. Printing the request would print the numbers in its body.
    pub fn send_request(&self, body: Bytes) -> Request<Bytes> {
        let mut request = self.request(Method::POST, SEND, body);
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    /// A request that costs nothing and changes nothing: it shows whether the provider answers.
    pub fn balance_request(&self) -> Request<Bytes> {
        self.request(Method::GET, BALANCE, Bytes::new())
    }

    /// Judges one attempt of this account's. A provider that repeats our credentials is not repeated.
    pub fn judge(&self, evidence: &Evidence, context: &JudgeContext<'_>) -> Verdict {
        if let Evidence::Answered(answer) = evidence
            && let AnswerBody::Whole(body) = &answer.body
            && let Some(body) = self.credentials.redacted(body)
        {
            let body = AnswerBody::Whole(body);
            return judge(
                &Evidence::Answered(Answer {
                    body,
                    ..answer.clone()
                }),
                context,
            );
        }
        judge(evidence, context)
    }

    fn request(&self, method: Method, path: &'static str, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from_static(path);
        *request.headers_mut() = self.headers.clone();
        request
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

    fn octopush() -> Octopush {
        let credentials = OctopushCredentials {
            login: "planted@example.org".to_owned(),
            key: Secret::new("planted-key"),
        };
        Octopush::new(&credentials).unwrap()
    }

    #[test]
    fn a_send_is_a_post_of_the_body_with_the_headers_of_the_page() {
        let request = octopush().send_request(Bytes::from_static(b"{}"));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/sms-campaign/send");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.headers()["api-login"], "planted@example.org");
        assert_eq!(request.headers()["api-key"], "planted-key");
        assert_eq!(request.headers()["cache-control"], "no-cache");
        assert_eq!(request.body(), "{}");
    }

    #[test]
    fn the_free_request_is_a_get_without_a_body() {
        let request = octopush().balance_request();
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri().path(), "/wallet/check-balance");
        assert!(request.body().is_empty());
        assert!(request.headers().contains_key("api-key"));
        assert!(!request.headers().contains_key("content-type"));
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
