//! The ledger as a run would find it: whom the campaign reached, and whether it may go on.
//!
//! No lock is taken, no ledger is made, and none is changed or brought to another format. SQLite may make its `-wal` and `-shm`
//! files beside a ledger that lacks them: it needs them to read.

use std::path::Path;

use volley_ledger::{Changes, LedgerError, Opening, Reader, ServerFound, shown_path};
use volley_model::BatchState;

use super::found::{Found, LedgerFound};
use crate::clock;
use crate::commands::opening;
use crate::config::Campaign;
use crate::pipeline::RunError;
use crate::pipeline::setup::identity;
use crate::summary::counted;

/// Looks at it. `account` is known only where there are credentials.
pub(super) fn look(campaign: &Campaign, path: &Path, account: Option<&str>, found: &mut Found) {
    let shown = &shown_path(path);
    let state = match Reader::open(path) {
        Ok(reader) => {
            // One that is not the ledger it should be is told, and looked at all the same.
            found.keep(reader.is_as_left().map_err(RunError::from));
            let state = present(campaign, &reader, shown, found);
            if let Some(account) = account {
                let known = reader.compare(&identity(campaign, account), Changes::Refuse);
                found.keep(known.map_err(RunError::from));
            }
            state
        }
        Err(error @ LedgerError::Missing { .. }) => found
            .keep(Reader::may_be_made(path).map_err(RunError::from))
            .map(|()| missing(campaign, shown, error, found)),
        Err(error) => found.keep(Err(RunError::from(error))),
    };
    let begun = state.as_ref().is_some_and(|state| state.begun);
    found.report.ledger = state;
    if let Some((written, at)) = campaign.content.send_at()
        && !begun
        && at < clock::now()
    {
        found.keep::<(), _>(Err(RunError::SendAtPast(written)));
    }
}

/// There is none: what a run would make of that, which off a terminal may be nothing.
fn missing(campaign: &Campaign, path: &Path, error: LedgerError, found: &mut Found) -> LedgerFound {
    if opening(&campaign.endpoint) == Opening::MustExist {
        found.keep::<(), _>(Err(RunError::from(error)));
        return LedgerFound::missing(path);
    }
    let means = if campaign.endpoint.is_loopback() {
        "send makes one, since the provider is on this machine".to_owned()
    } else {
        format!(
            "send makes one on a terminal, and off a terminal refuses to go on without: `volley ledger init --ledger {}` \
             makes it, once",
            shown_path(path).display()
        )
    };
    found.line(
        "ledger",
        format!("{}: there is none yet; {means}", shown_path(path).display()),
    );
    LedgerFound::missing(path)
}

fn present(campaign: &Campaign, reader: &Reader, path: &Path, found: &mut Found) -> Option<LedgerFound> {
    let reports = found.keep(reader.report(Some(&campaign.name)).map_err(RunError::from))?;
    let count = |wanted: fn(BatchState) -> bool| -> u64 {
        let states = reports.iter().flat_map(|report| &report.states);
        states
            .filter(|totals| wanted(totals.state))
            .map(|totals| totals.recipients)
            .sum()
    };
    let reached = count(|state| {
        use BatchState::{Abandoned, Accepted, DeclaredSent, Unticketed};
        matches!(state, Accepted | Unticketed | DeclaredSent | Abandoned)
    });
    let in_doubt = count(|state| matches!(state, BatchState::Intended | BatchState::InDoubt));
    let told = match (reports.is_empty(), reached, in_doubt) {
        (true, ..) => "this campaign was never run".to_owned(),
        (false, 0, 0) => "this campaign has reached nobody yet".to_owned(),
        (false, reached, 0) => format!("this campaign has reached {}", counted(reached, "recipient")),
        (false, reached, doubts) => format!(
            "this campaign has reached {}, and {doubts} more are in doubt",
            counted(reached, "recipient")
        ),
    };
    let server = found.keep(reader.server().map_err(RunError::from))?;
    let how = match &server {
        None => String::new(),
        Some(ServerFound { version, tls, format }) => {
            let tls = if *tls { "with TLS" } else { "without TLS" };
            format!(" (PostgreSQL {version}, {tls}, format {format})")
        }
    };
    found.line("ledger", format!("{}{how}: {told}", path.display()));
    Some(LedgerFound::present(path, reached, in_doubt).on(server))
}
