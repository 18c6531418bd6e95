//! TLS with ALPN, from a PEM identity.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::{Protocols, TlsIdentity};
use crate::error::MockError;

/// Builds the acceptor; offers by ALPN what the server speaks.
pub(super) fn acceptor(identity: &TlsIdentity, protocols: Protocols) -> Result<TlsAcceptor, MockError> {
    let certificates = CertificateDer::pem_slice_iter(&identity.certificates_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable("the certificate", error))?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key_pem).map_err(|error| unusable("the key", error))?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| unusable("the identity", error))?;
    config.alpn_protocols = match protocols {
        Protocols::Both => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocols::Http1Only => vec![b"http/1.1".to_vec()],
        Protocols::Http2Only => vec![b"h2".to_vec()],
    };
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unusable(part: &str, error: impl std::fmt::Display) -> MockError {
    MockError::Tls {
        reason: format!("{part} cannot be used: {error}"),
    }
}
