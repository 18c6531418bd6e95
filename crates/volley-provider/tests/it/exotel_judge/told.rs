//! What a verdict tells besides: the campaign's id, whom it names, how long to wait, and why.

use std::time::Duration;

use volley_model::{AnswerBody, Evidence, Lost, Verdict};
use volley_provider::exotel::{JudgeContext, judge};

use super::answers::{Carries, Holds};
use super::{judged, members};
use crate::evidence::{answered, whole, word};

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
