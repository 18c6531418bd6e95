//! What the transport observed of one attempt: facts, not conclusions.
//!
//! The provider's `judge` turns evidence into a [`Verdict`](crate::Verdict); the classes are the table of
//! `docs/guarantee.md`, "What the wire proves". The transport puts an attempt into [`Evidence::Unsent`] or [`Evidence::NotProcessed`]
//! only where the protocol proves it, and into [`Evidence::Lost`] in every other case without an answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

/// What is known of an attempt once it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// No byte of the request's body left us: its head may have, but whoever never got the recipients cannot have sent
    /// to them.
    Unsent(Unsent),
    /// The peer said that it did not process the request.
    NotProcessed(NotProcessed),
    /// The head of an answer came; its body perhaps not whole.
    Answered(Answer),
    /// Handed over, and no answer's head came.
    Lost(Lost),
}

/// Why nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// The host's name did not resolve.
    Dns(String),
    /// No connection.
    Connect(String),
    /// The TLS handshake failed. Certificate faults do not pass by themselves: the run stops at once.
    Tls {
        /// Whether the certificate is at fault.
        certificate: bool,
        /// What rustls says.
        detail: String,
    },
    /// The connection ended before the request was handed to it.
    Cancelled(String),
}

/// How the peer said that it did not process the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NotProcessed {
    /// `RST_STREAM` with `REFUSED_STREAM` (RFC 9113, 8.7).
    RefusedStream,
    /// `GOAWAY` with a last stream id below ours (RFC 9113, 6.8).
    GoAway,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds or as a date, as time from now; nonsense is `None`, at most 15 minutes.
    pub retry_after: Option<Duration>,
    /// The answer's `Date`, in seconds since 1970; `None` if it has none that can be read.
    pub date: Option<i64>,
    /// The body.
    pub body: AnswerBody,
}

/// The body of an answer. Prints its length only: it may echo numbers.
#[derive(Clone, PartialEq, Eq)]
pub enum AnswerBody {
    /// All of it.
    Whole(Bytes),
    /// It broke off.
    Cut,
    /// Longer than the transport takes (1 MiB).
    TooLarge,
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(out, "Whole({} bytes)", bytes.len()),
            Self::Cut => out.write_str("Cut"),
            Self::TooLarge => out.write_str("TooLarge"),
        }
    }
}

/// How an answer was lost after the request was handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// No answer within `request_timeout`.
    Timeout,
    /// The stream or the connection was reset.
    Reset(String),
    /// The connection ended.
    Eof(String),
    /// Anything else the HTTP library reports.
    Protocol(String),
    /// We gave up waiting, being told to stop.
    Abandoned,
}

impl Evidence {
    /// A short name for the ledger and for logs, without numbers or bodies.
    pub fn summary(&self) -> String {
        match self {
            Self::Unsent(Unsent::Dns(detail)) => format!("unsent: name not resolved: {detail}"),
            Self::Unsent(Unsent::Connect(detail)) => format!("unsent: no connection: {detail}"),
            Self::Unsent(Unsent::Tls { detail, .. }) => format!("unsent: TLS: {detail}"),
            Self::Unsent(Unsent::Cancelled(detail)) => format!("unsent: connection ended: {detail}"),
            Self::NotProcessed(NotProcessed::RefusedStream) => "not processed: REFUSED_STREAM".to_owned(),
            Self::NotProcessed(NotProcessed::GoAway) => "not processed: GOAWAY".to_owned(),
            Self::Answered(answer) => match answer.body {
                AnswerBody::Whole(_) => format!("answered {}", answer.status),
                AnswerBody::Cut => format!("answered {}, body cut off", answer.status),
                AnswerBody::TooLarge => format!("answered {}, body too large", answer.status),
            },
            Self::Lost(Lost::Timeout) => "lost: no answer in time".to_owned(),
            Self::Lost(Lost::Reset(detail)) => format!("lost: reset: {detail}"),
            Self::Lost(Lost::Eof(detail)) => format!("lost: connection ended: {detail}"),
            Self::Lost(Lost::Protocol(detail)) => format!("lost: {detail}"),
            Self::Lost(Lost::Abandoned) => "lost: stopped waiting".to_owned(),
        }
    }
}
