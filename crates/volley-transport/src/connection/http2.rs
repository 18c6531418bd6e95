//! An HTTP/2 connection, driven by one task.
//!
//! hyper splits a client connection into a dispatcher, h2's connection and a future a request, and spawns them.
//! Here one task polls them all. Then nothing happens between the dispatcher's look at the connection and its opening
//! of a stream, and this is what makes a GOAWAY error a proof: h2 0.4.20 gives it to a stream only when the frame's
//! last id is below the stream's (`streams.rs`, `recv_go_away`), but hands the same error to whoever *opens* a stream
//! on a connection that is going away (`ensure_no_conn_error`); with tasks on two threads hyper 1.12 could report
//! that one for a stream that it had just opened, and that the peer still serves.
//!
//! Before the peer's SETTINGS the client may open no stream (`initial_max_send_streams(0)`); the first number above 0
//! is the peer's word, and the connection is given to the pool only then. RFC 9113, 6.5.2, lets a client assume 100
//! streams: a server that takes fewer refuses the rest of a cold burst.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Door, Drivers, Greeting, Sender};
use crate::payload::Payload;
use crate::pool::BODY_BYTES_MAX;

/// Streams of one connection, however many the peer takes: what waits in h2 is bounded.
const STREAMS_MAX: usize = 256;
/// The answers' windows: a whole body of the largest size without waiting for us, and four at a time.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
const _: () = assert!(BODY_BYTES_MAX <= STREAM_WINDOW_BYTES as usize);
/// The largest frame we take. Bodies are a few kilobytes; larger frames would only delay the others' frames.
const FRAME_BYTES_MAX: u32 = 1 << 14;
/// What h2 holds of one stream's body: 500 recipients are some 80 KB, 5,000 some 200 KB.
const SEND_BUFFER_BYTES: usize = 1 << 18;
/// The list of an answer's headers.
const HEADER_LIST_BYTES_MAX: u32 = 1 << 14;
/// How long nothing may come, with requests in flight, before we ask whether the peer is there; and for its answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

type Part = Pin<Box<dyn Future<Output = ()> + Send>>;
type Dispatcher<T> = http2::Connection<TokioIo<T>, Payload, Parts>;

/// Sends the preface and waits for the peer's SETTINGS.
pub(crate) async fn greet<T>(io: T, drivers: &Arc<Drivers>, within: Duration) -> Greeting
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let parts = Parts::default();
    let handshake = builder(&parts).handshake(TokioIo::new(io)).await;
    let (sender, dispatcher) = match handshake {
        Ok(halves) => halves,
        Err(error) => return Greeting::Closed(error.to_string()),
    };
    let (settled, settings) = oneshot::channel();
    let door = Door::new(sender);
    drivers.spawn(Driver {
        dispatcher: Some(dispatcher),
        parts,
        running: FuturesUnordered::new(),
        door: Arc::downgrade(&door),
        settled: Some(settled),
        drivers: Arc::clone(drivers),
    });
    match timeout(within, settings).await {
        Ok(Ok(())) => Greeting::Settings(Sender::Http2(door)),
        Ok(Err(_)) => Greeting::Closed("the peer ended the connection before its HTTP/2 SETTINGS".to_owned()),
        Err(_) => Greeting::Silence(format!("no HTTP/2 SETTINGS from the peer in {within:?}")),
    }
}

fn builder(parts: &Parts) -> http2::Builder<Parts> {
    let mut builder = http2::Builder::new(parts.clone());
    builder
        .timer(TokioTimer::new())
        .initial_max_send_streams(0)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_header_list_size(HEADER_LIST_BYTES_MAX)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// The "executor" that hyper spawns its futures with: they wait here until the driver takes them.
#[derive(Clone, Default)]
struct Parts(Arc<Mutex<Vec<Part>>>);

impl Parts {
    fn take(&self) -> Vec<Part> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Parts {
    fn execute(&self, future: F) {
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push(Box::pin(future));
    }
}

/// Everything of one connection, as one future. It is over when the last answer is in and no request can come.
struct Driver<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Opens the streams; `None` once the connection takes no more. Dropped at once then: this tells the senders.
    dispatcher: Option<Dispatcher<T>>,
    parts: Parts,
    running: FuturesUnordered<Part>,
    /// The pool's and the requests'. When all of them have let go of it, no request can come any more.
    door: Weak<Door>,
    settled: Option<oneshot::Sender<()>>,
    drivers: Arc<Drivers>,
}

impl<T> Driver<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_dispatcher(&mut self, context: &mut Context<'_>) {
        let Some(dispatcher) = &mut self.dispatcher else {
            return;
        };
        match Pin::new(dispatcher).poll(context) {
            Poll::Pending => self.publish_streams(),
            Poll::Ready(ended) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "HTTP/2 connection takes no more requests");
                }
                self.dispatcher = None;
                self.settled = None;
                if let Some(door) = self.door.upgrade() {
                    door.close();
                }
                self.drivers.freed.notify_waiters();
            }
        }
    }

    fn publish_streams(&mut self) {
        let (Some(dispatcher), Some(door)) = (&self.dispatcher, self.door.upgrade()) else {
            return;
        };
        let streams = dispatcher.current_max_send_streams().min(STREAMS_MAX);
        if !door.set_streams(streams) {
            return;
        }
        if let Some(settled) = self.settled.take() {
            // Nobody listens where the greeting took too long; then the door is gone too, and this ends.
            let _ = settled.send(());
        }
        self.drivers.freed.notify_waiters();
    }
}

impl<T> Future for Driver<T>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let parts = self.parts.take();
            self.running.extend(parts);
            while let Poll::Ready(Some(())) = self.running.poll_next_unpin(context) {}
            // After the connection, since only so the dispatcher notices that it is going away.
            self.poll_dispatcher(context);
            let spawned = !self
                .parts
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .is_empty();
            if spawned {
                continue;
            }
            let over = self.dispatcher.is_none() && self.running.is_empty();
            return if over { Poll::Ready(()) } else { Poll::Pending };
        }
    }
}
