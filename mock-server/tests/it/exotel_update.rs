//! Changing campaigns, as "update campaign details", "update campaign" and "delete campaign" show it.

use http::Method;
use mock_server::{Config, Running};
use serde_json::{Value, json};

use crate::client::{BOTH, Protocol, mock, mock_with};
use crate::exotel_client::{Exotel, NUMBERS, campaign, data, expect_refusal, in_an_hour, in_minutes};

/// Every parameter of "update campaign details", as its table describes it.
fn literally() -> Value {
    json!({
        "from": NUMBERS[1..].join(","),
        "caller_id": "08087654321",
        "url": "http://my.exotel.com/acme1/exoml/start_voice/4343",
        "name": "diwali_campaign",
        "type": "trans",
        "call_duplicate_numbers": "true",
        "retries": { "number_of_retries": 2, "interval_mins": 5, "mechanism": "Exponential" },
        "on_status": ["busy", "no-answer"],
        "schedule": [{ "send_at": in_minutes(120), "end_at": in_minutes(180) }],
        "call_status_callback": "https://example.org/call",
        "call_schedule_callback": "https://example.org/number",
        "status_callback": "https://example.org/campaign",
        "custom_field": "batch-7",
    })
}

/// The same as the samples of "update campaign" send it.
fn as_others_send_it() -> Value {
    let mut body = literally();
    body["from"] = json!(&NUMBERS[1..]);
    body["call_duplicate_numbers"] = json!(true);
    body["retries"]["on_status"] = body["on_status"].take();
    body["schedule"] = body["schedule"][0].take();
    json!({ "campaigns": [body] })
}

fn expect_all_changed(changed: &Value) {
    let check =
        |pointer: &str, expected: Value| assert_eq!(changed.pointer(pointer), Some(&expected), "{pointer}");
    check("/caller_id", json!("08087654321"));
    check("/url", json!("http://my.exotel.com/acme1/exoml/start_voice/4343"));
    check("/name", json!("diwali_campaign"));
    check("/call_duplicate_numbers", json!(true));
    check("/retries/number_of_retries", json!(2));
    check("/retries/mechanism", json!("Exponential"));
    check("/retries/on_status", json!(["busy", "no-answer"]));
    check("/call_status_callback", json!("https://example.org/call"));
    check("/call_schedule_callback", json!("https://example.org/number"));
    check("/status_callback", json!("https://example.org/campaign"));
    check("/custom_field", json!("batch-7"));
    check("/status", json!("Created"));
}

#[tokio::test]
async fn the_pages_update_changes_every_parameter_before_the_start_literally_and_as_others_send_it() {
    for protocol in BOTH {
        for body in [literally(), as_others_send_it()] {
            let mock = mock(Config::default()).await;
            let mut exotel = Exotel::connect(&mock, protocol).await;
            let id = exotel.create(in_an_hour(&NUMBERS[..1])).await;
            let path = format!("/campaigns/{id}");
            let answer = exotel.ask(Method::PUT, &path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.json()["method"], "PUT");
            expect_all_changed(&data(&answer));
            let shown = exotel.show(&id).await;
            expect_all_changed(&shown);
            assert_eq!(shown["from"], json!(&NUMBERS[1..]));
            let recorded: Vec<String> = mock.recipients().into_iter().map(|row| row.number).collect();
            assert_eq!(recorded, ["+919812345670", "+919812345679"]);
            let tickets = mock.tickets();
            assert_eq!((tickets.len(), tickets[0].recipients), (1, 2));

            // Its old time has passed, its new one has not.
            mock.advance_clock(90 * 60);
            assert_eq!(exotel.state(&id).await, "Created");
            mock.advance_clock(31 * 60);
            assert_eq!(exotel.state(&id).await, "InProgress");
        }
    }
}

