//! One account: its campaigns, its line, its visits.
//!
//! *Bounds*: every campaign it ever had, until a reset; those that are deleted, too.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use jiff::Timestamp;

use super::admission::Visits;
use super::callbacks::Outbox;
use super::campaign::Campaign;
use super::dial::{Line, Rules};
use super::refusal::Refusal;

/// What belongs to one sid.
#[derive(Default)]
pub(crate) struct Account {
    /// In the order of creation.
    campaigns: Vec<Campaign>,
    /// Places among them.
    by_id: HashMap<String, usize, FixedState>,
    line: Line,
    pub(super) visits: Visits,
}

impl Account {
    pub(super) fn campaigns(&self) -> impl Iterator<Item = &Campaign> {
        self.campaigns.iter()
    }

    pub(super) fn add(&mut self, campaign: Campaign) {
        self.by_id.insert(campaign.id.clone(), self.campaigns.len());
        self.campaigns.push(campaign);
    }

    /// The campaign of this id; another account's is unknown.
    pub(super) fn campaign(&self, id: &str) -> Result<&Campaign, Refusal> {
        let place = self.by_id.get(id).ok_or_else(unknown)?;
        Ok(&self.campaigns[*place])
    }

    pub(super) fn campaign_mut(&mut self, id: &str) -> Result<&mut Campaign, Refusal> {
        let place = self.by_id.get(id).ok_or_else(unknown)?;
        Ok(&mut self.campaigns[*place])
    }

    /// The campaign that was the n-th of all accounts.
    pub(super) fn nth(&self, nth: u64) -> Option<&Campaign> {
        let place = self.campaigns.binary_search_by_key(&nth, |campaign| campaign.nth);
        Some(&self.campaigns[place.ok()?])
    }

    /// Lets everything happen that is due by now.
    pub(super) fn catch_up(&mut self, rules: &Rules<'_>, now: Timestamp, outbox: &mut Outbox) {
        self.line
            .catch_up(rules, &mut self.campaigns, now.as_microsecond(), outbox);
    }
}

/// No page tells that a deleted campaign, or one of another account, is answered like one that never was: *assumed*.
pub(super) fn unknown() -> Refusal {
    Refusal::not_found("No such campaign")
}
