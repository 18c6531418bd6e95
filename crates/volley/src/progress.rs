//! What a run shows while it goes on, on stderr: a block that renews itself on a terminal, a plain line now and then
//! elsewhere.
//!
//! Input: snapshots, five times a second; drawn by the thread that speaks for the run (`voice.rs`).
//! Bounds: a terminal is drawn on at most [`DRAWN_PER_SECOND_MAX`] times a second. What is wider than it is cut, so that the
//! block stays where it is.

mod recent;
mod text;

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Common;
use crate::pipeline::Snapshot;
use crate::print;
use recent::Recent;

/// Off a terminal: often enough to see that it lives, seldom enough for a log.
const PLAIN_EVERY: Duration = Duration::from_secs(10);
/// Figures that change faster cannot be read.
const DRAWN_PER_SECOND_MAX: u8 = 8;
/// The width of a terminal that does not say its own.
const WIDTH_DEFAULT: usize = 80;
/// What the sign of life at the block's beginning takes, on each line.
const INDENT: &str = "  ";
/// The sign of life, one after the other.
const SIGNS: [char; 8] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧'];

/// Where progress goes, and what it goes by.
pub(crate) struct Display {
    place: Place,
    recent: Recent,
    /// How often.
    shown: usize,
}

enum Place {
    None,
    Terminal(ProgressBar),
    Plain { next: Duration },
}

impl Display {
    pub(crate) fn new(common: &Common) -> Self {
        Self {
            place: Place::new(common),
            recent: Recent::default(),
            shown: 0,
        }
    }

    /// Shows that the run begins, which takes a while over a large ledger.
    pub(crate) fn load(&self) {
        if let Place::Terminal(bar) = &self.place {
            bar.set_message(format!("{} loading the ledger", SIGNS[0]));
        }
    }

    /// Writes a line, above the block where there is one.
    pub(crate) fn above(&self, line: &str) {
        match &self.place {
            Place::Terminal(bar) => bar.suspend(|| print::write_line(line)),
            Place::None | Place::Plain { .. } => print::write_line(line),
        }
    }

    /// Shows where the run is.
    pub(crate) fn show(&mut self, snapshot: &Snapshot) {
        self.recent.note(snapshot);
        match &mut self.place {
            Place::Terminal(bar) => {
                let width = width().saturating_sub(INDENT.len());
                let lines = text::block(snapshot, &self.recent).map(|line| text::cut(&line, width));
                self.shown += 1;
                let sign = SIGNS[self.shown % SIGNS.len()];
                let lines = lines.join(&format!("\n{INDENT}"));
                bar.set_message(format!("{sign} {lines}"));
            }
            Place::Plain { next } if snapshot.elapsed >= *next => {
                *next = snapshot.elapsed + PLAIN_EVERY;
                let line = text::block(snapshot, &self.recent).join("; ");
                print::write_line(&print::shaped(&line));
            }
            Place::None | Place::Plain { .. } => {}
        }
    }

    /// Takes the block away.
    pub(crate) fn clear(&self) {
        if let Place::Terminal(bar) = &self.place {
            bar.finish_and_clear();
        }
    }
}

impl Place {
    fn new(common: &Common) -> Self {
        let terminal = io::stderr().is_terminal();
        if common.quiet || !common.progress.on(terminal) {
            return Self::None;
        }
        let target = ProgressDrawTarget::stderr_with_hz(DRAWN_PER_SECOND_MAX);
        let bar = ProgressBar::with_draw_target(None, target);
        // A terminal that cannot move its cursor is none for this.
        if !terminal || bar.is_hidden() {
            return Self::Plain { next: PLAIN_EVERY };
        }
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self::Terminal(bar)
    }
}

/// The terminal's width now: it may be drawn wider or narrower at any time.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0).unwrap_or(WIDTH_DEFAULT)
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
}
