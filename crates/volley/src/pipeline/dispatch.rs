//! The dispatcher: takes sealed batches, keeps the right number of them in the air, and hears of stops.
//!
//! One thread, one loop. Bounds, each with its reason:
//! - intents durable and unsent: rate × 20 ms, 1 to 64 (guarantee, "Intent, pace, in flight"): the disk's latency
//!   does not limit the rate, and a crash leaves few of them;
//! - handed over and unanswered: `max_in_flight`;
//! - answers waiting for their commit: [`ANSWERS_UNCOMMITTED_MAX`], so that a stalled disk stops the sending.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::Instant;
use tracing::Instrument;
use volley_ledger::Conclusion;
use volley_model::{Amount, Currency, LineCounts, Refusal, RequestKey};
use volley_provider::{Api, JudgeContext, Sealer, presentable};
use volley_transport::{Backoff, Endpoint, Limit};

use super::account::Account;
use super::budget::{Budget, Tariff};
use super::commits::Commits;
use super::company::Company;
use super::credit::Credit;
use super::gate::Gate;
use super::outside::{Clock, Journal, Wire};
use super::pacing::Pacing;
use super::patience::Patience;
use super::reading::Queued;
use super::refusals::Refusals;
use super::settle::{ClockCheck, Doubts};
use super::snapshot::Phase;
use super::stamp::Lead;
use super::stop::{Stage, Stop, StopReason};
use super::telling::batch_span;
use crate::config::Limits;

/// The first pause of a back-off, on average half of it: long for a hiccup, short for an outage.
pub(crate) const BACKOFF_BASE: Duration = Duration::from_millis(500);
/// Answers that may wait for their commit.
const ANSWERS_UNCOMMITTED_MAX: usize = 256;
/// How long before its token an intent may be written.
const INTENT_AHEAD: Duration = Duration::from_millis(20);
/// The most intents that may be durable and unsent.
const INTENTS_AHEAD_MAX: usize = 64;

/// Everything that batches in the air share. Used by one thread only.
pub(super) struct Dispatch<W, J, C> {
    pub(super) api: Api,
    /// For children: see [`line`](super::line).
    pub(super) sealer: Arc<Sealer>,
    pub(super) duplicate_codes: Vec<u32>,
    /// Where the lines of refused numbers go.
    pub(super) refusals: Refusals,
    pub(super) simulated: bool,
    pub(super) lacks_stop_mention: bool,
    pub(super) endpoint: Endpoint,
    pub(super) wire: W,
    pub(super) pace: Pacing,
    /// Those that send the same campaign at once; `None` where the ledger is a file, and there are none.
    pub(super) company: Option<Company>,
    pub(super) journal: J,
    pub(super) clock: C,
    pub(super) gate: Gate,
    pub(super) tariff: Tariff,
    pub(super) currency: Currency,
    pub(super) budget: Budget,
    pub(super) credit: Credit,
    pub(super) request_timeout: Duration,
    pub(super) patience: Patience,
    pub(super) stop: Rc<Stop>,
    pub(super) in_flight: Semaphore,
    pub(super) account: RefCell<Account>,
    /// Orders that the ledger has not acknowledged.
    pub(super) commits: Commits,
    /// For the display.
    pub(super) phase: Cell<Phase>,
    /// The lines that durable intents have booked.
    pub(super) booked: RefCell<LineCounts>,
    /// Whether any batch of this run has been decided.
    pub(super) decided: Cell<bool>,
    pub(super) refused_in_a_row: Cell<u32>,
    /// Splits since the last acceptance.
    pub(super) splits_in_a_row: Cell<u32>,
    /// How often in a row the free GET was put off.
    pub(super) get_put_off: Cell<u32>,
    /// Outcomes that we know and the ledger does not: printed if the process has to end so.
    pub(super) unrecorded: RefCell<Vec<(RequestKey, Conclusion)>>,
    /// What is still to be asked about.
    pub(super) doubts: Doubts,
    /// Whether a pass through the listing is under way: the next one waits for its end.
    pub(super) looking: Cell<bool>,
    /// After an attempt in doubt, before it is probed.
    pub(super) settle: Duration,
    /// How far the wall clock is ahead of the provider's.
    pub(super) lead: Lead,
    /// Whether the wall clock can be trusted, once it was compared.
    pub(super) clock_check: ClockCheck,
    backoff: RefCell<Backoff>,
    pub(super) window: Semaphore,
    /// How wide it is: it may become wider.
    window_size: Cell<usize>,
    requests_per_second: f64,
    flights_max: usize,
}

