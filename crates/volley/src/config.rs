//! A checked campaign: every default has its name and reason here, and nothing beyond this point is optional by accident.
//!
//! Input: a campaign file and `--set` overrides. Output: [`Campaign`]. Nothing is opened but the file itself.
//! Not here: credentials (see [`credentials`]), since `plan` and `rehearse` need none.

pub(crate) mod access;
mod content;
pub mod credentials;
pub(crate) mod file;
pub(crate) mod list_campaign;
mod mistaken;

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use volley_intake::{FieldNames, InvalidLimit, NumberRule, Region};
use volley_model::{Amount, Currency};
use volley_provider::{Content, Provider};
use volley_transport::{Endpoint, Http2};

use content::Section;
pub use file::FormError;
use file::{CountOrShare, File};

/// Octopush: no limit is documented; 20 requests a second are 10,000 recipients a second, and polite.
const OCTOPUSH_REQUESTS_PER_SECOND: f64 = 20.0;
/// Exotel: 200 requests a minute are allowed ("create campaign"), dialling is slower by far, and others share the account.
const EXOTEL_REQUESTS_PER_SECOND: f64 = 0.5;
/// One connection carries it all; the second stands by while the first reconnects.
pub const CONNECTIONS: u32 = 2;
/// Enough to hide an answer time of 800 ms at the default rate.
pub const MAX_IN_FLIGHT: u32 = 16;
/// As Octopush's own client waits.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a slow request to be through before it is asked about.
pub const SETTLE: Duration = Duration::from_secs(30);
/// Below the ten seconds that container runtimes commonly grant after SIGTERM.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(8);
/// A longer wait is a typing error, and clocks cannot add it.
const DURATION_MAX: Duration = Duration::from_hours(24);
/// Below the idle time-outs of common load balancers.
pub const IDLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A checked campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The key under which a number is contacted at most once.
    pub name: String,
    /// Where the API is.
    pub endpoint: Endpoint,
    /// What the recipients get.
    pub content: Content,
    /// The account at Exotel.
    pub account_sid: Option<String>,
    /// What it costs is in this currency: the provider's, or as the file says.
    pub currency: Currency,
    /// Codes that say "this key was used before".
    pub duplicate_codes: Vec<u32>,
    /// How input lines are read.
    pub input: InputRules,
    /// Pace, budget and patience.
    pub limits: Limits,
    /// Connections.
    pub transport: TransportRules,
}

/// The section `[input]`.
#[derive(Debug, Clone)]
pub struct InputRules {
    /// Whose national spellings are read.
    pub default_region: Option<Region>,
    /// Which numbers are let through.
    pub numbers: NumberRule,
    /// `None` allows all.
    pub allowed_countries: Option<Vec<Region>>,
    /// Our name = the input's key.
    pub names: FieldNames,
    /// Files of numbers never to contact.
    pub suppress: Vec<PathBuf>,
}

/// The section `[limits]`.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Recipients a request.
    pub batch_size: NonZeroU32,
    /// Requests a second, probes and free GETs included.
    pub requests_per_second: f64,
    /// Depth of the token bucket, in requests.
    pub burst: NonZeroU32,
    /// Recipients a second.
    pub recipients_per_second: Option<f64>,
    /// Connections in the pool.
    pub connections: NonZeroUsize,
    /// Requests handed over and unanswered.
    pub max_in_flight: NonZeroUsize,
    /// The campaign's budget over all runs.
    pub max_cost: Option<Amount>,
    /// How many invalid lines are put up with.
    pub max_invalid: Option<InvalidLimit>,
    /// The residual credit below which the run stops.
    pub min_credit: Option<Amount>,
    /// Upper bound per segment.
    pub unit_price: Option<Amount>,
    /// From handing over to the whole answer.
    pub request_timeout: Duration,
    /// After an attempt in doubt, before it is probed.
    pub settle: Duration,
    /// After the first signal, for what is in flight.
    pub shutdown_grace: Duration,
}

