//! Failures, as `{"code":…,"message":"…"}`.
//!
//! *Sources*: 121 and its message: "Schedule SMS sending". The other codes: the numbered table that Octopush published for
//! its API before; that this version uses them, with status 400, is *assumed*.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

/// A request that is not carried out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: u32,
    message: String,
}

impl Refusal {
    fn bad_request(code: u32, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }

    fn unauthorized(code: u32, message: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code,
            message: message.to_owned(),
        }
    }

    pub(super) fn malformed(what: impl std::fmt::Display) -> Self {
        Self::bad_request(100, format!("POST data cannot be read: {what}."))
    }

    pub(super) fn wrong_credentials() -> Self {
        Self::unauthorized(101, "Incorrect login or key.")
    }

    pub(super) fn no_recipient() -> Self {
        Self::bad_request(103, "The recipients are empty.")
    }

    pub(super) fn no_credit() -> Self {
        Self::bad_request(104, "You do not have enough credit.")
    }

    pub(super) fn sender(why: &str) -> Self {
        Self::bad_request(106, format!("The sender is not valid: {why}."))
    }

    pub(super) fn text_missing() -> Self {
        Self::bad_request(107, "The text is missing.")
    }

    pub(super) fn login_missing() -> Self {
        Self::unauthorized(108, "The api-login header is missing.")
    }

    pub(super) fn key_missing() -> Self {
        Self::unauthorized(109, "The api-key header is missing.")
    }

    pub(super) fn recipients_missing() -> Self {
        Self::bad_request(110, "The recipients are missing.")
    }

    pub(super) fn unknown_type() -> Self {
        Self::bad_request(112, "The type is missing or unknown.")
    }

    pub(super) fn no_correct_number() -> Self {
        Self::bad_request(117, "The list contains no correct number.")
    }

    pub(super) fn text_too_long() -> Self {
        Self::bad_request(119, "The text is too long for this type.")
    }

    pub(super) fn stop_missing() -> Self {
        Self::bad_request(121, "Mention STOP is missing.")
    }

    /// A campaign that is neither ready nor failed yet; the code is a switch.
    pub(super) fn computing(code: u32) -> Self {
        Self::bad_request(code, "The campaign is still being computed.")
    }

    pub(super) fn unknown_campaign() -> Self {
        Self::bad_request(131, "The campaign was not found.")
    }

    pub(super) fn not_cancellable(why: &str) -> Self {
        Self::bad_request(100, format!("The campaign cannot be cancelled: {why}."))
    }

    pub(super) fn already_sent() -> Self {
        Self::bad_request(132, "The campaign was sent already.")
    }

    pub(super) fn too_many_recipients(max: usize) -> Self {
        Self::bad_request(305, format!("There are more than {max} contacts in the query."))
    }

    /// A repeated key; both figures are switches. A status that is none becomes 400.
    pub(super) fn duplicate(status: u16, code: u32) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            status,
            code,
            message: "A request with this request_id was sent already.".to_owned(),
        }
    }

    #[cfg(test)]
    pub(super) fn code(&self) -> u32 {
        self.code
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "code": self.code, "message": self.message }).to_string();
        (self.status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}
