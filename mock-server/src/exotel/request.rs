//! The campaigns that a body holds, in either reading, and the fields of one.
//!
//! *Sources*: "update campaign details" shows the fields by themselves, the samples of "create campaign" and "update
//! campaign" wrap them in `campaigns`. That null stands for absent, and that other keys are ignored, is *assumed*.

use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::config::ExotelStrict;
use super::refusal::Refusal;

/// The fields of a campaign, as they came.
pub(super) type Fields = Map<String, Value>;

/// Every campaign of the body; at least one.
pub(super) fn campaigns(
    strict: &[ExotelStrict],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<Fields>, Refusal> {
    if strict.contains(&ExotelStrict::ContentType) && !is_json(headers) {
        return Err(Refusal::content_type());
    }
    let body: Value = serde_json::from_slice(body).map_err(|error| Refusal::malformed(error.to_string()))?;
    let Value::Object(mut body) = body else {
        return Err(Refusal::wrong_type("", &body, "request.Campaigns"));
    };
    match body.remove("campaigns") {
        Some(Value::Null) => Err(Refusal::mandatory("Campaigns")),
        Some(_) if strict.contains(&ExotelStrict::Flat) => Err(Refusal::invalid("campaigns is unknown")),
        Some(Value::Array(items)) if items.is_empty() => Err(Refusal::mandatory("Campaigns")),
        Some(Value::Array(items)) => items.into_iter().map(object).collect(),
        Some(other) => Err(Refusal::wrong_type("campaigns", &other, "[]campaign")),
        None if strict.contains(&ExotelStrict::Wrapped) || body.is_empty() => {
            Err(Refusal::mandatory("Campaigns"))
        }
        None => Ok(vec![body]),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"))
}

fn object(item: Value) -> Result<Fields, Refusal> {
    match item {
        Value::Object(fields) => Ok(fields),
        other => Err(Refusal::wrong_type("campaigns", &other, "campaign")),
    }
}

/// A field, if it is there and not null.
pub(super) fn given<'f>(fields: &'f Fields, name: &str) -> Option<&'f Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A string, if there is one.
pub(super) fn text<'f>(fields: &'f Fields, name: &str) -> Result<Option<&'f str>, Refusal> {
    match given(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Refusal::wrong_type(name, other, "string")),
    }
}

/// A whole number that is not negative, if there is one.
pub(super) fn count(fields: &Fields, name: &str) -> Result<Option<u64>, Refusal> {
    match given(fields, name) {
        None => Ok(None),
        Some(value) => match value.as_u64() {
            Some(count) => Ok(Some(count)),
            None if value.is_number() => Err(Refusal::invalid(format!("{name} must be a whole number"))),
            None => Err(Refusal::wrong_type(name, value, "int")),
        },
    }
}

/// An array of strings, if there is one.
pub(super) fn texts<'f>(fields: &'f Fields, name: &str) -> Result<Option<Vec<&'f str>>, Refusal> {
    match given(fields, name) {
        None => Ok(None),
        Some(Value::Array(items)) => {
            let text = |item: &'f Value| {
                item.as_str()
                    .ok_or_else(|| Refusal::wrong_type(name, item, "string"))
            };
            items.iter().map(text).collect::<Result<_, _>>().map(Some)
        }
        Some(other) => Err(Refusal::wrong_type(name, other, "[]string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(strict: &[ExotelStrict], body: &str, expected: Result<usize, u32>) {
        let outcome = campaigns(strict, &HeaderMap::new(), body.as_bytes());
        let outcome = outcome.map(|items| items.len()).map_err(|refusal| refusal.code());
        assert_eq!(outcome, expected, "{strict:?}: {body}");
    }

    #[test]
    fn a_body_is_a_campaign_or_wraps_some() {
        let wrapped = r#"{"campaigns":[{"name":"holi"}]}"#;
        let flat = r#"{"name":"holi"}"#;
        check(&[], wrapped, Ok(1));
        check(&[], flat, Ok(1));
        check(&[ExotelStrict::Wrapped], wrapped, Ok(1));
        check(&[ExotelStrict::Wrapped], flat, Err(1001));
        check(&[ExotelStrict::Flat], wrapped, Err(1002));
        check(&[ExotelStrict::Flat], flat, Ok(1));
        check(&[], r#"{"campaigns":[{},{}]}"#, Ok(2));
        check(&[], r#"{"campaigns":[]}"#, Err(1001));
        check(&[], r#"{"campaigns":null}"#, Err(1001));
        check(&[], r#"{"campaigns":{}}"#, Err(1007));
        check(&[], r#"{"campaigns":["holi"]}"#, Err(1007));
        check(&[], "{}", Err(1001));
        check(&[], "[]", Err(1007));
        check(&[], "{", Err(1007));
        check(&[], "", Err(1007));
    }

    #[test]
    fn the_content_type_counts_where_the_switch_says_so() {
        let check = |strict: &[ExotelStrict], kind: &'static str, expected: Option<u32>| {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
            let code = campaigns(strict, &headers, br#"{"name":"holi"}"#).err();
            assert_eq!(code.map(|refusal| refusal.code()), expected, "{kind}");
        };
        let form = "application/x-www-form-urlencoded";
        check(&[], form, None);
        check(&[ExotelStrict::ContentType], form, Some(1011));
        check(
            &[ExotelStrict::ContentType],
            "application/json; charset=utf-8",
            None,
        );
    }
}