/// The section `[transport]`.
#[derive(Debug, Clone)]
pub struct TransportRules {
    /// Which HTTP version.
    pub http2: Http2,
    /// PEM file of the roots to trust, in place of the platform's.
    pub ca_file: Option<PathBuf>,
    /// When an unused connection is given up.
    pub idle_timeout: Duration,
    /// 0: no limit.
    pub max_requests_per_connection: u64,
    /// A new connection for every request.
    pub fresh_connections: bool,
}

/// Why a campaign file cannot be used. Shown as "failed to …", with the file and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read {what} {path}: {source}")]
    Read {
        /// What it is to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not there.
    #[error("read campaign file {path}: {why}; {hint}")]
    NotThere {
        /// Where it was looked for.
        path: PathBuf,
        /// What is there.
        why: &'static str,
        /// What would be right.
        hint: String,
    },
    /// The contacts stand in its place.
    #[error("read campaign file {path}: it {what}; the campaign file comes first, and the inputs behind it")]
    Contacts {
        /// The file.
        path: PathBuf,
        /// How that shows.
        what: &'static str,
    },
    /// It is none by its form.
    #[error("read {what} {path}: {source}")]
    Form {
        /// What it is to be.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: FormError,
    },
    /// A setting of the command line that is none by its form.
    #[error("use the settings: {0}")]
    Setting(FormError),
    /// A value that has to be given is not.
    #[error("go on without {key}: {why}")]
    Missing {
        /// The flag.
        key: String,
        /// What would be right.
        why: String,
    },
    /// A value of the command line that cannot be meant.
    #[error("use {key}: {why}")]
    Flag {
        /// The flag, or `section.key`.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A field of the account's configuration that cannot be meant.
    #[error("use {path}: {key}: {why}")]
    Parameter {
        /// The file.
        path: PathBuf,
        /// `group.field`.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// A value that cannot be meant.
    #[error("use campaign file {path}: {key}: {why}")]
    Value {
        /// The file.
        path: PathBuf,
        /// `section.key`.
        key: String,
        /// What is wrong, and what would be right.
        why: String,
    },
}

/// A value that cannot be meant, before the file's path is known.
struct Wrong {
    key: &'static str,
    why: String,
}

type Checked<T> = Result<T, Wrong>;

fn wrong<T>(key: &'static str, why: impl Into<String>) -> Checked<T> {
    Err(Wrong { key, why: why.into() })
}

/// A value that is none of those there are.
fn none_of<T>(key: &'static str, given: &str, known: &[&str]) -> Checked<T> {
    let hint = file::nearest(given, known.iter().copied())
        .map_or_else(String::new, |nearest| format!("; did you mean {nearest:?}?"));
    let known: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
    wrong(key, format!("{given:?} is none of {}{hint}", known.join(", ")))
}

impl Campaign {
    /// Reads and checks a campaign file.
    ///
    /// # Errors
    /// See [`ConfigError`]; each names the file, the key and the remedy.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let file =
            read("campaign file", path, overrides).map_err(|error| mistaken::explained(error, path))?;
        let beside = path.parent().unwrap_or(Path::new("")).to_owned();
        check(file, &beside).map_err(|Wrong { key, why }| ConfigError::Value {
            path: path.to_owned(),
            key: key.to_owned(),
            why,
        })
    }
}

/// Reads a file of some shape, such as [`File`], with its overrides.
pub(crate) fn read<T: DeserializeOwned>(
    what: &'static str,
    path: &Path,
    overrides: &[String],
) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        what,
        path: path.to_owned(),
        source,
    })?;
    file::parse(&text, overrides).map_err(|source| {
        if source.is_of_setting() {
            return ConfigError::Setting(source);
        }
        ConfigError::Form {
            what,
            path: path.to_owned(),
            source,
        }
    })
}

