//! Signs of life: this run shows its own, and buries whoever has shown none for too long.
//!
//! Not here: for how long a beat was seen to stand still ([`beats`](super::beats)), and what is done to the buried
//! (`postgres/workers/death.rs`).

use std::time::{Duration, Instant};

use super::beats::Beats;
use super::server::Server;
use crate::LedgerError;
use crate::postgres::workers::{self, LIVES, Living};

/// How often a run shows that it lives.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Shows that this run lives.
pub(super) fn show(server: &Server) -> Result<(), LedgerError> {
    // A transaction of this run's that holds its row shows the same when it commits, and must not hold up the leases.
    let update = format!(
        "UPDATE run SET beat = beat + 1, beat_at = server_time() \
         WHERE id = (SELECT id FROM run WHERE id = ?1 AND {LIVES} FOR UPDATE SKIP LOCKED)"
    );
    let beaten = server
        .connection
        .prepare_cached(&update)
        .and_then(|mut statement| statement.execute([server.run]))
        .map_err(|error| server.failed("showing that the run lives", error))?;
    if beaten == 0 && !lives(server)? {
        return Err(server.buried());
    }
    Ok(())
}

fn lives(server: &Server) -> Result<bool, LedgerError> {
    let query = format!("SELECT EXISTS (SELECT FROM run WHERE id = ?1 AND {LIVES})");
    server
        .connection
        .prepare_cached(&query)
        .and_then(|mut statement| statement.query_row([server.run], |row| row.get(0)))
        .map_err(|error| server.failed("looking whether the run lives", error))
}

/// Looks who else lives, and buries the others.
pub(super) fn bury_the_silent(server: &Server, beats: &mut Beats) -> Result<(), LedgerError> {
    let living = workers::living(&server.connection, server.campaign, server.run)
        .map_err(|error| server.failed("looking for runs", error))?;
    let silent = beats.look(living, Instant::now());
    silent.into_iter().try_for_each(|run| bury(server, run))
}

fn bury(server: &Server, run: Living) -> Result<(), LedgerError> {
    let failed = |error| server.failed("fencing a run", error);
    let now = server.time().map_err(failed)?;
    let transaction = server.connection.transaction().map_err(failed)?;
    workers::bury(&transaction, &server.place.ledger, run, Some(server.run), now)?;
    transaction.commit().map_err(failed)
}
