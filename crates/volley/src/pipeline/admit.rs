//! Whether a new batch may be sent: its money is reserved, the gate lets it through, its intent is durable.
//!
//! Other runs of the campaign may be in the way: they hold one of its numbers, or what they reserved leaves no room.

use tokio::time::Instant;
use volley_ledger::{BatchId, Conclusion, Held, Intended, Intent, Outcome};
use volley_model::{Amount, SealedBatch};

use super::dispatch::Dispatch;
use super::gate::{Errand, Pass, Settled};
use super::line::Leg;
use super::outside::{Clock, Journal, Wire};
use super::stop::{Stage, StopReason};

/// What became of a batch before it was sent.
pub(super) enum Admitted {
    Durable(BatchId, Pass),
    /// Other runs hold some of its numbers, these.
    Held(Vec<Held>),
    /// Other runs' reservations leave no room for it, and may yet become smaller.
    Crowded,
    /// What is spent leaves no room for it, so much, and nothing that is known of may yet become smaller.
    OverBudget(Amount),
    /// The run stops.
    Never,
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Money, gate, intent. Unless the intent is durable the batch has neither money nor pass behind it: while it waits to
    /// try again, a probe may go that settles a doubt, and with it a reservation.
    pub(super) async fn admit(&self, leg: &Leg, reserved: Option<Amount>) -> Admitted {
        let amount = reserved.unwrap_or(Amount::ZERO);
        // Before the gate: whoever holds a trial must not wait for money that batches behind the gate hold.
        if !self.reserve(amount).await {
            return Admitted::Never;
        }
        let pass = self.pass_gate(Errand::Batch);
        let Some(pass) = self.stop.unless(Stage::Draining, pass).await else {
            self.budget.free(amount);
            return Admitted::Never;
        };
        let admitted = match self.intend(&leg.batch, leg.parent, reserved).await {
            Some(Intended::Durable(id)) => return Admitted::Durable(id, pass),
            Some(Intended::Held(held)) => {
                self.budget.free(amount);
                Admitted::Held(held)
            }
            Some(Intended::OverBudget { spent, open }) => {
                self.budget.free(amount);
                if open {
                    Admitted::Crowded
                } else {
                    Admitted::OverBudget(spent)
                }
            }
            None => Admitted::Never,
        };
        self.settle_gate(pass, Settled::Neither);
        admitted
    }

    /// Reserves the money; `false` if the run stops before that, or for that.
    async fn reserve(&self, amount: Amount) -> bool {
        match self
            .stop
            .unless(Stage::Draining, self.budget.reserve(amount))
            .await
        {
            Some(Ok(())) => true,
            Some(Err(out)) => {
                self.stop_at_max_cost(out.spent, out.wanted, Some(out.max_cost));
                false
            }
            None => false,
        }
    }

    pub(super) fn stop_at_max_cost(&self, spent: Amount, wanted: Amount, max_cost: Option<Amount>) {
        // Without a limit of its own the run goes by another run's.
        let allowed = max_cost.map_or_else(|| "less".to_owned(), |max_cost| max_cost.to_string());
        let why = format!("{spent} spent or reserved, {wanted} wanted, {allowed} allowed");
        self.stop.request(StopReason::MaxCost(why));
    }

    /// Makes the intent durable, if nothing is in the way; `None` if the run stops before that, and then the reservation is
    /// seen to.
    async fn intend(
        &self,
        batch: &SealedBatch,
        parent: Option<BatchId>,
        reserved: Option<Amount>,
    ) -> Option<Intended> {
        let amount = reserved.unwrap_or(Amount::ZERO);
        let recipients = u32::try_from(batch.members.len()).unwrap_or(u32::MAX);
        let begun = Instant::now();
        let due = self.pace.approach(recipients);
        let due = self.stop.unless(Stage::Draining, due).await;
        self.note_pace(begun.elapsed());
        if due.is_none() {
            self.budget.free(amount);
            return None;
        }
        let intent = Intent {
            batch: batch.clone(),
            parent,
            simulated: self.simulated,
            reserved,
            currency: self.currency,
            at: self.stamp(),
        };
        let begun = Instant::now();
        let order = self.commits.wait();
        let intended = self.journal.intend(intent).await;
        drop(order);
        self.account.borrow_mut().waits.ledger += begun.elapsed();
        match intended {
            Ok(intended) => {
                if intended.durable().is_some() {
                    self.note_commit(begun.elapsed());
                    *self.booked.borrow_mut() += batch.lines;
                }
                Some(intended)
            }
            Err(error) => {
                // Perhaps durable, certainly unsent; nothing more is sent by this process.
                self.stop.request(error.into());
                self.budget.keep();
                let outcome = Outcome::Released {
                    reason: "the ledger failed before it was sent".to_owned(),
                };
                let conclusion = Conclusion {
                    outcome,
                    attempts: Vec::new(),
                    at: self.stamp(),
                };
                self.unrecorded.borrow_mut().push((batch.key.clone(), conclusion));
                None
            }
        }
    }
}
