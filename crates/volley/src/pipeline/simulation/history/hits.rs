//! What histories met: a simulation that meets no faults proves nothing.

use std::ops::AddAssign;
use std::time::Duration;

use volley_provider::Provider;

use super::super::scenario::Theme;
use super::super::world::World;
use super::super::{books, others, watch};

/// What is met in one history of so many at least.
const MANY_IN: u64 = 5;
/// The same of what is rare.
const SOME_IN: u64 = 500;

/// What the histories of a theme and a provider met together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hits {
    pub(super) histories: u64,
    pub(super) seen: watch::Hits,
    pub(super) booked: books::Hits,
    pub(super) listing: Listing,
    pub(super) others: others::Hits,
    pub(super) time_in_runs: Duration,
    pub(super) runs: u64,
    pub(super) crashes: u64,
    pub(super) signals: u64,
    pub(super) storage_failures: u64,
    pub(super) settled: u64,
    pub(super) left_in_doubt: u64,
    pub(super) budgets_used_up: u64,
    pub(super) credits_too_low: u64,
}

/// What Exotel's listing had that others do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    /// Pages that lacked a campaign which was there.
    pub(super) lagged: u64,
    pub(super) twins: u64,
    pub(super) twins_deleted: u64,
}

impl AddAssign for Hits {
    fn add_assign(&mut self, other: Self) {
        self.histories += other.histories;
        self.seen.requests += other.seen.requests;
        self.seen.doubts += other.seen.doubts;
        self.seen.probes += other.seen.probes;
        self.seen.gets += other.seen.gets;
        self.seen.pages += other.seen.pages;
        for (own, met) in self.seen.faults.iter_mut().zip(other.seen.faults) {
            *own += met;
        }
        self.booked.splits += other.booked.splits;
        self.booked.children += other.booked.children;
        self.booked.halved += other.booked.halved;
        self.booked.found += other.booked.found;
        self.booked.absences += other.booked.absences;
        self.booked.freed += other.booked.freed;
        self.booked.priced += other.booked.priced;
        self.others.returned += other.others.returned;
        self.others.crowded += other.others.crowded;
        self.others.spent += other.others.spent;
        self.listing.lagged += other.listing.lagged;
        self.listing.twins += other.listing.twins;
        self.listing.twins_deleted += other.listing.twins_deleted;
        self.time_in_runs += other.time_in_runs;
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.signals += other.signals;
        self.storage_failures += other.storage_failures;
        self.settled += other.settled;
        self.left_in_doubt += other.left_in_doubt;
        self.budgets_used_up += other.budgets_used_up;
        self.credits_too_low += other.credits_too_low;
    }
}

impl Hits {
    /// What a history's world counted by itself.
    pub(super) fn take(&mut self, world: &World) {
        self.histories = 1;
        self.time_in_runs = world.time_in_runs();
        self.seen = world.watch.borrow().hits;
        self.booked = world.books.borrow().hits;
        self.others = world.others.borrow().hits;
        if world.scenario.exotel().is_some() {
            let provider = world.provider.borrow();
            let campaigns = provider.campaigns();
            self.listing = Listing {
                lagged: campaigns.lagged.get(),
                twins: campaigns.twins,
                twins_deleted: campaigns.deleted,
            };
        }
    }

    /// Whether a theme met what it is about, and the provider what it alone has.
    pub(crate) fn are_plenty(&self, theme: Theme, provider: Provider) -> bool {
        let of_the_theme = match (theme, provider) {
            (Theme::Faults, _) => self.signals,
            (Theme::Storage, _) => self.storage_failures,
            (Theme::Clocks, _) => self.left_in_doubt,
            (Theme::Money, Provider::Octopush) => self.budgets_used_up.min(self.credits_too_low),
            (Theme::Money, Provider::Exotel) => self.budgets_used_up.min(self.booked.priced),
        };
        let (own, rare) = match provider {
            Provider::Octopush => (vec![self.seen.probes], Vec::new()),
            Provider::Exotel => {
                let (booked, listing) = (&self.booked, &self.listing);
                let own = vec![
                    self.seen.pages,
                    booked.splits,
                    booked.children,
                    booked.absences,
                    booked.freed,
                    listing.lagged,
                ];
                (own, vec![booked.halved, listing.twins_deleted])
            }
        };
        let all = [
            of_the_theme,
            self.crashes,
            self.settled,
            self.booked.found,
            self.seen.doubts,
            self.seen.gets,
        ];
        let many = |hits: &u64| hits * MANY_IN > self.histories;
        let some = |hits: &u64| hits * SOME_IN > self.histories;
        let spent = (theme == Theme::Money).then_some(self.others.spent);
        let others: Vec<u64> = [self.others.returned, self.others.crowded]
            .into_iter()
            .chain(spent)
            .collect();
        all.iter().chain(&own).all(many) && rare.iter().chain(&self.seen.faults).chain(&others).all(some)
    }
}
