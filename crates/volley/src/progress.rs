//! What a run shows while it goes on, on stderr: a line that renews itself on a terminal, a plain line now and then
//! elsewhere.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::Common;
use crate::pipeline::Snapshot;
use crate::print;
use crate::summary::grouped;

/// Off a terminal: often enough to see that it lives, seldom enough for a log.
const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// Where progress goes.
pub(crate) enum Display {
    None,
    Terminal(ProgressBar),
    Plain { next: Duration },
}

impl Display {
    pub(crate) fn new(common: &Common) -> Self {
        let terminal = io::stderr().is_terminal();
        if common.quiet || !common.progress.on(terminal) {
            return Self::None;
        }
        if !terminal {
            return Self::Plain { next: PLAIN_EVERY };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self::Terminal(bar)
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, snapshot: &Snapshot) {
        match self {
            Self::Terminal(bar) => {
                bar.tick();
                bar.set_message(line(snapshot));
            }
            Self::Plain { next } if snapshot.elapsed >= *next => {
                *next = snapshot.elapsed + PLAIN_EVERY;
                print::message(&line(snapshot));
            }
            Self::None | Self::Plain { .. } => {}
        }
    }

    /// Takes the renewing line away.
    pub(crate) fn clear(&self) {
        if let Self::Terminal(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// One line: how much, how fast, what is open, what it costs, what limits it, how long it still takes.
fn line(snapshot: &Snapshot) -> String {
    let seconds = snapshot.elapsed.as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a speed for a display")]
    let lines_per_second = snapshot.lines.read() as f64 / seconds;
    let mut out = format!(
        "{} lines ({lines_per_second:.0}/s), {} accepted, {} invalid, {} in flight",
        grouped(snapshot.lines.read()),
        grouped(snapshot.account.accepted),
        grouped(snapshot.lines.invalid),
        snapshot.account.in_flight
    );
    if snapshot.account.in_doubt > 0 {
        let _ = write!(out, ", {} in doubt", grouped(snapshot.account.in_doubt));
    }
    let _ = write!(out, ", cost {}", snapshot.account.cost());
    if let Some(max_cost) = snapshot.limits.max_cost {
        let _ = write!(out, " of {max_cost}");
    }
    let _ = write!(out, ", limited by {}", snapshot.account.waits.limited_by());
    if let Some(left) = time_left(snapshot.share, snapshot.elapsed) {
        let _ = write!(out, ", {} left", duration(left));
    }
    out
}

/// Nothing is said before there is something to go by.
fn time_left(share: Option<f64>, elapsed: Duration) -> Option<Duration> {
    let share = share.filter(|share| *share > 0.01)?;
    Some(elapsed.mul_f64((1.0 - share) / share))
}

/// A duration as people say it: `45 s`, `3 min 20 s`, `2 h 05 min`, `11.6 days`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{:.1} days", time.as_secs_f64() / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (200, "3 min 20 s"),
            (7_500, "2 h 05 min"),
            (1_000_000, "11.6 days"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn the_time_left_goes_by_the_share_that_is_read() {
        assert_eq!(time_left(None, Duration::from_secs(10)), None);
        assert_eq!(time_left(Some(0.001), Duration::from_secs(10)), None);
        assert_eq!(
            time_left(Some(0.25), Duration::from_secs(10)),
            Some(Duration::from_secs(30))
        );
    }
}
