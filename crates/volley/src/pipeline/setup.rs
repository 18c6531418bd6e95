//! From a job to the parts of a run: everything is opened, compared and loaded here, before anything is sent.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use volley_intake::{Intake, IntakeConfig, NumberBook};
use volley_ledger::{
    AmongThread, Asked, BatchId, CampaignIdentity, Changes, Entry, Ledger, LedgerError, OpenDoubt, Opening,
    Reader, RunId, RunLimits, Terms, Writer, WriterThread,
};
use volley_model::Msisdn;
use volley_provider::{Provider, Sealer};
use volley_transport::{CONNECT_TIMEOUT, Endpoint, Pace, PaceConfig, Pool, PoolConfig};

use super::budget::{Budget, Keeper, Tariff};
use super::company::{Company, Suppressed};
use super::dispatch::{Dispatch, Parts};
use super::neighbours::Neighbours;
use super::outside::WallClock;
use super::pacing::Pacing;
use super::refusals::{self, RefusalsThread};
use super::settle::{Doubt, Doubts};
use super::standing::{self, Loaded, Retry};
use super::{Job, Options, RunError};
use crate::clock;
use crate::config::{Campaign, TransportRules};
use crate::inputs::Opened;

/// The parts of a run.
pub(super) struct Prepared {
    pub(super) campaign: Campaign,
    pub(super) opened: Opened,
    pub(super) intake: Intake,
    pub(super) neighbours: Option<Neighbours>,
    pub(super) sealer: Arc<Sealer>,
    pub(super) dispatch: Dispatch<Pool, Writer, WallClock>,
    pub(super) writer_thread: WriterThread,
    pub(super) loaded: Loaded,
    pub(super) refusals: RefusalsThread,
    pub(super) ledger: PathBuf,
    pub(super) run: RunId,
    pub(super) fail_on_invalid: bool,
    /// The thread that speaks with others, if there may be some.
    pub(super) among_thread: Option<JoinHandle<()>>,
}

/// Opens, compares and loads. `notice` hears what the user should know.
pub(super) fn prepare(job: Job, notice: &mut dyn FnMut(&str)) -> Result<Prepared, RunError> {
    let Job {
        campaign,
        credentials,
        opened,
        ledger: path,
        opening,
        options,
    } = job;
    let connections = campaign.limits.connections;
    let pool = Pool::new(pool_config(&campaign.endpoint, connections, &campaign.transport)?)?;
    let api = credentials.api()?;
    let account = credentials.account();
    let mut known = Known::of_lists(&campaign)?;
    let ledger = open(&path, opening, notice)?;
    let Begun {
        ledger,
        ledger_last_at,
        entry,
        joined,
    } = begin(ledger, &path, &campaign, &account, &options, &mut known)?;
    let loaded = known.load(&ledger, &entry, joined.as_ref(), options.retry_refused)?;
    let spending = ledger.spending(entry.campaign)?;
    let generations = ledger.generations(entry.campaign)?;
    let doubts = doubts(&ledger, &campaign, &entry, joined.as_ref(), &loaded, notice)?;
    let Shares {
        neighbours,
        company,
        pace,
        budget,
        among_thread,
    } = shares(joined, &campaign, known.barred);
    let config = IntakeConfig {
        keep_places: options.rejects.is_some(),
        keep_parts: neighbours.is_some(),
        ..intake_config(
            &campaign,
            campaign.limits.unit_price.is_some(),
            options.max_recipients,
        )
    };
    let rejects = refusals::rejects(options.rejects, options.rejects_include_skipped, &opened.inputs)
        .map_err(RunError::System)?;
    let (writer, writer_thread) = ledger.start(entry.run);
    let sealer = Arc::new(campaign.content.sealer(&account, &campaign.name, generations));
    let parts = Parts {
        api,
        sealer: Arc::clone(&sealer),
        duplicate_codes: campaign.duplicate_codes.clone(),
        refusals: rejects.refusals,
        simulated: campaign.content.is_simulated(),
        lacks_stop_mention: campaign.content.lacks_stop_mention(),
        tariff: Tariff::of(&campaign),
        currency: campaign.currency,
        endpoint: campaign.endpoint.clone(),
        wire: pool,
        pace,
        company,
        journal: writer,
        clock: WallClock,
        budget: Budget::new(campaign.limits.max_cost, spending.settled, spending.reserved).kept_by(budget),
        doubts,
        ledger_last_at,
    };
    Ok(Prepared {
        dispatch: Dispatch::new(parts, &campaign.limits),
        sealer,
        fail_on_invalid: options.fail_on_invalid,
        neighbours,
        intake: Intake::new(config, campaign.content.encoder(), known.book, rejects.intake),
        campaign,
        opened,
        writer_thread,
        loaded,
        refusals: rejects.thread,
        ledger: path,
        run: entry.run,
        among_thread,
    })
}

