//! Where the account is and how it is spoken to, for commands that need no campaign file.
//!
//! Input: `--set` alone, with the campaign file's own keys: `octopush.base_url`; `exotel.base_url`, `exotel.account_sid`,
//! `exotel.currency`; `limits.request_timeout`, `transport.*`.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use volley_model::Currency;
use volley_provider::Provider;
use volley_transport::Endpoint;

use super::content::{exotel_account, exotel_currency, exotel_endpoint, octopush_endpoint};
use super::file::{self, TransportSection};
use super::{Checked, ConfigError, REQUEST_TIMEOUT, TransportRules, Wrong, duration, transport};

/// The sections whose keys may be set here.
pub(crate) const SECTIONS: [&str; 4] = ["octopush", "exotel", "limits", "transport"];

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// Whose API it is.
    pub(crate) provider: Provider,
    /// Where the API is.
    pub(crate) endpoint: Endpoint,
    /// Connections.
    pub(crate) transport: TransportRules,
    /// From handing over to the whole answer.
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    octopush: Octopush,
    exotel: Exotel,
    limits: Limits,
    transport: TransportSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Octopush {
    base_url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exotel {
    base_url: Option<String>,
    account_sid: Option<String>,
    currency: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    request_timeout: Option<String>,
}

/// What else must be known of an account at Exotel.
#[derive(Debug, Clone)]
pub(crate) struct ExotelAccess {
    /// See [`Access`].
    pub(crate) access: Access,
    /// The account.
    pub(crate) account_sid: String,
    /// What it pays in; XXX while nobody said so.
    pub(crate) currency: Currency,
}

impl Access {
    /// Reads and checks the settings for Octopush.
    pub(crate) fn of(settings: &[String]) -> Result<Self, ConfigError> {
        let settings: Settings = file::parse("", settings).map_err(ConfigError::Setting)?;
        let base_url = settings.octopush.base_url.clone();
        checked(|| {
            let endpoint = octopush_endpoint(base_url.as_deref())?;
            settings.access(Provider::Octopush, endpoint)
        })
    }
}

impl ExotelAccess {
    /// Reads and checks the settings for Exotel.
    pub(crate) fn of(settings: &[String]) -> Result<Self, ConfigError> {
        let settings: Settings = file::parse("", settings).map_err(ConfigError::Setting)?;
        let base_url = settings.exotel.base_url.clone();
        let account_sid = settings.exotel.account_sid.clone();
        checked(|| {
            Ok(Self {
                account_sid: exotel_account(account_sid.as_deref())?,
                currency: exotel_currency(settings.exotel.currency.as_deref())?,
                access: {
                    let endpoint = exotel_endpoint(base_url.as_deref())?;
                    settings.access(Provider::Exotel, endpoint)?
                },
            })
        })
    }
}

impl Settings {
    fn access(self, provider: Provider, endpoint: Endpoint) -> Checked<Access> {
        let timeout = self.limits.request_timeout.as_deref();
        Ok(Access {
            provider,
            endpoint,
            transport: transport(self.transport, Path::new(""))?,
            request_timeout: duration("limits.request_timeout", timeout, REQUEST_TIMEOUT)?,
        })
    }
}

fn checked<T>(read: impl FnOnce() -> Checked<T>) -> Result<T, ConfigError> {
    read().map_err(|Wrong { key, why }| ConfigError::Flag {
        key: key.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[&str]) -> Result<Access, ConfigError> {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        Access::of(&settings)
    }

    #[test]
    fn the_campaign_files_own_keys_are_taken_and_no_others() {
        let access = of(&[]).unwrap();
        assert_eq!(access.endpoint.host(), "api.octopush.com");
        assert_eq!(access.request_timeout, REQUEST_TIMEOUT);
        let access = of(&[
            "octopush.base_url=http://127.0.0.1:9100/v1/public",
            "limits.request_timeout=5s",
            "transport.fresh_connections=true",
        ])
        .unwrap();
        assert!(access.endpoint.is_loopback() && access.transport.fresh_connections);
        assert_eq!(access.request_timeout, Duration::from_secs(5));
        for wrong in [
            "octopush.text=Hello",
            "limits.max_cost=5",
            "campaign.name=a",
            "octopush.base_url=http://example.org",
            "limits.request_timeout=soon",
        ] {
            assert!(of(&[wrong]).is_err(), "{wrong}");
        }
        let error = of(&["transport.htp2=never"]).unwrap_err().to_string();
        assert!(error.ends_with("did you mean `http2`?"), "{error}");
    }
}
