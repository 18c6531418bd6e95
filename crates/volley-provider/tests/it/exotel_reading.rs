//! What is read page by page: listings and calls over whatever pages come, and whatever bytes.

use proptest::prelude::*;
use serde_json::{Value, json};
use volley_model::{Answer, AnswerBody, Evidence};
use volley_provider::exotel::{
    Calls, CallsPage, Exotel, Found, Listing, Lookup, LookupStep, Prices, Reply, named_member,
};
use volley_provider::{ExotelCredentials, Secret};

fn exotel() -> Exotel {
    let credentials = ExotelCredentials {
        key: Secret::new("planted-key"),
        token: Secret::new("planted-token"),
    };
    Exotel::new(&credentials, "acme1").unwrap()
}

fn answered(status: u16, body: Vec<u8>) -> Evidence {
    Evidence::Answered(Answer {
        status,
        retry_after: None,
        date: None,
        body: AnswerBody::Whole(body.into()),
    })
}

/// A page of these campaigns, as the listing gives it.
fn page(names: &[String], offset: usize, limit: usize, tells_total: bool) -> Evidence {
    let on_page: Vec<Value> = names
        .iter()
        .enumerate()
        .skip(offset)
        .take(limit)
        .map(|(at, name)| json!({ "code": 200, "data": { "id": format!("c{at}"), "name": name, "status": "Created" } }))
        .collect();
    let mut envelope = json!({ "http_code": 200, "response": on_page });
    if tells_total {
        envelope["metadata"] = json!({ "total": names.len(), "count": on_page.len() });
    }
    answered(200, serde_json::to_vec(&envelope).unwrap())
}

/// Reads all pages, and says whether they were whole and how many there were; `None` if the pass does not end.
fn passed(
    lookup: &mut Lookup,
    names: &[String],
    limit: usize,
    tells_total: bool,
) -> Option<(LookupStep, usize)> {
    for pages in 1..=names.len() + 2 {
        let offset = usize::try_from(lookup.offset()).unwrap();
        let Listing::Page(page) = exotel().listing(&page(names, offset, limit, tells_total)) else {
            return None;
        };
        match lookup.take(page) {
            LookupStep::More => {}
            end => return Some((end, pages)),
        }
    }
    None
}

proptest! {
    #[test]
    fn a_pass_finds_what_is_there_however_it_is_paged(
        names in proptest::collection::vec("volley-[abA]{1,2}(-1)?", 0..40), limit in 1_usize..12, tells_total: bool,
    ) {
        let wanted = ["volley-a", "volley-ab", "volley-a-1", "volley-A", "volley"];
        let mut lookup = Lookup::new(wanted);
        let (end, pages) = passed(&mut lookup, &names, limit, tells_total).unwrap();
        prop_assert_eq!(end, LookupStep::Whole { unreadable: 0 });
        prop_assert!(pages <= names.len() / limit + 2);
        for name in wanted {
            let ids: Vec<String> = (0..names.len()).filter(|&at| names[at] == name).map(|at| format!("c{at}")).collect();
            let found: Vec<String> = match lookup.found(name) {
                Found::Absent => Vec::new(),
                Found::One(one) => vec![one.id.clone()],
                Found::Twins(twins) => twins.iter().map(|twin| twin.id.clone()).collect(),
            };
            prop_assert_eq!(found, ids, "{}", name);
        }
    }
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let key = "id|name|status|data|code|error_data|call_sid|number|Sid|Price|Call|total|schedule|stats";
    let token = "-?[0-9]{1,25}(\\.[0-9]{1,9})?|\"[ -~&&[^\"\\\\]]{0,12}\"|null|\\[\\]|\\{\\}|tru";
    let object = proptest::collection::vec((key, token), 0..6).prop_map(|members| {
        let members: Vec<String> = members
            .iter()
            .map(|(key, token)| format!("\"{key}\":{token}"))
            .collect();
        format!("{{{}}}", members.join(","))
    });
    let objects = proptest::collection::vec(object, 0..4).prop_map(|objects| objects.join(","));
    prop_oneof![
        any::<Vec<u8>>(),
        ("response|Calls|Call|metadata", objects)
            .prop_map(|(key, objects)| format!("{{\"{key}\":[{objects}]}}").into_bytes()),
    ]
}

/// Whether anything that was read claims a success that it did not read.
fn claims(evidence: &Evidence) -> bool {
    let exotel = exotel();
    let claimed = [
        match exotel.listing(evidence) {
            Listing::Page(_) => None,
            Listing::Other(reply) => Some(reply),
        },
        match exotel.calls(evidence) {
            Calls::Page(_) => None,
            Calls::Other(reply) => Some(reply),
        },
        match exotel.prices(evidence) {
            Prices::Known(_) => None,
            Prices::Other(reply) => Some(reply),
        },
    ];
    claimed
        .into_iter()
        .flatten()
        .any(|reply| matches!(reply, Reply::Done(_)))
}

proptest! {
    #[test]
    fn no_body_makes_reading_panic_or_claim_what_was_not_read(status in 100_u16..600, body in bodies()) {
        let evidence = answered(status, body);
        prop_assert!(!claims(&evidence));
        if let Reply::Done(said) = exotel().reply(&evidence) {
            prop_assert!((200..300).contains(&status));
            // What was said can be read again.
            let _ = (said.campaign(), said.is_confirmed());
            prop_assert!(!serde_json::to_string(&said).unwrap().contains('\n'));
        }
    }

    #[test]
    fn no_text_makes_the_search_for_a_number_panic(text in "(?s).{0,200}", digits in "[0-9 +().-]{0,200}") {
        let members = [volley_model::Msisdn::new(919_812_345_678).unwrap()];
        let _ = (named_member(&text, &members), named_member(&digits, &members));
    }
}

#[test]
fn deep_and_long_bodies_are_read_too() {
    for body in [
        "[".repeat(1 << 20),
        "{\"response\":".repeat(90_000),
        "{\"Calls\":".repeat(100_000),
        format!("{{\"response\":[{}1]}}", "1,".repeat(50_000)),
        format!("{{\"Calls\":[{}1]}}", "1,".repeat(50_000)),
    ] {
        assert!(!claims(&answered(200, body.into_bytes())));
    }
}

#[test]
fn an_account_that_was_never_used_is_read_to_its_end() {
    let mut lookup = Lookup::new(["volley-a"]);
    for tells_total in [true, false] {
        let (end, pages) = passed(&mut lookup, &[], 500, tells_total).unwrap();
        assert_eq!((end, pages), (LookupStep::Whole { unreadable: 0 }, 1));
    }
    let Calls::Page(page) = exotel().calls(&answered(404, Vec::new())) else {
        panic!("it is a page");
    };
    assert_eq!(page, CallsPage::default());
}
