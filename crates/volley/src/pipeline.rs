//! A run: from inputs, a campaign and a ledger to a summary. The one place that knows the order of things.
//!
//! ```text
//!  inputs ─► intake thread ─► dispatcher (this thread) ◄─► provider
//!                                   │  ▲
//!                                   ▼  │ acknowledged after COMMIT
//!                              ledger thread ─► volley.db
//! ```
//! Output: a [`Summary`], for every end of the run. Not here: the command line, the display, credentials.

pub(crate) mod account;
mod admit;
pub(crate) mod budget;
mod commits;
mod company;
mod credit;
mod decision;
pub(crate) mod dispatch;
pub(crate) mod ending;
mod flight;
mod free_get;
mod gate;
pub(crate) mod handover;
pub(crate) mod latency;
mod line;
mod lookup;
mod neighbours;
mod outside;
mod pacing;
pub(crate) mod patience;
mod reading;
mod refusals;
pub(crate) mod settle;
pub(crate) mod setup;
pub(crate) mod signals;
#[cfg(test)]
mod simulation;
mod snapshot;
mod stamp;
pub(crate) mod standing;
pub(crate) mod stop;
pub(crate) mod telling;

use std::cell::Cell;
use std::fs::File;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use volley_intake::{IntakeError, Progress};
use volley_ledger::{Hurry, LedgerError, Opening};
use volley_model::Currency;
use volley_provider::CredentialsError;
use volley_transport::TransportError;

use crate::config::Campaign;
use crate::config::credentials::Credentials;
use crate::exit::Exit;
use crate::inputs::{Opened, Waker};
use crate::number_file::NumberFileError;
use crate::summary::{Summary, counted_as};
use ending::Ending;
use reading::Reading;
use refusals::Refusals;
use setup::{Prepared, prepare};
use signals::Signals;
use snapshot::View;
#[cfg(test)]
pub(crate) use snapshot::snapshot;
pub use snapshot::{LedgerOrders, Phase, Snapshot};
use stop::{Stage, Stop, StopReason};

/// What a run needs.
pub struct Job {
    /// What to send.
    pub campaign: Campaign,
    /// By whose account.
    pub credentials: Credentials,
    /// To whom.
    pub opened: Opened,
    /// The ledger's path.
    pub ledger: PathBuf,
    /// Whether a missing ledger is made.
    pub opening: Opening,
    /// The flags of this run.
    pub options: Options,
}

/// The flags of a run.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// `--max-recipients`.
    pub max_recipients: Option<u64>,
    /// `--retry-refused`.
    pub retry_refused: bool,
    /// `--accept-changes`.
    pub accept_changes: bool,
    /// `--fail-on-invalid`.
    pub fail_on_invalid: bool,
    /// Where rejections go, `--rejects`: emptied once the ledger is locked.
    pub rejects: Option<File>,
    /// `--rejects-include-skipped`.
    pub rejects_include_skipped: bool,
}

/// Why a run could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The pool cannot be built: a CA file, TLS.
    #[error("set the connection up as [transport] says: {0}")]
    Transport(#[from] TransportError),
    /// A file that the campaign names.
    #[error("read {path}, which {key} names: {source}; correct {key}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A suppression file with something else in it: nobody may be contacted by a typing error.
    #[error(transparent)]
    Suppression(NumberFileError),
    /// `send_at` lies in the past and the campaign has not begun.
    #[error("begin the campaign: send_at {0} is in the past; correct it, or take it out to send now")]
    SendAtPast(String),
    /// A budget over batches of which nobody can say what they may cost.
    #[error(
        "hold max_cost: {} went out earlier without a unit_price, and with no price from the provider; wait for it, settle \
         the doubts, or take max_cost out", counted_as(*.0, "batch", "batches")
    )]
    Unreserved(u64),
    /// The file counts in another currency than the ledger does for this campaign.
    #[error("count in {}: the campaign counts in {} already; set exotel.currency back", told.code(), known.code())]
    OtherCurrency {
        /// The ledger's.
        known: Currency,
        /// The file's.
        told: Currency,
    },
    /// The credentials fit into no header.
    #[error("use the credentials: {0}")]
    Credentials(#[from] CredentialsError),
    /// The system gives no thread, no runtime.
    #[error("start: {0}")]
    System(std::io::Error),
}

impl RunError {
    /// The exit it leads to.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Ledger(error) => ledger_exit(error),
            Self::Transport(_)
            | Self::File { .. }
            | Self::Suppression(_)
            | Self::SendAtPast(_)
            | Self::Unreserved(_)
            | Self::OtherCurrency { .. }
            | Self::Credentials(_) => Exit::Config,
            Self::System(_) => Exit::Bug,
        }
    }
}

