//! How a command on the account ended: for people, and with the provider's own members for scripts.

use serde::Serialize;
use serde_json::{Map, Value};
use volley_model::Refusal;
use volley_provider::{Reply, Said};

use crate::cli::Common;
use crate::exchange::Exchange;
use crate::exit::Exit;
use crate::print;

/// An end, not told yet.
#[derive(Debug)]
pub(super) struct Told {
    exit: Exit,
    /// Lines for people; of an end without success, one sentence.
    text: String,
    /// Our own members of the JSON line.
    ours: Map<String, Value>,
    /// The provider's, as it names them.
    said: Said,
}

/// The JSON line. What the provider says under a name of ours is left out: the last of two members would win.
#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    exit_code: Exit,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(flatten)]
    ours: &'a Map<String, Value>,
    #[serde(flatten)]
    said: &'a Said,
}

impl Told {
    /// A success.
    pub(super) fn done(text: impl Into<String>, said: Said) -> Self {
        Self::ended(Exit::Complete, text, said)
    }

    /// Any end.
    pub(super) fn ended(exit: Exit, text: impl Into<String>, said: Said) -> Self {
        Self {
            exit,
            text: text.into(),
            ours: Map::new(),
            said,
        }
    }

    /// A refusal in words of its own.
    pub(super) fn refused(text: String, refusal: &Refusal) -> Self {
        Self::ended(Exit::Refused, text, Said::default()).with_refusal(refusal)
    }

    /// What was not done, from the reply that says so. `what` reads after "failed to".
    pub(super) fn not_done<P>(what: &str, reply: Reply, exchange: &Exchange<P>) -> Self {
        let (provider, endpoint) = (exchange.provider(), exchange.endpoint());
        let key = format!("{}.base_url", provider.name());
        let failed =
            |exit, why: String| Self::ended(exit, format!("failed to {what}: {why}"), Said::default());
        match reply {
            Reply::Refused(refusal) => {
                failed(Exit::Refused, provider.explain(&refusal)).with_refusal(&refusal)
            }
            Reply::Account(refusal) => {
                failed(Exit::Account, provider.explain(&refusal)).with_refusal(&refusal)
            }
            Reply::Later { reason } => failed(
                Exit::Unreachable,
                format!("{} puts it off: {reason}; run it again later", provider.title()),
            ),
            Reply::Unsent { reason } => failed(
                Exit::Unreachable,
                format!(
                    "{endpoint} cannot be reached: {reason}; check {key} and the network, then run it again"
                ),
            ),
            Reply::Unknown { reason } => failed(
                Exit::Unreachable,
                format!("no answer tells whether it was done: {reason}; run it again to see"),
            ),
            Reply::Done(said) => Self {
                said,
                ..failed(
                    Exit::Unreachable,
                    format!("{endpoint} answers with something else than its pages say; check {key}"),
                )
            },
        }
    }

    /// How it ended, and its sentence, for whoever tells it in lines of its own.
    pub(super) fn into_parts(self) -> (Exit, String) {
        (self.exit, self.text)
    }

    fn with_refusal(self, refusal: &Refusal) -> Self {
        self.with("http_status", refusal.status)
            .with("code", refusal.code)
            .with("message", refusal.message.clone())
    }

    /// One more member of our own.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.ours.insert(name.to_owned(), value.into());
        self
    }

    fn is_ours(&self, name: &str) -> bool {
        ["schema", "exit_code", "error"].contains(&name) || self.ours.contains_key(name)
    }

    /// Tells it: a success to stdout, anything else to stderr, and with `--json` one line to stdout in either case.
    pub(super) fn tell(&self, common: &Common) -> Exit {
        let failed = self.exit != Exit::Complete;
        if failed {
            print::message(&format!("volley: {}", self.text.trim_end()));
        }
        let printed = if common.json {
            print::json(&Line {
                schema: crate::summary::SCHEMA,
                exit_code: self.exit,
                error: failed.then_some(self.text.trim_end()),
                ours: &self.ours,
                said: &self.said.clone().without(|name| self.is_ours(name)),
            })
        } else {
            failed || print::result(&self.text)
        };
        match (self.exit, printed) {
            // Whoever relies on the line must not take a lost one for success.
            (Exit::Complete, false) => Exit::Config,
            (exit, _) => exit,
        }
    }
}
