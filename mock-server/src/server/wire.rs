//! The socket of one connection, which ends as its line was ordered to.
//!
//! A socket that is closed while unread bytes wait in it sends a RST. So that a FIN is a FIN, the sending
//! side is shut down first and what the client still sends is read away, for at most [`LINGER_MAX`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::line::{End, Line};

/// How long a cut connection is read empty before its socket goes.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// A TCP stream with the end that was ordered for it.
pub(super) struct Wire {
    /// Taken only when the wire is dropped.
    socket: Option<TcpStream>,
    line: Arc<Line>,
}

impl Wire {
    pub(super) fn new(socket: TcpStream, line: Arc<Line>) -> Self {
        Self {
            socket: Some(socket),
            line,
        }
    }

    fn socket(&mut self) -> Pin<&mut TcpStream> {
        Pin::new(self.socket.as_mut().expect("the socket is taken only on drop"))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        match self.line.end() {
            End::Open | End::Graceful => drop(socket),
            End::Rst => {
                // On failure the socket closes with a FIN; the fault is then a drop.
                let _ = socket.set_zero_linger();
            }
            End::Fin => {
                // Outside a runtime there is nobody left to read: the process ends.
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(read_away(socket));
                }
            }
        }
    }
}

async fn read_away(mut socket: TcpStream) {
    // A peer that is gone already is as good.
    let _ = socket.shutdown().await;
    let mut waste = [0; 16 * 1024];
    let to_the_end = async { while matches!(socket.read(&mut waste).await, Ok(1..)) {} };
    let _ = tokio::time::timeout(LINGER_MAX, to_the_end).await;
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket().poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.socket().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}
