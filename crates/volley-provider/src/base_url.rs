//! Where a provider's API lives: checked once, so that no request is ever built for another place.
//!
//! `https://` anywhere, `http://` for loopback addresses only; no user name, no query, no fragment.

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// A checked base URL, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    path: String,
}

/// Why a text is no base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// No absolute URL.
    #[error("base_url is no absolute URL such as https://api.octopush.com/v1/public")]
    NotAbsolute,
    /// A user name or password before the host. Not repeated in the message.
    #[error(
        "base_url has a user name or password in it; credentials come from the environment or from files"
    )]
    Credentials,
    /// A `?` or `#`.
    #[error("base_url has a query or a fragment; only a host and a path may stand in it")]
    Query,
    /// Neither https nor http.
    #[error("base_url has the scheme {scheme}; it must be https")]
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// `http://` to a host that is not this machine: credentials and numbers would travel readable.
    #[error("base_url goes to {host} without TLS; http:// is for loopback addresses only, write https://")]
    Cleartext {
        /// The host.
        host: String,
    },
}

impl BaseUrl {
    /// Checks a base URL as written in the campaign file.
    ///
    /// # Errors
    /// See [`BaseUrlError`].
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        // The parser of `http` drops fragments silently.
        if text.contains(['?', '#']) {
            return Err(BaseUrlError::Query);
        }
        let parts = text
            .parse::<Uri>()
            .map_err(|_| BaseUrlError::NotAbsolute)?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(BaseUrlError::NotAbsolute);
        };
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::Credentials);
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        let base_url = Self {
            scheme,
            path: path.trim_end_matches('/').to_owned(),
            authority,
        };
        match base_url.scheme.as_str() {
            _ if base_url.host().is_empty() => Err(BaseUrlError::NotAbsolute),
            "https" => Ok(base_url),
            "http" if base_url.is_loopback() => Ok(base_url),
            "http" => Err(BaseUrlError::Cleartext {
                host: base_url.host().to_owned(),
            }),
            scheme => Err(BaseUrlError::Scheme {
                scheme: scheme.to_owned(),
            }),
        }
    }

    /// The host, without its port; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.authority.host().trim_matches(['[', ']'])
    }

    /// The port, written or implied by the scheme.
    pub fn port(&self) -> u16 {
        let implied = if self.is_tls() { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(implied)
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether the host is this machine: `localhost` (RFC 6761, 6.3) or a loopback address.
    pub fn is_loopback(&self) -> bool {
        self.host().eq_ignore_ascii_case("localhost")
            || self
                .host()
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// The absolute URI of a path below the base; `path` begins with a slash and may carry a query.
    ///
    /// # Errors
    /// [`BaseUrlError::NotAbsolute`] if the two together are no URI.
    pub fn join(&self, path: &str) -> Result<Uri, BaseUrlError> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{path}", self.path))
            .build()
            .map_err(|_| BaseUrlError::NotAbsolute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, BaseUrlError>) {
        let joined = BaseUrl::parse(text).and_then(|base_url| base_url.join("/a/b"));
        assert_eq!(
            joined.map(|uri| uri.to_string()),
            expected.map(str::to_owned),
            "{text}"
        );
    }

    #[test]
    fn https_goes_anywhere_and_http_to_this_machine_only() {
        let cleartext = |host: &str| {
            Err(BaseUrlError::Cleartext {
                host: host.to_owned(),
            })
        };
        check(
            "https://api.octopush.com/v1/public",
            Ok("https://api.octopush.com/v1/public/a/b"),
        );
        check(
            "https://api.octopush.com/v1/public/",
            Ok("https://api.octopush.com/v1/public/a/b"),
        );
        check("https://h", Ok("https://h/a/b"));
        check("http://127.0.0.1:9100/v1", Ok("http://127.0.0.1:9100/v1/a/b"));
        check("http://127.9.9.9", Ok("http://127.9.9.9/a/b"));
        check("http://[::1]:80", Ok("http://[::1]:80/a/b"));
        check("http://localhost:1", Ok("http://localhost:1/a/b"));
        check("http://api.octopush.com/v1", cleartext("api.octopush.com"));
        check("http://128.0.0.1", cleartext("128.0.0.1"));
        check("http://127.0.0.1.example.org", cleartext("127.0.0.1.example.org"));
        check("http://localhost.example.org", cleartext("localhost.example.org"));
    }

    #[test]
    fn anything_but_a_host_and_a_path_is_refused() {
        check("", Err(BaseUrlError::NotAbsolute));
        check("/v1/public", Err(BaseUrlError::NotAbsolute));
        check("api.octopush.com", Err(BaseUrlError::NotAbsolute));
        check("https://h/?a=b", Err(BaseUrlError::Query));
        check("https://h/#f", Err(BaseUrlError::Query));
        check("https://me:secret@h/", Err(BaseUrlError::Credentials));
        check(
            "ftp://h/",
            Err(BaseUrlError::Scheme {
                scheme: "ftp".to_owned(),
            }),
        );
    }

    #[test]
    fn host_and_port_are_told_apart() {
        let base_url = BaseUrl::parse("http://[::1]:9100/v1").unwrap();
        assert_eq!((base_url.host(), base_url.port()), ("::1", 9100));
        assert!(base_url.is_loopback() && !base_url.is_tls());
        let base_url = BaseUrl::parse("https://api.octopush.com/v1").unwrap();
        assert_eq!((base_url.host(), base_url.port()), ("api.octopush.com", 443));
        assert!(!base_url.is_loopback() && base_url.is_tls());
    }
}
