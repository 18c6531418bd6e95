//! The server that tests get: it answers, is taken away and brought back, and leaves nothing behind. And the schema of the
//! ledger in it, held against that in SQLite.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod schema;
mod server;
