//! The ledger as its callers see it: real files, a real server, the real writer's thread.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the stage's own functions are test code too"
)]
#![expect(
    clippy::duplicate_mod,
    reason = "the same tests run over a file and over a server"
)]

mod damage;
mod files;
mod in_a_file;
mod kill;
mod on_a_server;
mod stage;
mod transitions;
mod upgrade;
mod verify;
