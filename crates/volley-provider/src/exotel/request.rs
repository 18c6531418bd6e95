//! The requests of one account: methods, paths below the base URL, headers and bodies as the pages have them.
//!
//! Sources: beside each request. Not here: what an answer means.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};

use super::Exotel;
use crate::uri::with_query;

/// The most campaigns of one page ("bulk campaign details": 20 by default, 500 at most).
pub const LISTING_PAGE_MAX: u64 = 500;

impl Exotel {
    /// The request that creates a campaign from a sealed body ("create campaign"): this one calls people. Printing it would
    /// print the numbers in its body.
    pub fn create_request(&self, body: Bytes) -> Request<Bytes> {
        self.with_body(Method::POST, with_query(&self.campaigns, &[]), body)
    }

    /// A request that costs nothing and changes nothing: it shows whether the provider answers.
    pub fn free_request(&self) -> Request<Bytes> {
        self.get(with_query(&self.campaigns, &[("limit", "1")]))
    }

    /// A page of the listing of all campaigns, from that one on, the oldest first: a campaign that is created meanwhile
    /// comes at the end ("bulk campaign details").
    pub fn listing_request(&self, offset: u64) -> Request<Bytes> {
        let (offset, limit) = (offset.to_string(), LISTING_PAGE_MAX.to_string());
        let query = [
            ("offset", offset.as_str()),
            ("limit", &limit),
            ("sort_by", "date_created:asc"),
        ];
        self.get(with_query(&self.campaigns, &query))
    }

    fn get(&self, uri: Uri) -> Request<Bytes> {
        self.request(Method::GET, uri, Bytes::new())
    }

    fn with_body(&self, method: Method, uri: Uri, body: Bytes) -> Request<Bytes> {
        let mut request = self.request(method, uri, body);
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    fn request(&self, method: Method, uri: Uri, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExotelCredentials, Secret};

    fn exotel() -> Exotel {
        let credentials = ExotelCredentials {
            key: Secret::new("Aladdin"),
            token: Secret::new("open sesame"),
        };
        Exotel::new(&credentials, "acme1").unwrap()
    }

    #[test]
    fn a_creation_is_a_post_of_the_body_with_basic_credentials() {
        let request = exotel().create_request(Bytes::from_static(b"{}"));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/v2/accounts/acme1/campaigns");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(
            request.headers()["authorization"],
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
        assert_eq!(request.body(), "{}");
    }

    #[test]
    fn the_other_requests_have_the_methods_paths_and_bodies_of_their_pages() {
        let check = |request: Request<Bytes>, method: Method, path: &str, body: &str| {
            assert_eq!(
                (request.method(), request.uri().to_string().as_str()),
                (&method, path)
            );
            assert_eq!(request.body(), body, "{path}");
            assert_eq!(
                request.headers().contains_key("content-type"),
                !body.is_empty(),
                "{path}"
            );
            assert!(request.headers()["authorization"].is_sensitive());
        };
        let exotel = exotel();
        check(
            exotel.free_request(),
            Method::GET,
            "/v2/accounts/acme1/campaigns?limit=1",
            "",
        );
        check(
            exotel.listing_request(1500),
            Method::GET,
            "/v2/accounts/acme1/campaigns?offset=1500&limit=500&sort_by=date_created%3Aasc",
            "",
        );
    }
}
