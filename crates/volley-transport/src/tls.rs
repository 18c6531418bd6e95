//! TLS by rustls: the platform's roots or a file's, ALPN as the pool asks, TLS 1.2 and up, nothing to switch off.

use std::io;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, ProtocolVersion, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use volley_model::Unsent;

use crate::{Endpoint, Http2, TlsVersion};

/// Why a pool cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// The file of the authority is no PEM file.
    #[error("ca_file is no PEM file of certificates")]
    CaFile(#[source] rustls_pki_types::pem::Error),
    /// It is one without a certificate.
    #[error("ca_file holds no certificate")]
    CaFileEmpty,
    /// It holds a certificate that cannot be a root.
    #[error("a certificate of ca_file cannot be trusted as an authority")]
    Root(#[source] rustls::Error),
    /// The URL's host is neither a name nor an address.
    #[error("{0:?} is no name that a certificate could be for")]
    HostName(String),
    /// rustls refused its configuration.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Makes TLS of a TCP connection to one host.
#[derive(Clone)]
pub(crate) struct Tls {
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl Tls {
    /// `ca_file`: PEM; where it is given, nobody else is trusted.
    pub(crate) fn new(
        endpoint: &Endpoint,
        ca_file: Option<&[u8]>,
        http2: Http2,
    ) -> Result<Self, TransportError> {
        let server_name = ServerName::try_from(endpoint.host().to_owned())
            .map_err(|_| TransportError::HostName(endpoint.host().to_owned()))?;
        let roots = match ca_file {
            Some(pem) => roots_of(pem)?,
            None => platform_roots(),
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TransportError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = match http2 {
            Http2::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            Http2::Always => vec![b"h2".to_vec()],
            Http2::Never => vec![b"http/1.1".to_vec()],
        };
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            server_name,
        })
    }

    /// The handshake.
    pub(crate) async fn connect(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Unsent> {
        let connected = self.connector.connect(self.server_name.clone(), tcp).await;
        connected.map_err(|error| failure(&error))
    }
}

/// Whether the server chose HTTP/2.
pub(crate) fn chose_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

/// The version that was agreed on; the configuration lets no other through.
pub(crate) fn version(stream: &TlsStream<TcpStream>) -> Option<TlsVersion> {
    match stream.get_ref().1.protocol_version()? {
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        _ => None,
    }
}

/// What a failed handshake shows. A certificate that is not accepted will not be accepted a second later.
fn failure(error: &io::Error) -> Unsent {
    let rustls_error = error
        .get_ref()
        .and_then(|source| source.downcast_ref::<rustls::Error>());
    Unsent::Tls {
        certificate: matches!(
            rustls_error,
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
        ),
        detail: error.to_string(),
    }
}

fn roots_of(pem: &[u8]) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(TransportError::CaFile)?;
        roots.add(certificate).map_err(TransportError::Root)?;
    }
    if roots.is_empty() {
        return Err(TransportError::CaFileEmpty);
    }
    Ok(roots)
}

/// The platform's roots, or Mozilla's where the platform has none (bare container images).
fn platform_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let loaded = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if added == 0 {
        tracing::debug!(errors = ?loaded.errors, "the platform has no roots; taking the built-in ones");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}
