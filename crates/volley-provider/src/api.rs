//! Either provider, for whoever sends batches and need not know whose they are.
//!
//! What both have is here, each as a choice between two; what one alone has is asked of it by its own name.

use std::collections::HashMap;
use std::num::NonZeroU32;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use volley_model::{
    Amount, Answer, BodyEncoder, BodyHash, Currency, Evidence, FieldSet, LineCounts, Msisdn, PlannedBatch,
    Refusal, RequestKey, SealedBatch, Verdict,
};

use crate::Reply;
use crate::exotel::{self, Exotel, VoiceMessage};
use crate::octopush::{self, Octopush};

/// Whose API it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// SMS.
    Octopush,
    /// Voice.
    Exotel,
}

impl Provider {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Octopush, Self::Exotel];

    /// The name in the campaign file and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Self::Octopush => "octopush",
            Self::Exotel => "exotel",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Octopush => "Octopush",
            Self::Exotel => "Exotel",
        }
    }

    /// The provider of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The most recipients of one request.
    pub fn recipients_max(self) -> usize {
        match self {
            Self::Octopush => octopush::RECIPIENTS_MAX,
            Self::Exotel => exotel::RECIPIENTS_MAX,
        }
    }

    /// A refusal for a user to read.
    pub fn explain(self, refusal: &Refusal) -> String {
        match self {
            Self::Octopush => octopush::explain(refusal),
            Self::Exotel => exotel::explain(refusal),
        }
    }
}

/// What a campaign sends, apart from the recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An SMS by Octopush.
    Sms(octopush::Message),
    /// A call by Exotel.
    Voice(VoiceMessage),
}

impl Content {
    /// Who sends it.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Sms(_) => Provider::Octopush,
            Self::Voice(_) => Provider::Exotel,
        }
    }

    /// The SMS, if it is one.
    pub fn sms(&self) -> Option<&octopush::Message> {
        match self {
            Self::Sms(message) => Some(message),
            Self::Voice(_) => None,
        }
    }

    /// The call, if it is one.
    pub fn voice(&self) -> Option<&VoiceMessage> {
        match self {
            Self::Sms(_) => None,
            Self::Voice(message) => Some(message),
        }
    }

    /// What the recipient gets, as key and value: it may change only while nobody has been reached.
    pub fn parts(&self) -> Vec<(String, String)> {
        let parts = match self {
            Self::Sms(message) => vec![
                ("text", message.template.wire().to_owned()),
                ("type", message.kind.name().to_owned()),
                ("purpose", message.purpose.name().to_owned()),
                ("sender", message.sender.as_str().to_owned()),
                ("with_replies", message.with_replies.to_string()),
            ],
            Self::Voice(message) => vec![
                ("url", message.url.as_str().to_owned()),
                ("caller_id", message.caller_id.as_str().to_owned()),
            ],
        };
        parts
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// The fields that a recipient must have.
    pub fn required(&self) -> FieldSet {
        match self {
            Self::Sms(message) => message.template.required(),
            Self::Voice(_) => FieldSet::default(),
        }
    }

    /// Whether the provider only pretends; Exotel cannot.
    pub fn is_simulated(&self) -> bool {
        self.sms().is_some_and(|message| message.simulation_mode)
    }

    /// Whether French recipients may not get it as it is.
    pub fn lacks_stop_mention(&self) -> bool {
        self.sms().is_some_and(octopush::Message::lacks_stop_mention)
    }

    /// When it goes out, as written; `None`: at once.
    pub fn send_at(&self) -> Option<(String, Timestamp)> {
        match self {
            Self::Sms(message) => message
                .send_at
                .as_ref()
                .map(|at| (at.as_str().to_owned(), at.instant())),
            Self::Voice(message) => message
                .schedule
                .as_ref()
                .and_then(exotel::Schedule::send_at)
                .map(|at| (at.as_str().to_owned(), at.instant())),
        }
    }

    /// The most that is charged for each unit of a batch: an SMS's segments once, a call as often as it is dialled.
    pub fn charges_per_unit(&self) -> u64 {
        match self {
            Self::Sms(_) => 1,
            Self::Voice(message) => message.calls_max_per_recipient(),
        }
    }

    /// The currency of what it costs, where the provider has one only.
    pub fn currency(&self) -> Currency {
        match self {
            Self::Sms(_) => octopush::CURRENCY,
            Self::Voice(_) => exotel::currency_open(),
        }
    }

    /// Writes the recipients into bodies.
    pub fn encoder(&self) -> Box<dyn BodyEncoder> {
        match self {
            Self::Sms(message) => Box::new(octopush::Encoder::new(message)),
            Self::Voice(message) => Box::new(exotel::Encoder::new(message)),
        }
    }

    /// Gives the batches of a campaign their keys. `generations` as in the providers' own.
    pub fn sealer(&self, account: &str, campaign: &str, generations: HashMap<BodyHash, u32>) -> Sealer {
        match self {
            Self::Sms(message) => Sealer::Octopush(octopush::Sealer::new(
                account,
                campaign,
                message.simulation_mode,
                generations,
            )),
            Self::Voice(message) => Sealer::Exotel {
                sealer: exotel::Sealer::new(account, campaign, generations),
                encoder: exotel::Encoder::new(message),
            },
        }
    }
}

