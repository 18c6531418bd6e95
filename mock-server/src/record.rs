//! The mock's own account of what it accepted: the oracle of the tests.
//!
//! *Input*: each provider request as it arrives, what it carried, what was committed, how it was answered.
//! *Output*: [`Stats`], tickets, and how often each number was accepted.
//! *Bounds*: about 16 bytes a distinct number, one row a ticket, until a reset.
//! *Not here*: control requests; connections that carried nothing but those.

mod census;
mod number;
mod stats;
mod window;

use std::collections::BTreeMap;
use std::time::Instant;

use http::Version;
use rust_decimal::Decimal;

use census::Census;
pub(crate) use number::Number;
pub use stats::{ByProtocol, ProviderStats, RecipientCount, Stats, Ticket};
use window::Window;

/// Which provider a request was meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Under `/v1/public/`.
    Octopush,
    /// Under `/v1/Accounts/` and `/v2/accounts/`.
    Exotel,
}

impl Provider {
    /// The provider that serves this path, if one does.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        if path.starts_with("/v1/public/") {
            Some(Self::Octopush)
        } else if path.starts_with("/v1/Accounts/") || path.starts_with("/v2/accounts/") {
            Some(Self::Exotel)
        } else {
            None
        }
    }

    /// This provider's bit in a connection's memory of whom it talked to.
    pub(crate) fn bit(self) -> u8 {
        match self {
            Self::Octopush => 1,
            Self::Exotel => 2,
        }
    }
}

/// What a committed request adds to the record.
pub(crate) struct Commit<'a> {
    pub(crate) ticket: String,
    pub(crate) request_key: Option<&'a str>,
    pub(crate) numbers: &'a [Number],
    pub(crate) cost: Decimal,
}

/// All that was seen and accepted since the start or the last reset.
#[derive(Default)]
pub(crate) struct Record {
    together: Traffic,
    octopush: Book,
    exotel: Book,
}

impl Record {
    /// Counts a request whose head has arrived; returns its number, from 1, over both providers.
    /// `talked_to` holds the bits of the providers its connection carried requests for before.
    pub(crate) fn arrived(
        &mut self,
        provider: Provider,
        version: Version,
        talked_to: u8,
        at: Instant,
    ) -> u64 {
        self.together.arrived(version, talked_to == 0, at);
        self.book(provider)
            .traffic
            .arrived(version, talked_to & provider.bit() == 0, at);
        self.together.requests
    }

    /// Counts the recipients a readable request carried, accepted or not, at the time its head arrived.
    pub(crate) fn carried(&mut self, provider: Provider, recipients: u64, at: Instant) {
        self.together.carried(recipients, at);
        self.book(provider).traffic.carried(recipients, at);
    }

    /// Counts a request that was only simulated: it reached nobody. Returns how many there were.
    pub(crate) fn simulated(&mut self, provider: Provider) -> u64 {
        self.together.simulated_requests += 1;
        self.book(provider).traffic.simulated_requests += 1;
        self.together.simulated_requests
    }

    /// Remembers an accepted request for good. This is the commit point faults are scripted around.
    pub(crate) fn commit(&mut self, provider: Provider, commit: Commit<'_>) {
        let recipients = commit.numbers.len() as u64;
        self.together.accepted(recipients, commit.cost);
        let book = self.book(provider);
        book.traffic.accepted(recipients, commit.cost);
        for number in commit.numbers {
            book.accepted.count(*number);
        }
        book.tickets.push(Ticket {
            ticket: commit.ticket,
            recipients,
            cost: commit.cost.normalize(),
            request_id: commit.request_key.map(str::to_owned),
        });
    }

    /// Counts the status of an answer that is given to the connection. Requests cut off have none.
    pub(crate) fn answered(&mut self, provider: Provider, status: u16) {
        *self.together.by_status.entry(status).or_default() += 1;
        *self.book(provider).traffic.by_status.entry(status).or_default() += 1;
    }

    /// The figures of `/__mock/stats`.
    pub(crate) fn stats(&self, faults_hit: Vec<u64>) -> Stats {
        let (distinct, most) = self.distinct_and_most();
        let tickets = self.octopush.tickets.len() + self.exotel.tickets.len();
        Stats {
            together: self.together.stats(distinct, most, tickets),
            octopush: self.octopush.stats(),
            exotel: self.exotel.stats(),
            faults_hit,
        }
    }

