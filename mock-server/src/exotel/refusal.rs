//! Failures, as an item of the envelope with `error_data`.
//!
//! *Sources*: the statuses: "HTTP status codes". Codes and messages are those seen on another product with the same
//! envelope; that the campaigns use them, too, is *assumed*. No page gives a code for 402, 405, 413 or 429: the status
//! stands for it. So does the description of each failure, but for "… is mandatory" and the naming of an invalid number
//! ("campaigns API: how it works").

use http::StatusCode;
use serde_json::{Value, json};

/// A request, or one campaign of it, that is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Of the answer.
    pub(super) status: StatusCode,
    /// Of the item; mostly the same.
    pub(super) item_code: u16,
    code: u32,
    message: &'static str,
    pub(super) description: String,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: u32, message: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            item_code: status.as_u16(),
            code,
            message,
            description: description.into(),
            retry_after: None,
        }
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 1000, "Not Found", what)
    }

    /// `field` as it begins a sentence: `Campaigns`, `Caller_id`.
    pub(super) fn mandatory(field: &str) -> Self {
        let description = format!("{field} is mandatory");
        Self::new(
            StatusCode::BAD_REQUEST,
            1001,
            "Mandatory Parameter missing",
            description,
        )
    }

    pub(super) fn invalid(description: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 1002, "Invalid parameter", description)
    }

    pub(super) fn number(written: &str) -> Self {
        Self::invalid(format!("Invalid PhoneNumber {written}"))
    }

    pub(super) fn no_access() -> Self {
        let description = "The credentials have no access to this account";
        Self::new(StatusCode::FORBIDDEN, 1003, "Authorization failed", description)
    }

    /// A value of another JSON type than it should be.
    pub(super) fn wrong_type(field: &str, is: &Value, wanted: &str) -> Self {
        let is = match is {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        Self::malformed(format!(
            "json: cannot unmarshal {is} into Go struct field .{field} of type {wanted}"
        ))
    }

    pub(super) fn malformed(description: impl Into<String>) -> Self {
        let message = "Invalid request body, failed parsing";
        Self::new(StatusCode::BAD_REQUEST, 1007, message, description)
    }

    pub(super) fn unauthorized() -> Self {
        let description = "The credentials are missing or wrong";
        Self::new(
            StatusCode::UNAUTHORIZED,
            1010,
            "Authorization failed",
            description,
        )
    }

    pub(super) fn content_type() -> Self {
        let description = "The body must be application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, 1011, "unsupported content type", description)
    }

    pub(super) fn no_credit() -> Self {
        let description = "The balance does not suffice";
        Self::new(StatusCode::PAYMENT_REQUIRED, 402, "Payment required", description)
    }

    pub(super) fn method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, 405, "Method not allowed", "No such method here")
    }

    pub(super) fn too_many_requests(per_minute: u32, retry_after: u64) -> Self {
        let description = format!("More than {per_minute} requests in a minute");
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self {
            retry_after: Some(retry_after),
            ..Self::new(status, 429, "Too many requests", description)
        }
    }

    /// The same in a 200 whose item has code 409.
    pub(super) fn into_item_conflict(self) -> Self {
        Self {
            status: StatusCode::OK,
            item_code: 409,
            ..self
        }
    }

    /// The item of the envelope.
    pub(super) fn item(&self) -> Value {
        json!({
            "code": self.item_code,
            "status": "failure",
            "data": null,
            "error_data": { "code": self.code, "message": self.message, "description": self.description },
        })
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> u32 {
        self.code
    }
}