fn open(path: &Path, opening: Opening, notice: &mut dyn FnMut(&str)) -> Result<Ledger, RunError> {
    let ledger = Ledger::open(path, opening, clock::now())?;
    if ledger.made() {
        let shown = ledger.path().display();
        tracing::info!(ledger = %shown, "the ledger is made");
        notice(&format!("made the ledger {shown}: nothing was sent before"));
    }
    Ok(ledger)
}

/// A run that the ledger knows.
struct Begun {
    ledger: Ledger,
    /// Its last entry before this run.
    ledger_last_at: Timestamp,
    entry: Entry,
    /// Others that send the same campaign, where there may be some.
    joined: Option<volley_ledger::Company>,
}

/// Compares the campaign with the ledger, begins a run, and joins those that are under way.
fn begin(
    mut ledger: Ledger,
    path: &Path,
    campaign: &Campaign,
    account: &str,
    options: &Options,
    known: &mut Known,
) -> Result<Begun, RunError> {
    let changes = if options.accept_changes {
        Changes::Accept
    } else {
        Changes::Refuse
    };
    let ledger_last_at = ledger.last_at()?;
    let identity = identity(campaign, account);
    refuse_what_cannot_go_on(campaign, path, &identity, changes)?;
    let limits = run_limits(campaign);
    ledger.agree_on(limits, terms(campaign, options));
    let entry = ledger.enter_without(
        &mut |number, _| known.suppress(number),
        &identity,
        changes,
        clock::now(),
    )?;
    ledger.note_limits(entry.run, &limits, clock::now())?;
    let joined = ledger.join(&entry, &limits, clock::now())?;
    Ok(Begun {
        ledger,
        ledger_last_at,
        entry,
        joined,
    })
}

/// What is known of numbers before a run.
#[derive(Default)]
struct Known {
    book: NumberBook,
    /// Those that must not be contacted, once more: the book goes to the intake.
    barred: Vec<Msisdn>,
}

impl Known {
    /// With the numbers on the lists that the campaign names.
    fn of_lists(campaign: &Campaign) -> Result<Self, RunError> {
        let mut known = Self::default();
        standing::suppress(&campaign.input, &mut |number| known.suppress(number))?;
        Ok(known)
    }

    fn suppress(&mut self, number: Msisdn) {
        self.book.suppress(number);
        self.barred.push(number);
    }

    /// Loads what the ledger says of the campaign's numbers. Among others whose a number is is asked batch by batch.
    fn load(
        &mut self,
        ledger: &Ledger,
        entry: &Entry,
        joined: Option<&volley_ledger::Company>,
        retry_refused: bool,
    ) -> Result<Loaded, LedgerError> {
        let Some(joined) = joined else {
            let retry = Retry {
                message: Some(entry.message),
                refused: retry_refused,
            };
            return standing::load(ledger, entry.campaign, retry, &mut self.book);
        };
        standing::of_doubts(ledger, &joined.doubts, &Suppressed::of(self.barred.clone()))
    }
}

/// The doubts that are this run's to ask about. Asking about a real batch may reach people: not in a run that is said to
/// reach nobody.
fn doubts(
    ledger: &Ledger,
    campaign: &Campaign,
    entry: &Entry,
    joined: Option<&volley_ledger::Company>,
    loaded: &Loaded,
    notice: &mut dyn FnMut(&str),
) -> Result<Doubts, LedgerError> {
    if campaign.content.is_simulated() {
        return Ok(Doubts::default());
    }
    let left = left_in_doubt(campaign, loaded, notice);
    let doubts = match joined {
        Some(joined) => {
            for batch in left {
                joined.among.leave(*batch, Asked::No);
            }
            joined.doubts.clone()
        }
        None => ledger.doubts(entry.campaign)?,
    };
    let mut settle = campaign.limits.settle;
    if joined.is_some() && entry.unended {
        // A run that told no end may live, cut off from the ledger alone: its requests may still be on their way.
        settle += campaign.limits.request_timeout;
    }
    Ok(earlier_doubts(doubts, entry, settle, left))
}

/// The parts of a run that others have to do with.
struct Shares {
    neighbours: Option<Neighbours>,
    company: Option<Company>,
    pace: Pacing,
    /// Who keeps the budget.
    budget: Keeper,
    among_thread: Option<JoinHandle<()>>,
}

fn shares(joined: Option<volley_ledger::Company>, campaign: &Campaign, barred: Vec<Msisdn>) -> Shares {
    let Some(joined) = joined else {
        // Whoever has the lock is alone.
        return Shares {
            neighbours: None,
            company: None,
            pace: Pacing::Own(Pace::new(pace_config(campaign))),
            budget: Keeper::Run,
            among_thread: None,
        };
    };
    let volley_ledger::Company {
        among,
        thread: AmongThread { left, thread },
        mut neighbours,
        ..
    } = joined;
    Shares {
        neighbours: Some(Neighbours {
            ask: Box::new(move |numbers| neighbours.held(numbers)),
        }),
        pace: Pacing::shared(among.clone(), campaign.limits.requests_per_second),
        company: Some(Company::new(among, left, Suppressed::of(barred))),
        // The ledger keeps it, over all who send the campaign.
        budget: Keeper::Ledger,
        among_thread: Some(thread),
    }
}

