//! Where a PostgreSQL ledger is, as users write it: `postgres://user@host:port/database?sslrootcert=FILE`.
//!
//! Over a network it is always TLS, and the server's certificate is always verified, against `sslrootcert` or the platform's
//! roots; without TLS only this machine is spoken to. `silence=30` says after how many seconds without a sign a run counts as
//! dead. A password stands in the URL, in `PGPASSWORD`, or in the file that
//! `PGPASSFILE` names.
//! Sources: PostgreSQL 15's manual, "Connection URIs", "Environment Variables" and "The Password File".

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Error, Use};

/// For a connection to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long without a sign of the server a connection is lost: much sooner than the system's own two hours.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// For so long a run may be silent: longer than a server takes to start again, or a machine to swap.
const SILENCE_DEFAULT: Duration = Duration::from_secs(15);
/// Seconds: a run shows every second that it lives.
const SILENCES: std::ops::RangeInclusive<u64> = 3..=3600;

/// How such an address begins.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Why an address cannot be used. It never shows the password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error("the address is not understood: {0}; it has the form postgres://USER@HOST:PORT/DATABASE")]
    Form(String),
    #[error("{0} is not this machine, and nothing goes over a network without TLS; take sslmode=disable out")]
    Plain(String),
    #[error(
        "hostaddr says where {0} is, and would be believed; name the host by its address, or take hostaddr out"
    )]
    HostAddress(String),
    #[error("read {}, which sslrootcert names: {why}", path.display())]
    Roots { path: PathBuf, why: String },
    #[error("read {}, which PGPASSFILE names: {source}", path.display())]
    Passwords { path: PathBuf, source: std::io::Error },
    #[error("silence={0} is no number of seconds from 3 to 3600")]
    Silence(String),
    #[error("set up TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// See the module.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    roots: Option<PathBuf>,
    silence: Duration,
    shown: String,
}

impl Address {
    /// Whether it is such an address, and not a file's path.
    pub(crate) fn is_one(path: &Path) -> bool {
        path.to_str()
            .is_some_and(|text| SCHEMES.iter().any(|scheme| text.starts_with(scheme)))
    }

    pub(crate) fn parse(path: &Path) -> Result<Self, AddressError> {
        let text = path.to_string_lossy();
        let (bare, Own { roots, silence }) = without_own_words(&text)?;
        // The password, if it has one, stands in what the parser says it did not understand.
        let mut config: Config = bare
            .parse()
            .map_err(|_| AddressError::Form(shown(&Config::new(), &text)))?;
        let shown = shown(&config, &text);
        config.connect_timeout(CONNECT_TIMEOUT);
        config.keepalives_idle(SILENCE_MAX / 2);
        config.keepalives_interval(SILENCE_MAX / 4);
        config.keepalives_retries(2);
        config.tcp_user_timeout(SILENCE_MAX);
        if config.get_hosts().is_empty() {
            return Err(AddressError::Form(format!("{shown} names no host")));
        }
        if !config.get_hostaddrs().is_empty() {
            // It is connected to whatever the host's name says: neither is that name then this machine's, nor a proof of it.
            return Err(AddressError::HostAddress(shown));
        }
        if let Some(remote) = config.get_hosts().iter().find_map(remote) {
            if config.get_ssl_mode() == SslMode::Disable {
                return Err(AddressError::Plain(remote));
            }
            config.ssl_mode(SslMode::Require);
        }
        if config.get_password().is_none()
            && let Some(password) = password(&config)?
        {
            config.password(password);
        }
        Ok(Self {
            config,
            roots,
            silence,
            shown,
        })
    }

    /// After how long without a sign of life a run counts as dead.
    pub(crate) fn silence(&self) -> Duration {
        self.silence
    }

