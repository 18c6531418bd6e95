//! `volley completions SHELL`: what the shell needs to complete our command line, from the same description as the help.

use clap::CommandFactory;

use super::printed;
use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;

/// Prints them.
pub(super) fn completions(args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "volley", &mut script);
    printed(&String::from_utf8_lossy(&script))
}