/// What a dispatcher is built from.
pub(super) struct Parts<W, J, C> {
    pub(super) api: Api,
    /// For children: see [`line`](super::line).
    pub(super) sealer: Arc<Sealer>,
    pub(super) duplicate_codes: Vec<u32>,
    /// Where the lines of refused numbers go.
    pub(super) refusals: Refusals,
    pub(super) simulated: bool,
    /// Whether the message may not go to French numbers as it is.
    pub(super) lacks_stop_mention: bool,
    pub(super) tariff: Tariff,
    pub(super) currency: Currency,
    pub(super) endpoint: Endpoint,
    pub(super) wire: W,
    pub(super) pace: Pacing,
    /// Those that send the same campaign at once; `None` where the ledger is a file, and there are none.
    pub(super) company: Option<Company>,
    pub(super) journal: J,
    pub(super) clock: C,
    pub(super) budget: Budget,
    /// Doubts of earlier runs.
    pub(super) doubts: Doubts,
    /// The ledger's last entry before this run.
    pub(super) ledger_last_at: Timestamp,
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    pub(super) fn new(parts: Parts<W, J, C>, limits: &Limits) -> Self {
        let window = intents_ahead(limits.requests_per_second, Duration::ZERO);
        let max_in_flight = limits.max_in_flight.get();
        // Reservations of doubts that are still to be asked about are open: see `ask_later`.
        (0..parts.doubts.len()).for_each(|_| parts.budget.reopen());
        Self {
            api: parts.api,
            sealer: parts.sealer,
            duplicate_codes: parts.duplicate_codes,
            refusals: parts.refusals,
            simulated: parts.simulated,
            lacks_stop_mention: parts.lacks_stop_mention,
            endpoint: parts.endpoint,
            wire: parts.wire,
            pace: parts.pace,
            company: parts.company,
            journal: parts.journal,
            clock: parts.clock,
            gate: Gate::new(),
            tariff: parts.tariff,
            currency: parts.currency,
            budget: parts.budget,
            credit: Credit::new(limits.min_credit),
            request_timeout: limits.request_timeout,
            patience: Patience::default(),
            stop: Rc::new(Stop::new()),
            in_flight: Semaphore::new(max_in_flight),
            account: RefCell::default(),
            commits: Commits::new(),
            phase: Cell::new(Phase::Loading),
            booked: RefCell::default(),
            decided: Cell::new(false),
            refused_in_a_row: Cell::new(0),
            splits_in_a_row: Cell::new(0),
            get_put_off: Cell::new(0),
            unrecorded: RefCell::default(),
            doubts: parts.doubts,
            looking: Cell::new(false),
            settle: limits.settle,
            lead: Lead::default(),
            clock_check: ClockCheck::new(parts.ledger_last_at),
            backoff: RefCell::new(Backoff::new(BACKOFF_BASE, Backoff::WAIT_MAX)),
            window: Semaphore::new(window),
            // The window may become wider.
            flights_max: INTENTS_AHEAD_MAX + max_in_flight + ANSWERS_UNCOMMITTED_MAX,
            window_size: Cell::new(window),
            requests_per_second: limits.requests_per_second,
        }
    }

    /// Sends all batches, until there are no more or the run is stopped; then waits for what is in the air.
    /// `tick` is called a few times a second, for the display and the metrics.
    pub(super) async fn run(&self, batches: &mut mpsc::Receiver<Queued>, tick: impl FnMut(&Self)) {
        self.look_at_credit().await;
        self.carry_all(batches, tick).await;
    }

    /// The same, without a look at the credit first.
    pub(super) async fn carry_all(&self, batches: &mut mpsc::Receiver<Queued>, mut tick: impl FnMut(&Self)) {
        let mut flights = FuturesUnordered::new();
        let mut background = pin!(async { tokio::join!(self.knock_while_closed(), self.attend()) });
        let mut ticks = tokio::time::interval(Duration::from_millis(200));
        let mut open = true;
        while open || !flights.is_empty() || self.may_probe() {
            let room = flights.len() < self.flights_max;
            let settling = !open && flights.is_empty();
            let begun = Instant::now();
            tokio::select! {
                biased;
                () = self.stop.reached(Stage::Draining), if open => {
                    open = false;
                    batches.close();
                    // What waits stays planned, and so pending. Whoever waits for it to be settled need not wait longer.
                    while batches.try_recv().is_ok() {}
                }
                Some(()) = flights.next() => {}
                _ = &mut background => {}
                // A due probe is taken before a new batch.
                doubt = self.doubts.due(), if room && self.may_probe() && !self.looking.get() => {
                    flights.push(match self.api {
                        Api::Octopush(_) => {
                            let span = batch_span(doubt.id);
                            self.probe(doubt).instrument(span).boxed_local()
                        }
                        Api::Exotel(_) => {
                            self.looking.set(true);
                            self.look_up(doubt).boxed_local()
                        }
                    });
                }
                next = self.next(batches), if room && open && self.credit.allows_another() => match next {
                    Some((queued, window)) => flights.push(self.fly(queued, window).boxed_local()),
                    None => open = false,
                },
                () = self.stop.reached(Stage::Stopping), if self.may_probe() => {}
                _ = ticks.tick() => {
                    self.phase.set(Phase::of(open, flights.is_empty()));
                    tick(self);
                }
            }
            if settling {
                self.account.borrow_mut().waits.settle += begun.elapsed();
            }
        }
        // A batch that was sealed and never taken stays planned, and so pending.
        batches.close();
        while batches.recv().await.is_some() {}
        self.phase.set(Phase::Ending);
        tick(self);
    }