    /// Connects; the connection itself is driven by the runtime that this is called in.
    pub(super) async fn connect(&self, use_: Use) -> Result<Client, Error> {
        let mut config = self.config.clone();
        if use_ == Use::Write {
            // Behind a failover the old primary may still answer, and must not be written to.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_ssl_mode() == SslMode::Disable {
            let (client, connection) = config.connect(NoTls).await?;
            // It ends with the client, and what it ends with the client's next call tells.
            tokio::spawn(connection);
            return Ok(client);
        }
        let (client, connection) = config.connect(self.tls()?).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    fn tls(&self) -> Result<MakeRustlsConnect, AddressError> {
        let mut roots = RootCertStore::empty();
        match &self.roots {
            Some(path) => {
                let failed = |why: String| AddressError::Roots {
                    path: path.clone(),
                    why,
                };
                let certificates =
                    CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?;
                for certificate in certificates {
                    let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                    roots.add(certificate)?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }
}

impl fmt::Display for Address {
    /// Without the password.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Address({self})")
    }
}

/// What an address says besides what the client knows.
struct Own {
    roots: Option<PathBuf>,
    silence: Duration,
}

/// Takes out what the client's parser does not know: our own words, `sslrootcert`, and those of `sslmode`'s values that ask for
/// what is always done.
fn without_own_words(text: &str) -> Result<(String, Own), AddressError> {
    let mut own = Own {
        roots: None,
        silence: SILENCE_DEFAULT,
    };
    let Some((base, query)) = text.split_once('?') else {
        return Ok((text.to_owned(), own));
    };
    let mut kept = Vec::new();
    for word in query.split('&').filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some(("sslrootcert", path)) => own.roots = Some(PathBuf::from(unescaped(path)?)),
            Some(("silence", seconds)) => {
                let known = seconds.parse().ok().filter(|seconds| SILENCES.contains(seconds));
                let known = known.ok_or_else(|| AddressError::Silence(seconds.to_owned()))?;
                own.silence = Duration::from_secs(known);
            }
            Some(("sslmode", "verify-full" | "verify-ca" | "allow")) => {}
            _ => kept.push(word),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), own))
}

/// `%2F` as `/`.
fn unescaped(text: &str) -> Result<String, AddressError> {
    let wrong = || AddressError::Form(format!("sslrootcert={text}"));
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let (digits, behind) = rest.split_at_checked(2).ok_or_else(wrong)?;
        rest = behind;
        let digits = str::from_utf8(digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// The host, if it is not this machine.
fn remote(host: &Host) -> Option<String> {
    match host {
        Host::Unix(_) => None,
        Host::Tcp(name) => {
            let is_here =
                name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback());
            (!is_here).then(|| name.clone())
        }
    }
}

/// Where a ledger lies as it may be shown: a server's address without its password, anything else as it is.
#[must_use]
pub fn shown_path(path: &Path) -> PathBuf {
    if !Address::is_one(path) {
        return path.to_owned();
    }
    let text = path.to_string_lossy();
    let config = parsed(&text).unwrap_or_default();
    PathBuf::from(shown(&config, &text))
}

/// Whether it is a server's address with a password in it.
#[must_use]
pub fn has_password(path: &Path) -> bool {
    Address::is_one(path)
        && parsed(&path.to_string_lossy()).is_some_and(|config| config.get_password().is_some())
}

fn parsed(text: &str) -> Option<Config> {
    without_own_words(text).ok()?.0.parse().ok()
}

/// What may be shown of an address.
fn shown(config: &Config, text: &str) -> String {
    let Some(user) = config.get_user() else {
        // Not understood: what stands before its last `@` may be a password.
        let behind = text.rsplit_once('@').map_or("…", |(_, behind)| behind);
        return format!("postgres://…@{}", behind.split('?').next().unwrap_or("…"));
    };
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    let port = match config.get_ports() {
        [] | [5432] => String::new(),
        [port, ..] => format!(":{port}"),
    };
    let database = config.get_dbname().unwrap_or(user);
    format!("postgres://{user}@{}{port}/{database}", hosts.join(","))
}

/// The password that the environment tells: `PGPASSWORD`, or the line of `PGPASSFILE` that fits.
fn password(config: &Config) -> Result<Option<Vec<u8>>, AddressError> {
    if let Some(password) = std::env::var_os("PGPASSWORD") {
        return Ok(Some(password.into_encoded_bytes()));
    }
    let Some(path) = std::env::var_os("PGPASSFILE").map(PathBuf::from) else {
        return Ok(None);
    };
    let lines = std::fs::read_to_string(&path).map_err(|source| AddressError::Passwords { path, source })?;
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        _ => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432).to_string();
    let user = config.get_user().unwrap_or_default();
    let asked = [&host, &port, config.get_dbname().unwrap_or(user), user];
    Ok(lines.lines().find_map(|line| password_of(line, asked)))
}

