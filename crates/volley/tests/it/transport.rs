//! One campaign over every kind of connection: the same account each time.

pub(crate) mod authority;
mod certificates;
mod check;

use std::path::Path;

use mock_server::{Config, Protocols, Running, TlsIdentity};
use serde_json::json;

use crate::books::expect_agreement;
use crate::support::{Campaign, End, Sandbox, contacts};
use authority::Authority;

/// Thousands of requests, so that a connection that is closed after a hundred is closed often.
const REQUESTS: u32 = 2000;
const BATCH_SIZE: u32 = 5;
const RECIPIENTS: u32 = REQUESTS * BATCH_SIZE;
const CONNECTIONS: u64 = 3;

/// A way to the provider: how the server is, and what the campaign asks for.
#[derive(Clone, Copy)]
struct Way {
    tls: bool,
    protocols: Protocols,
    requests_per_connection: Option<u64>,
    http2: &'static str,
}

const CLEARTEXT: Way = Way {
    tls: false,
    protocols: Protocols::Both,
    requests_per_connection: None,
    http2: "auto",
};
const TLS: Way = Way {
    tls: true,
    ..CLEARTEXT
};

/// A campaign that went such a way.
struct Gone {
    mock: Running,
    end: End,
}

/// Sends the campaign that way, and asserts the account that every way has.
fn go(way: Way) -> Gone {
    let sandbox = Sandbox::without_mock();
    let authority = Authority::new();
    let mock = start(way, authority.server("localhost", 4_000));
    sandbox.write("ca.pem", authority.pem());
    campaign(&sandbox, &mock)
        .set("transport.http2", way.http2)
        .write();
    sandbox.write("contacts.ndjson", contacts(0..RECIPIENTS));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    expect_account(&sandbox, &mock, &end);
    Gone { mock, end }
}

fn start(way: Way, identity: TlsIdentity) -> Running {
    let mut config = Config::default();
    config.server.protocols = way.protocols;
    config.server.requests_per_connection = way
        .requests_per_connection
        .and_then(|limit| limit.try_into().ok());
    config.tls = way.tls.then_some(identity);
    mock_server::spawn_thread(config).expect("a mock")
}

/// A campaign for that mock, by the name that its certificate is for.
fn campaign<'a>(sandbox: &'a Sandbox, mock: &Running) -> Campaign<'a> {
    let base_url = format!("{}/v1/public", mock.base_url().replace("127.0.0.1", "localhost"));
    sandbox
        .campaign()
        .set("octopush.base_url", base_url)
        .set("limits.batch_size", BATCH_SIZE)
        .set("limits.connections", 3)
        .set("limits.requests_per_second", 20_000.0)
        .set("limits.unit_price", "0.0495")
        .set("transport.ca_file", "ca.pem")
}

/// The same for every way, but for what speed and connections decide.
#[track_caller]
fn expect_account(sandbox: &Sandbox, mock: &Running, end: &End) {
    end.expect(0).expect_lines(&[("accepted", RECIPIENTS.into())]);
    expect_agreement(sandbox, mock, end);
    let summary = end.summary();
    let stats = mock.stats().together;
    assert_eq!(
        summary["batches"],
        json!({"accepted": REQUESTS, "refused": 0, "in_doubt": 0}),
        "{end}"
    );
    assert_eq!(
        (&summary["tickets"], &summary["contacts"]),
        (&json!(REQUESTS), &json!(RECIPIENTS)),
        "{end}"
    );
    assert_eq!(
        summary["cost"]["total"].as_str().map(decimal),
        Some(stats.total_cost),
        "{end}"
    );
    assert_eq!(
        (
            stats.accepted_requests,
            stats.recipients,
            stats.distinct_recipients,
            stats.max_per_recipient
        ),
        (REQUESTS.into(), RECIPIENTS.into(), RECIPIENTS.into(), 1)
    );
    expect_requests(stats.requests, end);
}

/// Each batch was sent once, and again only where the provider had said that it did not look at it: a request behind
/// a GOAWAY is none that it counts.
#[track_caller]
fn expect_requests(seen: u64, end: &End) {
    let (sent, retried) = (requests(end, "sent"), requests(end, "retried"));
    assert_eq!(sent - retried, u64::from(REQUESTS), "{end}");
    assert!(
        (sent - retried..=sent).contains(&seen),
        "the provider saw {seen}\n{end}"
    );
}

