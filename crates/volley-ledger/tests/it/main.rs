//! The ledger as its callers see it: real files, the real writer's thread.
#![expect(clippy::unwrap_used, reason = "the stage's own functions are test code too")]

mod campaign;
mod damage;
mod doubts;
mod forget;
mod kill;
mod lifecycle;
mod list_campaigns;
mod lookup;
mod model;
mod pricing;
mod split;
mod stage;
mod standing;
mod suppress;
mod transitions;
mod upgrade;
mod verify;
mod withdraw;
mod word;
