//! Why the ledger cannot be used, or will not do what it is asked to.
//!
//! Every message says what happened, where, and what to do. The variants map to exit codes: 3 for what the user can
//! set right in the campaign or on the command line, 7 for a ledger or a disk that cannot be trusted, 10 for a lock.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::ErrorCode;
use volley_model::{BatchState, Currency, ListCampaignState};

use crate::{BatchId, RunId};
use crate::{database, postgres};

/// See the module. Cloneable, since one failed commit fails everything that waited for it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// No ledger there, and none is to be made, or can be.
    #[error("no ledger at {}{}", path.display(), absent.remedy(path))]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
        /// What is not there.
        absent: Absent,
    },
    /// A new ledger would stand where a file is.
    #[error("{} {occupant}; nothing was changed", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// What it is.
        occupant: Occupant,
    },
    /// Another process has it.
    #[error(
        "{} is held by another process{}; wait until that has ended",
        path.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    Locked {
        /// The ledger.
        path: PathBuf,
        /// Who holds it, as it says itself.
        pid: Option<u32>,
    },
    /// Not a ledger of ours.
    #[error("{} is no ledger of Volley ({detail}); name another file with --ledger", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How that shows.
        detail: String,
    },
    /// Made by a newer Volley.
    #[error(
        "{} has format {found}, and this Volley knows format {known}; use the version that last wrote it, or a newer one",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// Its content contradicts itself.
    #[error(
        "{} is damaged: {detail}; nothing is sent from it; keep all its files, and put back the newest sound copy",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        detail: String,
    },
    /// The ledger is not the one that the lock file beside it remembers: lost, moved, copied or rolled back.
    #[error(
        "{} cannot be trusted: {detail}; sending from it could reach people twice; put the right files back, or, if this \
         is meant, say so with `volley ledger adopt --ledger {} --reason TEXT`", path.display(), path.display()
    )]
    Displaced {
        /// The ledger.
        path: PathBuf,
        /// What does not fit.
        detail: String,
    },
    /// Locks and syncs do not hold on network file systems.
    #[error("{} lies on a network file system ({kind}), where a ledger is not safe; put it on a local disk", path.display())]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// Which.
        kind: String,
    },
    /// What a server acknowledges is not on its disk.
    #[error(
        "{} is on a server that runs with fsync = off: what it has acknowledged can be lost with its machine, and numbers be sent to \
         twice; nothing is written to it; set fsync = on in its postgresql.conf, have it read that (SELECT pg_reload_conf()), run \
         `sync` on its machine, then run again", path.display()
    )]
    Unflushed {
        /// The ledger, without its password.
        path: PathBuf,
    },
    /// A read, write or sync failed. After the first one, nothing more is written by this process.
    #[error("{step} failed at {}; check the disk and its free space, then run again", path.display())]
    Storage {
        /// What was being done.
        step: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StorageError,
    },
    /// The same of a database server. What could not be written was not, or is found out by whoever connects again.
    #[error("{step} failed at {}: {source}; see that the server is up and has room, then run again", path.display())]
    Server {
        /// What was being done.
        step: &'static str,
        /// The ledger, without its password.
        path: PathBuf,
        /// Whether it may well be over in a while.
        passing: bool,
        /// Why.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// This run was taken for dead, and others settle what it left: it must not write any more.
    #[error(
        "run {run} gave no sign of life in time, and what it left at {} was taken over; it stops, and nothing of it is lost: run it again", path.display()
    )]
    Buried {
        /// The ledger.
        path: PathBuf,
        /// The run that stops.
        run: RunId,
    },
    /// A server's address that cannot be used.
    #[error("--ledger or VOLLEY_LEDGER: {detail}")]
    Address {
        /// Why; never the password.
        detail: String,
    },
    /// Another run had the same batch and gave it back unsent: its key is used, and this run, which began before, does not know
    /// the next one.
    #[error("another run had the same batch at {}, and gave it back unsent; run it again", path.display())]
    KeyUsed {
        /// The ledger.
        path: PathBuf,
    },
    /// The campaign is being sent, and what is asked for must wait until it is not.
    #[error(
        "run {run}{} of the campaign is under way at {}; wait until it has ended: one that was killed counts as ended a while after its last sign of life (15 seconds, or as the ledger's address says)", told_worker(worker), path.display()
    )]
    Running {
        /// The ledger.
        path: PathBuf,
        /// The run.
        run: RunId,
        /// Where it runs; empty if that is not known.
        worker: String,
    },
    /// Others send this campaign with other limits, and they share them.
    #[error(
        "{key} is {is} here, and {was} for run {run}, which is sending this campaign: its limits are the campaign's, over all who send it; give all of them the same file, or wait until they have ended"
    )]
    OtherLimits {
        /// Which.
        key: &'static str,
        /// Here.
        is: String,
        /// There.
        was: String,
        /// One of the others.
        run: RunId,
    },
    /// Something that is fixed once a number was reached differs.
    #[error(
        "{key} was {was} when this campaign reached its first number and is {is} now; put it back, or give the campaign \
         another name"
    )]
    CampaignFixed {
        /// `provider`, `account` or `host`.
        key: &'static str,
        /// In the ledger.
        was: String,
        /// Now.
        is: String,
    },
    /// What recipients get differs from what was sent before.
    #[error(
        "{} {} from what others of this campaign were sent; put {} back, give the campaign another name, or say \
         --accept-changes", keys.join(", "), one_or_more(keys.len() as u64, "differs", "differ"),
        one_or_more(keys.len() as u64, "it", "them")
    )]
    MessageChanged {
        /// The keys.
        keys: Vec<String>,
    },
    /// It was copied into another ledger, and is sent from there.
    #[error(
        "campaign {name} was copied from {} to {to}; send it from there, with --ledger{}", path.display(), all_the_same(path)
    )]
    CampaignMoved {
        /// This ledger.
        path: PathBuf,
        /// The campaign.
        name: String,
        /// Where it went, without a password.
        to: String,
    },
    /// Its numbers were erased, so nobody knows whom it reached.
    #[error("campaign {name} is closed: its numbers were erased; give the campaign another name")]
    CampaignClosed {
        /// The campaign.
        name: String,
    },
    /// A later run has begun: this one must not write any more.
    #[error("{} was taken over by another run while run {run} was writing; this one stops", path.display())]
    Fenced {
        /// The ledger.
        path: PathBuf,
        /// The run that stops.
        run: RunId,
    },
    /// The ledger's own rules forbid it. A bug of ours.
    #[error("{} refused to have {step}: {detail}; this is a bug, please report it", path.display())]
    Refused {
        /// The ledger.
        path: PathBuf,
        /// What was asked of it.
        step: &'static str,
        /// The rule.
        detail: String,
    },
    /// The writer's thread is gone: it panicked, or it was never started.
    #[error("the thread that writes the ledger has ended: {detail}; nothing more was written")]
    WriterStopped {
        /// Why, where it is known.
        detail: String,
    },
}

