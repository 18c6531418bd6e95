//! The two headers every request carries: `api-login` and `api-key`.

use http::HeaderMap;

use super::config::Credentials;
use super::refusal::Refusal;

/// Gives the login, if both headers are there and the account exists; no accounts means any.
pub(super) fn login<'a>(accounts: &[Credentials], headers: &'a HeaderMap) -> Result<&'a str, Refusal> {
    let header = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .filter(|text| !text.is_empty())
    };
    let login = header("api-login").ok_or_else(Refusal::login_missing)?;
    let key = header("api-key").ok_or_else(Refusal::key_missing)?;
    let known = accounts
        .iter()
        .any(|account| account.login == login && account.key == key);
    if accounts.is_empty() || known {
        Ok(login)
    } else {
        Err(Refusal::wrong_credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_must_be_there_and_the_account_known() {
        let accounts = [Credentials {
            login: "me@example.org".into(),
            key: "secret".into(),
        }];
        let check =
            |pairs: &[(&'static str, &'static str)], accounts: &[Credentials], expected: Option<u32>| {
                let headers: HeaderMap = pairs
                    .iter()
                    .map(|(name, value)| {
                        (
                            http::HeaderName::from_static(name),
                            http::HeaderValue::from_static(value),
                        )
                    })
                    .collect();
                let code = login(accounts, &headers).err().map(|refusal| refusal.code());
                assert_eq!(code, expected, "{pairs:?}");
            };
        check(&[("api-login", "x"), ("api-key", "y")], &[], None);
        check(&[("api-key", "y")], &[], Some(108));
        check(&[("api-login", "x")], &[], Some(109));
        check(&[("api-login", ""), ("api-key", "y")], &[], Some(108));
        check(
            &[("api-login", "me@example.org"), ("api-key", "secret")],
            &accounts,
            None,
        );
        check(
            &[("api-login", "me@example.org"), ("api-key", "wrong")],
            &accounts,
            Some(101),
        );
        check(
            &[("api-login", "you@example.org"), ("api-key", "secret")],
            &accounts,
            Some(101),
        );
    }
}
