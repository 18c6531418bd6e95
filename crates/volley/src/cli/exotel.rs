//! `volley exotel …`: what Exotel offers beside a campaign's sending.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `volley exotel …`
#[derive(Debug, Subcommand)]
pub enum ExotelCommand {
    /// Campaigns that Exotel keeps
    #[command(subcommand, after_help = CAMPAIGN_EXAMPLES)]
    Campaign(ExotelCampaignCommand),
    /// Ask what the calls cost, and book it to their batches; without --price they are counted alone
    #[command(after_help = CALLS_EXAMPLES)]
    Calls(CallsArgs),
}

const CALLS_EXAMPLES: &str = "A campaign is priced once it is over and each of its calls has a price.

Example:
  volley exotel calls --price --ledger volley.db --set exotel.account_sid=acme1 --set exotel.currency=INR";

/// `volley exotel campaign …`
#[derive(Debug, Subcommand)]
pub enum ExotelCampaignCommand {
    /// Create one on lists that Exotel keeps, or on a few numbers, at most once under its name
    #[command(after_help = CREATE_EXAMPLES)]
    Create(ExotelCreateArgs),
    /// Show one
    #[command(after_help = SHOW_EXAMPLES)]
    Show(CampaignIdArgs),
    /// List them, a page at a time
    #[command(after_help = LIST_EXAMPLES)]
    List(CampaignListArgs),
    /// Change parameters of one; once its `send_at` has passed, only the callbacks
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArgs),
    /// Call nobody more for now
    #[command(after_help = PAUSE_EXAMPLES)]
    Pause(CampaignIdArgs),
    /// Go on calling
    #[command(after_help = RESUME_EXAMPLES)]
    Resume(CampaignIdArgs),
    /// End a paused one: who was not called is not called
    #[command(after_help = COMPLETE_EXAMPLES)]
    Complete(CampaignIdArgs),
    /// Put a completed one away
    #[command(after_help = ARCHIVE_EXAMPLES)]
    Archive(CampaignIdArgs),
    /// Delete one that has not started; what is confirmed frees its numbers
    #[command(after_help = DELETE_EXAMPLES)]
    Delete(DeleteArgs),
    /// Its calls, each with its end; none before the first
    #[command(after_help = CAMPAIGN_CALLS_EXAMPLES)]
    Calls(CampaignIdArgs),
}

const CAMPAIGN_EXAMPLES: &str = "Examples:
  volley exotel campaign list --state in-progress --set exotel.account_sid=acme1
  volley exotel campaign pause 5f0e7c --set exotel.account_sid=acme1";
const SHOW_EXAMPLES: &str = "Example:
  volley exotel campaign show 5f0e7c --set exotel.account_sid=acme1";
const LIST_EXAMPLES: &str = "Example:
  volley exotel campaign list --state in-progress --sort-by date_created:desc --set exotel.account_sid=acme1";
const PAUSE_EXAMPLES: &str = "Example:
  volley exotel campaign pause 5f0e7c --set exotel.account_sid=acme1";
const RESUME_EXAMPLES: &str = "Example:
  volley exotel campaign resume 5f0e7c --set exotel.account_sid=acme1";
const COMPLETE_EXAMPLES: &str = "Example:
  volley exotel campaign complete 5f0e7c --set exotel.account_sid=acme1";
const ARCHIVE_EXAMPLES: &str = "Example:
  volley exotel campaign archive 5f0e7c --set exotel.account_sid=acme1";
const DELETE_EXAMPLES: &str = "Example:
  volley exotel campaign delete 5f0e7c --ledger volley.db --set exotel.account_sid=acme1";
const CAMPAIGN_CALLS_EXAMPLES: &str = "Example:
  volley exotel campaign calls 5f0e7c --json --set exotel.account_sid=acme1";

const UPDATE_EXAMPLES: &str = "Fields: caller_id, url, name, type, call_duplicate_numbers, retries.number_of_retries, retries.interval_mins,
retries.mechanism, retries.on_status, schedule.send_at, schedule.end_at, status_callback, call_status_callback,
call_schedule_callback, custom_field, from, lists. Several values have commas between them.

Examples:
  volley exotel campaign update 5f0e7c --file change.toml --set exotel.account_sid=acme1
  volley exotel campaign update 5f0e7c --set schedule.end_at=2026-12-01T18:00:00+05:30 --set exotel.account_sid=acme1";

const CREATE_EXAMPLES: &str = "Fields: as for `update`, without action. name, caller_id and url are needed, and lists or from. The ledger keeps the
campaign under its name: the same command again creates nothing, and looks for a lost one in Exotel's listing.

Examples:
  volley exotel campaign create --lists 5f0e7c,5f0e7d --file call.toml --set name=spring --set exotel.account_sid=acme1 \\
    --set exotel.currency=INR
  volley exotel campaign create --from +919812345678 --file call.toml --set name=try-it --set exotel.account_sid=acme1";

/// `volley exotel campaign create`.
#[derive(Debug, Clone, Args)]
pub struct ExotelCreateArgs {
    /// Up to 5 lists, by their ids, with commas between them; a dynamic campaign has 1
    #[arg(long, value_name = "LISTS", conflicts_with = "from")]
    pub lists: Option<String>,
    /// Up to 5000 numbers in E.164 form, with commas between them; for more, `volley send`
    #[arg(long, value_name = "NUMBERS")]
    pub from: Option<String>,
    /// The fields, in TOML; `--set field=value` adds to them and wins
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Do not ask before creating
    #[arg(long)]
    pub yes: bool,
}

/// A campaign.
#[derive(Debug, Clone, Args)]
pub struct CampaignIdArgs {
    /// Its id: the ticket of its batch
    #[arg(value_name = "ID", value_parser = id)]
    pub id: String,
}

/// `volley exotel campaign list`.
#[derive(Debug, Clone, Args)]
pub struct CampaignListArgs {
    /// Those with this name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Those in this state, such as in-progress; may be given several times
    #[arg(long, value_name = "STATE")]
    pub state: Vec<String>,
    /// `date_created:asc`, `date_created:desc`, `name:asc` or `name:desc`
    #[arg(long, value_name = "ORDER")]
    pub sort_by: Option<String>,
    /// From which on, counted from 0
    #[arg(long, value_name = "N")]
    pub offset: Option<u64>,
    /// How many at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=500))]
    pub limit: Option<u64>,
}

/// `volley exotel campaign update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    /// Which.
    #[command(flatten)]
    pub campaign: CampaignIdArgs,
    /// The fields, in TOML; `--set field=value` adds to them and wins
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `volley exotel campaign delete`.
#[derive(Debug, Clone, Args)]
pub struct DeleteArgs {
    /// Which.
    #[command(flatten)]
    pub campaign: CampaignIdArgs,
    /// Delete it although this ledger does not know it: then nobody is freed, in no ledger
    #[arg(long)]
    pub not_in_ledger: bool,
}

/// `volley exotel calls`.
#[derive(Debug, Clone, Args)]
pub struct CallsArgs {
    /// One campaign of the ledger, by its name; all without
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaign: Option<String>,
    /// Ask for the prices, and book them
    #[arg(long)]
    pub price: bool,
}

/// An id, as clap asks for it.
fn id(text: &str) -> Result<String, String> {
    if volley_provider::exotel::is_ticket(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a campaign's id".to_owned())
    }
}
