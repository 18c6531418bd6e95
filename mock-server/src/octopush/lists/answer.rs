//! The successes of the services on lists and tags, in the shapes of their pages.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use rust_decimal::Decimal;

/// 201 with the ticket ("Send SMS to contacts (on-list/on-tag)").
pub(super) fn created(ticket: &str) -> Response {
    let body = serde_json::json!({ "ticket_number": ticket });
    (StatusCode::CREATED, Json(body)).into_response()
}

/// 200 with the status ("status-sms-campaign-list"). By hand: amounts are exact decimals, which no `f64` may touch.
pub(super) fn status(contacts: usize, cost: Decimal, status: &str) -> Response {
    let cost = cost.normalize();
    let body = format!(r#"{{"number_of_contacts":{contacts},"cost":{cost},"status":"{status}"}}"#);
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// 200 with the date the campaign goes out at ("confirm-sms-on-list").
pub(super) fn sent(sending_date: &str) -> Response {
    Json(serde_json::json!({ "sending_date": sending_date })).into_response()
}
