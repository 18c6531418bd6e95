//! What a run tells the ledger: intents, outcomes, attempts, its end; and how an operator signs a word.

use jiff::Timestamp;
use volley_model::{Amount, Currency, Msisdn, SealedBatch};

use crate::BatchId;

/// A batch about to be sent.
#[derive(Debug, Clone)]
pub struct Intent {
    /// The batch. Its key must never have been used.
    pub batch: SealedBatch,
    /// The split batch of this run some of whose other numbers go again here. No sibling may have one of them, and such a
    /// batch has no lines: they count for its parent.
    pub parent: Option<BatchId>,
    /// Whether it goes out in simulation mode: it will reach nobody.
    pub simulated: bool,
    /// What it may cost at most, where that is known.
    pub reserved: Option<Amount>,
    /// The currency of `reserved`, and of an estimated cost.
    pub currency: Currency,
    /// Now.
    pub at: Timestamp,
}

/// What became of an intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intended {
    /// It is durable, as this batch.
    Durable(BatchId),
    /// Nothing was written: other runs hold some of its numbers, these.
    Held(Vec<Held>),
    /// Nothing was written: it does not fit into what the campaign may cost.
    OverBudget {
        /// What is settled and reserved, by all runs.
        spent: Amount,
        /// Whether reservations of other batches are open that may yet become smaller.
        open: bool,
    },
}

impl Intended {
    /// The batch, if it is durable.
    pub fn durable(&self) -> Option<BatchId> {
        match self {
            Self::Durable(batch) => Some(*batch),
            Self::Held(_) | Self::OverBudget { .. } => None,
        }
    }
}

/// A number that another run of the campaign holds. Printing it masks the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The number.
    pub number: Msisdn,
    /// What that run made of it.
    pub holding: Holding,
}

/// What another run made of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holding {
    /// It is in this batch, which its run has not concluded.
    Open(BatchId),
    /// It is in this batch, which is in doubt.
    InDoubt(BatchId),
    /// It was reached.
    Reached,
    /// The provider refused it.
    Refused,
}

/// How the campaign stands at a run's end, as far as others have to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// Batches of the campaign in doubt.
    pub in_doubt: u64,
    /// Those among them that are not this run's to ask about: another one asks, or nobody does yet.
    pub left_to_others: Vec<BatchId>,
    /// Those of the numbers asked for that somebody holds, and how. The others are free.
    pub held: Vec<Held>,
}

/// What came of a batch, with the attempts since it was last concluded.
#[derive(Debug, Clone)]
pub struct Conclusion {
    /// What came of it.
    pub outcome: Outcome,
    /// The attempts, in order.
    pub attempts: Vec<Attempt>,
    /// Now.
    pub at: Timestamp,
}

/// What came of a batch. A simulated batch's `Accepted`, `Unticketed` and `InDoubt` are kept as simulated: it reached
/// nobody, whatever was heard of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Sent, with a ticket.
    Accepted {
        /// The provider's id of it.
        ticket: String,
        /// How many contacts the provider counts.
        contacts: Option<u64>,
        /// How many segments the provider counts.
        units: Option<u64>,
        /// The provider's price; without one the batch stays unpriced, and its reservation stands for it.
        cost: Option<Amount>,
        /// The currency of `cost`.
        currency: Currency,
        /// The account's credit afterwards.
        residual_credit: Option<Amount>,
    },
    /// Sent, ticket unknown.
    Unticketed {
        /// What is missing, and why.
        reason: String,
        /// What it will have cost, in the currency of its intent.
        estimated: Option<Amount>,
    },
    /// Definitely not sent: this request was refused.
    Refused {
        /// The provider's code.
        code: Option<u32>,
        /// The provider's message.
        message: String,
        /// The status of its answer.
        status: u16,
    },
    /// Definitely not sent: this request was refused for one number that the provider named. That number is refused for
    /// good; the others are free until a child takes them up.
    Split {
        /// The number, one of the batch's.
        named: Msisdn,
        /// The provider's code.
        code: Option<u32>,
        /// The provider's message.
        message: String,
        /// The status of its answer.
        status: u16,
    },
    /// Definitely not sent, for a reason that is not this batch's own. The numbers are free.
    Released {
        /// Which.
        reason: String,
    },
    /// Sent in simulation mode.
    Simulated {
        /// The provider's id, if it gave one.
        ticket: Option<String>,
    },
    /// Nobody knows.
    InDoubt {
        /// What happened.
        reason: String,
    },
}

/// One try at handing a batch over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// When the request was handed to its connection; `None` if nothing left us.
    pub handed_over_at: Option<Timestamp>,
    /// When its evidence was complete.
    pub ended_at: Timestamp,
    /// What was observed, in a few words without numbers.
    pub evidence: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// `complete`, `doubtful`, `stopped`, `interrupted`, `failed`.
    pub outcome: String,
    /// Why, where the outcome alone does not say it.
    pub reason: Option<String>,
    /// The exit code.
    pub exit_code: u8,
    /// Lines that were booked as in doubt, for an earlier run's batch, and were sent already as this run has settled it.
    pub lines_settled: u64,
    /// Lines that were booked as in doubt, for another run's batch, and that run gave their numbers back: pending. None in a
    /// file.
    pub lines_freed: u64,
    /// The same, for a batch or a number that was refused.
    pub lines_refused: u64,
    /// Now.
    pub at: Timestamp,
}

/// Who says so, why, and when: what stands under every word of an operator's, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The person, as the machine knows them: `anna@host`.
    pub who: String,
    /// Their reason, in their words. Not blank.
    pub why: String,
    /// Now.
    pub at: Timestamp,
}
