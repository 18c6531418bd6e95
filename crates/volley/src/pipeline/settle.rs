//! Doubts settled by themselves: each is asked about once a run, with the same key and the same bytes; or it is looked up
//! (see [`lookup`](super::lookup)) where there is no key to ask with.
//!
//! A probe is due `settle` after the attempt failed, or after the lock was taken for one found from earlier; it goes at
//! the pace of everything else, through the gate like a batch and before new ones, and never later than 23 hours after
//! the first attempt: the key lives 24 (Octopush, `request_id`). Only a ticket or a duplicate ends a doubt; whatever else
//! is heard leaves it to the operator. A wall clock that cannot be trusted means no probes.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{Mutex, Notify};
use tokio::time::Instant;
use volley_ledger::{Asked, Attempt, BatchId, Conclusion, OpenDoubt, Outcome};
use volley_model::{Amount, RequestKey, SealedBatch};
use volley_provider::JudgeContext;

use super::account::{Fate, Origin};
use super::decision::Decision;
use super::dispatch::Dispatch;
use super::gate::{Errand, Settled};
use super::handover::{Flight, Heard};
use super::outside::{Clock, Journal, Wire};
use super::stop::Stage;
use super::telling;

/// A key is forgotten after 24 hours (Octopush, page "Schedule SMS sending"); an hour less leaves room for slow answers
/// and for clocks.
pub(crate) const PROBE_WINDOW: Duration = Duration::from_hours(23);

/// How far our clock may be off the provider's (guarantee, "Settling doubts").
const CLOCK_OFF_MAX: Duration = Duration::from_mins(5);

/// A batch in doubt that this run may still ask about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Doubt {
    due: Instant,
    deadline: Timestamp,
    pub(super) id: BatchId,
    pub(super) key: RequestKey,
    pub(super) members: u64,
    pub(super) reserved: Option<Amount>,
    origin: Origin,
}

impl Doubt {
    pub(super) fn of_this_run(
        id: BatchId,
        batch: &SealedBatch,
        reserved: Option<Amount>,
        first_attempt_at: Timestamp,
        settle: Duration,
    ) -> Self {
        Self {
            due: Instant::now() + settle,
            deadline: deadline(first_attempt_at),
            id,
            key: batch.key.clone(),
            members: batch.members.len() as u64,
            reserved,
            origin: Origin::ThisRun,
        }
    }

    /// A doubt of an earlier run: due `settle` after its last attempt failed, which for most has long passed.
    pub(super) fn of_an_earlier_run(
        doubt: &OpenDoubt,
        failed_at: Timestamp,
        settle: Duration,
        now: Timestamp,
    ) -> Self {
        let age = Duration::try_from(now.duration_since(failed_at)).unwrap_or_default();
        Self {
            due: Instant::now() + settle.saturating_sub(age),
            deadline: deadline(doubt.first_attempt_at()),
            id: doubt.batch,
            key: doubt.request_key.clone(),
            members: doubt.recipients,
            reserved: doubt.reserved,
            origin: Origin::Earlier,
        }
    }
}

/// Until when a key first used then may be asked about.
pub(crate) fn deadline(first_handed_over_at: Timestamp) -> Timestamp {
    first_handed_over_at
        .saturating_add(PROBE_WINDOW)
        .unwrap_or(Timestamp::MAX)
}

/// The doubts still to be asked about, by the time they are due.
#[derive(Default)]
pub(super) struct Doubts {
    queue: RefCell<BinaryHeap<Reverse<Doubt>>>,
    changed: Notify,
}

impl Doubts {
    pub(super) fn add(&self, doubt: Doubt) {
        self.queue.borrow_mut().push(Reverse(doubt));
        self.changed.notify_waiters();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.borrow().is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// How long until the next is due.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let queue = self.queue.borrow();
        let Reverse(next) = queue.peek()?;
        Some(next.due.saturating_duration_since(Instant::now()))
    }

    /// All that are due by now.
    pub(super) fn take_due(&self) -> Vec<Doubt> {
        let now = Instant::now();
        let mut queue = self.queue.borrow_mut();
        let mut due = Vec::new();
        while queue.peek().is_some_and(|Reverse(doubt)| doubt.due <= now) {
            due.extend(queue.pop().map(|Reverse(doubt)| doubt));
        }
        due
    }

