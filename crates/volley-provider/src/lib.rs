//! The providers' APIs as exchanges without I/O: what to send, and what an answer means.
//!
//! A provider is a folder: `encode` writes bodies, `seal` gives them their key, `judge` reads the evidence of an
//! attempt, `codes` knows the provider's own codes, `wire` the shapes of its answers. Nothing here awaits, opens a
//! file, touches a socket or reads a clock: bytes and times come in as arguments.

pub mod exotel;
pub mod octopush;

mod api;

mod base62;
mod credentials;
mod json_run;
mod json_string;
mod one_line;
mod provider_text;
mod reply;
mod uri;

pub use api::{Api, Content, JudgeContext, Provider, Sealer};
pub use credentials::{CredentialsError, ExotelCredentials, OctopushCredentials, Secret};
pub use provider_text::presentable;
pub use reply::{Reply, Said};