/// What is not there where a ledger should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absent {
    /// The ledger alone.
    Ledger,
    /// The folder that it should be in.
    Folder(PathBuf),
}

impl Absent {
    fn remedy(&self, path: &Path) -> String {
        match self {
            Self::Ledger => format!(
                "; if this is the first campaign, make one with `volley ledger init --ledger {}`; if not, find the old one, \
                 or name it with --ledger: without it numbers would be sent to twice",
                path.display()
            ),
            Self::Folder(folder) => format!(
                ": the folder {} does not exist; make it, or name another file with --ledger",
                folder.display()
            ),
        }
    }
}

/// What stands where a new ledger was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occupant {
    /// A ledger.
    Ledger,
    /// Something else.
    Other,
}

impl fmt::Display for Occupant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Ledger => "is a ledger already: go on with it",
            Self::Other => "is there already, and is no ledger of Volley: name another file with --ledger",
        })
    }
}

/// How to go on with a campaign that was copied elsewhere.
fn all_the_same(path: &Path) -> String {
    if postgres::Address::is_one(path) {
        return String::new();
    }
    format!(
        "; only if nothing was sent from there, and nothing will be, take it back with `volley ledger adopt --ledger {} \
         --reason TEXT`",
        path.display()
    )
}

fn told_worker(worker: &str) -> String {
    if worker.is_empty() {
        String::new()
    } else {
        format!(" ({worker})")
    }
}

