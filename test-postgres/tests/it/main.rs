//! The server that tests get: it answers, is taken away and brought back, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod server;
