//! Serves one connection, whichever protocol it speaks, until it ends or is ordered to.
//!
//! *Bounds*: the HTTP/2 windows are far above a request's body, so that a client's upload is bounded by the
//! network and not by us (the RFC's default of 64 KiB is one small batch).

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::line::{End, Line};
use super::wire::Wire;
use crate::config::{Protocols, ServerConfig};
use crate::mock::Mock;
use crate::{control, exchange, exotel, octopush, unknown};

/// Bytes a client may send ahead on one stream: many times a full batch of about 75 KB.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same over all streams of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// Fewer, larger frames: a full batch fits into one.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// What all connections of a server share.
pub(super) struct Connections {
    mock: Arc<Mock>,
    router: Router,
    builder: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
}

impl Connections {
    pub(super) fn new(mock: Arc<Mock>, tls: Option<TlsAcceptor>) -> Self {
        let router = Router::new()
            .merge(octopush::routes())
            .merge(exotel::routes())
            .merge(control::routes())
            .fallback(unknown::not_found)
            .with_state(Arc::clone(&mock));
        let builder = builder(&mock.config.server);
        Self {
            mock,
            router,
            builder,
            tls,
        }
    }

    /// Serves until the client is done or the connection is ordered to end.
    pub(super) async fn serve(&self, socket: TcpStream) {
        // Without it small answers wait for the client's acknowledgement; a socket that refuses is slower.
        let _ = socket.set_nodelay(true);
        let line = Arc::new(Line::default());
        let wire = Wire::new(socket, Arc::clone(&line));
        match &self.tls {
            None => self.speak(wire, line).await,
            Some(acceptor) => {
                // A failed handshake is the client's to tell; here the connection simply ends.
                if let Ok(stream) = acceptor.accept(wire).await {
                    self.speak(stream, line).await;
                }
            }
        }
    }

    async fn speak(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, line: Arc<Line>) {
        let answer = service_fn(|request| {
            exchange::answer(
                Arc::clone(&self.mock),
                self.router.clone(),
                Arc::clone(&line),
                request,
            )
        });
        let mut connection = pin!(self.builder.serve_connection(TokioIo::new(stream), answer));
        loop {
            tokio::select! {
                // Errors of a connection are its client's to judge: the record says what was accepted.
                _ = connection.as_mut() => return,
                end = line.ordered() => match end {
                    End::Open => {}
                    End::Graceful => connection.as_mut().graceful_shutdown(),
                    End::Fin | End::Rst => return,
                },
            }
        }
    }
}

fn builder(config: &ServerConfig) -> Builder<TokioExecutor> {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = match config.protocols {
        Protocols::Both => builder,
        Protocols::Http1Only => builder.http1_only(),
        Protocols::Http2Only => builder.http2_only(),
    };
    builder.http1().timer(TokioTimer::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .max_concurrent_streams(config.max_concurrent_streams)
        // Scripted resets are not a client's abuse.
        .max_local_error_reset_streams(None);
    builder
}
