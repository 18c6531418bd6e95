//! `volley octopush …`: what Octopush offers beside a campaign's sending.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use volley_model::Amount;

use super::{amount, ticket};

/// `volley octopush …`
#[derive(Debug, Subcommand)]
pub enum OctopushCommand {
    /// The account's default configuration
    #[command(subcommand, after_help = PARAMETERS_EXAMPLES)]
    Parameters(ParametersCommand),
    /// Campaigns on lists and tags of contacts that Octopush keeps
    #[command(subcommand, after_help = LIST_CAMPAIGN_EXAMPLES)]
    ListCampaign(ListCampaignCommand),
    /// Campaigns that were sent to numbers
    #[command(subcommand, after_help = CANCEL_EXAMPLES)]
    Campaign(OctopushCampaignCommand),
    /// What is left on the account
    #[command(after_help = BALANCE_EXAMPLES)]
    Balance(BalanceArgs),
}

const BALANCE_EXAMPLES: &str = "Examples:
  volley octopush balance
  volley octopush balance --country FR --product sms_premium --json";

/// `volley octopush parameters …`
#[derive(Debug, Subcommand)]
pub enum ParametersCommand {
    /// Show it
    #[command(after_help = PARAMETERS_EXAMPLES)]
    Show,
    /// Change the given fields, and leave the others
    #[command(after_help = EDIT_EXAMPLES)]
    Edit(EditArgs),
}

const PARAMETERS_EXAMPLES: &str = "Example:
  volley octopush parameters show --json";
const EDIT_EXAMPLES: &str = "The file has the groups of Octopush's page as sections:

  [sms_campaign_alert_parameters]   alert_type, alert_bound, alert_email_to, alert_phone_number_to
  [campaign_parameters]             sender_for_sms_premium, sender_for_vocal_sms, phone_number_for_test_sms
  [callbacks]                       callback_url_for_sms_deliveries, callback_url_for_blacklisted_numbers,
                                    callback_url_for_vocal_sms_deliveries, callback_url_for_inbounds, email_for_inbounds

Examples:
  volley octopush parameters edit --file params.toml
  volley octopush parameters edit --set campaign_parameters.sender_for_sms_premium=Acme";

/// `volley octopush parameters edit`.
#[derive(Debug, Clone, Args)]
pub struct EditArgs {
    /// The fields, in TOML; `--set group.field=value` adds to them and wins
    #[arg(long, value_name = "PARAMS.toml")]
    pub file: Option<PathBuf>,
}

/// `volley octopush campaign …`
#[derive(Debug, Subcommand)]
pub enum OctopushCampaignCommand {
    /// Cancel a campaign that is to go out later; what is confirmed in time frees its numbers
    #[command(after_help = CANCEL_EXAMPLES)]
    Cancel(CancelArgs),
}

const CANCEL_EXAMPLES: &str = "Octopush cancels campaigns of fewer than 3 recipients, more than 10 minutes before their send_at, 1,000 a month.

Example:
  volley octopush campaign cancel sms_5f3fbce61266e --ledger volley.db";

/// `volley octopush campaign cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// Which.
    #[command(flatten)]
    pub ticket: TicketArgs,
    /// Cancel it although this ledger does not know it: then nobody is freed, in no ledger
    #[arg(long)]
    pub not_in_ledger: bool,
}

/// A ticket.
#[derive(Debug, Clone, Args)]
pub struct TicketArgs {
    /// The provider's ticket
    #[arg(value_name = "TICKET", value_parser = ticket)]
    pub ticket: String,
}

/// `volley octopush balance`.
#[derive(Debug, Clone, Args)]
pub struct BalanceArgs {
    /// As SMS to this country, such as FR
    #[arg(long, value_name = "COUNTRY", requires = "product")]
    pub country: Option<String>,
    /// As SMS of this product: `sms_premium`, `sms_low_cost`, `vocal_sms`, hlr
    #[arg(long, value_name = "PRODUCT", requires = "country")]
    pub product: Option<String>,
}

