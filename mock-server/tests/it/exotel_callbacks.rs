//! The three callbacks, as a receiver on loopback gets them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use mock_server::{Config, Running};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::client::{Protocol, mock, mock_with};
use crate::exotel_client::{Exotel, NUMBERS, campaign, in_minutes};

/// A listener that answers each request with the next status, then with 200, and keeps the bodies it took.
struct Receiver {
    base: String,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    tries: Arc<Mutex<u64>>,
}

impl Receiver {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let taken = Arc::new(Mutex::new(Vec::new()));
        let tries = Arc::new(Mutex::new(0));
        let (keep, count) = (Arc::clone(&taken), Arc::clone(&tries));
        let mut statuses: VecDeque<u16> = statuses.iter().copied().collect();
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let status = statuses.pop_front().unwrap_or(200);
                let post = answer(socket, status).await;
                *count.lock().expect("the count") += 1;
                if status == 200 {
                    keep.lock().expect("the bodies").push(post);
                }
            }
        });
        Self { base, taken, tries }
    }

    /// The three URLs, each with a path of its own.
    fn urls(&self) -> Value {
        json!({
            "status_callback": format!("{}/campaign", self.base),
            "call_status_callback": format!("{}/call", self.base),
            "call_schedule_callback": format!("{}/number", self.base),
        })
    }

    fn bodies(&self, path: &str) -> Vec<Value> {
        let taken = self.taken.lock().expect("the bodies");
        let own = taken.iter().filter(|(of, _)| of == path);
        own.map(|(_, body)| body.clone()).collect()
    }
}

/// Reads one POST and answers it; gives its path and body.
async fn answer(mut socket: TcpStream, status: u16) -> (String, Value) {
    let mut read = Vec::new();
    let body = loop {
        let mut bytes = [0; 4096];
        let count = socket.read(&mut bytes).await.expect("bytes");
        assert!(count > 0, "the request ends early");
        read.extend_from_slice(&bytes[..count]);
        let text = String::from_utf8_lossy(&read);
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && let Ok(body) = serde_json::from_str(body)
        {
            break body;
        }
    };
    let head = String::from_utf8_lossy(&read).to_ascii_lowercase();
    assert!(
        head.starts_with("post /") && head.contains("content-type: application/json"),
        "{head}"
    );
    let path = head.split(' ').nth(1).expect("a path").to_owned();
    let response = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    socket.write_all(response.as_bytes()).await.expect("an answer");
    (path, body)
}

async fn until_sent(mock: &Running, count: u64) {
    while mock.stats().exotel.callbacks_sent < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn calls_numbers_and_the_campaign_are_called_back_when_the_clock_passes() {
    let mock = mock_with("[exotel.outcomes]\ncompleted = 0.5\nbusy = 0.5").await;
    let receiver = Receiver::start(&[]).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let mut more = receiver.urls();
    more["retries"] = json!({ "number_of_retries": 2, "interval_mins": 1 });
    more["schedule"] = json!({ "send_at": in_minutes(10) });
    let id = exotel.create(campaign(&NUMBERS, &more)).await;
    assert_eq!(mock.stats().exotel.callbacks_sent, 0);

    mock.advance_clock(3600);
    let rows = exotel
        .get(&format!("/campaigns/{id}/call-details?limit=500"))
        .await;
    let rows = crate::exotel_client::rows(&rows);
    let expected = rows.len() as u64 + 3 + 2;
    until_sent(&mock, expected).await;
    let sids = |values: &[Value], key: &str| -> Vec<String> {
        let mut sids: Vec<String> = values
            .iter()
            .map(|value| value[key].as_str().expect("a sid").to_owned())
            .collect();
        sids.sort();
        sids
    };
    let calls = receiver.bodies("/call");
    assert_eq!(sids(&calls, "call_sid"), sids(&rows, "call_sid"));
    assert!(calls.iter().all(|call| call["campaign_sid"] == id.as_str()));

    let mut last: BTreeMap<String, (Value, usize)> = BTreeMap::new();
    for row in &rows {
        let entry = last.entry(row["number"].to_string()).or_default();
        *entry = (row["status"].clone(), entry.1 + 1);
    }
    let numbers = receiver.bodies("/number");
    assert_eq!(numbers.len(), 3);
    for number in &numbers {
        let (status, calls) = &last[&number["to"].to_string()];
        assert_eq!(&number["status"], status);
        assert_eq!(number["call_sids"].as_array().map(Vec::len), Some(*calls));
        assert_eq!(number["from"], "08012345678");
    }
    let mut states: Vec<Value> = receiver
        .bodies("/campaign")
        .iter()
        .map(|body| body["status"].clone())
        .collect();
    states.sort_by_key(Value::to_string);
    assert_eq!(states, ["Completed", "InProgress"]);
    assert_eq!(mock.stats().exotel.callbacks_sent, expected);
}

#[tokio::test]
async fn a_callback_has_one_try_and_two_more() {
    for (statuses, sent, tries) in [(&[500, 503][..], 1, 3), (&[500, 500, 500], 0, 3), (&[], 1, 1)] {
        let mock = mock(Config::default()).await;
        let receiver = Receiver::start(statuses).await;
        let mut exotel = Exotel::connect(&mock, Protocol::Http1).await;
        let only = json!({ "status_callback": receiver.urls()["status_callback"] });
        // Only its start is told: it goes on for hours.
        let numbers: Vec<String> = (0..5000).map(|n| format!("+919{n:09}")).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        exotel.create(campaign(&numbers, &only)).await;
        while *receiver.tries.lock().expect("the count") < tries {
            tokio::task::yield_now().await;
        }
        until_sent(&mock, sent).await;
        assert_eq!(mock.stats().exotel.callbacks_sent, sent);
        assert_eq!(*receiver.tries.lock().expect("the count"), tries);
    }
}

#[tokio::test]
async fn a_url_that_is_changed_late_is_used_from_then_on() {
    let mock = mock(Config::default()).await;
    let receiver = Receiver::start(&[]).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let id = exotel.create(campaign(&NUMBERS, &json!({}))).await;
    assert_eq!(exotel.state(&id).await, "InProgress");
    let only = json!({ "call_schedule_callback": receiver.urls()["call_schedule_callback"] });
    assert_eq!(exotel.put(&id, only).await.status, 200);
    mock.advance_clock(600);
    until_sent(&mock, 3).await;
    assert_eq!(receiver.bodies("/number").len(), 3);
    assert!(receiver.bodies("/call").is_empty());
}

#[tokio::test]
async fn nobody_outside_loopback_is_called_back() {
    let mock = mock(Config::default()).await;
    let receiver = Receiver::start(&[]).await;
    let mut exotel = Exotel::connect(&mock, Protocol::Http2).await;
    let outside = json!({
        "status_callback": "http://callbacks.example.org/a",
        "call_status_callback": "https://127.0.0.1/a",
        "call_schedule_callback": receiver.urls()["call_schedule_callback"],
    });
    exotel.create(campaign(&NUMBERS, &outside)).await;
    mock.advance_clock(600);
    until_sent(&mock, 3).await;
    assert_eq!(mock.stats().exotel.callbacks_sent, 3);
}
