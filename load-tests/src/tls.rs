//! A certificate for `localhost`, made for one invocation, and a client that trusts it alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::error::LoadError;

/// Files of the server's identity, and who trusts it.
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    pub(crate) client: Arc<ClientConfig>,
}

impl Identity {
    /// Makes one and writes it into a folder.
    pub(crate) fn new(folder: &Path) -> Result<Self, LoadError> {
        let failed = |error: &dyn std::error::Error| LoadError::Server(format!("its certificate: {error}"));
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| failed(&error))?;
        let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
        for (path, text) in [
            (&certificate, made.cert.pem()),
            (&key, made.signing_key.serialize_pem()),
        ] {
            fs::write(path, text).map_err(|source| LoadError::Write {
                path: path.clone(),
                source,
            })?;
        }
        let mut roots = RootCertStore::empty();
        roots
            .add(made.cert.der().clone())
            .map_err(|error| failed(&error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            certificate,
            key,
            client: Arc::new(client),
        })
    }

    /// The mock's arguments.
    pub(crate) fn args(&self) -> [String; 4] {
        [
            "--tls-cert".to_owned(),
            self.certificate.display().to_string(),
            "--tls-key".to_owned(),
            self.key.display().to_string(),
        ]
    }

    /// Whom the campaign is to trust.
    pub(crate) fn ca_file(&self) -> String {
        self.certificate.display().to_string()
    }
}
