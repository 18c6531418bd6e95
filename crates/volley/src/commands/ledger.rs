//! `volley ledger …`.

use volley_ledger::Ledger;

use super::{CommandError, ledger_path};
use crate::cli::Common;
use crate::clock;
use crate::exit::Exit;
use crate::pipeline::RunError;
use crate::print;

/// Makes a new ledger.
pub(super) fn init(common: &Common) -> Result<Exit, CommandError> {
    let path = ledger_path(common, None);
    Ledger::init(&path, clock::now()).map_err(RunError::from)?;
    if common.json {
        print::json(&serde_json::json!({"schema": 1, "ledger": path}));
    } else {
        print::result(&format!("made the ledger {}\n", path.display()));
    }
    Ok(Exit::Complete)
}
