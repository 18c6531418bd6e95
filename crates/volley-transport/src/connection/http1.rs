//! An HTTP/1.1 connection: one request at a time.

use std::sync::Arc;

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use volley_model::Unsent;

use super::{Drivers, Sender};

/// The head of an answer.
const HEAD_BYTES_MAX: usize = 1 << 14;

/// Takes a fresh connection. HTTP/1.1 has no greeting: the peer shows with its first answer whether it speaks it.
pub(crate) async fn greet<T>(io: T, drivers: &Arc<Drivers>) -> Result<Sender, Unsent>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_header_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(io))
        .await
        .map_err(|error| Unsent::Connect(error.to_string()))?;
    drivers.spawn(async move {
        if let Err(error) = connection.await {
            // Whoever has a request on it is told by hyper; without one nobody needs to know.
            tracing::debug!(%error, "HTTP/1.1 connection ended");
        }
    });
    Ok(Sender::Http1(sender))
}
