//! The ledger's schema in PostgreSQL against that in SQLite: the same statements, the same answers.

mod both;
mod rules;
mod shared;
mod transitions;
mod views;
