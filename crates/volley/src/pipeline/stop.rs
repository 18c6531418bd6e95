//! Why a run stops before its end, and how everybody hears of it.
//!
//! The first request closes the intake and starts the grace time; whatever is in flight may still be answered. When
//! the grace is over, what is in flight is in doubt. Reasons add up; the exit code is the first of them by the
//! README's order.

use std::cell::{Cell, RefCell};
use std::future::Future;

use tokio::sync::Notify;
use volley_ledger::LedgerError;
use volley_provider::octopush::Message;
use volley_transport::Endpoint;

use super::ledger_exit;
use crate::exit::Exit;

/// Why a run stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// SIGHUP, SIGINT or SIGTERM: one of the three exits.
    Signal(Exit),
    /// The ledger cannot be written, or does not let us.
    Storage { exit: Exit, why: String },
    /// Something of ours panicked.
    Bug(String),
    /// Credentials or credit, as explained.
    Account(String),
    /// Nobody answers.
    Unreachable {
        endpoint: Endpoint,
        why: String,
        hopeless: bool,
    },
    /// One batch was put off too often.
    PutOff(String),
    /// The base URL answers with redirects.
    Redirect(Endpoint),
    /// Ten trials in a row ended in doubt.
    TrialsInDoubt,
    /// The first batch, or three in a row, were refused, as explained.
    Refused(String),
    /// The next batch has French numbers, and the text no STOP mention for them.
    StopMention,
    /// The next batch would pass `max_cost`.
    MaxCost(String),
    /// An answer was dearer than its reservation.
    Dearer(String),
    /// Residual credit below `min_credit`.
    MinCredit(String),
    /// Too many invalid lines.
    MaxInvalid(String),
    /// `--max-recipients` reached.
    MaxRecipients,
    /// An input broke off.
    Input(String),
    /// The rejects file cannot be written.
    Rejects(String),
    /// Numbers may be called twice, since a batch has two campaigns that both go on. Only noted: it stops nothing.
    Twins(String),
}

impl From<LedgerError> for StopReason {
    fn from(error: LedgerError) -> Self {
        Self::Storage {
            exit: ledger_exit(&error),
            why: explained(&error),
        }
    }
}

/// An error with what caused it.
pub(crate) fn explained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        // Some errors repeat their cause in their own words.
        if !text.contains(&why) {
            text.push_str(": ");
            text.push_str(&why);
        }
        cause = error.source();
    }
    text
}

