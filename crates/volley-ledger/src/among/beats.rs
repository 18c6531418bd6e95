//! Who of the others stands still: a beat that does not change, for as long as it was looked at.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::life::BEAT;
use crate::RunId;
use crate::postgres::workers::Living;

/// So much of the time between two looks counts as looked at. The server may hang, or this process sleep: what nobody could hear
/// is no silence.
const LOOK_MAX: Duration = BEAT.saturating_mul(2);

/// See the module.
pub(super) struct Beats {
    /// The last beat seen of each, and since when.
    seen: HashMap<RunId, (i64, Instant)>,
    looked_at: Instant,
}

impl Beats {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            seen: HashMap::new(),
            looked_at: now,
        }
    }

    /// Those of the living that have been silent for too long.
    pub(super) fn look(&mut self, living: Vec<Living>, now: Instant) -> Vec<Living> {
        let unseen = now.duration_since(self.looked_at).saturating_sub(LOOK_MAX);
        self.looked_at = now;
        let before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for run in living {
            let since = match before.get(&run.run) {
                Some((beat, since)) if *beat == run.beat => *since + unseen,
                _ => now,
            };
            self.seen.insert(run.run, (run.beat, since));
            if now.saturating_duration_since(since) >= run.silence {
                silent.push(run);
            }
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Run 1 may be silent for three seconds, run 2 for five.
    fn living(run: i64, beat: i64) -> Living {
        Living {
            run: RunId(run),
            beat,
            silence: Duration::from_secs(if run == 1 { 3 } else { 5 }),
        }
    }

    /// Who is silent at each look: so many milliseconds after the first, with these beats of runs 1 and 2.
    fn check(looks: &[(u64, [i64; 2], &[i64])]) {
        let begun = Instant::now();
        let mut beats = Beats::new(begun);
        for (millis, [one, two], expected) in looks {
            let now = begun + Duration::from_millis(*millis);
            let silent = beats.look(vec![living(1, *one), living(2, *two)], now);
            let silent: Vec<i64> = silent.iter().map(|run| run.run.0).collect();
            assert_eq!(silent, *expected, "after {millis} ms");
        }
    }

    #[test]
    fn a_run_whose_beat_stands_still_for_its_silence_is_found_and_one_that_beats_is_not() {
        check(&[
            (0, [7, 1], &[]),
            (1000, [7, 2], &[]),
            (2000, [7, 3], &[]),
            (2900, [7, 3], &[]),
            (3000, [7, 4], &[1]),
            (4000, [8, 4], &[]),
            (5000, [9, 4], &[]),
            (6000, [10, 4], &[]),
            (7000, [11, 4], &[]),
            (8000, [12, 4], &[2]),
        ]);
    }

    #[test]
    fn what_was_not_looked_at_is_no_silence() {
        check(&[
            (0, [7, 1], &[]),
            (60_000, [7, 2], &[]),
            (60_900, [7, 2], &[]),
            (61_000, [7, 3], &[1]),
        ]);
    }
}
