//! Where the account is and how it is spoken to, for commands that need no campaign file.
//!
//! Input: `--set` alone, with the campaign file's own keys: `octopush.base_url`, `limits.request_timeout`, `transport.*`.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use volley_transport::Endpoint;

use super::content::octopush_endpoint;
use super::file::{self, TransportSection};
use super::{ConfigError, REQUEST_TIMEOUT, TransportRules, Wrong, duration, transport};

/// The sections whose keys may be set here.
pub(crate) const SECTIONS: [&str; 3] = ["octopush", "limits", "transport"];

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Access {
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
struct Limits {
    request_timeout: Option<String>,
}

impl Access {
    /// Reads and checks the settings.
    pub(crate) fn of(settings: &[String]) -> Result<Self, ConfigError> {
        let Settings {
            octopush,
            limits,
            transport: section,
        } = file::parse("", settings).map_err(ConfigError::Setting)?;
        let parts = || {
            let timeout = limits.request_timeout.as_deref();
            Ok(Self {
                endpoint: octopush_endpoint(octopush.base_url.as_deref())?,
                transport: transport(section, Path::new(""))?,
                request_timeout: duration("limits.request_timeout", timeout, REQUEST_TIMEOUT)?,
            })
        };
        parts().map_err(|Wrong { key, why }| ConfigError::Flag {
            key: key.to_owned(),
            why,
        })
    }
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
