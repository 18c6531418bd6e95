//! The nouns of a campaign: numbers, recipients, messages, batches, money, evidence, verdicts.
//!
//! Pure values. Nothing here awaits, opens a file, reads a clock or knows the shape of a provider's JSON.
//! The modules stand in the order in which a recipient meets them on the way from a line to a ticket.

mod excerpt;
mod msisdn;
mod recipient;
mod template;

pub mod segments;

mod batch;
mod body;
mod evidence;
mod lines;
mod list_campaign;
mod money;
mod verdict;

pub use batch::{
    BatchState, BodyEncoder, BodyHash, BodyHasher, Part, Place, PlannedBatch, RequestKey, SealedBatch,
};
pub use body::{BodyBuffer, BodyPool};
pub use evidence::{Answer, AnswerBody, Evidence, Lost, NotProcessed, Unsent};
pub use excerpt::Excerpt;
pub use lines::{LineCounts, Reason};
pub use list_campaign::{Audience, ListCampaignState};
pub use money::{Amount, AmountError, CostSource, Currency};
pub use msisdn::{Msisdn, MsisdnError};
pub use recipient::{Field, FieldSet, Recipient};
pub use template::{Template, TemplateError};
pub use verdict::{Acceptance, Refusal, Verdict};
