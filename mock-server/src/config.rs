//! The mock's settings: a TOML file, every key optional, unknown keys refused.
//!
//! ```toml
//! seed = 1                          # of tickets, and of faults that name no seed
//!
//! [server]
//! requests_per_connection = 100     # absent: no limit; then GOAWAY, or Connection: close
//! max_concurrent_streams = 256
//! protocols = "both"                # or "http1_only", "http2_only"
//! answer_delay_ms = 0               # added to each provider answer, after the commit
//!
//! [octopush]
//! answer_fields = "five"            # or "three"
//! strict = ["type_required"]        # see `Strict`
//! credit = "100"                    # euros; absent: never used up
//! default_price = "0.04901173"      # euros a segment, at most eight decimals
//! prices = { 33 = "0.04512367" }    # by the number's first one to four digits
//! blacklist = ["+33612345678"]
//! accounts = [{ login = "me@example.org", key = "secret" }]   # absent: any credentials
//!
//! [octopush.duplicates]
//! status = 400
//! code = 120
//! refused_burns_key = false
//! detection_gap_ms = 0              # 0: atomic
//!
//! [octopush.audiences]              # a name that is not here: 20 French mobile numbers, always the same
//! lists = { my_list = ["+33612345678"] }
//! tags = { my_tag = ["+33612345679"] }
//! fails = ["bad_list"]              # lists and tags whose campaign ends as failed
//!
//! [octopush.lists]                  # campaigns on lists and tags
//! computing_ms = 0                  # until they are ready or have failed, on the mock's clock
//! computing_answer = "bad_request"  # or "under_computation", "calculating"
//! computing_code = 129
//! ready_spelling = "ready_to_be_send"   # or "ready_to_be_sent", "ready to send"
//! status_after_send = "sent"        # or "bad_request_132"
//!
//! [octopush.cancel]                 # the limits: of ordinary campaigns, not of those on lists and tags
//! recipients_max = 2
//! minutes_ahead = 10                # more than that
//! per_month = 1000                  # and account
//! refunds = false                   # whether the cost of a cancelled campaign comes back
//!
//! [exotel]
//! accounts = [{ sid = "acme1", key = "k", token = "secret" }]   # absent: any credentials, any sid
//! strict = ["wrapped"]              # see `ExotelStrict`
//! credit = "100"                    # each account's; absent: never used up
//! call_price = "0.40"               # of each call, in the account's currency
//! price_lag_ms = 0                  # after a call's end, until its price is told
//! requests_per_minute = 0           # of an account; 0: no limit (the pages: 200)
//! calls_per_minute = 60             # of an account, over all its running campaigns
//! start_lag_ms = 0                  # how long a campaign without `send_at` stays Created
//! outcomes = { completed = 0.7, busy = 0.1, "no-answer" = 0.15, failed = 0.05 }   # shares of the calls
//! bad_numbers = ["+919999999999"]   # well formed, and invalid all the same
//! number_text = "as_sent"           # or "national", "without_plus": numbers in refusals, rows and callbacks
//! listing_lag_ms = 0                # until a new campaign is listed
//! list_items = "wrapped"            # or "bare"
//! name_filter = "contains"          # or "exact"
//! twin_every = 0                    # every N-th campaign is committed twice under one name; 0: none
//! illegal_action = "bad_request"    # or "item_conflict"
//! deleted_is_gone = false           # whether a deleted campaign is unknown, and not merely Deleted
//!
//! [exotel.audiences]                # a sid that is not here: 20 Indian mobile numbers, always the same
//! lists = { d49b7a4781ea45dcb702825ce30494ba = ["+919812345678"] }
//! ```

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU64;
use std::path::Path;

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::error::MockError;
use crate::exotel::ExotelConfig;
use crate::octopush::OctopushConfig;

/// Room for many requests in flight on one connection, as large servers allow.
const MAX_CONCURRENT_STREAMS: u32 = 256;

/// Decimals a price may have: the answers on the pages show up to eight (`5.00502839`).
const PRICE_DECIMALS_MAX: u32 = 8;

/// Everything that can be set. The default listens on a free port of loopback, in the clear.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen; port 0 picks a free one. Comes from the command line or the caller, not from the file.
    #[serde(skip)]
    pub listen: SocketAddr,
    /// Makes tickets and unseeded faults repeatable.
    pub seed: u64,
    /// How the server behaves as a server.
    pub server: ServerConfig,
    /// How Octopush is played.
    pub octopush: OctopushConfig,
    /// How Exotel is played.
    pub exotel: ExotelConfig,
    /// Serves TLS with this identity; comes from the command line or the caller, not from the file.
    #[serde(skip)]
    pub tls: Option<TlsIdentity>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            server: ServerConfig::default(),
            octopush: OctopushConfig::default(),
            exotel: ExotelConfig::default(),
            tls: None,
        }
    }
}

