//! Exotel: voice campaigns by `POST /v2/accounts/<sid>/campaigns`, up to 5000 numbers a request; the update of a campaign, its
//! calls and what they cost.
//!
//! Sources: "create campaign" for the request; "update campaign details" for the parameters; "bulk campaign details" for the
//! listing; "call details bulk" for prices; "How does the Campaigns API work" for a number that is refused.
//! Two providers, the same file names and the same shape as Octopush's. What differs: there is no idempotency key (see `seal`
//! and `listing`), a refusal may be for one number (`named`), and an answer has no cost (`calls`).
//! Not here: connections, pace, retries (transport), states of batches (ledger).

mod message;

mod encode;
mod request;
mod seal;

mod codes;
mod judge;
mod named;
mod reply;
mod wire;

mod listing;

mod calls;
mod update;

use std::borrow::Cow;
use std::fmt;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use volley_model::{Answer, AnswerBody, Currency, Evidence, Verdict};

pub use crate::{Reply, Said};
pub use calls::{Call, CallPrice, CallStatus, Calls, CallsPage, PriceSum, Prices, price_sum};
pub use codes::{Class, Code, codes, explain};
pub use encode::Encoder;
pub use judge::{JudgeContext, judge};
pub use listing::{CampaignState, Found, Listed, Listing, ListingPage, Lookup, LookupStep, kept};
pub use message::{
    CallerId, Mechanism, MessageError, OnStatus, RETRIES_MAX, Retries, RetryStatus, Schedule, TYPE,
    VoiceMessage, WebUrl,
};
pub use named::named_member;
pub use request::{CALLS_PAGE_MAX, CampaignFilter, LISTING_PAGE_MAX, SIDS_MAX, SortBy};
pub use seal::{NAME_HEAD, Sealer};
pub use update::{
    Action, CAMPAIGN_FIELDS, CampaignField, CampaignParameters, LISTS_MAX, ParameterError, ParametersError,
    Rule, When,
};
pub use wire::is_ticket;

use crate::{CredentialsError, ExotelCredentials};

/// The base URL unless the campaign file says otherwise: the Singapore cluster ("create campaign").
pub const BASE_URL_DEFAULT: &str = "https://api.exotel.com";
/// The most numbers of one campaign ("create campaign").
pub const RECIPIENTS_MAX: usize = 5000;

/// Calls a minute that an account dials, retries among them, unless its manager raised it ("campaign throttle").
pub const CALLS_PER_MINUTE: u64 = 60;

/// The currency of amounts whose currency Exotel does not name: XXX, which ISO 4217 keeps for "no currency". The account's own
/// is the campaign file's to say.
pub fn currency_open() -> Currency {
    "XXX".parse().expect("three capital letters")
}

