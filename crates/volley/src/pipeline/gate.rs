//! The gate: a batch goes through it only while the provider's answers are definite.
//!
//! ```text
//!             a pass is taken             definite answer
//!  TrialDue ───────────────────► TrialOut ────────────────► Open
//!     ▲  ▲                          │ │                       │ any doubt
//!     │  └── neither (put off) ─────┘ └────── doubt ──► Closed ◄
//!     └───────── free GET answered ─────────────────────┘
//! ```
//! A due probe of a doubt is taken before a new batch.
//! A run begins with `TrialDue`. So an outage costs at most what was in flight and ten trials, and a wrong base URL
//! costs one batch.

use std::cell::Cell;

use tokio::sync::Notify;

/// Trials in a row that may end in doubt (guarantee, "The gate").
pub(crate) const TRIALS_IN_DOUBT_MAX: u32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    TrialDue,
    TrialOut,
    Open,
    Closed,
}

/// How a batch that had passed the gate ended, as far as the gate is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The provider gave a definite answer.
    Definite,
    /// In doubt.
    Doubt,
    /// Never sent.
    Neither,
}

/// The right to send one batch. A trial stays valid until it is settled; another pass only while the gate stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Alone, as a trial.
    Trial,
    /// With others.
    Open,
}

/// What somebody wants to go through the gate for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// A new batch.
    Batch,
    /// The probe of a doubt.
    Probe,
}

pub(crate) struct Gate {
    state: Cell<State>,
    probes_waiting: Cell<u32>,
    trials_in_doubt: Cell<u32>,
    changed: Notify,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            state: Cell::new(State::TrialDue),
            probes_waiting: Cell::new(0),
            trials_in_doubt: Cell::new(0),
            changed: Notify::new(),
        }
    }

    /// Waits for the right to send a batch.
    pub(crate) async fn pass(&self, errand: Errand) -> Pass {
        let _waiting = (errand == Errand::Probe).then(|| Waiting::new(self));
        loop {
            let changed = self.changed.notified();
            match self.state.get() {
                State::Open => return Pass::Open,
                State::TrialDue if errand == Errand::Probe || self.probes_waiting.get() == 0 => {
                    self.state.set(State::TrialOut);
                    return Pass::Trial;
                }
                State::TrialDue | State::TrialOut | State::Closed => changed.await,
            }
        }
    }

    /// Whether a pass taken earlier still holds.
    pub(crate) fn admits(&self, pass: Pass) -> bool {
        pass == Pass::Trial || self.state.get() == State::Open
    }

    /// Whether batches may go one beside the other.
    pub(crate) fn is_open(&self) -> bool {
        self.state.get() == State::Open
    }

    /// Tells how the batch ended. Returns whether too many trials in a row ended in doubt.
    pub(crate) fn settle(&self, pass: Pass, how: Settled) -> bool {
        match (pass, how) {
            (_, Settled::Doubt) => {
                if pass == Pass::Trial {
                    self.trials_in_doubt.set(self.trials_in_doubt.get() + 1);
                }
                // A trial that is out stays the only one: its own end decides on.
                if pass == Pass::Trial || self.state.get() == State::Open {
                    self.become_(State::Closed);
                }
            }
            (Pass::Trial, Settled::Definite) => {
                self.trials_in_doubt.set(0);
                self.become_(State::Open);
            }
            (Pass::Trial, Settled::Neither) => self.become_(State::TrialDue),
            (Pass::Open, Settled::Definite | Settled::Neither) => {}
        }
        self.trials_in_doubt.get() >= TRIALS_IN_DOUBT_MAX
    }

    /// Another who sends the campaign is in doubt. A trial that is out stays the only one here: its own end decides on.
    pub(crate) fn close_for_others(&self) {
        if self.state.get() == State::Open {
            self.become_(State::Closed);
        }
    }

    /// Another's trial went well.
    pub(crate) fn open_for_others(&self) {
        if matches!(self.state.get(), State::Closed | State::TrialDue) {
            self.trials_in_doubt.set(0);
            self.become_(State::Open);
        }
    }

    /// Resolves while the gate is closed and wants a free GET.
    pub(crate) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state.get() == State::Closed {
                return;
            }
            changed.await;
        }
    }

    /// The free GET was answered: a trial is due.
    pub(crate) fn answered(&self) {
        if self.state.get() == State::Closed {
            self.become_(State::TrialDue);
        }
    }

    fn become_(&self, state: State) {
        match state {
            State::Open => tracing::info!("the gate is open"),
            State::Closed => {
                tracing::info!(
                    "the gate is closed until a free request is answered and one batch alone has gone well"
                );
            }
            State::TrialDue | State::TrialOut => tracing::debug!("a batch alone is due"),
        }
        self.state.set(state);
        self.changed.notify_waiters();
    }
}

/// A probe that waits, for as long as it does.
struct Waiting<'a>(&'a Gate);

impl<'a> Waiting<'a> {
    fn new(gate: &'a Gate) -> Self {
        gate.probes_waiting.set(gate.probes_waiting.get() + 1);
        Self(gate)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.probes_waiting.set(self.0.probes_waiting.get() - 1);
        // A batch that gave way may go now.
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_run_begins_with_one_batch_alone() {
        let gate = Gate::new();
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), None);
        assert!(!gate.settle(Pass::Trial, Settled::Definite));
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Open));
    }

    #[test]
    fn a_doubt_closes_it_until_a_free_get_and_a_trial() {
        let gate = Gate::new();
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
        gate.settle(Pass::Trial, Settled::Definite);
        gate.settle(Pass::Open, Settled::Doubt);
        assert!(!gate.admits(Pass::Open));
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), None);
        assert_eq!(gate.closed().now_or_never(), Some(()));
        gate.settle(Pass::Open, Settled::Definite);
        assert_eq!(
            gate.pass(Errand::Batch).now_or_never(),
            None,
            "an answer from before opens nothing"
        );
        gate.answered();
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
        gate.settle(Pass::Open, Settled::Doubt);
        gate.settle(Pass::Trial, Settled::Definite);
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Open));
    }

    #[test]
    fn a_trial_put_off_lets_another_try() {
        let gate = Gate::new();
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
        gate.settle(Pass::Trial, Settled::Neither);
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
    }

    #[test]
    fn the_tenth_trial_in_doubt_is_the_last() {
        let gate = Gate::new();
        for trial in 1..=TRIALS_IN_DOUBT_MAX {
            assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
            assert_eq!(
                gate.settle(Pass::Trial, Settled::Doubt),
                trial == TRIALS_IN_DOUBT_MAX
            );
            gate.answered();
        }
    }

    #[test]
    fn a_probe_goes_before_a_batch_that_waited_longer() {
        let gate = Gate::new();
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
        let mut probe = Box::pin(gate.pass(Errand::Probe));
        assert_eq!(probe.as_mut().now_or_never(), None);
        gate.settle(Pass::Trial, Settled::Neither);
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), None, "a probe waits");
        assert_eq!(probe.as_mut().now_or_never(), Some(Pass::Trial));
        drop(probe);
        gate.settle(Pass::Trial, Settled::Neither);
        assert_eq!(gate.pass(Errand::Batch).now_or_never(), Some(Pass::Trial));
    }
}
