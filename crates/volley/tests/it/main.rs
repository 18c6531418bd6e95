//! What the `volley` binary does, seen from outside: files in, exit codes and accounts out, the mock as the oracle.

#![expect(
    clippy::panic,
    reason = "in a test it is how it fails; clippy knows only functions marked as tests"
)]

mod books;
mod support;
mod skip;

mod account;
mod cli;
mod faults;
mod inputs;
mod kills;
mod operator;
mod signals;
mod transport;
mod workspace;
mod disk;
mod nginx;
mod strace;
