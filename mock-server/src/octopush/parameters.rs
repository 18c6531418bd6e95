//! `PATCH /v1/public/user/campaign-parameters/edit` and `GET /v1/public/user/campaign-parameters`: an account's defaults.
//!
//! An edit changes what it gives and keeps the rest; one bad value refuses all of it (*assumed*).
//! *Not here*: what the parameters are for. The mock sends no alerts, calls nobody back, and takes no sender from them.
//! *Sources*: "Modify configuration", which shows no body of a success: it is empty here (*assumed*); "retrieve
//! configuration". That a value never set is null is *assumed*.

mod edit;
mod fields;
mod rule;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use super::credentials;
use super::refusal::Refusal;
use crate::mock::Mock;
use fields::GROUPS;

/// The parameters of one account that were ever set, by the field's name.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<&'static str, Value>);

impl Parameters {
    /// All groups with all fields.
    fn to_json(&self) -> Value {
        let mut groups = Map::new();
        for group in GROUPS {
            let value = |name| self.0.get(name).cloned().unwrap_or(Value::Null);
            let members: Map<String, Value> = group
                .fields
                .iter()
                .map(|(name, _)| ((*name).to_owned(), value(*name)))
                .collect();
            groups.insert(group.name.to_owned(), members.into());
        }
        groups.into()
    }
}

/// Changes what the body gives: 200 with an empty body.
pub(super) async fn change(State(mock): State<Arc<Mock>>, headers: HeaderMap, body: Bytes) -> Response {
    match edit_account(&mock, &headers, &body) {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn edit_account(mock: &Mock, headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let config = &mock.config.octopush;
    let login = credentials::login(&config.accounts, headers)?;
    let changes = edit::read(&config.strict, body)?;
    let mut state = mock.state();
    let parameters = state.octopush.parameters.entry_ref(login).or_default();
    parameters.0.extend(changes);
    Ok(())
}

/// Answers with the three groups.
pub(super) async fn show(State(mock): State<Arc<Mock>>, headers: HeaderMap) -> Response {
    let login = match credentials::login(&mock.config.octopush.accounts, &headers) {
        Ok(login) => login,
        Err(refusal) => return refusal.into_response(),
    };
    let groups = match mock.state().octopush.parameters.get(login) {
        Some(parameters) => parameters.to_json(),
        None => Parameters::default().to_json(),
    };
    Json(groups).into_response()
}
