//! What becomes of a campaign while the clock passes: states, figures, rows, prices.

use mock_server::Config;
use serde_json::{Value, json};

use crate::client::{BOTH, Protocol, mock, mock_with};
use crate::exotel_client::{Exotel, NUMBERS, campaign, data, expect_refusal, in_minutes, rows};

fn many(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("+919{n:09}")).collect()
}

fn to_many(count: usize, more: &Value) -> Value {
    let numbers = many(count);
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    campaign(&numbers, more)
}

fn sum_of(stats: &Value) -> u64 {
    let figures = stats.as_object().expect("an object").values();
    figures.map(|count| count.as_u64().expect("a count")).sum()
}

/// All rows of a campaign's call details.
async fn all_rows(exotel: &mut Exotel, id: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let path = format!("/campaigns/{id}/call-details?limit=500&offset={}", all.len());
        let answer = exotel.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        all.extend(rows(&answer));
        if answer.json()["metadata"]["total"] == all.len() {
            return all;
        }
    }
}

#[tokio::test]
async fn a_campaign_is_dialled_while_the_clock_passes_and_its_figures_add_up() {
    for protocol in BOTH {
        let mock = mock(Config::default()).await;
        let mut exotel = Exotel::connect(&mock, protocol).await;
        let retries =
            json!({ "retries": { "number_of_retries": 1, "interval_mins": 1, "on_status": ["busy"] } });
        let id = exotel.create(to_many(600, &retries)).await;
        let mut before = 0;
        for _ in 0..5 {
            mock.advance_clock(60);
            let shown = exotel.show(&id).await;
            assert_eq!(
                (sum_of(&shown["stats"]), &shown["status"]),
                (600, &json!("InProgress"))
            );
            let begun = exotel.get(&format!("/campaigns/{id}")).await.json()["response"][0]["summary"]
                ["call_initialized"]
                .as_u64()
                .expect("a count");
            assert!((60..=62).contains(&(begun - before)), "{begun} after {before}");
            before = begun;
        }
        mock.advance_clock(3600);
        let shown = exotel.show(&id).await;
        assert_eq!(shown["status"], "Completed");
        assert_eq!(sum_of(&shown["stats"]), 600);
        let rows = all_rows(&mut exotel, &id).await;
        let completed = rows.iter().filter(|row| row["status"] == "completed").count();
        assert_eq!(shown["stats"]["completed"], completed);
        let busy = rows.iter().filter(|row| row["status"] == "busy").count();
        assert!((600..=600 + busy).contains(&rows.len()));
        let cost = mock.stats().exotel.total_cost;
        assert_eq!(
            cost * rust_decimal::Decimal::from(100),
            rust_decimal::Decimal::from(rows.len() * 40)
        );
        assert_eq!(mock.tickets()[0].cost, cost);
    }
}

#[tokio::test]
async fn call_details_are_404_before_the_first_call_has_ended_and_rows_afterwards() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
    let path = format!("/campaigns/{id}/call-details");
    expect_refusal(&exotel.get(&path).await, 404, 1000, "No call");
    mock.advance_clock(600);
    let answer = exotel.get(&path).await;
    let found = rows(&answer);
    assert_eq!(
        answer.json()["metadata"],
        json!({ "count": 3, "offset": 0, "total": 3, "limit": 20 })
    );
    let row = &found[0];
    assert_eq!(
        (&row["number"], &row["direction"]),
        (&json!(NUMBERS[0]), &json!("Outgoing"))
    );
    assert!(row["duration"].as_u64().is_some_and(|seconds| seconds > 0));
    assert_eq!(row["call_sid"].as_str().map(str::len), Some(32));
    for key in [
        "name",
        "date_created",
        "digit",
        "recording_url",
        "start_time",
        "end_time",
        "caller_id",
    ] {
        assert!(row.get(key).is_some(), "{key}");
    }
    let mut check = async |query: &str, expected: &[usize]| {
        let picked = rows(&exotel.get(&format!("{path}?{query}")).await);
        let expected: Vec<Value> = expected.iter().map(|place| found[*place].clone()).collect();
        assert_eq!(picked, expected, "{query}");
    };
    check("sort_by=date_created:asc", &[0, 1, 2]).await;
    check("sort_by=date_created:desc", &[2, 1, 0]).await;
    check("offset=1&limit=1", &[1]).await;
    check("offset=3", &[]).await;
    let mut kinds = 0;
    for status in ["completed", "failed", "busy", "no-answer"] {
        let own: Vec<usize> = (0..3).filter(|place| found[*place]["status"] == status).collect();
        kinds += own.len();
        check(&format!("status={status}"), &own).await;
    }
    assert_eq!(kinds, 3);
    for query in ["status=Completed", "sort_by=status", "limit=501"] {
        expect_refusal(&exotel.get(&format!("{path}?{query}")).await, 400, 1002, "");
    }
}

