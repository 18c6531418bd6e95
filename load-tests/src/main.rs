//! The `load-tests` binary: reads the command line, runs it, and says what went wrong.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use load_tests::generate::Generate;

/// Makes seeded files of contacts to test Volley with.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(Generate),
}

fn main() -> ExitCode {
    let Command::Generate(generate) = Cli::parse().command;
    match generate.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = format!("load-tests: failed to {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            // With standard error closed as well there is no one left to tell.
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}