/// Why a word does not change a batch in that state.
fn unmoved(state: BatchState) -> &'static str {
    match state {
        BatchState::Intended | BatchState::InDoubt => "no such word is taken on it",
        BatchState::Unticketed => "it was sent, and only its ticket and its cost can be told",
        BatchState::Accepted => "its outcome is known, and no word changes it but --withdrawn",
        _ => "its outcome is known, and no word changes it",
    }
}

fn one_or_more(count: u64, one: &'static str, more: &'static str) -> &'static str {
    if count == 1 { one } else { more }
}

/// Why an operator's word is not followed. Nothing was changed then, but where it is said.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WordError {
    /// The ledger itself.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No reason was given; it is what a later reader has.
    #[error("the reason is blank; say why with --reason TEXT")]
    NoReason,
    /// There is no such batch.
    #[error("there is no batch {batch} in {}; `volley doubt list` shows those in doubt", path.display())]
    NoBatch {
        /// The ledger.
        path: PathBuf,
        /// What was asked for.
        batch: BatchId,
    },
    /// No such word is taken on a batch in that state.
    #[error("batch {batch} is {}: {}; nothing was changed", state.name(), unmoved(*state))]
    Settled {
        /// The batch.
        batch: BatchId,
        /// Its state.
        state: BatchState,
    },
    /// Only an accepted batch without a cost gets a price.
    #[error(
        "batch {batch} is {}{}, and only one that is accepted and has no cost gets a price; nothing was changed",
        state.name(), if *state == BatchState::Accepted { " and has a cost" } else { "" }
    )]
    NotPriced {
        /// The batch.
        batch: BatchId,
        /// Its state.
        state: BatchState,
    },
    /// What a campaign cost is told in one currency.
    #[error(
        "batch {batch} has a price in {}, and its campaign counts in {known}: these do not add up; nothing was changed",
        told.code()
    )]
    OtherCurrency {
        /// The batch.
        batch: BatchId,
        /// The campaign's.
        known: String,
        /// The price's.
        told: Currency,
    },
    /// Of all absent batches at once only one thing is said.
    #[error("of the batches that the provider's listing lacks only --not-sent is said; nothing was changed")]
    NotOfAbsent,
    /// It was sent; all that can be said of it is its ticket and its cost.
    #[error(
        "batch {batch} is unticketed: it was sent, and only its ticket and its cost are missing; give them with \
         --sent --ticket T --cost C; nothing was changed"
    )]
    ReceiptNeeded {
        /// The batch.
        batch: BatchId,
    },
    /// Another batch has that ticket.
    #[error(
        "ticket {ticket} belongs to batch {holder} already; look it up at the provider again; nothing was changed"
    )]
    TicketTaken {
        /// The ticket.
        ticket: String,
        /// Whose it is.
        holder: BatchId,
    },
    /// No campaign on a list or tag has that ticket.
    #[error(
        "no campaign on a list or tag has ticket {ticket} in {}; look it up again; nothing was changed", path.display()
    )]
    NoListCampaign {
        /// The ledger.
        path: PathBuf,
        /// What was asked for.
        ticket: String,
    },
    /// What is said of a batch, and not of a campaign on a list or a tag.
    #[error(
        "campaign {ticket} goes to a list or a tag, and --withdrawn is said of batches; nothing was changed"
    )]
    ListCampaignWithdrawn {
        /// The ticket.
        ticket: String,
    },
    /// The campaign with that ticket is not in doubt.
    #[error(
        "campaign {ticket} is {}: it is not in doubt, and no word changes it; nothing was changed", state.name()
    )]
    ListCampaignSettled {
        /// The ticket.
        ticket: String,
        /// Its state.
        state: ListCampaignState,
    },
    /// The ticket alone does not say which campaign is meant.
    #[error(
        "{accounts} accounts have a campaign with ticket {ticket}, so that nobody can tell which is meant; keep a ledger for \
         each account; nothing was changed"
    )]
    TicketOfSeveral {
        /// The ticket.
        ticket: String,
        /// How many accounts have it.
        accounts: u64,
    },
    /// A receipt with another ticket than the campaign's.
    #[error(
        "campaign {ticket} cannot have a receipt with ticket {given}; look it up again; nothing was changed"
    )]
    ForeignReceipt {
        /// The campaign's.
        ticket: String,
        /// The receipt's.
        given: String,
    },
    /// There is no such campaign.
    #[error("there is no campaign {name} in {}; it has {known}", path.display())]
    NoCampaign {
        /// The ledger.
        path: PathBuf,
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The ledger that a campaign is to be copied into has one of its name.
    #[error(
        "{} has a campaign {name} already, and two of one name are not put together; nothing was copied; to copy others, name \
         them: volley ledger copy CAMPAIGN…", path.display()
    )]
    NameTaken {
        /// The target.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The same of a campaign on a list or a tag.
    #[error(
        "{} has a campaign on a list or a tag with ticket {ticket} already; nothing was copied; without those on lists and \
         tags campaigns are copied one by one: volley ledger copy CAMPAIGN…", path.display()
    )]
    ListCampaignTaken {
        /// The target.
        path: PathBuf,
        /// The ticket.
        ticket: String,
    },
    /// Campaigns are copied to servers alone.
    #[error(
        "--to {}: campaigns are copied into a ledger on a server, postgres://USER@HOST:PORT/DATABASE, and into no file",
        path.display()
    )]
    CopyIntoFile {
        /// What was given.
        path: PathBuf,
    },
    /// A campaign whose numbers are still needed.
    #[error(
        "campaign {name} has {batches} {} in doubt, whose numbers are still needed; settle that first: run the campaign \
         again, or see `volley doubt list {name}`; nothing was changed", one_or_more(*batches, "batch", "batches")
    )]
    Doubtful {
        /// The campaign.
        name: String,
        /// How many.
        batches: u64,
    },
    /// Another program reads the ledger: the log could not be emptied.
    #[error(
        "the numbers are out of the ledger, but its log still has them, since another program reads {}; end that, and \
         say the same again", path.display()
    )]
    Busy {
        /// The ledger.
        path: PathBuf,
    },
}

