//! From the command line to what is done, and from its end to the exit code.

mod account;
mod check;
mod completions;
mod doubt;
mod exotel;
mod export;
mod exposed;
mod ledger;
mod list_campaign;
mod man;
mod named;
mod octopush;
mod operator;
mod outputs;
mod plan;
mod rehearse;
mod report;
mod send;
mod suppress;
mod told;
mod whole_file;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use volley_ledger::{Opening, WordError};
use volley_transport::Endpoint;

use crate::cli::{Cli, Command, Common, DoubtCommand, LedgerCommand, SendArgs};
use crate::config::credentials::CredentialsError;
use crate::config::{Campaign, ConfigError};
use crate::exit::Exit;
use crate::inputs::InputError;
use crate::logging;
use crate::number_file::NumberFileError;
use crate::pipeline::RunError;
use crate::pipeline::stop::explained;
use crate::print;
use crate::summary::Summary;
use outputs::SummaryFile;

/// As long a run that a signal ended waits for somebody to take its account.
const ACCOUNT_TAKEN_WITHIN: Duration = Duration::from_secs(3);
/// The ledger's name where none is given.
const LEDGER_NAME: &str = "volley.db";

/// Why a command could not do its work. Shown as "failed to …".
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    Run(#[from] RunError),
    /// A whole sentence, as the ledger says it.
    #[error(transparent)]
    Word(#[from] WordError),
    /// The message as it is may not be sent to these recipients.
    #[error("send the campaign: {0}; nothing was sent")]
    Message(String),
    /// What is asked for is not to be done, by what the ledger knows, or does not know.
    #[error("{0}")]
    NotByLedger(String),
    /// A whole sentence: what was not confirmed, and that nothing was changed.
    #[error("{0}")]
    Unconfirmed(String),
    #[error("write {flag} {path}: {source}{}", placed(source))]
    Output {
        flag: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error(
        "listen on {address} for --metrics-listen: {source}; name an address of this machine and a free port, or port 0 for \
         any; nothing was sent"
    )]
    Metrics { address: String, source: io::Error },
    /// A whole sentence.
    #[error("{flag} {path} is {what}; name another file, nothing was written")]
    Clash {
        flag: &'static str,
        path: PathBuf,
        what: &'static str,
    },
    #[error("find campaign {name} in {path}: {known}")]
    NoCampaign {
        path: PathBuf,
        name: String,
        known: String,
    },
    /// A whole sentence.
    #[error("{given} is {what}, and a campaign's name is asked for: {remedy}")]
    NotAName {
        given: String,
        what: &'static str,
        remedy: String,
    },
    /// A whole sentence: a ticket says something at the host that gave it alone.
    #[error(
        "the ledger has {ticket} from {host}, and {asked} is asked; set octopush.base_url to where it was made; nothing was \
         sent"
    )]
    OtherHost {
        ticket: String,
        host: String,
        asked: String,
    },
    #[error("read the number {text}: {why}")]
    Number { text: String, why: String },
    #[error(transparent)]
    NumberFile(#[from] NumberFileError),
    #[error("start the mock: {0}")]
    Mock(String),
}

/// What to do where an output has no place.
fn placed(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; make its folder first, or name another",
        _ => "",
    }
}

