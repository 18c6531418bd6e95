//! The words of the display: what the run is at, what became of the lines, how fast it goes and what it costs.

use std::fmt::Write as _;
use std::time::Duration;

use super::duration;
use super::recent::Recent;
use crate::pipeline::{Phase, Snapshot};
use crate::summary::{code_of, counted, counted_as, grouped};

/// Three lines, each of its own.
pub(super) fn block(snapshot: &Snapshot, recent: &Recent) -> [String; 3] {
    [
        heading(snapshot, recent),
        account(snapshot),
        pace(snapshot, recent),
    ]
}

/// What the run is at, how far it is, how long it still takes.
fn heading(snapshot: &Snapshot, recent: &Recent) -> String {
    let mut out = phase(snapshot);
    if let Some(why) = &snapshot.stopping {
        // One line, whatever the provider said.
        let _ = write!(out, "; stopping: {}", why.replace('\n', " "));
        return out;
    }
    if let (Phase::Reading | Phase::Sending, Some(share)) = (snapshot.phase, known(snapshot.share)) {
        let _ = write!(out, ", {:.0} % read", (share * 100.0).floor());
    }
    if let Some(left) = time_left(snapshot, recent) {
        let _ = write!(out, ", about {} left", duration(left));
    }
    out
}

fn phase(snapshot: &Snapshot) -> String {
    match snapshot.phase {
        Phase::Loading => "loading the ledger".to_owned(),
        Phase::Reading => "reading".to_owned(),
        Phase::Sending => "sending".to_owned(),
        Phase::Waiting if snapshot.account.in_flight == 0 => "finishing the last batches".to_owned(),
        Phase::Waiting => format!("waiting for {}", counted(snapshot.account.in_flight, "answer")),
        Phase::Settling => {
            let doubts = counted_as(snapshot.batches_in_doubt, "doubt", "doubts");
            match snapshot.probe_due_in {
                Some(due_in) if due_in > Duration::ZERO => {
                    format!(
                        "settling {doubts}: the next is asked about in {}",
                        duration(due_in)
                    )
                }
                _ => format!("settling {doubts}"),
            }
        }
        Phase::Ending => "closing the ledger".to_owned(),
    }
}

/// What became of the lines; what is nothing, and mostly is, is not told.
fn account(snapshot: &Snapshot) -> String {
    let mut out = format!(
        "{}, {} accepted",
        counted(snapshot.lines.read(), "line"),
        grouped(snapshot.account.accepted)
    );
    for (count, name) in [
        (snapshot.lines.already_sent, "already sent"),
        (snapshot.lines.duplicate, "duplicate"),
        (snapshot.lines.suppressed, "suppressed"),
        (snapshot.lines.invalid, "invalid"),
        (snapshot.lines_refused(), "refused"),
        (snapshot.lines_in_doubt(), "in doubt"),
        (snapshot.lines_pending(), "to go"),
    ] {
        if count > 0 {
            let _ = write!(out, ", {} {name}", grouped(count));
        }
    }
    out
}

/// How fast it goes against what is allowed, what limits it, what it costs against the budget.
fn pace(snapshot: &Snapshot, recent: &Recent) -> String {
    let limits = &snapshot.limits;
    let mut out = String::new();
    if let Some(now) = recent.now(snapshot) {
        let _ = write!(
            out,
            "{} of {} requests/s, {:.0}",
            rate(now.requests_per_second),
            rate(limits.requests_per_second),
            now.recipients_per_second
        );
        if let Some(allowed) = limits.recipients_per_second {
            let _ = write!(out, " of {}", rate(allowed));
        }
        let limit = now
            .limited_by
            .unwrap_or_else(|| snapshot.account.waits.limited_by());
        let _ = write!(out, " recipients/s, {}", limited_by(snapshot, limit));
    } else {
        let _ = write!(out, "at most {} requests/s", rate(limits.requests_per_second));
    }
    let currency = code_of(snapshot.currency).map_or_else(String::new, |code| format!(" {code}"));
    let _ = write!(out, "; cost {}{currency}", snapshot.account.cost());
    if let Some(max_cost) = limits.max_cost {
        let _ = write!(out, ", {} of {max_cost} used or reserved", snapshot.spent);
    }
    out
}

fn limited_by(snapshot: &Snapshot, limit: &str) -> String {
    let sends = matches!(snapshot.phase, Phase::Sending | Phase::Waiting);
    if sends && !snapshot.gate_is_open {
        "one batch at a time until an answer is definite".to_owned()
    } else {
        format!("limited by {limit}")
    }
}

/// A rate as it is written in a campaign file: `20`, `0.5`.
fn rate(per_second: f64) -> String {
    let rounded = (per_second * 10.0).round() / 10.0;
    rounded.to_string()
}

