//! The mock's own account of what it accepted: the oracle of the tests.
//!
//! *Input*: each provider request as it arrives, what it carried, what was committed, how it was answered.
//! *Output*: [`Stats`], tickets, and how often each number was accepted.
//! *Bounds*: about 16 bytes a distinct number, one row a ticket, until a reset. A revocable request's numbers stay beside
//! them, 8 bytes each: those of campaigns that were accepted with their `send_at` ahead and that a client may cancel, and
//! no others.
//! *Not here*: control requests; connections that carried nothing but those.

mod census;
mod number;
mod stats;
mod window;

use std::collections::BTreeMap;
use std::time::Instant;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use http::Version;
use rust_decimal::Decimal;

use census::Census;
pub(crate) use number::Number;
pub use stats::{ByProtocol, ProviderStats, RecipientCount, Stats, Ticket};
use window::Window;

/// What a committed request adds to the record.
pub(crate) struct Commit<'a> {
    pub(crate) ticket: String,
    pub(crate) request_key: Option<&'a str>,
    pub(crate) numbers: &'a [Number],
    pub(crate) cost: Decimal,
    pub(crate) standing: Standing,
}

/// Whether an accepted request may still be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Final,
    /// Its numbers are kept, so that they can be taken out of the counts.
    Revocable,
}

/// What is kept of a revocable request.
struct Revocable {
    /// Its place among the tickets.
    row: usize,
    numbers: Box<[Number]>,
}

/// All that was seen and accepted since the start or the last reset.
#[derive(Default)]
pub(crate) struct Record {
    requests: u64,
    simulated_requests: u64,
    recipients: u64,
    total_cost: Decimal,
    by_status: BTreeMap<u16, u64>,
    by_protocol: ByProtocol,
    connections: u64,
    max_recipients_per_request: u64,
    request_window: Window,
    recipient_window: Window,
    accepted: Census,
    tickets: Vec<Ticket>,
    cancelled_requests: u64,
    /// By ticket.
    revocable: HashMap<String, Revocable, FixedState>,
}

/// A provider request, as its connection sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConnection {
    First,
    Later,
}

impl Record {
    /// Counts a request whose head has arrived; returns its number, from 1.
    pub(crate) fn arrived(&mut self, version: Version, on_connection: OnConnection, at: Instant) -> u64 {
        self.requests += 1;
        self.connections += u64::from(on_connection == OnConnection::First);
        if version == Version::HTTP_2 {
            self.by_protocol.h2 += 1;
        } else {
            self.by_protocol.http1 += 1;
        }
        self.request_window.add(at, 1);
        self.requests
    }

    /// Counts the recipients a readable request carried, accepted or not, at the time its head arrived.
    pub(crate) fn carried(&mut self, recipients: u64, at: Instant) {
        self.max_recipients_per_request = self.max_recipients_per_request.max(recipients);
        self.recipient_window.add(at, recipients);
    }

    /// Counts a request that was only simulated: it reached nobody. Returns how many there were.
    pub(crate) fn simulated(&mut self) -> u64 {
        self.simulated_requests += 1;
        self.simulated_requests
    }

    /// Remembers an accepted request for good. This is the commit point faults are scripted around.
    pub(crate) fn commit(&mut self, commit: Commit<'_>) {
        let recipients = commit.numbers.len() as u64;
        self.recipients += recipients;
        self.total_cost += commit.cost;
        for number in commit.numbers {
            self.accepted.count(*number);
        }
        if commit.standing == Standing::Revocable {
            let revocable = Revocable {
                row: self.tickets.len(),
                numbers: commit.numbers.into(),
            };
            self.revocable.insert(commit.ticket.clone(), revocable);
        }
        self.tickets.push(Ticket {
            ticket: commit.ticket,
            recipients,
            cost: commit.cost.normalize(),
            request_id: commit.request_key.map(str::to_owned),
            cancelled: false,
        });
    }

    /// Takes a revocable request back: it reaches nobody. Its ticket stays, marked. Gives its cost, which stays in the
    /// total, or nothing if there is no such request.
    pub(crate) fn revoke(&mut self, ticket: &str) -> Option<Decimal> {
        let Revocable { row, numbers } = self.revocable.remove(ticket)?;
        self.recipients -= numbers.len() as u64;
        self.accepted.forget(&numbers);
        self.cancelled_requests += 1;
        self.tickets[row].cancelled = true;
        Some(self.tickets[row].cost)
    }

    /// Whether a request of this ticket was accepted, and not taken back. Looks through all tickets.
    pub(crate) fn stands(&self, ticket: &str) -> bool {
        self.tickets
            .iter()
            .any(|accepted| accepted.ticket == ticket && !accepted.cancelled)
    }

    /// Takes money that was given back out of the total.
    pub(crate) fn refund(&mut self, cost: Decimal) {
        self.total_cost -= cost;
    }