/// Whether a text can be an account's sid: one part of a path that needs no encoding. The pages' samples have letters,
/// digits and hyphens.
pub fn is_account_sid(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// Builds the requests of one account. The URIs are paths below the base URL, which is the transport's matter.
#[derive(Clone)]
pub struct Exotel {
    headers: HeaderMap,
    credentials: ExotelCredentials,
    account_sid: String,
    /// `/v2/accounts/<sid>/campaigns`.
    campaigns: String,
}

impl Exotel {
    /// Prepares everything that is the same in each request.
    ///
    /// # Errors
    /// The credentials fit into no header, or the account sid into no path; no message shows a credential.
    pub fn new(credentials: &ExotelCredentials, account_sid: &str) -> Result<Self, CredentialsError> {
        if !is_account_sid(account_sid) {
            return Err(CredentialsError::AccountSid);
        }
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(AUTHORIZATION, credentials.basic()?);
        Ok(Self {
            headers,
            credentials: credentials.clone(),
            account_sid: account_sid.to_owned(),
            campaigns: format!("/v2/accounts/{account_sid}/campaigns"),
        })
    }

    /// The account's name in the ledger: its sid.
    pub fn account(&self) -> &str {
        &self.account_sid
    }

    /// Judges one attempt of this account's.
    pub fn judge(&self, evidence: &Evidence, context: &JudgeContext<'_>) -> Verdict {
        judge(&self.redacted(evidence), context)
    }

    /// What came of a request that is no batch.
    pub fn reply(&self, evidence: &Evidence) -> Reply {
        reply::reply_of(&self.redacted(evidence))
    }

    /// What came of asking for a page of campaigns.
    pub fn listing(&self, evidence: &Evidence) -> Listing {
        Listing::of(&self.redacted(evidence))
    }

    /// What came of asking for a page of a campaign's calls.
    pub fn calls(&self, evidence: &Evidence) -> Calls {
        Calls::of(&self.redacted(evidence))
    }

    /// What came of asking for the prices of calls.
    pub fn prices(&self, evidence: &Evidence) -> Prices {
        Prices::of(&self.redacted(evidence))
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

impl fmt::Debug for Exotel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Exotel({}, [redacted])", self.account_sid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use bytes::Bytes;

    fn exotel(key: &str, token: &str) -> Result<Exotel, CredentialsError> {
        let credentials = ExotelCredentials {
            key: Secret::new(key),
            token: Secret::new(token),
        };
        Exotel::new(&credentials, "acme1")
    }

    fn answered(status: u16, body: String) -> Evidence {
        Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(Bytes::from(body)),
        })
    }

    #[test]
    fn nothing_printed_shows_a_credential() {
        let exotel = exotel("planted-key", "planted-token").unwrap();
        let request = exotel.create_request(Bytes::new());
        let printed = format!("{exotel:?} {request:?}");
        assert!(
            !printed.contains("planted") && !printed.contains("Basic"),
            "{printed}"
        );
    }

    #[test]
    fn an_answer_that_repeats_our_credentials_is_not_repeated() {
        let exotel = exotel("planted-key", "planted-token").unwrap();
        let basic = exotel.headers[AUTHORIZATION].to_str().unwrap().to_owned();
        let text = format!("planted-key may not, nor planted-token, nor {basic}");
        let body =
            format!(r#"{{"response":[{{"code":400,"error_data":{{"code":1002,"description":"{text}"}}}}]}}"#);
        let Verdict::Refused(refusal) = exotel.judge(&answered(400, body.clone()), &JudgeContext::default())
        else {
            panic!("it is a refusal");
        };
        assert_eq!(
            refusal.message,
            "[redacted] may not, nor [redacted], nor Basic [redacted]"
        );
        assert_eq!(refusal.code, Some(1002));
        let said = serde_json::to_string(&match exotel.reply(&answered(200, body.replace("400", "200"))) {
            Reply::Done(said) => said,
            other => panic!("{other:?}"),
        });
        assert!(!said.unwrap().contains("planted"));
    }

    #[test]
    fn a_short_credential_does_not_spoil_the_answers_it_happens_to_occur_in() {
        let body = r#"{"response":[{"data":{"id":"c1"}}]}"#.to_owned();
        let verdict = exotel("id", "c1")
            .unwrap()
            .judge(&answered(200, body), &JudgeContext::default());
        assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
    }

    #[test]
    fn credentials_that_fit_no_header_are_an_error_that_does_not_show_them() {
        let error = exotel("planted\n", "token").unwrap_err();
        assert!(matches!(error, CredentialsError::Unsendable { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("planted"));
    }

    #[test]
    fn an_account_sid_is_one_part_of_a_path() {
        for sid in ["acme1", "Acme-Corp_2", &"x".repeat(64)] {
            assert!(is_account_sid(sid), "{sid}");
        }
        for sid in ["", ".", "..", "a/b", "a b", "a?b", "acmé", &"x".repeat(65)] {
            assert!(!is_account_sid(sid), "{sid}");
            let credentials = ExotelCredentials {
                key: Secret::new("key"),
                token: Secret::new("token"),
            };
            assert_eq!(
                Exotel::new(&credentials, sid).unwrap_err(),
                CredentialsError::AccountSid
            );
        }
    }

    #[test]
    fn amounts_without_a_currency_say_so() {
        assert_eq!(currency_open().code(), "XXX");
    }
}