#[tokio::test]
async fn a_price_is_null_until_it_is_known() {
    let mock = mock_with("[exotel]\nprice_lag_ms = 3600000\ncall_price = \"1.50\"").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
    mock.advance_clock(600);
    let sids: Vec<String> = all_rows(&mut exotel, &id)
        .await
        .iter()
        .map(|row| row["call_sid"].as_str().expect("a sid").to_owned())
        .collect();
    let one = exotel.v1(&format!("/Calls/{}.json", sids[0])).await;
    assert_eq!(one.status, 200, "{}", one.text());
    let call = &one.json()["Call"];
    assert_eq!(call["Sid"], sids[0].as_str());
    assert_eq!(call["To"], NUMBERS[0]);
    assert!(call["Price"].is_null());
    assert!(
        call["Duration"]
            .as_str()
            .is_some_and(|seconds| seconds.parse::<u64>().is_ok())
    );

    mock.advance_clock(3600);
    let one = exotel.v1(&format!("/Calls/{}.json", sids[0])).await;
    assert_eq!(one.json()["Call"]["Price"], "1.50");
    let bulk = exotel
        .v1(&format!("/Calls.json?Sid={}", sids.join(",")))
        .await
        .json();
    let calls = bulk["Calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call["Price"] == "1.50"));
    assert_eq!(bulk["Metadata"]["Total"], 3);
    assert_eq!(mock.stats().exotel.total_cost.to_string(), "4.5");
}

#[tokio::test]
async fn calls_in_bulk_come_in_pages_that_lead_on_and_back() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(to_many(100, &json!({}))).await;
    mock.advance_clock(3600);
    let sids: Vec<String> = all_rows(&mut exotel, &id)
        .await
        .iter()
        .map(|row| row["call_sid"].as_str().expect("a sid").to_owned())
        .collect();
    let mut path = format!("/Calls.json?Sid={}&PageSize=30", sids.join(","));
    let mut seen: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let page = exotel.v1(&path).await.json();
        let calls = page["Calls"].as_array().expect("calls");
        sizes.push(calls.len());
        seen.extend(
            calls
                .iter()
                .map(|call| call["Sid"].as_str().expect("a sid").to_owned()),
        );
        let Some(next) = page["Metadata"]["NextPageUri"].as_str() else {
            break;
        };
        path = next
            .strip_prefix("/v1/Accounts/acme1")
            .expect("the account")
            .to_owned();
    }
    assert_eq!(sizes, [30, 30, 30, 10]);
    seen.sort();
    let mut expected = sids.clone();
    expected.sort();
    assert_eq!(seen, expected);
    let too_many = format!("{},{}", sids.join(","), sids[0]);
    let refused = exotel.v1(&format!("/Calls.json?Sid={too_many}")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["RestException"]["Message"].as_str().is_some());
}

#[tokio::test]
async fn calls_that_have_not_ended_or_are_anothers_are_not_told() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(campaign(&NUMBERS[..1], &json!({}))).await;
    mock.advance_clock(600);
    let sid = all_rows(&mut exotel, &id).await[0]["call_sid"]
        .as_str()
        .expect("a sid")
        .to_owned();
    let mut status = async |path: &str| {
        let answer = exotel
            .exchange(http::Method::GET, path, crate::exotel_client::CREDENTIALS, "")
            .await;
        answer.expect("an answer").status
    };
    assert_eq!(status(&format!("/v1/Accounts/acme1/Calls/{sid}.json")).await, 200);
    assert_eq!(status(&format!("/v1/Accounts/acme2/Calls/{sid}.json")).await, 404);
    assert_eq!(status(&format!("/v1/Accounts/acme1/Calls/{sid}")).await, 404);
    assert_eq!(
        status("/v1/Accounts/acme1/Calls/d49b7a4781ea45dcb702825ce30494ba.json").await,
        404
    );
    assert_eq!(status("/v1/Accounts/acme1/Numbers/1.json").await, 404);
    mock.advance_clock(-600);
    assert_eq!(status(&format!("/v1/Accounts/acme1/Calls/{sid}.json")).await, 200);
    let bulk = exotel
        .v1(&format!("/Calls.json?Sid={sid},d49b7a4781ea45dcb702825ce30494ba"))
        .await
        .json();
    assert_eq!(
        (&bulk["Calls"], &bulk["Metadata"]["Total"]),
        (&json!([]), &json!(0))
    );
}

