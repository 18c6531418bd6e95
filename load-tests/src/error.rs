//! What can fail in a scenario; each reads after "failed to".

use std::io;
use std::path::PathBuf;

/// Why a scenario ended without figures.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LoadError {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("understand {path}")]
    Toml {
        path: PathBuf,
        source: Box<toml::de::Error>,
    },
    #[error("understand {path}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("run a scenario: {0}")]
    Scenario(String),
    #[error("start {program}; build it with: cargo build --release")]
    Start { program: PathBuf, source: io::Error },
    #[error("wait for {program}")]
    Wait { program: PathBuf, source: io::Error },
    #[error("finish in time: {0} was ended")]
    Time(String),
    #[error("talk to the server: {0}")]
    Server(String),
    #[error("read the ledger")]
    Ledger(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("pin a program to a core")]
    Pin(#[source] io::Error),
    /// A measured run that was not right is no measurement.
    #[error("believe the figures: {0}")]
    Wrong(String),
}
