//! `judge` against the table "What the wire proves" of `docs/guarantee.md`, written out here a second time and plainly, with what is
//! Exotel's own.

use std::time::Duration;

use proptest::prelude::*;
use volley_model::{Answer, AnswerBody, Evidence, Lost, Msisdn, NotProcessed, Unsent, Verdict};
use volley_provider::exotel::{JudgeContext, judge};

const MEMBER: &str = "+919812345678";

fn members() -> [Msisdn; 2] {
    [919_812_345_678, 919_812_345_679].map(|digits| Msisdn::new(digits).unwrap())
}

fn answered(status: u16, body: AnswerBody) -> Evidence {
    Evidence::Answered(Answer {
        status,
        retry_after: Some(Duration::from_secs(7)),
        date: None,
        body,
    })
}

fn whole(status: u16, body: &str) -> Evidence {
    answered(status, AnswerBody::Whole(body.to_owned().into()))
}

fn judged(evidence: &Evidence) -> Verdict {
    judge(evidence, &JudgeContext { members: &members() })
}

/// A verdict in one word, with all that is not text.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted(_) => "accepted",
        Verdict::Unticketed { .. } => "unticketed",
        Verdict::Refused(_) => "refused",
        Verdict::RefusedFor { .. } => "refused for one",
        Verdict::Account(_) => "account",
        Verdict::Unsent { hopeless: false, .. } => "unsent",
        Verdict::Unsent { hopeless: true, .. } => "unsent, hopeless",
        Verdict::NotProcessed { cools_all: false, .. } => "not processed",
        Verdict::NotProcessed {
            cools_all: true,
            after: None,
            ..
        } => "cool",
        Verdict::NotProcessed {
            cools_all: true,
            after: Some(_),
            ..
        } => "cool, after",
        Verdict::InDoubt { stops: false, .. } => "in doubt",
        Verdict::InDoubt { stops: true, .. } => "in doubt, stop",
    }
}

/// What one item of an answer carries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Holds {
    /// `data` and `error_data` are null.
    Nothing,
    /// A campaign with an id.
    Id,
    /// A campaign without one.
    NoId,
    /// An error with a code.
    Error(u32),
    /// An error that names a member, with a code or without.
    Names(Option<u32>),
    /// An error that names a number that is no member.
    NamesAnother,
    /// An error, and yet an id.
    Both,
}

const ERRORS: [u32; 14] = [
    0,
    1000,
    1001,
    1002,
    1003,
    1004,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1100,
    u32::MAX,
];

/// What an answer carries.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Carries {
    /// One item, with its `code` and what it holds.
    Item(Option<u16>, Holds),
    /// The campaign itself, not wrapped.
    Bare,
    /// Two items, each a success with an id.
    Two,
    /// An empty `response`.
    NoItem,
    /// The older API's way of failing.
    Exception(u16),
    Garbage,
    Text,
    Empty,
    Cut,
    TooLarge,
}

