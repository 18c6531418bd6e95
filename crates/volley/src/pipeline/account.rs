//! What became of this run's batches: the half of the account that the provider's answers decide.
//!
//! The other half, what became of the lines before they were in a batch, is the intake's `LineCounts`.

use std::time::Duration;

use volley_ledger::BatchId;
use volley_model::{Amount, Evidence};

use super::latency::Latency;

/// How a batch of this run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Sent, with a ticket; `cost` is `None` where the provider named none, and then `estimated` stands in.
    Accepted {
        contacts: u64,
        cost: Option<Amount>,
        estimated: Option<Amount>,
    },
    /// Sent, ticket unknown.
    Unticketed { estimated: Option<Amount> },
    /// Simulated: nobody was reached.
    Simulated,
    /// Refused by the provider.
    Refused,
    /// Refused for one number, which is booked by itself; the others go again, in a batch that has a fate of its own.
    Split,
    /// Nobody knows.
    InDoubt,
    /// Not sent; the numbers are free.
    Pending,
}

/// Whose doubt it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    /// A batch of this run.
    ThisRun,
    /// A batch of an earlier run.
    Earlier,
}

/// Where batches waited, summed over all of them: the largest says what limits the speed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Waits {
    /// For the next batch, with nothing else to do.
    pub(crate) input: Duration,
    /// For the intent's commit.
    pub(crate) ledger: Duration,
    /// For a place among `max_in_flight`, or on a connection.
    pub(crate) provider: Duration,
    /// For a request's token.
    pub(crate) requests: Duration,
    /// For recipients' tokens.
    pub(crate) recipients: Duration,
    /// For the end of a cool-down.
    pub(crate) cool_down: Duration,
    /// For doubts to fall due, with nothing else to do.
    pub(crate) settle: Duration,
}

impl Waits {
    /// What limited the speed most.
    pub(crate) fn limited_by(&self) -> &'static str {
        self.by_limit()
            .into_iter()
            .max_by_key(|(waited, _)| *waited)
            .map_or("input", |(_, limit)| limit)
    }

    /// Each with the name of its limit.
    pub(crate) fn by_limit(&self) -> [(Duration, &'static str); 7] {
        [
            (self.requests, "requests_per_second"),
            (self.recipients, "recipients_per_second"),
            (self.provider, "max_in_flight"),
            (self.ledger, "ledger"),
            (self.cool_down, "cool_down"),
            (self.settle, "settle"),
            // The last of equals is taken: a run that waited for nothing was limited by its input.
            (self.input, "input"),
        ]
    }
}

/// What came of attempts, by what the wire proves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attempts {
    pub(crate) answered: u64,
    pub(crate) not_processed: u64,
    pub(crate) lost: u64,
    pub(crate) unsent: u64,
}

impl Attempts {
    pub(crate) fn count(&mut self, evidence: &Evidence) {
        *match evidence {
            Evidence::Answered(_) => &mut self.answered,
            Evidence::NotProcessed(_) => &mut self.not_processed,
            Evidence::Lost(_) => &mut self.lost,
            Evidence::Unsent(_) => &mut self.unsent,
        } += 1;
    }
}

/// The sums of a run, in recipients where not said otherwise.
#[derive(Debug, Clone, Default)]
pub(crate) struct Account {
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) in_doubt: u64,
    pub(crate) batches_accepted: u64,
    pub(crate) batches_refused: u64,
    pub(crate) batches_in_doubt: u64,
    pub(crate) batches_unpriced: u64,
    pub(crate) tickets: u64,
    pub(crate) contacts: u64,
    pub(crate) dropped: u64,
    pub(crate) cost_confirmed: Amount,
    pub(crate) cost_estimated: Amount,
    pub(crate) requests_sent: u64,
    pub(crate) requests_retried: u64,
    pub(crate) requests_throttled: u64,
    pub(crate) in_flight: u64,
    pub(crate) attempts: Attempts,
    pub(crate) latency: Latency,
    /// Batches of this run that came in doubt, and batches of any run whose doubt this run has settled.
    pub(crate) doubts_opened: u64,
    pub(crate) doubts_settled: u64,
    /// Batches of dead runs whose doubts this run has taken up on its way.
    pub(crate) doubts_taken_up: u64,
    /// Batches of earlier runs whose doubts this run has cleared, and their members.
    pub(crate) settled: Vec<BatchId>,
    pub(crate) settled_recipients: u64,
    pub(crate) waits: Waits,
}

