//! Live connections: what drives them, and how a request is given to one.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Protocol;
use crate::payload::Payload;

pub(crate) mod http1;
pub(crate) mod http2;

/// The way into a connection.
pub(crate) enum Sender {
    Http1(hyper::client::conn::http1::SendRequest<Payload>),
    Http2(hyper::client::conn::http2::SendRequest<Payload>),
}

/// A connection whose peer has agreed to a protocol.
pub(crate) struct Established {
    pub(crate) sender: Sender,
    pub(crate) streams: Arc<StreamsMax>,
}

/// How many requests the connection takes at a time; the peer may change it while it lives.
#[derive(Debug)]
pub(crate) struct StreamsMax(AtomicUsize);

/// How the peer answered to the preface of HTTP/2.
pub(crate) enum Greeting {
    /// It speaks it, and said how many streams it takes.
    Settings(Established),
    /// It ended the connection instead.
    Closed(String),
    /// It did neither in time.
    Silence(String),
}

/// The tasks that drive the connections, and what a waiter for a place wants to know of them.
#[derive(Debug, Default)]
pub(crate) struct Drivers {
    tasks: Mutex<JoinSet<()>>,
    /// A place may have come free.
    pub(crate) freed: Notify,
    pub(crate) opened: AtomicU64,
    pub(crate) open: AtomicUsize,
}

impl Sender {
    pub(crate) fn protocol(&self) -> Protocol {
        match self {
            Self::Http1(_) => Protocol::Http1,
            Self::Http2(_) => Protocol::Http2,
        }
    }

    /// Whether the connection takes no further request.
    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Http1(sender) => sender.is_closed(),
            Self::Http2(sender) => sender.is_closed(),
        }
    }

    /// Hands the request over; the answer's head follows. The request is the connection's when the future was polled
    /// first.
    pub(crate) async fn send(
        &mut self,
        request: Request<Payload>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Payload>>> {
        match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

impl StreamsMax {
    pub(crate) fn new(streams: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(streams)))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Publishes a number; true if it is a new one.
    pub(crate) fn set(&self, streams: usize) -> bool {
        self.0.swap(streams, Ordering::Relaxed) != streams
    }
}

impl Drivers {
    /// Runs a connection until it ends, or until the pool is dropped.
    pub(crate) fn spawn(self: &Arc<Self>, driver: impl Future<Output = ()> + Send + 'static) {
        let alive = Alive::new(Arc::clone(self));
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            driver.await;
            drop(alive);
        });
    }

    /// Ends all connections.
    pub(crate) fn abort(&self) {
        self.tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

/// Counts a connection for as long as its task lives, and wakes who may open another when it is over.
struct Alive(Arc<Drivers>);

impl Alive {
    fn new(drivers: Arc<Drivers>) -> Self {
        drivers.opened.fetch_add(1, Ordering::Relaxed);
        drivers.open.fetch_add(1, Ordering::Relaxed);
        Self(drivers)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_waiters();
    }
}
