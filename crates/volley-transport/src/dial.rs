//! From an endpoint to a connection that is ready for requests: name, TCP, TLS, protocol, and the peer's SETTINGS.
//!
//! Nothing of a request is on the way before this is over, so every failure here is proof that nothing was sent.
//!
//! Over cleartext, `auto` tries HTTP/2 with prior knowledge (RFC 9113, 3.3). A peer that ends the connection before
//! its SETTINGS, twice in a row, is taken for an HTTP/1.1 server from then on; twice, because a server that is just
//! being restarted does so once. One that stays silent is not: that is a failure, not an answer.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};
use volley_model::Unsent;

use crate::connection::{Drivers, Greeting, Sender, http1, http2};
use crate::tls::{self, Tls};
use crate::{Endpoint, Http2, TlsVersion};

/// How often a peer has to hang up before its SETTINGS until it counts as an HTTP/1.1 server.
const REFUSALS_MAX: u32 = 2;

/// Makes connections to one endpoint.
pub(crate) struct Dialler {
    endpoint: Endpoint,
    http2: Http2,
    tls: Option<Tls>,
    /// For each step: name and TCP, TLS, SETTINGS.
    step_timeout: Duration,
    /// The outcome of the fall-back, so that it is gone through once.
    speaks_http1_only: AtomicBool,
    /// What the latest handshake came to.
    tls_version: Mutex<Option<TlsVersion>>,
}

impl Dialler {
    pub(crate) fn new(endpoint: Endpoint, http2: Http2, tls: Option<Tls>, step_timeout: Duration) -> Self {
        Self {
            endpoint,
            http2,
            tls,
            step_timeout,
            speaks_http1_only: AtomicBool::new(false),
            tls_version: Mutex::default(),
        }
    }

    /// The TLS of the latest connection; `None` without one.
    pub(crate) fn tls_version(&self) -> Option<TlsVersion> {
        *self.tls_version.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn connect(&self, drivers: &Arc<Drivers>) -> Result<Sender, Unsent> {
        let Some(tls) = &self.tls else {
            return self.connect_cleartext(drivers).await;
        };
        let tcp = self.tcp().await?;
        let stream = timeout(self.step_timeout, tls.connect(tcp))
            .await
            .map_err(|_| Unsent::Tls {
                certificate: false,
                detail: format!("no end of the handshake in {:?}", self.step_timeout),
            })??;
        *self.tls_version.lock().unwrap_or_else(PoisonError::into_inner) = tls::version(&stream);
        if tls::chose_http2(&stream) {
            match http2::greet(stream, drivers, self.step_timeout).await {
                Greeting::Settings(sender) => Ok(sender),
                Greeting::Closed(detail) | Greeting::Silence(detail) => Err(Unsent::Connect(detail)),
            }
        } else if self.http2 == Http2::Always {
            Err(Unsent::Tls {
                certificate: false,
                detail: "the server did not agree to HTTP/2".to_owned(),
            })
        } else {
            http1::greet(stream, drivers).await
        }
    }

    async fn connect_cleartext(&self, drivers: &Arc<Drivers>) -> Result<Sender, Unsent> {
        let falls_back = self.http2 == Http2::Auto;
        let mut refusals = 0;
        while self.http2 != Http2::Never && !self.speaks_http1_only.load(Ordering::Relaxed) {
            match http2::greet(self.tcp().await?, drivers, self.step_timeout).await {
                Greeting::Settings(sender) => return Ok(sender),
                Greeting::Closed(_) if falls_back && refusals + 1 < REFUSALS_MAX => refusals += 1,
                Greeting::Closed(detail) if falls_back => {
                    tracing::debug!(endpoint = %self.endpoint, detail, "no HTTP/2; HTTP/1.1 from now on");
                    self.speaks_http1_only.store(true, Ordering::Relaxed);
                }
                Greeting::Closed(detail) | Greeting::Silence(detail) => return Err(Unsent::Connect(detail)),
            }
        }
        http1::greet(self.tcp().await?, drivers).await
    }

    /// A TCP connection to the first of the host's addresses that takes one.
    async fn tcp(&self) -> Result<TcpStream, Unsent> {
        let until = Instant::now() + self.step_timeout;
        let addresses = self.resolve(until).await?;
        let mut failure = Unsent::Dns(format!("{} has no address", self.endpoint.host()));
        for (tried, address) in addresses.iter().enumerate() {
            // Each gets its share of what is left, so that one dead address does not use it all.
            let left = until.saturating_duration_since(Instant::now());
            let share = left / u32::try_from(addresses.len() - tried).unwrap_or(u32::MAX);
            failure = match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    // Nagle's wait would hold back the last segment of each body. Without it we are only slower.
                    let _ = tcp.set_nodelay(true);
                    return Ok(tcp);
                }
                Ok(Err(error)) => Unsent::Connect(format!("{address}: {error}")),
                Err(_) => Unsent::Connect(format!("{address}: no answer in {share:?}")),
            };
        }
        Err(failure)
    }

    async fn resolve(&self, until: Instant) -> Result<Vec<SocketAddr>, Unsent> {
        let host = self.endpoint.host();
        let found = timeout_at(until, lookup_host((host, self.endpoint.port())))
            .await
            .map_err(|_| Unsent::Dns(format!("{host}: no answer in {:?}", self.step_timeout)))?
            .map_err(|error| Unsent::Dns(format!("{host}: {error}")))?;
        // `localhost` is a name like any other to a resolver: cleartext goes to this machine, wherever it points.
        let cleartext = !self.endpoint.is_tls();
        Ok(found
            .filter(|address| !cleartext || address.ip().is_loopback())
            .collect())
    }
}
