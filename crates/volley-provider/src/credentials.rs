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
        redacted(text, vec![&self.login, self.key.expose()])
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

/// What Exotel wants with every request: the two halves of HTTP Basic (the API's introduction, "Authentication"). Prints
/// neither. The account's name in the ledger is its sid, which stands in every path and is no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct ExotelCredentials {
    /// The API key: the user of HTTP Basic.
    pub key: Secret,
    /// The API token: its password.
    pub token: Secret,
}

impl ExotelCredentials {
    /// The value of `Authorization`, marked sensitive (RFC 7617: the user may have no colon).
    pub(crate) fn basic(&self) -> Result<HeaderValue, CredentialsError> {
        for (header, half) in [(BASIC_KEY, &self.key), (BASIC_TOKEN, &self.token)] {
            sensitive(header, half.expose())?;
        }
        if self.key.expose().contains(':') {
            return Err(CredentialsError::Colon { header: BASIC_KEY });
        }
        sensitive("Authorization", &format!("Basic {}", self.encoded()))
    }

    /// The text without either half of the credentials, or both as they go over the wire; `None` if it has none of them.
    pub(crate) fn redacted(&self, text: &[u8]) -> Option<Bytes> {
        let encoded = self.encoded();
        redacted(text, vec![&encoded, self.key.expose(), self.token.expose()])
    }

    fn encoded(&self) -> String {
        base64(format!("{}:{}", self.key.expose(), self.token.expose()).as_bytes())
    }
}

impl fmt::Debug for ExotelCredentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ExotelCredentials([redacted])")
    }
}

/// What the two halves are called where one of them fits into no header.
const BASIC_KEY: &str = "Authorization (API key)";
const BASIC_TOKEN: &str = "Authorization (API token)";

/// The text without any of the secrets; `None` if it has none of them.
fn redacted(text: &[u8], mut secrets: Vec<&str>) -> Option<Bytes> {
    let text = std::str::from_utf8(text).ok()?;
    secrets.retain(|secret| secret.len() >= REDACTED_BYTES_MIN && text.contains(secret));
    if secrets.is_empty() {
        return None;
    }
    let redacted = secrets
        .iter()
        .fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"));
    Some(redacted.into())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648, 4, with padding.
fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sextet = (bits >> (18 - 6 * at)) & 0x3f;
            let padding = at > chunk.len();
            text.push(if padding {
                '='
            } else {
                char::from(BASE64[sextet as usize])
            });
        }
    }
    text
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
    /// A user of HTTP Basic with a colon, which would end it.
    #[error("the credential for the header {header} has a colon")]
    Colon {
        /// The header, and which half.
        header: &'static str,
    },
    /// An account sid that would not stay one part of a path.
    #[error(
        "the account sid is none: it has 1 to 64 letters, digits, hyphens and underscores, as in the API settings"
    )]
    AccountSid,
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
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, 10.
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(base64(&[0xfb, 0xff, 0xfe]), "+//+");
    }

    #[test]
    fn basic_credentials_are_sent_and_never_printed() {
        let credentials = |key: &str, token: &str| ExotelCredentials {
            key: Secret::new(key),
            token: Secret::new(token),
        };
        // RFC 7617, 2.
        let basic = credentials("Aladdin", "open sesame").basic().unwrap();
        assert_eq!(basic, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(basic.is_sensitive());
        let printed = format!("{:?} {basic:?}", credentials("planted-key", "planted-token"));
        assert!(!printed.contains("planted"), "{printed}");
        assert!(credentials("key", "to:ken").basic().is_ok());
        for (key, token, expected) in [
            ("k:ey", "token", CredentialsError::Colon { header: BASIC_KEY }),
            ("", "token", CredentialsError::Empty { header: BASIC_KEY }),
            ("key", "", CredentialsError::Empty { header: BASIC_TOKEN }),
            (
                "key",
                "to\nken",
                CredentialsError::Unsendable { header: BASIC_TOKEN },
            ),
        ] {
            assert_eq!(credentials(key, token).basic(), Err(expected), "{expected}");
        }
    }

    #[test]
    fn no_spelling_of_basic_credentials_stays_in_a_text() {
        let credentials = ExotelCredentials {
            key: Secret::new("planted-key"),
            token: Secret::new("planted-token"),
        };
        let basic = credentials.basic().unwrap();
        let text = format!("planted-key or planted-token, {}", basic.to_str().unwrap());
        assert_eq!(
            credentials.redacted(text.as_bytes()).unwrap(),
            "[redacted] or [redacted], Basic [redacted]"
        );
        assert_eq!(credentials.redacted(b"nothing of it"), None);
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
