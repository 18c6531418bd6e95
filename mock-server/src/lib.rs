//! A mock of Octopush and Exotel that remembers every message it accepted.
//!
//! It is written from the providers' own pages and shares no code with the client: both meet at the wire
//! only, else both could be wrong together. Its record is the oracle of the tests: what counts is what the
//! provider saw, not what the client thinks it sent.
//!
//! *Input*: HTTP/1.1 and HTTP/2 on one port, in the clear or over TLS; a [`Config`].
//! *Output*: the provider's answers; the record, over the control routes under `/__mock/` and by
//! [`Running`].
//! *Bounds*: a request body is at most [`BODY_BYTES_MAX`] bytes; memory grows with the distinct numbers,
//! tickets and request keys it has accepted, with the campaigns on lists, with the numbers of what can still be
//! cancelled, and with Exotel's campaigns and their calls, until a reset.
//! *Not here*: another provider, which would be one more module beside `octopush` and `exotel`.
//!
//! ```no_run
//! # async fn example() -> Result<(), mock_server::MockError> {
//! let mock = mock_server::start(mock_server::Config::default()).await?;
//! let send = format!("{}/v1/public/sms-campaign/send", mock.base_url());
//! // … send to it …
//! assert_eq!(mock.stats().together.max_per_recipient, 1);
//! mock.stop().await;
//! # let _ = send;
//! # Ok(())
//! # }
//! ```

mod config;
mod error;
mod server;

mod exchange;
mod fault;

mod control;
mod exotel;
mod octopush;
mod provider;
mod unknown;

mod clock;
mod mock;
mod record;

pub use config::{Config, Price, Protocols, ServerConfig, TlsIdentity};
pub use error::MockError;
pub use exchange::BODY_BYTES_MAX;
pub use exotel::{
    ExotelAccount, ExotelAudienceConfig, ExotelConfig, ExotelStrict, IllegalAction, ListItems, NameFilter,
    NumberText, Outcomes,
};
pub use fault::{At, Deed, FaultRule, FaultScript, RuleError};
pub use octopush::{
    AnswerFields, AudienceConfig, CancelConfig, ComputingAnswer, Credentials, DuplicateConfig, ListConfig,
    OctopushConfig, ReadySpelling, StatusAfterSend, Strict,
};
pub use record::{ByProtocol, ProviderStats, RecipientCount, Stats, Ticket};
pub use server::{Running, spawn_thread, start};
