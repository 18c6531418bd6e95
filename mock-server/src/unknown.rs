//! The answer to a path that nobody serves.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri, header};

/// 404 with a JSON body.
pub(crate) async fn not_found(uri: Uri) -> Response {
    let body = serde_json::json!({ "code": 404, "message": format!("no such route: {}", uri.path()) });
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
