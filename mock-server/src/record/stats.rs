//! The shapes of `/__mock/stats`, `/__mock/tickets` and `/__mock/recipients`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

/// The answer to `GET /__mock/stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// All providers; on the wire these keys stand at the top.
    #[serde(flatten)]
    pub together: ProviderStats,
    /// Octopush's part.
    pub octopush: ProviderStats,
    /// Exotel's part: a message is a number to be called, a ticket the id of a campaign.
    pub exotel: ProviderStats,
    /// How often each fault rule was hit, in the order of the script.
    pub faults_hit: Vec<u64>,
}

/// What was seen and accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProviderStats {
    /// Requests whose head arrived.
    pub requests: u64,
    /// Requests whose messages were accepted; creating a campaign on a list accepts none yet.
    pub accepted_requests: u64,
    /// Requests in simulation mode that would have got one; they are in none of the figures of messages.
    pub simulated_requests: u64,
    /// Accepted requests that were cancelled afterwards: they reach nobody, and are in no figure of messages.
    pub cancelled_requests: u64,
    /// Messages accepted, and not cancelled.
    pub recipients: u64,
    /// Different numbers among them; over both providers the sum of theirs.
    pub distinct_recipients: u64,
    /// The most often one number was accepted by one provider, and not cancelled; 1 in a good run, 0 in an empty one.
    pub max_per_recipient: u64,
    /// Tickets of accepted requests.
    pub tickets: u64,
    /// Exact, without trailing zeros; a string on the wire. Octopush's in euros, and without what was refunded; Exotel's
    /// in the account's currency, of the calls that have ended. Over both it adds the figures, whatever their currency.
    #[serde(serialize_with = "decimal_text")]
    pub total_cost: Decimal,
    /// Answers by status. Requests that were cut off are in none.
    pub by_status: BTreeMap<u16, u64>,
    /// Requests by protocol.
    pub by_protocol: ByProtocol,
    /// Connections whose first provider request was this provider's.
    pub connections: u64,
    /// Most recipients in one readable request, accepted or not.
    pub max_recipients_per_request: u64,
    /// Most requests whose heads arrived within one second.
    pub max_requests_in_any_second: u64,
    /// Most recipients carried by readable requests that arrived within one second.
    pub max_recipients_in_any_second: u64,
    /// Callbacks that their receiver took.
    pub callbacks_sent: u64,
}

impl ProviderStats {
    /// Adds another provider's figures; of those that are a most, the larger one stands.
    pub(super) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.accepted_requests += other.accepted_requests;
        self.simulated_requests += other.simulated_requests;
        self.cancelled_requests += other.cancelled_requests;
        self.recipients += other.recipients;
        self.distinct_recipients += other.distinct_recipients;
        self.max_per_recipient = self.max_per_recipient.max(other.max_per_recipient);
        self.tickets += other.tickets;
        self.total_cost = (self.total_cost + other.total_cost).normalize();
        for (status, answers) in &other.by_status {
            *self.by_status.entry(*status).or_default() += answers;
        }
        self.by_protocol.h2 += other.by_protocol.h2;
        self.by_protocol.http1 += other.by_protocol.http1;
        self.connections += other.connections;
        let most = self.max_recipients_per_request;
        self.max_recipients_per_request = most.max(other.max_recipients_per_request);
        let most = self.max_requests_in_any_second;
        self.max_requests_in_any_second = most.max(other.max_requests_in_any_second);
        let most = self.max_recipients_in_any_second;
        self.max_recipients_in_any_second = most.max(other.max_recipients_in_any_second);
        self.callbacks_sent += other.callbacks_sent;
    }
}

/// Requests by protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ByProtocol {
    /// Over HTTP/2.
    pub h2: u64,
    /// Over HTTP/1.1 (or 1.0).
    #[serde(rename = "http/1.1")]
    pub http1: u64,
}

/// One accepted request: a line of `/__mock/tickets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ticket {
    /// As it was answered.
    pub ticket: String,
    /// Messages accepted with it.
    pub recipients: u64,
    /// Exact, in euros or Exotel's currency; a string on the wire.
    #[serde(serialize_with = "decimal_text")]
    pub cost: Decimal,
    /// The request's own key, if it had one.
    pub request_id: Option<String>,
    /// The campaign's name, as it was created: Exotel's only, which has no keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it was cancelled; on the wire only if so.
    #[serde(skip_serializing_if = "is_not")]
    pub cancelled: bool,
}

/// One number: a line of `/__mock/recipients`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecipientCount {
    /// `+` and digits.
    pub number: String,
    /// How often it was accepted, and not cancelled.
    pub times: u32,
}

fn decimal_text<S: Serializer>(amount: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_not(flag: &bool) -> bool {
    !*flag
}
