//! Tickets: `sms_` and hex digits ("Schedule SMS sending": `sms_5f3fbce61266e`); made, and named by a request.

use super::refusal::Refusal;
use super::request::object;
use super::value::{Raw, string};

/// The increment of `SplitMix64`: odd, so that the counter runs through all 2⁶⁴ values.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The ticket of the n-th acceptance under this seed. Each step is one-to-one: no two are alike.
pub(super) fn name(seed: u64, nth: u64) -> String {
    let mut mixed = seed.wrapping_add(nth.wrapping_mul(STEP));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    format!("sms_{mixed:016x}")
}

/// A request about a campaign: `{"ticket_number":"sms_…"}` ("cancel-sms", "confirm-sms-on-list"). Other keys are ignored.
#[derive(Debug, serde::Deserialize)]
struct TicketRequest<'a> {
    #[serde(borrow, default)]
    ticket_number: Raw<'a>,
}

/// The ticket that a body names, known or not.
pub(super) fn named_in(body: &[u8]) -> Result<String, Refusal> {
    let request: TicketRequest<'_> = object(body)?;
    match request.ticket_number.and_then(string) {
        Some(ticket) => Ok(ticket.into_owned()),
        None => Err(Refusal::malformed("ticket_number is missing")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_names_its_ticket() {
        let check = |body: &str, expected: Option<&str>| {
            assert_eq!(named_in(body.as_bytes()).ok().as_deref(), expected, "{body}");
        };
        check(
            r#"{"ticket_number":"sms_5f3fbce61266e"}"#,
            Some("sms_5f3fbce61266e"),
        );
        check(r#"{"ticket_number":"vocal_1","colour":1}"#, Some("vocal_1"));
        check(r#"{"ticket_number":null}"#, None);
        check(r#"{"ticket_number":1}"#, None);
        check(r#"{"ticket":"sms_5f3fbce61266e"}"#, None);
        check(r#"["sms_5f3fbce61266e"]"#, None);
        check("", None);
    }

    #[test]
    fn tickets_repeat_with_the_seed_and_differ_within_it() {
        assert_eq!(name(1, 1), name(1, 1));
        assert_ne!(name(1, 1), name(2, 1));
        let mut names: Vec<String> = (0..10_000).map(|nth| name(7, nth)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 10_000);
    }
}
