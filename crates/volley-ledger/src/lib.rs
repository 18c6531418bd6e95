//! The ledger: who was sent what, what came of it, and what it cost, so that nobody is sent to twice.
//!
//! [`Ledger`] opens the file, takes its lock and enters a campaign's run; [`Writer`] then writes intents before they are
//! sent and outcomes before they are reported, in groups; [`Reader`] looks at it without the lock. The operations are
//! set-wise and few, so that another database can stand behind them later.
//!
//! Output: `volley.db`, with views for people; beside it `-lock` (who holds it, and its last commit), `-bodies` (the
//! bodies of open batches), and SQLite's own `-wal` and `-shm`.
//! Not here: HTTP, the wall clock (every time is an argument), and what the states mean for a rerun.
//! Sources: `schema.sql` says what each column is.

mod error;
mod ids;

mod place;

mod filesystem;

mod lock;

mod schema;

mod bodies;
mod checksum;
mod members;
mod record;
mod rows;

mod database;
mod postgres;

mod among;
mod campaign;
mod company;
mod copy;
mod doubts;
mod export;
mod forget;
mod found_open;
mod late;
mod ledger;
mod list_campaigns;
mod lookup;
mod moved;
mod pricing;
mod queries;
mod reader;
mod report;
mod run_limits;
mod schedule;
mod split;
mod suppress;
mod upgrade;
mod verify;
mod withdraw;
mod word;
mod writer;

pub use among::{Among, AmongThread, Asked, GateNews, Left, News, Token, TrialEnd, Uptime};
pub use campaign::{CampaignIdentity, Changes, Entry, Known};
pub use company::Company;
pub use copy::{Copied, CopiedCampaign, copy};
pub use doubts::OpenDoubt;
pub use error::{Absent, LedgerError, Occupant, StorageError, WordError};
pub use export::{Attempts, BatchRecord, Numbers};
pub use forget::Forgotten;
pub use found_open::FoundOpen;
pub use ids::{BatchId, CampaignId, ListCampaignId, MessageId, RunId};
pub use ledger::{Ledger, Opening, Terms};
pub use list_campaigns::{Draft, ListCampaign, ListResolved, ListStep};
pub use postgres::claims::Neighbours;
pub use postgres::{Hurry, has_password, shown_path};
pub use queries::{Spending, StoredMembers};
pub use reader::{Reader, ServerFound};
pub use record::{Attempt, Conclusion, Held, Holding, Intended, Intent, Outcome, Outlook, RunEnd, Signature};
pub use report::{CampaignReport, CostTotals, Doubt, RunReport, StateTotals, Ticket, Worker, WorkerState};
pub use run_limits::RunLimits;
pub use suppress::Suppressed;
pub use verify::{Finding, Verification, verify};
pub use withdraw::Ticketed;
pub use word::{Receipt, Resolved, Word};
pub use writer::{Writer, WriterThread};
