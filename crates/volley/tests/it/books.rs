//! What the ledger says after a run, held against what the provider's own record says.
//!
//! The tables are read with the database's own tools where a rule is about single requests: that view is documented for users.

use std::collections::{HashMap, HashSet};

use volley_ledger::Reader;
use volley_model::{Amount, BatchState};

use crate::support::{End, Sandbox};

/// States in which the provider may have a ticket that we do not know.
const TICKETLESS: &str = "'intended', 'in_doubt', 'unticketed'";

/// The sandbox's ledger, opened beside whoever writes it.
pub(crate) struct Books<'a> {
    reader: Reader,
    sandbox: &'a Sandbox,
}

/// One attempt that was handed over: of which batch, from 1, in the order of the intents; times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandOver {
    pub(crate) batch: i64,
    pub(crate) at: i64,
    pub(crate) ended_at: i64,
}

impl<'a> Books<'a> {
    pub(crate) fn open(sandbox: &'a Sandbox) -> Self {
        Self {
            reader: Reader::open(&sandbox.ledger()).expect("a ledger"),
            sandbox,
        }
    }

    /// How many batches are in each state.
    pub(crate) fn states(&self) -> HashMap<BatchState, u64> {
        let reports = self.reader.report(None).expect("a report");
        let totals = reports.iter().flat_map(|report| &report.states);
        totals.map(|totals| (totals.state, totals.batches)).collect()
    }

    /// How many batches are in this state.
    pub(crate) fn batches(&self, state: BatchState) -> u64 {
        self.states().get(&state).copied().unwrap_or(0)
    }

    /// The state of one batch, by its number: from 1, in the order of the intents. (A server may leave ids out.)
    pub(crate) fn state_of(&self, batch: i64) -> BatchState {
        let states = self.sandbox.rows("SELECT state FROM batch ORDER BY id");
        let nth = usize::try_from(batch - 1).expect("from 1");
        BatchState::named(&states[nth]).expect("a state")
    }

    /// Every attempt that left us, in the order of handing over.
    pub(crate) fn hand_overs(&self) -> Vec<HandOver> {
        let all = self.sandbox.rows(
            "SELECT (SELECT count(*) FROM batch WHERE id <= attempt.batch), handed_over_at, ended_at FROM attempt
             WHERE handed_over_at IS NOT NULL ORDER BY handed_over_at",
        );
        let read = |row: &String| {
            let mut columns = row.split('|').map(|column| column.parse().expect("a number"));
            let mut next = || columns.next().expect("three columns");
            HandOver {
                batch: next(),
                at: next(),
                ended_at: next(),
            }
        };
        all.iter().map(read).collect()
    }

    /// When listings were asked for that lacked this batch, in microseconds.
    pub(crate) fn absences(&self, batch: i64) -> Vec<i64> {
        let of_it = format!("(SELECT count(*) FROM batch WHERE id <= lookup.batch) = {batch}");
        self.times(&format!("SELECT at FROM lookup WHERE {of_it} ORDER BY number"))
    }

    /// When each run began, in microseconds.
    pub(crate) fn runs_started_at(&self) -> Vec<i64> {
        self.times("SELECT started_at FROM run ORDER BY id")
    }

    fn times(&self, query: &str) -> Vec<i64> {
        let rows = self.sandbox.rows(query);
        rows.iter().map(|at| at.parse().expect("a time")).collect()
    }

    /// Invariant 2: the view that shows what does not add up is empty.
    #[track_caller]
    pub(crate) fn expect_sound(&self) -> &Self {
        let faults = self.reader.conservation().expect("the view");
        assert_eq!(
            faults,
            Vec::<String>::new(),
            "the ledger's account does not add up"
        );
        self
    }

    /// Invariants 4 and 5: each of our tickets is the provider's, at the same cost where answers tell one; each of the
    /// provider's that we lack belongs to a batch of which we do not claim to know the ticket. A batch is known by its key,
    /// which at Exotel is its campaign's name.
    #[track_caller]
    pub(crate) fn expect_tickets_of(&self, mock: &mock_server::Running) -> &Self {
        let theirs = mock.tickets();
        let mut unknown: HashMap<&str, _> = theirs
            .iter()
            .map(|ticket| (ticket.ticket.as_str(), ticket))
            .collect();
        for report in self.reader.report(None).expect("a report") {
            for ours in report.tickets {
                let theirs = unknown.remove(ours.ticket.as_str());
                let theirs = theirs.expect("a ticket of ours that the provider never gave, or gave once");
                // What calls cost is told once they were made, if it is asked for.
                if theirs.request_id.is_some() || ours.cost.is_some() {
                    assert_eq!(ours.cost.map(Amount::decimal), Some(theirs.cost), "{ours:?}");
                }
                assert_eq!(ours.recipients, theirs.recipients, "{ours:?}");
            }
        }
        // One that was deleted reaches nobody.
        unknown.retain(|_, theirs| !theirs.cancelled);
        let open = self.keys_without_ticket();
        for ticket in unknown.values() {
            let key = key_of(ticket).expect("we send keys and names");
            assert!(open.contains(key), "{ticket:?} is accounted for by no doubt");
        }
        self
    }

    fn keys_without_ticket(&self) -> HashSet<String> {
        let query = format!("SELECT request_key FROM batch WHERE state IN ({TICKETLESS})");
        self.sandbox.rows(&query).into_iter().collect()
    }
}

/// What the provider knows a batch by: Octopush its key, Exotel the name of its campaign.
pub(crate) fn key_of(ticket: &mock_server::Ticket) -> Option<&str> {
    ticket.request_id.as_deref().or(ticket.name.as_deref())
}

/// Invariants 1, 2, 4 and 5 after a run, by the summary, the ledger and the provider's record.
#[track_caller]
pub(crate) fn expect_all_agree(sandbox: &Sandbox, end: &End) {
    expect_agreement(sandbox, sandbox.mock(), end);
}

/// The same, of a mock that is not the sandbox's own.
#[track_caller]
pub(crate) fn expect_agreement(sandbox: &Sandbox, mock: &mock_server::Running, end: &End) {
    let most = mock.stats().together.max_per_recipient;
    assert!(most <= 1, "a number was accepted {most} times\n{end}");
    expect_sum(end);
    Books::open(sandbox).expect_sound().expect_tickets_of(mock);
}

/// `lines.read` is the sum of the other counts.
#[track_caller]
pub(crate) fn expect_sum(end: &End) {
    let summary = end.summary();
    let lines = summary["lines"].as_object().expect("lines");
    let others = lines.iter().filter(|(count, _)| *count != "read");
    let sum: u64 = others.map(|(_, count)| count.as_u64().expect("a count")).sum();
    assert_eq!(lines["read"], sum, "lines.read\n{end}");
}
