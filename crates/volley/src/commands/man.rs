//! `volley man`: man pages, from the same description as the help.

use std::io;
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{CommandError, printed};
use crate::cli::{Cli, ManArgs};
use crate::exit::Exit;

/// How the text behind a command's help goes over to its examples.
const EXAMPLES: &str = "Example";

/// The variables that are read, `VOLLEY_LEDGER` aside, which stands with its flag.
const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "OCTOPUSH_API_LOGIN, OCTOPUSH_API_KEY",
        "the credentials at Octopush",
    ),
    ("EXOTEL_API_KEY, EXOTEL_API_TOKEN", "the credentials at Exotel"),
    (
        "…_FILE",
        "behind the name of a credential: the file that holds it, such as OCTOPUSH_API_KEY_FILE",
    ),
    (
        "NO_COLOR",
        "if it is set and not empty, nothing is coloured, unless --color always says so",
    ),
];

/// Prints the page of `volley`, or writes those of all commands.
pub(super) fn man(args: &ManArgs) -> Result<Exit, CommandError> {
    let mut volley = Cli::command().disable_help_subcommand(true);
    volley.build();
    let Some(folder) = &args.directory else {
        let page = page(volley).unwrap_or_default();
        return Ok(printed(&String::from_utf8_lossy(&page)));
    };
    write_all(volley, folder).map_err(|source| CommandError::Output {
        flag: "--directory",
        path: folder.clone(),
        source,
    })?;
    Ok(Exit::Complete)
}

/// A page for the command, and one for each command below it.
fn write_all(command: Command, folder: &Path) -> io::Result<()> {
    for below in command.get_subcommands() {
        write_all(below.clone(), folder)?;
    }
    let name = Man::new(command.clone()).get_filename();
    std::fs::write(folder.join(name), page(command)?)
}

/// The page in the usual order; but what stands behind the help has lines of its own, which `Man::render` would fill.
fn page(command: Command) -> io::Result<Vec<u8>> {
    let behind = command.get_after_help().map(ToString::to_string);
    let has_commands = command.has_subcommands();
    let is_volley = command
        .get_display_name()
        .is_none_or(|name| name == command.get_name());
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(behind) = behind {
        behind_help(&behind).to_writer(&mut page)?;
    }
    if is_volley {
        environment_and_exits().to_writer(&mut page)?;
    }
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// What no flag tells, for the page of `volley`: its other pages have it from there.
fn environment_and_exits() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, what) in ENVIRONMENT {
        tagged(&mut roff, name, what);
    }
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        tagged(&mut roff, &exit.code().to_string(), exit.meaning());
    }
    roff
}

fn tagged(roff: &mut Roff, name: &str, what: &str) {
    roff.control("TP", []).text([bold(name)]).text([roman(what)]);
}

fn behind_help(text: &str) -> Roff {
    let (notes, examples) = text.split_at(text.find(EXAMPLES).unwrap_or(text.len()));
    // The line "Example:" is the section's heading here.
    let examples = examples.split_once('\n').map_or("", |(_, lines)| lines);
    let mut roff = Roff::new();
    for (heading, lines) in [("NOTES", notes), ("EXAMPLES", examples)] {
        if !lines.trim().is_empty() {
            roff.control("SH", [heading]).control("nf", []);
            for line in lines.trim_end().lines() {
                roff.text([roman(line)]);
            }
            roff.control("fi", []);
        }
    }
    roff
}