impl Config {
    /// Reads settings from TOML text.
    ///
    /// # Errors
    /// [`MockError::Config`] when the text is no TOML, names an unknown key, or has a value of the wrong kind.
    pub fn from_toml(text: &str) -> Result<Self, MockError> {
        toml::from_str(text).map_err(|source| MockError::Config(Box::new(source)))
    }

    /// Reads settings from a TOML file.
    ///
    /// # Errors
    /// [`MockError::File`] when it cannot be read, else as [`Config::from_toml`].
    pub fn from_file(path: &Path) -> Result<Self, MockError> {
        let text = fs::read_to_string(path).map_err(|source| MockError::File {
            path: path.into(),
            source,
        })?;
        Self::from_toml(&text)
    }
}

/// How the server behaves as a server, whichever provider it plays.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Provider requests after which a connection is closed gracefully, as nginx's `keepalive_requests`.
    pub requests_per_connection: Option<NonZeroU64>,
    /// HTTP/2 streams a client may have open on one connection.
    pub max_concurrent_streams: u32,
    /// Which protocols are spoken.
    pub protocols: Protocols,
    /// Milliseconds added to each provider answer, after the commit.
    pub answer_delay_ms: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            requests_per_connection: None,
            max_concurrent_streams: MAX_CONCURRENT_STREAMS,
            protocols: Protocols::Both,
            answer_delay_ms: 0,
        }
    }
}

/// Which protocols the server speaks, in the clear and in ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocols {
    /// HTTP/1.1 and HTTP/2, told apart by ALPN or the connection's first bytes.
    Both,
    /// HTTP/1.1; an HTTP/2 preface is a bad request.
    Http1Only,
    /// HTTP/2; anything else is closed.
    Http2Only,
}

/// A certificate chain and its private key, as PEM.
#[derive(Clone)]
pub struct TlsIdentity {
    /// One or more certificates, the server's own first.
    pub certificates_pem: Vec<u8>,
    /// The private key of the first certificate.
    pub key_pem: Vec<u8>,
}

/// Leaves the key out.
impl std::fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsIdentity").finish_non_exhaustive()
    }
}

impl TlsIdentity {
    /// Reads both files.
    ///
    /// # Errors
    /// [`MockError::File`] for the one that cannot be read.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, MockError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|source| MockError::File {
                path: path.into(),
                source,
            })
        };
        Ok(Self {
            certificates_pem: read(certificate)?,
            key_pem: read(key)?,
        })
    }
}

/// An amount, in euros where nothing else is said: exact, not negative, at most eight decimals; written as a string in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Price(Decimal);

impl Price {
    /// An amount, if it is neither negative nor finer than eight decimals.
    pub fn new(amount: Decimal) -> Option<Self> {
        (!amount.is_sign_negative() && amount.scale() <= PRICE_DECIMALS_MAX).then_some(Self(amount))
    }

    /// The amount.
    pub fn amount(self) -> Decimal {
        self.0
    }
}

impl TryFrom<String> for Price {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Decimal::from_str_exact(&text)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| format!("`{text}` is no amount with at most {PRICE_DECIMALS_MAX} decimals"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_text_gives_the_defaults() {
        let config = Config::from_toml("").expect("defaults");
        assert_eq!(config.listen.port(), 0);
        assert_eq!(config.server.protocols, Protocols::Both);
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(Config::from_toml("[server]\nanswer_delay_ms = 5").is_ok());
        assert!(Config::from_toml("[server]\nanswer_delay = 5").is_err());
        assert!(Config::from_toml("[octopush.duplicates]\ncode = 133").is_ok());
        assert!(Config::from_toml("[octopush.duplicates]\nkode = 133").is_err());
        assert!(Config::from_toml("[octopush.lists]\nready_spelling = \"ready to send\"").is_ok());
        assert!(Config::from_toml("[octopush.lists]\nready_spelling = \"ready\"").is_err());
        assert!(Config::from_toml("[octopush.audiences]\nlists = {}").is_ok());
        assert!(Config::from_toml("[octopush.audiences]\ngroups = {}").is_err());
        assert!(Config::from_toml("[octopush.cancel]\nrefunds = true").is_ok());
        assert!(Config::from_toml("[octopush.cancel]\nrefund = true").is_err());
    }

    #[test]
    fn a_price_is_exact_and_not_negative() {
        let check =
            |text: &str, good: bool| assert_eq!(Price::try_from(text.to_owned()).is_ok(), good, "{text}");
        check("0.00000001", true);
        check("0.000000001", false);
        check("0", true);
        check("-0.01", false);
        check("1e2", false);
    }

    #[test]
    fn the_header_of_this_file_is_a_valid_configuration() {
        let header = include_str!("config.rs");
        let lines: Vec<&str> = header
            .lines()
            .skip_while(|line| !line.contains("```toml"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| line.trim_start_matches("//!"))
            .collect();
        let config = Config::from_toml(&lines.join("\n")).expect("the documented configuration");
        assert_eq!(config.server.requests_per_connection, NonZeroU64::new(100));
    }
}
