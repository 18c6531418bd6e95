//! The intake from outside: bytes in, batches, rejections and the account out.

mod account;
mod chunks;
mod encoder;
mod faults;
mod inputs;
mod reasons;
mod stops;
