//! The ledger as its callers see it: real files, the real writer's thread.

mod campaign;
mod damage;
mod lifecycle;
mod model;
mod stage;
mod standing;