fn decimal(text: &str) -> rust_decimal::Decimal {
    text.parse().expect("a decimal")
}

fn requests(end: &End, which: &str) -> u64 {
    end.summary()["requests"][which].as_u64().expect("a count")
}

#[test]
fn over_tls_exactly_the_connections_asked_for_and_all_http2() {
    let Gone { mock, end } = go(TLS);
    let stats = mock.stats().together;
    assert_eq!(stats.connections, CONNECTIONS, "{end}");
    assert_eq!(
        (stats.by_protocol.h2, stats.by_protocol.http1),
        (REQUESTS.into(), 0)
    );
    assert_eq!(requests(&end, "retried"), 0, "{end}");
}

#[test]
fn over_cleartext_http2_by_prior_knowledge() {
    let Gone { mock, end } = go(CLEARTEXT);
    let stats = mock.stats().together;
    assert_eq!(stats.connections, CONNECTIONS, "{end}");
    assert_eq!(stats.by_protocol.http1, 0);
}

#[test]
fn over_http1_where_the_campaign_asks_for_it() {
    for way in [CLEARTEXT, TLS] {
        let Gone { mock, end } = go(Way {
            http2: "never",
            ..way
        });
        let stats = mock.stats().together;
        assert_eq!(stats.connections, CONNECTIONS, "{end}");
        assert_eq!(stats.by_protocol.h2, 0);
    }
}

#[test]
fn over_http1_where_the_server_speaks_nothing_else() {
    for way in [CLEARTEXT, TLS] {
        let protocols = Protocols::Http1Only;
        let Gone { mock, .. } = go(Way { protocols, ..way });
        assert_eq!(mock.stats().together.by_protocol.h2, 0);
    }
}

#[test]
fn through_a_server_that_closes_every_http2_connection_after_a_hundred_requests() {
    for way in [CLEARTEXT, TLS] {
        expect_many_connections(Way {
            requests_per_connection: Some(100),
            ..way
        });
    }
}

#[test]
fn through_a_server_that_closes_every_http1_connection_after_a_hundred_requests() {
    for way in [CLEARTEXT, TLS] {
        let way = Way {
            requests_per_connection: Some(100),
            ..way
        };
        expect_many_connections(Way {
            http2: "never",
            ..way
        });
    }
}

fn expect_many_connections(way: Way) {
    let Gone { mock, end } = go(way);
    let connections = mock.stats().together.connections;
    assert!(
        connections >= u64::from(REQUESTS) / 100,
        "{connections} connections\n{end}"
    );
}

#[test]
fn a_connection_is_left_after_as_many_requests_as_the_campaign_says() {
    for http2 in ["auto", "never"] {
        let (mock, end) = send_few(|campaign| {
            campaign
                .set("transport.http2", http2)
                .set("transport.max_requests_per_connection", 10)
        });
        let connections = mock.stats().together.connections;
        assert!(
            connections >= 10,
            "{connections} connections for 100 requests\n{end}"
        );
    }
}

#[test]
fn every_request_has_a_connection_of_its_own_where_the_campaign_says_so() {
    for http2 in ["auto", "never"] {
        let (mock, end) = send_few(|campaign| {
            campaign
                .set("transport.http2", http2)
                .set("transport.fresh_connections", true)
        });
        let stats = mock.stats().together;
        assert_eq!(stats.connections, stats.requests, "{end}");
    }
}

/// A hundred requests over TLS by a campaign with some settings of its own.
fn send_few(settings: impl FnOnce(Campaign<'_>) -> Campaign<'_>) -> (Running, End) {
    let sandbox = Sandbox::without_mock();
    let authority = Authority::new();
    let mock = start(TLS, authority.server("localhost", 4_000));
    sandbox.write("ca.pem", authority.pem());
    settings(campaign(&sandbox, &mock)).write();
    sandbox.write("contacts.ndjson", contacts(0..500));
    let end = sandbox.send(&["contacts.ndjson"]).run();
    end.expect(0).expect_lines(&[("accepted", 500)]);
    expect_agreement(&sandbox, &mock, &end);
    (mock, end)
}

/// The path that a message may name.
fn shows(end: &End, text: &str) -> bool {
    end.stderr.contains(text)
        || end.summary()["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains(text))
}

/// Where a file of the sandbox lies, as the campaign file may name it.
fn text_of(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
