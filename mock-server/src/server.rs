//! Starts the mock, accepts connections, and ends it.
//!
//! *Output*: a [`Running`], in the caller's runtime ([`start`]) or on a thread with a runtime of its own
//! ([`spawn_thread`]), so that a client under test does not share its thread with its oracle.

mod connection;
mod line;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use std::{io, thread};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::error::MockError;
use crate::exotel;
use crate::fault::{FaultScript, RuleError};
use crate::mock::Mock;
use crate::record::{RecipientCount, Stats, Ticket};
use connection::Connections;
pub(crate) use line::{End, Line};

/// How long accepting rests after it failed: with no file descriptor left it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A mock that serves until it is stopped or dropped.
pub struct Running {
    addr: SocketAddr,
    scheme: &'static str,
    mock: Arc<Mock>,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("addr", &self.addr)
            .finish_non_exhaustive()
    }
}

/// Starts the mock in the current tokio runtime.
///
/// # Errors
/// When the address cannot be listened on, or a setting makes no sense.
pub async fn start(config: Config) -> Result<Running, MockError> {
    let (serve, running) = bind(config).await?;
    tokio::spawn(serve);
    Ok(running)
}

/// Starts the mock on a thread with a runtime of its own, and returns once it listens.
///
/// # Errors
/// As [`start`], and when the system gives no thread.
pub fn spawn_thread(config: Config) -> Result<Running, MockError> {
    let (tell, told) = mpsc::channel();
    let body = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(source) => return drop(tell.send(Err(MockError::Thread(source)))),
        };
        runtime.block_on(async {
            match bind(config).await {
                Ok((serve, running)) => {
                    // The caller waits for this; if it is gone, `running` drops here and ends the server.
                    drop(tell.send(Ok(running)));
                    serve.await;
                }
                Err(error) => drop(tell.send(Err(error))),
            }
        });
    };
    thread::Builder::new()
        .name("mock-server".into())
        .spawn(body)
        .map_err(MockError::Thread)?;
    told.recv().unwrap_or_else(|_| {
        Err(MockError::Thread(io::Error::other(
            "the thread ended before it listened",
        )))
    })
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `http://…` or `https://…`, without a path.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// The figures of `GET /__mock/stats`.
    pub fn stats(&self) -> Stats {
        self.mock.stats()
    }

    /// Every ticket given, in the order of commit, Octopush's first.
    pub fn tickets(&self) -> Vec<Ticket> {
        self.mock.tickets()
    }

    /// Every number accepted by either provider, sorted, with how often.
    pub fn recipients(&self) -> Vec<RecipientCount> {
        self.mock.recipients(None)
    }

    /// Replaces the fault script, as `PUT /__mock/faults`.
    ///
    /// # Errors
    /// When a rule cannot be carried out as it stands; then nothing changes.
    pub fn set_faults(&self, script: FaultScript) -> Result<(), RuleError> {
        self.mock.set_faults(script)
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        self.mock.clear_faults();
    }

    /// Moves the provider's clock by that many seconds, back if negative.
    pub fn advance_clock(&self, seconds: i64) {
        self.mock.advance_clock(seconds);
    }

    /// Forgets everything, as `POST /__mock/reset`.
    pub fn reset(&self) {
        self.mock.reset();
    }

    /// Closes the port and every connection, and returns when that is done.
    pub async fn stop(self) {
        drop(self.stop);
        // An error means that the server ended already.
        let _ = self.stopped.await;
    }
}

/// Checks the settings, binds the port, and gives the future that serves until `Running` is gone.
async fn bind(config: Config) -> Result<(impl Future<Output = ()> + Send + 'static, Running), MockError> {
    let tls = config
        .tls
        .as_ref()
        .map(|identity| tls::acceptor(identity, config.server.protocols))
        .transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let asked = config.listen;
    let mock = Mock::new(config)?;
    let failed = |source| MockError::Listen { addr: asked, source };
    let listener = TcpListener::bind(asked).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;

    let (stop, stop_asked) = oneshot::channel();
    let (tell_stopped, stopped) = oneshot::channel();
    let connections = Arc::new(Connections::new(Arc::clone(&mock), tls));
    let calling_back = exotel::run_callbacks(Arc::clone(&mock));
    let serve = async move {
        tokio::select! {
            () = accept(listener, connections, stop_asked) => {}
            // It ends only with the server: what is on its way then is lost.
            () = calling_back => {}
        }
        // Nobody may be waiting.
        let _ = tell_stopped.send(());
    };
    Ok((
        serve,
        Running {
            addr,
            scheme,
            mock,
            stop,
            stopped,
        },
    ))
}

/// Accepts until `stop` is sent or dropped, then aborts what is open and waits for it.
async fn accept(listener: TcpListener, connections: Arc<Connections>, mut stop: oneshot::Receiver<()>) {
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            // All three may be dropped half-way: accept and join_next are cancel-safe, stop is only read.
            _ = &mut stop => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let connections = Arc::clone(&connections);
                    open.spawn(async move { connections.serve(socket).await });
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    open.shutdown().await;
}
