//! Logs: to stderr, as text or JSON, never with a full number or a credential (those types redact themselves).
//!
//! Each line of a run names it, and its batch where it is about one: see `pipeline/telling.rs`. As JSON what is told
//! besides the logs is one object a line too; wrong usage, questions and the block of progress on a terminal are not.

use std::io::{self, IsTerminal};

use tracing_subscriber::fmt;

use crate::cli::{Common, LogFormat};
use crate::print;

/// Sets the process's logging up. A second call changes nothing.
pub(crate) fn start(common: &Common) {
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let ansi = common.color.on(colours && io::stderr().is_terminal());
    if common.log_format == LogFormat::Json {
        print::tell_as_json();
    }
    let level = if common.quiet {
        common.log_level.min(tracing::Level::ERROR)
    } else {
        common.log_level
    };
    let builder = fmt()
        .with_max_level(level)
        .with_writer(|| print::Lines)
        // What could not be written is told nowhere: there is no other place.
        .log_internal_errors(false)
        .with_ansi(ansi)
        .with_target(false);
    let _ = match common.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
