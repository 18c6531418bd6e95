//! The mock's own account of what it accepted: the oracle of the tests.
//!
//! *Input*: each provider request as it arrives, what it carried, what was committed, how it was answered.
//! *Output*: [`Stats`], tickets, and how often each number was accepted, for each provider and for both.
//! *Bounds*: 8 to 16 bytes a distinct number, one row a ticket, until a reset. A revocable request's numbers stay beside
//! them, 8 bytes each: those of campaigns that were accepted with their `send_at` ahead and that a client may cancel, and
//! no others.
//! *Not here*: control requests; connections that carried nothing but those.

mod book;
mod census;
mod number;
mod stats;
mod window;

use std::time::Instant;

use http::Version;
use rust_decimal::Decimal;

use crate::provider::Provider;
pub(crate) use book::Book;
pub(crate) use number::Number;
pub use stats::{ByProtocol, ProviderStats, RecipientCount, Stats, Ticket};
use window::Window;

/// What a committed request adds to the record.
pub(crate) struct Commit<'a> {
    pub(crate) ticket: String,
    pub(crate) request_key: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) numbers: &'a [Number],
    pub(crate) cost: Decimal,
    pub(crate) standing: Standing,
}

/// Whether an accepted request may still be taken back by its ticket alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Final,
    /// Its numbers are kept, so that they can be taken out of the counts.
    Revocable,
}

/// All that was seen and accepted since the start or the last reset.
#[derive(Default)]
pub(crate) struct Record {
    requests: u64,
    /// Over both providers, which the sum of their own would not tell.
    request_window: Window,
    recipient_window: Window,
    pub(crate) octopush: Book,
    pub(crate) exotel: Book,
}

/// A provider request, as its connection sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConnection {
    First,
    Later,
}

impl Record {
    fn of(&mut self, provider: Provider) -> &mut Book {
        match provider {
            Provider::Octopush => &mut self.octopush,
            Provider::Exotel => &mut self.exotel,
        }
    }

    /// Counts a request whose head has arrived; returns its number over both providers, from 1.
    pub(crate) fn arrived(
        &mut self,
        provider: Provider,
        version: Version,
        on_connection: OnConnection,
        at: Instant,
    ) -> u64 {
        self.requests += 1;
        self.request_window.add(at, 1);
        self.of(provider).arrived(version, on_connection, at);
        self.requests
    }

    /// Counts the recipients a readable request carried, accepted or not, at the time its head arrived.
    pub(crate) fn carried(&mut self, provider: Provider, recipients: u64, at: Instant) {
        self.recipient_window.add(at, recipients);
        self.of(provider).carried(recipients, at);
    }

    /// Counts the status of an answer that is given to the connection. Requests cut off have none.
    pub(crate) fn answered(&mut self, provider: Provider, status: u16) {
        self.of(provider).answered(status);
    }

    /// The figures of `/__mock/stats`.
    pub(crate) fn stats(&mut self, faults_hit: Vec<u64>) -> Stats {
        let octopush = self.octopush.stats();
        let exotel = self.exotel.stats();
        let mut together = octopush.clone();
        together.add(&exotel);
        together.max_requests_in_any_second = self.request_window.most();
        together.max_recipients_in_any_second = self.recipient_window.most();
        Stats {
            together,
            octopush,
            exotel,
            faults_hit,
        }
    }

