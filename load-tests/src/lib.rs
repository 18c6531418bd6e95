//! Seeded contacts of any size, together with the truth about them, and scenarios that measure the real binaries with
//! them.
//!
//! Input: the command line of the `load-tests` binary; scenarios as TOML files in `load-tests/scenarios/`.
//! Output: NDJSON and the account that a correct run must come to; measured figures, as text or JSON.
//! Bounds: memory does not grow with the number of recipients; every scenario ends by itself after its own time limit;
//! traffic stays on loopback.
//! Not here: any crate of the product. Its programs are run as anybody would run them.

pub mod generate;

pub mod scenario;

mod bare;
mod counting;
mod record;

mod campaign;
mod child;
mod contacts;
mod control;
mod ledger;
mod peer;
mod pin;
mod server;
mod tls;

mod check;
mod measure;
mod stage;

mod shared;
mod sizing;

mod expression;
pub mod results;
pub mod run;

pub mod compare;
mod plot;
pub mod report;

mod clock;
mod machine;

mod error;

pub use bare::Bare;
pub use counting::Count;
pub use error::LoadError;
pub use shared::Shared;
pub use sizing::Sizing;
