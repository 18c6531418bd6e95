//! One batch's way: intent, token, hand-over, answer, verdict, outcome.
//!
//! ```text
//!  gate, budget ─► intent durable ─► place in flight ─► stream ─► token ─► handed over ─► answer ─► outcome durable
//!       │                │  ▲                                                  │             │
//!    pending          released                                      grace over: in doubt   judge
//!                           └────────────── same key, same bytes ◄── proven unsent or unprocessed
//! ```
//! The order is the guarantee's: no byte before its intent is durable, the token last so that the request goes at
//! once, no fate reported before its outcome is durable.

use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use volley_ledger::{Attempt, BatchId, Conclusion, Intent, Outcome};
use volley_model::{Acceptance, Amount, Currency, Evidence, Lost, Refusal, SealedBatch, Verdict};

use super::account::Fate;
use super::dispatch::Dispatch;
use super::gate::{Pass, Settled};
use super::patience::Try;
use super::stop::StopReason;
use crate::clock;

/// How often a batch may be put off (guarantee, "not processed").
const PUT_OFF_MAX: u32 = 5;

/// What is decided of a batch: for the ledger, for the gate and for the account at once.
struct Decision {
    outcome: Outcome,
    fate: Fate,
    gate: Settled,
}

impl Decision {
    fn released(reason: impl Into<String>) -> Self {
        Self {
            outcome: Outcome::Released {
                reason: reason.into(),
            },
            fate: Fate::Pending,
            gate: Settled::Neither,
        }
    }
}

/// What follows from a verdict.
enum Next {
    Decided(Decision),
    Again { after: std::time::Duration },
}

/// A batch in the air: what it holds and what it has been through.
struct Flight<'a> {
    batch: SealedBatch,
    recipients: u32,
    /// What its recipients cost at most; `None` without a `unit_price`.
    reserved: Option<Amount>,
    pass: Pass,
    /// Held from before the intent until the first hand-over: bounds intents that are durable and unsent.
    window: Option<SemaphorePermit<'a>>,
    attempts: Vec<Attempt>,
    put_off: u32,
    unsent: u32,
}

