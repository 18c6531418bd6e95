//! `GET /v1/public/wallet/check-balance`: what is left, in euros or in SMS of one country.
//!
//! *Sources*: the page "wallet/check-balance": `product_name` and `country_code` go together. That the amount is in euros
//! with neither is *assumed*.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use rust_decimal::Decimal;
use serde::Deserialize;

use super::credentials;
use super::refusal::Refusal;
use crate::mock::Mock;

/// Calling codes of the countries the default tariff knows; others cost the default price.
const CALLING_CODES: [(&str, &str); 10] = [
    ("BE", "32"),
    ("CA", "1"),
    ("CH", "41"),
    ("DE", "49"),
    ("ES", "34"),
    ("FR", "33"),
    ("GB", "44"),
    ("IT", "39"),
    ("UK", "44"),
    ("US", "1"),
];
/// Products the page names, and `euro` from the official SDK.
const PRODUCTS: [&str; 5] = ["sms_low_cost", "sms_premium", "vocal_sms", "hlr", "euro"];

/// The query of a balance; all optional, but two that go together.
#[derive(Debug, Deserialize)]
pub(super) struct BalanceQuery {
    country_code: Option<String>,
    product_name: Option<String>,
}

/// Answers with `amount`, `unit` and one wallet pack.
pub(super) async fn check_balance(
    State(mock): State<Arc<Mock>>,
    headers: HeaderMap,
    Query(query): Query<BalanceQuery>,
) -> Response {
    match balance(&mock, &headers, &query) {
        Ok(body) => (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn balance(mock: &Mock, headers: &HeaderMap, query: &BalanceQuery) -> Result<String, Refusal> {
    let config = &mock.config.octopush;
    credentials::login(&config.accounts, headers)?;
    let euros = mock.state().octopush.residual(config).normalize();
    let (amount, unit) = match (query.product_name.as_deref(), query.country_code.as_deref()) {
        (None, None) | (Some("euro"), _) => (euros, "euro"),
        (Some(product), Some(country)) => (messages(mock, euros, country), known(product)?),
        _ => return Err(Refusal::malformed("country_code and product_name go together")),
    };
    // By hand, as amounts are exact decimals.
    Ok(format!(
        r#"{{"amount":{amount},"unit":"{unit}","wallet_packs":[{{"wallet_pack_id":"00000000-0000-4000-8000-000000000001","credit":{euros},"expiration_date":"2030-10-23T13:41:46+02:00"}}]}}"#
    ))
}

/// How many SMS the credit pays for.
fn messages(mock: &Mock, euros: Decimal, country: &str) -> Decimal {
    let code = CALLING_CODES
        .iter()
        .find(|(name, _)| *name == country)
        .map_or("", |(_, code)| code);
    let price = mock.octopush.tariff.price_of_prefix(code);
    if price.is_zero() {
        Decimal::ZERO
    } else {
        (euros / price).floor()
    }
}

fn known(product: &str) -> Result<&'static str, Refusal> {
    let product = PRODUCTS.iter().find(|known| **known == product);
    product
        .copied()
        .ok_or_else(|| Refusal::malformed("product_name is unknown"))
}