/// Which exit a ledger's failure leads to.
fn ledger_exit(error: &LedgerError) -> Exit {
    match error {
        LedgerError::Missing { .. }
        | LedgerError::Exists { .. }
        | LedgerError::CampaignFixed { .. }
        | LedgerError::MessageChanged { .. }
        | LedgerError::CampaignClosed { .. }
        | LedgerError::CampaignMoved { .. }
        | LedgerError::OtherLimits { .. }
        | LedgerError::Address { .. } => Exit::Config,
        LedgerError::Locked { .. }
        | LedgerError::Running { .. }
        | LedgerError::Buried { .. }
        | LedgerError::KeyUsed { .. }
        | LedgerError::Server { passing: true, .. } => Exit::Locked,
        LedgerError::Foreign { .. }
        | LedgerError::Newer { .. }
        | LedgerError::Damaged { .. }
        | LedgerError::Displaced { .. }
        | LedgerError::NetworkFileSystem { .. }
        | LedgerError::Unflushed { .. }
        | LedgerError::Storage { .. }
        | LedgerError::Server { .. }
        | LedgerError::Fenced { .. } => Exit::Ledger,
        LedgerError::Refused { .. } | LedgerError::WriterStopped { .. } => Exit::Bug,
    }
}

/// Runs a campaign to its end, whatever the end.
///
/// # Errors
/// [`RunError`] if it cannot begin; nothing has been sent then. Everything later is in the summary.
pub fn run(
    job: Job,
    display: &mut dyn FnMut(&Snapshot),
    notice: &mut dyn FnMut(&str),
) -> Result<Summary, RunError> {
    let begun = Instant::now();
    // Declared first, so that it is left last: what ends with the runtime is the run's, too.
    let _in_run;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let _guard = runtime.enter();
    let signals = Signals::catch();
    let prepared = prepare(job, notice)?;
    let Prepared {
        campaign,
        opened,
        intake,
        neighbours,
        sealer,
        mut dispatch,
        writer_thread,
        loaded,
        refusals,
        ledger,
        run,
        fail_on_invalid,
        among_thread,
    } = prepared;
    _in_run = telling::run_span(run).entered();
    tracing::info!(
        campaign = campaign.name,
        provider = campaign.content.provider().name(),
        endpoint = %campaign.endpoint,
        ledger = %volley_ledger::shown_path(&ledger).display(),
        batches_in_doubt = loaded.batches_in_doubt,
        "the run begins"
    );
    let progress = Arc::new(Progress::default());
    let mut reading = Reading::start(opened.inputs, intake, neighbours, sealer, Arc::clone(&progress))
        .map_err(RunError::System)?;
    let view = View {
        progress: &progress,
        extent: &opened.extent,
        limits: &campaign.limits,
        run,
        batches_in_doubt: loaded.batches_in_doubt,
        begun,
    };
    let mut tick = |dispatch: &_| display(&view.snapshot(dispatch));
    let (stop, over) = (Rc::clone(&dispatch.stop), Cell::new(false));
    let (hurry, grace) = (dispatch.journal.hurry(), campaign.limits.shutdown_grace);
    let mut attending = pin!(async {
        tokio::join!(
            signals::listen(signals, &stop, &over, grace),
            hurry_when_over(&stop, &hurry)
        );
    });
    runtime.block_on(async {
        tokio::select! {
            () = dispatch.run(&mut reading.batches, &mut tick) => {}
            () = &mut attending => {}
            () = wake_when_stopped(&stop, opened.waker) => {}
        }
    });
    // The thread may be waiting for a server.
    let read = tokio::task::spawn_blocking(|| reading.join());
    let (finished, early) = match runtime.block_on(beside(&mut attending, read)) {
        Ok(Ok(read)) => (Some(read.finished), read.early),
        Ok(Err(bug)) => (None, Some(bug)),
        Err(bug) => (None, Some(StopReason::Bug(bug.to_string()))),
    };
    if let Some(reason) = early {
        stop.note(reason);
    } else if let Some(finished) = &finished {
        let lingering = dispatch.linger(&finished.held, &mut tick);
        runtime.block_on(beside(&mut attending, lingering));
    }
    drop(std::mem::replace(&mut dispatch.refusals, Refusals::none()));
    if let Err(source) = refusals.join() {
        dispatch.stop.note(IntakeError::Rejects { source }.into());
    }
    let ending = Ending {
        campaign: &campaign,
        loaded,
        finished: finished.as_ref(),
        ledger: &ledger,
        is_shared: among_thread.is_some(),
        run,
        fail_on_invalid,
        begun,
    };
    over.set(true);
    let closing = ending.close(dispatch, writer_thread);
    let summary = runtime.block_on(beside(&mut attending, closing));
    if let Some(thread) = among_thread {
        hurry.tell();
        // It ends with the last who speaks through it, and told by its news how.
        drop(thread.join());
    }
    Ok(summary)
}

/// A stop must not wait for an input that has nothing to say: dropping the waker ends blocked reading.
async fn wake_when_stopped(stop: &Stop, waker: Waker) {
    stop.reached(Stage::Draining).await;
    drop(waker);
    std::future::pending::<()>().await;
}

/// Once the grace is over, nobody waits for a server that is away or hangs.
async fn hurry_when_over(stop: &Stop, hurry: &Hurry) {
    stop.reached(Stage::GraceOver).await;
    hurry.tell();
}

/// Does the work, and attends to the signals meanwhile, which never ends.
async fn beside<T>(attending: &mut Pin<&mut impl Future<Output = ()>>, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        () = attending => std::future::pending().await,
    }
}
