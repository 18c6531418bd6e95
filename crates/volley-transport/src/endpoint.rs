//! The base URL of a provider: scheme, host, port and path prefix.
//!
//! Cleartext is accepted for loopback addresses only: the requests carry credentials and phone numbers.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, Scheme};

/// Where a pool's requests go. Made by [`Endpoint::parse`] only, so that every one of them is safe to speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    authority: Authority,
    /// Without the brackets of an IPv6 address.
    host: String,
    port: u16,
    /// Begins with a slash and does not end with one; or empty.
    path_prefix: String,
}

/// Why a text is not a base URL that we send to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// No URL at all.
    #[error("{0} is not a URL like https://api.example.com/v1")]
    Unreadable(String),
    /// A scheme that we do not speak.
    #[error("the scheme has to be https (or http for a loopback address), not {0:?}")]
    Scheme(String),
    /// `http://` to another machine.
    #[error("http:// is accepted for loopback addresses only, and {0} is none; use https://")]
    Cleartext(String),
    /// A name or password before the host.
    #[error("credentials do not belong into a URL")]
    Userinfo,
    /// A query or fragment.
    #[error("a base URL has neither a query nor a fragment")]
    QueryOrFragment,
}

impl Endpoint {
    /// Parses a base URL.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let unreadable = || EndpointError::Unreadable(format!("{:?}", without_userinfo(text)));
        if text.contains(['?', '#']) {
            return Err(EndpointError::QueryOrFragment);
        }
        let uri: Uri = text.parse().map_err(|_| unreadable())?;
        let scheme = uri.scheme().ok_or_else(unreadable)?;
        let tls = *scheme == Scheme::HTTPS;
        if !tls && *scheme != Scheme::HTTP {
            return Err(EndpointError::Scheme(scheme.to_string()));
        }
        let authority = uri.authority().ok_or_else(unreadable)?.clone();
        if authority.as_str().contains('@') {
            return Err(EndpointError::Userinfo);
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            // Names are one whatever their case (RFC 3986, 3.2.2): a campaign does not change its host by shouting.
            .to_ascii_lowercase();
        let names_port = authority.as_str().len() > authority.host().len();
        if host.is_empty() || (names_port && authority.port_u16().is_none()) {
            return Err(unreadable());
        }
        let endpoint = Self {
            tls,
            port: authority.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            host,
            authority,
            path_prefix: uri.path().trim_end_matches('/').to_owned(),
        };
        if !tls && !endpoint.is_loopback() {
            return Err(EndpointError::Cleartext(endpoint.host));
        }
        Ok(endpoint)
    }

    /// The host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where the URL names none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as the URL spells them.
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// What stands before every path: empty, or `/v1` without a slash at its end.
    pub fn path_prefix(&self) -> &str {
        &self.path_prefix
    }

    /// Whether the host is this machine: 127.0.0.0/8, `::1` or `localhost`.
    pub fn is_loopback(&self) -> bool {
        match self.host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => self.host.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Whether the scheme is https.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The scheme as URIs carry it.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.tls { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}{}", self.scheme(), self.authority, self.path_prefix)
    }
}

/// A text for an error message: what stands before an `@` may be a password.
fn without_userinfo(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, host: &str, port: u16, prefix: &str, shown: &str) {
        let endpoint = Endpoint::parse(text).expect(text);
        assert_eq!(
            (endpoint.host(), endpoint.port(), endpoint.path_prefix()),
            (host, port, prefix)
        );
        assert_eq!(endpoint.to_string(), shown);
    }

    #[test]
    fn a_base_url_is_taken_apart() {
        check(
            "https://api.octopush.com/v1/public",
            "api.octopush.com",
            443,
            "/v1/public",
            "https://api.octopush.com/v1/public",
        );
        check(
            "https://a.example:8443/",
            "a.example",
            8443,
            "",
            "https://a.example:8443",
        );
        check(
            "http://127.3.2.1:8080/x/",
            "127.3.2.1",
            8080,
            "/x",
            "http://127.3.2.1:8080/x",
        );
        check("http://[::1]:8080", "::1", 8080, "", "http://[::1]:8080");
        check("http://localhost", "localhost", 80, "", "http://localhost");
    }

    fn check_refused(text: &str, expected: &EndpointError) {
        assert_eq!(&Endpoint::parse(text).expect_err(text), expected, "{text}");
    }

    #[test]
    fn cleartext_leaves_this_machine_for_nobody() {
        for host in [
            "api.example.com",
            "128.0.0.1",
            "10.0.0.1",
            "localhost.example.com",
        ] {
            check_refused(
                &format!("http://{host}/v1"),
                &EndpointError::Cleartext(host.to_owned()),
            );
        }
        check_refused("http://[::2]/", &EndpointError::Cleartext("::2".to_owned()));
    }

    #[test]
    fn what_has_no_place_in_a_base_url_is_refused() {
        check_refused("https://me:secret@a.example/", &EndpointError::Userinfo);
        check_refused("https://a.example/?x=1", &EndpointError::QueryOrFragment);
        check_refused("https://a.example/#top", &EndpointError::QueryOrFragment);
        check_refused("ftp://a.example/", &EndpointError::Scheme("ftp".to_owned()));
        for text in ["a.example", "https://", "", "https://a.example:99999/", "/v1"] {
            assert!(
                matches!(Endpoint::parse(text), Err(EndpointError::Unreadable(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn a_password_never_shows_in_the_error() {
        let error = Endpoint::parse("https://me:secret@a.example:99999/").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
