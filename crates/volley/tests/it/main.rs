//! What the `volley` binary does, seen from outside: files in, exit codes and accounts out, the mock as the oracle.

#![expect(
    clippy::panic,
    reason = "in a test it is how it fails; clippy knows only functions marked as tests"
)]

mod books;
mod by_hand;
mod skip;
mod support;

mod account;
mod cli;
mod disk;
mod exotel;
mod faults;
mod inputs;
mod kills;
mod nginx;
mod octopush;
mod operator;
mod raw_peer;
mod signals;
mod strace;
mod transport;
mod watch;
mod workspace;
