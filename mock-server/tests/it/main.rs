//! The mock, from outside: what a client on the wire gets, and what the record says afterwards.

mod client;

mod cancel;
mod control;
mod faults;
mod lists;
mod load;
mod parameters;
mod process;
mod protocols;
mod send;
