//! Those that send the same campaign at once: what the dispatcher hears of them, and what it tells them.
//!
//! - The gate: a doubt of one closes it for all, and the good trial of one opens it for all. While it is closed one batch alone is
//!   one batch of all of them.
//! - Doubts of the dead are taken up, and asked about like those of an earlier run.
//!
//! Not here: the pace, and whose a number is.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use volley_intake::Normalizer;
use volley_ledger::{
    Among, Asked, BatchId, GateNews, Holding, Left, News, Outlook, TrialEnd, Uptime, Writer,
};
use volley_model::Msisdn;
use volley_provider::Provider;

use super::dispatch::Dispatch;
use super::gate::{Errand, Gate, Pass, Settled, TRIALS_IN_DOUBT_MAX};
use super::outside::{Clock, Journal, Wire};
use super::settle::Doubt;
use super::stop::{Stage, StopReason};

/// After the time a request may take, for the right to a trial to hold.
const TRIAL_SPARE: Duration = Duration::from_secs(10);
/// After it was asked for, the right to a trial is used this soon, or asked for anew: what is left of the spare time is for its end
/// to be told.
const TRIAL_USED_WITHIN: Duration = Duration::from_secs(5);
/// How long to wait for another's trial before asking again, if nothing is heard.
const TRIAL_PAUSE: Duration = Duration::from_millis(500);
/// How soon what others have in flight is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The numbers that must not be contacted, rising: to ask about a doubt of Octopush's may send it.
#[derive(Debug, Default)]
pub(super) struct Suppressed(Vec<Msisdn>);

impl Suppressed {
    pub(super) fn of(mut numbers: Vec<Msisdn>) -> Self {
        numbers.sort_unstable();
        Self(numbers)
    }

    /// Whether one of these is among them, as it is written or as it is dialled.
    pub(super) fn has_one_of(&self, numbers: &[Msisdn]) -> bool {
        let has = |number: Msisdn| self.0.binary_search(&number).is_ok();
        numbers
            .iter()
            .any(|number| has(*number) || Normalizer::reading(*number).is_some_and(has))
    }
}

/// See the module.
pub(super) struct Company {
    among: Among,
    left: tokio::sync::Mutex<UnboundedReceiver<Left>>,
    suppressed: Suppressed,
    gate: Cell<GateNews>,
    /// Whether it was heard of yet how the gate stands.
    heard: Cell<bool>,
    /// Doubts that this run asks no more about.
    had: RefCell<HashSet<BatchId>>,
    /// When this run asked for the right to the one trial of all, if it has it.
    trial_since: Cell<Option<Uptime>>,
}

impl Company {
    pub(super) fn new(among: Among, left: UnboundedReceiver<Left>, suppressed: Suppressed) -> Self {
        Self {
            among,
            left: tokio::sync::Mutex::new(left),
            suppressed,
            gate: Cell::default(),
            heard: Cell::new(false),
            had: RefCell::default(),
            trial_since: Cell::new(None),
        }
    }

    /// The time by the clock that all have in common; `None` where the run must end.
    pub(super) async fn time(&self) -> Option<Timestamp> {
        self.among.time().await
    }

    /// Asks for the right to the one trial of all, or for more time for it; `false` if another has it.
    async fn ask_for_trial(&self, request_timeout: Duration) -> bool {
        let asked = Uptime::now();
        let has = self.among.try_alone(request_timeout + TRIAL_SPARE).await;
        self.trial_since.set(has.then_some(asked));
        has
    }
}