/// `volley octopush list-campaign …`
#[derive(Debug, Subcommand)]
pub enum ListCampaignCommand {
    /// Make a draft, which sends nothing; with --send, the whole way
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Box<CreateArgs>),
    /// Ask how far a draft is
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Send a draft, at most once
    #[command(after_help = SEND_EXAMPLES)]
    Send(ListSendArgs),
    /// Delete a draft, or a campaign that is to go out later
    #[command(after_help = LIST_CANCEL_EXAMPLES)]
    Cancel(TicketArgs),
}

const LIST_CAMPAIGN_EXAMPLES: &str = "Examples:
  volley octopush list-campaign create --list customers --file sale.toml
  volley octopush list-campaign status sms_5f3fbce61266e --wait
  volley octopush list-campaign send sms_5f3fbce61266e --max-cost 50.00";
const LIST_CANCEL_EXAMPLES: &str = "Example:
  volley octopush list-campaign cancel sms_5f3fbce61266e";
const CREATE_EXAMPLES: &str = "Examples:
  volley octopush list-campaign create --list customers --file sale.toml
  volley octopush list-campaign create --tag vip --type sms_premium --purpose alert --sender Acme --text 'Closed today'
  volley octopush list-campaign create --list customers --file sale.toml --wait --send --max-cost 50.00";
const STATUS_EXAMPLES: &str = "Example:
  volley octopush list-campaign status sms_5f3fbce61266e --wait --json";
const SEND_EXAMPLES: &str =
    "A draft that was sent, or may have been, is not sent again: its status is shown, and what can be done.

Example:
  volley octopush list-campaign send sms_5f3fbce61266e --max-cost 50.00";

/// `volley octopush list-campaign create`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct CreateArgs {
    /// The list of contacts
    #[arg(long, value_name = "LIST", conflicts_with = "tag")]
    pub list: Option<String>,
    /// The tag of contacts
    #[arg(long, value_name = "TAG")]
    pub tag: Option<String>,
    /// These settings, in TOML: list or tag, text, type, purpose, sender, …; a flag wins
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// 1 to 1224 characters; `{first_name}` and the other fields are filled in by Octopush
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// `sms_premium`, `sms_low_cost` or `sms_vocal`
    #[arg(long = "type", value_name = "TYPE")]
    pub kind: Option<String>,
    /// wholesale (marketing) or alert (transactional only)
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Option<String>,
    /// 3 to 11 letters, digits and spaces; for `sms_vocal` digits
    #[arg(long, value_name = "SENDER")]
    pub sender: Option<String>,
    /// When it goes out, as 2026-12-01T09:00:00+01:00; at once without
    #[arg(long, value_name = "DATE")]
    pub send_at: Option<String>,
    /// Let recipients reply
    #[arg(long)]
    pub with_replies: bool,
    /// Keep Octopush from simplifying the text
    #[arg(long)]
    pub no_auto_optimize_text: bool,
    /// Have Octopush drop numbers that opted out, for 0.01 EUR
    #[arg(long)]
    pub auto_remove_blacklisted_numbers: bool,
    /// Wait, and send it once it is ready
    #[arg(long)]
    pub send: bool,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// How to send.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// `volley octopush list-campaign status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Which.
    #[command(flatten)]
    pub ticket: TicketArgs,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
}

/// `volley octopush list-campaign send`.
#[derive(Debug, Clone, Args)]
pub struct ListSendArgs {
    /// Which.
    #[command(flatten)]
    pub ticket: TicketArgs,
    /// It was made for a tag; the ledger knows that of its own drafts
    #[arg(long)]
    pub on_tag: bool,
    /// How to wait.
    #[command(flatten)]
    pub wait: WaitArgs,
    /// How to send.
    #[command(flatten)]
    pub order: OrderArgs,
}

/// Whether, and how long, to wait for a draft.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    /// Wait until the provider has counted the contacts
    #[arg(long)]
    pub wait: bool,
    /// For how long at most
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub wait_max: Duration,
}

/// What an order to send depends on.
#[derive(Debug, Clone, Args)]
pub struct OrderArgs {
    /// Do not ask before sending
    #[arg(long)]
    pub yes: bool,
    /// Send nothing that costs more
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    pub max_cost: Option<Amount>,
}

/// A duration, as clap asks for it.
fn duration(text: &str) -> Result<Duration, String> {
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .ok_or_else(|| "expected a duration, such as 90s or 10m".to_owned())
}
