//! The listing of an account's campaigns, page by page: where a campaign whose answer was lost is found again by its name.
//!
//! ```text
//! Lookup::new(names) ─► listing_request(lookup.offset()) ─► Listing::Page ─► lookup.take(page) ─► More: again
//!                                                                                            └─► Whole: lookup.found(name)
//! ```
//! Sources: "bulk campaign details" (`offset`, `limit`, `metadata`). Whether its own search by `name` is exact is not documented,
//! so that all pages are read and names compared here, to the last character.
//! Bounds: of a page only campaigns with a wanted name are kept.
//! Not here: what an absence proves. The listing may lag, and pages shift if a campaign is deleted meanwhile: absent is not
//! "never created".

mod lookup;
mod state;

use std::collections::BTreeMap;

use jiff::Timestamp;
use volley_model::{AnswerBody, Evidence};

pub use lookup::{Found, Lookup, LookupStep};
pub use state::CampaignState;

use super::judge::succeeded;
use super::reply;
use super::wire::{Envelope, Item};
use crate::Reply;
use crate::presentable;

/// What came of asking for a page.
#[derive(Debug, Clone)]
pub enum Listing {
    /// The page.
    Page(ListingPage),
    /// Anything else; never [`Reply::Done`].
    Other(Reply),
}

/// A page of campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingPage {
    /// The campaigns, in the page's order.
    pub campaigns: Vec<Listed>,
    /// How many more stand on the page, without an id or a name that could be read.
    pub unreadable: u64,
    /// How many campaigns there are in all, if the page says so.
    pub total: Option<u64>,
}

/// A campaign, as listings and looks at it tell of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id: what a batch's ticket is.
    pub id: String,
    /// Its name, to the last character; [`presentable`] makes it fit to be shown.
    pub name: String,
    /// How far it is.
    pub state: CampaignState,
    /// When it was created, as the provider writes it, fit to be shown.
    pub date_created: Option<String>,
    /// When it starts, as the provider writes it, fit to be shown.
    pub send_at: Option<String>,
    /// How many numbers are in which state; the names are the provider's, and keys may be absent.
    pub stats: BTreeMap<String, u64>,
}

impl Listing {
    /// What the evidence says.
    pub(super) fn of(evidence: &Evidence) -> Self {
        if let Evidence::Answered(answer) = evidence
            && let AnswerBody::Whole(_) = answer.body
            && succeeded(answer)
        {
            return match ListingPage::of(&Envelope::of(answer)) {
                Some(page) => Self::Page(page),
                None => Self::Other(Reply::Unknown {
                    reason: format!("{}, without a readable page", evidence.summary()),
                }),
            };
        }
        Self::Other(reply::reply_of(evidence))
    }
}

impl ListingPage {
    fn of(envelope: &Envelope<'_>) -> Option<Self> {
        // A failure in the envelope of a success is no page.
        envelope.says_success().then_some(())?;
        let items = envelope.items.as_ref()?;
        let campaigns: Vec<Listed> = items.iter().filter_map(Listed::of).collect();
        Some(Self {
            unreadable: (items.len() - campaigns.len()) as u64,
            campaigns,
            total: envelope.metadata.count("total"),
        })
    }

    /// How many campaigns stand on it.
    pub fn len(&self) -> u64 {
        self.campaigns.len() as u64 + self.unreadable
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether none follows, the page having been asked for from `offset` on. Where the page does not say how many there
    /// are, only an empty one is the last: a provider may give less than it was asked for.
    pub fn is_last(&self, offset: u64) -> bool {
        let known = |total| offset.saturating_add(self.len()) >= total;
        self.is_empty() || self.total.is_some_and(known)
    }
}

/// Of several campaigns of one name, the one that is taken for what was asked for: one that has begun, else one that may have
/// called some before it was canceled, else the first that will begin, else the first; `None` of none.
pub fn kept(found: &[Listed]) -> Option<&Listed> {
    found.iter().min_by_key(|listed| match &listed.state {
        CampaignState::Canceled => 1,
        CampaignState::Created => 2,
        state if state.calls_nobody() => 3,
        _ => 0,
    })
}

impl Listed {
    /// `None` without an id or a name.
    pub(super) fn of(item: &Item<'_>) -> Option<Self> {
        let data = item.data.as_ref()?;
        let schedule = data.object("schedule").unwrap_or_default();
        Some(Self {
            id: data.ticket()?,
            name: data.text("name")?,
            state: CampaignState::spelled(&data.text("status").unwrap_or_default()),
            date_created: data.text("date_created").map(|date| presentable(&date)),
            send_at: schedule.text("send_at").map(|date| presentable(&date)),
            stats: stats(item),
        })
    }

    /// When it starts, for whoever has a clock to compare it with.
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.send_at.as_deref()?.parse().ok()
    }
}

/// `stats` of the campaign, and `summary` beside or within it: the pages have it in both places.
fn stats(item: &Item<'_>) -> BTreeMap<String, u64> {
    let mut stats = item.members.counts("summary");
    if let Some(data) = &item.data {
        stats.extend(data.counts("summary"));
        stats.extend(data.counts("stats"));
    }
    stats
}

#[cfg(test)]
mod tests {
    use super::*;
    use volley_model::Answer;

