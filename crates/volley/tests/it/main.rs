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
mod copy;
mod data_tools;
mod disk;
mod documents;
mod examples;
mod exotel;
mod export;
mod faults;
mod inputs;
mod kills;
mod messages;
mod namespaces;
mod nginx;
mod octopush;
mod operator;
mod over_a_server;
mod raw_peer;
mod report_page;
mod signals;
mod strace;
mod suppress;
mod transport;
mod watch;
mod workers;
mod workspace;
