//! From a durable intent to what was heard of it: place, stream, token, hand-over, answer; the same for a new batch and
//! for the probe of a doubt.
//!
//! ```text
//!  gate ─► place in flight ─► stream ─► token ─► handed over ─► answer ─► judge ─► Heard
//!   ▲                                                 │                     │
//!   │                                        grace over: in doubt           │
//!   └───────────── same key, same bytes ◄── proven unsent or unprocessed ───┘
//! ```
//! The token is taken last, so that the request goes at once.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;
use volley_ledger::Attempt;
use volley_model::{Acceptance, Evidence, Lost, Msisdn, Refusal, Verdict};
use volley_provider::{JudgeContext, presentable};

use super::dispatch::Dispatch;
use super::gate::{Errand, Pass};
use super::outside::{Clock, Journal, Wire};
use super::pacing::TooFar;
use super::patience::Try;
use super::stop::{Stage, StopReason};
use crate::exit::Exit;

/// How often a batch may be put off (docs/guarantee.md, "What the wire proves").
pub(crate) const PUT_OFF_MAX: u32 = 5;

/// A body on its way, and what it has been through.
pub(super) struct Flight<'a> {
    body: Bytes,
    recipients: u32,
    errand: Errand,
    /// The right to be sent, as the gate gave it.
    pub(super) pass: Pass,
    /// Held from before the intent until the first hand-over: bounds intents that are durable and unsent.
    window: Option<SemaphorePermit<'a>>,
    pub(super) attempts: Vec<Attempt>,
    /// After this moment nothing is handed over any more: the provider may have forgotten the key.
    pub(super) deadline: Timestamp,
    put_off: u32,
    unsent: u32,
}

/// What was heard in the end. Attempts that are proven unsent or unprocessed are not among it: they go again.
pub(super) enum Heard {
    Accepted(Acceptance),
    Unticketed {
        reason: String,
    },
    Refused(Refusal),
    /// For one number, which the provider named.
    RefusedFor {
        number: Msisdn,
        refusal: Refusal,
    },
    Account(Refusal),
    InDoubt {
        reason: String,
    },
    /// Not sent, and not to be tried again in this run.
    NotSent {
        reason: String,
    },
}

/// What follows from a verdict.
enum Next {
    Heard(Heard),
    Again { after: Duration },
}

impl<'a> Flight<'a> {
    pub(super) fn new(body: Bytes, members: u64, pass: Pass, window: Option<SemaphorePermit<'a>>) -> Self {
        Self {
            body,
            recipients: u32::try_from(members).unwrap_or(u32::MAX),
            errand: if window.is_some() {
                Errand::Batch
            } else {
                Errand::Probe
            },
            pass,
            window,
            attempts: Vec::new(),
            deadline: Timestamp::MAX,
            put_off: 0,
            unsent: 0,
        }
    }

    /// When the first attempt was handed over.
    pub(super) fn first_handed_over_at(&self) -> Option<Timestamp> {
        self.attempts.iter().find_map(|attempt| attempt.handed_over_at)
    }

    /// How far a stop must have got before this one gives way: a drain still lets probes through.
    fn yields_to(&self) -> Stage {
        match self.errand {
            Errand::Batch => Stage::Draining,
            Errand::Probe => Stage::Stopping,
        }
    }
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Attempts until something is heard that another attempt would not change.
    pub(super) async fn hear(&self, flight: &mut Flight<'_>, context: &JudgeContext<'_>) -> Heard {
        let stopped = || Heard::NotSent {
            reason: "the run was stopped before it was sent".to_owned(),
        };
        loop {
            let Some(evidence) = self.attempt(flight).await else {
                if self.clock.now() >= flight.deadline {
                    return Heard::NotSent {
                        reason: "its key's time was over before it could be sent".to_owned(),
                    };
                }
                return stopped();
            };
            match self.follow(flight, self.api.judge(&evidence, context)) {
                Next::Heard(heard) => return heard,
                Next::Again { after } => {
                    let pause = tokio::time::sleep(after);
                    if self.stop.unless(flight.yields_to(), pause).await.is_none() {
                        return stopped();
                    }
                }
            }
        }
    }