fn check(mut file: File, beside: &Path) -> Checked<Campaign> {
    let name = file.campaign.name.clone();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return wrong(
            "campaign.name",
            format!("{name:?} is not 1 to 64 of the characters A-Z a-z 0-9 . _ -"),
        );
    }
    let section = Section::of(&mut file)?;
    Ok(Campaign {
        name,
        endpoint: section.endpoint,
        account_sid: section.account_sid,
        currency: section.currency,
        duplicate_codes: section.duplicate_codes,
        input: input(file.input, beside)?,
        limits: limits(section.content.provider(), &file.limits)?,
        content: section.content,
        transport: transport(file.transport, beside)?,
    })
}

fn input(section: file::InputSection, beside: &Path) -> Checked<InputRules> {
    let region = |key: &'static str, code: String| {
        Region::named(&code).map_or_else(
            || {
                wrong(
                    key,
                    format!("\"{code}\" is no ISO 3166 alpha-2 country code, such as \"FR\""),
                )
            },
            Ok,
        )
    };
    Ok(InputRules {
        default_region: section
            .default_region
            .map(|code| region("input.default_region", code))
            .transpose()?,
        numbers: match section.numbers.as_deref() {
            None | Some("possible") => NumberRule::Possible,
            Some("valid") => NumberRule::Valid,
            Some("any") => NumberRule::Any,
            Some(other) => return none_of("input.numbers", other, &["possible", "valid", "any"]),
        },
        allowed_countries: section
            .allowed_countries
            .map(|codes| {
                codes
                    .into_iter()
                    .map(|code| region("input.allowed_countries", code))
                    .collect()
            })
            .transpose()?,
        names: FieldNames::mapped(
            section
                .fields
                .iter()
                .map(|(name, key)| (name.as_str(), key.as_str())),
        )
        .or_else(|error| wrong("input.fields", error.to_string()))?,
        suppress: section
            .suppress
            .into_iter()
            .map(|path| beside.join(path))
            .collect(),
    })
}

/// Requests a second, unless the campaign file says otherwise.
fn requests_per_second(provider: Provider) -> f64 {
    match provider {
        Provider::Octopush => OCTOPUSH_REQUESTS_PER_SECOND,
        Provider::Exotel => EXOTEL_REQUESTS_PER_SECOND,
    }
}

fn limits(provider: Provider, section: &file::LimitsSection) -> Checked<Limits> {
    let batch_max = u32::try_from(provider.recipients_max()).unwrap_or(u32::MAX);
    let batch_size = section.batch_size.unwrap_or(batch_max);
    if batch_size > batch_max {
        return wrong(
            "limits.batch_size",
            format!("at most {batch_max} recipients a request"),
        );
    }
    let requests_per_second = section
        .requests_per_second
        .unwrap_or_else(|| requests_per_second(provider));
    rate("limits.requests_per_second", requests_per_second)?;
    if let Some(recipients) = section.recipients_per_second {
        rate("limits.recipients_per_second", recipients)?;
    }
    if provider == Provider::Exotel && section.min_credit.is_some() {
        return wrong(
            "limits.min_credit",
            "Exotel's answers tell no credit; leave it out, and see limits.max_cost",
        );
    }
    let max_cost = section.max_cost.map(|money| money.0);
    let unit_price = section.unit_price.map(|money| money.0);
    if max_cost.is_some() && unit_price.is_none() {
        return wrong(
            "limits.max_cost",
            "needs limits.unit_price, an upper bound per segment or call, to reserve by",
        );
    }
    Ok(Limits {
        batch_size: at_least_one("limits.batch_size", batch_size)?,
        requests_per_second,
        burst: match section.burst {
            Some(burst) => at_least_one("limits.burst", burst)?,
            None => default_burst(requests_per_second),
        },
        recipients_per_second: section.recipients_per_second,
        connections: at_least_one("limits.connections", section.connections.unwrap_or(CONNECTIONS))?
            .try_into()
            .or_else(|_| wrong("limits.connections", "too many"))?,
        max_in_flight: at_least_one(
            "limits.max_in_flight",
            section.max_in_flight.unwrap_or(MAX_IN_FLIGHT),
        )?
        .try_into()
        .or_else(|_| wrong("limits.max_in_flight", "too many"))?,
        max_cost,
        max_invalid: section.max_invalid.as_ref().map(max_invalid).transpose()?,
        min_credit: section.min_credit.map(|money| money.0),
        unit_price,
        request_timeout: duration(
            "limits.request_timeout",
            section.request_timeout.as_deref(),
            REQUEST_TIMEOUT,
        )?,
        settle: duration("limits.settle", section.settle.as_deref(), SETTLE)?,
        shutdown_grace: duration(
            "limits.shutdown_grace",
            section.shutdown_grace.as_deref(),
            SHUTDOWN_GRACE,
        )?,
    })
}

