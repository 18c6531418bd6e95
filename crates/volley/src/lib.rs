//! Volley sends a campaign to millions of contacts, each at most once.
//!
//! The library behind the `volley` binary, and the only crate that knows the order of things: it imports the intake,
//! the provider, the transport and the ledger, which do not know each other.
//!
//! [`commands`] maps the command line to what is done; [`pipeline::run`] is a run.

pub mod cli;
pub mod config;
pub mod exit;

pub mod inputs;
pub mod pipeline;
pub mod plan;
pub mod summary;

pub mod commands;

mod clock;
mod exchange;
mod logging;
mod metrics;
mod number_file;
mod print;
mod progress;
mod question;
mod voice;