/// On what terms a run joins others.
fn terms(campaign: &Campaign, options: &Options) -> Terms {
    Terms {
        retry_refused: options.retry_refused,
        max_cost: campaign.limits.max_cost,
        batch_size: campaign.limits.batch_size.get(),
    }
}

/// The pool that these settings ask for.
pub(crate) fn pool_config(
    endpoint: &Endpoint,
    connections: NonZeroUsize,
    transport: &TransportRules,
) -> Result<PoolConfig, RunError> {
    let ca_file = match &transport.ca_file {
        None => None,
        Some(path) => Some(std::fs::read(path).map_err(|source| RunError::File {
            key: "transport.ca_file",
            path: path.clone(),
            source,
        })?),
    };
    Ok(PoolConfig {
        base: endpoint.clone(),
        connections,
        http2: transport.http2,
        ca_file,
        idle_timeout: transport.idle_timeout,
        max_requests_per_connection: transport.max_requests_per_connection,
        fresh_connections: transport.fresh_connections,
        connect_timeout: CONNECT_TIMEOUT,
    })
}

/// The limits as the ledger notes them.
fn run_limits(campaign: &Campaign) -> RunLimits {
    RunLimits {
        requests_per_second: campaign.limits.requests_per_second,
        burst: campaign.limits.burst.get(),
        recipients_per_second: campaign.limits.recipients_per_second,
        max_in_flight: u32::try_from(campaign.limits.max_in_flight.get()).unwrap_or(u32::MAX),
    }
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
pub(crate) fn identity(campaign: &Campaign, account: &str) -> CampaignIdentity {
    CampaignIdentity {
        name: campaign.name.clone(),
        provider: campaign.content.provider().name().to_owned(),
        account: account.to_owned(),
        host: campaign.endpoint.host().to_owned(),
        message: campaign.content.parts(),
        simulated: campaign.content.is_simulated(),
        send_at: campaign.content.send_at().map(|(_, at)| at),
    }
}

/// The doubts that are not asked about: where asking sends the batch again, and a number in it is suppressed since.
fn left_in_doubt<'a>(campaign: &Campaign, loaded: &'a Loaded, notice: &mut dyn FnMut(&str)) -> &'a [BatchId] {
    match campaign.content.provider() {
        // There a doubt is looked up, and never sent again.
        Provider::Exotel => &[],
        Provider::Octopush => {
            for batch in &loaded.suppressed_doubts {
                notice(&format!(
                    "volley: warning: batch {batch} stays in doubt: a number in it is suppressed since, and to ask about it could \
                     send it; ask the provider, and say what you learnt with `volley doubt resolve {batch}`"
                ));
            }
            &loaded.suppressed_doubts
        }
    }
}

/// The doubts of earlier runs but for those that are left, each due `settle` after its last attempt failed.
fn earlier_doubts(all: Vec<OpenDoubt>, entry: &Entry, settle: Duration, left: &[BatchId]) -> Doubts {
    let doubts = Doubts::default();
    let now = clock::now();
    for doubt in all.into_iter().filter(|doubt| !left.contains(&doubt.batch)) {
        // A run that was killed may have been asking about it, and could not tell.
        let failed_at = doubt.failed_at.filter(|_| !entry.unended).unwrap_or(now);
        doubts.add(Doubt::of_an_earlier_run(&doubt, failed_at, settle, now));
    }
    doubts
}

/// What stands in the way of a run. Asked before the run is entered, so that a refusal leaves no run behind.
///
/// A `send_at` in the past is refused for a campaign that has not begun; one that has begun goes on. A budget is refused
/// over batches of which nobody can say what they may cost, and a currency other than the campaign's is.
fn refuse_what_cannot_go_on(
    campaign: &Campaign,
    ledger: &Path,
    identity: &CampaignIdentity,
    changes: Changes,
) -> Result<(), RunError> {
    let reader = Reader::open(ledger)?;
    let known = reader.compare(identity, changes)?;
    match campaign
        .content
        .send_at()
        .filter(|(_, instant)| *instant < clock::now())
    {
        Some((written, _)) if !known.begun => return Err(RunError::SendAtPast(written)),
        _ => {}
    }
    let Some(id) = known.campaign else { return Ok(()) };
    let spending = reader.spending(id)?;
    if let (Some(known), told) = (spending.currency, campaign.currency)
        && known.with(told).is_none()
    {
        return Err(RunError::OtherCurrency { known, told });
    }
    match (spending.unreserved, campaign.limits.max_cost) {
        (1.., Some(_)) => Err(RunError::Unreserved(spending.unreserved)),
        _ => Ok(()),
    }
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
        required: campaign.content.required(),
        batch_size: NonZeroUsize::try_from(campaign.limits.batch_size).unwrap_or(NonZeroUsize::MIN),
        count_units,
        count_details: false,
        keep_places: false,
        keep_parts: false,
        recipients_max,
        max_invalid: campaign.limits.max_invalid,
    }
}