fn item(code: Option<u16>, holds: Holds) -> String {
    let code = code.map(|code| format!(r#""code":{code},"#)).unwrap_or_default();
    let (id, error) = (
        r#"{"id":"491dd6c97d64475ba0ce346a18530ce5","name":"n","status":"Created"}"#.to_owned(),
        |code: &str, text: &str| format!(r#"{{{code}"message":"Invalid parameter","description":"{text}"}}"#),
    );
    let none = || "null".to_owned();
    let (data, error) = match holds {
        Holds::Nothing => (none(), none()),
        Holds::Id => (id, none()),
        Holds::NoId => (r#"{"name":"n"}"#.to_owned(), none()),
        Holds::Error(code) => (none(), error(&format!(r#""code":{code},"#), "words")),
        Holds::Names(code) => {
            let code = code.map(|code| format!(r#""code":{code},"#)).unwrap_or_default();
            (none(), error(&code, &format!("{MEMBER} is no number")))
        }
        Holds::NamesAnother => (none(), error(r#""code":1002,"#, "+919812345670 is no number")),
        Holds::Both => (id, error(r#""code":1002,"#, "words")),
    };
    format!(r#"{{{code}"status":"words","data":{data},"error_data":{error}}}"#)
}

impl Carries {
    fn body(self) -> AnswerBody {
        let response = |response: &str| {
            let head = r#""request_id":"c6084ac2e9a44812834b42577f01937b","method":"POST""#;
            AnswerBody::Whole(format!(r#"{{{head},"response":{response}}}"#).into())
        };
        match self {
            Self::Item(code, holds) => response(&format!("[{}]", item(code, holds))),
            Self::Bare => response(r#"[{"id":"c1","name":"n","status":"Created"}]"#),
            Self::Two => {
                let one = item(Some(200), Holds::Id);
                response(&format!("[{one},{one}]"))
            }
            Self::NoItem => response("[]"),
            Self::Exception(status) => AnswerBody::Whole(
                format!(r#"{{"RestException":{{"Status":{status},"Message":"{MEMBER}"}}}}"#).into(),
            ),
            Self::Garbage => AnswerBody::Whole("<html>code: 1002</html>".into()),
            Self::Text => AnswerBody::Whole("Bad Request".into()),
            Self::Empty => AnswerBody::Whole("".into()),
            Self::Cut => AnswerBody::Cut,
            Self::TooLarge => AnswerBody::TooLarge,
        }
    }

    fn id(self) -> bool {
        matches!(self, Self::Bare | Self::Item(_, Holds::Id | Holds::Both))
    }
}

/// That table, and nothing of the crate's own.
fn expected(status: u16, carries: Carries) -> &'static str {
    let success = status / 100 == 2;
    let body_counts = success || [400, 409, 422].contains(&status);
    let within = match carries {
        Carries::Item(Some(code), _) if body_counts => code,
        Carries::Exception(429) if body_counts => 429,
        Carries::Exception(code) if body_counts && !success => code,
        _ => status,
    };
    if within / 100 == 2 {
        let contradicts = matches!(carries, Carries::Item(_, Holds::Both));
        return if success && carries.id() && !contradicts {
            "accepted"
        } else {
            "in doubt"
        };
    }
    if body_counts && carries.id() {
        return "in doubt";
    }
    if within / 100 == 3 {
        return "in doubt, stop";
    }
    match within {
        401..=403 => "account",
        404 | 405 | 413 | 415 => "refused",
        429 => "cool, after",
        400 | 409 | 422 => error(carries),
        _ => "in doubt",
    }
}

/// What an error means, where it counts.
fn error(carries: Carries) -> &'static str {
    match carries {
        Carries::Item(_, Holds::Error(code)) => match code {
            1003 | 1010 => "account",
            1008 | 1100 => "in doubt",
            _ => "refused",
        },
        Carries::Item(_, Holds::Names(code)) => match code {
            Some(1003 | 1010) => "account",
            Some(1008 | 1100) => "in doubt",
            Some(1000 | 1001 | 1007 | 1011 | 1012) => "refused",
            _ => "refused for one",
        },
        Carries::Item(_, Holds::NamesAnother) => "refused",
        Carries::Exception(_) => "refused for one",
        _ => "in doubt",
    }
}

/// Every kind of item, with every kind of status of its own.
fn bodies() -> Vec<Carries> {
    let mut holds = vec![
        Holds::Nothing,
        Holds::Id,
        Holds::NoId,
        Holds::NamesAnother,
        Holds::Both,
    ];
    holds.push(Holds::Names(None));
    holds.extend(ERRORS.map(Holds::Error));
    holds.extend(ERRORS.map(|code| Holds::Names(Some(code))));
    let codes = [
        0, 99, 100, 200, 201, 202, 207, 299, 302, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 418,
        422, 429, 500, 503, 599, 600, 65_535,
    ];
    let mut bodies = vec![
        Carries::Bare,
        Carries::Two,
        Carries::NoItem,
        Carries::Garbage,
        Carries::Text,
        Carries::Empty,
        Carries::Cut,
        Carries::TooLarge,
    ];
    for holds in holds {
        bodies.push(Carries::Item(None, holds));
        bodies.extend(codes.map(|code| Carries::Item(Some(code), holds)));
    }
    bodies.extend(codes.map(Carries::Exception));
    bodies
}

#[test]
fn every_status_with_every_body_is_judged_as_the_table_says() {
    for carries in bodies() {
        let body = carries.body();
        let plain = matches!(carries, Carries::Item(Some(200 | 400 | 429), _))
            || !matches!(carries, Carries::Item(..));
        for status in 100..=599 {
            // Where the body counts, each status within is tried; elsewhere a few of them.
            if !plain
                && !matches!(
                    status,
                    200 | 207 | 299 | 302 | 400 | 401 | 404 | 408 | 409 | 422 | 429 | 500
                )
            {
                continue;
            }
            let verdict = judged(&answered(status, body.clone()));
            assert_eq!(
                word(&verdict),
                expected(status, carries),
                "{status} with {carries:?}: {verdict:?}"
            );
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
        assert_eq!(word(&judged(&evidence)), expected, "{evidence:?}");
    }
}

#[test]
fn statuses_that_http_does_not_know_are_in_doubt() {
    for status in [0, 99, 600, 999, u16::MAX] {
        for carries in [Carries::Empty, Carries::Bare, Carries::Item(Some(200), Holds::Id)] {
            let verdict = judged(&answered(status, carries.body()));
            assert_eq!(word(&verdict), "in doubt", "{status}");
        }
    }
}

#[test]
fn an_acceptance_carries_the_campaign_s_id_and_no_cost() {
    for status in [200, 201, 202, 207] {
        let Verdict::Accepted(acceptance) =
            judged(&answered(status, Carries::Item(Some(200), Holds::Id).body()))
        else {
            panic!("{status} is not accepted");
        };
        assert_eq!(acceptance.ticket, "491dd6c97d64475ba0ce346a18530ce5");
        assert_eq!(
            (acceptance.contacts, acceptance.cost, acceptance.units),
            (None, None, None)
        );
    }
}

#[test]
fn a_named_member_is_told_whole_and_the_message_is_masked() {
    for (status, code) in [
        (400, None),
        (400, Some(400)),
        (422, Some(422)),
        (200, Some(400)),
        (207, Some(409)),
    ] {
        let Verdict::RefusedFor { number, refusal } = judged(&answered(
            status,
            Carries::Item(code, Holds::Names(Some(1002))).body(),
        )) else {
            panic!("{status} {code:?} is not refused for a number");
        };
        assert_eq!(number, members()[0]);
        assert_eq!(
            (refusal.status, refusal.code),
            (code.unwrap_or(status), Some(1002))
        );
        assert_eq!(refusal.message, "Invalid parameter: +91*****5678 is no number");
    }
    // A request that is no batch has no members.
    let evidence = answered(400, Carries::Item(None, Holds::Names(Some(1002))).body());
    assert_eq!(word(&judge(&evidence, &JudgeContext::default())), "refused");
}

#[test]
fn too_many_requests_is_understood_in_all_its_forms() {
    for (status, carries) in [
        (429, Carries::Empty),
        (429, Carries::Cut),
        (429, Carries::Exception(429)),
        (200, Carries::Item(Some(429), Holds::Nothing)),
        (207, Carries::Item(Some(429), Holds::Error(1004))),
        (200, Carries::Exception(429)),
        (400, Carries::Exception(429)),
    ] {
        let Verdict::NotProcessed { after, cools_all, .. } = judged(&answered(status, carries.body())) else {
            panic!("{status} {carries:?}");
        };
        assert_eq!(
            (after, cools_all),
            (Some(Duration::from_secs(7)), true),
            "{status} {carries:?}"
        );
    }
}

#[test]
fn reasons_say_what_happened() {
    let check = |evidence: &Evidence, expected: &str| {
        let reason = match judged(evidence) {
            Verdict::Unsent { reason, .. }
            | Verdict::NotProcessed { reason, .. }
            | Verdict::InDoubt { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason, expected);
    };
    check(&whole(503, ""), "answered 503");
    check(
        &whole(503, "upstream for +919812345678 is down"),
        "answered 503: upstream for +91*****5678 is down",
    );
    check(&whole(400, "<html>"), "answered 400, without a readable error");
    check(
        &whole(302, ""),
        "answered 302: a redirect, and none is followed; check base_url",
    );
    check(
        &whole(200, r#"{"response":[{"code":200,"data":null}]}"#),
        "answered 200, without a campaign's id",
    );
    check(
        &answered(207, Carries::Two.body()),
        "answered 207, with 2 items for one campaign, without a campaign's id",
    );
    check(
        &answered(200, AnswerBody::Cut),
        "answered 200, body cut off, without a campaign's id",
    );
    check(
        &whole(
            200,
            r#"{"response":[{"code":409,"data":null,"error_data":{"code":1008}}]}"#,
        ),
        "answered 200, within it 409, code 1008: there is one of this name already",
    );
    check(
        &answered(400, Carries::Item(Some(400), Holds::Both).body()),
        "answered 400, code 1002: Invalid parameter: words, and yet there is a campaign's id",
    );
    check(
        &answered(200, Carries::Item(Some(429), Holds::Nothing).body()),
        "answered 200, within it 429: too many requests",
    );
    check(
        &Evidence::Lost(Lost::Reset("\u{1b}]0;x\u{7} to +919812345678".to_owned())),
        "lost: reset: ]0;x to +91*****5678",
    );
}

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
