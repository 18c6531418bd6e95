//! Answers that are wrong on purpose.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, StatusCode, header};

use super::FaultRule;

/// Status of an answer that a fault makes up before the commit and that names none.
const STATUS_DEFAULT: u16 = 500;
/// Status of garbage that names none: what a send that went well has.
const GARBAGE_STATUS: u16 = 201;
/// What garbage holds if the rule gives no body.
const GARBAGE_BODY: &str = "<html><body>It works!</body></html>";
/// Time for the first half to leave before the stream breaks off: HTTP/2 drops what is unsent on a reset.
const TRUNCATE_PAUSE: Duration = Duration::from_millis(30);

/// An answer with the rule's status, body and headers.
pub(crate) fn status(rule: &FaultRule) -> Response {
    let status = rule.status.unwrap_or(STATUS_DEFAULT);
    let body = rule.body.clone().unwrap_or_else(|| {
        let code = rule.code.unwrap_or(u32::from(status));
        serde_json::json!({ "code": code, "message": "A scripted fault." }).to_string()
    });
    let mut answer = json(status, body);
    if let Some(value) = rule
        .retry_after
        .as_deref()
        .and_then(|text| HeaderValue::from_str(text).ok())
    {
        answer.headers_mut().insert(header::RETRY_AFTER, value);
    }
    answer
}

/// A success that cannot be read.
pub(crate) fn garbage(rule: &FaultRule) -> Response {
    let body = rule.body.clone().unwrap_or_else(|| GARBAGE_BODY.to_owned());
    json(rule.status.unwrap_or(GARBAGE_STATUS), body)
}

/// Announces the whole body and breaks off after half of it.
pub(crate) async fn truncated(
    rule: &FaultRule,
    answer: Option<Response>,
) -> Result<Response, axum::BoxError> {
    let (mut answer, body) = whole(rule, answer).await?;
    let half = body.slice(..body.len() / 2);
    let pause = TRUNCATE_PAUSE.max(Duration::from_millis(rule.ms));
    let cut = stream::once(async move {
        tokio::time::sleep(pause).await;
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a scripted cut"))
    });
    let pieces = stream::iter([Ok(half)]).chain(cut);
    *answer.body_mut() = Body::from_stream(pieces);
    Ok(answer)
}

/// Sends the body byte by byte.
pub(crate) async fn trickled(rule: &FaultRule, answer: Option<Response>) -> Result<Response, axum::BoxError> {
    let (mut answer, body) = whole(rule, answer).await?;
    let pause = Duration::from_millis(rule.ms);
    let bytes = stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let first = rest.split_to(1);
        Some((Ok::<Bytes, Infallible>(first), rest))
    });
    *answer.body_mut() = Body::from_stream(bytes);
    Ok(answer)
}

/// The answer, or one made up, without its body; and the body, whose length the head announces.
async fn whole(rule: &FaultRule, answer: Option<Response>) -> Result<(Response, Bytes), axum::BoxError> {
    let (mut head, body) = answer.unwrap_or_else(|| status(rule)).into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await?;
    head.headers
        .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok((Response::from_parts(head, Body::empty()), body))
}

fn json(status: u16, body: String) -> Response {
    let mut answer = Response::new(Body::from(body));
    // The rule was checked: the fall-back is never taken.
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
