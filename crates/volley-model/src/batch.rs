//! A batch on its way: planned by the intake, sealed with its key, and the states the ledger keeps of it.

use std::fmt;

use bytes::Bytes;

use crate::segments::Measure;
use crate::{BodyBuffer, Field, LineCounts, Msisdn, Recipient};

/// Writes the body of a provider's request, one recipient after another, straight into the batch's buffer.
///
/// Implemented once a provider. The intake calls [`begin`](Self::begin) when it opens a batch, then
/// [`push`](Self::push) or [`push_again`](Self::push_again) for each recipient, then [`end`](Self::end) when it cuts.
pub trait BodyEncoder: Send {
    /// Writes what stands before the first recipient.
    fn begin(&mut self, body: &mut Vec<u8>);

    /// Writes one recipient.
    fn push(&mut self, body: &mut Vec<u8>, recipient: &Recipient<'_>);

    /// Writes one recipient again, whom [`push`](Self::push) has written into another body of the same message: all the bytes
    /// it wrote there. Byte for byte as if pushed here.
    fn push_again(&mut self, body: &mut Vec<u8>, written: &[u8]);

    /// Writes what stands behind the last recipient. The request key comes later: see [`SealedBatch`].
    fn end(&mut self, body: &mut Vec<u8>);

    /// What the message takes for this recipient. Asked only where segments are counted.
    fn measure(&self, recipient: &Recipient<'_>) -> Measure;

    /// Tells the characters of this recipient's fields that make the message UCS-2, each once a field. Asked only where
    /// they are counted, and only of messages that turned out UCS-2. What has no text has none.
    fn foreign_in_fields(&self, _recipient: &Recipient<'_>, _found: &mut dyn FnMut(Field, char)) {}
}

/// Where a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Which input of the run, from 0.
    pub input: u32,
    /// Its number in its input, from 1.
    pub line: u64,
}

/// What is kept of a recipient in a batch that may have to be taken apart again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where the recipient's bytes begin in the body. Sealing only adds behind them.
    pub from: u32,
    /// Behind their last.
    pub to: u32,
    /// What the message takes, where that is counted.
    pub measure: Option<Measure>,
    /// Where the line stands.
    pub place: Place,
}

/// A batch as the intake cut it: not on disk yet, nothing sent.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedBatch {
    /// The recipients, in the order of the body. Never empty, no number twice.
    pub members: Vec<Msisdn>,
    /// The request's body, but for the request key.
    pub body: BodyBuffer,
    /// Segments of all members; 0 where they are not counted.
    pub units: u64,
    /// The input lines consumed since the batch before, the members' lines among them as `planned`.
    pub lines: LineCounts,
    /// Where each member's line stands, in their order; empty where nobody wants to know.
    pub places: Vec<Place>,
    /// What it takes to take the batch apart again, of each member in their order; empty where it never has to be.
    pub parts: Vec<Part>,
}

// Bodies are full of numbers and names: batches print how much they hold, never what.

impl fmt::Debug for PlannedBatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "PlannedBatch({} members, {} bytes)",
            self.members.len(),
            self.body.len()
        )
    }
}

impl fmt::Debug for SealedBatch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "SealedBatch({}, {} members, {} bytes)",
            self.key,
            self.members.len(),
            self.body.len()
        )
    }
}

/// blake3 of a body without its request key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BodyHash(pub [u8; 32]);

impl BodyHash {
    /// Hashes a body.
    pub fn of(body: &[u8]) -> Self {
        Self(*blake3::hash(body).as_bytes())
    }
}

/// A body's hash while the body grows: of what there is so far, at any time, and no byte is looked at twice.
#[derive(Debug, Clone, Default)]
pub struct BodyHasher(blake3::Hasher);

impl BodyHasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all bytes so far.
    pub fn hash(&self) -> BodyHash {
        BodyHash(*self.0.finalize().as_bytes())
    }
}

/// The key by which the provider, or we in its listing, recognise a repeated request. ASCII letters and digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey(pub String);

impl fmt::Display for RequestKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A batch with its key: exactly the bytes that go on the wire, at every attempt.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBatch {
    /// The recipients.
    pub members: Vec<Msisdn>,
    /// The whole body, key included.
    pub body: Bytes,
    /// The hash of the body without the key; see [`BodyHash`].
    pub body_hash: BodyHash,
    /// The hash of the whole body, by which it is known again when it is read back.
    pub sealed_hash: BodyHash,
    /// The key.
    pub key: RequestKey,
    /// How many earlier batches of the campaign with this body ended without reaching anybody.
    pub generation: u32,
    /// Segments; 0 where they are not counted.
    pub units: u64,
    /// The input lines this batch accounts for.
    pub lines: LineCounts,
}

/// The state of a batch in the ledger. The ledger's schema allows the transitions that `docs/guarantee.md` draws, and no
/// other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BatchState {
    /// The intent is durable; a request may be on its way. Found open by a later run, it is in doubt.
    Intended,
    /// The provider answered with a ticket.
    Accepted,
    /// Sent, ticket unknown, cost estimated.
    Unticketed,
    /// The provider refused the request: nothing was sent.
    Refused,
    /// Not sent; the numbers are free again.
    Released,
    /// Refused for a named number; the others are free until a child takes them up.
    Split,
    /// Sent in simulation mode: nobody was reached, nothing is owed.
    Simulated,
    /// Whether it was sent cannot be known.
    InDoubt,
    /// The operator said that it was sent.
    DeclaredSent,
    /// The operator said that it was not sent; the numbers are free again.
    DeclaredNotSent,
    /// The operator gave it up: the numbers count as reached, the cost as open.
    Abandoned,
    /// Accepted, then cancelled at the provider before its time; the numbers are free again, the cost stays booked.
    Withdrawn,
}

impl BatchState {
    /// All states.
    pub const ALL: [Self; 12] = [
        Self::Intended,
        Self::Accepted,
        Self::Unticketed,
        Self::Refused,
        Self::Released,
        Self::Split,
        Self::Simulated,
        Self::InDoubt,
        Self::DeclaredSent,
        Self::DeclaredNotSent,
        Self::Abandoned,
        Self::Withdrawn,
    ];

    /// The state's name in the ledger and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Accepted => "accepted",
            Self::Unticketed => "unticketed",
            Self::Refused => "refused",
            Self::Released => "released",
            Self::Split => "split",
            Self::Simulated => "simulated",
            Self::InDoubt => "in_doubt",
            Self::DeclaredSent => "declared_sent",
            Self::DeclaredNotSent => "declared_not_sent",
            Self::Abandoned => "abandoned",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
