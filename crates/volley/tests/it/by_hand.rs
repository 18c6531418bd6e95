//! Either provider, played by hand: what servers of a test's own answer, and what they accepted. For what the mock cannot do.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::Provider;

/// Where the listing begins, and what a probe of Exotel's is.
pub(crate) const FIRST_PAGE: &str =
    "/v2/accounts/acme1/campaigns?offset=0&limit=100&sort_by=date_created%3Aasc";

/// What a provider knows of what was sent to it.
#[derive(Debug)]
pub(crate) struct Record {
    provider: Provider,
    /// How often each number was accepted.
    pub(crate) accepted: HashMap<String, u32>,
    /// The body that each key, or name, came with first.
    bodies: HashMap<String, Vec<u8>>,
    /// Keys, or names, that were accepted, in their order.
    pub(crate) keys: Vec<String>,
    /// A key that came with two bodies.
    pub(crate) mixed_up: Option<String>,
}

/// What is answered to a send.
#[derive(Debug, Clone)]
pub(crate) enum Booked {
    Accepted(String),
    /// By its key it was accepted before.
    Duplicate(String),
}

impl Record {
    pub(crate) fn new(provider: Provider) -> Self {
        Self {
            provider,
            accepted: HashMap::new(),
            bodies: HashMap::new(),
            keys: Vec::new(),
            mixed_up: None,
        }
    }

    /// Accepts a send, unless its key has been accepted before. A name is no key: Exotel makes a second campaign.
    pub(crate) fn book(&mut self, body: &[u8]) -> Booked {
        let sent: Value = serde_json::from_slice(body).expect("JSON");
        let (key, numbers) = match self.provider {
            Provider::Octopush => {
                let recipients = sent["recipients"].as_array().expect("recipients");
                let numbers = recipients.iter().map(|recipient| &recipient["phone_number"]);
                (&sent["request_id"], numbers.collect::<Vec<_>>())
            }
            Provider::Exotel => {
                let campaign = &sent["campaigns"][0];
                let numbers = campaign["from"].as_array().expect("numbers");
                (&campaign["name"], numbers.iter().collect())
            }
        };
        let key = key.as_str().expect("a key or a name").to_owned();
        self.see(&key, body);
        if self.provider == Provider::Octopush && self.keys.contains(&key) {
            return Booked::Duplicate(json!({"code": 120, "message": "sent before"}).to_string());
        }
        for number in &numbers {
            let number = number.as_str().expect("a number");
            *self.accepted.entry(number.to_owned()).or_default() += 1;
        }
        self.keys.push(key);
        Booked::Accepted(self.told_of(self.keys.len() - 1, numbers.len()))
    }

    fn see(&mut self, key: &str, body: &[u8]) {
        let first = self.bodies.entry(key.to_owned()).or_insert_with(|| body.to_vec());
        if first != body {
            self.mixed_up = Some(key.to_owned());
        }
    }

    fn told_of(&self, nth: usize, numbers: usize) -> String {
        match self.provider {
            Provider::Octopush => json!({
                "sms_ticket": format!("sms_raw{nth}"), "number_of_contacts": numbers,
                "number_of_sms_needed": 1, "total_cost": 0.099, "residual_credit": 100,
            }),
            Provider::Exotel => json!({
                "request_id": "r", "method": "POST", "http_code": 200,
                "metadata": {"failed": 0, "total": 1, "success": 1}, "response": [self.campaign(nth)],
            }),
        }
        .to_string()
    }

    fn campaign(&self, nth: usize) -> Value {
        json!({
            "code": 200, "status": "success", "error_data": null,
            "data": {"id": format!("c{nth}"), "name": self.keys[nth], "status": "InProgress"},
        })
    }

    /// The answer to a GET: the free one's, or a page of the listing, which the first page holds whole.
    pub(crate) fn told(&self, is_first_page: bool) -> String {
        let listed = match self.provider {
            Provider::Octopush => return r#"{"amount":100,"unit":"euro","wallet_packs":[]}"#.to_owned(),
            Provider::Exotel if is_first_page => self.keys.len(),
            Provider::Exotel => 0,
        };
        let campaigns: Vec<Value> = (0..listed).map(|nth| self.campaign(nth)).collect();
        json!({
            "request_id": "r", "method": "GET", "http_code": 200, "metadata": {"total": self.keys.len()},
            "response": campaigns,
        })
        .to_string()
    }
}