/// Gives the batches of one campaign their keys.
#[derive(Debug)]
pub enum Sealer {
    /// A `request_id`.
    Octopush(octopush::Sealer),
    /// A campaign's name.
    Exotel {
        /// For batches and their children.
        sealer: exotel::Sealer,
        /// For children.
        encoder: exotel::Encoder,
    },
}

impl Sealer {
    /// Seals a batch.
    pub fn seal(&self, batch: PlannedBatch) -> SealedBatch {
        match self {
            Self::Octopush(sealer) => sealer.seal(batch),
            Self::Exotel { sealer, .. } => sealer.seal(batch),
        }
    }

    /// The batch in which the other numbers go again, once one of a batch's was refused. `line` is the key of the batch that
    /// all this began with, and no `n` may come twice in a line. `counted`: whether the campaign counts units. `None` where the
    /// provider refuses no single number.
    pub fn child(
        &self,
        line: &RequestKey,
        n: NonZeroU32,
        members: Vec<Msisdn>,
        counted: bool,
    ) -> Option<SealedBatch> {
        match self {
            Self::Octopush(_) => None,
            Self::Exotel { sealer, encoder } => {
                let planned = PlannedBatch {
                    body: encoder.child_body(&members).into(),
                    units: if counted { members.len() as u64 } else { 0 },
                    // The parent's count for it.
                    lines: LineCounts::default(),
                    members,
                    places: Vec::new(),
                    parts: Vec::new(),
                };
                Some(sealer.seal_child(line, n, planned))
            }
        }
    }
}

/// What must be known beside the evidence to judge an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JudgeContext<'a> {
    /// Octopush's codes that mean a duplicate key.
    pub duplicate_codes: &'a [u32],
    /// Whether an earlier attempt of this key was in doubt.
    pub doubted: bool,
    /// Whether the request asked for simulation.
    pub simulated: bool,
    /// The batch's numbers, one of which a refusal of Exotel's may name; none for a request that is no batch.
    pub members: &'a [Msisdn],
}

/// The requests of one account, and what their answers mean.
#[derive(Debug, Clone)]
pub enum Api {
    /// Octopush's.
    Octopush(Octopush),
    /// Exotel's.
    Exotel(Exotel),
}

impl Api {
    /// Whose it is.
    pub fn provider(&self) -> Provider {
        match self {
            Self::Octopush(_) => Provider::Octopush,
            Self::Exotel(_) => Provider::Exotel,
        }
    }

    /// The request that sends a sealed body.
    pub fn send_request(&self, body: Bytes) -> Request<Bytes> {
        match self {
            Self::Octopush(octopush) => octopush.send_request(body),
            Self::Exotel(exotel) => exotel.create_request(body),
        }
    }

    /// A request that costs nothing and changes nothing: it shows whether the provider answers.
    pub fn free_request(&self) -> Request<Bytes> {
        match self {
            Self::Octopush(octopush) => octopush.balance_request(),
            Self::Exotel(exotel) => exotel.free_request(),
        }
    }

    /// Judges one attempt.
    pub fn judge(&self, evidence: &Evidence, context: &JudgeContext<'_>) -> Verdict {
        match self {
            Self::Octopush(octopush) => octopush.judge(
                evidence,
                &octopush::JudgeContext {
                    duplicate_codes: context.duplicate_codes,
                    doubted: context.doubted,
                    simulated: context.simulated,
                },
            ),
            Self::Exotel(exotel) => exotel.judge(
                evidence,
                &exotel::JudgeContext {
                    members: context.members,
                },
            ),
        }
    }

    /// What came of a request that is no batch, such as the free one.
    pub fn reply(&self, evidence: &Evidence) -> Reply {
        match self {
            Self::Octopush(octopush) => octopush.reply(evidence),
            Self::Exotel(exotel) => exotel.reply(evidence),
        }
    }

    /// Whether the answer to the free request is a good one. What is asked for there has no ticket, and owes none.
    pub fn is_good(&self, evidence: &Evidence) -> bool {
        matches!(self.reply(evidence), Reply::Done(_))
    }

    /// The credit that the answer to the free request tells; Exotel's tells none.
    pub fn credit(&self, answer: &Answer) -> Option<Amount> {
        match self {
            Self::Octopush(octopush) => octopush.credit(answer),
            Self::Exotel(_) => None,
        }
    }
}
