//! How far tokens are apart, and how late one may be used: what keeps any second within rate and burst, whoever leased.

use crate::RunLimits;

/// How late a token may be used at least, in seconds: well above what a server nearby takes to answer, and what a busy machine takes
/// to wake up.
const LATE_MIN: f64 = 0.05;
/// The distance of tokens and how late one may be used, in microseconds.
///
/// In any second there are hand-overs of tokens that were due in it or at most `late` before: with `rate` tokens a second at
/// even distances that is no more than rate × (1 + late), rounded down, and one. That must not be above
/// `requests_per_second` + `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spacing {
    pub(super) request: i64,
    /// For each recipient, in nanoseconds; 0: no limit.
    recipient_nanos: i64,
    pub(super) late: i64,
}

/// When a request is due, from the first one of its lease on, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: i64,
    /// Requests like it are kept apart by their recipients' rate rather than by their own.
    pub(super) behind_recipients: bool,
}

impl Spacing {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "microseconds of a rate; the cast saturates"
    )]
    pub(super) fn of(limits: &RunLimits) -> Self {
        let rate = limits.requests_per_second;
        let most = (rate + f64::from(limits.burst)).floor().max(1.0);
        let late = (0.5 * f64::from(limits.burst) / rate).clamp(LATE_MIN, 0.5);
        let rate = rate.min(0.999 * most / (1.0 + late));
        let recipients = limits.recipients_per_second.map(|rate| rate / (1.0 + late));
        Self {
            request: (1e6 / rate).ceil() as i64,
            recipient_nanos: recipients.map_or(0, |rate| (1e9 / rate).ceil() as i64),
            late: (late * 1e6) as i64,
        }
    }

    /// Those of the requests that are due soon, one at least: each when, from the first on; and when whoever comes next is.
    pub(super) fn soon(&self, requests: impl Iterator<Item = u32>, ahead: i64) -> (Vec<Due>, i64) {
        let (mut due, mut next) = (Vec::new(), 0);
        for recipients in requests {
            if !due.is_empty() && next > ahead {
                break;
            }
            let takes = self.takes(recipients);
            due.push(Due {
                at: next,
                behind_recipients: takes > self.request,
            });
            next += takes;
        }
        (due, next)
    }

    /// What a request to so many takes of the time. One sequence for both rates: if requests had their own, those that wait for a
    /// large batch's recipients would go all at once behind it.
    pub(super) fn takes(&self, recipients: u32) -> i64 {
        let nanos = i128::from(self.recipient_nanos) * i128::from(recipients);
        let recipients = i64::try_from(nanos / 1000).unwrap_or(i64::MAX);
        self.request.max(recipients)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most hand-overs that can fall into one second, by the rule in [`Spacing`]'s words.
    fn most_in_a_second(spacing: Spacing) -> i64 {
        (1_000_000 + spacing.late) / spacing.request + 1
    }

    #[test]
    fn requests_behind_a_large_batch_keep_their_distance() {
        let spacing = Spacing {
            request: 10_000,
            recipient_nanos: 1_000_000,
            late: 50_000,
        };
        let soon = |counts: &[u32]| {
            let (due, next) = spacing.soon(counts.iter().copied(), 300_000);
            let behind: Vec<bool> = due.iter().map(|due| due.behind_recipients).collect();
            let many: Vec<bool> = counts.iter().map(|count| *count > 10).collect();
            assert_eq!(behind, many[..due.len()]);
            (due.iter().map(|due| due.at).collect::<Vec<_>>(), next)
        };
        assert_eq!(
            soon(&[200, 1, 1, 30, 1]),
            (vec![0, 200_000, 210_000, 220_000, 250_000], 260_000)
        );
        assert_eq!(soon(&[500, 1]), (vec![0], 500_000));
        assert_eq!(soon(&[]), (vec![], 0));
    }

    #[test]
    fn no_second_has_more_hand_overs_than_rate_and_burst() {
        for (rate, burst) in [
            (0.1, 1),
            (0.5, 1),
            (1.0, 1),
            (20.0, 1),
            (33.3, 2),
            (100.0, 1),
            (500.0, 5),
            (1000.0, 10),
            (5000.0, 50),
            (5000.0, 1),
        ] {
            let limits = RunLimits {
                requests_per_second: rate,
                burst,
                recipients_per_second: None,
                max_in_flight: 1,
            };
            let spacing = Spacing::of(&limits);
            let most = most_in_a_second(spacing);
            #[expect(clippy::cast_precision_loss, reason = "small counts")]
            let (most, reached) = (most as f64, 1e6 / spacing.request as f64);
            assert!(
                most <= rate + f64::from(burst),
                "{rate} and {burst}: {spacing:?}, {most}"
            );
            assert!(
                reached >= 0.94 * rate,
                "{rate} and {burst}: {spacing:?}, {reached} a second"
            );
        }
    }
}