    /// Every ticket, in the order of commit, Octopush first.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.octopush
            .tickets
            .iter()
            .chain(&self.exotel.tickets)
            .cloned()
            .collect()
    }

    /// Every number with how often it was accepted, over both providers, sorted.
    pub(crate) fn recipients(&self) -> Vec<RecipientCount> {
        let (octopush, exotel) = (&self.octopush.accepted, &self.exotel.accepted);
        let mut counts: Vec<(Number, u32)> = octopush
            .iter()
            .map(|(number, times)| (number, times + exotel.times(number)))
            .chain(exotel.iter().filter(|(number, _)| octopush.times(*number) == 0))
            .collect();
        counts.sort_unstable();
        counts
            .into_iter()
            .map(|(number, times)| RecipientCount {
                number: number.to_string(),
                times,
            })
            .collect()
    }

    fn book(&mut self, provider: Provider) -> &mut Book {
        match provider {
            Provider::Octopush => &mut self.octopush,
            Provider::Exotel => &mut self.exotel,
        }
    }

    /// Distinct numbers over both providers, and the most one of them was accepted.
    fn distinct_and_most(&self) -> (usize, u32) {
        let (mut small, mut large) = (&self.exotel.accepted, &self.octopush.accepted);
        if small.len() > large.len() {
            (small, large) = (large, small);
        }
        let mut distinct = large.len();
        let mut most = large.most().max(small.most());
        for (number, times) in small.iter() {
            match large.times(number) {
                0 => distinct += 1,
                more => most = most.max(times + more),
            }
        }
        (distinct, most)
    }
}

/// One provider's part of the record.
#[derive(Default)]
struct Book {
    traffic: Traffic,
    accepted: Census,
    tickets: Vec<Ticket>,
}

impl Book {
    fn stats(&self) -> ProviderStats {
        self.traffic
            .stats(self.accepted.len(), self.accepted.most(), self.tickets.len())
    }
}

/// The counts that need no numbers.
#[derive(Default)]
struct Traffic {
    requests: u64,
    accepted_requests: u64,
    simulated_requests: u64,
    recipients: u64,
    total_cost: Decimal,
    by_status: BTreeMap<u16, u64>,
    by_protocol: ByProtocol,
    connections: u64,
    max_recipients_per_request: u64,
    request_window: Window,
    recipient_window: Window,
}

impl Traffic {
    fn arrived(&mut self, version: Version, new_connection: bool, at: Instant) {
        self.requests += 1;
        self.connections += u64::from(new_connection);
        if version == Version::HTTP_2 {
            self.by_protocol.h2 += 1;
        } else {
            self.by_protocol.http1 += 1;
        }
        self.request_window.add(at, 1);
    }

    fn carried(&mut self, recipients: u64, at: Instant) {
        self.max_recipients_per_request = self.max_recipients_per_request.max(recipients);
        self.recipient_window.add(at, recipients);
    }

    fn accepted(&mut self, recipients: u64, cost: Decimal) {
        self.accepted_requests += 1;
        self.recipients += recipients;
        self.total_cost += cost;
    }

    fn stats(&self, distinct_recipients: usize, max_per_recipient: u32, tickets: usize) -> ProviderStats {
        ProviderStats {
            requests: self.requests,
            accepted_requests: self.accepted_requests,
            simulated_requests: self.simulated_requests,
            recipients: self.recipients,
            distinct_recipients: distinct_recipients as u64,
            max_per_recipient: u64::from(max_per_recipient),
            tickets: tickets as u64,
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

    fn commit(record: &mut Record, provider: Provider, numbers: &[&str]) {
        let numbers: Vec<Number> = numbers.iter().filter_map(|text| Number::parse(text)).collect();
        let cost = Decimal::new(5, 1);
        record.commit(
            provider,
            Commit {
                ticket: "t".into(),
                request_key: None,
                numbers: &numbers,
                cost,
            },
        );
    }

    #[test]
    fn a_number_reached_through_both_providers_is_one_recipient() {
        let mut record = Record::default();
        commit(&mut record, Provider::Octopush, &["+33612345678", "+33612345679"]);
        commit(&mut record, Provider::Exotel, &["+33612345678"]);
        let stats = record.stats(Vec::new());
        assert_eq!(stats.together.recipients, 3);
        assert_eq!(stats.together.distinct_recipients, 2);
        assert_eq!(stats.together.max_per_recipient, 2);
        assert_eq!(stats.octopush.max_per_recipient, 1);
        assert_eq!(stats.exotel.tickets, 1);
        assert_eq!(stats.together.total_cost.to_string(), "1");
        let times: Vec<u32> = record
            .recipients()
            .iter()
            .map(|recipient| recipient.times)
            .collect();
        assert_eq!(times, [2, 1]);
    }

    #[test]
    fn a_connection_counts_once_for_each_provider_and_once_in_all() {
        let mut record = Record::default();
        let now = Instant::now();
        record.arrived(Provider::Octopush, Version::HTTP_2, 0, now);
        record.arrived(Provider::Octopush, Version::HTTP_2, 1, now);
        let nth = record.arrived(Provider::Exotel, Version::HTTP_11, 1, now);
        assert_eq!(nth, 3);
        let stats = record.stats(Vec::new());
        assert_eq!(
            (
                stats.together.connections,
                stats.octopush.connections,
                stats.exotel.connections
            ),
            (1, 1, 1)
        );
        assert_eq!(
            (stats.together.by_protocol.h2, stats.together.by_protocol.http1),
            (2, 1)
        );
    }
}
