//! `volley ledger copy`: what a campaign came to in a file it has come to on a server, it goes on there where it stood, and the
//! file sends it no more. (Invariants 1, 2, 4 and 5.)

mod comes_along;
mod in_the_way;
mod list_campaigns;
mod same;
mod states;
mod under_way;

use test_postgres::{Database, shared};

use crate::over_a_server::at;
use crate::support::{End, Sandbox};

/// The provider reads a request, and drops the connection.
const LOSE: &str = r#"{"rules":[{"at":"after_read","do":"drop","path":"sms-campaign/send"}]}"#;

/// A ledger on a server, made and empty.
fn made(sandbox: &Sandbox) -> Database {
    let database = shared().database();
    at(sandbox, &database, &["ledger", "init"]).expect(0);
    // Ids of its own.
    for table in ["campaign", "message", "run", "batch", "resolution"] {
        database.psql(&format!(
            "ALTER TABLE volley.{table} ALTER COLUMN id RESTART WITH 40"
        ));
    }
    database
}

/// Sends what the file's ledger had, by the server's.
fn send_at(sandbox: &Sandbox, database: &Database, args: &[&str]) -> End {
    let send = sandbox.send(args).env("VOLLEY_LEDGER", database.url());
    send.run()
}

#[track_caller]
fn expect_conserved(database: &Database) {
    assert_eq!(database.psql("SELECT place, fault FROM volley.conservation"), "");
}

fn copy(sandbox: &Sandbox, database: &Database, args: &[&str]) -> End {
    let to = database.url();
    sandbox
        .volley([&["--json", "ledger", "copy", "--to", &to], args].concat())
        .run()
}
