//! The `load-tests` binary: reads the command line, runs it, and says what went wrong.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use load_tests::compare::Compare;
use load_tests::generate::Generate;
use load_tests::report::Report;
use load_tests::run::Run;
use load_tests::{Bare, Count, Shared, Sizing};

/// As Volley's: the bare sender shall differ in what it does alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Makes seeded files of contacts to test Volley with, and measures Volley with them.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Generate(Generate),
    Run(Run),
    Compare(Compare),
    Report(Report),
    Bare(Bare),
    Count(Count),
    Shared(Shared),
    Sizing(Sizing),
}

fn main() -> ExitCode {
    let done: Result<(), Box<dyn Error>> = match Cli::parse().command {
        Command::Generate(generate) => generate.run().map_err(Into::into),
        Command::Run(run) => run.run().map_err(Into::into),
        Command::Compare(compare) => compare.run().map_err(Into::into),
        Command::Report(report) => report.run().map_err(Into::into),
        Command::Bare(bare) => bare.run().map_err(Into::into),
        Command::Count(count) => count.run().map_err(Into::into),
        Command::Shared(shared) => shared.run().map_err(Into::into),
        Command::Sizing(sizing) => sizing.run().map_err(Into::into),
    };
    match done {
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
