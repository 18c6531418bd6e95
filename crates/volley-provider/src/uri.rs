//! Paths and queries for requests, and what counts as a URL in a message.

use std::fmt::Write as _;

use http::Uri;

/// A path with a query. The path is taken as it is; see [`push_encoded`] for its parts. Keys are ours, values are
/// percent-encoded.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> Uri {
    let mut text = path.to_owned();
    for (at, (key, value)) in query.iter().enumerate() {
        text.push(if at == 0 { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        push_encoded(&mut text, value);
    }
    text.parse().expect("a path of ours, and values percent-encoded")
}

/// Appends a text so that it is one part of a path, or one value of a query: what RFC 3986 calls unreserved stays, the
/// rest is percent-encoded.
pub(crate) fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// A whole `http` or `https` URL with a host.
pub(crate) fn web(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    (web && uri.host().is_some_and(|host| !host.is_empty())).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_end_a_part_of_a_path_or_of_a_query() {
        assert_eq!(with_query("/a", &[]), "/a");
        assert_eq!(
            with_query("/a", &[("b", "1&c=2#é %"), ("d", "A-z_.~9")]),
            "/a?b=1%26c%3D2%23%C3%A9%20%25&d=A-z_.~9"
        );
        let mut part = String::new();
        push_encoded(&mut part, "a/../b?c");
        assert_eq!(part, "a%2F..%2Fb%3Fc");
    }

    #[test]
    fn a_url_of_the_web_has_a_scheme_and_a_host() {
        for text in [
            "http://my.exotel.com/acme1/exoml/start_voice/4242",
            "https://a:8443/b?c=d",
        ] {
            assert!(web(text).is_some(), "{text}");
        }
        for text in [
            "",
            "my.exotel.com/a",
            "ftp://a/b",
            "https://",
            "https:///b",
            "https://a b",
            "/a",
        ] {
            assert!(web(text).is_none(), "{text}");
        }
    }
}
