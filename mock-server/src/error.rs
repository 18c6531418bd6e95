//! What can fail before the mock serves its first request.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the mock did not start.
#[derive(Debug, thiserror::Error)]
pub enum MockError {
    /// The address is taken, or is not this machine's.
    #[error("listen on {addr}")]
    Listen {
        /// The address that was asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file named on the command line cannot be read.
    #[error("read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The configuration is no TOML, or has an unknown key or a value of the wrong kind.
    #[error("understand the configuration")]
    Config(#[source] Box<toml::de::Error>),
    /// A setting is readable and makes no sense.
    #[error("use the setting `{key}`: {reason}")]
    Setting {
        /// The key, as it stands in the file.
        key: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// The certificate or its key cannot be used.
    #[error("set up TLS: {reason}")]
    Tls {
        /// Which part, and why.
        reason: String,
    },
    /// The system gave no thread or no runtime to serve on.
    #[error("start the server's thread")]
    Thread(#[source] io::Error),
}
