//! `Authorization: Basic base64(key:token)`, and whose account the path names.
//!
//! *Sources*: "create campaign", "campaigns API: how it works". That a sid of another account is 403 and not 404 is
//! *assumed*.

use http::{HeaderMap, header};

use super::config::ExotelAccount;
use super::refusal::Refusal;

/// Whether the credentials are there, known, and good for this sid; no accounts means any.
pub(super) fn verify(accounts: &[ExotelAccount], sid: &str, headers: &HeaderMap) -> Result<(), Refusal> {
    let (key, token) = basic(headers).ok_or_else(Refusal::unauthorized)?;
    if accounts.is_empty() {
        return Ok(());
    }
    let mut own = accounts
        .iter()
        .filter(|account| account.key == key && account.token == token)
        .peekable();
    if own.peek().is_none() {
        return Err(Refusal::unauthorized());
    }
    if own.any(|account| account.sid == sid) {
        Ok(())
    } else {
        Err(Refusal::no_access())
    }
}

/// Key and token, neither empty.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(base64(encoded.trim())?).ok()?;
    let (key, token) = pair.split_once(':')?;
    (!key.is_empty() && !token.is_empty()).then(|| (key.to_owned(), token.to_owned()))
}

/// Decodes base64, with or without its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let sextet = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        held = held << 6 | u32::from(sextet);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(base64(text).as_deref(), expected.map(str::as_bytes), "{text}");
        };
        check("a2V5OnRva2Vu", Some("key:token"));
        check("azp0", Some("k:t"));
        check("azp0bw==", Some("k:to"));
        check("azp0bw", Some("k:to"));
        check("azp0b2s=", Some("k:tok"));
        check("azp0*", None);
        check("", Some(""));
    }

    #[test]
    fn credentials_must_be_there_known_and_of_the_account() {
        let account = |sid: &str, key: &str| ExotelAccount {
            sid: sid.into(),
            key: key.into(),
            token: "token".into(),
        };
        let accounts = [
            account("acme1", "key"),
            account("acme2", "other"),
            account("acme3", "key"),
        ];
        let check =
            |value: Option<&'static str>, accounts: &[ExotelAccount], sid: &str, expected: Option<u32>| {
                let headers: HeaderMap = value
                    .map(|value| (header::AUTHORIZATION, http::HeaderValue::from_static(value)))
                    .into_iter()
                    .collect();
                let code = verify(accounts, sid, &headers)
                    .err()
                    .map(|refusal| refusal.code());
                assert_eq!(code, expected, "{value:?} {sid}");
            };
        check(Some("Basic a2V5OnRva2Vu"), &[], "acme1", None);
        check(Some("basic a2V5OnRva2Vu"), &[], "any", None);
        check(None, &[], "acme1", Some(1010));
        check(Some("Bearer a2V5OnRva2Vu"), &[], "acme1", Some(1010));
        // "key", ":token" and "key:".
        check(Some("Basic a2V5"), &[], "acme1", Some(1010));
        check(Some("Basic OnRva2Vu"), &[], "acme1", Some(1010));
        check(Some("Basic a2V5Og=="), &[], "acme1", Some(1010));
        check(Some("Basic a2V5OnRva2Vu"), &accounts, "acme1", None);
        check(Some("Basic a2V5OnRva2Vu"), &accounts, "acme3", None);
        check(Some("Basic a2V5OnRva2Vu"), &accounts, "acme2", Some(1003));
        check(Some("Basic a2V5OnRva2Vu"), &accounts, "acme9", Some(1003));
        check(Some("Basic a2V5OnRva2Vx"), &accounts, "acme1", Some(1010));
    }
}
