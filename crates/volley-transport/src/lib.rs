//! Pace, pool and TLS over hyper, and the evidence of what the wire proved.
//!
//! A request goes `pace` (when may it go) → `pool` (a place on a live connection) → [`Ready::send`] (hand over, read
//! the answer) → [`Evidence`](volley_model::Evidence). Nothing here repeats a request or follows a redirect.
//!
//! Not here: what an answer means (the provider's `judge`), when to try again (the pipeline). This crate knows no
//! SMS and no money, and never parses a body.

mod backoff;
mod connection;
mod dial;
mod endpoint;
mod pace;
mod payload;
mod pool;
mod proof;
mod retry_after;
mod tls;

pub use backoff::Backoff;
pub use endpoint::{Endpoint, EndpointError};
pub use pace::{Limit, Pace, PaceConfig};
pub use pool::{
    Attempt, BODY_BYTES_MAX, CONNECT_TIMEOUT, Http2, Pool, PoolConfig, PoolStats, Protocol, Ready, TlsVersion,
};
pub use tls::TransportError;
