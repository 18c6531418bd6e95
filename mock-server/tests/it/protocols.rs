//! HTTP/1.1 and HTTP/2 on one port, TLS, and connections that end after some requests.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use mock_server::{Config, Protocols, ServerConfig, TlsIdentity};
use rustls_pki_types::CertificateDer;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::client::{BOTH, Client, Protocol, campaign, http1_bytes, mock, mock_with, raw, tls};

/// What the server must let a client send on one stream without waiting.
const BODY_BYTES: usize = 1024 * 1024;

#[tokio::test]
async fn both_protocols_are_served_on_one_port_and_counted() {
    let mock = mock(Config::default()).await;
    for protocol in BOTH {
        let mut client = Client::connect(mock.addr(), protocol).await;
        for n in 0..3 {
            let number = format!("+3361234567{n}");
            client.reach(&number).await;
        }
    }
    let stats = mock.stats().together;
    assert_eq!(
        (stats.by_protocol.h2, stats.by_protocol.http1, stats.connections),
        (3, 3, 2)
    );
}

#[tokio::test]
async fn a_connection_is_closed_gracefully_after_its_requests() {
    for protocol in BOTH {
        let mock = mock_with("[server]\nrequests_per_connection = 2").await;
        let mut client = Client::connect(mock.addr(), protocol).await;
        let body = campaign(&["+33612345678"], "");
        let first = client.send(&body).await.expect("the first answer");
        let second = client.send(&body).await.expect("the second answer");
        assert_eq!((first.status, second.status), (201, 201));
        if protocol == Protocol::Http1 {
            assert!(!first.headers.contains_key("connection"));
            assert_eq!(second.headers["connection"], "close");
        }
        client.closed().await;
        assert_eq!(mock.stats().together.requests, 2, "{protocol:?}");
    }
}

#[tokio::test]
async fn an_http1_server_does_not_understand_a_preface() {
    let config = Config {
        server: ServerConfig {
            protocols: Protocols::Http1Only,
            ..ServerConfig::default()
        },
        ..Config::default()
    };
    let mock = mock(config).await;
    let mut http1 = Client::connect(mock.addr(), Protocol::Http1).await;
    http1.reach("+33612345678").await;
    let mut http2 = Client::connect(mock.addr(), Protocol::Http2).await;
    assert!(http2.send(&campaign(&["+33612345678"], "")).await.is_err());
    assert_eq!(mock.stats().together.requests, 1);
}

#[tokio::test]
async fn an_http2_server_closes_on_http1() {
    let mock = mock_with("[server]\nprotocols = \"http2_only\"").await;
    let mut http2 = Client::connect(mock.addr(), Protocol::Http2).await;
    http2.reach("+33612345678").await;
    let (read, _) = raw(mock.addr(), &http1_bytes(&campaign(&["+33612345678"], ""))).await;
    assert!(!read.starts_with(b"HTTP/1.1"));
    assert_eq!(mock.stats().together.requests, 1);
}

/// A client of h2 itself, which tells what the server allows it.
#[tokio::test]
async fn windows_and_streams_are_as_announced() {
    let mock = mock_with("[server]\nmax_concurrent_streams = 7").await;
    let socket = TcpStream::connect(mock.addr()).await.expect("connect");
    let (mut sender, mut connection) = h2::client::Builder::new()
        .max_send_buffer_size(4 * BODY_BYTES)
        .handshake::<_, bytes::Bytes>(socket)
        .await
        .expect("handshake");
    let (tell_streams, mut streams) = watch::channel(0);
    tokio::spawn(poll_fn(move |cx| {
        let polled = Pin::new(&mut connection).poll(cx);
        tell_streams.send_replace(connection.max_concurrent_send_streams());
        polled
    }));
    let request = http::Request::post("http://mock/v1/public/sms-campaign/send")
        .body(())
        .expect("a request");
    let (_answer, mut body) = sender.send_request(request, false).expect("a stream");
    body.reserve_capacity(BODY_BYTES);
    let wide = async {
        streams
            .wait_for(|streams| *streams == 7)
            .await
            .expect("the connection lives");
        while body.capacity() < BODY_BYTES {
            poll_fn(|cx| body.poll_capacity(cx))
                .await
                .expect("an open stream")
                .expect("capacity");
        }
    };
    // Only a failure waits that long.
    tokio::time::timeout(Duration::from_secs(20), wide)
        .await
        .expect("seven streams and a mebibyte each");
}

