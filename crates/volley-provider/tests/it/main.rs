//! Behaviour of the crate, seen from outside.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail by panicking too")]

mod evidence;

mod exotel_body;
mod exotel_judge;
mod exotel_reading;
mod octopush_body;
mod octopush_judge;