    /// The next doubt, once it is due. Dropped half-way, it loses none.
    pub(super) async fn due(&self) -> Doubt {
        loop {
            let changed = self.changed.notified();
            let next = self.queue.borrow().peek().map(|Reverse(doubt)| doubt.due);
            match next {
                Some(due) if due <= Instant::now() => {
                    if let Some(Reverse(doubt)) = self.queue.borrow_mut().pop() {
                        return doubt;
                    }
                }
                Some(due) => tokio::select! {
                    biased;
                    () = tokio::time::sleep_until(due) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }
}

/// The comparison of the wall clock, made before a run's first probe.
pub(super) struct ClockCheck {
    ledger_last_at: Timestamp,
    trusted: Mutex<Option<bool>>,
}

impl ClockCheck {
    pub(super) fn new(ledger_last_at: Timestamp) -> Self {
        Self {
            ledger_last_at,
            trusted: Mutex::new(None),
        }
    }
}

/// Whether our clock agrees with the provider's, as far as it told, and lies behind nothing the ledger knows.
fn agrees(now: Timestamp, provider: Option<i64>, ledger_last_at: Timestamp) -> bool {
    let off = provider.map_or(0, |date| date.abs_diff(now.as_second()));
    off <= CLOCK_OFF_MAX.as_secs() && now >= ledger_last_at
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Puts a doubt of this run into the queue. Its reservation is open until it was asked about: what is heard may
    /// lower it, and a batch that does not fit waits for that.
    pub(super) fn ask_later(&self, doubt: Doubt) {
        self.budget.reopen();
        self.doubts.add(doubt);
    }

    /// Asks about a doubt once, and books what is heard.
    pub(super) async fn probe(&self, doubt: Doubt) {
        let pass = self.pass_gate(Errand::Probe);
        let Some(pass) = self.stop.unless(Stage::Stopping, pass).await else {
            return;
        };
        let Some(body) = self.body_to_ask_with(&doubt).await else {
            self.settle_gate(pass, Settled::Neither);
            self.budget.keep();
            self.leave(doubt.id, Asked::No);
            return;
        };
        let mut flight = Flight::new(body, doubt.members, pass, None);
        flight.deadline = doubt.deadline;
        // A simulated batch is never in doubt: what is asked about was meant.
        let context = JudgeContext {
            doubted: true,
            simulated: false,
            ..self.judge_context()
        };
        let heard = self.hear(&mut flight, &context).await;
        let decision = self.decide_on_doubt(heard, &doubt);
        self.settle_gate(flight.pass, decision.gate);
        self.settle_doubt(doubt, flight.attempts, decision).await;
    }

    /// The body, if the doubt may still be asked about: in time, by a clock that can be trusted, and with its bytes kept.
    /// Otherwise it stays in doubt, for the operator.
    async fn body_to_ask_with(&self, doubt: &Doubt) -> Option<Bytes> {
        if self.clock.now() >= doubt.deadline {
            return None;
        }
        match self.journal.body(doubt.id).await {
            Ok(Some(body)) if self.clock_is_trusted().await => Some(body),
            Ok(_) => None,
            Err(error) => {
                self.stop.request(error.into());
                None
            }
        }
    }

    /// Whether the wall clock can be trusted with a key's life: compared once a run with the provider's own clock, by
    /// the free GET's `Date`, and with the ledger's last entry.
    pub(super) async fn clock_is_trusted(&self) -> bool {
        let mut known = self.clock_check.trusted.lock().await;
        if let Some(trusted) = *known {
            return trusted;
        }
        let mut tries = 0;
        let answer = loop {
            if let Some(answer) = self.free_get().await {
                break answer;
            }
            tries += 1;
            let pause = tokio::time::sleep(self.backoff(tries));
            if self.stop.unless(Stage::Stopping, pause).await.is_none() {
                return false;
            }
        };
        let trusted = agrees(self.clock.now(), answer.date, self.clock_check.ledger_last_at);
        if !trusted {
            tracing::warn!(
                "the wall clock cannot be trusted; doubts are not asked about in this run, and no absence is written down"
            );
        }
        *known = Some(trusted);
        trusted
    }

    /// Only a ticket or a duplicate ends a doubt.
    fn decide_on_doubt(&self, heard: Heard, doubt: &Doubt) -> Decision {
        let left = |reason: String, gate: Settled| Decision {
            outcome: Outcome::InDoubt {
                reason: format!("asked about, and not settled: {reason}"),
            },
            fate: Fate::InDoubt,
            gate,
        };
        match heard {
            Heard::Accepted(said) => self.accepted(said, doubt.members, doubt.reserved),
            Heard::Unticketed { reason } => self.unticketed(reason, doubt.members, doubt.reserved),
            Heard::Refused(refusal) | Heard::RefusedFor { refusal, .. } | Heard::Account(refusal) => left(
                format!("answered {}: {}", refusal.status, refusal.message),
                Settled::Definite,
            ),
            Heard::InDoubt { reason } => left(reason, Settled::Doubt),
            Heard::NotSent { reason } => left(reason, Settled::Neither),
        }
    }

    /// Makes durable what became of a doubt, and books it.
    pub(super) async fn settle_doubt(&self, doubt: Doubt, attempts: Vec<Attempt>, decision: Decision) {
        let Decision { outcome, fate, .. } = decision;
        let conclusion = Conclusion {
            outcome,
            attempts,
            at: self.stamp(),
        };
        let order = self.commits.wait();
        let concluded = self.journal.conclude(doubt.id, conclusion.clone()).await;
        drop(order);
        if let Err(error) = concluded {
            self.stop.request(error.into());
            if fate != Fate::InDoubt {
                self.unrecorded.borrow_mut().push((doubt.key, conclusion));
            }
            self.budget.keep();
            return;
        }
        telling::asked_about(&conclusion.outcome, doubt.members);
        self.move_money(doubt.reserved, doubt.members, &fate);
        if fate == Fate::InDoubt {
            self.leave(doubt.id, Asked::Yes);
            return;
        }
        self.account
            .borrow_mut()
            .settle(doubt.id, doubt.origin, doubt.members, &fate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn doubt(id: i64, due: Instant) -> Doubt {
        let origin = Origin::ThisRun;
        Doubt {
            due,
            deadline: Timestamp::MAX,
            id: BatchId(id),
            key: RequestKey(id.to_string()),
            members: 1,
            reserved: None,
            origin,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn doubts_come_when_they_are_due_and_not_before() {
        let doubts = Doubts::default();
        let now = Instant::now();
        doubts.add(doubt(2, now + Duration::from_secs(30)));
        doubts.add(doubt(1, now + Duration::from_secs(10)));
        assert_eq!(doubts.due_in(), Some(Duration::from_secs(10)));
        assert!(doubts.due().now_or_never().is_none());
        assert_eq!(doubts.due().await.id, BatchId(1));
        assert_eq!(now.elapsed(), Duration::from_secs(10));
        assert_eq!(doubts.due().await.id, BatchId(2));
        assert!(doubts.is_empty());
    }

    #[test]
    fn a_clock_that_is_off_or_behind_the_ledger_is_not_trusted() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let seconds = |text: &str| Some(at(text).as_second());
        let earlier = at("2026-11-21T11:59:59Z");
        assert!(agrees(now, seconds("2026-11-21T12:05:00Z"), earlier));
        assert!(!agrees(now, seconds("2026-11-21T12:05:01Z"), earlier));
        assert!(!agrees(now, seconds("2026-11-21T11:54:59Z"), earlier));
        assert!(agrees(now, None, earlier));
        assert!(!agrees(now, None, at("2026-11-21T12:00:01Z")));
    }

    #[test]
    fn a_key_is_asked_about_for_23_hours() {
        let first: Timestamp = "2026-11-21T00:30:00Z".parse().unwrap();
        assert_eq!(
            deadline(first),
            "2026-11-21T23:30:00Z".parse::<Timestamp>().unwrap()
        );
        assert_eq!(deadline(Timestamp::MAX), Timestamp::MAX);
    }
}
