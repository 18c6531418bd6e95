//! Credentials, in types that print as `[redacted]`.
//!
//! Not here: where they come from (environment or files; the binary reads them).

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;

/// A text that must not be seen: it prints as `[redacted]`, with `Debug` and with `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that writes it on the wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[redacted]")
    }
}

/// A shorter credential is none that a provider gives out, and may well be a word of the answer.
const REDACTED_BYTES_MIN: usize = 8;

/// What Octopush wants in the headers of every request. Prints neither half.
#[derive(Clone, PartialEq, Eq)]
pub struct OctopushCredentials {
    /// `api-login`: the account's e-mail address.
    pub login: String,
    /// `api-key`.
    pub key: Secret,
}

impl OctopushCredentials {
    /// The text without either half of the credentials; `None` if it has neither.
    pub(crate) fn redacted(&self, text: &[u8]) -> Option<Bytes> {
        let text = std::str::from_utf8(text).ok()?;
        let mut halves = vec![self.login.as_str(), self.key.expose()];
        halves.retain(|half| half.len() >= REDACTED_BYTES_MIN && text.contains(half));
        if halves.is_empty() {
            return None;
        }
        let redacted = halves
            .iter()
            .fold(text.to_owned(), |text, half| text.replace(half, "[redacted]"));
        Some(redacted.into())
    }

    /// A name for the account that does not give the login away: 16 hex digits of its blake3.
    pub fn account(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("volley octopush account");
        hasher.update(self.login.as_bytes());
        hasher.finalize().to_hex()[..16].to_owned()
    }
}

impl fmt::Debug for OctopushCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("OctopushCredentials([redacted])")
    }
}

/// A credential that no HTTP header can carry. Names the header and never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Nothing in it.
    #[error("the credential for the header {header} is empty")]
    Empty {
        /// The header.
        header: &'static str,
    },
    /// A character that a header cannot carry.
    #[error(
        "the credential for the header {header} has a line break, a control character or one outside ASCII"
    )]
    Unsendable {
        /// The header.
        header: &'static str,
    },
}

/// A credential as a header's value, marked sensitive: hyper does not print it, HPACK does not index it.
pub(crate) fn sensitive(header: &'static str, credential: &str) -> Result<HeaderValue, CredentialsError> {
    if credential.is_empty() {
        return Err(CredentialsError::Empty { header });
    }
    if !credential.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(CredentialsError::Unsendable { header });
    }
    let mut value = HeaderValue::from_str(credential).map_err(|_| CredentialsError::Unsendable { header })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_half_of_the_credentials_is_printed() {
        let credentials = OctopushCredentials {
            login: "planted-login@example.org".to_owned(),
            key: Secret::new("planted-key"),
        };
        let printed = format!("{credentials:?} {:?} {}", credentials.key, credentials.key);
        assert!(!printed.contains("planted"), "{printed}");
        assert!(printed.contains("[redacted]"));
        assert_eq!(credentials.key.expose(), "planted-key");
    }

    #[test]
    fn an_account_has_a_name_of_its_own_that_does_not_show_the_login() {
        let account = |login: &str| {
            OctopushCredentials {
                login: login.to_owned(),
                key: Secret::new("k"),
            }
            .account()
        };
        assert_eq!(account("a@example.org"), account("a@example.org"));
        assert_ne!(account("a@example.org"), account("b@example.org"));
        assert_eq!(account("a@example.org").len(), 16);
        assert!(!account("a@example.org").contains("example"));
    }

    #[test]
    fn a_credential_that_no_header_carries_is_refused_without_being_shown() {
        assert!(sensitive("api-key", "abc-123 ~").unwrap().is_sensitive());
        assert_eq!(
            sensitive("api-key", ""),
            Err(CredentialsError::Empty { header: "api-key" })
        );
        for credential in ["planted\n", "plant\u{0}ed", "plantéd", "planted\u{7f}"] {
            let error = sensitive("api-key", credential).unwrap_err();
            assert_eq!(error, CredentialsError::Unsendable { header: "api-key" });
            assert!(!error.to_string().contains("plant"), "{error}");
        }
    }
}
