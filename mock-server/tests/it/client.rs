//! A client for the tests: one connection, requests in either protocol, answers read to their end.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_server::{Config, Running};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const SEND: &str = "/v1/public/sms-campaign/send";
pub(crate) const BALANCE: &str = "/v1/public/wallet/check-balance";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) const BOTH: [Protocol; 2] = [Protocol::Http1, Protocol::Http2];

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

pub(crate) struct Client(Sender);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn code(&self) -> u64 {
        self.json()["code"].as_u64().expect("a code")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr, protocol: Protocol) -> Self {
        let socket = TcpStream::connect(addr).await.expect("connect");
        socket.set_nodelay(true).expect("nodelay");
        Self::over(socket, protocol).await
    }

    pub(crate) async fn over<S>(stream: S, protocol: Protocol) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(io).await.expect("handshake");
                tokio::spawn(connection);
                Self(Sender::Http1(sender))
            }
            Protocol::Http2 => {
                let (sender, connection) = http2::handshake(TokioExecutor::new(), io)
                    .await
                    .expect("handshake");
                tokio::spawn(connection);
                Self(Sender::Http2(sender))
            }
        }
    }

    /// Sends one message, which is accepted.
    pub(crate) async fn reach(&mut self, number: &str) {
        let answer = self.send(&campaign(&[number], "")).await.expect("an answer");
        assert_eq!(answer.status, 201, "{number}");
    }

    /// A request with credentials, read to the end of its answer.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, hyper::Error> {
        let request = Request::builder()
            .method(method)
            .uri(self.uri(path))
            .header("host", "mock")
            .header("content-type", "application/json")
            .header("api-login", "me@example.org")
            .header("api-key", "secret")
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .expect("a request");
        self.exchange(request).await
    }

    /// As the protocol has it in a request.
    pub(crate) fn uri(&self, path: &str) -> String {
        match &self.0 {
            Sender::Http1(_) => path.to_owned(),
            Sender::Http2(_) => format!("http://mock{path}"),
        }
    }

    pub(crate) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, hyper::Error> {
        let answer: Response<Incoming> = match &mut self.0 {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await?
            }
        };
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    pub(crate) async fn send(&mut self, body: &str) -> Result<Answer, hyper::Error> {
        self.ask(Method::POST, SEND, body).await
    }

    /// Waits until the server has closed the connection.
    pub(crate) async fn closed(&mut self) {
        loop {
            let ready = match &mut self.0 {
                Sender::Http1(sender) => sender.ready().await.is_ok() && !sender.is_closed(),
                Sender::Http2(sender) => sender.ready().await.is_ok() && !sender.is_closed(),
            };
            if !ready {
                return;
            }
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn mock(config: Config) -> Running {
    mock_server::start(config).await.expect("the mock starts")
}

/// A mock configured by TOML.
pub(crate) async fn mock_with(toml: &str) -> Running {
    mock(Config::from_toml(toml).expect("a configuration")).await
}

/// A send in order, to these numbers, with further keys as JSON (ending in a comma).
pub(crate) fn campaign(numbers: &[&str], more: &str) -> String {
    let recipients: Vec<String> = numbers
        .iter()
        .map(|number| format!(r#"{{"phone_number":"{number}"}}"#))
        .collect();
    format!(
        r#"{{{more}"recipients":[{}],"text":"Hello STOP au 30101","type":"sms_premium","sender":"Acme"}}"#,
        recipients.join(",")
    )
}

/// One send over a connection of its own.
pub(crate) async fn send_once(mock: &Running, body: &str) -> Answer {
    Client::connect(mock.addr(), Protocol::Http2)
        .await
        .send(body)
        .await
        .expect("an answer")
}

/// Writes bytes to a new connection and reads until it ends, well or badly.
pub(crate) async fn raw(addr: SocketAddr, request: &str) -> (Vec<u8>, std::io::Result<usize>) {
    let mut socket = TcpStream::connect(addr).await.expect("connect");
    socket.write_all(request.as_bytes()).await.expect("write");
    let mut read = Vec::new();
    let end = socket.read_to_end(&mut read).await;
    (read, end)
}

/// A send as HTTP/1.1 bytes.
pub(crate) fn http1_bytes(body: &str) -> String {
    format!(
        "POST {SEND} HTTP/1.1\r\nhost: mock\r\napi-login: a\r\napi-key: b\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A TLS client that trusts this certificate and offers these protocols; gives the chosen one too.
pub(crate) async fn tls(
    addr: SocketAddr,
    certificate: &rustls_pki_types::CertificateDer<'static>,
    offer: &[&[u8]],
) -> std::io::Result<(tokio_rustls::client::TlsStream<TcpStream>, Option<Vec<u8>>)> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offer.iter().map(|name| name.to_vec()).collect();
    let socket = TcpStream::connect(addr).await?;
    let name = "localhost".try_into().expect("a name");
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await?;
    let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    Ok((stream, chosen))
}
