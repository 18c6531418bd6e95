//! A PostgreSQL of their own for tests: real, in a temporary folder, on a free port; it can be killed and brought back.
//!
//! Input: `PATH` and Debian's `/usr/lib/postgresql/15/bin`, where its programs are looked for.
//! Output: databases with a URL each, owned by a role that is no superuser.
//! Not here: anything of Volley.

mod database;
mod guard;
mod memory;
mod programs;
mod server;
mod skip;

pub use database::Database;
pub use server::{Identity, Server, Settings, shared};
pub use skip::is_there;
