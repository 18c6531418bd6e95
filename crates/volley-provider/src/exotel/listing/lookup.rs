//! One pass through the listing that looks for many names at once.

use std::collections::BTreeMap;

use super::{Listed, ListingPage};

/// A pass through the listing: names that are looked for, and what was found of them so far.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    wanted: BTreeMap<String, Vec<Listed>>,
    offset: u64,
    unreadable: u64,
    /// How many campaigns there are at least, by a page that spoke of more than was seen by then.
    promised: u64,
    first_id: Option<String>,
}

/// What to do after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupStep {
    /// Ask for the next page, at [`Lookup::offset`].
    More,
    /// All pages were read. `unreadable` campaigns could not be: where there are any, no absence can be told.
    Whole {
        /// How many.
        unreadable: u64,
    },
    /// The provider gave the same page again, one that shows nothing of the kind, or fewer campaigns than it spoke of: no
    /// absence can be told.
    Stuck,
}

/// What the pages so far say of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'a> {
    /// No campaign has it.
    Absent,
    /// One has it.
    One(&'a Listed),
    /// Several have it: someone, or something between us and the provider, sent a request twice.
    Twins(&'a [Listed]),
}

impl Lookup {
    /// A pass from the first page on.
    pub fn new<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Self {
        Self {
            wanted: names.into_iter().map(|name| (name.into(), Vec::new())).collect(),
            ..Self::default()
        }
    }

    /// From which campaign on the next page is to be asked for.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the page at [`offset`](Self::offset). Only an empty page is the end: what pages call their total may be the page's
    /// own count, and a campaign of ours is among the last.
    pub fn take(&mut self, page: ListingPage) -> LookupStep {
        let seen = self.offset.saturating_add(page.len());
        if let Some(total) = page.total.filter(|total| *total > seen) {
            self.promised = self.promised.max(total);
        }
        if page.is_empty() {
            // Fewer than were promised: the page is not what it seems, or campaigns vanished and the pages shifted.
            return if self.promised > seen {
                LookupStep::Stuck
            } else {
                LookupStep::Whole {
                    unreadable: self.unreadable,
                }
            };
        }
        let first_id = page.campaigns.first().map(|listed| listed.id.clone());
        if first_id == self.first_id {
            return LookupStep::Stuck;
        }
        self.first_id = first_id;
        self.offset = seen;
        self.unreadable = self.unreadable.saturating_add(page.unreadable);
        for listed in page.campaigns {
            if let Some(found) = self.wanted.get_mut(&listed.name) {
                // A page that shifted shows a campaign twice, which is no twin.
                found.retain(|known| known.id != listed.id);
                found.push(listed);
            }
        }
        LookupStep::More
    }

    /// What was found of a name. [`Found::Absent`] counts only after [`LookupStep::Whole`] without unreadable ones.
    pub fn found(&self, name: &str) -> Found<'_> {
        match self.wanted.get(name).map(Vec::as_slice) {
            None | Some([]) => Found::Absent,
            Some([one]) => Found::One(one),
            Some(twins) => Found::Twins(twins),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::CampaignState;
    use super::*;

    fn listed(id: &str, name: &str) -> Listed {
        Listed {
            id: id.to_owned(),
            name: name.to_owned(),
            state: CampaignState::Created,
            date_created: None,
            send_at: None,
            stats: BTreeMap::new(),
        }
    }

    fn page(campaigns: &[(&str, &str)], total: Option<u64>) -> ListingPage {
        ListingPage {
            campaigns: campaigns.iter().map(|(id, name)| listed(id, name)).collect(),
            unreadable: 0,
            total,
        }
    }

    const WHOLE: LookupStep = LookupStep::Whole { unreadable: 0 };

    #[test]
    fn names_are_compared_to_the_last_character_over_all_pages() {
        let mut lookup = Lookup::new(["volley-a", "volley-b", "volley-a-1"]);
        assert_eq!(lookup.offset(), 0);
        let first = page(
            &[("c1", "volley-a"), ("c2", "Volley-b"), ("c3", "volley-b ")],
            Some(5),
        );
        assert_eq!(lookup.take(first), LookupStep::More);
        assert_eq!(lookup.offset(), 3);
        assert_eq!(
            lookup.take(page(&[("c4", "volley-a-1"), ("c5", "volley-a-11")], Some(5))),
            LookupStep::More
        );
        assert_eq!(lookup.take(page(&[], Some(5))), WHOLE);
        assert_eq!(lookup.found("volley-a"), Found::One(&listed("c1", "volley-a")));
        assert_eq!(
            lookup.found("volley-a-1"),
            Found::One(&listed("c4", "volley-a-1"))
        );
        assert_eq!(lookup.found("volley-b"), Found::Absent);
        assert_eq!(
            lookup.found("volley-a-11"),
            Found::Absent,
            "it was not looked for"
        );
    }

    #[test]
    fn twins_are_two_campaigns_and_not_one_shown_twice() {
        let mut lookup = Lookup::new(["a", "b"]);
        lookup.take(page(&[("c1", "a"), ("c2", "b")], None));
        lookup.take(page(&[("c2", "b"), ("c3", "a")], None));
        assert_eq!(lookup.take(page(&[], None)), WHOLE);
        assert_eq!(
            lookup.found("a"),
            Found::Twins(&[listed("c1", "a"), listed("c3", "a")])
        );
        assert_eq!(lookup.found("b"), Found::One(&listed("c2", "b")));
    }

    #[test]
    fn a_listing_that_gives_the_same_page_again_ends_and_proves_nothing() {
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(lookup.take(page(&[("c1", "b")], None)), LookupStep::More);
        assert_eq!(lookup.take(page(&[("c1", "b")], None)), LookupStep::Stuck);
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(
            lookup.take(page(&[("c1", "b"), ("c2", "b")], Some(3))),
            LookupStep::More
        );
        assert_eq!(
            lookup.take(page(&[("c1", "b"), ("c2", "b")], Some(3))),
            LookupStep::Stuck
        );
        let mut lookup = Lookup::new(["a"]);
        let mut nothing_readable = page(&[], None);
        nothing_readable.unreadable = 20;
        assert_eq!(lookup.take(nothing_readable), LookupStep::Stuck);
    }

    #[test]
    fn what_could_not_be_read_is_told_with_the_end() {
        let mut lookup = Lookup::new(["a"]);
        let mut first = page(&[("c1", "b")], Some(3));
        first.unreadable = 1;
        assert_eq!(lookup.take(first), LookupStep::More);
        assert_eq!(lookup.take(page(&[("c3", "c")], Some(3))), LookupStep::More);
        assert_eq!(
            lookup.take(page(&[], Some(3))),
            LookupStep::Whole { unreadable: 1 }
        );
    }

    #[test]
    fn a_listing_that_shows_less_than_it_spoke_of_proves_nothing() {
        // An empty page in place of nine hundred campaigns.
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(lookup.take(page(&[], Some(900))), LookupStep::Stuck);
        // One vanished on the way, and the pages shifted.
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(
            lookup.take(page(&[("c1", "b"), ("c2", "b")], Some(4))),
            LookupStep::More
        );
        assert_eq!(lookup.take(page(&[("c4", "b")], Some(3))), LookupStep::More);
        assert_eq!(lookup.take(page(&[], Some(3))), LookupStep::Stuck);
        // A total that is the page's own count is no promise, and no end.
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(
            lookup.take(page(&[("c1", "b"), ("c2", "b")], Some(2))),
            LookupStep::More
        );
        assert_eq!(lookup.take(page(&[("c3", "a")], Some(1))), LookupStep::More);
        assert_eq!(lookup.take(page(&[], Some(0))), WHOLE);
        assert_eq!(lookup.found("a"), Found::One(&listed("c3", "a")));
    }

    #[test]
    fn an_account_without_campaigns_has_nothing_to_find() {
        let mut lookup = Lookup::new(["a"]);
        assert_eq!(lookup.take(page(&[], Some(0))), WHOLE);
        assert_eq!(lookup.found("a"), Found::Absent);
    }
}
