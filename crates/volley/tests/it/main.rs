//! What the `volley` binary does, seen from outside: files in, exit codes and accounts out, the mock as the oracle.

mod support;

mod account;
mod cli;
mod inputs;
mod workspace;