impl<W: Wire, J: Journal, C: Clock> Dispatch<W, J, C> {
    /// Waits for the right to send a batch: this run's gate's, and while the gate of all is closed, theirs too.
    pub(super) async fn pass_gate(&self, errand: Errand) -> Pass {
        loop {
            let pass = self.gate.pass(errand).await;
            let Some(company) = &self.company else { return pass };
            if pass != Pass::Trial || !company.gate.get().closed {
                return pass;
            }
            let trial = Held::of(&self.gate);
            let mut news = company.among.news();
            news.mark_unchanged();
            if company.ask_for_trial(self.request_timeout).await {
                trial.keep();
                return pass;
            }
            drop(trial);
            // Another tries. What comes of it is heard; or the run must end, and hears so elsewhere.
            if let Ok(Err(_)) = tokio::time::timeout(TRIAL_PAUSE, news.changed()).await {
                return std::future::pending().await;
            }
        }
    }

    /// Makes sure, shortly before a batch goes, that the right to send it still holds: that to the one trial of all runs out while
    /// its holder waits. One that is another's by now is given back, and the pass that is left admits nothing while the gate is closed.
    pub(super) async fn renew(&self, pass: Pass, recipients: u32) -> Pass {
        let Some(company) = self.company_at_a_trial(pass) else {
            return pass;
        };
        // As late as can be: what makes all wait may take longer than the right lasts.
        self.pace.approach(recipients).await;
        if company.ask_for_trial(self.request_timeout).await {
            return pass;
        }
        tracing::debug!("the right to a batch alone ran out, and another has it");
        self.settle_gate(pass, Settled::Neither);
        Pass::Open
    }

    /// Whether a pass may be used now: its gate admits it, and the right to a trial will last until its end is told.
    pub(super) fn admits(&self, pass: Pass) -> bool {
        let is_fresh = |company: &Company| {
            let since = company.trial_since.get();
            since.is_some_and(|since| since.elapsed() < TRIAL_USED_WITHIN)
        };
        self.gate.admits(pass) && self.company_at_a_trial(pass).is_none_or(is_fresh)
    }

    /// The company, if this pass is for the one trial of all.
    fn company_at_a_trial(&self, pass: Pass) -> Option<&Company> {
        let company = self.company.as_ref()?;
        (pass == Pass::Trial && company.gate.get().closed).then_some(company)
    }

    /// Tells the gate how what had passed it ended, and the others what concerns them.
    pub(super) fn settle_gate(&self, pass: Pass, how: Settled) {
        if self.gate.settle(pass, how) {
            self.stop.request(StopReason::TrialsInDoubt);
        }
        let Some(company) = &self.company else { return };
        if how == Settled::Doubt {
            // What is told comes back as news, a moment after a trial may be due here.
            let gate = company.gate.get();
            company.gate.set(GateNews { closed: true, ..gate });
            company.among.close();
        }
        if pass == Pass::Trial
            && how == Settled::Definite
            && company.trial_since.get().is_none()
            && company.gate.get().closed
        {
            // It was this run's own, and while it was out another closed the gate of all.
            self.gate.close_for_others();
        }
        if pass == Pass::Trial && company.trial_since.take().is_some() {
            company.among.end_trial(match how {
                Settled::Definite => TrialEnd::Definite,
                Settled::Doubt => TrialEnd::Doubt,
                Settled::Neither => TrialEnd::Neither,
            });
        }
    }

    /// Hears of the others for as long as the run goes on. Never ends.
    pub(super) async fn attend(&self) {
        let Some(company) = &self.company else {
            return std::future::pending().await;
        };
        let mut left = company.left.lock().await;
        let mut news = company.among.news();
        loop {
            tokio::select! {
                Some(left) = left.recv() => self.take_up(company, &left),
                heard = heard(&mut news) => self.hear_of_others(company, heard),
            }
        }
    }

    fn hear_of_others(&self, company: &Company, heard: News) {
        if let Some(end) = heard.end {
            self.stop.request(end.into());
            return;
        }
        if let Some(until) = heard.cool_until {
            self.pace.hear_of_cool_down(until.into());
        }
        let is_first = !company.heard.replace(true);
        let before = company.gate.replace(heard.gate);
        if before.generation == heard.gate.generation {
            return;
        }
        if heard.gate.closed {
            self.gate.close_for_others();
        } else if !is_first {
            // As it stands when a run begins it opens nothing: that takes a batch alone of the run's own.
            self.gate.open_for_others();
        }
        if heard.gate.closed && heard.gate.trials_in_doubt >= TRIALS_IN_DOUBT_MAX {
            self.stop.request(StopReason::TrialsInDoubt);
        }
    }