impl Dispatch {
    /// Carries a batch to its end and books it.
    pub(super) async fn fly<'a>(&'a self, batch: SealedBatch, window: SemaphorePermit<'a>) {
        let members = batch.members.len() as u64;
        let fate = self.carry(batch, window).await;
        self.land(members, &fate);
    }

    async fn carry<'a>(&'a self, batch: SealedBatch, window: SemaphorePermit<'a>) -> Fate {
        let recipients = u32::try_from(batch.members.len()).unwrap_or(u32::MAX);
        let Some(pass) = self.stop.or_stopped(self.gate.pass()).await else {
            return Fate::Pending;
        };
        let reserved = self.reservation(&batch);
        let mut flight = Flight {
            batch,
            recipients,
            reserved,
            pass,
            window: Some(window),
            attempts: Vec::new(),
            put_off: 0,
            unsent: 0,
        };
        let Some(id) = self.intend(&flight).await else {
            self.gate.settle(pass, Settled::Neither);
            return Fate::Pending;
        };
        let decision = self.until_decided(&mut flight).await;
        if self.gate.settle(flight.pass, decision.gate) {
            self.stop.request(StopReason::TrialsInDoubt);
        }
        self.conclude(id, flight, decision).await
    }

    fn reservation(&self, batch: &SealedBatch) -> Option<Amount> {
        if self.simulated {
            None
        } else {
            self.tariff.estimate(batch.units)
        }
    }

    /// Reserves the money and makes the intent durable; `None` if the run stops before that.
    async fn intend(&self, flight: &Flight<'_>) -> Option<BatchId> {
        let reserved = flight.reserved.unwrap_or(Amount::ZERO);
        match self.stop.or_stopped(self.budget.reserve(reserved)).await? {
            Ok(()) => {}
            Err(out) => {
                let why = format!(
                    "{} spent or reserved, {} wanted, {} allowed",
                    out.spent, out.wanted, out.max_cost
                );
                self.stop.request(StopReason::MaxCost(why));
                return None;
            }
        }
        if self
            .stop
            .or_stopped(self.pace.approach(flight.recipients))
            .await
            .is_none()
        {
            self.budget.free(reserved);
            return None;
        }
        let begun = Instant::now();
        let intent = Intent {
            batch: flight.batch.clone(),
            simulated: self.simulated,
            reserved: flight.reserved,
            currency: Currency::EUR,
            at: clock::now(),
        };
        let intended = self.writer.intend(intent).await;
        self.account.borrow_mut().waits.ledger += begun.elapsed();
        match intended {
            Ok(id) => {
                *self.booked.borrow_mut() += flight.batch.lines;
                Some(id)
            }
            Err(error) => {
                // Perhaps durable, certainly unsent; nothing more is sent by this process.
                self.stop.request(error.into());
                self.budget.keep();
                None
            }
        }
    }

    /// Attempts until there is a decision.
    async fn until_decided(&self, flight: &mut Flight<'_>) -> Decision {
        loop {
            let Some(evidence) = self.attempt(flight).await else {
                return Decision::released("the run was stopped before it was sent");
            };
            match self.follow(flight, self.octopush.judge(&evidence, &self.judge_context())) {
                Next::Decided(decision) => return decision,
                Next::Again { after } => {
                    if self.stop.or_stopped(tokio::time::sleep(after)).await.is_none() {
                        return Decision::released("the run was stopped before it was sent");
                    }
                }
            }
        }
    }

    /// One attempt; `None` if the run stops before the request is handed over.
    async fn attempt(&self, flight: &mut Flight<'_>) -> Option<Evidence> {
        let (place, stream) = loop {
            if !self.gate.admits(flight.pass) {
                flight.pass = self.stop.or_stopped(self.gate.pass()).await?;
            }
            let begun = Instant::now();
            let place = self.stop.or_stopped(self.in_flight.acquire()).await?.ok()?;
            let stream = match self.stop.or_stopped(self.pool.ready()).await? {
                Ok(stream) => stream,
                Err(unsent) => return Some(self.record(flight, None, Evidence::Unsent(unsent))),
            };
            self.account.borrow_mut().waits.provider += begun.elapsed();
            let asked = Instant::now();
            self.stop.or_stopped(self.pace.token(flight.recipients)).await?;
            self.note_pace(asked.elapsed());
            // While we waited for the token, a doubt may have closed the gate.
            if self.gate.admits(flight.pass) {
                break (place, stream);
            }
        };
        flight.window = None;
        let handed_over_at = clock::now();
        self.note_handover(!flight.attempts.is_empty());
        let request = self.octopush.send_request(flight.batch.body.clone());
        let evidence = tokio::select! {
            biased;
            attempt = stream.send(request, self.request_timeout) => attempt.evidence,
            () = self.stop.grace_over() => Evidence::Lost(Lost::Abandoned),
        };
        drop(place);
        self.account.borrow_mut().in_flight -= 1;
        Some(self.record(flight, Some(handed_over_at), evidence))
    }

    fn record(
        &self,
        flight: &mut Flight<'_>,
        handed_over_at: Option<jiff::Timestamp>,
        evidence: Evidence,
    ) -> Evidence {
        if matches!(evidence, Evidence::Answered(_) | Evidence::NotProcessed(_)) {
            self.patience.answered();
        }
        // An outage may last thousands of tries; the ledger keeps the last of a row of attempts that never left us.
        if handed_over_at.is_none()
            && flight
                .attempts
                .last()
                .is_some_and(|last| last.handed_over_at.is_none())
        {
            flight.attempts.pop();
        }
        flight.attempts.push(Attempt {
            handed_over_at,
            ended_at: clock::now(),
            evidence: evidence.summary(),
        });
        evidence
    }

    /// What follows from a verdict: a decision, or the same key once more.
    fn follow(&self, flight: &mut Flight<'_>, verdict: Verdict) -> Next {
        match verdict {
            Verdict::Accepted(acceptance) => Next::Decided(self.accepted(flight, acceptance)),
            Verdict::Unticketed { reason } => Next::Decided(self.unticketed(flight, reason)),
            Verdict::Refused(refusal) => Next::Decided(self.refused(refusal)),
            Verdict::Account(refusal) => {
                let reason = format!("account refused: HTTP {}: {}", refusal.status, refusal.message);
                self.stop.request(StopReason::Account(refusal));
                Next::Decided(Decision {
                    gate: Settled::Definite,
                    ..Decision::released(reason)
                })
            }
            Verdict::Unsent { reason, hopeless } => {
                if hopeless || self.patience.failed() == Try::Enough {
                    self.give_up(reason.clone(), hopeless);
                    return Next::Decided(Decision::released(reason));
                }
                flight.unsent += 1;
                Next::Again {
                    after: self.backoff(flight.unsent),
                }
            }
            Verdict::NotProcessed {
                reason,
                after,
                cools_all,
            } => self.put_off(flight, reason, after, cools_all),
            Verdict::InDoubt { reason, stops } => {
                if stops {
                    self.stop.request(StopReason::Redirect);
                }
                Next::Decided(self.in_doubt(reason))
            }
        }
    }

    fn put_off(
        &self,
        flight: &mut Flight<'_>,
        reason: String,
        after: Option<std::time::Duration>,
        cools_all: bool,
    ) -> Next {
        flight.put_off += 1;
        if cools_all {
            self.account.borrow_mut().requests_throttled += 1;
        }
        if flight.put_off >= PUT_OFF_MAX {
            self.stop.request(StopReason::PutOff(reason.clone()));
            return Next::Decided(Decision::released(reason));
        }
        let delay = after.unwrap_or_else(|| self.backoff(flight.put_off));
        if cools_all {
            self.pace.cool_down(delay);
            self.patience.cooled_down(delay);
        }
        Next::Again { after: delay }
    }

    fn accepted(&self, flight: &Flight<'_>, said: Acceptance) -> Decision {
        self.refused_in_a_row.set(0);
        self.watch_credit(said.residual_credit);
        if self.simulated {
            return Decision {
                outcome: Outcome::Simulated {
                    ticket: Some(said.ticket),
                },
                fate: Fate::Simulated,
                gate: Settled::Definite,
            };
        }
        if let (Some(cost), Some(reserved), Some(_)) = (said.cost, flight.reserved, self.budget.max_cost())
            && cost > reserved
        {
            self.stop.request(StopReason::Dearer(format!(
                "{cost} charged, {reserved} reserved, ticket {}",
                said.ticket
            )));
        }
        let members = flight.batch.members.len() as u64;
        Decision {
            fate: Fate::Accepted {
                contacts: said.contacts.unwrap_or(members),
                cost: said.cost,
                estimated: self.estimate(flight),
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

    fn unticketed(&self, flight: &Flight<'_>, reason: String) -> Decision {
        if self.simulated {
            return simulated();
        }
        let estimated = self.estimate(flight);
        Decision {
            outcome: Outcome::Unticketed { reason, estimated },
            fate: Fate::Unticketed { estimated },
            gate: Settled::Definite,
        }
    }

    fn in_doubt(&self, reason: String) -> Decision {
        if self.simulated {
            return Decision {
                gate: Settled::Doubt,
                ..simulated()
            };
        }
        Decision {
            outcome: Outcome::InDoubt { reason },
            fate: Fate::InDoubt,
            gate: Settled::Doubt,
        }
    }

    fn refused(&self, refusal: Refusal) -> Decision {
        let in_a_row = self.refused_in_a_row.get() + 1;
        self.refused_in_a_row.set(in_a_row);
        if in_a_row == 3 || !self.decided.get() {
            self.stop.request(StopReason::Refused(refusal.clone()));
        }
        let Refusal {
            status,
            code,
            message,
        } = refusal;
        Decision {
            outcome: Outcome::Refused {
                code,
                message,
                status,
            },
            fate: Fate::Refused,
            gate: Settled::Definite,
        }
    }

    /// What a batch without a price from the provider counts as.
    fn estimate(&self, flight: &Flight<'_>) -> Option<Amount> {
        flight
            .reserved
            .or_else(|| self.budget.by_siblings(flight.batch.members.len() as u64))
    }

    /// Makes the outcome durable, then moves the money; the fate counts only after that.
    async fn conclude(&self, id: BatchId, flight: Flight<'_>, decision: Decision) -> Fate {
        self.decided.set(true);
        let Decision { outcome, fate, .. } = decision;
        let conclusion = Conclusion {
            outcome,
            attempts: flight.attempts,
            at: clock::now(),
        };
        let begun = Instant::now();
        let concluded = self.writer.conclude(id, conclusion.clone()).await;
        self.account.borrow_mut().waits.ledger += begun.elapsed();
        let reserved = flight.reserved.unwrap_or(Amount::ZERO);
        let members = flight.batch.members.len() as u64;
        if let Err(error) = concluded {
            self.stop.request(error.into());
            self.unrecorded
                .borrow_mut()
                .push((flight.batch.key, conclusion.outcome));
            self.budget.keep();
            // Sent or not, the ledger still says "intended": the next run finds it in doubt.
            return if fate == Fate::Pending {
                Fate::Pending
            } else {
                Fate::InDoubt
            };
        }
        match &fate {
            Fate::Accepted { cost: Some(cost), .. } => self.budget.settle(reserved, *cost, members),
            Fate::Accepted { cost: None, .. } | Fate::Unticketed { .. } | Fate::InDoubt => self.budget.keep(),
            Fate::Simulated | Fate::Refused | Fate::Pending => self.budget.free(reserved),
        }
        fate
    }

    fn watch_credit(&self, residual: Option<Amount>) {
        if let (Some(residual), Some(least)) = (residual, self.min_credit)
            && residual < least
        {
            self.stop.request(StopReason::MinCredit(format!(
                "{residual} left, at least {least} wanted"
            )));
        }
    }
}

fn simulated() -> Decision {
    Decision {
        outcome: Outcome::Simulated { ticket: None },
        fate: Fate::Simulated,
        gate: Settled::Definite,
    }
}
