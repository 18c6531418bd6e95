//! A run: from inputs, a campaign and a ledger to a summary. The one place that knows the order of things.
//!
//! ```text
//!  inputs ─► intake thread ─► dispatcher (this thread) ◄─► provider
//!                                   │  ▲
//!                                   ▼  │ acknowledged after COMMIT
//!                              ledger thread ─► volley.db
//! ```
//! Output: a [`Summary`], for every end of the run. Not here: the command line, the display, credentials.

mod account;
pub(crate) mod budget;
mod dispatch;
mod ending;
mod flight;
mod gate;
mod patience;
mod reading;
mod signals;
pub(crate) mod standing;
pub(crate) mod stop;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use volley_intake::{Intake, IntakeConfig, IntakeError, NumberBook, Progress, Rejects, Skipped};
use volley_ledger::{CampaignIdentity, Changes, Ledger, LedgerError, Opening};
use volley_model::Amount;
use volley_provider::octopush::{Encoder, Octopush, Sealer};
use volley_provider::{CredentialsError, OctopushCredentials};
use volley_transport::{Pace, PaceConfig, Pool, PoolConfig, TransportError};

use crate::clock;
use crate::config::Campaign;
use crate::exit::Exit;
use crate::inputs::{Extent, Opened};
use crate::summary::Summary;
use account::Account;
use budget::{Budget, Tariff};
use dispatch::{Dispatch, Parts};
use ending::Ending;
use reading::{Read, Reading};
use standing::{Retry, load};

/// How long a TCP connect, and after it a TLS or HTTP/2 handshake, may take: far above any sound network's time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a run needs.
pub struct Job {
    /// What to send.
    pub campaign: Campaign,
    /// By whose account.
    pub credentials: OctopushCredentials,
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
pub struct Options {
    /// `--max-recipients`.
    pub max_recipients: Option<u64>,
    /// `--retry-refused`.
    pub retry_refused: bool,
    /// `--accept-changes`.
    pub accept_changes: bool,
    /// `--fail-on-invalid`.
    pub fail_on_invalid: bool,
    /// Where rejections go: `--rejects`.
    pub rejects: Option<Box<dyn Write + Send>>,
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
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A file that the campaign names.
    #[error("read {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A number in a suppression file that cannot be read: nobody may be contacted by a typing error.
    #[error("read {path}, line {line}: {why}; every line of a suppression file is one number")]
    Suppression {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// `send_at` lies in the past and the campaign has not begun.
    #[error("begin the campaign: send_at {0} is in the past; correct it, or take it out to send now")]
    SendAtPast(String),
    /// The inputs could not be read for a plan.
    #[error(transparent)]
    Intake(IntakeError),
    /// The credentials fit into no header.
    #[error(transparent)]
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
            | Self::Suppression { .. }
            | Self::SendAtPast(_)
            | Self::Credentials(_) => Exit::Config,
            Self::Intake(_) => Exit::Input,
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
        | LedgerError::CampaignClosed { .. } => Exit::Config,
        LedgerError::Locked { .. } => Exit::Locked,
        LedgerError::Foreign { .. }
        | LedgerError::Newer { .. }
        | LedgerError::Damaged { .. }
        | LedgerError::Displaced { .. }
        | LedgerError::NetworkFileSystem { .. }
        | LedgerError::Storage { .. }
        | LedgerError::Fenced { .. } => Exit::Ledger,
        LedgerError::Refused { .. } | LedgerError::WriterStopped { .. } => Exit::Bug,
    }
}

/// What a display may show while a run goes on.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Lines read.
    pub lines: u64,
    /// Invalid lines.
    pub invalid: u64,
    /// Recipients accepted by the provider.
    pub accepted: u64,
    /// Recipients in doubt.
    pub in_doubt: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// The cost so far.
    pub cost: Amount,
    /// The budget.
    pub max_cost: Option<Amount>,
    /// What limits the speed.
    pub limited_by: &'static str,
    /// The share of the inputs that is read.
    pub share: Option<f64>,
    /// Since the start.
    pub elapsed: Duration,
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
    let Job {
        campaign,
        credentials,
        opened,
        ledger,
        opening,
        options,
    } = job;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::System)?;
    let _guard = runtime.enter();
    let pool = Pool::new(pool_config(&campaign)?)?;
    let identity = identity(&campaign, &credentials);
    let mut book = NumberBook::default();
    standing::suppress(&campaign.input, &mut book)?;
    let mut ledger = Ledger::open(&ledger, opening, clock::now())?;
    if ledger.made() {
        notice(&format!(
            "made the ledger {}: nothing was sent before",
            ledger.path().display()
        ));
    }
    let changes = if options.accept_changes {
        Changes::Accept
    } else {
        Changes::Refuse
    };
    let entry = ledger.enter(&identity, changes, clock::now())?;
    let retry = Retry {
        message: Some(entry.message),
        refused: options.retry_refused,
    };
    let loaded = load(&ledger, entry.campaign, retry, &mut book)?;
    refuse_past_start(&campaign, entry.begun)?;
    let spending = ledger.spending(entry.campaign)?;
    let sealer = Sealer::new(
        &credentials.account(),
        &campaign.name,
        campaign.message.simulation_mode,
        ledger.generations(entry.campaign)?,
    );
    let max_recipients = options.max_recipients;
    let fail_on_invalid = options.fail_on_invalid;
    let intake = intake(&campaign, book, options, max_recipients);
    let (writer, writer_thread) = ledger.start(entry.run);
    let progress = Arc::new(Progress::default());
    let mut reading =
        Reading::start(opened.inputs, intake, sealer, Arc::clone(&progress)).map_err(RunError::System)?;
    let dispatch = Dispatch::new(
        Parts {
            octopush: Octopush::new(&credentials)?,
            duplicate_codes: campaign.duplicate_codes.clone(),
            simulated: campaign.message.simulation_mode,
            tariff: Tariff::of(&campaign),
            pool,
            pace: Pace::new(pace_config(&campaign)),
            writer,
            budget: Budget::new(campaign.limits.max_cost, spending.settled, spending.reserved),
        },
        &campaign.limits,
    );
    let mut waker = Some(opened.waker);
    let shown = Shown {
        progress: &progress,
        extent: &opened.extent,
        max_cost: campaign.limits.max_cost,
        begun,
    };
    runtime.block_on(async {
        let sending = dispatch.run(&mut reading.batches, |account| display(&shown.snapshot(account)));
        let listening = signals::listen(&dispatch.stop, campaign.limits.shutdown_grace);
        let waking = async {
            dispatch.stop.requested().await;
            waker.take();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = sending => {}
            () = listening => {}
            () = waking => {}
        }
    });
    drop(waker);
    let read = reading.join().unwrap_or_else(|bug| {
        dispatch.stop.note(bug);
        Read {
            finished: None,
            early: None,
        }
    });
    if let Some(early) = read.early {
        dispatch.stop.note(early);
    }
    let ending = Ending {
        campaign: &campaign,
        loaded: &loaded,
        totals: read.finished.map(|finished| finished.totals),
        fail_on_invalid,
        begun,
    };
    Ok(runtime.block_on(ending.close(dispatch, writer_thread)))
}

