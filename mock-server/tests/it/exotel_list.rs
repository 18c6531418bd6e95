//! Listing campaigns, as "campaign details in bulk" shows it.

use mock_server::Config;
use serde_json::{Value, json};

use crate::client::{Protocol, mock, mock_with};
use crate::exotel_client::{Exotel, NUMBERS, campaign, expect_refusal, in_an_hour, rows};

fn names(campaigns: &[Value]) -> Vec<&str> {
    campaigns
        .iter()
        .filter_map(|campaign| campaign["name"].as_str())
        .collect()
}

async fn with_batches(exotel: &mut Exotel, count: usize) {
    for n in 0..count {
        let name = json!({ "name": format!("batch-{n}") });
        exotel.create(campaign(&NUMBERS[..1], &name)).await;
    }
}

#[tokio::test]
async fn a_listing_comes_in_pages_of_20_and_tells_how_many_there_are() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    with_batches(&mut exotel, 25).await;
    let mut check = async |query: &str, count: usize, metadata: Value| {
        let answer = exotel.get(&format!("/campaigns{query}")).await;
        assert_eq!(rows(&answer).len(), count, "{query}");
        assert_eq!(answer.json()["metadata"], metadata, "{query}");
    };
    check(
        "",
        20,
        json!({ "count": 20, "offset": 0, "total": 25, "limit": 20 }),
    )
    .await;
    check(
        "?offset=20",
        5,
        json!({ "count": 5, "offset": 20, "total": 25, "limit": 20 }),
    )
    .await;
    check(
        "?offset=24&limit=500",
        1,
        json!({ "count": 1, "offset": 24, "total": 25, "limit": 500 }),
    )
    .await;
    check(
        "?offset=25",
        0,
        json!({ "count": 0, "offset": 25, "total": 25, "limit": 20 }),
    )
    .await;
    for query in [
        "?limit=501",
        "?limit=0",
        "?offset=-1",
        "?sort_by=date",
        "?type=promo",
    ] {
        expect_refusal(&exotel.get(&format!("/campaigns{query}")).await, 400, 1002, "");
    }
}

#[tokio::test]
async fn a_listing_is_filtered_and_sorted() {
    let mock = mock(Config::default()).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
    with_batches(&mut exotel, 3).await;
    let mut ahead = in_an_hour(&NUMBERS[..1]);
    ahead["name"] = json!("another");
    exotel.create(ahead).await;
    let mut check = async |query: &str, expected: &[&str]| {
        let listed = rows(&exotel.get(&format!("/campaigns?{query}")).await);
        assert_eq!(names(&listed), expected, "{query}");
    };
    check("", &["batch-0", "batch-1", "batch-2", "another"]).await;
    check(
        "sort_by=date_created:desc",
        &["another", "batch-2", "batch-1", "batch-0"],
    )
    .await;
    check("sort_by=name:asc", &["another", "batch-0", "batch-1", "batch-2"]).await;
    check("sort_by=name:desc&limit=1", &["batch-2"]).await;
    check("name=batch", &["batch-0", "batch-1", "batch-2"]).await;
    check("name=batch-1", &["batch-1"]).await;
    check("name=Batch", &[]).await;
    check("status=Created", &["another"]).await;
    check("status=in-progress", &["batch-0", "batch-1", "batch-2"]).await;
    check(
        "status=created,InProgress",
        &["batch-0", "batch-1", "batch-2", "another"],
    )
    .await;
    check("status=Completed&type=trans", &[]).await;
}

#[tokio::test]
async fn a_name_finds_all_that_contain_it_or_itself_alone() {
    for (switch, expected) in [
        ("contains", &["batch-1", "batch-10"][..]),
        ("exact", &["batch-1"]),
    ] {
        let mock = mock_with(&format!("[exotel]\nname_filter = \"{switch}\"")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        with_batches(&mut exotel, 11).await;
        let listed = rows(&exotel.get("/campaigns?name=batch-1").await);
        assert_eq!(names(&listed), expected);
    }
}

#[tokio::test]
async fn items_are_wrapped_or_bare() {
    for (switch, pointer) in [("wrapped", "/response/0/data/name"), ("bare", "/response/0/name")] {
        let mock = mock_with(&format!("[exotel]\nlist_items = \"{switch}\"")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        with_batches(&mut exotel, 1).await;
        let listed = exotel.get("/campaigns").await.json();
        assert_eq!(listed.pointer(pointer), Some(&json!("batch-0")), "{listed}");
    }
}

#[tokio::test]
async fn a_new_campaign_is_listed_only_after_the_lag() {
    for (lag_ms, at_once) in [(0, 1), (60_000, 0)] {
        let mock = mock_with(&format!("[exotel]\nlisting_lag_ms = {lag_ms}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
        assert_eq!(rows(&exotel.get("/campaigns").await).len(), at_once);
        assert_eq!(exotel.show(&id).await["id"], id.as_str());
        mock.advance_clock(60);
        assert_eq!(rows(&exotel.get("/campaigns").await).len(), 1);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_calls() {
    let run = async |seed: u64| {
        let mock = mock_with(&format!("seed = {seed}")).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
        let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
        mock.advance_clock(600);
        let calls = rows(&exotel.get(&format!("/campaigns/{id}/call-details")).await);
        let call = |row: &Value| {
            (
                row["call_sid"].clone(),
                row["status"].clone(),
                row["duration"].clone(),
            )
        };
        (id, calls.iter().map(call).collect::<Vec<_>>())
    };
    assert_eq!(run(7).await, run(7).await);
    assert_ne!(run(7).await, run(8).await);
}
