//! How far the calls of one campaign have come.
//!
//! *Bounds*: 16 bytes a call; at most four calls a number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;

use super::{Micros, SECOND};
use crate::exotel::outcome::Outcome;

/// One call.
#[derive(Debug, Clone, Copy)]
pub(in crate::exotel) struct Call {
    pub(in crate::exotel) begun: Micros,
    /// Its place among the campaign's numbers.
    pub(in crate::exotel) member: u32,
    pub(in crate::exotel) seconds: u16,
    /// 0: the first.
    pub(in crate::exotel) attempt: u8,
    pub(in crate::exotel) outcome: Outcome,
}

impl Call {
    pub(in crate::exotel) fn end(&self) -> Micros {
        self.begun + i64::from(self.seconds) * SECOND
    }
}

/// The calls of a campaign, and those to come.
#[derive(Debug, Default)]
pub(in crate::exotel) struct Dialling {
    /// In the order they were begun.
    calls: Vec<Call>,
    /// Members that were never tried begin here.
    tried: u32,
    /// When it is due, whom to call again, and with which attempt.
    waiting: BinaryHeap<Reverse<(Micros, u32, u8)>>,
    /// No call before that: the start, a resume, or the last call and its pause.
    not_before: Micros,
    in_progress: u32,
    completed: u32,
    failed: u32,
    /// Ended calls that reached a phone.
    made: u32,
}

impl Dialling {
    pub(in crate::exotel) fn calls(&self) -> &[Call] {
        &self.calls
    }

    pub(in crate::exotel) fn tried(&self) -> u32 {
        self.tried
    }

    /// Calls that have ended.
    pub(in crate::exotel) fn ended(&self) -> u64 {
        self.calls.len() as u64 - u64::from(self.in_progress)
    }

    pub(in crate::exotel) fn in_progress(&self) -> u32 {
        self.in_progress
    }

    /// Numbers that wait for another call.
    pub(in crate::exotel) fn retrying(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Numbers that were reached.
    pub(in crate::exotel) fn completed(&self) -> u32 {
        self.completed
    }

    /// Numbers that were tried in vain.
    pub(in crate::exotel) fn failed(&self) -> u32 {
        self.failed
    }

    pub(in crate::exotel) fn first_call(&self) -> Option<Timestamp> {
        let call = self.calls.first()?;
        Timestamp::from_microsecond(call.begun).ok()
    }

    /// Whether calls have ended and none of them was made; one under way counts as made.
    pub(in crate::exotel) fn all_failed(&self) -> bool {
        !self.calls.is_empty() && self.made == 0 && self.in_progress == 0
    }

    pub(in crate::exotel) fn is_done(&self, members: usize) -> bool {
        self.tried as usize >= members && self.waiting.is_empty() && self.in_progress == 0
    }

    pub(in crate::exotel) fn wait_until(&mut self, at: Micros) {
        self.not_before = self.not_before.max(at);
    }

    /// From when on somebody can be called, if there is anybody.
    pub(super) fn ready(&self, members: usize) -> Option<Micros> {
        if (self.tried as usize) < members {
            return Some(self.not_before);
        }
        let Reverse((due, ..)) = self.waiting.peek()?;
        Some(self.not_before.max(*due))
    }

    /// Begins a call to whoever is next.
    pub(super) fn begin(
        &mut self,
        members: usize,
        at: Micros,
        pause: Micros,
        throw: impl Fn(u32, u8) -> (Outcome, u16),
    ) -> Option<Call> {
        let due = self.waiting.peek().filter(|Reverse((due, ..))| *due <= at);
        let (member, attempt) = if let Some(Reverse((_, member, attempt))) = due.copied() {
            self.waiting.pop();
            (member, attempt)
        } else if (self.tried as usize) < members {
            self.tried += 1;
            (self.tried - 1, 0)
        } else {
            return None;
        };
        let (outcome, seconds) = throw(member, attempt);
        let call = Call {
            begun: at,
            member,
            seconds,
            attempt,
            outcome,
        };
        self.calls.push(call);
        self.in_progress += 1;
        // At least a little: whoever else waits has waited longer.
        self.not_before = at + pause.max(1);
        Some(call)
    }

    /// Ends a call; the number is called again at that time, or is done.
    pub(super) fn end(&mut self, call: &Call, again: Option<Micros>) {
        self.in_progress -= 1;
        self.made += u32::from(call.outcome != Outcome::Failed);
        match again {
            Some(due) => self.waiting.push(Reverse((due, call.member, call.attempt + 1))),
            None if call.outcome == Outcome::Completed => self.completed += 1,
            None => self.failed += 1,
        }
    }

    /// Whoever waits for another call has failed.
    pub(in crate::exotel) fn give_up(&mut self) {
        self.failed += u32::try_from(self.waiting.len()).unwrap_or(u32::MAX);
        self.waiting.clear();
    }
}