    /// Every ticket in the order of commit, Octopush's first.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        [self.octopush.tickets(), self.exotel.tickets()].concat()
    }

    /// Every number with how often it was accepted, sorted; by both providers, or by one of them.
    pub(crate) fn recipients(&mut self, by: Option<Provider>) -> Vec<RecipientCount> {
        let mut counts: Vec<(Number, u32)> = Vec::new();
        if by != Some(Provider::Exotel) {
            counts.extend(self.octopush.numbers());
        }
        if by != Some(Provider::Octopush) {
            counts.extend(self.exotel.numbers());
        }
        counts.sort_unstable();
        counts.dedup_by(|later, first| {
            let same = later.0 == first.0;
            first.1 += if same { later.1 } else { 0 };
            same
        });
        counts
            .into_iter()
            .map(|(number, times)| RecipientCount {
                number: number.to_string(),
                times,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(record: &mut Record, ticket: &str, numbers: &[&str], standing: Standing) {
        let numbers: Vec<Number> = numbers.iter().filter_map(|text| Number::parse(text)).collect();
        record.octopush.commit(Commit {
            ticket: ticket.into(),
            request_key: None,
            name: None,
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
        assert_eq!(record.octopush.revoke("one"), None);
        assert_eq!(record.octopush.revoke("three"), None);
        assert_eq!(record.stats(Vec::new()).together.max_per_recipient, 2);

        assert_eq!(record.octopush.revoke("two"), Some(Decimal::new(5, 1)));
        assert_eq!(record.octopush.revoke("two"), None);
        assert!(
            record.octopush.stands("one")
                && !record.octopush.stands("two")
                && !record.octopush.stands("three")
        );
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
        assert_eq!(record.recipients(None).len(), 1);
        let cancelled: Vec<bool> = record.tickets().iter().map(|ticket| ticket.cancelled).collect();
        assert_eq!(cancelled, [false, true]);
        assert_eq!(stats.total_cost.to_string(), "1");
        record.octopush.refund(Decimal::new(5, 1));
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
        let recipients = record.recipients(None);
        let times: Vec<u32> = recipients.iter().map(|recipient| recipient.times).collect();
        assert_eq!(times, [2, 1]);
    }

    #[test]
    fn each_provider_has_its_figures_and_both_together_add_them() {
        let mut record = Record::default();
        let now = Instant::now();
        for provider in [Provider::Octopush, Provider::Exotel, Provider::Exotel] {
            record.arrived(provider, Version::HTTP_2, OnConnection::First, now);
            record.carried(provider, 2, now);
            record.answered(provider, 200);
        }
        commit(&mut record, "one", &["+919812345678"], Standing::Final);
        let numbers = ["+919812345678", "+919812345679"].map(|text| Number::parse(text).expect("a number"));
        for ticket in ["two", "three"] {
            record.exotel.commit(Commit {
                ticket: ticket.into(),
                request_key: None,
                name: None,
                numbers: &numbers,
                cost: Decimal::ZERO,
                standing: Standing::Final,
            });
        }
        let figures = |stats: &ProviderStats| {
            let window = (
                stats.max_requests_in_any_second,
                stats.max_recipients_in_any_second,
            );
            (stats.requests, stats.recipients, stats.max_per_recipient, window)
        };
        let stats = record.stats(Vec::new());
        assert_eq!(figures(&stats.octopush), (1, 1, 1, (1, 2)));
        assert_eq!(figures(&stats.exotel), (2, 4, 2, (2, 4)));
        // Of the numbers the more often accepted one counts, of the seconds the one over both.
        assert_eq!(figures(&stats.together), (3, 5, 2, (3, 6)));
        assert_eq!(stats.together.by_status.get(&200), Some(&3));
        let mut times = |by: Option<Provider>| -> Vec<u32> {
            record
                .recipients(by)
                .iter()
                .map(|recipient| recipient.times)
                .collect()
        };
        assert_eq!(times(None), [3, 2]);
        assert_eq!(times(Some(Provider::Octopush)), [1]);
        assert_eq!(times(Some(Provider::Exotel)), [2, 2]);
    }

    #[test]
    fn numbers_that_the_provider_keeps_are_exchanged_and_taken_back() {
        let mut record = Record::default();
        let [one, two, three] = ["+919812345678", "+919812345679", "+919812345670"]
            .map(|text| Number::parse(text).expect("a number"));
        for ticket in ["a", "b"] {
            record.exotel.commit(Commit {
                ticket: ticket.into(),
                request_key: None,
                name: None,
                numbers: &[one, two],
                cost: Decimal::ZERO,
                standing: Standing::Final,
            });
        }
        record.exotel.exchange("a", &[one, two], &[three]);
        record.exotel.exchange("unknown", &[one], &[three]);
        let stats = record.stats(Vec::new()).exotel;
        assert_eq!(
            (
                stats.recipients,
                stats.distinct_recipients,
                stats.max_per_recipient
            ),
            (3, 3, 1)
        );
        assert_eq!(record.tickets()[0].recipients, 1);
        record.exotel.take_back("b", &[one, two]);
        let stats = record.stats(Vec::new()).exotel;
        assert_eq!(
            (
                stats.recipients,
                stats.distinct_recipients,
                stats.cancelled_requests
            ),
            (1, 1, 1)
        );
        assert!(record.tickets()[1].cancelled);
        record
            .exotel
            .reprice(|ticket| Decimal::new(if ticket == "a" { 150 } else { 0 }, 2));
        assert_eq!(record.stats(Vec::new()).together.total_cost.to_string(), "1.5");
    }

    #[test]
    fn a_connection_counts_once() {
        let mut record = Record::default();
        let now = Instant::now();
        record.arrived(Provider::Octopush, Version::HTTP_2, OnConnection::First, now);
        record.arrived(Provider::Octopush, Version::HTTP_2, OnConnection::Later, now);
        let nth = record.arrived(Provider::Octopush, Version::HTTP_11, OnConnection::First, now);
        assert_eq!(nth, 3);
        let stats = record.stats(Vec::new()).together;
        assert_eq!(stats.connections, 2);
        assert_eq!((stats.by_protocol.h2, stats.by_protocol.http1), (2, 1));
    }
}
