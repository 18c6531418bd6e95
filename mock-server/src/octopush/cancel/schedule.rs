//! The ordinary campaigns that were accepted with their date ahead, and the limits of cancelling them.
//!
//! *Bounds*: a row for each such campaign until it is cancelled, or until a reset; a row for each account that cancelled.
//! *Sources*: "cancel-sms", in its newer form: fewer than 3 recipients, more than 10 minutes ahead, at most 1,000 a month.
//! That a month is one of the calendar, in UTC, is *assumed*.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::octopush::config::CancelConfig;
use crate::octopush::refusal::Refusal;

/// What is planned, and how much of it was cancelled.
#[derive(Debug, Default)]
pub(in crate::octopush) struct Schedule {
    by_ticket: HashMap<String, Scheduled, FixedState>,
    /// By login: the last month with a cancellation, and how many it had.
    cancellations: HashMap<String, (Month, u32), FixedState>,
}

/// A campaign with a date ahead.
#[derive(Debug)]
pub(in crate::octopush) struct Scheduled {
    pub(in crate::octopush) login: String,
    pub(in crate::octopush) send_at: Timestamp,
    pub(in crate::octopush) recipients: usize,
}

/// Year and month.
type Month = (i16, i8);

impl Schedule {
    pub(in crate::octopush) fn add(&mut self, ticket: String, scheduled: Scheduled) {
        self.by_ticket.insert(ticket, scheduled);
    }

    /// The campaign of this ticket, whoever's it is.
    pub(super) fn get(&self, ticket: &str) -> Option<&Scheduled> {
        self.by_ticket.get(ticket)
    }

    /// Whether the limits let it be cancelled now.
    pub(super) fn check(
        &self,
        limits: &CancelConfig,
        scheduled: &Scheduled,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let minutes = limits.minutes_ahead;
        let ahead = scheduled.send_at.duration_since(now);
        if ahead <= SignedDuration::from_mins(i64::from(minutes)) {
            let why = format!("it must be scheduled more than {minutes} minutes ahead");
            return Err(Refusal::not_cancellable(&why));
        }
        let most = limits.recipients_max;
        if scheduled.recipients > most {
            let why = format!("it has more than {most} recipients");
            return Err(Refusal::not_cancellable(&why));
        }
        let most = limits.per_month;
        if self.in_month_of(&scheduled.login, now) >= most {
            let why = format!("{most} campaigns were cancelled this month");
            return Err(Refusal::not_cancellable(&why));
        }
        Ok(())
    }

    /// Forgets a campaign that was cancelled, and counts it.
    pub(super) fn cancelled(&mut self, login: &str, ticket: &str, now: Timestamp) {
        self.by_ticket.remove(ticket);
        let count = self.in_month_of(login, now) + 1;
        self.cancellations.insert(login.to_owned(), (month(now), count));
    }

    fn in_month_of(&self, login: &str, now: Timestamp) -> u32 {
        match self.cancellations.get(login) {
            Some((last, count)) if *last == month(now) => *count,
            _ => 0,
        }
    }
}

fn month(at: Timestamp) -> Month {
    let date = TimeZone::UTC.to_datetime(at).date();
    (date.year(), date.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("an instant")
    }

    fn scheduled(recipients: usize) -> Scheduled {
        Scheduled {
            login: "me".into(),
            send_at: at("2026-06-01T12:00:00+02:00"),
            recipients,
        }
    }

    fn code(outcome: Result<(), Refusal>) -> Option<u32> {
        outcome.err().map(|refusal| refusal.code())
    }

    #[test]
    fn a_campaign_of_few_recipients_can_be_cancelled_until_ten_minutes_before_it() {
        let check = |recipients: usize, now: &str, expected: Option<u32>| {
            let limits = CancelConfig::default();
            let outcome = Schedule::default().check(&limits, &scheduled(recipients), at(now));
            assert_eq!(code(outcome), expected, "{recipients} at {now}");
        };
        check(2, "2026-06-01T09:49:59Z", None);
        check(2, "2026-06-01T09:50:00Z", Some(100));
        check(2, "2026-06-01T10:00:01Z", Some(100));
        check(3, "2026-06-01T09:49:59Z", Some(100));
    }

    #[test]
    fn the_limits_are_switches() {
        let limits = CancelConfig {
            recipients_max: 500,
            minutes_ahead: 0,
            per_month: 0,
            ..CancelConfig::default()
        };
        let check = |limits: &CancelConfig, recipients: usize, now: &str, expected: Option<u32>| {
            let outcome = Schedule::default().check(limits, &scheduled(recipients), at(now));
            assert_eq!(code(outcome), expected, "{recipients} at {now}");
        };
        let some = CancelConfig {
            per_month: 1,
            ..limits.clone()
        };
        check(&some, 500, "2026-06-01T09:59:59Z", None);
        check(&some, 501, "2026-06-01T09:59:59Z", Some(100));
        check(&some, 500, "2026-06-01T10:00:00Z", Some(100));
        check(&limits, 1, "2026-06-01T09:59:59Z", Some(100));
    }

    #[test]
    fn each_account_has_its_cancellations_of_a_month() {
        let mut schedule = Schedule::default();
        let limits = CancelConfig {
            per_month: 2,
            ..CancelConfig::default()
        };
        for _ in 0..2 {
            assert!(
                schedule
                    .check(&limits, &scheduled(1), at("2026-04-30T23:00:00Z"))
                    .is_ok()
            );
            schedule.cancelled("me", "t", at("2026-04-30T23:00:00Z"));
        }
        let other = Scheduled {
            login: "you".into(),
            ..scheduled(1)
        };
        let check = |scheduled: &Scheduled, now: &str, expected: Option<u32>| {
            assert_eq!(
                code(schedule.check(&limits, scheduled, at(now))),
                expected,
                "{now}"
            );
        };
        check(&scheduled(1), "2026-04-30T23:59:59Z", Some(100));
        check(&scheduled(1), "2026-05-01T00:00:00Z", None);
        check(&scheduled(1), "2025-04-30T23:00:00Z", None);
        check(&other, "2026-04-30T23:59:59Z", None);
    }
}