#[tokio::test]
async fn tls_chooses_h2_and_falls_back_to_http1() {
    let (mock, certificate) = secure(Protocols::Both).await;
    assert!(mock.base_url().starts_with("https://"));
    for (offer, chosen, protocol) in [
        (
            &[b"h2".as_slice(), b"http/1.1"][..],
            b"h2".as_slice(),
            Protocol::Http2,
        ),
        (&[b"http/1.1"], b"http/1.1", Protocol::Http1),
    ] {
        let (stream, alpn) = tls(mock.addr(), &certificate, offer).await.expect("a handshake");
        assert_eq!(alpn.as_deref(), Some(chosen));
        let mut client = Client::over(stream, protocol).await;
        client.reach("+33612345678").await;
    }
    let stats = mock.stats().together;
    assert_eq!(
        (stats.by_protocol.h2, stats.by_protocol.http1, stats.connections),
        (1, 1, 2)
    );
}

#[tokio::test]
async fn an_http1_server_offers_only_that_by_alpn() {
    let (mock, certificate) = secure(Protocols::Http1Only).await;
    let (_, alpn) = tls(mock.addr(), &certificate, &[b"h2", b"http/1.1"])
        .await
        .expect("a handshake");
    assert_eq!(alpn.as_deref(), Some(b"http/1.1".as_slice()));
    assert!(tls(mock.addr(), &certificate, &[b"h2"]).await.is_err());
}

#[tokio::test]
async fn an_unusable_identity_does_not_start() {
    let tls = Some(TlsIdentity {
        certificates_pem: b"nothing".to_vec(),
        key_pem: b"nothing".to_vec(),
    });
    assert!(
        mock_server::start(Config {
            tls,
            ..Config::default()
        })
        .await
        .is_err()
    );
}

#[tokio::test]
async fn a_taken_port_is_an_error_that_names_it() {
    let first = mock(Config::default()).await;
    let config = Config {
        listen: first.addr(),
        ..Config::default()
    };
    let error = mock_server::start(config).await.expect_err("the port is taken");
    assert!(error.to_string().contains(&first.addr().to_string()));
}

#[tokio::test]
async fn a_stopped_mock_listens_no_more() {
    let mock = mock(Config::default()).await;
    let addr = mock.addr();
    let mut client = Client::connect(addr, Protocol::Http2).await;
    client.reach("+33612345678").await;
    mock.stop().await;
    client.closed().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[test]
fn a_mock_on_its_own_thread_serves_without_a_runtime_of_the_caller() {
    let mock = mock_server::spawn_thread(Config::default()).expect("the mock starts");
    let taken = Config {
        listen: mock.addr(),
        ..Config::default()
    };
    assert!(mock_server::spawn_thread(taken).is_err());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut client = Client::connect(mock.addr(), Protocol::Http2).await;
        client.reach("+33612345678").await;
        assert_eq!(mock.stats().together.recipients, 1);
        let addr = mock.addr();
        mock.stop().await;
        assert!(TcpStream::connect(addr).await.is_err());
    });
}

async fn secure(protocols: Protocols) -> (mock_server::Running, CertificateDer<'static>) {
    let generated = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let identity = TlsIdentity {
        certificates_pem: generated.cert.pem().into_bytes(),
        key_pem: generated.signing_key.serialize_pem().into_bytes(),
    };
    let server = ServerConfig {
        protocols,
        ..ServerConfig::default()
    };
    let mock = mock(Config {
        tls: Some(identity),
        server,
        ..Config::default()
    })
    .await;
    (mock, generated.cert.der().clone())
}