impl StopReason {
    /// The exit it leads to, if nothing ranks before it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Signal(exit) | Self::Storage { exit, .. } => *exit,
            Self::Rejects(_) => Exit::Ledger,
            Self::Bug(_) => Exit::Bug,
            Self::Account(_) => Exit::Account,
            // Where batches are in doubt for it, that outranks it.
            Self::Unreachable { .. } | Self::PutOff(_) | Self::Redirect(_) | Self::TrialsInDoubt => {
                Exit::Unreachable
            }
            Self::Refused(_) => Exit::Refused,
            Self::StopMention => Exit::Config,
            Self::MaxCost(_)
            | Self::Dearer(_)
            | Self::MinCredit(_)
            | Self::MaxInvalid(_)
            | Self::MaxRecipients => Exit::Limit,
            Self::Input(_) => Exit::Input,
            Self::Twins(_) => Exit::Doubtful,
        }
    }

    /// Whether doubts are left alone from now on. After a limit, a refusal, ours too, or an input that broke off they are
    /// still asked about (guarantee, "Settling doubts").
    fn ends_probing(&self) -> bool {
        match self {
            Self::Signal(_)
            | Self::Storage { .. }
            | Self::Bug(_)
            | Self::Account(_)
            | Self::Unreachable { .. }
            | Self::PutOff(_)
            | Self::Redirect(_)
            | Self::TrialsInDoubt => true,
            Self::Refused(_)
            | Self::StopMention
            | Self::MaxCost(_)
            | Self::Dearer(_)
            | Self::MinCredit(_)
            | Self::MaxInvalid(_)
            | Self::MaxRecipients
            | Self::Input(_)
            | Self::Rejects(_)
            | Self::Twins(_) => false,
        }
    }

    /// One sentence with the remedy.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Signal(exit) => {
                let name = match exit {
                    Exit::Hangup => "SIGHUP",
                    Exit::Interrupt => "SIGINT",
                    _ => "SIGTERM",
                };
                format!("stopped by {name}; run the same command again to go on")
            }
            Self::Storage { why, .. } => format!("the ledger failed, and nothing more is sent: {why}"),
            Self::Bug(what) => format!("a bug in Volley: {what}; please report it"),
            Self::Account(why) => format!("the provider refuses the account: {why}"),
            Self::Unreachable {
                endpoint,
                why,
                hopeless: true,
            } => {
                format!(
                    "{endpoint} cannot be trusted: {why}; check base_url, ca_file and this machine's clock"
                )
            }
            Self::Unreachable {
                endpoint,
                why,
                hopeless: false,
            } => {
                format!(
                    "{endpoint} cannot be reached, or does not answer: {why}; check base_url and the network, then run it again"
                )
            }
            Self::PutOff(why) => {
                format!("the provider put one batch off five times: {why}; run it again later")
            }
            Self::Redirect(endpoint) => {
                format!("{endpoint} answers with a redirect, and none is followed; correct base_url")
            }
            Self::TrialsInDoubt => {
                "ten trials in a row ended in doubt; run it again when the provider answers".to_owned()
            }
            Self::Refused(why) => format!("the provider refuses the message: {why}"),
            Self::Twins(which) => format!(
                "{which}: numbers are called twice unless you end it at Exotel; the other one is the batch's"
            ),
            Self::StopMention => format!(
                "stopped before a batch with French numbers: premium marketing to them needs a STOP mention, and octopush.text \
                 has none (Octopush answers code 121 without it); add, for example, \"{}\" to octopush.text and run it again",
                Message::STOP_MENTION
            ),
            Self::MaxCost(why) => format!(
                "the next batch could pass max_cost: {why}; raise limits.max_cost or --max-cost, and run it again"
            ),
            Self::Dearer(why) => {
                format!(
                    "an answer was dearer than unit_price allows for: {why}; raise limits.unit_price, and run it again"
                )
            }
            Self::MinCredit(why) => format!(
                "the credit is below min_credit: {why}; top the account up, or lower limits.min_credit"
            ),
            Self::MaxInvalid(why) => format!("too many invalid lines: {why}"),
            Self::MaxRecipients => "--max-recipients is reached; run it again for the next".to_owned(),
            Self::Input(why) => {
                format!("failed to {why}; mend the input, then run it again: nobody is sent to twice")
            }
            Self::Rejects(why) => format!("failed to {why}"),
        }
    }
}

/// How far a stop has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(crate) enum Stage {
    /// Not at all.
    Running,
    /// No new batches; doubts that fall due are still asked about.
    Draining,
    /// Nothing more is handed over; what is in flight may still be answered.
    Stopping,
    /// What is in flight is in doubt.
    GraceOver,
}

/// The run's stop. Shared by reference among the futures of one thread.
pub(crate) struct Stop {
    stage: Cell<Stage>,
    changed: Notify,
    reasons: RefCell<Vec<StopReason>>,
}

impl Stop {
    pub(crate) fn new() -> Self {
        Self {
            stage: Cell::new(Stage::Running),
            changed: Notify::new(),
            reasons: RefCell::default(),
        }
    }

    /// Asks the run to stop.
    pub(crate) fn request(&self, reason: StopReason) {
        tracing::info!(reason = %reason.sentence(), "stopping");
        let stage = if reason.ends_probing() {
            Stage::Stopping
        } else {
            Stage::Draining
        };
        self.note(reason);
        self.advance(stage);
    }

    /// Records why reading ended early, where what was read is still to be sent.
    pub(crate) fn note(&self, reason: StopReason) {
        let mut reasons = self.reasons.borrow_mut();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }

    /// Gives up on what is in flight.
    pub(crate) fn end_grace(&self) {
        self.advance(Stage::GraceOver);
    }

    fn advance(&self, to: Stage) {
        if self.stage.get() < to {
            self.stage.set(to);
            self.changed.notify_waiters();
        }
    }

    pub(crate) fn has_reached(&self, stage: Stage) -> bool {
        self.stage.get() >= stage
    }

    /// Resolves once the stop has got that far.
    pub(crate) async fn reached(&self, wanted: Stage) {
        loop {
            // Those who wait wake in their order: a run repeats itself, where its world does.
            let changed = self.changed.notified();
            if self.has_reached(wanted) {
                return;
            }
            changed.await;
        }
    }

    /// The future's output, or `None` if the stop gets that far first.
    pub(crate) async fn unless<T>(&self, stage: Stage, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.reached(stage) => None,
            output = future => Some(output),
        }
    }

    /// All reasons so far.
    pub(crate) fn reasons(&self) -> Vec<StopReason> {
        self.reasons.borrow().clone()
    }
}
