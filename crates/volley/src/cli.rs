//! The command line as typed. Nothing is opened and nothing is judged here.

mod exotel;
mod octopush;
mod suppress;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use volley_model::Amount;

pub use exotel::{
    CallsArgs, CampaignIdArgs, CampaignListArgs, DeleteArgs, ExotelCampaignCommand, ExotelCommand,
    ExotelCreateArgs, UpdateArgs,
};
pub use octopush::{
    BalanceArgs, CancelArgs, CreateArgs, EditArgs, ListCampaignCommand, ListSendArgs,
    OctopushCampaignCommand, OctopushCommand, OrderArgs, ParametersCommand, StatusArgs, TicketArgs, WaitArgs,
};
pub use suppress::{NumbersArgs, SuppressAddArgs, SuppressCommand, SuppressImportArgs, SuppressedNumbers};

/// Sends a campaign to millions of contacts, each at most once.
#[derive(Debug, Parser)]
#[command(
    name = "volley",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = VOLLEY_EXAMPLES
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags that every command takes.
    #[command(flatten)]
    pub common: Common,
}

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// Wrong usage, and what is asked for in place of a command: help, the version.
    pub fn read(arguments: &[OsString]) -> Result<Self, clap::Error> {
        // What clap prints comes before it has read `--color`.
        let command = Self::command().color(colour(arguments));
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }
}

/// When clap is to colour: the last `--color` of the command line decides; without one, `NO_COLOR` and the terminal.
fn colour(arguments: &[OsString]) -> ColorChoice {
    let arguments = arguments
        .iter()
        .map(|argument| argument.to_str().unwrap_or_default());
    let mut choice = ColorChoice::Auto;
    let mut is_value = false;
    for argument in arguments.take_while(|argument| *argument != "--") {
        let value = if is_value {
            Some(argument)
        } else {
            argument.strip_prefix("--color=")
        };
        // A value that is none is told by clap itself.
        choice = value.and_then(|value| value.parse().ok()).unwrap_or(choice);
        is_value = argument == "--color";
    }
    choice
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Send the campaign to the recipients in the inputs; run it again to resume, no number is sent to twice
    #[command(after_help = SEND_EXAMPLES)]
    Send(SendArgs),
    /// Everything but the network: counts, rejects, segments, cost and duration
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(CampaignArgs),
    /// The whole run against a mock of the provider, with a throwaway ledger; no credentials needed
    #[command(after_help = REHEARSE_EXAMPLES)]
    Rehearse(SendArgs),
    /// Whether a campaign can begin: file, ledger, connection, credentials. Changes nothing, and costs nothing
    #[command(after_help = CHECK_EXAMPLES)]
    Check(CheckArgs),
    /// Totals, tickets and costs from the ledger
    #[command(after_help = REPORT_EXAMPLES)]
    Report(ReportArgs),
    /// Rows from the ledger, for other programs: a line of JSON each, or CSV
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Batches of which nobody knows whether they were sent, and your word on them
    #[command(subcommand, after_help = DOUBT_EXAMPLES)]
    Doubt(DoubtCommand),
    /// Numbers that no `volley send` contacts, whatever the campaign
    #[command(subcommand, after_help = suppress::EXAMPLES)]
    Suppress(SuppressCommand),
    /// Make or look after a ledger
    #[command(subcommand, after_help = LEDGER_EXAMPLES)]
    Ledger(LedgerCommand),
    /// The rest of Octopush: configuration, campaigns on lists, cancellation, balance
    #[command(subcommand, after_help = OCTOPUSH_EXAMPLES)]
    Octopush(OctopushCommand),
    /// The rest of Exotel: campaigns, their calls and what these cost
    #[command(subcommand, after_help = EXOTEL_EXAMPLES)]
    Exotel(ExotelCommand),
    /// Print completions for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Print the man page; with --directory, write one for every command
    #[command(after_help = MAN_EXAMPLES)]
    Man(ManArgs),
}

const VOLLEY_EXAMPLES: &str = "Examples:
  volley check spring-sale.toml
  volley plan spring-sale.toml contacts.ndjson
  volley send spring-sale.toml contacts.ndjson
  volley report";
const SEND_EXAMPLES: &str = "Examples:
  volley send spring-sale.toml contacts.ndjson
  zcat contacts.ndjson.gz | volley send spring-sale.toml --json --rejects rejects.ndjson
  volley send spring-sale.toml contacts.ndjson --max-recipients 1000";
const PLAN_EXAMPLES: &str = "Example:
  volley plan spring-sale.toml contacts.ndjson --json";
