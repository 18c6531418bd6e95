//! The wire shape of a fault script, and which rules can be carried out.

use http::{HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

use super::Sight;

/// Why a rule was refused.
#[derive(Debug, thiserror::Error)]
#[error("rule {index}: {reason}")]
pub struct RuleError {
    /// Its place in the script, from 0.
    pub index: usize,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

/// Rules, tried in order at each fault point of each provider request.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultScript {
    /// Seed of the probabilities; absent: the mock's own.
    pub seed: Option<u64>,
    /// The rules.
    pub rules: Vec<FaultRule>,
}

/// One fault: where, what, and which requests it meets. All conditions given must hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The point, relative to the commit.
    pub at: At,
    /// What happens there.
    #[serde(rename = "do")]
    pub deed: Deed,
    /// Of `status`, `garbage`, and of an answer that `truncate` or `trickle` make up before the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `delay`: how long. `trickle`: between two bytes. `truncate`: between the half sent and the cut.
    #[serde(default)]
    pub ms: u64,
    /// From 0 to 1; 1 if absent.
    #[serde(default = "certain")]
    pub probability: f64,
    /// Only the n-th provider request, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// Only requests whose body contains this number; not `before_read`, where the body is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Only requests of this method, in capital letters: at Exotel a look and a send have one path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only requests whose path contains this, the query being part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// At most so often; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// `status`: the `Retry-After` header, sent as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// `status`, `garbage`: the body, sent as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// `status` without a body: the `code` in the JSON; absent: the status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

fn certain() -> f64 {
    1.0
}

/// A point on a request's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// The head has arrived, the body is unread: nothing is committed.
    BeforeRead,
    /// The body is read: nothing is committed.
    AfterRead,
    /// The route has decided, and what it accepted is committed; the answer is unsent.
    AfterCommit,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// The connection ends with a FIN, this and all its open requests unanswered.
    Drop,
    /// The same with a RST.
    Reset,
    /// The stream is reset with `REFUSED_STREAM`. HTTP/2 requests only; HTTP/1.1 requests do not match.
    RefuseStream,
    /// GOAWAY that owns all open streams (HTTP/1.1: `Connection: close`); the request goes on.
    Goaway,
    /// Answers with `status`.
    Status,
    /// Half of the answer's body, then the stream (HTTP/1.1: the connection) breaks off.
    Truncate,
    /// A success whose body is no JSON.
    Garbage,
    /// Waits `ms`; the request goes on.
    Delay,
    /// The answer's body byte by byte, `ms` apart.
    Trickle,
}

impl FaultRule {
    /// A rule that always hits at this point.
    pub fn new(at: At, deed: Deed) -> Self {
        Self {
            at,
            deed,
            status: None,
            ms: 0,
            probability: 1.0,
            request: None,
            number: None,
            method: None,
            path: None,
            times: None,
            retry_after: None,
            body: None,
            code: None,
        }
    }

    /// Refuses what cannot be done as it is written.
    pub(super) fn check(&self, index: usize) -> Result<(), RuleError> {
        let wrong = |reason: &str| {
            Err(RuleError {
                index,
                reason: reason.to_owned(),
            })
        };
        if !(0.0..=1.0).contains(&self.probability) {
            return wrong("`probability` must be from 0 to 1");
        }
        if self.at == At::BeforeRead && self.number.is_some() {
            return wrong("`number` is not known before the body is read; use \"at\":\"after_read\"");
        }
        if self.at == At::AfterCommit && self.deed == Deed::RefuseStream {
            return wrong("REFUSED_STREAM promises that nothing was done; it cannot follow the commit");
        }
        if self.deed == Deed::Status && self.status.is_none() {
            return wrong("`status` is missing");
        }
        if self
            .status
            .is_some_and(|status| status < 200 || StatusCode::from_u16(status).is_err())
        {
            return wrong("`status` must be from 200 to 999");
        }
        if self
            .retry_after
            .as_ref()
            .is_some_and(|text| HeaderValue::from_str(text).is_err())
        {
            return wrong("`retry_after` cannot be sent as a header");
        }
        Ok(())
    }

    /// Whether the conditions hold, but for the dice.
    pub(super) fn matches(&self, sight: &Sight<'_>, hits: u64) -> bool {
        self.at == sight.at
            && self.times.is_none_or(|times| hits < times)
            && self.request.is_none_or(|nth| nth == sight.nth)
            && (self.deed != Deed::RefuseStream || sight.http2)
            && self
                .method
                .as_ref()
                .is_none_or(|method| sight.method.as_str() == method)
            && self.path.as_ref().is_none_or(|path| sight.path.contains(path))
            && self
                .number
                .as_ref()
                .is_none_or(|number| mentions(sight.body, number.as_bytes()))
    }
}

/// Whether the body holds the number whole: a longer one that begins with it is another.
fn mentions(body: &[u8], number: &[u8]) -> bool {
    let whole = |place: usize| !body.get(place + number.len()).is_some_and(u8::is_ascii_digit);
    body.windows(number.len().max(1))
        .enumerate()
        .any(|(place, bytes)| bytes == number && whole(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_cannot_be_carried_out_are_refused() {
        let check = |rule: &str, good: bool| {
            let parsed = serde_json::from_str::<FaultRule>(rule);
            let taken = parsed.is_ok_and(|rule| rule.check(0).is_ok());
            assert_eq!(taken, good, "{rule}");
        };
        check(r#"{"at":"before_read","do":"drop"}"#, true);
        check(r#"{"at":"before","do":"drop"}"#, false);
        check(r#"{"at":"before_read","do":"explode"}"#, false);
        check(r#"{"at":"before_read","do":"drop","size":1}"#, false);
        check(r#"{"at":"after_read","do":"drop","number":"+33612345678"}"#, true);
        check(
            r#"{"at":"before_read","do":"drop","number":"+33612345678"}"#,
            false,
        );
        check(r#"{"at":"after_read","do":"refuse_stream"}"#, true);
        check(r#"{"at":"after_commit","do":"refuse_stream"}"#, false);
        check(r#"{"at":"after_read","do":"status","status":502}"#, true);
        check(r#"{"at":"after_read","do":"status"}"#, false);
        check(r#"{"at":"after_read","do":"status","status":101}"#, false);
        check(r#"{"at":"after_read","do":"status","status":1000}"#, false);
        check(r#"{"at":"after_read","do":"drop","probability":0}"#, true);
        check(r#"{"at":"after_read","do":"drop","probability":1.1}"#, false);
        check(
            r#"{"at":"after_read","do":"status","status":429,"retry_after":"1e30"}"#,
            true,
        );
        check(
            "{\"at\":\"after_read\",\"do\":\"status\",\"status\":429,\"retry_after\":\"a\\nb\"}",
            false,
        );
    }
}
