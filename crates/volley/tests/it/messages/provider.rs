//! 5, 6, 8, 9 and 11: what the provider answers, or does not; and the limits that a run stops at.

use std::any::Any;

use mock_server::Config;

use super::Row;
use super::environment::send_once;
use crate::support::{Sandbox, contacts};
use crate::transport::authority::Authority;

const SEND: &str = "send campaign.toml contacts.ndjson";

pub(super) fn rows_of_5() -> Vec<Row> {
    vec![
        Row::new("the message is refused", SEND).after(|sandbox| {
            sandbox.faults(
                r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":119,"path":"send"}]}"#,
            );
        }),
        Row::new("the message is refused, with more to send", SEND).after(|sandbox| {
            sandbox.write("contacts.ndjson", contacts(0..25));
            sandbox.faults(
                r#"{"rules":[{"at":"after_read","do":"status","status":400,"code":121,"path":"send"}]}"#,
            );
        }),
        Row::new("a number is refused", SEND)
            .mock("[exotel]\nbad_numbers = [\"+33600000002\"]")
            .after(|sandbox| {
                sandbox.voice_campaign().write();
            }),
        Row::new(
            "a question is refused",
            "octopush list-campaign status sms_5f3fbce61266e --set octopush.base_url=MOCK/v1/public",
        ),
    ]
}

/// A batch in doubt.
pub(super) fn leave_a_doubt(sandbox: &Sandbox) {
    sandbox.faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#);
    sandbox.send(&["contacts.ndjson"]).run().expect(6);
}

pub(super) fn rows_of_6() -> Vec<Row> {
    vec![
        Row::new("an answer is lost", SEND).after(|sandbox| {
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#);
        }),
        Row::new("an answer is no answer", SEND).after(|sandbox| {
            sandbox.faults(
                r#"{"rules":[{"at":"after_commit","do":"status","status":502,"path":"sms-campaign/send"}]}"#,
            );
        }),
        Row::new(
            "every answer is lost",
            "send campaign.toml contacts.ndjson --set limits.batch_size=1",
        )
        .after(|sandbox| {
            sandbox.write("contacts.ndjson", contacts(0..30));
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#);
        }),
        Row::new("a doubt of an earlier run", SEND).after(leave_a_doubt),
        Row::new(
            "numbers that are still needed",
            "ledger forget spring --yes --reason 'a year is over'",
        )
        .after(leave_a_doubt),
        Row::new("an answer of Exotel's is lost", SEND).after(|sandbox| {
            sandbox.voice_campaign().write();
            sandbox
                .faults(r#"{"rules":[{"at":"after_read","do":"drop","path":"campaigns","method":"POST"}]}"#);
        }),
    ]
}

pub(super) fn rows_of_8() -> Vec<Row> {
    vec![
        Row::new(
            "nobody listens",
            "send campaign.toml contacts.ndjson --set octopush.base_url=http://127.0.0.1:1/",
        ),
        Row::new(
            "nobody listens, for a command",
            "octopush balance --set octopush.base_url=http://127.0.0.1:1/",
        ),
        Row::new(
            "nobody listens, for a check",
            "check campaign.toml --set octopush.base_url=http://127.0.0.1:1/",
        ),
        Row::new("a batch is put off five times", SEND).after(|sandbox| {
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":429,"retry_after":"0"}]}"#);
        }),
        Row::new("a certificate that does not hold", SEND).holding(stranger),
        Row::new(
            "a certificate that does not hold, at a check",
            "check campaign.toml",
        )
        .holding(stranger),
        Row::new("a check is answered with a redirect", "check campaign.toml").after(|sandbox| {
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":302}]}"#);
        }),
        Row::new(
            "a check is answered with an error of the server's",
            "check campaign.toml",
        )
        .after(|sandbox| {
            sandbox.faults(r#"{"rules":[{"at":"after_read","do":"status","status":503}]}"#);
        }),
    ]
}

/// A server whose certificate nobody vouches for.
fn stranger(sandbox: &Sandbox) -> Box<dyn Any> {
    let config = Config {
        tls: Some(Authority::new().server("localhost", 4_000)),
        ..Config::default()
    };
    let mock = mock_server::spawn_thread(config).expect("a mock");
    sandbox.write("ca.pem", Authority::new().pem());
    let base_url = mock.base_url().replace("127.0.0.1", "localhost");
    let campaign = sandbox.campaign().set("octopush.base_url", base_url);
    campaign.set("transport.ca_file", "ca.pem").write();
    Box::new(mock)
}

pub(super) fn rows_of_9() -> Vec<Row> {
    vec![
        Row::new(
            "the budget would be passed",
            "send campaign.toml contacts.ndjson --set limits.unit_price=1 --max-cost 4",
        ),
        Row::new(
            "an answer is dearer than its price",
            "send campaign.toml contacts.ndjson --set limits.unit_price=0.001 --max-cost 4",
        ),
        Row::new(
            "enough recipients",
            "send campaign.toml contacts.ndjson --max-recipients 2",
        ),
        Row::new(
            "too many invalid lines",
            "send campaign.toml contacts.ndjson --set limits.max_invalid=1",
        )
        .after(|sandbox| sandbox.append("contacts.ndjson", "{}\n{}\n{}\n")),
        Row::new(
            "too large a share of invalid lines",
            "plan campaign.toml contacts.ndjson --set limits.max_invalid=20%",
        )
        .after(|sandbox| sandbox.append("contacts.ndjson", "{}\n{}\n{}\n")),
        Row::new(
            "too little credit",
            "send campaign.toml contacts.ndjson --set limits.min_credit=10",
        )
        .mock("octopush.credit = '5'"),
        Row::new(
            "too little credit, at a check",
            "check campaign.toml --set limits.min_credit=10",
        )
        .mock("octopush.credit = '5'"),
    ]
}

pub(super) fn rows_of_11() -> Vec<Row> {
    const ACCOUNTS: &str = "[octopush]\naccounts = [{ login = 'you@example.org', key = 'secret' }]\n\
         [exotel]\naccounts = [{ sid = 'acme1', key = 'k', token = 'secret' }]";
    vec![
        Row::new("credentials are refused", SEND).mock(ACCOUNTS),
        Row::new("credentials are refused, at a check", "check campaign.toml").mock(ACCOUNTS),
        Row::new("credentials of Exotel's are refused", SEND)
            .mock(ACCOUNTS)
            .after(|sandbox| {
                sandbox.voice_campaign().write();
            }),
        Row::new("the credit is used up", "send campaign.toml more.ndjson")
            .mock("octopush.credit = '1'")
            .after(|sandbox| {
                send_once(sandbox);
                sandbox.write("more.ndjson", contacts(10..60));
            }),
    ]
}