/// tokio's timer ticks in milliseconds: the bucket must hold what comes due while it sleeps (10 ms).
fn default_burst(requests_per_second: f64) -> NonZeroU32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are checked: positive, below 10^6"
    )]
    let burst = (requests_per_second / 100.0) as u32;
    NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)
}

fn rate(key: &'static str, per_second: f64) -> Checked<()> {
    if per_second.is_finite() && per_second > 0.0 && per_second <= 1e6 {
        Ok(())
    } else {
        wrong(key, "a number above 0, at most 1,000,000")
    }
}

fn at_least_one(key: &'static str, count: u32) -> Checked<NonZeroU32> {
    NonZeroU32::new(count).map_or_else(|| wrong(key, "at least 1"), Ok)
}

fn duration(key: &'static str, text: Option<&str>, default: Duration) -> Checked<Duration> {
    let Some(text) = text else { return Ok(default) };
    text.parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok())
        .filter(|duration| *duration <= DURATION_MAX)
        .map_or_else(
            || {
                wrong(
                    key,
                    format!("\"{text}\" is no duration such as \"30s\" or \"2m\", up to 24 hours"),
                )
            },
            Ok,
        )
}

fn max_invalid(limit: &CountOrShare) -> Checked<InvalidLimit> {
    let text = match limit {
        CountOrShare::Count(count) => return Ok(InvalidLimit::Count(*count)),
        CountOrShare::Text(text) => text.trim(),
    };
    if let Ok(count) = text.parse() {
        return Ok(InvalidLimit::Count(count));
    }
    text.strip_suffix('%').and_then(share).map_or_else(
        || {
            wrong(
                "limits.max_invalid",
                "a share such as \"20%\", or a number of lines",
            )
        },
        Ok,
    )
}

/// Percent as an exact ratio of lines: `12.5` is 125 of 1000.
fn share(percent: &str) -> Option<InvalidLimit> {
    let percent = percent.trim().parse::<Amount>().ok()?.decimal().normalize();
    if percent > rust_decimal::Decimal::ONE_HUNDRED {
        return None;
    }
    let lines = 100 * 10_u64.checked_pow(percent.scale())?;
    Some(InvalidLimit::Share {
        of: u64::try_from(percent.mantissa()).ok()?,
        lines,
    })
}

fn transport(section: file::TransportSection, beside: &Path) -> Checked<TransportRules> {
    Ok(TransportRules {
        http2: match section.http2.as_deref() {
            None | Some("auto") => Http2::Auto,
            Some("always") => Http2::Always,
            Some("never") => Http2::Never,
            Some(other) => return none_of("transport.http2", other, &["auto", "always", "never"]),
        },
        ca_file: section.ca_file.map(|path| beside.join(path)),
        idle_timeout: duration(
            "transport.idle_timeout",
            section.idle_timeout.as_deref(),
            IDLE_TIMEOUT,
        )?,
        max_requests_per_connection: section.max_requests_per_connection.unwrap_or(0),
        fresh_connections: section.fresh_connections,
    })
}