    fn listing(status: u16, body: &str) -> Listing {
        Listing::of(&Evidence::Answered(Answer {
            status,
            retry_after: None,
            date: None,
            body: AnswerBody::Whole(body.to_owned().into()),
        }))
    }

    fn page(body: &str) -> ListingPage {
        match listing(200, body) {
            Listing::Page(page) => page,
            Listing::Other(other) => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn a_page_s_campaigns_are_read_wrapped_and_bare() {
        let campaign = r#"{"id":"c1","name":"n 1","status":"in-progress","date_created":"2026-01-14T16:30:00+05:30","schedule":{"send_at":"2026-01-15T09:00:00+05:30"},"stats":{"completed":2,"failed-dnd":"1","odd":-1}}"#;
        for item in [
            campaign.to_owned(),
            format!(
                r#"{{"code":200,"status":"success","data":{campaign},"summary":{{"call_scheduled":3}}}}"#
            ),
        ] {
            let page = page(&format!(
                r#"{{"metadata":{{"count":1,"offset":0,"limit":500,"total":1}},"response":[{item}]}}"#
            ));
            assert_eq!((page.total, page.unreadable, page.len()), (Some(1), 0, 1));
            let listed = &page.campaigns[0];
            assert_eq!((listed.id.as_str(), listed.name.as_str()), ("c1", "n 1"));
            assert_eq!(listed.state, CampaignState::InProgress);
            assert_eq!(listed.date_created.as_deref(), Some("2026-01-14T16:30:00+05:30"));
            assert_eq!(listed.send_at.as_deref(), Some("2026-01-15T09:00:00+05:30"));
            assert_eq!(listed.starts_at().unwrap().to_string(), "2026-01-15T03:30:00Z");
            assert_eq!((listed.stats["completed"], listed.stats["failed-dnd"]), (2, 1));
            assert!(!listed.stats.contains_key("odd"));
        }
    }

    #[test]
    fn an_account_without_campaigns_has_an_empty_page() {
        for body in [
            r#"{"response":[]}"#,
            r#"{"response":null}"#,
            r#"{"metadata":{"total":0}}"#,
        ] {
            assert!(page(body).is_empty(), "{body}");
            assert!(page(body).is_last(0), "{body}");
        }
    }

    #[test]
    fn what_is_no_page_is_none() {
        for (status, body) in [
            (200, ""),
            (200, "<html>"),
            (200, r#"{"http_code":200}"#),
            (200, r#"{"response":"none"}"#),
            (500, r#"{"response":[]}"#),
            (404, r#"{"response":[]}"#),
            (200, r#"{"response":[{"code":500,"data":null}]}"#),
            (200, r#"{"http_code":500,"response":null}"#),
        ] {
            let Listing::Other(reply) = listing(status, body) else {
                panic!("{status} {body}");
            };
            assert!(!matches!(reply, Reply::Done(_)), "{status} {body}");
        }
        let cut = Evidence::Answered(Answer {
            status: 200,
            retry_after: None,
            date: None,
            body: AnswerBody::Cut,
        });
        assert!(matches!(Listing::of(&cut), Listing::Other(Reply::Unknown { .. })));
    }

    #[test]
    fn what_has_no_id_or_no_name_is_counted_and_not_dropped_in_silence() {
        let page = page(r#"{"response":[{"id":"c1"},{"name":"n"},7,{"id":"c2","name":"n"}]}"#);
        assert_eq!((page.campaigns.len(), page.unreadable, page.len()), (1, 3, 4));
    }

    #[test]
    fn the_last_page_is_where_the_total_is_reached_or_nothing_stands() {
        let check = |total: Option<u64>, on_page: u64, offset: u64, expected: bool| {
            let page = ListingPage {
                campaigns: Vec::new(),
                unreadable: on_page,
                total,
            };
            assert_eq!(page.is_last(offset), expected, "{total:?} {on_page} {offset}");
        };
        check(Some(1000), 500, 0, false);
        check(Some(1000), 500, 500, true);
        check(Some(1001), 500, 500, false);
        check(Some(1001), 0, 1000, true);
        check(None, 20, 0, false);
        check(None, 0, 20, true);
        check(Some(0), 500, u64::MAX, true);
    }

    #[test]
    fn of_twins_the_one_that_calls_is_kept_and_a_dead_one_last() {
        use CampaignState::{Canceled, Completed, Created, Deleted, InProgress};

        let listed = |(nth, state): (usize, &CampaignState)| Listed {
            id: format!("c{nth}"),
            name: "n".to_owned(),
            state: state.clone(),
            date_created: None,
            send_at: None,
            stats: BTreeMap::new(),
        };
        let check = |states: &[CampaignState], expected: Option<usize>| {
            let found: Vec<Listed> = states.iter().enumerate().map(listed).collect();
            let expected = expected.map(|nth| format!("c{nth}"));
            assert_eq!(kept(&found).map(|kept| kept.id.clone()), expected, "{states:?}");
        };
        check(&[], None);
        check(&[Canceled, InProgress], Some(1));
        check(&[Created, Completed], Some(1));
        check(&[Created, Canceled], Some(1));
        check(&[Deleted, Created, Created], Some(1));
        check(&[Deleted, Deleted], Some(0));
    }
}
