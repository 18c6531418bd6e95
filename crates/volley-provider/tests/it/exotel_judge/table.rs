//! Every status with every body, and every attempt without an answer.

use volley_model::{Evidence, Lost, NotProcessed, Unsent};

use super::answers::{Carries, Holds};
use super::judged;
use crate::evidence::{answered, word};

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