/// The password of a line `host:port:database:user:password`, if it is for what is asked.
fn password_of(line: &str, asked: [&str; 4]) -> Option<Vec<u8>> {
    if line.starts_with('#') {
        return None;
    }
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let literal = match character {
            ':' if fields.len() < 5 => {
                fields.push(String::new());
                continue;
            }
            '\\' => characters.next()?,
            other => other,
        };
        fields.last_mut()?.push(literal);
    }
    let (password, of) = fields.split_last()?;
    let fits = of.len() == asked.len()
        && of
            .iter()
            .zip(asked)
            .all(|(field, asked)| field == "*" || field == asked);
    fits.then(|| password.clone().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Address, AddressError> {
        Address::parse(Path::new(text))
    }

    #[test]
    fn an_address_is_told_from_a_path() {
        for (text, is) in [
            ("postgres://a@b/c", true),
            ("postgresql://b/c", true),
            ("volley.db", false),
            ("./postgres:/x", false),
        ] {
            assert_eq!(Address::is_one(Path::new(text)), is, "{text}");
        }
    }

    #[test]
    fn no_password_is_ever_shown() {
        for text in [
            "postgres://anna:s3cret@127.0.0.1:5433/volley",
            "postgres://anna:s3c@ret@127.0.0.1:54x33/volley",
            "postgres://anna:s3cret@db.example.com/volley?sslmode=disable",
            "postgres://anna:s3cret@db.example.com/volley?nonsense=s3cret",
        ] {
            let said = match parse(text) {
                Ok(address) => format!("{address} {address:?}"),
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!said.contains("s3c") && !said.contains("ret@"), "{text}: {said}");
        }
        let address = parse("postgres://anna:s3cret@127.0.0.1:5433/volley").unwrap();
        assert_eq!(address.to_string(), "postgres://anna@127.0.0.1:5433/volley");
    }

    #[test]
    fn over_a_network_it_is_always_tls() {
        for (text, mode) in [
            ("postgres://a@127.0.0.1/b?sslmode=disable", SslMode::Disable),
            ("postgres://a@localhost/b", SslMode::Prefer),
            ("postgres://a@db.example.com/b", SslMode::Require),
            ("postgres://a@db.example.com/b?sslmode=prefer", SslMode::Require),
            (
                "postgres://a@db.example.com/b?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
                SslMode::Require,
            ),
            ("postgres://a@localhost,db.example.com/b", SslMode::Require),
        ] {
            assert_eq!(parse(text).unwrap().config.get_ssl_mode(), mode, "{text}");
        }
        let refused = parse("postgres://a@db.example.com/b?sslmode=disable").unwrap_err();
        assert!(matches!(refused, AddressError::Plain(host) if host == "db.example.com"));
        let roots = parse("postgres://a@h.example/b?sslrootcert=%2Fetc%2Fca.pem")
            .unwrap()
            .roots;
        assert_eq!(roots.as_deref(), Some(Path::new("/etc/ca.pem")));
    }

    #[test]
    fn no_other_address_is_believed_to_be_the_host_s() {
        for text in [
            "postgres://a@localhost/b?hostaddr=192.0.2.2&sslmode=disable",
            "postgres://a@localhost/b?hostaddr=192.0.2.2",
            "postgres://a@localhost/b?hostaddr=127.0.0.1,192.0.2.2",
            "postgres://a@db.example.com/b?hostaddr=127.0.0.1",
            "postgres:///b?user=a&hostaddr=192.0.2.2&host=%2Ftmp",
            "postgres://a@localhost/b?%68ostaddr=192.0.2.2&sslmode=disable",
        ] {
            let refused = parse(text).unwrap_err();
            assert!(
                matches!(refused, AddressError::HostAddress(_)),
                "{text}: {refused}"
            );
        }
        assert!(parse("postgres://a@localhost/b").is_ok());
    }

    #[test]
    fn the_line_of_the_password_file_that_fits_is_taken() {
        let asked = ["db", "5432", "volley", "anna"];
        for (line, password) in [
            ("db:5432:volley:anna:s3cret", Some("s3cret")),
            ("*:*:*:*:any", Some("any")),
            (r"db:5432:volley:anna:a\:b\\c", Some(r"a:b\c")),
            ("db:5432:volley:anna:a:b", Some("a:b")),
            ("db:5433:volley:anna:other", None),
            ("# db:5432:volley:anna:s3cret", None),
            ("db:5432", None),
        ] {
            let found = password_of(line, asked);
            assert_eq!(found.as_deref(), password.map(str::as_bytes), "{line}");
        }
    }
}
