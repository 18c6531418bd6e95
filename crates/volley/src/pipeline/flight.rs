//! One new batch's way: whether it may go at all, [admission](super::admit), hand-over, decision, outcome.
//!
//! The order is the guarantee's: no byte before its intent is durable, no fate reported before its outcome is.

use std::time::Duration;

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use tracing::Instrument;
use volley_intake::IntakeError;
use volley_ledger::{BatchId, Conclusion, Held, Outcome};
use volley_model::{Amount, Msisdn, Refusal, SealedBatch};
use volley_provider::JudgeContext;

use super::account::Fate;
use super::admit::Admitted;
use super::decision::Decision;
use super::dispatch::Dispatch;
use super::handover::Flight;
use super::line::Leg;
use super::outside::{Clock, Journal, Wire};
use super::reading::Queued;
use super::settle::Doubt;
use super::stop::{Stage, StopReason};
use super::telling::{self, batch_span};

/// How often the ledger is asked again about a batch that other runs' reservations leave no room for: they tell nobody when
/// one becomes smaller.
const BUDGET_ASKED_EVERY: Duration = Duration::from_millis(200);
/// For how long a doubt of a run that has ended may be nobody's, until another, which looks every second, has taken it up: what is heard
/// of it may make room.
const DOUBT_CHANGES_HANDS: Duration = Duration::from_millis(1_500);

/// Where a leg ended.
enum Carried {
    To(Fate),
    /// Nothing of it is written: other runs hold some of its numbers, these.
    Held(Vec<Held>),
    /// Refused for one number: the others go again.
    Split {
        id: BatchId,
        named: Msisdn,
    },
}

/// A batch that the ledger knows.
struct Booked {
    id: BatchId,
    reserved: Option<Amount>,
}

/// What the provider refused, of a batch.
struct Refused {
    /// The number that it named; without one it refused them all.
    named: Option<Msisdn>,
    why: Refusal,
}

