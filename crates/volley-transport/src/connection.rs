//! Live connections: what drives them, and how a request is given to one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::{Either, select};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::SendRequest as Http1Sender;
use hyper::client::conn::http2::SendRequest as Http2Sender;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::Protocol;
use crate::payload::Payload;

pub(crate) mod http1;
pub(crate) mod http2;

/// The way into a connection.
pub(crate) enum Sender {
    Http1(Http1Sender<Payload>),
    Http2(Arc<Door>),
}

/// The way into an HTTP/2 connection, shared by its requests.
///
/// A request that comes in at the very moment the connection ends stays in hyper's queue, unanswered, until the last
/// sender of that queue is dropped (tokio's channels do not promise more). So there is one sender, here; it is
/// copied for the moment of handing over only, and dropped as soon as the connection takes no more.
pub(crate) struct Door {
    sender: Mutex<Option<Http2Sender<Payload>>>,
    /// How many streams the peer takes at a time; it may change that while the connection lives.
    streams: AtomicUsize,
}

/// Why a request has no answer; `None`: the connection was closed to it.
pub(crate) type Failure = Option<TrySendError<Request<Payload>>>;

/// How the peer answered to the preface of HTTP/2.
pub(crate) enum Greeting {
    /// It speaks it, and said how many streams it takes.
    Settings(Sender),
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
            Self::Http2(door) => door.lock().as_ref().is_none_or(Http2Sender::is_closed),
        }
    }

    /// Hands the request over, at the first poll, and waits for the head of its answer. The sender comes back where
    /// the connection may serve another.
    pub(crate) async fn send(
        self,
        request: Request<Payload>,
    ) -> (Result<Response<Incoming>, Failure>, Option<Self>) {
        match self {
            Self::Http1(mut sender) => {
                let answer = pin!(sender.try_send_request(request));
                let closed = pin!(poll_fn(|context| sender.poll_ready(context)));
                match select(answer, closed).await {
                    Either::Left((answer, _)) => (answer.map_err(Some), Some(Self::Http1(sender))),
                    // Ready for the next: this one's answer came while we looked.
                    Either::Right((Ok(()), answer)) => {
                        (answer.await.map_err(Some), Some(Self::Http1(sender)))
                    }
                    Either::Right((Err(_), answer)) => {
                        // As with `Door`: the last sender has to go for hyper to give the request back.
                        drop(sender);
                        (answer.await.map_err(Some), None)
                    }
                }
            }
            Self::Http2(door) => {
                let Some(mut sender) = door.lock().clone() else {
                    return (Err(None), None);
                };
                let answer = sender.try_send_request(request);
                drop(sender);
                (answer.await.map_err(Some), Some(Self::Http2(door)))
            }
        }
    }
}

impl Door {
    pub(crate) fn new(sender: Http2Sender<Payload>) -> Arc<Self> {
        Arc::new(Self {
            sender: Mutex::new(Some(sender)),
            streams: AtomicUsize::new(0),
        })
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// Publishes the number of streams; true if it is a new one.
    pub(crate) fn set_streams(&self, streams: usize) -> bool {
        self.streams.swap(streams, Ordering::Relaxed) != streams
    }

    /// No request comes in any more.
    pub(crate) fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Http2Sender<Payload>>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
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
struct Alive {
    drivers: Arc<Drivers>,
    /// Since the start.
    nth: u64,
}

impl Alive {
    fn new(drivers: Arc<Drivers>) -> Self {
        let nth = drivers.opened.fetch_add(1, Ordering::Relaxed) + 1;
        let open = drivers.open.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::debug!(connection = nth, open, "connection opened");
        Self { drivers, nth }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        let open = self.drivers.open.fetch_sub(1, Ordering::Relaxed) - 1;
        tracing::debug!(connection = self.nth, open, "connection ended");
        self.drivers.freed.notify_waiters();
    }
}