impl Account {
    /// Books the end of a batch of this run.
    pub(crate) fn land(&mut self, members: u64, fate: &Fate) {
        match fate {
            Fate::Accepted { .. } | Fate::Unticketed { .. } | Fate::Simulated => self.accepted += members,
            Fate::Refused => self.refused += members,
            Fate::InDoubt => {
                self.in_doubt += members;
                self.doubts_opened += 1;
            }
            Fate::Split | Fate::Pending => {}
        }
        self.book(members, fate);
    }

    /// Books the number that a batch was split for.
    pub(crate) fn refuse_one(&mut self) {
        self.refused += 1;
    }

    /// Books what ended a doubt. The lines of an earlier run's doubt are not this run's: it counts as settled.
    pub(crate) fn settle(&mut self, id: BatchId, origin: Origin, members: u64, fate: &Fate) {
        self.doubts_settled += 1;
        match origin {
            Origin::ThisRun => {
                self.in_doubt -= members;
                self.batches_in_doubt -= 1;
                self.land(members, fate);
            }
            Origin::Earlier => {
                self.settled.push(id);
                self.settled_recipients += members;
                self.book(members, fate);
            }
        }
    }

    /// Books what the provider says of a batch.
    fn book(&mut self, members: u64, fate: &Fate) {
        match fate {
            Fate::Accepted {
                contacts,
                cost,
                estimated,
            } => {
                self.batches_accepted += 1;
                self.tickets += 1;
                self.contacts += contacts;
                self.dropped += members.saturating_sub(*contacts);
                match cost {
                    Some(cost) => self.cost_confirmed += *cost,
                    None => self.estimate(*estimated),
                }
            }
            Fate::Unticketed { estimated } => {
                self.batches_accepted += 1;
                self.contacts += members;
                self.estimate(*estimated);
            }
            Fate::Simulated => {
                self.batches_accepted += 1;
                self.contacts += members;
            }
            Fate::Refused => self.batches_refused += 1,
            Fate::InDoubt => self.batches_in_doubt += 1,
            Fate::Split | Fate::Pending => {}
        }
    }

    fn estimate(&mut self, estimated: Option<Amount>) {
        self.batches_unpriced += 1;
        self.cost_estimated += estimated.unwrap_or(Amount::ZERO);
    }

    /// Confirmed and estimated cost together.
    pub(crate) fn cost(&self) -> Amount {
        self.cost_confirmed + self.cost_estimated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubt_of_this_run_moves_and_one_of_an_earlier_run_is_settled() {
        let mut account = Account::default();
        account.land(50, &Fate::InDoubt);
        let accepted = Fate::Accepted {
            contacts: 50,
            cost: None,
            estimated: None,
        };
        account.settle(BatchId(1), Origin::ThisRun, 50, &accepted);
        assert_eq!(
            (account.accepted, account.in_doubt, account.batches_in_doubt),
            (50, 0, 0)
        );
        assert_eq!((account.doubts_opened, account.doubts_settled), (1, 1));
        account.settle(
            BatchId(2),
            Origin::Earlier,
            70,
            &Fate::Unticketed { estimated: None },
        );
        assert_eq!(
            (account.accepted, account.tickets, account.contacts),
            (50, 1, 120)
        );
        assert_eq!(
            (account.settled.as_slice(), account.settled_recipients),
            ([BatchId(2)].as_slice(), 70)
        );
    }

    #[test]
    fn every_fate_books_its_members_once_and_pending_books_none() {
        let mut account = Account::default();
        let cost = |text: &str| Some(text.parse::<Amount>().unwrap());
        account.land(
            10,
            &Fate::Accepted {
                contacts: 8,
                cost: cost("1.5"),
                estimated: cost("2"),
            },
        );
        account.land(
            20,
            &Fate::Accepted {
                contacts: 20,
                cost: None,
                estimated: cost("4"),
            },
        );
        account.land(30, &Fate::Unticketed { estimated: cost("6") });
        account.land(40, &Fate::Refused);
        account.land(50, &Fate::InDoubt);
        account.land(60, &Fate::Pending);
        assert_eq!(
            (account.accepted, account.refused, account.in_doubt),
            (60, 40, 50)
        );
        assert_eq!((account.tickets, account.contacts, account.dropped), (2, 58, 2));
        assert_eq!(
            (account.cost(), account.cost_estimated, account.batches_unpriced),
            ("11.5".parse().unwrap(), "10".parse().unwrap(), 2)
        );
    }
}
