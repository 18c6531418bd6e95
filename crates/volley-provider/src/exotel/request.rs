//! The requests of one account: methods, paths below the base URL, headers and bodies as the pages have them.
//!
//! Sources: beside each request. Not here: what an answer means; whether a text is a campaign's id (see
//! [`is_ticket`](super::is_ticket)).

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Uri};

use super::{Action, CallStatus, CampaignParameters, CampaignState, Exotel};
use crate::uri::{push_encoded, with_query};

/// The most campaigns of one page ("bulk campaign details": 20 by default, 500 at most).
pub const LISTING_PAGE_MAX: u64 = 500;
/// How many a pass through the listing asks for at once: with 10 KB for each campaign's texts a page stays below the longest
/// answer that is read (1 MiB).
const LOOKUP_PAGE: u64 = 100;
/// How many calls of a campaign a page asks for ("campaign call details": 20 by default; that 100 are given is *assumed*, and
/// a page may have fewer).
pub const CALLS_PAGE_MAX: u64 = 100;
/// The most calls whose prices are asked for at once ("call details bulk": 20 are recommended, 100 are the most).
pub const SIDS_MAX: usize = 100;

/// Which campaigns are listed, and in which order ("bulk campaign details"). What is not given is left to Exotel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CampaignFilter<'a> {
    /// From which on, counted from 0.
    pub offset: Option<u64>,
    /// How many at most; 500 at most.
    pub limit: Option<u64>,
    /// By name. Whether the whole name has to match is not documented.
    pub name: Option<&'a str>,
    /// By state; any of these.
    pub states: &'a [CampaignState],
    /// The order.
    pub sort_by: Option<SortBy>,
}

/// An order of campaigns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the provider's")]
pub enum SortBy {
    DateCreatedAsc,
    DateCreatedDesc,
    NameAsc,
    NameDesc,
}

impl SortBy {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::DateCreatedAsc,
        Self::DateCreatedDesc,
        Self::NameAsc,
        Self::NameDesc,
    ];

    /// The name on the wire and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::DateCreatedAsc => "date_created:asc",
            Self::DateCreatedDesc => "date_created:desc",
            Self::NameAsc => "name:asc",
            Self::NameDesc => "name:desc",
        }
    }

    /// The order of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

/// Campaigns: created, looked at, changed.
impl Exotel {
    /// The request that creates a campaign from a sealed body, or from that of [`CampaignParameters`] ("create campaign"): this
    /// one calls people. Printing it would print the numbers in its body.
    pub fn create_request(&self, body: Bytes) -> Request<Bytes> {
        self.with_body(Method::POST, with_query(&self.campaigns, &[]), body)
    }

    /// A request that costs nothing and changes nothing: it shows whether the provider answers.
    pub fn free_request(&self) -> Request<Bytes> {
        self.list_request(&CampaignFilter {
            limit: Some(1),
            ..CampaignFilter::default()
        })
    }

    /// A page of the listing of all campaigns, from that one on, the oldest first: a campaign that is created meanwhile
    /// comes at the end ("bulk campaign details").
    pub fn listing_request(&self, offset: u64) -> Request<Bytes> {
        self.list_request(&CampaignFilter {
            offset: Some(offset),
            limit: Some(LOOKUP_PAGE),
            sort_by: Some(SortBy::DateCreatedAsc),
            ..CampaignFilter::default()
        })
    }

    /// Some campaigns ("bulk campaign details").
    pub fn list_request(&self, filter: &CampaignFilter<'_>) -> Request<Bytes> {
        let states: Vec<&str> = filter.states.iter().map(CampaignState::name).collect();
        let query = [
            ("offset", filter.offset.map(|offset| offset.to_string())),
            ("limit", filter.limit.map(|limit| limit.to_string())),
            ("name", filter.name.map(str::to_owned)),
            ("status", (!states.is_empty()).then(|| states.join(","))),
            ("sort_by", filter.sort_by.map(|order| order.name().to_owned())),
        ];
        let given = query
            .iter()
            .filter_map(|(key, value)| Some((*key, value.as_deref()?)));
        self.get(with_query(&self.campaigns, &given.collect::<Vec<_>>()))
    }

    /// Shows a campaign ("get campaign details").
    pub fn show_request(&self, id: &str) -> Request<Bytes> {
        self.get(with_query(&self.campaign(id), &[]))
    }

    /// Changes parameters of a campaign, and leaves the others ("update campaign details").
    pub fn update_request(&self, id: &str, parameters: &CampaignParameters) -> Request<Bytes> {
        self.with_body(
            Method::PUT,
            with_query(&self.campaign(id), &[]),
            parameters.body(),
        )
    }

    /// Pauses a campaign, or does something else with it ("update campaign").
    pub fn action_request(&self, id: &str, action: Action) -> Request<Bytes> {
        self.with_body(Method::PUT, with_query(&self.campaign(id), &[]), action.body())
    }

    /// Deletes a campaign that has not started ("delete campaign").
    pub fn delete_request(&self, id: &str) -> Request<Bytes> {
        self.request(Method::DELETE, with_query(&self.campaign(id), &[]), Bytes::new())
    }

    /// The path of a campaign. An id that is one stays one part of it.
    fn campaign(&self, id: &str) -> String {
        let mut path = format!("{}/", self.campaigns);
        push_encoded(&mut path, id);
        path
    }
}

