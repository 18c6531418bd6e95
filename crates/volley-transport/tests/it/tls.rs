//! TLS with an authority of the test's own.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Version;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use volley_model::{Evidence, Unsent};
use volley_transport::{Endpoint, Http2, Pool, Protocol, TlsVersion, TransportError};

use crate::client::{answered, attempt, config};
use crate::server::{Log, Speaks, serve};

const BODY: &str = "{\"to\":[1]}";

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Vec<u8> {
        self.0.pem().into_bytes()
    }

    /// A server's side for that name, valid until then (a year).
    fn server(&self, name: &str, until: i32, alpn: &[&str]) -> TlsAcceptor {
        self.server_of(name, until, alpn, &[&TLS12, &TLS13])
    }

    /// One that speaks these versions of TLS.
    fn server_of(
        &self,
        name: &str,
        until: i32,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

async fn start(acceptor: TlsAcceptor) -> (SocketAddr, Arc<Log>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Arc::new(Log::default());
    let noted = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, log) = (acceptor.clone(), Arc::clone(&noted));
            tokio::spawn(async move {
                // A client that trusts us not hangs up here.
                if let Ok(stream) = acceptor.accept(tcp).await {
                    serve(stream, Speaks::Both, log).await;
                }
            });
        }
    });
    (address, log)
}

fn tls_pool(address: SocketAddr, http2: Http2, ca: Vec<u8>) -> Pool {
    let mut config = config(address, 2);
    config.base = Endpoint::parse(&format!("https://localhost:{}/v1", address.port())).unwrap();
    config.http2 = http2;
    config.ca_file = Some(ca);
    Pool::new(config).unwrap()
}

async fn check(http2: Http2, alpn: &[&str], expected: Version) {
    let authority = Authority::new();
    let (address, log) = start(authority.server("localhost", 4_000, alpn)).await;
    let pool = tls_pool(address, http2, authority.pem());
    for _ in 0..4 {
        assert_eq!(attempt(&pool).await, answered(201, BODY));
    }
    assert_eq!(log.versions(), [expected; 4]);
    assert_eq!(log.connections(), 2);
}

#[tokio::test]
async fn the_server_chooses_the_protocol() {
    check(Http2::Auto, &["h2", "http/1.1"], Version::HTTP_2).await;
    check(Http2::Auto, &["http/1.1"], Version::HTTP_11).await;
    check(Http2::Auto, &[], Version::HTTP_11).await;
    check(Http2::Always, &["h2"], Version::HTTP_2).await;
    check(Http2::Never, &["h2", "http/1.1"], Version::HTTP_11).await;
}

#[tokio::test]
async fn the_versions_that_were_agreed_on_are_told() {
    for (version, alpn, expected) in [
        (&TLS12, "http/1.1", (TlsVersion::Tls12, Protocol::Http1)),
        (&TLS13, "h2", (TlsVersion::Tls13, Protocol::Http2)),
    ] {
        let authority = Authority::new();
        let server = authority.server_of("localhost", 4_000, &[alpn], &[version]);
        let (address, _) = start(server).await;
        let pool = tls_pool(address, Http2::Auto, authority.pem());
        assert_eq!((pool.stats().tls, pool.stats().protocol), (None, None));
        assert_eq!(attempt(&pool).await, answered(201, BODY));
        let (tls, protocol) = expected;
        assert_eq!(
            (pool.stats().tls, pool.stats().protocol),
            (Some(tls), Some(protocol))
        );
    }
}

async fn check_refused(acceptor: TlsAcceptor, http2: Http2, ca: Vec<u8>, expected_certificate: bool) {
    let (address, log) = start(acceptor).await;
    let evidence = attempt(&tls_pool(address, http2, ca)).await;
    let Evidence::Unsent(Unsent::Tls { certificate, detail }) = evidence else {
        panic!("{evidence:?}")
    };
    assert_eq!(certificate, expected_certificate, "{detail}");
    assert!(log.versions().is_empty());
}

#[tokio::test]
async fn a_certificate_that_does_not_hold_sends_nothing() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let alpn = &["h2"];
    let sound = authority.server("localhost", 4_000, alpn);
    check_refused(sound, Http2::Auto, stranger.pem(), true).await;
    let wrong_host = authority.server("elsewhere.example", 4_000, alpn);
    check_refused(wrong_host, Http2::Auto, authority.pem(), true).await;
    let expired = authority.server("localhost", 2_020, alpn);
    check_refused(expired, Http2::Auto, authority.pem(), true).await;
}

#[tokio::test]
async fn a_server_without_http2_where_it_is_asked_for_is_no_certificate_fault() {
    let authority = Authority::new();
    for alpn in [&["http/1.1"][..], &[]] {
        let server = authority.server("localhost", 4_000, alpn);
        check_refused(server, Http2::Always, authority.pem(), false).await;
    }
}

#[tokio::test]
async fn a_file_that_holds_no_authority_makes_no_pool() {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut config = config(address, 1);
    config.base = Endpoint::parse("https://localhost:1").unwrap();
    config.ca_file = Some(b"nothing of the kind".to_vec());
    let error = Pool::new(config.clone()).err().unwrap();
    assert!(matches!(error, TransportError::CaFileEmpty), "{error:?}");
    config.ca_file = Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec());
    let error = Pool::new(config).err().unwrap();
    assert!(matches!(error, TransportError::CaFile(_)), "{error:?}");
}
