//! An account's calls: which is begun when, and what follows from its end.
//!
//! Time passes only when somebody asks: then everything due by that instant happens in its order, so that the result does
//! not depend on how often one asks. A call is begun every so often, for the campaign that has waited longest; within a
//! campaign retries that are due go before numbers that were never tried.
//! *Sources*: "campaign throttling" for the rate and how running campaigns share it; "update campaign details" for retries
//! and the end; "campaigns API: how it works" for how a campaign ends. That those that run take turns, and that calls which
//! are under way at the end are finished, is *assumed*.

mod dialling;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::callbacks::Outbox;
use super::campaign::{Campaign, Stage};
use super::config::{ExotelConfig, NumberText};
use super::outcome::Dice;
use crate::mock::Mock;
pub(super) use dialling::{Call, Dialling};

/// Microseconds since 1970: fine enough for a million calls a second.
pub(super) type Micros = i64;

pub(super) const SECOND: Micros = 1_000_000;
const MINUTE: Micros = 60 * SECOND;

/// What dialling goes by.
pub(super) struct Rules<'m> {
    pub(super) seed: u64,
    pub(super) dice: &'m Dice,
    /// From one call of the account to the next.
    interval: Micros,
    pub(super) number_text: NumberText,
}

impl<'m> Rules<'m> {
    pub(super) fn of(mock: &'m Mock) -> Self {
        Self::new(mock.config.seed, &mock.exotel.dice, &mock.config.exotel)
    }

    pub(super) fn new(seed: u64, dice: &'m Dice, config: &ExotelConfig) -> Self {
        Self {
            seed,
            dice,
            interval: MINUTE / i64::from(config.calls_per_minute.get()),
            number_text: config.number_text,
        }
    }
}

/// The line that an account's campaigns share.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// No call is begun before that.
    free: Micros,
    /// When it ends, of which campaign, which of its calls.
    under_way: BinaryHeap<Reverse<(Micros, usize, u32)>>,
}

/// Which campaigns have somebody to call, and when. An entry that its campaign no longer goes by is stale.
struct Turns {
    queue: BinaryHeap<Reverse<(Micros, usize)>>,
    valid: Vec<Option<Micros>>,
}

impl Turns {
    fn of(campaigns: &[Campaign]) -> Self {
        let mut turns = Self {
            queue: BinaryHeap::new(),
            valid: vec![None; campaigns.len()],
        };
        for (place, campaign) in campaigns.iter().enumerate() {
            turns.enter(place, campaign);
        }
        turns
    }

    /// Enters the campaign with the time from which it can go on, if it can.
    fn enter(&mut self, place: usize, campaign: &Campaign) {
        let ready = match campaign.stage {
            Stage::InProgress => campaign.dialling.ready(campaign.reach.members.len()),
            _ => None,
        };
        if let Some(ready) = ready
            && self.valid[place] != Some(ready)
        {
            self.queue.push(Reverse((ready, place)));
        }
        self.valid[place] = ready;
    }

    /// The campaign that has waited longest, and since when.
    fn first(&mut self) -> Option<(Micros, usize)> {
        loop {
            let Reverse((ready, place)) = *self.queue.peek()?;
            if self.valid[place] == Some(ready) {
                return Some((ready, place));
            }
            self.queue.pop();
        }
    }

    fn take_first(&mut self) {
        if let Some(Reverse((_, place))) = self.queue.pop() {
            self.valid[place] = None;
        }
    }
}