    /// Whether there are doubts that this run still asks about.
    fn may_probe(&self) -> bool {
        !self.doubts.is_empty() && !self.stop.has_reached(Stage::Stopping)
    }

    /// The next batch and its place in the window. Dropped half-way, it loses neither.
    async fn next(&self, batches: &mut mpsc::Receiver<Queued>) -> Option<(Queued, SemaphorePermit<'_>)> {
        let window = self.window.acquire().await.ok()?;
        let begun = Instant::now();
        let batch = batches.recv().await;
        self.account.borrow_mut().waits.input += begun.elapsed();
        let queued = batch?;
        let held = self.reservation(&queued.batch);
        self.credit.hold(held.unwrap_or(Amount::ZERO));
        Some((queued, window))
    }

    /// How answers to new batches are read in this campaign.
    pub(super) fn judge_context(&self) -> JudgeContext<'_> {
        JudgeContext {
            duplicate_codes: &self.duplicate_codes,
            doubted: false,
            simulated: self.simulated,
            members: &[],
        }
    }

    /// A refusal for a user to read.
    pub(super) fn explain(&self, refusal: &Refusal) -> String {
        self.api.provider().explain(refusal)
    }

    /// The time to write for what happens now.
    pub(super) fn stamp(&self) -> Timestamp {
        self.lead.taken_off(self.clock.now())
    }

    /// Stops the run, since nobody answers there.
    pub(super) fn give_up(&self, why: &str, hopeless: bool) {
        let (endpoint, why) = (self.endpoint.clone(), presentable(why));
        self.stop.request(StopReason::Unreachable {
            endpoint,
            why,
            hopeless,
        });
    }

    pub(super) fn backoff(&self, tries: u32) -> Duration {
        self.backoff.borrow_mut().next(tries)
    }

    pub(super) fn note_pace(&self, waited: Duration) {
        let waits = &mut self.account.borrow_mut().waits;
        match self.pace.waiting_for() {
            Limit::RequestsPerSecond => waits.requests += waited,
            Limit::RecipientsPerSecond => waits.recipients += waited,
            Limit::CoolDown => waits.cool_down += waited,
            Limit::None => {}
        }
    }

    /// An intent has become durable: where that takes long, as on a server that is not near, more are written ahead, so that their
    /// tokens find them.
    pub(super) fn note_commit(&self, took: Duration) {
        let wanted = intents_ahead(self.requests_per_second, self.pace.note_commit(took));
        let more = wanted.saturating_sub(self.window_size.get());
        self.window_size.set(self.window_size.get() + more);
        self.window.add_permits(more);
    }

    pub(super) fn note_handover(&self, again: bool) {
        let account = &mut self.account.borrow_mut();
        account.requests_sent += 1;
        account.requests_retried += u64::from(again);
        account.in_flight += 1;
    }

    pub(super) fn note_end(&self, took: Duration) {
        let account = &mut self.account.borrow_mut();
        account.in_flight -= 1;
        account.latency.observe(took);
    }
}

/// How many intents may be durable and unsent, or on their way to a server, at this rate, where one takes so long to become durable.
fn intents_ahead(requests_per_second: f64, commit: Duration) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are positive; the cast saturates"
    )]
    let due = (requests_per_second * (INTENT_AHEAD + commit).as_secs_f64()) as usize;
    // Else one that is half-way would be rounded away.
    let due = due + usize::from(commit > INTENT_AHEAD);
    due.clamp(1, INTENTS_AHEAD_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intents_ahead_are_twenty_milliseconds_worth_within_bounds() {
        for (rate, ahead) in [(0.5, 1), (20.0, 1), (500.0, 10), (100_000.0, 64)] {
            assert_eq!(intents_ahead(rate, Duration::ZERO), ahead, "{rate}");
        }
    }

    #[test]
    fn intents_that_take_long_are_written_further_ahead() {
        for (rate, commit, ahead) in [
            (20.0, 5, 1),
            (20.0, 60, 2),
            (20.0, 250, 6),
            (500.0, 5, 12),
            (500.0, 100, 61),
            (100_000.0, 250, 64),
        ] {
            let found = intents_ahead(rate, Duration::from_millis(commit));
            assert_eq!(found, ahead, "{rate} a second, {commit} ms");
        }
    }
}
