//! Who waits for whom before a run begins: advisory locks of the server's, held until the transaction ends, or the connection.
//!
//! Not here: whether the run may begin then.

use crate::database::{self, Connection, Params, params};

/// Lets one at a time begin a run of a campaign, until the transaction ends. Whoever wants the suppression list, too, takes that
/// first.
pub(crate) fn enter_alone(connection: &Connection, name: &str) -> database::Result<()> {
    let lock = "SELECT pg_advisory_xact_lock(hashtext('volley campaign'), hashtext(?1))::text";
    wait_for(connection, lock, params![name])
}

/// The same until the connection is closed, for whoever has [it](enter_alone) to the end of its transaction.
pub(crate) fn stay_alone(connection: &Connection, name: &str) -> database::Result<()> {
    let lock = "SELECT pg_advisory_lock(hashtext('volley campaign'), hashtext(?1))::text";
    connection.query_row(lock, params![name], |_| Ok(()))
}

/// Waits for an advisory lock behind runs that begin: many may begin at once, one after another.
pub(crate) fn wait_for(connection: &Connection, lock: &str, of: impl Params) -> database::Result<()> {
    connection.execute_batch("SET LOCAL lock_timeout = '60s'")?;
    connection.query_row(lock, of, |_| Ok(()))?;
    connection.execute_batch("SET LOCAL lock_timeout = '5s'")
}
