//! N connections to one endpoint, and a place on one of them for each request.
//!
//! Connections are opened when their turn comes, so that with N requests all N exist; they take turns while they
//! have room. One that closed, was told to go away, idled too long or has had its share of requests is replaced.
//! Whoever opens a connection waits for it; when it fails, everybody who waited for one learns why at once.
//!
//! Bounds: `connections` at a time (but one a request with `fresh_connections`: there the callers are the bound),
//! the peer's limit of streams on each.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use volley_model::Unsent;

use crate::Endpoint;
use crate::connection::{Drivers, Sender};
use crate::dial::Dialler;
use crate::tls::{Tls, TransportError};

mod ready;
mod slots;

pub use ready::{Attempt, Ready};
use slots::{Claim, Slots};

/// How long each step of opening a connection may take, for callers with no opinion of their own: far above what any
/// step takes over a slow line, and a third of the time that a request is given.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest body of an answer that is read.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What a pool is made of.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// Where the requests go.
    pub base: Endpoint,
    /// How many connections are kept.
    pub connections: NonZeroUsize,
    /// Which protocol.
    pub http2: Http2,
    /// PEM certificates of the authorities to trust, instead of the platform's.
    pub ca_file: Option<Vec<u8>>,
    /// A connection that idled that long is not used again.
    pub idle_timeout: Duration,
    /// A connection that had so many requests is not used again; 0: no limit.
    pub max_requests_per_connection: u64,
    /// A new connection for every request.
    pub fresh_connections: bool,
    /// How long each step of opening a connection may take: name and TCP, TLS, the peer's SETTINGS.
    pub connect_timeout: Duration,
}

/// Whether HTTP/2 is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Http2 {
    /// As the server chooses over TLS; over cleartext if it understands it.
    Auto,
    /// Or not at all.
    Always,
    /// HTTP/1.1 only.
    Never,
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The version of TLS of a connection. Older ones are not spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// The pool's figures, for whoever asks how it fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// Connections opened since the start, those included whose peer then spoke another protocol.
    pub opened: u64,
    /// Connections that live now.
    pub open: usize,
    /// What the latest connection speaks.
    pub protocol: Option<Protocol>,
    /// The TLS below it; `None` over cleartext, and before the first connection.
    pub tls: Option<TlsVersion>,
}

/// The pool; clones share its connections, and the last one closes them.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    dialler: Dialler,
    endpoint: Endpoint,
    fresh_connections: bool,
    drivers: Arc<Drivers>,
    slots: Mutex<Slots>,
}

impl Pool {
    /// A pool without a connection yet.
    ///
    /// # Errors
    /// When the certificates of `ca_file` cannot be read, or TLS cannot be set up with them.
    pub fn new(config: PoolConfig) -> Result<Self, TransportError> {
        let tls = if config.base.is_tls() {
            Some(Tls::new(&config.base, config.ca_file.as_deref(), config.http2)?)
        } else {
            None
        };
        let slots = Slots::new(
            config.connections,
            config.idle_timeout,
            config.max_requests_per_connection,
        );
        Ok(Self(Arc::new(Shared {
            dialler: Dialler::new(config.base.clone(), config.http2, tls, config.connect_timeout),
            endpoint: config.base,
            fresh_connections: config.fresh_connections,
            drivers: Arc::default(),
            slots: Mutex::new(slots),
        })))
    }

    /// Waits until there is a connection with room for one more request, and reserves that room. May be dropped at
    /// any time.
    ///
    /// # Errors
    /// When a connection was needed and could not be had: proof that nothing was sent.
    pub async fn ready(&self) -> Result<Ready, Unsent> {
        if self.0.fresh_connections {
            return self.open_fresh().await;
        }
        let failures = self.0.slots().failures();
        loop {
            let freed = self.0.drivers.freed.notified();
            let claim = self.0.slots().claim(Instant::now(), failures);
            match claim {
                Claim::Place(place) => {
                    if let Some(ready) = Ready::new(&self.0, place).settled().await {
                        return Ok(ready);
                    }
                }
                Claim::Vacant(slot) => return self.open(slot).await,
                Claim::Failed(unsent) => return Err(unsent),
                Claim::Full => freed.await,
            }
        }
    }

    /// The pool's figures now.
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            opened: self.0.drivers.opened.load(Ordering::Relaxed),
            open: self.0.drivers.open.load(Ordering::Relaxed),
            protocol: self.0.slots().protocol(),
            tls: self.0.dialler.tls_version(),
        }
    }

    async fn open_fresh(&self) -> Result<Ready, Unsent> {
        let sender = Box::pin(self.0.dialler.connect(&self.0.drivers)).await?;
        self.0.slots().note_protocol(sender.protocol());
        Ok(Ready::new(&self.0, slots::Place::apart(sender)))
    }

    /// Opens a connection in a slot that was claimed for it, and takes its first place. If that fails and another
    /// connection has room, that one will do.
    async fn open(&self, slot: usize) -> Result<Ready, Unsent> {
        let claimed = ClaimedSlot {
            shared: &self.0,
            slot: Some(slot),
        };
        let connected = Box::pin(self.0.dialler.connect(&self.0.drivers)).await;
        claimed.settle();
        let place = match connected {
            Ok(sender) => {
                let closed = || Unsent::Connect("the peer took the connection and closed it".to_owned());
                self.0
                    .slots()
                    .install(slot, sender, Instant::now())
                    .ok_or_else(closed)
            }
            Err(unsent) => {
                let mut slots = self.0.slots();
                slots.fail(slot, unsent.clone());
                slots.claim_open(Instant::now()).ok_or(unsent)
            }
        };
        self.0.drivers.freed.notify_waiters();
        Ok(Ready::new(&self.0, place?))
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pool({}, {:?})", self.0.endpoint, self.stats())
    }
}

impl Shared {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.drivers.abort();
    }
}

/// A slot that somebody is opening a connection in; given back if that somebody is dropped.
struct ClaimedSlot<'a> {
    shared: &'a Shared,
    slot: Option<usize>,
}

impl ClaimedSlot<'_> {
    /// The slot's fate is the caller's now.
    fn settle(mut self) {
        self.slot = None;
    }
}

impl Drop for ClaimedSlot<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shared.slots().vacate(slot);
            self.shared.drivers.freed.notify_one();
        }
    }
}