fn pool_config(campaign: &Campaign) -> Result<PoolConfig, RunError> {
    let transport = &campaign.transport;
    let ca_file = match &transport.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| RunError::File {
            path: path.clone(),
            source,
        })?),
    };
    Ok(PoolConfig {
        base: campaign.endpoint.clone(),
        connections: campaign.limits.connections,
        http2: transport.http2,
        ca_file,
        idle_timeout: transport.idle_timeout,
        max_requests_per_connection: transport.max_requests_per_connection,
        fresh_connections: transport.fresh_connections,
        connect_timeout: CONNECT_TIMEOUT,
    })
}

fn pace_config(campaign: &Campaign) -> PaceConfig {
    PaceConfig {
        requests_per_second: campaign.limits.requests_per_second,
        burst: campaign.limits.burst,
        recipients_per_second: campaign.limits.recipients_per_second,
        batch_size: campaign.limits.batch_size,
    }
}

/// The campaign as the ledger knows it.
pub(crate) fn identity(campaign: &Campaign, credentials: &OctopushCredentials) -> CampaignIdentity {
    CampaignIdentity {
        name: campaign.name.clone(),
        provider: "octopush".to_owned(),
        account: credentials.account(),
        host: campaign.endpoint.host().to_owned(),
        message: campaign.message_parts(),
        simulated: campaign.message.simulation_mode,
    }
}

/// A `send_at` in the past is refused for a campaign that has not begun; one that has begun goes on.
fn refuse_past_start(campaign: &Campaign, begun: bool) -> Result<(), RunError> {
    match &campaign.message.send_at {
        Some(send_at) if !begun && send_at.instant() < clock::now() => {
            Err(RunError::SendAtPast(send_at.as_str().to_owned()))
        }
        _ => Ok(()),
    }
}

fn intake(campaign: &Campaign, book: NumberBook, options: Options, max_recipients: Option<u64>) -> Intake {
    let config = intake_config(campaign, campaign.limits.unit_price.is_some(), max_recipients);
    let skipped = if options.rejects_include_skipped {
        Skipped::Included
    } else {
        Skipped::Left
    };
    let rejects = options
        .rejects
        .map_or_else(Rejects::none, |out| Rejects::to(out, skipped));
    Intake::new(config, Box::new(Encoder::new(&campaign.message)), book, rejects)
}

/// How the intake reads for this campaign.
pub(crate) fn intake_config(
    campaign: &Campaign,
    count_units: bool,
    recipients_max: Option<u64>,
) -> IntakeConfig {
    IntakeConfig {
        names: campaign.input.names.clone(),
        default_region: campaign.input.default_region,
        numbers: campaign.input.numbers,
        allowed_countries: campaign.input.allowed_countries.clone(),
        required: campaign.message.template.required(),
        batch_size: NonZeroUsize::try_from(campaign.limits.batch_size).unwrap_or(NonZeroUsize::MIN),
        count_units,
        recipients_max,
        max_invalid: campaign.limits.max_invalid,
    }
}

/// What the display's numbers are taken from.
struct Shown<'a> {
    progress: &'a Progress,
    extent: &'a Extent,
    max_cost: Option<Amount>,
    begun: Instant,
}

impl Shown<'_> {
    fn snapshot(&self, account: &Account) -> Snapshot {
        Snapshot {
            lines: self.progress.lines.load(Ordering::Relaxed),
            invalid: self.progress.invalid.load(Ordering::Relaxed),
            accepted: account.accepted,
            in_doubt: account.in_doubt,
            in_flight: account.in_flight,
            cost: account.cost(),
            max_cost: self.max_cost,
            limited_by: account.waits.limited_by(),
            share: self.extent.share(),
            elapsed: self.begun.elapsed(),
        }
    }
}
