//! What one provider accepted, and from how many requests.

use std::collections::BTreeMap;
use std::time::Instant;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use http::Version;
use rust_decimal::Decimal;

use super::census::Census;
use super::number::Number;
use super::stats::{ByProtocol, ProviderStats, Ticket};
use super::window::Window;
use super::{Commit, OnConnection, Standing};

/// What is kept of a revocable request.
struct Revocable {
    /// Its place among the tickets.
    row: usize,
    numbers: Box<[Number]>,
}

/// One provider's part of the record.
#[derive(Default)]
pub(crate) struct Book {
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
    callbacks_sent: u64,
    /// By ticket.
    revocable: HashMap<String, Revocable, FixedState>,
}

impl Book {
    pub(super) fn arrived(&mut self, version: Version, on_connection: OnConnection, at: Instant) {
        self.requests += 1;
        self.connections += u64::from(on_connection == OnConnection::First);
        if version == Version::HTTP_2 {
            self.by_protocol.h2 += 1;
        } else {
            self.by_protocol.http1 += 1;
        }
        self.request_window.add(at, 1);
    }

    pub(super) fn carried(&mut self, recipients: u64, at: Instant) {
        self.max_recipients_per_request = self.max_recipients_per_request.max(recipients);
        self.recipient_window.add(at, recipients);
    }

    pub(super) fn answered(&mut self, status: u16) {
        *self.by_status.entry(status).or_default() += 1;
    }

    /// Counts a request that was only simulated: it reached nobody. Returns how many there were.
    pub(crate) fn simulated(&mut self) -> u64 {
        self.simulated_requests += 1;
        self.simulated_requests
    }

    /// Counts a callback that its receiver took.
    pub(crate) fn called_back(&mut self) {
        self.callbacks_sent += 1;
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
            name: commit.name.map(str::to_owned),
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

    /// Replaces the numbers of an accepted request, which its provider keeps, by others.
    pub(crate) fn exchange(&mut self, ticket: &str, old: &[Number], new: &[Number]) {
        let Some(row) = self.row(ticket) else { return };
        self.accepted.forget(old);
        for number in new {
            self.accepted.count(*number);
        }
        self.recipients = self.recipients - old.len() as u64 + new.len() as u64;
        self.tickets[row].recipients = new.len() as u64;
    }

    /// Takes a request back whose numbers its provider keeps: it reaches nobody. Its ticket stays, marked.
    pub(crate) fn take_back(&mut self, ticket: &str, numbers: &[Number]) {
        let Some(row) = self.row(ticket) else { return };
        self.accepted.forget(numbers);
        self.recipients -= numbers.len() as u64;
        self.cancelled_requests += 1;
        self.tickets[row].cancelled = true;
    }

    /// Books what each ticket costs by now.
    pub(crate) fn reprice(&mut self, cost_of: impl Fn(&str) -> Decimal) {
        for ticket in &mut self.tickets {
            ticket.cost = cost_of(&ticket.ticket).normalize();
        }
        self.total_cost = self.tickets.iter().map(|ticket| ticket.cost).sum();
    }

    /// The ticket's place. Looks through all of them.
    fn row(&self, ticket: &str) -> Option<usize> {
        self.tickets.iter().position(|accepted| accepted.ticket == ticket)
    }

    /// Every ticket, in the order of commit.
    pub(super) fn tickets(&self) -> &[Ticket] {
        &self.tickets
    }

    /// Every number once, in no order, with how often it was accepted.
    pub(super) fn numbers(&mut self) -> impl Iterator<Item = (Number, u32)> {
        self.accepted.iter()
    }

    pub(super) fn stats(&mut self) -> ProviderStats {
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
            callbacks_sent: self.callbacks_sent,
        }
    }
}
