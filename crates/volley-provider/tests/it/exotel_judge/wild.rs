//! Whatever bytes come: nothing panics, and nothing is claimed that they do not prove.

use proptest::prelude::*;
use volley_model::{AnswerBody, Verdict};

use super::judged;
use crate::evidence::{answered, whole, word};

#[test]
fn deep_and_long_bodies_are_judged_too() {
    for body in [
        "[".repeat(1 << 20),
        "{\"response\":".repeat(90_000),
        format!("{{\"response\":[{}]}}", "{},".repeat(300_000)),
        "9".repeat(1 << 20),
    ] {
        assert_eq!(word(&judged(&whole(400, &body))), "in doubt");
        assert_eq!(word(&judged(&whole(200, &body))), "in doubt");
    }
    // What is not asked for is skipped without recursion.
    let nested = format!(
        r#"{{"response":[{{"data":{{"id":"c1","x":{}{}}}}}]}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(word(&judged(&whole(200, &nested))), "accepted");
}

fn wild_bodies() -> impl Strategy<Value = Vec<u8>> {
    let token = "-?[0-9]{1,20}(\\.[0-9]{1,9})?|\"[ -~&&[^\"\\\\]]{0,20}\"|null|\\[\\]|\\{\\}|tru|429|200|400|\"\\+919812345678\"";
    let member = (
        "id|code|data|error_data|message|description|status|response|RestException|Status",
        token,
    );
    let object = proptest::collection::vec(member, 0..5).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, token)| format!("\"{key}\":{token}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    // Near misses: the right keys at the right places with anything behind them.
    let nested = (object.clone(), object.clone(), object).prop_map(|(data, error, rest)| {
        let rest = rest.trim_matches(['{', '}']).to_owned();
        let comma = if rest.is_empty() { "" } else { "," };
        format!(r#"{{"response":[{{{rest}{comma}"data":{data},"error_data":{error}}}]}}"#)
    });
    prop_oneof![
        any::<Vec<u8>>(),
        "(?s).{0,60}".prop_map(String::into_bytes),
        nested.prop_map(String::into_bytes),
    ]
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_claim_what_the_status_denies(status: u16, body in wild_bodies()) {
        let verdict = judged(&answered(status, AnswerBody::Whole(body.into())));
        let success = (200..300).contains(&status);
        prop_assert!(!matches!(verdict, Verdict::Accepted(_)) || success, "{verdict:?}");
        prop_assert!(!matches!(verdict, Verdict::Unticketed { .. }), "{verdict:?}");
        let frees = matches!(
            verdict,
            Verdict::Refused(_) | Verdict::RefusedFor { .. } | Verdict::Account(_) | Verdict::NotProcessed { .. }
        );
        prop_assert!(!frees || success || (400..500).contains(&status), "{verdict:?}");
    }

    #[test]
    fn an_accepted_id_is_never_empty_and_no_full_number_is_told(status in 200_u16..500, body in wild_bodies()) {
        let verdict = judged(&answered(status, AnswerBody::Whole(body.into())));
        if let Verdict::Accepted(acceptance) = &verdict {
            prop_assert!(!acceptance.ticket.trim().is_empty());
            return Ok(());
        }
        prop_assert!(!format!("{verdict:?}").contains("919812345678"), "{verdict:?}");
    }
}