const REHEARSE_EXAMPLES: &str = "Example:
  volley rehearse spring-sale.toml contacts.ndjson --rejects rejects.ndjson";
const REPORT_EXAMPLES: &str = "Examples:
  volley report
  volley report spring-sale-2026 --ledger volley.db --json
  volley report spring-sale-2026 --html report.html";
const DOUBT_EXAMPLES: &str = "Example:
  volley doubt list";
const LEDGER_EXAMPLES: &str = "Example:
  volley ledger init --ledger /var/lib/volley/volley.db";
const OCTOPUSH_EXAMPLES: &str = "Example:
  volley octopush balance";
const EXOTEL_EXAMPLES: &str = "Example:
  volley exotel campaign list --set exotel.account_sid=acme1";
const CHECK_EXAMPLES: &str = "Examples:
  volley check spring-sale.toml
  volley check spring-sale.toml --json --ledger /var/lib/volley/volley.db";
const COMPLETIONS_EXAMPLES: &str = "Examples:
  volley completions bash > ~/.local/share/bash-completion/completions/volley
  volley completions zsh > ~/.zfunc/_volley
  volley completions fish > ~/.config/fish/completions/volley.fish";
const MAN_EXAMPLES: &str = "Examples:
  volley man | man -l -
  volley man --directory ~/.local/share/man/man1";

/// `volley check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The campaign file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
}

/// `volley completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Whose
    #[arg(value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `volley man`.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Write a page for every command, such as volley-send.1, into this folder
    #[arg(long, value_name = "DIR")]
    pub directory: Option<PathBuf>,
}

const EXPORT_EXAMPLES: &str = "tickets     a row for each batch that the provider gave an id
batches     a row for each batch
recipients  a row for each number and batch it was in, with what became of it
refused     a row for each number that the provider refused, with its reason

In CSV a text that a spreadsheet would take for a formula has a ' before it.

Examples:
  volley export tickets spring-sale-2026 --format csv --output tickets.csv
  volley export recipients spring-sale-2026 | jq -r 'select(.state == \"accepted\") | .number'";

/// `volley ledger …`
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Make a new, empty ledger (once, before the first run off a terminal)
    #[command(after_help = LEDGER_EXAMPLES)]
    Init,
    /// Check everything of a ledger that can be checked; 7 if anything is wrong. Changes nothing
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify,
    /// Take a moved or restored ledger for what it is from now on: what it does not know of may be sent again
    #[command(after_help = ADOPT_EXAMPLES)]
    Adopt(AdoptArgs),
    /// Copy campaigns into a ledger on a server, to be sent from there from then on
    #[command(after_help = COPY_EXAMPLES)]
    Copy(CopyArgs),
    /// Erase a campaign's numbers, keep its totals, and close its name for good
    #[command(after_help = FORGET_EXAMPLES)]
    Forget(ForgetArgs),
}

const VERIFY_EXAMPLES: &str = "Example:
  volley ledger verify --ledger volley.db";
const ADOPT_EXAMPLES: &str = "Example:
  volley ledger adopt --ledger volley.db --reason 'restored from the backup of Monday; nothing was sent since'";
const COPY_EXAMPLES: &str = "All that belongs to the campaigns goes with them, doubts with their requests too, and the list of numbers that are never
contacted; with all campaigns, those on lists and tags as well. Copied is everything or nothing. From then on the old ledger
refuses to send them.

Examples:
  volley ledger copy --ledger volley.db --to postgres://volley@db.example.org/volley
  volley ledger copy spring-sale-2026 --ledger volley.db --to postgres://volley@db.example.org/volley --json";
const FORGET_EXAMPLES: &str = "Copies, backups and bills keep what they have.

Example:
  volley ledger forget spring-sale-2026 --reason 'retention period of one year is over'";

