//! The answer to a path that nobody serves.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri, header};

use crate::exotel;
use crate::mock::Mock;
use crate::provider::Provider;

/// 404 with a JSON body: in the provider's shape, if it has one for that.
pub(crate) async fn not_found(State(mock): State<Arc<Mock>>, method: Method, uri: Uri) -> Response {
    if Provider::of(uri.path()) == Some(Provider::Exotel) {
        return exotel::not_found(&mock, &method, uri.path());
    }
    let body = serde_json::json!({ "code": 404, "message": format!("no such route: {}", uri.path()) });
    (
        StatusCode::NOT_FOUND,
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
