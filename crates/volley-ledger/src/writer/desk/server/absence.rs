//! A server that is away: it is connected to again, ever more slowly, and asked what became of the last COMMIT.
//!
//! One whose answer is lost may have happened: whoever connects again reads the run's own count of its commits, and either goes on
//! from there or does the same once more. One that hangs is one that is away, once an answer was waited for in vain. What it was
//! asked for last it may still do when it goes on: a COMMIT holds the run's row until then, and whoever reads the count waits for
//! the row.
//! Bounds: [`PATIENCE`] for a server that is away; [`Patience`] for an answer.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::super::{Desk, Keeping};
use crate::database::{Connection, OptionalExtension as _};
use crate::postgres::{Address, Hurry, Patience, Session, Use};
use crate::{LedgerError, RunId};

/// How long a server may be away before the run ends: as long as a provider may.
const PATIENCE: Duration = Duration::from_mins(5);
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What is told between threads.
pub(in crate::writer::desk) struct Signs {
    /// How long an answer is waited for.
    pub(in crate::writer::desk) patience: Patience,
    /// How many commits were acknowledged.
    pub(in crate::writer::desk) committed: Arc<AtomicU64>,
}

/// The server has been away for one group, through however many connections: one that lets us connect, and not write, is
/// tried ever more slowly, too.
pub(super) struct Absence {
    begun: Instant,
    pause: Duration,
}

impl Absence {
    pub(super) fn begun() -> Self {
        Self {
            begun: Instant::now(),
            pause: PAUSE_MIN,
        }
    }

    fn next_pause(&mut self) -> Duration {
        let longer = (self.pause * 2).min(PAUSE_MAX);
        std::mem::replace(&mut self.pause, longer)
    }
}

impl Desk {
    /// Connects again, and finds out how many commits of this run there are: those that are known, or one more.
    pub(super) fn come_back(
        &mut self,
        failure: LedgerError,
        absence: &mut Absence,
    ) -> Result<u64, LedgerError> {
        let Keeping::Server(server) = &self.keeping else {
            return Err(failure);
        };
        let mut failure = failure;
        loop {
            if absence.begun.elapsed() >= PATIENCE || server.signs.patience.hurry().is_told() {
                return Err(failure);
            }
            wait(absence.next_pause(), server.signs.patience.hurry());
            let found = connect(&self.place.ledger, &server.address, &server.signs).and_then(|connection| {
                let number = commits(&connection, &self.place.ledger, self.run)?;
                Ok((connection, number))
            });
            match found {
                Ok((connection, number))
                    if (self.commit_number..=self.commit_number + 1).contains(&number) =>
                {
                    self.connection = connection;
                    return Ok(number);
                }
                Ok((_, number)) => {
                    let detail = format!(
                        "run {} made {} commits, and the server has {number} of them",
                        self.run, self.commit_number
                    );
                    return Err(LedgerError::displaced(&self.place.ledger, detail));
                }
                Err(again) if again.is_passing() => failure = again,
                Err(other) => return Err(other),
            }
        }
    }
}

pub(in crate::writer::desk) fn connect(
    path: &Path,
    address: &Address,
    signs: &Signs,
) -> Result<Connection, LedgerError> {
    let session = Session::connect(address, Use::Write, signs.patience.clone());
    session
        .map(Connection::Postgres)
        .map_err(|error| LedgerError::database(path, "connecting", error.into()))
}

/// How many commits of the run the server has.
fn commits(connection: &Connection, path: &Path, run: RunId) -> Result<u64, LedgerError> {
    // Behind a commit of this run's that may still be under way over the connection that was lost: it holds the row.
    let query = "SELECT commit_number, fenced_at IS NOT NULL FROM run WHERE id = ?1 FOR UPDATE";
    let found: Option<(u64, bool)> = connection
        .query_row(query, [run], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(|error| LedgerError::database(path, "looking the run up", error))?;
    match found {
        Some((number, false)) => Ok(number),
        Some((_, true)) => Err(LedgerError::Buried {
            path: path.to_owned(),
            run,
        }),
        None => Err(LedgerError::displaced(path, format!("run {run} is gone"))),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread has nothing else to do: all that it could write waits for the server"
)]
fn wait(pause: Duration, hurry: &Hurry) {
    let begun = Instant::now();
    while !hurry.is_told() && begun.elapsed() < pause {
        std::thread::sleep(PAUSE_MIN.min(pause.saturating_sub(begun.elapsed())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn through_one_absence_the_pauses_grow_up_to_a_bound() {
        let mut absence = Absence::begun();
        let pauses = [(); 8].map(|()| absence.next_pause().as_millis());
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
    }
}
