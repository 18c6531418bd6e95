//! The transport against real sockets on the loopback interface, and the pacer in paused time.

mod client;
mod pace;
mod peer;
mod pool;
mod proof;
mod protocol;
mod server;
mod tls;