#[tokio::test]
async fn after_the_start_only_the_action_and_the_callbacks_change() {
    for protocol in BOTH {
        let mock = mock(Config::default()).await;
        let mut exotel = Exotel::connect(&mock, protocol).await;
        let id = exotel.create(in_an_hour(&NUMBERS)).await;
        mock.advance_clock(3601);
        let mut all = literally();
        all["lists"] = json!(["d49b7a4781ea45dcb702825ce30494ba"]);
        for (name, value) in all.as_object().expect("an object") {
            let answer = exotel.put(&id, json!({ name.as_str(): value })).await;
            if name.ends_with("_callback") {
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert_eq!(&data(&answer)[name], value);
            } else {
                expect_refusal(&answer, 400, 1002, &format!("{name} cannot be updated"));
            }
            let flat = exotel
                .ask(
                    Method::PUT,
                    &format!("/campaigns/{id}"),
                    &json!({ name.as_str(): value }),
                )
                .await;
            assert_eq!(flat.status, answer.status, "{name}");
        }
        let path = format!("/campaigns/{id}");
        let whole = exotel.ask(Method::PUT, &path, &all).await;
        expect_refusal(&whole, 400, 1002, "cannot be updated");
        let paused = exotel
            .put(
                &id,
                json!({ "action": "pause", "status_callback": "https://example.org/new" }),
            )
            .await;
        assert_eq!(data(&paused)["status"], "Paused");
        assert_eq!(data(&paused)["status_callback"], "https://example.org/new");
        let mixed = exotel
            .put(&id, json!({ "action": "resume", "name": "other" }))
            .await;
        expect_refusal(&mixed, 400, 1002, "name cannot be updated");
        assert_eq!(exotel.state(&id).await, "Paused");
    }
}

#[tokio::test]
async fn an_update_is_carried_out_as_a_whole_or_not_at_all() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(in_an_hour(&NUMBERS[..1])).await;
    let mut refuse = async |change: Value, code: u64, text: &str| {
        let answer = exotel.put(&id, change).await;
        expect_refusal(&answer, 400, code, text);
        assert_eq!(exotel.show(&id).await["name"], "holi_campaign");
        assert_eq!(mock.recipients()[0].number, NUMBERS[0]);
    };
    refuse(
        json!({ "name": "other", "from": ["+919812345679", "+1"] }),
        1002,
        "Invalid PhoneNumber +1",
    )
    .await;
    refuse(
        json!({ "name": "other", "from": [NUMBERS[1]], "type": "promo" }),
        1002,
        "type",
    )
    .await;
    refuse(
        json!({ "name": "other", "action": "resume" }),
        1002,
        "not allowed",
    )
    .await;
    refuse(
        json!({ "name": "other", "schedule": { "send_at": in_minutes(-5) } }),
        1002,
        "future",
    )
    .await;
    let two = json!({ "campaigns": [{ "name": "other" }, { "name": "other" }] });
    let answer = exotel.ask(Method::PUT, &format!("/campaigns/{id}"), &two).await;
    expect_refusal(&answer, 400, 1002, "one campaign");
    let unknown = exotel
        .put("d49b7a4781ea45dcb702825ce30494ba", json!({ "name": "other" }))
        .await;
    expect_refusal(&unknown, 404, 1000, "");
}

#[tokio::test]
async fn each_action_leads_from_its_states_to_another() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(in_an_hour(&NUMBERS)).await;
    let mut act = async |action: &str, expected: Result<&str, ()>| {
        let answer = exotel.put(&id, json!({ "action": action })).await;
        match expected {
            Ok(state) => assert_eq!(data(&answer)["status"], state, "{action}"),
            Err(()) => expect_refusal(&answer, 400, 1002, "not allowed"),
        }
    };
    act("resume", Err(())).await;
    act("complete", Err(())).await;
    act("archive", Err(())).await;
    act("pause", Ok("Paused")).await;
    act("pause", Err(())).await;
    act("resume", Ok("Created")).await;
    mock.advance_clock(3601);
    act("pause", Ok("Paused")).await;
    act("archive", Err(())).await;
    act("resume", Ok("InProgress")).await;
    act("complete", Err(())).await;
    act("pause", Ok("Paused")).await;
    act("complete", Ok("Completed")).await;
    act("resume", Err(())).await;
    act("pause", Err(())).await;
    act("archive", Ok("Archived")).await;
    act("archive", Err(())).await;
    let stop = exotel.put(&id, json!({ "action": "stop" })).await;
    expect_refusal(&stop, 400, 1002, "action must be");
}

