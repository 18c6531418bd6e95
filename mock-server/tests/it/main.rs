//! The mock, from outside: what a client on the wire gets, and what the record says afterwards.

mod client;

mod cancel;
mod control;
mod exotel_callbacks;
mod exotel_calls;
mod exotel_client;
mod exotel_create;
mod exotel_faults;
mod exotel_list;
mod exotel_update;
mod faults;
mod lists;
mod load;
mod parameters;
mod process;
mod protocols;
mod send;
