//! Answers that are wrong on purpose.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode, header};

use super::FaultRule;

/// Status of an answer that a fault makes up and that names none.
const STATUS_DEFAULT: u16 = 500;
/// What garbage holds if the rule gives no body.
const GARBAGE_BODY: &str = "<html><body>It works!</body></html>";
/// Time for the first half to leave before the stream breaks off: HTTP/2 drops what is unsent on a reset.
const TRUNCATE_PAUSE: Duration = Duration::from_millis(30);

/// An answer in place of the route's.
#[derive(Debug)]
pub(crate) struct Forgery {
    made_up: Draft,
    delivery: Delivery,
}

/// What is answered if the fault brings its own answer, or there is none yet.
#[derive(Debug)]
struct Draft {
    /// Absent: that of a send that went well.
    status: Option<u16>,
    body: Wording,
    retry_after: Option<String>,
}

#[derive(Debug)]
enum Wording {
    /// As the rule gives it.
    Given(String),
    /// A failure in the provider's shape, of this code; absent: of the status.
    Failure(Option<u32>),
}

#[derive(Debug)]
enum Delivery {
    /// The made-up answer, as it is.
    Replace,
    /// The route's answer up to its middle, then the break.
    Truncate(Duration),
    /// The route's answer, with a pause before each byte.
    Trickle(Duration),
}

impl Forgery {
    /// The rule's status, with its body and headers.
    pub(super) fn status(rule: &FaultRule) -> Self {
        Self {
            made_up: Draft::of(rule),
            delivery: Delivery::Replace,
        }
    }

    /// A success that is no JSON.
    pub(super) fn garbage(rule: &FaultRule) -> Self {
        let body = rule.body.clone().unwrap_or_else(|| GARBAGE_BODY.to_owned());
        Self {
            made_up: Draft {
                status: rule.status,
                body: Wording::Given(body),
                retry_after: None,
            },
            delivery: Delivery::Replace,
        }
    }

    /// Announces the whole body and breaks off after half of it.
    pub(super) fn truncated(rule: &FaultRule) -> Self {
        let pause = TRUNCATE_PAUSE.max(Duration::from_millis(rule.ms));
        Self {
            made_up: Draft::of(rule),
            delivery: Delivery::Truncate(pause),
        }
    }

    /// Sends the body byte by byte.
    pub(super) fn trickled(rule: &FaultRule) -> Self {
        Self {
            made_up: Draft::of(rule),
            delivery: Delivery::Trickle(Duration::from_millis(rule.ms)),
        }
    }

    /// Makes the answer from the route's, or from its own if the route has not been asked. `success` is the status of a
    /// send that went well, `failure` words one of a status and a code.
    pub(crate) async fn answer(
        self,
        real: Option<Response>,
        success: StatusCode,
        failure: impl Fn(u16, u32) -> String,
    ) -> Result<Response, BoxError> {
        let Self { made_up, delivery } = self;
        let real = real.filter(|_| !matches!(delivery, Delivery::Replace));
        let answer = real.unwrap_or_else(|| made_up.answer(success, failure));
        match delivery {
            Delivery::Replace => Ok(answer),
            Delivery::Truncate(pause) => rewrite(answer, |body| truncate(&body, pause)).await,
            Delivery::Trickle(pause) => rewrite(answer, |body| trickle(body, pause)).await,
        }
    }
}

impl Draft {
    fn of(rule: &FaultRule) -> Self {
        let body = match &rule.body {
            Some(body) => Wording::Given(body.clone()),
            None => Wording::Failure(rule.code),
        };
        Self {
            status: Some(rule.status.unwrap_or(STATUS_DEFAULT)),
            body,
            retry_after: rule.retry_after.clone(),
        }
    }

    /// The rule was checked when it was set: neither fall-back is taken.
    fn answer(self, success: StatusCode, failure: impl Fn(u16, u32) -> String) -> Response {
        let status = match self.status {
            Some(status) => StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            None => success,
        };
        let body = match self.body {
            Wording::Given(body) => body,
            Wording::Failure(code) => failure(status.as_u16(), code.unwrap_or(u32::from(status.as_u16()))),
        };
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(value) = self
            .retry_after
            .as_deref()
            .and_then(|text| HeaderValue::from_str(text).ok())
        {
            headers.insert(header::RETRY_AFTER, value);
        }
        answer
    }
}

/// Gives the answer another body under a head that announces the length of the first.
async fn rewrite(answer: Response, body: impl FnOnce(Bytes) -> Body) -> Result<Response, BoxError> {
    let (mut head, whole) = answer.into_parts();
    let whole = axum::body::to_bytes(whole, usize::MAX).await?;
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(whole.len()));
    Ok(Response::from_parts(head, body(whole)))
}

fn truncate(body: &Bytes, pause: Duration) -> Body {
    let half = body.slice(..body.len() / 2);
    let cut = stream::once(async move {
        tokio::time::sleep(pause).await;
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a scripted cut"))
    });
    Body::from_stream(stream::iter([Ok(half)]).chain(cut))
}

fn trickle(body: Bytes, pause: Duration) -> Body {
    Body::from_stream(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let first = rest.split_to(1);
        Some((Ok::<Bytes, Infallible>(first), rest))
    }))
}
