//! The intake from outside: bytes in, batches, rejections and the account out.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking")]

mod account;
mod chunks;
mod encoder;
mod faults;
mod inputs;
mod reasons;
mod returns;
mod stops;