/// Calls and their prices.
impl Exotel {
    /// A page of a campaign's calls from that one on, the oldest first, of one status or of all ("campaign call details").
    pub fn calls_request(&self, id: &str, offset: u64, status: Option<&CallStatus>) -> Request<Bytes> {
        let (offset, limit) = (offset.to_string(), CALLS_PAGE_MAX.to_string());
        let mut query = vec![
            ("offset", offset.as_str()),
            ("limit", &limit),
            ("sort_by", "date_created:asc"),
        ];
        query.extend(status.map(|status| ("status", status.name())));
        self.get(with_query(&format!("{}/call-details", self.campaign(id)), &query))
    }

    /// Asks what calls cost, up to [`SIDS_MAX`] of them a request, each with the sids it asks for ("call details bulk": of the
    /// last 31 days; an older call is not found).
    pub fn price_requests<'a>(
        &'a self,
        sids: &'a [String],
    ) -> impl Iterator<Item = (&'a [String], Request<Bytes>)> + 'a {
        let path = format!("/v1/Accounts/{}/Calls.json", self.account());
        let page_size = SIDS_MAX.to_string();
        sids.chunks(SIDS_MAX).map(move |sids| {
            let joined = sids.join(",");
            let query = [("Sid", joined.as_str()), ("PageSize", &page_size)];
            (sids, self.get(with_query(&path, &query)))
        })
    }
}

/// What they have in common.
impl Exotel {
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
    use crate::exotel::CampaignField;
    use crate::{ExotelCredentials, Secret};

    fn exotel() -> Exotel {
        let credentials = ExotelCredentials {
            key: Secret::new("Aladdin"),
            token: Secret::new("open sesame"),
        };
        Exotel::new(&credentials, "acme1").unwrap()
    }

    fn check(request: &Request<Bytes>, method: &Method, path: &str, body: &str) {
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (method, path)
        );
        assert_eq!(request.body(), body, "{path}");
        let has_type = request.headers().contains_key("content-type");
        assert_eq!(has_type, !body.is_empty(), "{path}");
        assert!(request.headers()["authorization"].is_sensitive());
    }

    #[test]
    fn a_creation_is_a_post_of_the_body_with_basic_credentials() {
        let request = exotel().create_request(Bytes::from_static(b"{}"));
        check(&request, &Method::POST, "/v2/accounts/acme1/campaigns", "{}");
        assert_eq!(request.headers()["content-type"], "application/json");
        assert_eq!(
            request.headers()["authorization"],
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
        );
    }

    #[test]
    fn reading_is_a_get_with_what_was_asked_for_in_the_query() {
        let exotel = exotel();
        let check = |request: &Request<Bytes>, rest: &str| {
            check(
                request,
                &Method::GET,
                &format!("/v2/accounts/acme1/campaigns{rest}"),
                "",
            );
        };
        check(&exotel.free_request(), "?limit=1");
        check(
            &exotel.listing_request(1500),
            "?offset=1500&limit=100&sort_by=date_created%3Aasc",
        );
        check(&exotel.list_request(&CampaignFilter::default()), "");
        let filter = CampaignFilter {
            limit: Some(20),
            name: Some("spring & co"),
            states: &[CampaignState::Created, CampaignState::InProgress],
            sort_by: Some(SortBy::NameDesc),
            ..CampaignFilter::default()
        };
        check(
            &exotel.list_request(&filter),
            "?limit=20&name=spring%20%26%20co&status=Created%2CInProgress&sort_by=name%3Adesc",
        );
        check(&exotel.show_request("c1"), "/c1");
        check(&exotel.show_request("../c1?a"), "/..%2Fc1%3Fa");
        check(
            &exotel.calls_request("c1", 40, None),
            "/c1/call-details?offset=40&limit=100&sort_by=date_created%3Aasc",
        );
        check(
            &exotel.calls_request("c1", 0, Some(&CallStatus::NoAnswer)),
            "/c1/call-details?offset=0&limit=100&sort_by=date_created%3Aasc&status=no-answer",
        );
    }

    #[test]
    fn a_change_is_a_put_and_an_end_is_a_delete() {
        let exotel = exotel();
        let path = "/v2/accounts/acme1/campaigns/c1";
        let mut parameters = CampaignParameters::default();
        parameters
            .set(CampaignField::named("name").unwrap(), "spring")
            .unwrap();
        let body = r#"{"campaigns":[{"name":"spring"}]}"#;
        check(
            &exotel.update_request("c1", &parameters),
            &Method::PUT,
            path,
            body,
        );
        let body = r#"{"campaigns":[{"action":"pause"}]}"#;
        check(
            &exotel.action_request("c1", Action::Pause),
            &Method::PUT,
            path,
            body,
        );
        check(&exotel.delete_request("c1"), &Method::DELETE, path, "");
    }

    #[test]
    fn prices_are_asked_for_100_calls_at_a_time() {
        let exotel = exotel();
        let sids: Vec<String> = (0..201).map(|at| format!("s{at}")).collect();
        let asked: Vec<_> = exotel.price_requests(&sids).collect();
        let counts: Vec<usize> = asked.iter().map(|(sids, _)| sids.len()).collect();
        assert_eq!(counts, [100, 100, 1]);
        check(
            &asked[2].1,
            &Method::GET,
            "/v1/Accounts/acme1/Calls.json?Sid=s200&PageSize=100",
            "",
        );
        assert!(asked[0].1.uri().query().unwrap().starts_with("Sid=s0%2Cs1%2C"));
        assert_eq!(exotel.price_requests(&[]).count(), 0);
    }

    #[test]
    fn orders_have_the_names_of_the_page() {
        for order in SortBy::ALL {
            assert_eq!(SortBy::named(order.name()), Some(order));
        }
        assert_eq!(SortBy::named("date_created"), None);
    }
}
