//! The body of an edit: which parameters it changes, or why it is refused as a whole.
//!
//! "Modify configuration" calls a group an array and shows an object: both are taken, and each alone is a switch. Null
//! stands for absent (*assumed*).

use serde_json::{Map, Value};

use super::fields::GROUPS;
use crate::octopush::config::Strict;
use crate::octopush::refusal::Refusal;

/// The changes, each of them good.
pub(super) fn read(strict: &[Strict], body: &[u8]) -> Result<Vec<(&'static str, Value)>, Refusal> {
    let body: Map<String, Value> = serde_json::from_slice(body).map_err(Refusal::malformed)?;
    let mut changes = Vec::new();
    for group in GROUPS {
        let Some(members) = members(strict, group.name, body.get(group.name))? else {
            continue;
        };
        for (name, rule) in group.fields {
            match members.get(*name) {
                None | Some(Value::Null) => {}
                Some(value) => changes.push((*name, rule.read(name, value)?)),
            }
        }
    }
    Ok(changes)
}

/// The members of a group, in the readings that are taken.
fn members<'a>(
    strict: &[Strict],
    name: &str,
    group: Option<&'a Value>,
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    let members = match group {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Object(members)) if !strict.contains(&Strict::ParametersAsArrays) => Some(members),
        Some(Value::Array(items)) if !strict.contains(&Strict::ParametersAsObjects) => match items.as_slice()
        {
            [Value::Object(members)] => Some(members),
            _ => None,
        },
        Some(_) => None,
    };
    match members {
        Some(members) => Ok(Some(members)),
        None => Err(Refusal::malformed(format_args!("{name} holds no parameters"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(strict: &[Strict], body: &str) -> Result<usize, u32> {
        match read(strict, body.as_bytes()) {
            Ok(changes) => Ok(changes.len()),
            Err(refusal) => Err(refusal.code()),
        }
    }

    #[test]
    fn a_group_is_an_object_or_an_array_of_one() {
        let object = r#"{"callbacks":{"email_for_inbounds":"me@example.org"}}"#;
        let array = r#"{"callbacks":[{"email_for_inbounds":"me@example.org"}]}"#;
        let check = |strict: &[Strict], body: &str, expected: Result<usize, u32>| {
            assert_eq!(outcome(strict, body), expected, "{strict:?}: {body}");
        };
        check(&[], object, Ok(1));
        check(&[], array, Ok(1));
        check(&[Strict::ParametersAsObjects], object, Ok(1));
        check(&[Strict::ParametersAsObjects], array, Err(100));
        check(&[Strict::ParametersAsArrays], object, Err(100));
        check(&[Strict::ParametersAsArrays], array, Ok(1));
        check(&[], r#"{"callbacks":[]}"#, Err(100));
        check(&[], r#"{"callbacks":[{},{}]}"#, Err(100));
        check(&[], r#"{"callbacks":"me@example.org"}"#, Err(100));
    }

    #[test]
    fn only_what_is_given_changes_and_one_bad_value_refuses_all() {
        let check =
            |body: &str, expected: Result<usize, u32>| assert_eq!(outcome(&[], body), expected, "{body}");
        check("{}", Ok(0));
        check(r#"{"callbacks":null}"#, Ok(0));
        check(r#"{"callbacks":{}}"#, Ok(0));
        check(r#"{"callbacks":{"email_for_inbounds":null,"colour":1}}"#, Ok(0));
        // A field counts in its own group only.
        check(r#"{"callbacks":{"sender_for_vocal_sms":"12"}}"#, Ok(0));
        let two =
            r#"{"campaign_parameters":{"sender_for_sms_premium":"Acme","sender_for_vocal_sms":"12345"}}"#;
        check(two, Ok(2));
        check(&two.replace("12345", "12"), Err(106));
        check("[]", Err(100));
        check("", Err(100));
    }
}