impl CommandError {
    /// The exit it leads to: the one exhaustive place.
    fn exit(&self) -> Exit {
        match self {
            Self::Config(ConfigError::Missing { .. })
            | Self::Clash { .. }
            | Self::NotAName { .. }
            | Self::Unconfirmed(_)
            | Self::Number { .. } => Exit::Usage,
            Self::Config(_)
            | Self::Credentials(_)
            | Self::Output { .. }
            | Self::Metrics { .. }
            | Self::NoCampaign { .. }
            | Self::Message(_)
            | Self::NotByLedger(_)
            | Self::OtherHost { .. } => Exit::Config,
            Self::Input(error) if error.is_usage() => Exit::Usage,
            Self::Input(_) | Self::NumberFile(_) => Exit::Input,
            Self::Run(error) => error.exit(),
            Self::Word(error) => operator::exit(error),
            Self::Mock(_) => Exit::Bug,
        }
    }
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Exit {
    let Cli { command, common } = cli;
    logging::start(&common);
    exposed::warn(&common);
    match command {
        Command::Send(args) => concluded(&args, &common, send::send(&args, &common)),
        Command::Rehearse(args) => concluded(&args, &common, rehearse::rehearse(&args, &common)),
        Command::Plan(args) => plan::plan(&args, &common).unwrap_or_else(|error| failed(&common, &error)),
        Command::Check(args) => check::check(&args, &common).unwrap_or_else(|error| failed(&common, &error)),
        Command::Report(args) => {
            report::report(&args, &common).unwrap_or_else(|error| failed(&common, &error))
        }
        Command::Export(args) => {
            export::export(&args, &common).unwrap_or_else(|error| failed(&common, &error))
        }
        Command::Doubt(command) => match command {
            DoubtCommand::List(args) => doubt::list(&args, &common),
            DoubtCommand::Resolve(args) => doubt::resolve(&args, &common),
        }
        .unwrap_or_else(|error| failed(&common, &error)),
        Command::Ledger(command) => match command {
            LedgerCommand::Init => ledger::init(&common),
            LedgerCommand::Verify => ledger::verify(&common),
            LedgerCommand::Adopt(args) => ledger::adopt(&args, &common),
            LedgerCommand::Copy(args) => ledger::copy(&args, &common),
            LedgerCommand::Forget(args) => ledger::forget(&args, &common),
        }
        .unwrap_or_else(|error| failed(&common, &error)),
        Command::Suppress(command) => {
            suppress::suppress(&command, &common).unwrap_or_else(|error| failed(&common, &error))
        }
        Command::Octopush(command) => {
            octopush::octopush(&command, &common).unwrap_or_else(|error| failed(&common, &error))
        }
        Command::Exotel(command) => {
            exotel::exotel(&command, &common).unwrap_or_else(|error| failed(&common, &error))
        }
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => man::man(&args).unwrap_or_else(|error| failed(&common, &error)),
    }
}

/// Tells what clap says: help and version are results, wrong usage is an error with its JSON line like any other.
pub fn usage(error: &clap::Error) -> Exit {
    // A closed stdout or stderr is no panic.
    let _ = error.print();
    if error.exit_code() == 0 {
        return Exit::Complete;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        // The first paragraph says what is wrong; what follows is help.
        let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
        let what = lines.collect::<Vec<_>>().join(" ");
        let what = what.strip_prefix("error: ").unwrap_or(&what);
        print::json(&Summary::failed("", "", Exit::Usage, what.to_owned()));
    }
    Exit::Usage
}

/// A panic, which has printed itself to stderr: it has its JSON line like any other end.
pub fn bug() -> Exit {
    if std::env::args_os().any(|argument| argument == "--json") {
        let what = "a bug in Volley, told on stderr; please report it";
        print::json(&Summary::failed("", "", Exit::Bug, what.to_owned()));
    }
    Exit::Bug
}

/// Tells how a run ended: to people or as JSON, and to the summary file.
fn concluded(args: &SendArgs, common: &Common, ended: Result<Ended, CommandError>) -> Exit {
    let told_well = match ended {
        Ok(Ended { summary, file }) => {
            end_soon(summary.exit_code);
            let kept = file.map_or(Ok(()), |file| file.write(&summary));
            if let Err(error) = &kept {
                print::message(&format!("volley: {}", told(error)));
            }
            let printed = if common.json {
                print::json(&summary)
            } else {
                print::result(&summary.text())
            };
            (summary.exit_code, kept.is_ok() && printed)
        }
        Err(error) => {
            let text = told(&error);
            print::message(&format!("volley: {text}"));
            // The name is best effort here: the file itself may be what is wrong.
            let campaign = Campaign::load(&args.what.campaign, &common.overrides).ok();
            let (name, provider) = campaign.map_or((String::new(), ""), |campaign| {
                let provider = campaign.content.provider().name();
                (campaign.name, provider)
            });
            let summary = Summary::failed(&name, provider, error.exit(), text);
            let ledger = ledger_path(common, Some(&args.what.campaign));
            // What stands in the way of the outputs is told already.
            let told_already = matches!(error, CommandError::Clash { .. } | CommandError::Output { .. });
            if !told_already && let Err(error) = outputs::write_failure(args, &ledger, &summary) {
                print::message(&format!("volley: {}", told(&error)));
            }
            let printed = !common.json || print::json(&summary);
            (summary.exit_code, printed)
        }
    };
    match told_well {
        // Whoever relies on the summary must not take a lost one for success.
        (Exit::Complete, false) => Exit::Config,
        (exit, _) => exit,
    }
}

/// What a command prints is all that it does: 0 if it was taken.
fn printed(text: &str) -> Exit {
    if print::result(text) {
        Exit::Complete
    } else {
        Exit::Config
    }
}

/// A run that a signal ended is over soon, whether anybody takes its account or not: a terminal may be held.
fn end_soon(exit: Exit) {
    let Some(signal) = exit.signal() else { return };
    let (never, told) = mpsc::channel::<()>();
    let ending = move || {
        let _ = told.recv_timeout(ACCOUNT_TAKEN_WITHIN);
        // As process 1 there is no default action: whoever sent the signal has another.
        let _ = signal_hook::low_level::emulate_default_handler(signal);
        drop(never);
    };
    // Without a thread it waits for its reader.
    let _ = thread::Builder::new().name("end".to_owned()).spawn(ending);
}

/// A run that has ended, and where its summary is to be kept.
struct Ended {
    summary: Summary,
    file: Option<SummaryFile>,
}

fn failed(common: &Common, error: &CommandError) -> Exit {
    let text = told(error);
    print::message(&format!("volley: {text}"));
    if common.json {
        print::json(&serde_json::json!({"schema": 1, "error": text, "exit_code": error.exit().code()}));
    }
    error.exit()
}

/// What happened, where, and what to do.
fn told(error: &CommandError) -> String {
    let explained = explained(error);
    match error {
        // The ledger's errors are whole sentences.
        CommandError::Run(RunError::Ledger(_))
        | CommandError::Word(_)
        | CommandError::Clash { .. }
        | CommandError::NotAName { .. }
        | CommandError::OtherHost { .. }
        | CommandError::Unconfirmed(_) => explained,
        _ => format!("failed to {explained}"),
    }
}

/// What a missing ledger means: off a terminal and with a real provider, never that nothing was sent yet.
fn opening(endpoint: &Endpoint) -> Opening {
    if io::stderr().is_terminal() || endpoint.is_loopback() {
        Opening::MakeIfMissing
    } else {
        Opening::MustExist
    }
}

/// Where the ledger lies: as given, else beside the campaign file, else here.
fn ledger_path(common: &Common, campaign: Option<&Path>) -> PathBuf {
    common.ledger.clone().unwrap_or_else(|| {
        // The file itself, not a link to it: one campaign file, one ledger.
        let campaign = campaign.map(|path| path.canonicalize().unwrap_or_else(|_| path.to_owned()));
        match campaign.as_deref().and_then(Path::parent) {
            Some(folder) => folder.join(LEDGER_NAME),
            None => PathBuf::from(LEDGER_NAME),
        }
    })
}
