//! How a run ends: the one place where exit codes are decided.
//!
//! Sources: the README's table "Exit codes"; a test holds it against [`Exit::ALL`].

use std::process::ExitCode;

use serde::{Serialize, Serializer};

/// An exit code, and with it the outcome of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// Everything is accounted for, nothing is pending or in doubt, nothing was refused.
    Complete,
    /// A bug in Volley.
    Bug,
    /// Wrong usage.
    Usage,
    /// The campaign file, the environment, or a missing ledger.
    Config,
    /// An input cannot be read to its end.
    Input,
    /// The provider refused batches or numbers, or every line was invalid.
    Refused,
    /// Batches of the campaign are in doubt.
    Doubtful,
    /// The ledger is damaged, foreign or newer, or its disk fails.
    Ledger,
    /// The provider cannot be reached, or puts batches off.
    Unreachable,
    /// Stopped by a limit of the user's own.
    Limit,
    /// Another process holds the ledger.
    Locked,
    /// Credentials refused, or credit used up.
    Account,
    /// SIGHUP.
    Hangup,
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Exit {
    /// All of them, by code.
    pub const ALL: [Self; 15] = [
        Self::Complete,
        Self::Bug,
        Self::Usage,
        Self::Config,
        Self::Input,
        Self::Refused,
        Self::Doubtful,
        Self::Ledger,
        Self::Unreachable,
        Self::Limit,
        Self::Locked,
        Self::Account,
        Self::Hangup,
        Self::Interrupt,
        Self::Terminate,
    ];

    /// The number the process ends with.
    pub fn code(self) -> u8 {
        match self {
            Self::Complete => 0,
            Self::Bug => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::Input => 4,
            Self::Refused => 5,
            Self::Doubtful => 6,
            Self::Ledger => 7,
            Self::Unreachable => 8,
            Self::Limit => 9,
            Self::Locked => 10,
            Self::Account => 11,
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Complete => "every line is accounted for, none is pending or in doubt, nothing was refused",
            Self::Bug => "a bug: please report it",
            Self::Usage => "wrong usage",
            Self::Config => "the campaign file, the environment, or a missing ledger",
            Self::Input => "an input cannot be read to its end",
            Self::Refused => {
                "the provider refused batches, numbers or a command's request; or every line was invalid; or some were, \
                 with --fail-on-invalid"
            }
            Self::Doubtful => "batches of the campaign are in doubt: run it again, or see volley doubt",
            Self::Ledger => {
                "the ledger is damaged, foreign or newer, or its disk fails, or its server does not flush or has lost commits"
            }
            Self::Unreachable => {
                "the provider cannot be reached, stopped answering, or put one batch off five times"
            }
            Self::Limit => "stopped by a limit of your own",
            Self::Locked => {
                "another process holds the ledger; its server is away or too far away; or other workers gave numbers back"
            }
            Self::Account => "credentials refused, or credit used up; nothing more was sent",
            Self::Hangup => "stopped by SIGHUP: run it again to go on",
            Self::Interrupt => "stopped by SIGINT: run it again to go on",
            Self::Terminate => "stopped by SIGTERM: run it again to go on",
        }
    }

    /// Which of several that apply is shown: the lowest rank. Those that cannot meet others in one run share the last but one.
    fn rank(self) -> u8 {
        match self {
            Self::Bug => 0,
            Self::Ledger => 1,
            Self::Doubtful => 2,
            Self::Account => 3,
            Self::Unreachable => 4,
            Self::Input => 5,
            Self::Config => 6,
            Self::Limit => 7,
            Self::Hangup | Self::Interrupt | Self::Terminate => 8,
            Self::Refused => 9,
            Self::Usage | Self::Locked => 10,
            Self::Complete => 11,
        }
    }

    /// The one to end with where both apply.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }

    /// The outcome's name in the summary. `pending` tells a run that was refused to its end from one that stopped early.
    pub fn outcome(self, pending: u64) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Refused if pending == 0 => "complete",
            Self::Doubtful => "doubtful",
            Self::Refused | Self::Unreachable | Self::Limit | Self::Locked | Self::Account => "stopped",
            Self::Hangup | Self::Interrupt | Self::Terminate => "interrupted",
            Self::Bug | Self::Usage | Self::Config | Self::Input | Self::Ledger => "failed",
        }
    }

    /// The same if what it says was taken by stdout: whoever relies on a result must not take a lost one for success.
    #[must_use]
    pub fn if_taken(self, taken: bool) -> Self {
        match self {
            Self::Complete if !taken => Self::Config,
            exit => exit,
        }
    }

    /// The signal that ended the run, if one did.
    pub fn signal(self) -> Option<i32> {
        matches!(self, Self::Hangup | Self::Interrupt | Self::Terminate).then(|| i32::from(self.code()) - 128)
    }
}

impl Serialize for Exit {
    /// As its code.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_first_of_the_interface_s_order_is_shown() {
        let order = [
            Exit::Bug,
            Exit::Ledger,
            Exit::Doubtful,
            Exit::Account,
            Exit::Unreachable,
            Exit::Input,
            Exit::Config,
            Exit::Limit,
            Exit::Terminate,
            Exit::Refused,
            Exit::Complete,
        ];
        for (at, first) in order.into_iter().enumerate() {
            for second in &order[at..] {
                assert_eq!((first.or(*second), second.or(first)), (first, first));
            }
        }
    }

    #[test]
    fn codes_are_all_different() {
        let codes: std::collections::BTreeSet<u8> = Exit::ALL.into_iter().map(Exit::code).collect();
        assert_eq!(codes.len(), Exit::ALL.len());
    }
}
