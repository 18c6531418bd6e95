//! What the tests of Exotel share: requests with its credentials, and how its answers are read.

use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use mock_server::Running;
use serde_json::{Value, json};

use crate::client::{Answer, Client, Protocol};

/// `key:token`
pub(crate) const CREDENTIALS: &str = "Basic a2V5OnRva2Vu";
pub(crate) const NUMBERS: [&str; 3] = ["+919812345678", "+919812345679", "+919812345670"];

/// One connection to the account `acme1`.
pub(crate) struct Exotel(Client);

impl Exotel {
    pub(crate) async fn connect(mock: &Running, protocol: Protocol) -> Self {
        Self(Client::connect(mock.addr(), protocol).await)
    }

    /// A request for a path behind the account's.
    pub(crate) async fn try_ask(
        &mut self,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, hyper::Error> {
        self.exchange(method, &format!("/v2/accounts/acme1{path}"), CREDENTIALS, body)
            .await
    }

    pub(crate) async fn ask(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.try_ask(method, path, &body).await.expect("an answer")
    }

    /// A request for any path, with any credentials.
    pub(crate) async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        credentials: &str,
        body: &str,
    ) -> Result<Answer, hyper::Error> {
        let request = Request::builder()
            .method(method)
            .uri(self.0.uri(path))
            .header("host", "mock")
            .header("content-type", "application/json")
            .header("authorization", credentials)
            .body(body.to_owned().into())
            .expect("a request");
        self.0.exchange(request).await
    }

    /// Creates campaigns; gives the whole answer.
    pub(crate) async fn post(&mut self, campaigns: &[Value]) -> Answer {
        let body = json!({ "campaigns": campaigns });
        self.ask(Method::POST, "/campaigns", &body).await
    }

    /// Creates a campaign that is in order; gives its id.
    pub(crate) async fn create(&mut self, campaign: Value) -> String {
        let answer = self.post(&[campaign]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        data(&answer)["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// The campaign as it stands.
    pub(crate) async fn show(&mut self, id: &str) -> Value {
        let answer = self.get(&format!("/campaigns/{id}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        data(&answer)
    }

    pub(crate) async fn state(&mut self, id: &str) -> String {
        self.show(id).await["status"]
            .as_str()
            .expect("a status")
            .to_owned()
    }

    pub(crate) async fn put(&mut self, id: &str, campaign: Value) -> Answer {
        let body = json!({ "campaigns": [campaign] });
        self.ask(Method::PUT, &format!("/campaigns/{id}"), &body).await
    }

    pub(crate) async fn delete(&mut self, id: &str) -> Answer {
        self.ask(Method::DELETE, &format!("/campaigns/{id}"), &Value::Null)
            .await
    }

    /// A request to the first version.
    pub(crate) async fn v1(&mut self, path: &str) -> Answer {
        let path = format!("/v1/Accounts/acme1{path}");
        self.exchange(Method::GET, &path, CREDENTIALS, "")
            .await
            .expect("an answer")
    }
}

/// A campaign in order, to these numbers, with further fields in place of its own.
pub(crate) fn campaign(numbers: &[&str], more: &Value) -> Value {
    let mut campaign = json!({
        "from": numbers,
        "caller_id": "08012345678",
        "url": "http://my.exotel.com/acme1/exoml/start_voice/4242",
        "name": "holi_campaign",
    });
    for (name, value) in more.as_object().expect("an object") {
        campaign[name] = value.clone();
    }
    campaign
}

/// A date so far from now, in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "the mock compares dates with the real clock"
)]
pub(crate) fn in_minutes(minutes: i64) -> String {
    (Timestamp::now() + SignedDuration::from_mins(minutes)).to_string()
}

/// A campaign that starts in an hour.
pub(crate) fn in_an_hour(numbers: &[&str]) -> Value {
    campaign(numbers, &json!({ "schedule": { "send_at": in_minutes(60) } }))
}

/// What the first item holds.
pub(crate) fn data(answer: &Answer) -> Value {
    answer.json()["response"][0]["data"].clone()
}

/// What all items hold.
pub(crate) fn rows(answer: &Answer) -> Vec<Value> {
    let answer = answer.json();
    let items = answer["response"].as_array().expect("items");
    items.iter().map(|item| item["data"].clone()).collect()
}

/// That the first item failed with this status, code and description.
pub(crate) fn expect_refusal(answer: &Answer, status: u16, code: u64, description: &str) {
    let item = &answer.json()["response"][0];
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(item["status"], "failure", "{}", answer.text());
    assert_eq!(item["error_data"]["code"], code, "{}", answer.text());
    let given = item["error_data"]["description"].as_str().expect("a description");
    assert!(given.contains(description), "{given}");
}