#[tokio::test]
async fn numbers_are_written_back_as_the_switch_says() {
    for (switch, expected) in [
        ("as_sent", "+919812345678"),
        ("national", "09812345678"),
        ("without_plus", "919812345678"),
    ] {
        let mock = mock_with(&format!("[exotel]\nnumber_text = \"{switch}\"")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let id = exotel.create(campaign(&NUMBERS[..1], &json!({}))).await;
        mock.advance_clock(600);
        assert_eq!(all_rows(&mut exotel, &id).await[0]["number"], expected);
        assert_eq!(exotel.show(&id).await["from"], json!([expected]));
    }
}

#[tokio::test]
async fn a_campaign_ends_with_its_end_or_is_canceled_if_it_is_paused() {
    for (pauses, expected) in [(false, "Completed"), (true, "Canceled")] {
        let mock = mock(Config::default()).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let times = json!({ "schedule": { "send_at": in_minutes(10), "end_at": in_minutes(12) } });
        let id = exotel.create(to_many(500, &times)).await;
        mock.advance_clock(11 * 60);
        if pauses {
            assert_eq!(exotel.put(&id, json!({ "action": "pause" })).await.status, 200);
        }
        mock.advance_clock(60);
        let shown = exotel.show(&id).await;
        assert_eq!(
            (&shown["status"], sum_of(&shown["stats"])),
            (&json!(expected), 500)
        );
        assert!(
            shown["stats"]["failed-no-attempt"]
                .as_u64()
                .is_some_and(|count| count > 300)
        );
        // Nobody is taken back: the numbers were accepted.
        assert_eq!(mock.stats().exotel.recipients, 500);
        let resumed = exotel.put(&id, json!({ "action": "resume" })).await;
        expect_refusal(&resumed, 400, 1002, expected);
        let archived = exotel.put(&id, json!({ "action": "archive" })).await;
        assert_eq!(archived.status, if pauses { 400 } else { 200 });
    }
}

#[tokio::test]
async fn a_campaign_none_of_whose_calls_could_be_made_fails() {
    for (outcome, expected) in [("failed", "Failed"), ("busy", "Completed")] {
        let mock = mock_with(&format!("[exotel.outcomes]\n{outcome} = 1.0")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
        let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
        mock.advance_clock(600);
        assert_eq!(exotel.state(&id).await, expected);
    }
}

#[tokio::test]
async fn twenty_full_campaigns_are_dialled_through_at_once() {
    let mock = mock_with("[exotel]\ncalls_per_minute = 60000").await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    for n in 0..20 {
        let numbers: Vec<String> = (0..5000).map(|m| format!("+919{:09}", n * 5000 + m)).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        exotel.create(campaign(&numbers, &json!({}))).await;
    }
    mock.advance_clock(3600);
    let listed = exotel.get("/campaigns?status=Completed").await;
    assert_eq!(listed.json()["metadata"]["total"], 20);
    let stats = mock.stats().exotel;
    assert_eq!(
        (
            stats.recipients,
            stats.distinct_recipients,
            stats.max_per_recipient
        ),
        (100_000, 100_000, 1)
    );
    assert_eq!(stats.total_cost.to_string(), "40000");
    assert_eq!(data(&listed)["stats"]["created"], 0);
}

#[tokio::test]
async fn settings_of_exotel_that_make_no_sense_are_refused() {
    let check = async |toml: &str, good: bool| {
        let config = Config::from_toml(&format!("[exotel]\n{toml}"));
        let started = match config {
            Ok(config) => mock_server::start(config).await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(started, good, "{toml}");
    };
    check("outcomes = { completed = 1.0 }", true).await;
    check("outcomes = { completed = -1.0 }", false).await;
    check("outcomes = { answered = 1.0 }", false).await;
    check("outcomes = {}", false).await;
    check("bad_numbers = [\"+919812345678\"]", true).await;
    check("bad_numbers = [\"many\"]", false).await;
    check("audiences = { lists = { a = [\"+91\"] } }", false).await;
    check("calls_per_minute = 1", true).await;
    check("calls_per_minute = 0", false).await;
    check("strict = [\"wrapped\"]", true).await;
    check("strict = [\"wrap\"]", false).await;
    check("twins = 1", false).await;
}