    /// Counts the status of an answer that is given to the connection. Requests cut off have none.
    pub(crate) fn answered(&mut self, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
    }

    /// The figures of `/__mock/stats`.
    pub(crate) fn stats(&self, faults_hit: Vec<u64>) -> Stats {
        let octopush = self.provider_stats();
        Stats {
            together: octopush.clone(),
            octopush,
            exotel: ProviderStats::default(),
            faults_hit,
        }
    }

    /// Every ticket, in the order of commit.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.tickets.clone()
    }

    /// Every number with how often it was accepted, sorted.
    pub(crate) fn recipients(&self) -> Vec<RecipientCount> {
        let mut counts: Vec<(Number, u32)> = self.accepted.iter().collect();
        counts.sort_unstable();
        counts
            .into_iter()
            .map(|(number, times)| RecipientCount {
                number: number.to_string(),
                times,
            })
            .collect()
    }

    fn provider_stats(&self) -> ProviderStats {
        let tickets = self.tickets.len() as u64;
        ProviderStats {
            requests: self.requests,
            accepted_requests: tickets,
            simulated_requests: self.simulated_requests,
            cancelled_requests: self.cancelled_requests,
            recipients: self.recipients,
            distinct_recipients: self.accepted.len() as u64,
            max_per_recipient: u64::from(self.accepted.most()),
            tickets,
            total_cost: self.total_cost.normalize(),
            by_status: self.by_status.clone(),
            by_protocol: self.by_protocol,
            connections: self.connections,
            max_recipients_per_request: self.max_recipients_per_request,
            max_requests_in_any_second: self.request_window.most(),
            max_recipients_in_any_second: self.recipient_window.most(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(record: &mut Record, ticket: &str, numbers: &[&str], standing: Standing) {
        let numbers: Vec<Number> = numbers.iter().filter_map(|text| Number::parse(text)).collect();
        record.commit(Commit {
            ticket: ticket.into(),
            request_key: None,
            numbers: &numbers,
            cost: Decimal::new(5, 1),
            standing,
        });
    }

    #[test]
    fn a_request_taken_back_reaches_nobody_and_its_ticket_stays() {
        let mut record = Record::default();
        commit(&mut record, "one", &["+33612345678"], Standing::Final);
        commit(
            &mut record,
            "two",
            &["+33612345678", "+33612345679"],
            Standing::Revocable,
        );
        assert_eq!(record.revoke("one"), None);
        assert_eq!(record.revoke("three"), None);
        assert_eq!(record.stats(Vec::new()).together.max_per_recipient, 2);

        assert_eq!(record.revoke("two"), Some(Decimal::new(5, 1)));
        assert_eq!(record.revoke("two"), None);
        assert!(record.stands("one") && !record.stands("two") && !record.stands("three"));
        let stats = record.stats(Vec::new()).together;
        assert_eq!((stats.accepted_requests, stats.cancelled_requests), (2, 1));
        assert_eq!(
            (
                stats.recipients,
                stats.distinct_recipients,
                stats.max_per_recipient
            ),
            (1, 1, 1)
        );
        assert_eq!(record.recipients().len(), 1);
        let cancelled: Vec<bool> = record.tickets().iter().map(|ticket| ticket.cancelled).collect();
        assert_eq!(cancelled, [false, true]);
        assert_eq!(stats.total_cost.to_string(), "1");
        record.refund(Decimal::new(5, 1));
        assert_eq!(record.stats(Vec::new()).together.total_cost.to_string(), "0.5");
    }

    #[test]
    fn a_number_accepted_twice_is_one_recipient() {
        let mut record = Record::default();
        for numbers in [&["+33612345678", "+33612345679"][..], &["+33612345678"]] {
            commit(&mut record, "t", numbers, Standing::Final);
        }
        let stats = record.stats(Vec::new());
        assert_eq!(stats.together.recipients, 3);
        assert_eq!(stats.together.distinct_recipients, 2);
        assert_eq!(stats.together.max_per_recipient, 2);
        assert_eq!(stats.octopush, stats.together);
        assert_eq!(stats.exotel, ProviderStats::default());
        assert_eq!(stats.together.total_cost.to_string(), "1");
        let recipients = record.recipients();
        let times: Vec<u32> = recipients.iter().map(|recipient| recipient.times).collect();
        assert_eq!(times, [2, 1]);
    }

    #[test]
    fn a_connection_counts_once() {
        let mut record = Record::default();
        let now = Instant::now();
        record.arrived(Version::HTTP_2, OnConnection::First, now);
        record.arrived(Version::HTTP_2, OnConnection::Later, now);
        let nth = record.arrived(Version::HTTP_11, OnConnection::First, now);
        assert_eq!(nth, 3);
        let stats = record.stats(Vec::new()).together;
        assert_eq!(stats.connections, 2);
        assert_eq!((stats.by_protocol.h2, stats.by_protocol.http1), (2, 1));
    }
}
