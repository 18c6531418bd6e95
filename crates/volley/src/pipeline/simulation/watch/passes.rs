//! Passes through the listing, as the provider saw them: which names each was shown, and whether it was whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Passes {
    /// When the latest began; `None` before the first of a run.
    began: Option<Duration>,
    /// Whether any page of the latest was answered.
    answered: bool,
    /// Whether a page of it could not be read, or was not the one that was asked for.
    odd: bool,
    /// Whether it came to the end of the listing.
    ended: bool,
    /// The names that it was shown, with their campaigns.
    shown: BTreeMap<String, BTreeSet<String>>,
    /// Names that were looked for and found to have several campaigns, in this run, and these.
    twins: BTreeMap<String, BTreeSet<String>>,
}

impl Passes {
    /// A page is asked for: perhaps once more, after a failure.
    pub(super) fn ask(&mut self, offset: usize, now: Duration) {
        if offset == 0 && (self.answered || self.began.is_none()) {
            *self = Self {
                began: Some(now),
                twins: std::mem::take(&mut self.twins),
                ..Self::default()
            };
        }
    }

    /// A page came with these ids and names; none ends the listing.
    pub(crate) fn show<'a>(&mut self, campaigns: impl Iterator<Item = (&'a str, &'a str)>) {
        self.answered = true;
        let mut is_empty = true;
        for (id, name) in campaigns {
            is_empty = false;
            let ids = self.shown.entry(name.to_owned()).or_default();
            ids.insert(id.to_owned());
        }
        self.ended |= is_empty;
    }

    /// An answer came that is no page, or not the right one.
    pub(crate) fn show_nonsense(&mut self) {
        self.answered = true;
        self.odd = true;
    }

    /// When the latest began.
    pub(crate) fn began_at(&self) -> Option<Duration> {
        self.began
    }

    /// Whether the latest was whole, and without that name.
    pub(super) fn tells_absence_of(&self, name: &str) -> bool {
        self.ended && !self.odd && !self.shown.contains_key(name)
    }

    /// A doubt is settled by what the latest showed.
    pub(crate) fn settle(&mut self, name: &str) {
        if let Some(ids) = self.shown.get(name).filter(|ids| ids.len() > 1) {
            self.twins.insert(name.to_owned(), ids.clone());
        }
    }

    /// Names that were looked for and found to have several campaigns, and these.
    pub(crate) fn twins(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.twins
    }
}
