//! Where Exotel's pages contradict each other (docs/exotel.md), a mock that insists on one reading: what Volley sends passes under
//! the one it follows; under the other it is refused in so many words, and nobody is called.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};
use volley_model::BatchState;

use super::{campaigns, expect_all_agree};
use crate::books::Books;
use crate::support::{End, Kept, Provider, Sandbox, contacts, for_both_ledgers};

/// Those that Volley's own form satisfies.
const FOLLOWED: &[&str] = &[
    "wrapped",
    "from_array",
    "boolean",
    "on_status_in_retries",
    "schedule_object",
    "content_type",
];

/// The others, each with what a refusal says of it.
const OTHERS: &[(&str, &str)] = &[
    ("flat", "campaigns is unknown"),
    ("from_string", "from"),
    ("boolean_as_text", "call_duplicate_numbers"),
    ("on_status_beside", "on_status"),
    ("schedule_array", "schedule"),
];

/// A campaign that has every contradictory field, to a mock that insists on these readings.
fn strict(kept: Kept, readings: &[&str]) -> Sandbox {
    let mock = format!("[exotel]\nstrict = {readings:?}\n");
    let sandbox = Sandbox::with_mock(&mock).of(Provider::Exotel.over(kept));
    let retries = "number_of_retries = 2\ninterval_mins = 5\non_status = [\"busy\", \"no-answer\"]";
    let table = |text: &str| -> toml::Table { text.parse().expect("toml") };
    sandbox
        .campaign()
        .set("limits.batch_size", 10)
        .set("exotel.retries", table(retries))
        .set(
            "exotel.schedule",
            table("send_at = \"2099-12-01T09:00:00+05:30\""),
        )
        .write();
    sandbox.write("contacts.ndjson", contacts(0..30));
    sandbox
}

/// `volley exotel campaign update ID` with every contradictory field, but for whom a campaign of ours calls.
fn update(sandbox: &Sandbox, id: &str, audience: Option<&str>) -> End {
    let fields = [
        "call_duplicate_numbers=true",
        "retries.number_of_retries=1",
        "retries.interval_mins=7",
        "retries.on_status=failed",
        "schedule.send_at=2099-12-02T09:00:00+05:30",
    ];
    let fields = fields
        .into_iter()
        .chain(audience)
        .flat_map(|field| ["--set", field]);
    sandbox
        .volley(["--json", "exotel", "campaign", "update", id])
        .args(fields)
        .args(["--set", "exotel.account_sid=acme1", "--set"])
        .arg(format!("exotel.base_url={}", sandbox.mock().base_url()))
        .run()
}

#[test]
fn what_is_sent_and_changed_passes_under_the_readings_that_it_follows() {
    for_both_ledgers(|kept| {
        let together = [FOLLOWED];
        let alone = FOLLOWED.iter().map(std::slice::from_ref);
        let all: Vec<&[&str]> = together.into_iter().chain(alone).collect();
        for readings in kept.first(1, &all) {
            let sandbox = strict(kept, readings);
            let end = sandbox.send(&["contacts.ndjson"]).run();
            assert_eq!(end.code(), 0, "{readings:?}\n{end}");
            end.expect_lines(&[("accepted", 30)]);
            expect_all_agree(&sandbox, &end);
            let id = sandbox.mock().tickets()[0].ticket.clone();
            let end = update(&sandbox, &id, None);
            assert_eq!(end.code(), 0, "{readings:?}\n{end}");
            let told = &end.summary()["response"][0]["data"];
            assert_eq!(told["call_duplicate_numbers"], true, "{readings:?}\n{end}");
            assert_eq!(
                (&told["retries"]["interval_mins"], &told["retries"]["on_status"]),
                (&json!(7), &json!(["failed"])),
                "{readings:?}\n{end}"
            );
            // Whom a campaign calls may change where it is not ours.
            let id = create_as_asked(&sandbox, "followed");
            let end = update(&sandbox, &id, Some("from=+919812345678,+919812345679"));
            assert_eq!(end.code(), 0, "{readings:?}\n{end}");
            let changed = sandbox
                .mock()
                .tickets()
                .into_iter()
                .find(|ticket| ticket.ticket == id);
            assert_eq!(
                changed.map(|ticket| ticket.recipients),
                Some(2),
                "{readings:?}\n{end}"
            );
        }
    });
}

