//! The control routes: read the record, script faults, move the clock, forget.
//!
//! They are not counted in the record and never faulted.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::fault::FaultScript;
use crate::mock::Mock;
use crate::provider::Provider;

/// `/__mock/…`
pub(crate) fn routes() -> Router<Arc<Mock>> {
    Router::new()
        .route("/__mock/stats", get(stats))
        .route("/__mock/tickets", get(tickets))
        .route("/__mock/recipients", get(recipients))
        .route(
            "/__mock/faults",
            put(set_faults).get(show_faults).delete(clear_faults),
        )
        .route("/__mock/clock", post(advance_clock))
        .route("/__mock/reset", post(reset))
}

async fn stats(State(mock): State<Arc<Mock>>) -> Response {
    Json(mock.stats()).into_response()
}

async fn tickets(State(mock): State<Arc<Mock>>) -> Response {
    ndjson(&mock.tickets())
}

/// The query of `GET /__mock/recipients`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct By {
    /// Absent: both.
    provider: Option<Provider>,
}

async fn recipients(State(mock): State<Arc<Mock>>, Query(by): Query<By>) -> Response {
    ndjson(&mock.recipients(by.provider))
}

async fn set_faults(State(mock): State<Arc<Mock>>, body: Bytes) -> Response {
    let script: FaultScript = match serde_json::from_slice(&body) {
        Ok(script) => script,
        Err(error) => return bad_request(&error),
    };
    match mock.set_faults(script) {
        Ok(()) => show_faults(State(mock)).await,
        Err(error) => bad_request(&error),
    }
}

async fn show_faults(State(mock): State<Arc<Mock>>) -> Response {
    Json(mock.faults().script()).into_response()
}

async fn clear_faults(State(mock): State<Arc<Mock>>) -> StatusCode {
    mock.clear_faults();
    StatusCode::NO_CONTENT
}

/// The body of `POST /__mock/clock`; negative seconds go back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn advance_clock(State(mock): State<Arc<Mock>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Advance>(&body) {
        Ok(advance) => {
            let advanced = mock.advance_clock(advance.advance_seconds);
            Json(serde_json::json!({ "advanced_seconds": advanced })).into_response()
        }
        Err(error) => bad_request(&error),
    }
}

async fn reset(State(mock): State<Arc<Mock>>) -> StatusCode {
    mock.reset();
    StatusCode::NO_CONTENT
}

fn ndjson<T: Serialize>(rows: &[T]) -> Response {
    let mut lines = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut lines, row).expect("a row of strings and numbers always serialises");
        lines.push(b'\n');
    }
    ([(header::CONTENT_TYPE, "application/x-ndjson")], lines).into_response()
}

fn bad_request(error: &dyn std::fmt::Display) -> Response {
    let body = serde_json::json!({ "message": error.to_string() });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
