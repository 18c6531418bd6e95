//! One POST to a loopback address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Tries of a callback ("campaign webhooks": up to two retries).
const TRIES: u32 = 3;
/// How long an answer may take ("campaign webhooks").
const DEADLINE: Duration = Duration::from_secs(15);
/// Between two tries; the page names none.
const PAUSE: Duration = Duration::from_millis(50);

/// Where a callback goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    addr: SocketAddr,
    authority: String,
    path: String,
}

impl Target {
    /// Reads a URL, or nothing if it is not `http` on a loopback address.
    pub(super) fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        if uri.scheme_str() != Some("http") {
            return None;
        }
        let host = uri.host()?;
        let ip = if host == "localhost" {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            let host = host.trim_start_matches('[').trim_end_matches(']');
            host.parse().ok().filter(IpAddr::is_loopback)?
        };
        let port = uri.port_u16().unwrap_or(80);
        Some(Self {
            addr: SocketAddr::from((ip, port)),
            authority: format!("{host}:{port}"),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// Whether one of the tries was answered with a success.
    pub(super) async fn deliver(&self, body: &str) -> bool {
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let answered = tokio::time::timeout(DEADLINE, self.post(body)).await;
            if matches!(answered, Ok(Ok(status)) if status.is_success()) {
                return true;
            }
        }
        false
    }

    async fn post(&self, body: &str) -> io::Result<StatusCode> {
        let socket = TcpStream::connect(self.addr).await?;
        let handshake = http1::handshake(TokioIo::new(socket)).await;
        let (mut sender, connection) = handshake.map_err(io::Error::other)?;
        let request = Request::post(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(io::Error::other)?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(io::Error::other)?;
            Ok(answer.status())
        };
        // The connection ends once its sender and the answer are gone; its errors reach the exchange.
        let (status, _) = futures::join!(exchange, connection);
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_on_loopback_is_contacted() {
        let check = |url: &str, expected: Option<&str>| {
            let target = Target::of(url).map(|target| format!("{} {}", target.addr, target.path));
            assert_eq!(target.as_deref(), expected, "{url}");
        };
        check("http://127.0.0.1:8080/a?b=c", Some("127.0.0.1:8080 /a?b=c"));
        check("http://127.3.2.1", Some("127.3.2.1:80 /"));
        check("http://localhost:1/a", Some("127.0.0.1:1 /a"));
        check("http://[::1]:1/a", Some("[::1]:1 /a"));
        check("https://127.0.0.1:8080/a", None);
        check("http://128.0.0.1:8080/a", None);
        check("http://0.0.0.0:8080/a", None);
        check("http://example.org/a", None);
        check("http://localhost.example.org/a", None);
        check("127.0.0.1:8080", None);
    }
}
