//! `mock-server`: the mock as a process of its own.
//!
//! *Output*: one line on stdout, `listening on http://127.0.0.1:PORT`, once it listens.
//! It ends with 0 on SIGTERM and SIGINT, with 1 when it cannot start, with 2 on wrong usage.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use mock_server::{Config, MockError, Running, TlsIdentity};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A mock of Octopush and Exotel that remembers every message it accepted.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9100")]
    listen: SocketAddr,
    /// Settings, as TOML
    #[arg(long, value_name = "FILE.toml")]
    config: Option<PathBuf>,
    /// Makes tickets and faults repeatable
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Certificate chain as PEM: serves TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

/// Why the process ends with 1.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Mock(#[from] MockError),
    #[error("set up the process")]
    Process(#[from] io::Error),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let mut text = format!("mock-server: failed to {failure}");
            let mut cause = std::error::Error::source(&failure);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            // With stderr closed the exit code must do.
            let _ = writeln!(io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let config = config(cli)?;
    // One thread: the mock shall leave the other cores to the client it measures.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(config))
}

fn config(cli: &Cli) -> Result<Config, MockError> {
    let mut config = match &cli.config {
        Some(path) => Config::from_file(path)?,
        None => Config::default(),
    };
    config.listen = cli.listen;
    config.seed = cli.seed.unwrap_or(config.seed);
    if let (Some(certificate), Some(key)) = (&cli.tls_cert, &cli.tls_key) {
        config.tls = Some(TlsIdentity::from_files(certificate, key)?);
    }
    Ok(config)
}

async fn serve(config: Config) -> Result<(), Failure> {
    // Before the address is told: who reads it may send a signal at once.
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mock = mock_server::start(config).await?;
    announce(&mock)?;
    first_of(&mut terminate, &mut interrupt).await;
    mock.stop().await;
    Ok(())
}

fn announce(mock: &Running) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on {}", mock.base_url())?;
    stdout.flush()
}

async fn first_of(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        // Signal::recv is cancel-safe.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