#[tokio::test]
async fn an_action_that_is_not_allowed_is_a_400_or_an_item_of_409() {
    for (switch, status, item) in [("bad_request", 400, 400), ("item_conflict", 200, 409)] {
        let mock = mock_with(&format!("[exotel]\nillegal_action = \"{switch}\"")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
        let id = exotel.create(in_an_hour(&NUMBERS)).await;
        let answer = exotel.put(&id, json!({ "action": "resume" })).await;
        expect_refusal(&answer, status, 1002, "resume is not allowed");
        assert_eq!(answer.json()["response"][0]["code"], item);
    }
}

async fn started_and_waiting(mock: &Running, exotel: &mut Exotel) -> (String, String) {
    let started = exotel
        .create(campaign(&NUMBERS[..1], &json!({ "name": "started" })))
        .await;
    let waiting = exotel.create(in_an_hour(&NUMBERS[..2])).await;
    assert_eq!(mock.stats().exotel.max_per_recipient, 2);
    (started, waiting)
}

#[tokio::test]
async fn only_a_campaign_that_has_not_started_is_deleted_and_then_reaches_nobody() {
    for (gone, status) in [(false, 200), (true, 404)] {
        let mock = mock_with(&format!("[exotel]\ndeleted_is_gone = {gone}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let (started, waiting) = started_and_waiting(&mock, &mut exotel).await;
        expect_refusal(&exotel.delete(&started).await, 400, 1002, "InProgress");
        let answer = exotel.delete(&waiting).await;
        assert_eq!(
            (answer.status, &data(&answer)["status"]),
            (200, &json!("Deleted"))
        );
        let stats = mock.stats().exotel;
        assert_eq!(
            (
                stats.recipients,
                stats.distinct_recipients,
                stats.max_per_recipient
            ),
            (1, 1, 1)
        );
        assert_eq!((stats.accepted_requests, stats.cancelled_requests), (2, 1));
        assert!(mock.tickets()[1].cancelled);
        assert_eq!(exotel.get(&format!("/campaigns/{waiting}")).await.status, status);
        let again = exotel.delete(&waiting).await.status;
        assert_eq!(again, if gone { 404 } else { 400 });
        let listed = exotel.get("/campaigns").await.json()["metadata"]["total"].clone();
        assert_eq!(listed, if gone { 1 } else { 2 });
        mock.advance_clock(7200);
        assert_eq!(mock.stats().exotel.total_cost.to_string(), "0.4");
    }
}

#[tokio::test]
async fn a_campaign_is_deleted_until_its_time_and_while_it_is_paused_before() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let paused = exotel.create(in_an_hour(&NUMBERS)).await;
    let late = exotel.create(in_an_hour(&NUMBERS)).await;
    assert_eq!(
        exotel.put(&paused, json!({ "action": "pause" })).await.status,
        200
    );
    assert_eq!(exotel.delete(&paused).await.status, 200);
    assert_eq!(exotel.put(&late, json!({ "action": "pause" })).await.status, 200);
    mock.advance_clock(3601);
    expect_refusal(&exotel.delete(&late).await, 400, 1002, "Paused");
    assert_eq!(mock.stats().exotel.recipients, 3);
}

#[tokio::test]
async fn a_campaign_without_a_date_stays_created_for_as_long_as_the_switch_says() {
    for (lag_ms, state, deleted) in [(0, "InProgress", 400), (60_000, "Created", 200)] {
        let mock = mock_with(&format!("[exotel]\nstart_lag_ms = {lag_ms}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
        assert_eq!(exotel.state(&id).await, state);
        assert_eq!(exotel.delete(&id).await.status, deleted);
        let other = exotel.create(campaign(&NUMBERS, &json!({}))).await;
        mock.advance_clock(60);
        assert_eq!(exotel.state(&other).await, "InProgress");
    }
}

#[tokio::test]
async fn repeated_numbers_come_and_go_with_their_flag() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel
        .create(in_an_hour(&[NUMBERS[0], NUMBERS[0], NUMBERS[1]]))
        .await;
    let mut check = async |change: Value, recipients: u64, most: u64| {
        assert_eq!(exotel.put(&id, change).await.status, 200);
        let stats = mock.stats().exotel;
        assert_eq!((stats.recipients, stats.max_per_recipient), (recipients, most));
    };
    check(json!({ "name": "other" }), 2, 1).await;
    check(json!({ "call_duplicate_numbers": "true" }), 3, 2).await;
    check(json!({ "from": format!("{0},{0},{0}", NUMBERS[2]) }), 3, 3).await;
    check(json!({ "call_duplicate_numbers": false }), 1, 1).await;
    check(json!({ "lists": ["mine"] }), 20, 1).await;
    assert_eq!(mock.tickets()[0].recipients, 20);
}
