//! What a check found, and how it is told.

use std::fmt::Write as _;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};
use volley_ledger::ServerFound;

use crate::cli::Common;
use crate::commands::{CommandError, told};
use crate::config::Campaign;
use crate::exit::Exit;
use crate::print;
use crate::summary::SCHEMA;

/// The width of the first column, the longest name and two spaces.
const NAME_WIDTH: usize = "campaign file".len() + 2;

/// See the module.
pub(super) struct Found {
    /// For people.
    lines: String,
    /// What is wrong, each a whole sentence.
    faults: Vec<String>,
    /// For scripts.
    pub(super) report: Report,
}

/// The JSON object. What was not found out is null.
#[derive(Serialize)]
pub(super) struct Report {
    schema: u32,
    campaign: String,
    provider: &'static str,
    host: String,
    /// `1.2` or `1.3`; null without TLS too.
    pub(super) tls: Option<&'static str>,
    pub(super) http: Option<Http>,
    /// `accepted` or `refused`.
    pub(super) credentials: Option<&'static str>,
    /// In the campaign's currency.
    pub(super) credit: Option<String>,
    pub(super) ledger: Option<LedgerFound>,
    exit_code: Exit,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The version of HTTP, as ALPN names it.
#[derive(Serialize)]
pub(super) enum Http {
    #[serde(rename = "h2")]
    Http2,
    #[serde(rename = "http/1.1")]
    Http1,
}

/// The ledger.
#[derive(Serialize)]
pub(super) struct LedgerFound {
    path: String,
    state: &'static str,
    /// Whether the campaign reached anybody, or may have.
    pub(super) begun: bool,
    reached: u64,
    in_doubt: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Value>,
}

impl LedgerFound {
    /// There is none.
    pub(super) fn missing(path: &Path) -> Self {
        Self {
            state: "missing",
            ..Self::present(path, 0, 0)
        }
    }

    /// There is one, in which the campaign has so many recipients.
    pub(super) fn present(path: &Path, reached: u64, in_doubt: u64) -> Self {
        Self {
            path: volley_ledger::shown_path(path).display().to_string(),
            state: "present",
            begun: reached + in_doubt > 0,
            reached,
            in_doubt,
            server: None,
        }
    }

    /// The same, on a server.
    pub(super) fn on(self, server: Option<ServerFound>) -> Self {
        let server = server
            .map(|server| json!({"postgresql": server.version, "tls": server.tls, "format": server.format}));
        Self { server, ..self }
    }
}

impl Found {
    /// Nothing yet, but the campaign.
    pub(super) fn new(campaign: &Campaign) -> Self {
        Self {
            lines: String::new(),
            faults: Vec::new(),
            report: Report {
                schema: SCHEMA,
                campaign: campaign.name.clone(),
                provider: campaign.content.provider().name(),
                host: campaign.endpoint.host().to_owned(),
                tls: None,
                http: None,
                credentials: None,
                credit: None,
                ledger: None,
                exit_code: Exit::Complete,
                error: None,
            },
        }
    }

    /// Something that was looked at, and is well.
    pub(super) fn line(&mut self, name: &str, told: impl AsRef<str>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.lines, "{name:NAME_WIDTH$}{}", told.as_ref());
    }

    /// Something that is not.
    pub(super) fn fault(&mut self, exit: Exit, what: String) {
        self.report.exit_code = self.report.exit_code.or(exit);
        self.faults.push(what);
    }

    /// A result, whose failure is kept as a fault.
    pub(super) fn keep<T, E: Into<CommandError>>(&mut self, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|error| {
                let error = error.into();
                self.fault(error.exit(), told(&error));
            })
            .ok()
    }

    /// Tells it: what is well to stdout, what is not to stderr, and with `--json` all of it in one line to stdout.
    pub(super) fn tell(mut self, common: &Common) -> Exit {
        let exit = self.report.exit_code;
        let printed = if common.json {
            self.report.error = (!self.faults.is_empty()).then(|| self.faults.join("; "));
            print::json(&self.report)
        } else {
            print::result(&self.lines)
        };
        for fault in &self.faults {
            print::message(&format!("volley: {fault}"));
        }
        match (exit, printed) {
            // Whoever relies on the line must not take a lost one for success.
            (Exit::Complete, false) => Exit::Config,
            (exit, _) => exit,
        }
    }
}
