//! The suppression list is changed while a run begins.

use std::thread;
use std::time::{Duration, Instant};

use test_postgres::Database;
use volley_ledger::{Changes, Entry, Ledger, LedgerError, Opening, Suppressed};
use volley_model::Msisdn;

use super::server_stage;
use crate::stage::{Stage, at, identity, signed};

/// Longer than anything here takes, on a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_mins(1);

const NUMBER: u64 = 33_612_345_678;

/// Others of the campaign's who begin, for as long as nothing is in the table `go`.
const BEGINNING: &str = "BEGIN; \
    SELECT pg_advisory_xact_lock(hashtext('volley campaign'), hashtext('spring')); \
    DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM volley.go) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$; \
    COMMIT";

#[expect(
    clippy::disallowed_methods,
    reason = "between two looks at the condition that is waited for"
)]
#[track_caller]
fn wait_for_locks(database: &Database, state: &str, least: usize, or: &mut dyn FnMut() -> bool) {
    let query = format!(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {state} \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    );
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found: usize = database.psql(&query).parse().unwrap();
        if found >= least || or() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "waited in vain for {least} advisory locks that are {state}: there are {found}"
        );
        thread::sleep(Duration::from_millis(10));
    }
}

/// A run that begins, and the numbers on the list as it read it.
fn begin(stage: &Stage) -> (Entry, Vec<u64>) {
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    let mut heard = Vec::new();
    let mut hear = |number: Msisdn, _| heard.push(number.get());
    let entry = ledger.enter_without(&mut hear, &identity(), Changes::Refuse, at(1));
    (entry.unwrap(), heard)
}

fn suppress(stage: &Stage) -> Result<Suppressed, LedgerError> {
    let mut ledger = Ledger::open(&stage.path, Opening::MustExist, at(0)).unwrap();
    ledger.suppress(&[Msisdn::new(NUMBER).unwrap()], &signed("asked by mail"))
}

/// Either the run knows of the number, or whoever suppresses it is refused.
#[test]
fn a_number_that_is_suppressed_while_a_run_begins_is_known_to_it_or_refused() {
    let Some(stage) = server_stage() else { return };
    let database = stage.database();
    database.psql("CREATE TABLE volley.go (of int)");
    thread::scope(|scope| {
        scope.spawn(|| database.psql(BEGINNING));
        wait_for_locks(database, "granted", 1, &mut || false);
        let run = scope.spawn(|| begin(&stage));
        wait_for_locks(database, "NOT granted", 1, &mut || false);
        let word = scope.spawn(|| suppress(&stage));
        wait_for_locks(database, "NOT granted", 2, &mut || word.is_finished());
        database.psql("INSERT INTO volley.go VALUES (1)");
        let (entry, heard) = run.join().unwrap();
        let word = word.join().unwrap();
        assert_eq!(heard, [0; 0]);
        assert!(
            matches!(&word, Err(LedgerError::Running { run, .. }) if *run == entry.run),
            "{word:?}"
        );
    });
    assert_eq!(stage.row("SELECT count(*) FROM suppressed"), "0");
}

#[test]
fn a_number_that_was_suppressed_before_is_known_to_a_run_that_begins() {
    let Some(stage) = server_stage() else { return };
    suppress(&stage).unwrap();
    assert_eq!(begin(&stage).1, [NUMBER]);
}
