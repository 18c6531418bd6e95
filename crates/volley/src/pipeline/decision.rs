//! What is decided of a batch from what was heard: for the ledger, for the account and for the gate at once.

use volley_ledger::Outcome;
use volley_model::{Acceptance, Amount, Msisdn, Refusal};

use super::account::Fate;
use super::credit::Level;
use super::dispatch::Dispatch;
use super::gate::Settled;
use super::handover::Heard;
use super::outside::{Clock, Journal, Wire};
use super::stop::StopReason;

/// Refusals in a row that stop the run: by then it is the message, not the batch (docs/guarantee.md, "What the wire proves").
const REFUSED_IN_A_ROW_MAX: u32 = 3;

/// Splits without any acceptance between them that stop the run: each refuses a number for good, and by then it is the account
/// or the call flow. Four lines of fifty, so that no list that is merely bad comes to it.
const SPLITS_IN_A_ROW_MAX: u32 = 200;

/// One decision in three places' terms.
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) fate: Fate,
    pub(super) gate: Settled,
}

impl Decision {
    fn released(reason: String, gate: Settled) -> Self {
        Self {
            outcome: Outcome::Released { reason },
            fate: Fate::Pending,
            gate,
        }
    }

    /// A simulated request reached nobody, whatever was heard of it.
    fn simulated(ticket: Option<String>, gate: Settled) -> Self {
        Self {
            outcome: Outcome::Simulated { ticket },
            fate: Fate::Simulated,
            gate,
        }
    }
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Decides on a new batch.
    pub(super) fn decide(&self, heard: Heard, members: u64, reserved: Option<Amount>) -> Decision {
        match heard {
            Heard::Accepted(said) if self.simulated => {
                Decision::simulated(Some(said.ticket), Settled::Definite)
            }
            Heard::Unticketed { .. } if self.simulated => Decision::simulated(None, Settled::Definite),
            Heard::InDoubt { .. } if self.simulated => Decision::simulated(None, Settled::Doubt),
            Heard::Accepted(said) => self.accepted(said, members, reserved),
            Heard::Unticketed { reason } => self.unticketed(reason, members, reserved),
            Heard::Refused(refusal) => self.refused(refusal),
            Heard::RefusedFor { number, refusal } => self.split(number, refusal),
            Heard::Account(refusal) => {
                let reason = format!("account refused: HTTP {}: {}", refusal.status, refusal.message);
                Decision::released(reason, Settled::Definite)
            }
            Heard::InDoubt { reason } => Decision {
                outcome: Outcome::InDoubt { reason },
                fate: Fate::InDoubt,
                gate: Settled::Doubt,
            },
            Heard::NotSent { reason } => Decision::released(reason, Settled::Neither),
        }
    }

    pub(super) fn accepted(&self, said: Acceptance, members: u64, reserved: Option<Amount>) -> Decision {
        self.refused_in_a_row.set(0);
        self.splits_in_a_row.set(0);
        let own = reserved.unwrap_or(Amount::ZERO);
        self.watch_credit(said.residual_credit, said.cost, own);
        if let (Some(cost), Some(reserved), Some(_)) = (said.cost, reserved, self.budget.max_cost())
            && cost > reserved
        {
            let why = format!("{cost} charged, {reserved} reserved, ticket {}", said.ticket);
            self.stop.request(StopReason::Dearer(why));
        }
        Decision {
            fate: Fate::Accepted {
                contacts: said.contacts.unwrap_or(members),
                cost: said.cost,
                estimated: self.estimate(members, reserved),
            },
            outcome: Outcome::Accepted {
                ticket: said.ticket,
                contacts: said.contacts,
                units: said.units,
                cost: said.cost,
                currency: said.currency,
                residual_credit: said.residual_credit,
            },
            gate: Settled::Definite,
        }
    }

    pub(super) fn unticketed(&self, reason: String, members: u64, reserved: Option<Amount>) -> Decision {
        self.refused_in_a_row.set(0);
        let estimated = self.estimate(members, reserved);
        Decision {
            outcome: Outcome::Unticketed { reason, estimated },
            fate: Fate::Unticketed { estimated },
            gate: Settled::Definite,
        }
    }

    fn refused(&self, refusal: Refusal) -> Decision {
        let in_a_row = self.refused_in_a_row.get() + 1;
        self.refused_in_a_row.set(in_a_row);
        if in_a_row == REFUSED_IN_A_ROW_MAX || !self.decided.get() {
            self.stop.request(StopReason::Refused(self.explain(&refusal)));
        }
        let Refusal {
            status,
            code,
            message,
        } = refusal;
        let outcome = Outcome::Refused {
            code,
            message,
            status,
        };
        Decision {
            outcome,
            fate: Fate::Refused,
            gate: Settled::Definite,
        }
    }

    /// The request was refused for one number of its. That says nothing against the message.
    fn split(&self, named: Msisdn, refusal: Refusal) -> Decision {
        self.refused_in_a_row.set(0);
        let in_a_row = self.splits_in_a_row.get() + 1;
        self.splits_in_a_row.set(in_a_row);
        if in_a_row == SPLITS_IN_A_ROW_MAX {
            self.stop.request(StopReason::Refused(self.explain(&refusal)));
        }
        let Refusal {
            status,
            code,
            message,
        } = refusal;
        let outcome = Outcome::Split {
            named,
            code,
            message,
            status,
        };
        Decision {
            outcome,
            fate: Fate::Split,
            gate: Settled::Definite,
        }
    }

    /// What a batch without a price from the provider counts as.
    fn estimate(&self, members: u64, reserved: Option<Amount>) -> Option<Amount> {
        reserved.or_else(|| self.budget.by_siblings(members))
    }

    /// Acts on what an answer says of the credit; `own` is what is held for the batch that it answers.
    pub(super) fn watch_credit(&self, left: Option<Amount>, cost: Option<Amount>, own: Amount) {
        match self.credit.hear(left, cost, own) {
            Level::Enough => {}
            Level::Low(why) => tracing::warn!("the credit is low: {why}"),
            Level::TooLow(why) => self.stop.request(StopReason::MinCredit(why)),
        }
    }
}
