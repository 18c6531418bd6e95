//! The requests of one account: methods, paths below the base URL, headers and bodies as the pages have them.
//!
//! Sources: beside each path. Not here: what an answer means.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};
use volley_model::Audience;

use super::{ListCampaignDraft, Octopush, Parameters};
use crate::json_string::push_json_string;
use crate::uri::with_query;

/// Where a batch is sent to, below the base URL.
const SEND: &str = "/sms-campaign/send";
/// Where a sent campaign is cancelled ("cancel-sms").
const CANCEL: &str = "/sms-campaign/cancel";
/// What shows, for free, whether the provider answers.
const BALANCE: &str = "/wallet/check-balance";
/// The configuration, to be read ("retrieve-configuration").
const PARAMETERS: &str = "/user/campaign-parameters";
/// The configuration, to be changed ("Modify configuration").
const PARAMETERS_EDIT: &str = "/user/campaign-parameters/edit";
/// Campaigns on lists and tags; their status and their end have one path for both.
const ON_LIST: &str = "/sms-campaign-on-list";
const ON_TAG: &str = "/sms-campaign-on-tag";

impl Octopush {
    /// The request that sends a sealed body. Printing the request would print the numbers in its body.
    pub fn send_request(&self, body: Bytes) -> Request<Bytes> {
        self.with_body(Method::POST, Uri::from_static(SEND), body)
    }

    /// Cancels a campaign that is to go out later. A DELETE with a body: the page has it so.
    pub fn cancel_request(&self, ticket: &str) -> Request<Bytes> {
        self.with_body(Method::DELETE, Uri::from_static(CANCEL), ticket_body(ticket))
    }

    /// A request that costs nothing and changes nothing: it shows whether the provider answers.
    pub fn balance_request(&self) -> Request<Bytes> {
        self.request(Method::GET, Uri::from_static(BALANCE), Bytes::new())
    }

    /// What is left, as SMS of one product to one country.
    pub fn product_balance_request(&self, product: &str, country: &str) -> Request<Bytes> {
        let query = [("country_code", country), ("product_name", product)];
        let uri = with_query(BALANCE, &[&query[..], &[("with_details", "true")]].concat());
        self.request(Method::GET, uri, Bytes::new())
    }

    /// Reads the configuration.
    pub fn parameters_request(&self) -> Request<Bytes> {
        self.request(Method::GET, Uri::from_static(PARAMETERS), Bytes::new())
    }

    /// Changes fields of the configuration, and leaves the others.
    pub fn edit_parameters_request(&self, parameters: &Parameters) -> Request<Bytes> {
        let uri = Uri::from_static(PARAMETERS_EDIT);
        self.with_body(Method::PATCH, uri, parameters.body())
    }

    /// Makes a draft of a campaign on a list or tag. It sends nothing.
    pub fn create_list_campaign_request(&self, draft: &ListCampaignDraft) -> Request<Bytes> {
        let uri = with_query(&format!("{}/create", on(Some(&draft.audience))), &[]);
        self.with_body(Method::POST, uri, draft.body())
    }

    /// Asks how far a draft is.
    pub fn list_campaign_status_request(&self, ticket: &str) -> Request<Bytes> {
        let uri = with_query(&format!("{ON_LIST}/status"), &[("ticket_number", ticket)]);
        self.request(Method::GET, uri, Bytes::new())
    }

    /// Tells a draft to send: this one reaches people. `audience` is whom it was made for, where that is known.
    pub fn send_list_campaign_request(&self, ticket: &str, audience: Option<&Audience>) -> Request<Bytes> {
        let uri = with_query(&format!("{}/send", on(audience)), &[]);
        self.with_body(Method::POST, uri, ticket_body(ticket))
    }

    /// Deletes a draft, or a campaign that is to go out later.
    pub fn cancel_list_campaign_request(&self, ticket: &str) -> Request<Bytes> {
        let uri = with_query(&format!("{ON_LIST}/cancel"), &[]);
        self.with_body(Method::DELETE, uri, ticket_body(ticket))
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

/// Where campaigns for such an audience are.
fn on(audience: Option<&Audience>) -> &'static str {
    match audience {
        Some(Audience::Tag(_)) => ON_TAG,
        Some(Audience::List(_)) | None => ON_LIST,
    }
}

fn ticket_body(ticket: &str) -> Bytes {
    let mut body = br#"{"ticket_number":"#.to_vec();
    push_json_string(&mut body, ticket);
    body.push(b'}');
    body.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OctopushCredentials, Secret};

    fn octopush() -> Octopush {
        let credentials = OctopushCredentials {
            login: "planted@example.org".to_owned(),
            key: Secret::new("planted-key"),
        };
        Octopush::new(&credentials).unwrap()
    }

    #[test]
    fn a_send_is_a_post_of_the_body_with_the_headers_of_the_page() {
        let request = octopush().send_request(Bytes::from_static(b"{}"));
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.uri(), "/sms-campaign/send");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(request.headers()["api-login"], "planted@example.org");
        assert_eq!(request.headers()["api-key"], "planted-key");
        assert_eq!(request.headers()["cache-control"], "no-cache");
        assert_eq!(request.body(), "{}");
    }

    #[test]
    fn the_free_request_is_a_get_without_a_body() {
        let request = octopush().balance_request();
        assert_eq!(request.method(), Method::GET);
        assert_eq!(request.uri().path(), "/wallet/check-balance");
        assert!(request.body().is_empty());
        assert!(request.headers().contains_key("api-key"));
        assert!(!request.headers().contains_key("content-type"));
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
        };
        let octopush = octopush();
        let ticket = r#"{"ticket_number":"sms_1"}"#;
        check(
            octopush.cancel_request("sms_1"),
            Method::DELETE,
            "/sms-campaign/cancel",
            ticket,
        );
        check(
            octopush.parameters_request(),
            Method::GET,
            "/user/campaign-parameters",
            "",
        );
        let nothing = Parameters::default();
        check(
            octopush.edit_parameters_request(&nothing),
            Method::PATCH,
            "/user/campaign-parameters/edit",
            "{}",
        );
        let status = "/sms-campaign-on-list/status?ticket_number=sms_1%26a%20%C3%A9";
        check(
            octopush.list_campaign_status_request("sms_1&a é"),
            Method::GET,
            status,
            "",
        );
        let send = |audience: Option<&Audience>| octopush.send_list_campaign_request("sms_1", audience);
        let tag = Audience::Tag("vip".to_owned());
        check(send(None), Method::POST, "/sms-campaign-on-list/send", ticket);
        check(
            send(Some(&tag)),
            Method::POST,
            "/sms-campaign-on-tag/send",
            ticket,
        );
        check(
            octopush.cancel_list_campaign_request("sms_1"),
            Method::DELETE,
            "/sms-campaign-on-list/cancel",
            ticket,
        );
        check(
            octopush.product_balance_request("sms_premium", "FR"),
            Method::GET,
            "/wallet/check-balance?country_code=FR&product_name=sms_premium&with_details=true",
            "",
        );
    }
}