/// What failed underneath.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// SQLite.
    #[error(transparent)]
    Sqlite(Arc<rusqlite::Error>),
    /// A file beside it.
    #[error(transparent)]
    File(Arc<io::Error>),
}

impl LedgerError {
    /// Sorts an error of the database's by what it says about the ledger.
    pub(crate) fn database(path: &Path, step: &'static str, error: database::Error) -> Self {
        match error {
            database::Error::Sqlite(error) => Self::sqlite(path, step, error),
            database::Error::Postgres(error) => Self::postgres(path, step, error),
        }
    }

    fn postgres(path: &Path, step: &'static str, error: postgres::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        if matches!(error, postgres::Error::Unflushed) {
            return Self::Unflushed { path };
        }
        if error.is_of_constraint("batch_request_key_key") {
            return Self::KeyUsed { path };
        }
        match error.state().map(|state| &state.code()[..2]) {
            // Class 23: integrity constraint violation, our triggers' too.
            Some("23") => Self::Refused { path, step, detail },
            _ => Self::Server {
                step,
                path,
                passing: error.is_passing(),
                source: Arc::new(error),
            },
        }
    }

    fn sqlite(path: &Path, step: &'static str, error: rusqlite::Error) -> Self {
        let path = path.to_owned();
        let detail = error.to_string();
        match &error {
            rusqlite::Error::SqliteFailure(failure, _) => match failure.code {
                // Its first page had our marks when it was opened, so that it is ours whatever SQLite makes of it.
                ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown => {
                    Self::Damaged { path, detail }
                }
                ErrorCode::ConstraintViolation => Self::Refused { path, step, detail },
                _ => Self::Storage {
                    step,
                    path,
                    source: StorageError::Sqlite(Arc::new(error)),
                },
            },
            // Everything else is about what stands in the rows or in the schema, not about reaching them.
            _ => Self::Damaged { path, detail },
        }
    }

    /// Whether the database's rules refuse what was to be written, so that the rest of a group can be written without it.
    pub(crate) fn is_of_one_order(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::KeyUsed { .. })
    }

    /// Whether it may well be over in a while.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Server { passing: true, .. })
    }

    pub(crate) fn file(path: &Path, step: &'static str, error: io::Error) -> Self {
        Self::Storage {
            step,
            path: path.to_owned(),
            source: StorageError::File(Arc::new(error)),
        }
    }

    pub(crate) fn damaged(path: &Path, detail: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            detail: detail.into(),
        }
    }

    pub(crate) fn displaced(path: &Path, detail: impl Into<String>) -> Self {
        Self::Displaced {
            path: path.to_owned(),
            detail: detail.into(),
        }
    }
}
