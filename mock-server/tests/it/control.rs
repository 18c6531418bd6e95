//! The control routes, as a test in another process uses them.

use http::Method;
use mock_server::Config;

use crate::client::{Answer, Client, Protocol, campaign, mock};

struct Control(Client);

impl Control {
    async fn ask(&mut self, method: Method, route: &str, body: &str) -> Answer {
        self.0
            .ask(method, &format!("/__mock/{route}"), body)
            .await
            .expect("an answer")
    }

    async fn get(&mut self, route: &str) -> Answer {
        self.ask(Method::GET, route, "").await
    }
}

#[tokio::test]
async fn control_requests_are_not_counted() {
    let mock = mock(Config::default()).await;
    let mut control = Control(Client::connect(mock.addr(), Protocol::Http1).await);
    let before = control.get("stats").await.json();
    assert_eq!(
        (&before["requests"], &before["connections"]),
        (&0.into(), &0.into())
    );
    assert_eq!(before, control.get("stats").await.json());
}

#[tokio::test]
async fn stats_have_the_documented_keys_at_the_top_and_under_each_provider() {
    let mock = mock(Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    client
        .send(&campaign(&["+33612345678", "+33612345679"], ""))
        .await
        .expect("an answer");
    client
        .send(&campaign(&["+33612345678"], ""))
        .await
        .expect("an answer");
    client.send(&campaign(&[], "")).await.expect("an answer");
    let mut stats = Control(client).get("stats").await.json();
    // How many fell within one second is for the machine to say; the record's own tests check the count.
    let mut take = |pointer: &str| {
        let part = stats
            .pointer_mut(pointer)
            .and_then(|part| part.as_object_mut())
            .expect("an object");
        for key in ["max_requests_in_any_second", "max_recipients_in_any_second"] {
            let most = part.remove(key).and_then(|most| most.as_u64()).expect(key);
            assert!((1..=3).contains(&most), "{key}: {most}");
        }
    };
    take("");
    take("/octopush");
    let expected = serde_json::json!({
        "requests": 3, "accepted_requests": 2, "simulated_requests": 0, "cancelled_requests": 0, "recipients": 3, "distinct_recipients": 2,
        "max_per_recipient": 2, "tickets": 2, "total_cost": "0.13537101",
        "by_status": { "201": 2, "400": 1 }, "by_protocol": { "h2": 3, "http/1.1": 0 }, "connections": 1,
        "max_recipients_per_request": 2, "callbacks_sent": 0,
    });
    assert_eq!(stats["octopush"], expected);
    assert_eq!(stats["exotel"]["requests"], 0);
    assert_eq!(stats["exotel"]["total_cost"], "0");
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&stats[key], value, "{key}");
    }
}

#[tokio::test]
async fn tickets_and_recipients_are_lines_of_json() {
    let mock = mock(Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let answer = client
        .send(&campaign(&["+33612345679", "+ 33612345678"], ""))
        .await
        .expect("an answer");
    client
        .send(&campaign(&["+33612345678"], r#""request_id":"k","#))
        .await
        .expect("an answer");
    let ticket = answer.json()["sms_ticket"].as_str().expect("a ticket").to_owned();
    let mut control = Control(client);
    let tickets = control.get("tickets").await;
    let first = format!(r#"{{"ticket":"{ticket}","recipients":2,"cost":"0.09024734","request_id":null}}"#);
    assert_eq!(tickets.text().lines().next(), Some(first.as_str()));
    assert_eq!(tickets.text().lines().count(), 2);
    assert_eq!(
        control.get("recipients").await.text(),
        "{\"number\":\"+33612345678\",\"times\":2}\n{\"number\":\"+33612345679\",\"times\":1}\n"
    );
}

#[tokio::test]
async fn faults_are_set_shown_with_their_hits_and_cleared() {
    let mock = mock(Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let mut control = Control(Client::connect(mock.addr(), Protocol::Http2).await);
    let script = r#"{"seed":5,"rules":[{"at":"after_commit","do":"status","status":502,"ms":0,"probability":1,"times":1}]}"#;
    assert_eq!(control.ask(Method::PUT, "faults", script).await.status, 200);
    assert_eq!(
        client
            .send(&campaign(&["+33612345678"], ""))
            .await
            .expect("an answer")
            .status,
        502
    );
    let shown = control.get("faults").await.json();
    assert_eq!(
        (&shown["seed"], &shown["rules"][0]["hits"]),
        (&5.into(), &1.into())
    );
    assert_eq!(
        control.get("stats").await.json()["faults_hit"],
        serde_json::json!([1])
    );

    let impossible = r#"{"rules":[{"at":"after_commit","do":"refuse_stream"}]}"#;
    let refused = control.ask(Method::PUT, "faults", impossible).await;
    assert_eq!(refused.status, 400);
    assert!(
        refused.json()["message"]
            .as_str()
            .expect("a message")
            .contains("rule 0")
    );
    assert_eq!(
        control.get("faults").await.json()["rules"][0]["hits"],
        1,
        "a refused script changes nothing"
    );

    assert_eq!(control.ask(Method::DELETE, "faults", "").await.status, 204);
    assert_eq!(control.get("faults").await.json()["rules"], serde_json::json!([]));
}

#[tokio::test]
async fn the_clock_moves_and_date_does_not() {
    let mock = mock(Config::default()).await;
    let mut control = Control(Client::connect(mock.addr(), Protocol::Http1).await);
    let year = |answer: &Answer| answer.headers["date"].to_str().expect("text")[12..16].to_owned();
    let before = control.get("stats").await;
    let ten_years = r#"{"advance_seconds":315576000}"#;
    let moved = control.ask(Method::POST, "clock", ten_years).await;
    assert_eq!(moved.json()["advanced_seconds"], 315_576_000);
    let after = control.get("stats").await;
    let years_apart =
        year(&after).parse::<i32>().expect("a year") - year(&before).parse::<i32>().expect("a year");
    assert!((0..=1).contains(&years_apart));
    assert_eq!(
        control
            .ask(Method::POST, "clock", r#"{"advance":1}"#)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn reset_forgets_everything() {
    let mock = mock(Config::default()).await;
    let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
    let mut control = Control(Client::connect(mock.addr(), Protocol::Http2).await);
    let fresh = control.get("stats").await.json();
    let body = campaign(&["+33612345678"], r#""request_id":"k","#);
    assert_eq!(client.send(&body).await.expect("an answer").status, 201);
    let script = r#"{"rules":[{"at":"after_read","do":"drop","request":99}]}"#;
    assert_eq!(control.ask(Method::PUT, "faults", script).await.status, 200);
    assert_eq!(control.ask(Method::POST, "reset", "").await.status, 204);
    assert_eq!(control.get("stats").await.json(), fresh);
    assert_eq!(control.get("recipients").await.text(), "");
    assert_eq!(client.send(&body).await.expect("an answer").status, 201);
}
