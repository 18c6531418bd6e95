//! What the dispatcher needs of the world outside: a wire, a journal, a clock. The real ones are here; the simulation of
//! the tests has others, with faults, crashes and time of their own.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use volley_ledger::{BatchId, Conclusion, Intended, Intent, LedgerError, Writer};
use volley_model::{Evidence, Unsent};
use volley_transport::{Pool, Ready};

use crate::clock;

/// Connections to the provider.
pub(super) trait Wire {
    /// A place on a live connection.
    type Stream;

    /// Waits for a place; an error proves that nothing was sent.
    fn ready(&self) -> impl Future<Output = Result<Self::Stream, Unsent>>;

    /// Hands a request over at once, and observes what comes of it.
    fn send(
        &self,
        stream: Self::Stream,
        request: http::Request<Bytes>,
        timeout: Duration,
    ) -> impl Future<Output = Evidence>;
}

impl Wire for Pool {
    type Stream = Ready;

    async fn ready(&self) -> Result<Ready, Unsent> {
        self.ready().await
    }

    async fn send(&self, stream: Ready, request: http::Request<Bytes>, timeout: Duration) -> Evidence {
        stream.send(request, timeout).await.evidence
    }
}

/// What must be durable. See [`Writer`] for what each promises.
pub(super) trait Journal {
    /// Durable once it returns so; else nothing of it is written.
    fn intend(&self, intent: Intent) -> impl Future<Output = Result<Intended, LedgerError>>;

    /// Durable once it returns.
    fn conclude(&self, id: BatchId, conclusion: Conclusion) -> impl Future<Output = Result<(), LedgerError>>;

    /// The provider's listing, asked for then, lacked these batches in doubt. Durable once it returns.
    fn absent(&self, ids: Vec<BatchId>, at: Timestamp) -> impl Future<Output = Result<(), LedgerError>>;

    /// The bytes of an open batch; `None` if they are lost.
    fn body(&self, id: BatchId) -> impl Future<Output = Result<Option<Bytes>, LedgerError>>;
}

impl Journal for Writer {
    async fn intend(&self, intent: Intent) -> Result<Intended, LedgerError> {
        self.intend(intent).await
    }

    async fn conclude(&self, id: BatchId, conclusion: Conclusion) -> Result<(), LedgerError> {
        self.conclude(id, conclusion).await
    }

    async fn absent(&self, ids: Vec<BatchId>, at: Timestamp) -> Result<(), LedgerError> {
        self.absent(ids, at).await
    }

    async fn body(&self, id: BatchId) -> Result<Option<Bytes>, LedgerError> {
        self.body(id).await
    }
}

/// The wall clock.
pub(super) trait Clock {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// The machine's.
pub(super) struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        clock::now()
    }
}
