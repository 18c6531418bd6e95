//! The right to hand one request over: from when on, and until when.
//!
//! Not here: how many there are in a second ([`spacing`](super::spacing)), and how they are come by ([`lease`](super::lease)).

use std::time::{Duration, Instant};

use super::Uptime;

/// No token outlives its lease for longer, however far ahead it is due.
pub(super) const TOKEN_LIFE: Duration = Duration::from_secs(1);

/// The right to hand one request over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Not before.
    pub due: Instant,
    /// Not from then on.
    pub void: Instant,
    /// Nor from then on: that is the same moment, unless the machine sleeps before it.
    pub void_asleep: Uptime,
    /// Whether the limit of recipients makes it come later than that of requests.
    pub put_off_by_recipients: bool,
    /// When one that is leased next would be due, about.
    pub next: Instant,
}

impl Token {
    /// Whether it is too late for it, by both clocks: a run that slept may have been buried since.
    pub fn is_void(&self, now: Instant, uptime: Uptime) -> bool {
        now >= self.void || uptime >= self.void_asleep
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_void_after_a_sleep_that_its_own_clock_did_not_count() {
        let (now, uptime) = (Instant::now(), Uptime::now());
        let life = Duration::from_millis(500);
        let token = Token {
            due: now,
            void: now + life,
            void_asleep: uptime + life,
            put_off_by_recipients: false,
            next: now,
        };
        let after = |awake: u64, asleep: u64| {
            let awake = Duration::from_millis(awake);
            token.is_void(now + awake, uptime + awake + Duration::from_millis(asleep))
        };
        assert!(!after(0, 0) && !after(499, 0) && !after(100, 399));
        assert!(after(500, 0));
        assert!(after(100, 400) && after(1, 3_600_000));
    }
}