impl Refused {
    fn of(outcome: &Outcome) -> Option<Self> {
        let (named, code, message, status) = match outcome {
            Outcome::Refused {
                code,
                message,
                status,
            } => (None, code, message, status),
            Outcome::Split {
                named,
                code,
                message,
                status,
            } => (Some(*named), code, message, status),
            _ => return None,
        };
        Some(Self {
            named,
            why: Refusal {
                status: *status,
                code: *code,
                message: message.clone(),
            },
        })
    }
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Carries a batch to its end and books it; after a split, its other numbers too.
    pub(super) async fn fly<'a>(&'a self, queued: Queued, window: SemaphorePermit<'a>) {
        let held = self.reservation(&queued.batch).unwrap_or(Amount::ZERO);
        let mut window = Some(window);
        let mut legs = vec![Leg::first(queued)];
        while let Some(mut leg) = legs.pop() {
            let window = match window.take() {
                Some(window) => window,
                None => match self.stop.unless(Stage::Draining, self.window.acquire()).await {
                    Some(Ok(window)) => window,
                    // What is left is pending, and free in the ledger.
                    _ => break,
                },
            };
            let members = leg.batch.members.len() as u64;
            match self.carry(&mut leg, window).await {
                Carried::To(fate) => self.account.borrow_mut().land(members, &fate),
                Carried::Held(held) => self.give_back(leg, &held),
                Carried::Split { id, named } => {
                    self.account.borrow_mut().refuse_one();
                    legs.extend(leg.children(id, named, &self.sealer));
                }
            }
        }
        self.credit.let_go(held);
    }

    /// Of a batch that goes back no fate lands: its lines count elsewhere.
    fn give_back(&self, leg: Leg, held: &[Held]) {
        let (key, is_child) = (leg.batch.key.clone(), leg.parent.is_some());
        tracing::debug!(key = %key, held = held.len(), "other runs hold some of its numbers, and it is cut anew");
        if is_child || !leg.give_back(held) {
            let why = format!("the ledger says that other runs hold numbers of {key}, where none can");
            self.stop.request(StopReason::Bug(why));
        }
    }

    /// What a batch may cost at most; `None` where nobody knows, or where nothing is owed.
    pub(super) fn reservation(&self, batch: &SealedBatch) -> Option<Amount> {
        if self.simulated {
            None
        } else {
            self.tariff.estimate(batch.units)
        }
    }

    async fn carry<'a>(&'a self, leg: &mut Leg, window: SemaphorePermit<'a>) -> Carried {
        let batch = &leg.batch;
        let reserved = self.reservation(batch);
        let pending = Carried::To(Fate::Pending);
        // Before anything is reserved, gated or written: of this batch nothing is known to the ledger, nor to anybody.
        if self.lacks_stop_mention && batch.members.iter().any(|number| number.is_french()) {
            self.stop.request(StopReason::StopMention);
            return pending;
        }
        let mut is_last_try = false;
        let (id, pass) = loop {
            match self.admit(leg, reserved).await {
                Admitted::Durable(id, pass) => break (id, pass),
                Admitted::Held(held) => return Carried::Held(held),
                Admitted::Crowded => {
                    is_last_try = false;
                    let pause = tokio::time::sleep(BUDGET_ASKED_EVERY);
                    if self.stop.unless(Stage::Draining, pause).await.is_none() {
                        return pending;
                    }
                }
                Admitted::OverBudget(_) if !is_last_try => {
                    is_last_try = true;
                    let pause = tokio::time::sleep(DOUBT_CHANGES_HANDS);
                    if self.stop.unless(Stage::Draining, pause).await.is_none() {
                        return pending;
                    }
                }
                Admitted::OverBudget(spent) => {
                    let amount = reserved.unwrap_or(Amount::ZERO);
                    self.stop_at_max_cost(spent, amount, self.budget.max_cost());
                    return pending;
                }
                Admitted::Never => return pending,
            }
        };
        leg.settle();
        let batch = &leg.batch;
        let mut flight = Flight::new(batch.body.clone(), batch.members.len() as u64, pass, Some(window));
        let booked = Booked { id, reserved };
        self.send(leg, &booked, &mut flight)
            .instrument(batch_span(id))
            .await
    }

    /// Sends a batch whose intent is durable, and books what became of it.
    async fn send(&self, leg: &Leg, booked: &Booked, flight: &mut Flight<'_>) -> Carried {
        let Leg { batch, .. } = leg;
        let Booked { id, reserved } = *booked;
        let members = batch.members.len() as u64;
        let context = JudgeContext {
            members: &batch.members,
            ..self.judge_context()
        };
        let heard = self.hear(flight, &context).await;
        let decision = self.decide(heard, members, reserved);
        self.settle_gate(flight.pass, decision.gate);
        let refused = Refused::of(&decision.outcome);
        let fate = self.conclude(booked, batch, flight, decision).await;
        match (fate, refused) {
            // Durable: only then its numbers are free for a child.
            (
                Fate::Split,
                Some(Refused {
                    named: Some(named),
                    why,
                }),
            ) => {
                self.write_refused(leg, Some(named), &why);
                Carried::Split { id, named }
            }
            (Fate::Refused, Some(Refused { why, .. })) => {
                self.write_refused(leg, None, &why);
                Carried::To(Fate::Refused)
            }
            (fate, _) => Carried::To(fate),
        }
    }

    /// Writes the lines of the refused numbers to the rejects: of all members, or of the named one.
    fn write_refused(&self, leg: &Leg, named: Option<Msisdn>, why: &Refusal) {
        let written = self.refusals.write(leg.places(named), &self.explain(why));
        if let Err(source) = written {
            self.stop.request(IntakeError::Rejects { source }.into());
        }
    }

    /// Makes the outcome durable, then moves the money; the fate counts only after that.
    async fn conclude(
        &self,
        booked: &Booked,
        batch: &SealedBatch,
        flight: &mut Flight<'_>,
        decision: Decision,
    ) -> Fate {
        let Booked { id, reserved } = *booked;
        self.decided.set(true);
        let Decision { outcome, fate, .. } = decision;
        let first_attempt_at = flight.first_handed_over_at().unwrap_or_else(|| self.stamp());
        let conclusion = Conclusion {
            outcome,
            attempts: std::mem::take(&mut flight.attempts),
            at: self.stamp(),
        };
        let begun = Instant::now();
        let order = self.commits.wait();
        let concluded = self.journal.conclude(id, conclusion.clone()).await;
        drop(order);
        self.account.borrow_mut().waits.ledger += begun.elapsed();
        let members = batch.members.len() as u64;
        if let Err(error) = concluded {
            self.stop.request(error.into());
            let key = batch.key.clone();
            self.unrecorded.borrow_mut().push((key, conclusion));
            self.budget.keep();
            // Sent or not, the ledger still says "intended": the next run finds it in doubt.
            return if fate == Fate::Pending {
                Fate::Pending
            } else {
                Fate::InDoubt
            };
        }
        telling::concluded(&conclusion.outcome, members);
        self.move_money(reserved, members, &fate);
        if fate == Fate::InDoubt {
            self.ask_later(Doubt::of_this_run(
                id,
                batch,
                reserved,
                first_attempt_at,
                self.settle,
            ));
        }
        fate
    }

    /// The reservation's end, or its staying.
    pub(super) fn move_money(&self, reserved: Option<Amount>, members: u64, fate: &Fate) {
        let reserved = reserved.unwrap_or(Amount::ZERO);
        match fate {
            Fate::Accepted { cost: Some(cost), .. } => self.budget.settle(reserved, *cost, members),
            Fate::Accepted { cost: None, .. } | Fate::Unticketed { .. } | Fate::InDoubt => self.budget.keep(),
            Fate::Simulated | Fate::Refused | Fate::Split | Fate::Pending => self.budget.free(reserved),
        }
    }
}