impl Line {
    /// Lets everything happen that is due by now.
    pub(super) fn catch_up(
        &mut self,
        rules: &Rules<'_>,
        campaigns: &mut [Campaign],
        now: Micros,
        outbox: &mut Outbox,
    ) {
        for campaign in campaigns.iter_mut() {
            start(campaign, now, outbox);
        }
        let mut turns = Turns::of(campaigns);
        loop {
            let call = turns.first().map(|(ready, place)| (ready.max(self.free), place));
            let end = self.under_way.peek().map(|Reverse((at, ..))| *at);
            match (call, end) {
                (call, Some(end)) if call.is_none_or(|(at, _)| end <= at) => {
                    if end > now {
                        break;
                    }
                    self.end_first_call(rules, campaigns, &mut turns, outbox);
                }
                (Some((at, place)), _) if at <= now => {
                    turns.take_first();
                    self.begin_call(rules, &mut campaigns[place], place, at, outbox);
                    turns.enter(place, &campaigns[place]);
                }
                _ => break,
            }
        }
        for campaign in campaigns.iter_mut() {
            expire(campaign, now, outbox);
        }
    }

    fn begin_call(
        &mut self,
        rules: &Rules<'_>,
        campaign: &mut Campaign,
        place: usize,
        at: Micros,
        outbox: &mut Outbox,
    ) {
        if at >= campaign.ends.as_microsecond() {
            expire(campaign, at, outbox);
            return;
        }
        let members = campaign.reach.members.len();
        let nth = campaign.nth;
        let throw = |member: u32, attempt: u8| rules.dice.throw(rules.seed, nth, member, attempt);
        let pause = match campaign.settings.throttle {
            Some(per_minute) => MINUTE / i64::from(per_minute),
            None => 0,
        };
        if let Some(call) = campaign.dialling.begin(members, at, pause, throw) {
            let index = u32::try_from(campaign.dialling.calls().len() - 1).unwrap_or(u32::MAX);
            self.under_way.push(Reverse((call.end(), place, index)));
            self.free = at + rules.interval;
        }
    }

    /// Ends the call under way that ends first.
    fn end_first_call(
        &mut self,
        rules: &Rules<'_>,
        campaigns: &mut [Campaign],
        turns: &mut Turns,
        outbox: &mut Outbox,
    ) {
        let Some(Reverse((at, place, index))) = self.under_way.pop() else {
            return;
        };
        let campaign = &mut campaigns[place];
        expire(campaign, at, outbox);
        let call = campaign.dialling.calls()[index as usize];
        let again = match &campaign.settings.retries {
            Some(retries) if !campaign.stage.is_over() => retries.interval(call.attempt, call.outcome),
            _ => None,
        };
        campaign
            .dialling
            .end(&call, again.map(|minutes| at + minutes * MINUTE));
        outbox.call_ended(rules, campaign, index);
        if again.is_none() {
            outbox.number_done(rules, campaign, &call);
        }
        finish(campaign, at, outbox);
        turns.enter(place, campaign);
    }
}

/// Starts a campaign whose time has come.
fn start(campaign: &mut Campaign, now: Micros, outbox: &mut Outbox) {
    let starts = campaign.starts.as_microsecond();
    if campaign.stage == Stage::Created && starts <= now {
        campaign.stage = Stage::InProgress;
        campaign.dialling.wait_until(starts);
        campaign.touch(starts);
        outbox.campaign_changed(campaign);
        finish(campaign, starts, outbox);
    }
}

/// Completes a campaign that has called everybody.
pub(super) fn finish(campaign: &mut Campaign, at: Micros, outbox: &mut Outbox) {
    if campaign.stage == Stage::InProgress && campaign.dialling.is_done(campaign.reach.members.len()) {
        campaign.complete(at);
        outbox.campaign_changed(campaign);
    }
}

/// Ends a campaign whose `end_at` has come: one that is paused is canceled.
fn expire(campaign: &mut Campaign, at: Micros, outbox: &mut Outbox) {
    let ends = campaign.ends.as_microsecond();
    if at < ends {
        return;
    }
    match campaign.stage {
        Stage::InProgress => campaign.complete(ends),
        Stage::Paused => campaign.end(Stage::Canceled, ends),
        _ => return,
    }
    outbox.campaign_changed(campaign);
}

#[cfg(test)]
mod tests;
