//! Everything one mock knows: its settings, its clock, its record, its faults.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::Clock;
use crate::config::Config;
use crate::error::MockError;
use crate::exotel::{self, Exotel};
use crate::fault::{FaultScript, Faults, RuleError};
use crate::octopush::{self, Octopush};
use crate::provider::Provider;
use crate::record::{RecipientCount, Record, Stats, Ticket};

/// Shared by all connections. Each lock is held for one request's worth of work, never across an await.
pub(crate) struct Mock {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) octopush: Octopush,
    pub(crate) exotel: Exotel,
    state: Mutex<State>,
    faults: Mutex<Faults>,
}

/// What requests change.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) record: Record,
    pub(crate) octopush: octopush::Account,
    pub(crate) exotel: exotel::Accounts,
}

impl Mock {
    /// Checks the settings and builds what is derived from them.
    pub(crate) fn new(config: Config) -> Result<Arc<Self>, MockError> {
        let octopush = Octopush::new(&config.octopush)?;
        let exotel = Exotel::new(&config.exotel)?;
        let faults = Mutex::new(Faults::none(config.seed));
        Ok(Arc::new(Self {
            config,
            clock: Clock::start(),
            octopush,
            exotel,
            state: Mutex::default(),
            faults,
        }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stats(&self) -> Stats {
        let faults_hit = self.faults().hits();
        let mut state = self.state();
        exotel::book_calls(self, &mut state);
        state.record.stats(faults_hit)
    }

    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        let mut state = self.state();
        exotel::book_calls(self, &mut state);
        state.record.tickets()
    }

    pub(crate) fn recipients(&self, by: Option<Provider>) -> Vec<RecipientCount> {
        self.state().record.recipients(by)
    }

    /// Replaces the script; the count of hits begins again.
    pub(crate) fn set_faults(&self, script: FaultScript) -> Result<(), RuleError> {
        let faults = Faults::new(script, self.config.seed)?;
        *self.faults() = faults;
        Ok(())
    }

    pub(crate) fn clear_faults(&self) {
        *self.faults() = Faults::none(self.config.seed);
    }

    /// Moves the clock; returns the seconds advanced in all.
    pub(crate) fn advance_clock(&self, seconds: i64) -> i64 {
        let advanced = self.clock.advance(seconds);
        self.exotel.wake();
        advanced
    }

    /// Forgets everything: the record, the keys, the faults, the clock's jumps.
    pub(crate) fn reset(&self) {
        *self.state() = State::default();
        self.clear_faults();
        self.clock.reset();
    }
}
