//! A campaign's name on the command line, in the place of which its file may have been given.

use std::path::Path;

use volley_ledger::{Reader, shown_path};

use super::{CommandError, LEDGER_NAME};
use crate::cli::Common;
use crate::config::Campaign;
use crate::config::file::{nearest, nearest_hint};
use crate::pipeline::RunError;

/// Refuses a campaign file in the place of a campaign's name, and tells the name that is in it.
pub(super) fn refuse_file(given: Option<&str>, common: &Common) -> Result<(), CommandError> {
    let Some(given) = given else { return Ok(()) };
    let path = Path::new(given);
    // A name may end so, but a campaign of that name beside a file of that name is none that anybody has.
    let is_file = path.extension().is_some_and(|ending| ending == "toml") && path.is_file();
    if !is_file && !given.contains('/') {
        return Ok(());
    }
    let what = if is_file { "a campaign file" } else { "a path" };
    let name = match Campaign::load(path, &[]) {
        Ok(campaign) => format!("{}, as its campaign.name says", campaign.name),
        Err(_) => "what campaign.name says in the campaign file".to_owned(),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let ledger = match folder {
        Some(folder) if is_file && common.ledger.is_none() => {
            format!(" --ledger {}", folder.join(LEDGER_NAME).display())
        }
        _ => String::new(),
    };
    Err(CommandError::NotAName {
        given: given.to_owned(),
        what,
        remedy: if ledger.is_empty() {
            name
        } else {
            format!("{name}; its ledger is beside it:{ledger}")
        },
    })
}

/// Refuses a name that no campaign of the ledger has.
pub(super) fn refuse_unknown(reader: &Reader, path: &Path, name: &str) -> Result<(), CommandError> {
    let known = reader.campaigns().map_err(RunError::from)?;
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(unknown(path, name, &known))
}

/// There is no campaign of that name in the ledger; what there is.
pub(super) fn unknown(path: &Path, name: &str, known: &[String]) -> CommandError {
    let hint = nearest(name, known.iter().map(String::as_str));
    CommandError::NoCampaign {
        path: shown_path(path),
        name: name.to_owned(),
        known: match known {
            [] => "no campaign has been run with it".to_owned(),
            known => format!("it has {}{}", known.join(", "), nearest_hint(hint.as_deref())),
        },
    }
}