/// `volley ledger adopt`.
#[derive(Debug, Clone, Args)]
pub struct AdoptArgs {
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// `volley ledger copy`.
#[derive(Debug, Clone, Args)]
pub struct CopyArgs {
    /// Which campaigns, by their names; all without
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaigns: Vec<String>,
    /// The ledger that they go to, postgres://USER@HOST:PORT/DATABASE; `volley ledger init` makes it
    #[arg(long, value_name = "URL")]
    pub to: PathBuf,
}

/// `volley ledger forget`.
#[derive(Debug, Clone, Args)]
pub struct ForgetArgs {
    /// The campaign, by its name
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaign: String,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask for the name once more
    #[arg(long)]
    pub yes: bool,
}

/// `volley doubt …`
#[derive(Debug, Subcommand)]
pub enum DoubtCommand {
    /// Show them: since when, why, what can be done
    #[command(after_help = DOUBT_LIST_EXAMPLES)]
    List(DoubtListArgs),
    /// Say what became of one; your word is recorded for good
    #[command(after_help = DOUBT_RESOLVE_EXAMPLES)]
    Resolve(DoubtResolveArgs),
}

const DOUBT_LIST_EXAMPLES: &str = "Example:
  volley doubt list spring-sale-2026 --json";
const DOUBT_RESOLVE_EXAMPLES: &str =
    "Look the batch up at the provider first, by its time and its number of recipients.

Examples:
  volley doubt resolve 17 --sent --ticket sms_5f0e7c --cost 24.75 --reason 'the provider has it in its list'
  volley doubt resolve 17 --not-sent --recipients 500 --reason 'support says it never arrived'
  volley doubt resolve 17 --abandon --reason 'the provider cannot tell'
  volley doubt resolve --all-absent --not-sent --recipients 5000 --reason 'Exotel lists no such campaigns'
  volley doubt resolve sms_5f3fbce61266e --sent --reason 'a campaign on a list; the provider shows it as sent'";

/// `volley doubt list`.
#[derive(Debug, Clone, Args)]
pub struct DoubtListArgs {
    /// One campaign, by its name; all without
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaign: Option<String>,
}

/// `volley doubt resolve`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(group = clap::ArgGroup::new("word").required(true).args(["sent", "not_sent", "abandon", "withdrawn"]))]
pub struct DoubtResolveArgs {
    /// The batch, or the ticket or name of a campaign on a list, as `volley doubt list` shows it
    #[arg(value_name = "BATCH|TICKET", value_parser = doubted, required_unless_present = "all_absent")]
    pub what: Option<Doubted>,
    /// Exotel: every batch that the provider's listings lacked, as the runs since have looked
    #[arg(long, conflicts_with_all = ["what", "sent", "abandon", "withdrawn"])]
    pub all_absent: bool,
    /// How long after the first of these listings the last one must have been
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time, requires = "all_absent")]
    pub absent_for: Duration,
    /// It was sent: nobody in it is sent to again
    #[arg(long)]
    pub sent: bool,
    /// The provider's ticket, where it is known
    #[arg(long, value_name = "T", requires = "sent", conflicts_with_all = ["not_sent", "abandon", "withdrawn"])]
    pub ticket: Option<String>,
    /// What the provider charged for it
    #[arg(long, value_name = "C", requires = "ticket")]
    pub cost: Option<String>,
    /// It was not sent: the next run sends to everybody in it again
    #[arg(long)]
    pub not_sent: bool,
    /// The number of recipients (with --all-absent, of all together), to confirm --not-sent or --withdrawn without a terminal
    #[arg(long, value_name = "N", value_parser = count, conflicts_with_all = ["sent", "abandon"])]
    pub recipients: Option<u64>,
    /// Nobody will ever know: nobody in it is sent to again, and it counts as spent
    #[arg(long)]
    pub abandon: bool,
    /// It was accepted, and cancelled before it went out, as the provider tells you: the next run sends to everybody in it
    #[arg(long)]
    pub withdrawn: bool,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// A length of time, as clap asks for it.
fn time(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok();
    parsed
        .and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "expected a length of time, such as 10m or 1s".to_owned())
}

/// What is in doubt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doubted {
    /// A batch.
    Batch(i64),
    /// A campaign on a list or tag, by its ticket.
    ListCampaign(String),
}

/// A batch by its number, anything else by its ticket, as clap asks for it. A ticket that looks like a number is written
/// `ticket:17`.
fn doubted(text: &str) -> Result<Doubted, String> {
    match (text.strip_prefix("ticket:"), text.parse()) {
        (Some(named), _) => ticket(named).map(Doubted::ListCampaign),
        (None, Ok(batch)) => Ok(Doubted::Batch(batch)),
        (None, Err(_)) => ticket(text).map(Doubted::ListCampaign),
    }
}

/// A ticket, as clap asks for it.
fn ticket(text: &str) -> Result<String, String> {
    if volley_provider::octopush::is_ticket(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a ticket, such as sms_5f3fbce61266e".to_owned())
    }
}

/// A campaign and its inputs.
#[derive(Debug, Clone, Args)]
pub struct CampaignArgs {
    /// The campaign file
    #[arg(value_name = "CAMPAIGN.toml")]
    pub campaign: PathBuf,
    /// NDJSON files, plain, .gz or .zst; `-` is standard input, and so is none
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
}

