//! The transport against real sockets on the loopback interface, and the pacer in paused time.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test they are how it fails; clippy knows only functions marked as tests"
)]

mod client;
mod pace;
mod peer;
mod pool;
mod proof;
mod protocol;
mod server;
mod tls;
