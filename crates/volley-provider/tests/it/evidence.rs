//! What both providers' `judge` is given, and what comes of it in one word.

use std::time::Duration;

use volley_model::{Answer, AnswerBody, Evidence, Verdict};

/// An answer that asks to wait for seven seconds.
pub(crate) fn answered(status: u16, body: AnswerBody) -> Evidence {
    Evidence::Answered(Answer {
        status,
        retry_after: Some(Duration::from_secs(7)),
        date: None,
        body,
    })
}

pub(crate) fn whole(status: u16, body: &str) -> Evidence {
    answered(status, AnswerBody::Whole(body.to_owned().into()))
}

/// A verdict in one word, with all that is not text.
pub(crate) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Unticketed { .. } => "unticketed",
        Verdict::Refused(_) => "refused",
        Verdict::RefusedFor { .. } => "refused for one",
        Verdict::Account(_) => "account",
        Verdict::Unsent { hopeless: false, .. } => "unsent",
        Verdict::Unsent { hopeless: true, .. } => "unsent, hopeless",
        Verdict::NotProcessed {
            cools_all: false,
            after: None,
            ..
        } => "not processed",
        Verdict::NotProcessed {
            cools_all: false,
            after: Some(_),
            ..
        } => "not processed, after",
        Verdict::NotProcessed {
            cools_all: true,
            after: None,
            ..
        } => "cool",
        Verdict::NotProcessed {
            cools_all: true,
            after: Some(_),
            ..
        } => "cool, after",
        Verdict::InDoubt { stops: false, .. } => "in doubt",
        Verdict::InDoubt { stops: true, .. } => "in doubt, stop",
    }
}
