//! The envelope that every answer of the second version has: `request_id`, `method`, `http_code`, `metadata`, `response`.
//!
//! *Sources*: "create campaign", "get campaign details". That `response` is an array in every answer, a failed one
//! included, and `metadata` an object even without anything to tell, is *assumed*.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::ticket;
use crate::mock::Mock;

/// What an answer holds.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) metadata: Value,
    pub(super) response: Vec<Value>,
}

/// An item that went well.
pub(super) fn success(data: Value) -> Value {
    let mut item = json!({ "code": 200, "status": "success", "error_data": null });
    item["data"] = data;
    item
}

impl Reply {
    /// One item that went well.
    pub(super) fn one(data: Value) -> Self {
        Self {
            status: StatusCode::OK,
            metadata: json!({}),
            response: vec![success(data)],
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: refusal.status,
            metadata: json!({}),
            response: vec![refusal.item()],
        }
    }
}

/// The answer to a request of this method, with a `request_id` of its own.
pub(super) fn answer(mock: &Mock, method: &Method, outcome: Result<Reply, Refusal>) -> Response {
    let retry_after = outcome.as_ref().err().and_then(|refusal| refusal.retry_after);
    let reply = outcome.unwrap_or_else(Reply::from);
    let nth = mock.state().exotel.next_request();
    let body = json!({
        "request_id": ticket::request_id(mock.config.seed, nth),
        "method": method.as_str(),
        "http_code": reply.status.as_u16(),
        "metadata": reply.metadata,
        "response": reply.response,
    });
    let json = [(header::CONTENT_TYPE, "application/json")];
    let mut answer = (reply.status, json, body.to_string()).into_response();
    if let Some(seconds) = retry_after {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

/// A failure that the mock thought of, in the same shape.
pub(super) fn failure(method: &Method, status: u16, code: u32, message: &str) -> String {
    let error = json!({ "code": code, "message": message, "description": message });
    json!({
        "request_id": ticket::request_id(0, 0),
        "method": method.as_str(),
        "http_code": status,
        "metadata": {},
        "response": [{ "code": status, "status": "failure", "data": null, "error_data": error }],
    })
    .to_string()
}
