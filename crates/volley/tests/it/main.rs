//! What the `volley` binary does, seen from outside: files in, exit codes and accounts out, the mock as the oracle.

mod books;
mod support;

mod account;
mod cli;
mod faults;
mod inputs;
mod kills;
mod signals;
mod transport;
mod workspace;