#[test]
fn what_is_sent_is_refused_under_another_reading_and_nobody_is_called() {
    for_both_ledgers(|kept| {
        for (reading, told) in kept.first(1, OTHERS) {
            let sandbox = strict(kept, &[reading]);
            let end = sandbox.send(&["contacts.ndjson"]).run();
            // The first batch is refused: the rest is not tried.
            assert_eq!(end.code(), 5, "{reading}\n{end}");
            end.expect_lines(&[("refused", 10), ("pending", 20)]);
            let reason = end.summary()["reason"].as_str().unwrap_or_default().to_owned();
            assert!(
                reason.contains("Exotel answered 400, code 100") && reason.contains(told),
                "{reading}: it says what is wrong\n{end}"
            );
            assert_eq!(campaigns(&sandbox), 0, "{reading}\n{end}");
            assert_eq!(
                Books::open(&sandbox).batches(BatchState::Split),
                0,
                "no number is blamed: {reading}\n{end}"
            );
            expect_all_agree(&sandbox, &end);
        }
    });
}

#[test]
fn a_change_is_refused_under_another_reading_and_changes_nothing() {
    for (reading, told) in OTHERS {
        let sandbox = strict(Kept::File, &[reading]);
        let id = create_as_asked(&sandbox, reading);
        let before = shown(&sandbox, &id);
        let end = update(&sandbox, &id, Some("from=+919812345678"));
        assert_eq!(end.code(), 5, "{reading}\n{end}");
        assert!(
            end.stderr
                .contains("is not changed: Exotel answered 400, code 100")
                && end.stderr.contains(told),
            "{reading}: it says what is wrong\n{end}"
        );
        assert_eq!(shown(&sandbox, &id), before, "{reading}");
    }
}

/// Makes a campaign as the reading wants it, by hand: Volley does not write so. Its id.
fn create_as_asked(sandbox: &Sandbox, reading: &str) -> String {
    let mut campaign = json!({
        "from": ["+919876543210"], "caller_id": "08012345678", "name": "by hand",
        "url": "http://my.exotel.com/acme1/exoml/start_voice/4242",
        "schedule": {"send_at": "2099-12-01T09:00:00+05:30"},
    });
    match reading {
        "from_string" => campaign["from"] = json!("+919876543210"),
        "schedule_array" => campaign["schedule"] = json!([{"send_at": "2099-12-01T09:00:00+05:30"}]),
        _ => {}
    }
    let body = if reading == "flat" {
        campaign
    } else {
        json!({"campaigns": [campaign]})
    };
    let answer = ask(sandbox, "POST", "campaigns", &body.to_string());
    let id = answer["response"][0]["data"]["id"].as_str();
    id.unwrap_or_else(|| panic!("{reading}: {answer}")).to_owned()
}

/// What the provider has of it.
fn shown(sandbox: &Sandbox, id: &str) -> Value {
    ask(sandbox, "GET", &format!("campaigns/{id}"), "")["response"][0]["data"].clone()
}

/// One request over HTTP/1.1, on a connection of its own.
fn ask(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Value {
    let mut connection = TcpStream::connect(sandbox.mock().addr()).expect("the mock");
    let length = body.len();
    // Any credentials are good: `me:me`.
    let request = format!(
        "{method} /v2/accounts/acme1/{path} HTTP/1.1\r\nhost: mock\r\nauthorization: Basic bWU6bWU=\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).expect("a reader");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}