/// What is left to send, at the speed of the last half minute. Nothing is said where nobody knows.
fn time_left(snapshot: &Snapshot, recent: &Recent) -> Option<Duration> {
    let unread_ratio = match (snapshot.phase, snapshot.share) {
        (Phase::Waiting, _) => 0.0,
        (Phase::Reading | Phase::Sending, share) => {
            let share = known(share)?;
            (1.0 - share) / share
        }
        _ => return None,
    };
    let speed = recent.steady(snapshot)?.recipients_per_second;
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let (planned, pending) = (snapshot.lines.planned as f64, snapshot.lines_pending() as f64);
    // What is not read yet is taken to be like what is.
    let left = pending + planned * unread_ratio;
    (speed > 0.0 && left > 0.0)
        .then(|| Duration::try_from_secs_f64(left / speed).ok())
        .flatten()
}

/// A share that says something. What is read of a file lies in a block of it before its lines are judged: of a small file
/// that is all of it at once.
fn known(share: Option<f64>) -> Option<f64> {
    share.filter(|share| *share > 0.0 && *share < 1.0)
}

/// The line, no wider than that.
pub(super) fn cut(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }
    let kept = width.saturating_sub(1);
    let mut cut: String = line.chars().take(kept).collect();
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::snapshot;

    /// A run of a file of 200,000 lines, ten seconds after it began to send steadily.
    fn under_way() -> (Snapshot, Recent) {
        let mut recent = Recent::default();
        let mut shown = snapshot();
        shown.limits.max_cost = "9000.00".parse().ok();
        for second in 0..=10_u32 {
            shown.elapsed = Duration::from_secs(u64::from(second));
            shown.account.requests_sent = 20 * u64::from(second);
            shown.account.accepted = 9_900 * u64::from(second);
            shown.account.waits.requests = shown.elapsed * 16;
            recent.note(&shown);
        }
        shown.share = Some(0.559);
        shown.lines.planned = 110_000;
        shown.lines.invalid = 1_200;
        shown.lines.duplicate = 600;
        shown.account.in_doubt = 500;
        shown.account.in_flight = 3;
        shown.account.cost_confirmed = "4900.5".parse().expect("an amount");
        shown.spent = "6000".parse().expect("an amount");
        (shown, recent)
    }

    #[test]
    fn a_run_under_way_tells_all_that_matters() {
        let (shown, recent) = under_way();
        assert_eq!(
            block(&shown, &recent),
            [
                "sending, 55 % read, about 9 s left",
                "111,800 lines, 99,000 accepted, 600 duplicate, 1,200 invalid, 500 in doubt, 10,500 to go",
                "20 of 20 requests/s, 10000 recipients/s, limited by requests_per_second; cost 4900.5 EUR, 6000 of 9000.00 used or reserved",
            ]
        );
    }

    #[test]
    fn each_phase_says_what_it_is_about() {
        let (mut shown, recent) = under_way();
        let mut check = |phase: Phase, heading_then: &str| {
            shown.phase = phase;
            assert_eq!(heading(&shown, &recent), heading_then, "{phase:?}");
            shown.account.in_flight = 0;
            shown.batches_in_doubt = 1;
        };
        check(Phase::Loading, "loading the ledger");
        check(Phase::Reading, "reading, 55 % read, about 9 s left");
        check(Phase::Waiting, "finishing the last batches, about 1 s left");
        check(Phase::Settling, "settling 1 doubt");
        check(Phase::Ending, "closing the ledger");
        shown.phase = Phase::Waiting;
        shown.account.in_flight = 3;
        shown.stopping = Some("stopped by SIGINT; run the same command\nagain to go on".to_owned());
        assert_eq!(
            heading(&shown, &recent),
            "waiting for 3 answers; stopping: stopped by SIGINT; run the same command again to go on"
        );
        shown.stopping = None;
        shown.phase = Phase::Settling;
        shown.probe_due_in = Some(Duration::from_secs(28));
        assert_eq!(
            heading(&shown, &recent),
            "settling 1 doubt: the next is asked about in 28 s"
        );
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let begun = snapshot();
        let recent = Recent::default();
        assert_eq!(
            block(&begun, &recent),
            [
                "sending",
                "0 lines, 0 accepted",
                "at most 20 requests/s; cost 0 EUR"
            ]
        );
        // From a pipe: no share, and so no time left. Nor where nothing moves.
        let (mut shown, recent) = under_way();
        for share in [None, Some(0.0), Some(1.0)] {
            shown.share = share;
            assert_eq!(heading(&shown, &recent), "sending", "{share:?}");
        }
        shown.share = Some(0.5);
        let mut still = Recent::default();
        for second in 10..50 {
            shown.elapsed = Duration::from_secs(second);
            still.note(&shown);
        }
        assert_eq!(heading(&shown, &still), "sending, 50 % read");
    }

    #[test]
    fn a_closed_gate_limits_more_than_any_rate() {
        let (mut shown, recent) = under_way();
        shown.gate_is_open = false;
        shown.limits.recipients_per_second = Some(12_500.5);
        let told = pace(&shown, &recent);
        assert!(
            told.starts_with(
                "20 of 20 requests/s, 10000 of 12500.5 recipients/s, one batch at a time until an answer is definite;"
            ),
            "{told}"
        );
    }

    #[test]
    fn a_line_is_cut_to_the_width() {
        for (width, expected) in [(0, ""), (1, "…"), (4, "abc…"), (5, "abcdé"), (80, "abcdé")] {
            assert_eq!(cut("abcdé", width), expected, "{width}");
        }
    }
}
