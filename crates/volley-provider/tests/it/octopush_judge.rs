//! `judge` against the table "What the wire proves" of `docs/guarantee.md`, written out here a second time and plainly.

use std::time::Duration;

use proptest::prelude::*;
use volley_model::{Answer, AnswerBody, Evidence, Lost, NotProcessed, Unsent, Verdict};
use volley_provider::octopush::{DUPLICATE_CODES_DEFAULT, JudgeContext, judge};

use crate::evidence::{answered, whole, word};

const PLAIN: JudgeContext<'static> = JudgeContext {
    duplicate_codes: &DUPLICATE_CODES_DEFAULT,
    doubted: false,
    simulated: false,
};
const DOUBTED: JudgeContext<'static> = JudgeContext {
    doubted: true,
    ..PLAIN
};
const SIMULATED: JudgeContext<'static> = JudgeContext {
    doubted: true,
    simulated: true,
    ..PLAIN
};

const TICKET: &str = r#"{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"total_cost":5.00502839}"#;

/// What an answer carries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Carries {
    Nothing,
    Ticket,
    Code(u32),
    Garbage,
    Cut,
    TooLarge,
}

impl Carries {
    fn body(self) -> AnswerBody {
        match self {
            Self::Nothing => AnswerBody::Whole("".into()),
            Self::Ticket => AnswerBody::Whole(TICKET.into()),
            Self::Code(code) => AnswerBody::Whole(format!(r#"{{"code":{code},"message":"words"}}"#).into()),
            Self::Garbage => AnswerBody::Whole("<html>code: 121</html>".into()),
            Self::Cut => AnswerBody::Cut,
            Self::TooLarge => AnswerBody::TooLarge,
        }
    }
}

/// That table, and nothing of the crate's own.
fn expected(status: u16, carries: Carries, context: JudgeContext<'_>) -> &'static str {
    let no_ticket = if context.simulated {
        "in doubt"
    } else {
        "unticketed"
    };
    if status / 100 == 2 {
        return match carries {
            Carries::Ticket => "accepted",
            // Once in doubt, only a ticket or a duplicate ends it.
            _ if context.doubted => "in doubt",
            _ => no_ticket,
        };
    }
    if status / 100 == 3 {
        return "in doubt, stop";
    }
    if [401, 402, 403].contains(&status) {
        return "account";
    }
    if [404, 405, 413, 415].contains(&status) {
        return "refused";
    }
    if status == 429 {
        return "cool, after";
    }
    let Carries::Code(code) = carries else {
        return "in doubt";
    };
    if ![400, 409, 422].contains(&status) {
        return "in doubt";
    }
    match code {
        120 | 133 if context.doubted => no_ticket,
        126 | 127 | 129 | 130 | 153 => "not processed, after",
        101 | 104 | 105 | 108 | 109 | 113 | 114 => "account",
        // 0 says that there was no error, so it is none that could be read; a duplicate here is somebody else's.
        0 | 120 | 133 | 125 | 500 | 501 => "in doubt",
        _ => "refused",
    }
}

#[test]
fn every_status_with_every_body_is_judged_as_the_table_says() {
    // Every code that Octopush has published is below 600.
    let codes = (0..600).chain([777, u32::MAX]);
    let mut bodies: Vec<Carries> = codes.map(Carries::Code).collect();
    bodies.extend([
        Carries::Nothing,
        Carries::Ticket,
        Carries::Garbage,
        Carries::Cut,
        Carries::TooLarge,
    ]);
    for status in 100..=599 {
        for &carries in &bodies {
            for context in [PLAIN, DOUBTED, SIMULATED] {
                let verdict = judge(&answered(status, carries.body()), &context);
                assert_eq!(
                    word(&verdict),
                    expected(status, carries, context),
                    "{status} with {carries:?} in {context:?}: {verdict:?}"
                );
            }
        }
    }
}

#[test]
fn an_attempt_without_an_answer_is_judged_by_what_the_protocol_proves() {
    let text = || "why".to_owned();
    let tls = |certificate| {
        Evidence::Unsent(Unsent::Tls {
            certificate,
            detail: text(),
        })
    };
    for (evidence, expected) in [
        (Evidence::Unsent(Unsent::Dns(text())), "unsent"),
        (Evidence::Unsent(Unsent::Connect(text())), "unsent"),
        (tls(false), "unsent"),
        (tls(true), "unsent, hopeless"),
        (Evidence::Unsent(Unsent::Cancelled(text())), "unsent"),
        (
            Evidence::NotProcessed(NotProcessed::RefusedStream),
            "not processed",
        ),
        (Evidence::NotProcessed(NotProcessed::GoAway), "not processed"),
        (Evidence::Lost(Lost::Timeout), "in doubt"),
        (Evidence::Lost(Lost::Reset(text())), "in doubt"),
        (Evidence::Lost(Lost::Eof(text())), "in doubt"),
        (Evidence::Lost(Lost::Protocol(text())), "in doubt"),
        (Evidence::Lost(Lost::Abandoned), "in doubt"),
    ] {
        for context in [PLAIN, DOUBTED, SIMULATED] {
            assert_eq!(word(&judge(&evidence, &context)), expected, "{evidence:?}");
        }
    }
}

#[test]
fn statuses_that_http_does_not_know_are_in_doubt() {
    for status in [0, 99, 600, 999, u16::MAX] {
        for body in ["", TICKET, r#"{"code":121,"message":"words"}"#] {
            assert_eq!(word(&judge(&whole(status, body), &PLAIN)), "in doubt", "{status}");
        }
    }
}

#[test]
fn an_acceptance_carries_ticket_cost_and_counts() {
    let five = r#"{"sms_ticket":"sms_5f3fbce61266e","number_of_contacts":1,"number_of_sms_needed":2,"residual_credit":94.995,"total_cost":5.00502839,"code":0}"#;
    for status in [200, 201, 202, 207] {
        let Verdict::Accepted(acceptance) = judge(&whole(status, five), &PLAIN) else {
            panic!("{status} is not accepted");
        };
        assert_eq!(acceptance.ticket, "sms_5f3fbce61266e");
        assert_eq!((acceptance.contacts, acceptance.units), (Some(1), Some(2)));
        assert_eq!(acceptance.cost.unwrap().to_string(), "5.00502839");
        assert_eq!(acceptance.residual_credit.unwrap().to_string(), "94.995");
        assert_eq!(acceptance.currency.code(), "EUR");
    }
}

#[test]
fn a_refusal_carries_what_the_provider_said_unknown_codes_too() {
    let body = "{\"code\":777,\"message\":\"\\u001b[31mNo such thing\\nfor +33612344821\"}";
    let Verdict::Refused(refusal) = judge(&whole(400, body), &PLAIN) else {
        panic!("not refused");
    };
    assert_eq!((refusal.status, refusal.code), (400, Some(777)));
    assert_eq!(refusal.message, "[31mNo such thing for +33*****4821");
    let Verdict::Account(refusal) = judge(&answered(401, AnswerBody::Cut), &PLAIN) else {
        panic!("not the account");
    };
    assert_eq!(
        (refusal.status, refusal.code, refusal.message.as_str()),
        (401, None, "")
    );
}

#[test]
fn the_delay_that_the_provider_asks_for_goes_on() {
    let delay = |evidence: &Evidence| match judge(evidence, &PLAIN) {
        Verdict::NotProcessed { after, .. } => after,
        other => panic!("{other:?}"),
    };
    assert_eq!(delay(&whole(429, "")), Some(Duration::from_secs(7)));
    assert_eq!(
        delay(&whole(400, r#"{"code":153}"#)),
        Some(Duration::from_secs(7))
    );
    let without = Evidence::Answered(Answer {
        status: 429,
        retry_after: None,
        date: None,
        body: AnswerBody::Cut,
    });
    assert_eq!(delay(&without), None);
}

#[test]
fn which_codes_mean_a_duplicate_is_the_campaign_files_to_say() {
    let context = JudgeContext {
        duplicate_codes: &[777],
        ..DOUBTED
    };
    let judged = |code: u32, context: &JudgeContext<'_>| {
        word(&judge(&whole(422, &format!(r#"{{"code":{code}}}"#)), context))
    };
    assert_eq!(judged(777, &context), "unticketed");
    assert_eq!(judged(777, &DOUBTED), "refused");
    assert_eq!(judged(120, &context), "refused");
    assert_eq!(judged(120, &DOUBTED), "unticketed");
}

#[test]
fn reasons_say_what_happened() {
    let reason = |evidence: &Evidence, context: &JudgeContext<'_>| match judge(evidence, context) {
        Verdict::Unticketed { reason }
        | Verdict::Unsent { reason, .. }
        | Verdict::NotProcessed { reason, .. }
        | Verdict::InDoubt { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    let check = |evidence: &Evidence, expected: &str| assert_eq!(reason(evidence, &PLAIN), expected);
    check(&whole(503, ""), "answered 503");
    check(
        &whole(500, r#"{"code":500,"message":""}"#),
        "answered 500, code 500: Octopush could not process the request",
    );
    check(&whole(400, "<html>"), "answered 400, without a readable error");
    check(
        &whole(302, ""),
        "answered 302: a redirect, and none is followed; check base_url",
    );
    check(
        &whole(200, r#"{"code":121,"message":"Mention STOP is missing."}"#),
        "answered 200, code 121: Mention STOP is missing., without a readable ticket",
    );
    check(
        &answered(201, AnswerBody::Cut),
        "answered 201, body cut off, without a readable ticket",
    );
    check(&whole(429, ""), "answered 429: too many requests");
    check(
        &whole(400, r#"{"code":120,"message":"again"}"#),
        "answered 400, code 120: again: no attempt of ours was in doubt, another ledger may have sent it",
    );
    check(
        &Evidence::Lost(Lost::Reset("\u{1b}]0;x\u{7} to +33612344821".to_owned())),
        "lost: reset: ]0;x to +33*****4821",
    );
    assert_eq!(
        reason(&whole(400, r#"{"code":120,"message":"again"}"#), &DOUBTED),
        "answered 400, code 120: again: the attempt in doubt had been accepted, its ticket is unknown"
    );
}

#[test]
fn deep_and_long_bodies_are_judged_too() {
    for body in [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(200_000),
        "9".repeat(1 << 20),
    ] {
        assert_eq!(word(&judge(&whole(400, &body), &PLAIN)), "in doubt");
        assert_eq!(word(&judge(&whole(201, &body), &PLAIN)), "unticketed");
    }
    let nested = format!(
        r#"{{"sms_ticket":"t","x":{}{}}}"#,
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    // What is not asked for is skipped without recursion.
    assert_eq!(word(&judge(&whole(201, &nested), &PLAIN)), "accepted");
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<Vec<u8>>(),
        "(?s).{0,60}".prop_map(String::into_bytes),
        // Near misses: the right keys with anything behind them.
        proptest::collection::vec(
            (
                "sms_ticket|ticket_number|code|message|total_cost|number_of_contacts",
                "-?[0-9]{1,40}(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,12})?|\"[ -~]{0,12}\"|null|\\[\\]|\\{\\}|tru",
            ),
            0..5,
        )
        .prop_map(|members| {
            let members: Vec<String> = members
                .iter()
                .map(|(key, token)| format!("\"{key}\":{token}"))
                .collect();
            format!("{{{}}}", members.join(",")).into_bytes()
        }),
    ]
}

proptest! {
    #[test]
    fn no_body_makes_it_panic_or_claim_what_the_status_denies(
        status: u16, body in bodies(), doubted: bool, simulated: bool,
    ) {
        let context = JudgeContext { doubted, simulated, ..PLAIN };
        let verdict = judge(&answered(status, AnswerBody::Whole(body.into())), &context);
        let success = (200..300).contains(&status);
        prop_assert_eq!(matches!(verdict, Verdict::Accepted(_)) && !success, false);
        let frees = matches!(verdict, Verdict::Refused(_) | Verdict::Account(_) | Verdict::NotProcessed { .. });
        prop_assert!(!frees || (400..500).contains(&status), "{:?}", verdict);
    }

    #[test]
    fn an_accepted_ticket_is_never_empty(body in bodies()) {
        if let Verdict::Accepted(acceptance) = judge(&answered(201, AnswerBody::Whole(body.into())), &PLAIN) {
            prop_assert!(!acceptance.ticket.trim().is_empty());
        }
    }
}