/// `volley send` and `volley rehearse`.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct SendArgs {
    /// The campaign and its inputs.
    #[command(flatten)]
    pub what: CampaignArgs,
    /// Write each line that is not sent to, with the reason, as NDJSON
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,
    /// Write duplicates, suppressed and already sent lines to the rejects too
    #[arg(long, requires = "rejects")]
    pub rejects_include_skipped: bool,
    /// Stop before the campaign could cost more, over all its runs (needs `unit_price`)
    #[arg(long, value_name = "AMOUNT", value_parser = amount)]
    pub max_cost: Option<Amount>,
    /// Send to at most this many recipients in this run
    #[arg(long, value_name = "N", value_parser = count)]
    pub max_recipients: Option<u64>,
    /// Do not ask before sending
    #[arg(long)]
    pub yes: bool,
    /// Send again to numbers whose batch the provider refused
    #[arg(long)]
    pub retry_refused: bool,
    /// Go on although what recipients get has changed since some were reached
    #[arg(long)]
    pub accept_changes: bool,
    /// End with 5 if any line was invalid
    #[arg(long)]
    pub fail_on_invalid: bool,
    /// Serve figures for Prometheus at http://HOST:PORT/metrics while the run goes on, and /healthz; port 0 takes any that is
    /// free, and says which
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub metrics_listen: Option<String>,
    /// Write the summary as JSON to this file too
    #[arg(long, value_name = "FILE")]
    pub summary_file: Option<PathBuf>,
}

/// `volley report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// One campaign, by its name, with its countries; all without
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaign: Option<String>,
    /// Write one page of HTML, which needs nothing besides itself and holds no phone number
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `volley export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// Which rows
    #[arg(value_name = "WHAT")]
    pub what: Exported,
    /// One campaign, by its name; all without
    #[arg(value_name = "CAMPAIGN-NAME")]
    pub campaign: Option<String>,
    /// How rows are written
    #[arg(long, value_name = "FORMAT", default_value = "ndjson")]
    pub format: RowFormat,
    /// Write them to this file, in place of stdout; only its owner may read it
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Which rows are exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Exported {
    /// The provider's ids, with what they cost.
    Tickets,
    /// Every number and batch it was in, with what became of it there.
    Recipients,
    /// Every batch.
    Batches,
    /// Every number that the provider refused.
    Refused,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RowFormat {
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, with a header.
    Csv,
}

/// Where to listen, as clap asks for it. Whether the host has an address is found out by listening.
fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("expected an address and a port, such as 127.0.0.1:9464 or [::1]:0".to_owned()),
    }
}

/// An exact amount, as clap asks for it.
fn amount(text: &str) -> Result<Amount, String> {
    text.parse()
        .map_err(|_| "expected an exact amount, such as 50.00".to_owned())
}

/// A count, as clap asks for it.
fn count(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "expected a whole number, such as 1000".to_owned())
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// The ledger: a file, or `postgres://USER@HOST/DATABASE`, which many workers share [default: volley.db beside the
    /// campaign file, else in the current directory]
    // Its value may have a password in it.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "VOLLEY_LEDGER",
        hide_env_values = true
    )]
    pub ledger: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing to stderr but errors
    #[arg(long, global = true)]
    pub quiet: bool,
    /// How logs are written
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug or trace
    #[arg(long, global = true, value_name = "LEVEL", default_value = "warn")]
    pub log_level: tracing::Level,
    /// When to colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: When,
    /// When to show progress
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub progress: When,
    /// Override a key of the campaign file, such as limits.connections=4; repeatable. Where there is none:
    /// `octopush.base_url`, `limits.request_timeout`, `transport.*`
    #[arg(long = "set", global = true, value_name = "section.key=value")]
    pub overrides: Vec<String>,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// When something is done that a terminal decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Whether, given that there is a terminal or not.
    pub fn on(self, terminal: bool) -> bool {
        match self {
            Self::Auto => terminal,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_last_word_on_colour_decides() {
        let check = |line: &str, expected: ColorChoice| {
            let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(colour(&arguments), expected, "{line}");
        };
        check("volley send a.toml", ColorChoice::Auto);
        check("volley --color never send a.toml", ColorChoice::Never);
        check("volley send a.toml --color=always", ColorChoice::Always);
        check("volley --color always --color never", ColorChoice::Never);
        check("volley --color sometimes", ColorChoice::Auto);
        check("volley --color", ColorChoice::Auto);
        check("volley send -- --color always", ColorChoice::Auto);
    }
}