    /// One attempt; `None` if the run stops, or the key's time is over, before the request is handed over.
    async fn attempt(&self, flight: &mut Flight<'_>) -> Option<Evidence> {
        let stage = flight.yields_to();
        let (place, stream) = loop {
            if !self.gate.admits(flight.pass) {
                flight.pass = self.stop.unless(stage, self.pass_gate(flight.errand)).await?;
            }
            let begun = Instant::now();
            let place = self.stop.unless(stage, self.in_flight.acquire()).await?.ok()?;
            let stream = match self.stop.unless(stage, self.wire.ready()).await? {
                Ok(stream) => stream,
                Err(unsent) => return Some(self.record(flight, None, Evidence::Unsent(unsent))),
            };
            self.account.borrow_mut().waits.provider += begun.elapsed();
            let asked = Instant::now();
            let renewed = self.renew(flight.pass, flight.recipients);
            flight.pass = self.stop.unless(stage, renewed).await?;
            if !self.gate.admits(flight.pass) {
                continue;
            }
            self.token(stage, flight.recipients).await?;
            self.note_pace(asked.elapsed());
            // While we waited for the token, a doubt may have closed the gate, or the right to a trial have grown old.
            if self.admits(flight.pass) {
                break (place, stream);
            }
        };
        flight.window = None;
        let handed_over_at = self.stamp();
        // Waiting for all that, or for an earlier try's delay, may have taken an hour.
        if self.clock.now() >= flight.deadline {
            return None;
        }
        tracing::debug!(recipients = flight.recipients, "handed over");
        self.note_handover(!flight.attempts.is_empty() || flight.errand == Errand::Probe);
        let request = self.api.send_request(flight.body.clone());
        let begun = Instant::now();
        let evidence = tokio::select! {
            biased;
            evidence = self.wire.send(stream, request, self.request_timeout) => evidence,
            () = self.stop.reached(Stage::GraceOver) => Evidence::Lost(Lost::Abandoned),
        };
        drop(place);
        self.note_end(begun.elapsed());
        Some(self.record(flight, Some(handed_over_at), evidence))
    }

    /// Waits for a request's turn; `None` if the run stops before, since there is none to be had, too.
    pub(super) async fn token(&self, stage: Stage, recipients: u32) -> Option<()> {
        let turn = self.stop.unless(stage, self.pace.token(recipients)).await?;
        turn.inspect_err(|TooFar| {
            self.stop.request(StopReason::Storage {
                exit: Exit::Locked,
                why: TooFar::WHY.to_owned(),
            });
        })
        .ok()
    }

    fn record(
        &self,
        flight: &mut Flight<'_>,
        handed_over_at: Option<Timestamp>,
        evidence: Evidence,
    ) -> Evidence {
        self.account.borrow_mut().attempts.count(&evidence);
        if let Evidence::Answered(answer) = &evidence {
            self.lead.observe(self.clock.now(), answer.date);
        }
        if matches!(evidence, Evidence::Answered(_) | Evidence::NotProcessed(_)) {
            self.patience.answered();
        }
        // An outage may last thousands of tries; the ledger keeps the last of a row of attempts that never left us.
        let never_left = |attempt: &Attempt| attempt.handed_over_at.is_none();
        if handed_over_at.is_none() && flight.attempts.last().is_some_and(never_left) {
            flight.attempts.pop();
        }
        flight.attempts.push(Attempt {
            handed_over_at,
            ended_at: self.stamp(),
            evidence: presentable(&evidence.summary()),
        });
        evidence
    }

    fn follow(&self, flight: &mut Flight<'_>, verdict: Verdict) -> Next {
        match verdict {
            Verdict::Accepted(acceptance) => Next::Heard(Heard::Accepted(acceptance)),
            Verdict::Unticketed { reason } => Next::Heard(Heard::Unticketed { reason }),
            Verdict::Refused(refusal) => Next::Heard(Heard::Refused(refusal)),
            Verdict::RefusedFor { number, refusal } => Next::Heard(Heard::RefusedFor { number, refusal }),
            Verdict::Account(refusal) => {
                self.stop.request(StopReason::Account(self.explain(&refusal)));
                Next::Heard(Heard::Account(refusal))
            }
            Verdict::InDoubt { reason, stops } => {
                if stops {
                    self.stop.request(StopReason::Redirect(self.endpoint.clone()));
                }
                Next::Heard(Heard::InDoubt { reason })
            }
            Verdict::Unsent { reason, hopeless } => {
                if hopeless || self.patience.failed() == Try::Enough {
                    self.give_up(&reason, hopeless);
                    return Next::Heard(Heard::NotSent { reason });
                }
                flight.unsent += 1;
                let after = self.backoff(flight.unsent);
                tracing::info!(reason, ?after, "not sent, and goes again");
                Next::Again { after }
            }
            Verdict::NotProcessed {
                reason,
                after,
                cools_all,
            } => self.put_off(flight, reason, after, cools_all),
        }
    }

    fn put_off(
        &self,
        flight: &mut Flight<'_>,
        reason: String,
        after: Option<Duration>,
        cools_all: bool,
    ) -> Next {
        flight.put_off += 1;
        if cools_all {
            self.account.borrow_mut().requests_throttled += 1;
        }
        if flight.put_off >= PUT_OFF_MAX {
            self.stop.request(StopReason::PutOff(reason.clone()));
            return Next::Heard(Heard::NotSent { reason });
        }
        let delay = after.unwrap_or_else(|| self.backoff(flight.put_off));
        tracing::info!(
            reason,
            ?delay,
            everything_waits = cools_all,
            "put off by the provider"
        );
        if cools_all {
            self.pace.cool_down(delay);
            self.patience.cooled_down(delay);
        }
        Next::Again { after: delay }
    }
}