    /// Asks no more about a doubt, so that nobody waits for that. (In a file nobody could.)
    pub(super) fn leave(&self, doubt: BatchId, asked: Asked) {
        if let Some(company) = &self.company {
            company.had.borrow_mut().insert(doubt);
            company.among.leave(doubt, asked);
        }
    }

    /// A run that died left it: from now on it is this one's to ask about, when `settle` is over.
    fn take_up(&self, company: &Company, left: &Left) {
        let Left { doubt, members } = left;
        if self.api.provider() == Provider::Octopush && company.suppressed.has_one_of(members) {
            tracing::warn!(batch = %doubt.batch, "stays in doubt: a number in it is suppressed since, and to ask could send it");
            self.leave(doubt.batch, Asked::No);
            return;
        }
        tracing::info!(batch = %doubt.batch, "took up a doubt that a dead run left");
        self.account.borrow_mut().doubts_taken_up += 1;
        let now = self.clock.now();
        // Whoever sent it may live, cut off from the ledger alone: its request may still be on its way.
        let settle = self.request_timeout + self.settle;
        self.ask_later(Doubt::of_an_earlier_run(doubt, now, settle, now));
    }
}

impl<W: Wire, C: Clock> Dispatch<W, Writer, C> {
    /// At the end of the inputs: others may still have numbers of theirs in flight, or ask about a doubt. That is waited for as
    /// long as this run waits for its own, and what is left by those that die meanwhile is asked about here.
    pub(super) async fn linger(&self, held: &[Msisdn], mut tick: impl FnMut(&Self)) {
        if self.company.is_none() {
            return;
        }
        let deadline = Instant::now() + self.request_timeout + self.settle;
        // A doubt that has become this run's is heard of a moment later: what is settled now must have been so before.
        let mut settled = true;
        while Instant::now() < deadline && !self.stop.has_reached(Stage::Draining) {
            let outlook = match self.journal.look(held.to_vec()).await {
                Ok(outlook) => outlook,
                Err(error) => return self.stop.request(error.into()),
            };
            let before = std::mem::replace(&mut settled, self.is_settled(&outlook));
            if before && settled {
                return;
            }
            let pause = async {
                tokio::select! {
                    () = self.attend() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            };
            self.stop.unless(Stage::Draining, pause).await;
            let (_, mut none) = mpsc::channel(1);
            self.carry_all(&mut none, &mut tick).await;
        }
    }

    /// Whether there is nothing that others still have to find out. A doubt that this run has asked about, or could not, stays one;
    /// a simulated run asks about none.
    fn is_settled(&self, outlook: &Outlook) -> bool {
        let open = |holding: Holding| matches!(holding, Holding::Open(_));
        let had = self.company.as_ref().map(|company| company.had.borrow());
        let others = |doubt: &BatchId| !had.as_ref().is_some_and(|had| had.contains(doubt));
        (self.simulated || !outlook.left_to_others.iter().any(others))
            && !outlook.held.iter().any(|held| open(held.holding))
    }
}

async fn heard(news: &mut watch::Receiver<News>) -> News {
    if news.changed().await.is_err() {
        // The thread has ended, and its last news were heard.
        std::future::pending::<()>().await;
    }
    news.borrow_and_update().clone()
}

/// A trial that is given back unless it is kept: whoever waits for the right to it may be dropped.
struct Held<'a>(Option<&'a Gate>);

impl<'a> Held<'a> {
    fn of(gate: &'a Gate) -> Self {
        Self(Some(gate))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.settle(Pass::Trial, Settled::Neither);
        }
    }
}
