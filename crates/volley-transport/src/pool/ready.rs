//! A reserved place, and the one request that goes with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{DATE, HOST, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};
use volley_model::{Answer, AnswerBody, Evidence, Unsent};

use super::slots::Place;
use super::{BODY_BYTES_MAX, Sender, Shared};
use crate::payload::Payload;
use crate::retry_after::{http_date, retry_after};
use crate::{Endpoint, proof};

const OUR_NAME: &str = concat!("volley/", env!("CARGO_PKG_VERSION"));

/// A place on a live connection. Dropped, it goes to the next who waits.
pub struct Ready {
    shared: Arc<Shared>,
    /// `None` only while it is being dropped.
    place: Option<Place>,
}

/// What became of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When it was given to the connection.
    pub handed_over_at: Instant,
    /// What is known of it.
    pub evidence: Evidence,
}

impl Ready {
    pub(super) fn new(shared: &Arc<Shared>, place: Place) -> Self {
        Self {
            shared: Arc::clone(shared),
            place: Some(place),
        }
    }

    /// Waits until an HTTP/1.1 connection is through with its last answer; `None` if it closed instead.
    pub(super) async fn settled(mut self) -> Option<Self> {
        if let Some(Place { sender, .. }) = &mut self.place
            && let Some(Sender::Http1(http1)) = sender
            && http1.ready().await.is_err()
        {
            *sender = None;
            return None;
        }
        Some(self)
    }

    /// Hands the request over at once and waits for its answer, at most `timeout` from handing over.
    ///
    /// The URI is a path with its query; the endpoint's prefix comes before it. `host`, `content-length` and
    /// `user-agent` are ours to set. The answer's body is read whole, up to [`BODY_BYTES_MAX`].
    ///
    /// A future that is dropped resets its stream, or closes its HTTP/1.1 connection; what became of the request is
    /// then unknown.
    pub async fn send(mut self, request: Request<Bytes>, timeout: Duration) -> Attempt {
        let handed_over_at = Instant::now();
        let until = handed_over_at + timeout;
        let Some(sender) = self.place.as_mut().and_then(|place| place.sender.take()) else {
            let evidence = Evidence::Unsent(Unsent::Cancelled("the place has no connection".to_owned()));
            return Attempt {
                handed_over_at,
                evidence,
            };
        };
        let (evidence, sender) = exchange(&self.shared.endpoint, sender, request, until).await;
        if let Some(place) = &mut self.place {
            place.sender = sender;
        }
        Attempt {
            handed_over_at,
            evidence,
        }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Ready({})", self.shared.endpoint)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.shared.slots().release(place, Instant::now());
            self.shared.drivers.freed.notify_one();
        }
    }
}

/// One request and its answer; with it, the sender where the connection can serve another.
async fn exchange(
    endpoint: &Endpoint,
    sender: Sender,
    request: Request<Bytes>,
    until: Instant,
) -> (Evidence, Option<Sender>) {
    let (head, body) = request.into_parts();
    let (payload, receipt) = Payload::new(body);
    let mut request = Request::from_parts(head, payload);
    if let Err(detail) = address(endpoint, &sender, &mut request) {
        return (Evidence::Unsent(Unsent::Cancelled(detail)), Some(sender));
    }
    // `timeout_at` has dropped the request when it returns: only then may the body be taken back.
    let Ok((outcome, sender)) = timeout_at(until, sender.send(request)).await else {
        return (proof::of_timeout(&receipt), None);
    };
    let response = match outcome {
        Ok(response) => response,
        Err(failure) => return (proof::of_failure(failure, &receipt), None),
    };
    let status = response.status().as_u16();
    let date = date(response.headers());
    let retry_after = wait_asked_for(response.headers(), date);
    let body = timeout_at(until, read(response)).await.unwrap_or(AnswerBody::Cut);
    let sender = sender.filter(|_| matches!(body, AnswerBody::Whole(_)));
    let answer = Answer {
        status,
        retry_after,
        date,
        body,
    };
    (Evidence::Answered(answer), sender)
}

/// Puts the endpoint into the request, in the manner of the connection's protocol.
fn address(endpoint: &Endpoint, sender: &Sender, request: &mut Request<Payload>) -> Result<(), String> {
    let own = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
    let path: PathAndQuery = format!("{}{own}", endpoint.path_prefix())
        .parse()
        .map_err(|error| format!("no path: {error}"))?;
    let host = HeaderValue::from_str(endpoint.authority()).map_err(|error| format!("no host: {error}"))?;
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(path);
    request.headers_mut().remove(HOST);
    match sender {
        Sender::Http1(_) => {
            request.headers_mut().insert(HOST, host);
        }
        Sender::Http2(_) => {
            parts.scheme = Some(endpoint.scheme());
            parts.authority = endpoint.authority().parse().ok();
        }
    }
    *request.uri_mut() = Uri::from_parts(parts).map_err(|error| format!("no URI: {error}"))?;
    request
        .headers_mut()
        .insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
    Ok(())
}

/// `Retry-After`; a date in it is compared with the answer's own, so that no clock of ours is asked. Without one,
/// only a number of seconds means anything.
fn wait_asked_for(headers: &HeaderMap, date: Option<i64>) -> Option<Duration> {
    let wanted = headers.get(RETRY_AFTER)?.as_bytes();
    match date {
        Some(now) => retry_after(wanted, now),
        None if wanted.iter().any(u8::is_ascii_alphabetic) => None,
        None => retry_after(wanted, 0),
    }
}

/// The answer's own `Date`.
fn date(headers: &HeaderMap) -> Option<i64> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

/// Reads the body; what is left of it when it grows too long is not.
async fn read(response: Response<Incoming>) -> AnswerBody {
    let mut body = response.into_body();
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return AnswerBody::TooLarge;
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return AnswerBody::Cut };
        let Ok(part) = frame.into_data() else { continue };
        if whole.len() + part.len() > BODY_BYTES_MAX {
            return AnswerBody::TooLarge;
        }
        whole.extend_from_slice(&part);
    }
    AnswerBody::Whole(whole.freeze())
}
