//! Charts as SVG: recipients a second and answer times over the time of a run.
//!
//! A run's time is cut into equal steps of a second or more, for which the limits hold; each has the recipients that were
//! handed over in it, and the median and the slowest of their answers. What is drawn is said in words beside it, for
//! whoever does not see it; of a run of a few seconds there are the words alone.

use std::fmt::Write as _;

use crate::commands::report::breakdown::Moment;
use crate::progress::duration;
use crate::summary::grouped;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 200.0;
/// Room for the scale on the left, the times below, and a little above and to the right.
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 24.0;
const TOP: f64 = 10.0;
const RIGHT: f64 = 12.0;
/// Steps at most: each some pixels wide.
const STEPS_MAX: f64 = 120.0;
/// Fewer are not drawn.
const STEPS_MIN: usize = 5;

/// A run's time in equal steps.
struct Steps {
    seconds: f64,
    steps: Vec<Step>,
}

#[derive(Default)]
struct Step {
    recipients: u64,
    /// Answer times, rising.
    answers: Vec<f64>,
}

/// A line of a chart: its class, and a value for each step that has one.
struct Line {
    class: &'static str,
    values: Vec<Option<f64>>,
}

/// Recipients a second over time, with the limit where there is one. There are two moments at least.
pub(super) fn throughput(moments: &[Moment], limit: Option<f64>) -> String {
    let steps = Steps::of(moments);
    let step_seconds = steps.seconds / count(steps.steps.len() as u64);
    let speeds: Vec<f64> = steps
        .steps
        .iter()
        .map(|step| count(step.recipients) / step_seconds)
        .collect();
    let most = speeds.iter().copied().fold(limit.unwrap_or(0.0), f64::max);
    let all: u64 = moments.iter().map(|moment| moment.recipients).sum();
    let said = format!(
        "{} recipients in {}: {} a second on average{}.",
        grouped(all),
        said_duration(steps.seconds),
        whole(count(all) / steps.seconds),
        limit.map(|limit| format!(", limit {limit}")).unwrap_or_default()
    );
    let line = Line {
        class: "line",
        values: speeds.into_iter().map(Some).collect(),
    };
    let chart = Chart {
        title: "Recipients a second",
        said: &said,
        steps: &steps,
        lines: &[line],
        most,
        limit,
        scale: &whole,
    };
    chart.html()
}

/// The median and the slowest answer over time.
pub(super) fn latency(moments: &[Moment]) -> String {
    let steps = Steps::of(moments);
    let mut all: Vec<f64> = moments.iter().map(|moment| moment.seconds).collect();
    all.sort_by(f64::total_cmp);
    let said = format!(
        "Time to the answer: {} in the middle, {} for 95 of 100, {} at most.",
        milliseconds(percentile(&all, 0.5)),
        milliseconds(percentile(&all, 0.95)),
        milliseconds(percentile(&all, 1.0))
    );
    let of = |class, share| Line {
        class,
        values: steps
            .steps
            .iter()
            .map(|step| (!step.answers.is_empty()).then(|| percentile(&step.answers, share)))
            .collect(),
    };
    let lines = [of("line", 0.5), of("line faint", 1.0)];
    let chart = Chart {
        title: "Time to the answer: the middle one and the slowest",
        said: &said,
        steps: &steps,
        lines: &lines,
        most: percentile(&all, 1.0),
        limit: None,
        scale: &milliseconds,
    };
    chart.html()
}

impl Steps {
    fn of(moments: &[Moment]) -> Self {
        let first = moments.iter().map(|moment| moment.at).min();
        let last = moments.iter().map(|moment| moment.at).max();
        let seconds = match (first, last) {
            (Some(first), Some(last)) => last.duration_since(first).as_secs_f64().max(0.001),
            _ => 0.001,
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to a few"
        )]
        let last_step = seconds.floor().clamp(1.0, STEPS_MAX) as usize - 1;
        let mut steps: Vec<Step> = Vec::new();
        steps.resize_with(last_step + 1, Step::default);
        for moment in moments {
            let share = first.map_or(0.0, |first| {
                moment.at.duration_since(first).as_secs_f64() / seconds
            });
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share from 0 to 1 of a few steps"
            )]
            let at = (share * count(steps.len() as u64)) as usize;
            let step = &mut steps[at.min(last_step)];
            step.recipients += moment.recipients;
            step.answers.push(moment.seconds);
        }
        for step in &mut steps {
            step.answers.sort_by(f64::total_cmp);
        }
        Self { seconds, steps }
    }
}

/// What is drawn.
struct Chart<'a> {
    title: &'a str,
    /// The same in words.
    said: &'a str,
    steps: &'a Steps,
    lines: &'a [Line],
    /// The largest value.
    most: f64,
    limit: Option<f64>,
    /// How values are written.
    scale: &'a dyn Fn(f64) -> String,
}

impl Chart<'_> {
    fn html(&self) -> String {
        let Self {
            title,
            said,
            steps,
            lines,
            most,
            limit,
            scale,
        } = *self;
        if steps.steps.len() < STEPS_MIN {
            return format!("<p>{said}</p>\n");
        }
        let top = if most > 0.0 { most * 1.05 } else { 1.0 };
        let across = |at: f64| LEFT + at * (WIDTH - LEFT - RIGHT);
        let up = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP);
        let mut svg = String::new();
        for part in [0.0, 0.5, 1.0] {
            let (y, value) = (up(most * part), most * part);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                scale(value)
            );
        }
        for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
                across(part),
                HEIGHT - 6.0,
                said_duration(steps.seconds * part)
            );
        }
        if let Some(limit) = limit {
            let y = up(limit);
            let _ = write!(
                svg,
                "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            );
        }
        for line in lines {
            svg.push_str(&polyline(line, &across, &up));
        }
        format!(
            "<figure><figcaption>{title}<br><span>{said}</span></figcaption>\
         <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{said}\">{svg}</svg></figure>\n"
        )
    }
}

/// The values of a line in the middle of their steps.
fn polyline(line: &Line, across: &impl Fn(f64) -> f64, up: &impl Fn(f64) -> f64) -> String {
    let steps = count(line.values.len() as u64);
    let mut points = String::new();
    for (at, value) in (0_u64..).zip(&line.values) {
        if let Some(value) = value {
            let _ = write!(
                points,
                "{:.1},{:.1} ",
                across((count(at) + 0.5) / steps),
                up(*value)
            );
        }
    }
    format!(
        "<polyline class=\"{}\" points=\"{}\"/>",
        line.class,
        points.trim_end()
    )
}

/// The value that this share of them does not exceed; they are sorted.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share from 0 to 1 of a length"
    )]
    let at = (count(sorted.len() as u64) * share).ceil() as usize;
    sorted.get(at.max(1) - 1).copied().unwrap_or(0.0)
}

#[expect(clippy::cast_precision_loss, reason = "for a drawing")]
fn count(count: u64) -> f64 {
    count as f64
}

fn whole(value: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a speed, for a display"
    )]
    grouped(value.round() as u64)
}

fn milliseconds(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{:.0} ms", seconds * 1000.0)
    } else {
        format!("{seconds:.0} s")
    }
}

fn said_duration(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else {
        duration(std::time::Duration::from_secs_f64(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use volley_ledger::RunId;

    fn moment(milliseconds: i64, recipients: u64, seconds: f64) -> Moment {
        Moment {
            run: RunId(1),
            at: Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap(),
            recipients,
            seconds,
        }
    }

    #[test]
    fn every_recipient_is_in_one_step_and_every_answer_too() {
        let moments: Vec<_> = (0..1000).map(|at| moment(at * 700, 500, 0.05)).collect();
        let steps = Steps::of(&moments);
        assert_eq!(steps.steps.len(), 120);
        assert_eq!(
            steps.steps.iter().map(|step| step.recipients).sum::<u64>(),
            500_000
        );
        assert_eq!(
            steps.steps.iter().map(|step| step.answers.len()).sum::<usize>(),
            1000
        );
    }

    #[test]
    fn what_took_seconds_is_drawn_and_all_else_is_said() {
        for apart in [0, 1, 4_999, 5_000, 86_400_000] {
            let moments = [moment(0, 500, 0.02), moment(apart, 20, 1.5)];
            for chart in [throughput(&moments, Some(100.0)), latency(&moments)] {
                assert!(
                    chart.contains("<polyline") == (apart >= 5_000)
                        && !chart.contains("NaN")
                        && !chart.contains("inf"),
                    "{chart}"
                );
            }
        }
    }

    #[test]
    fn percentiles_are_values_that_there_were() {
        let answers = [1.0, 2.0, 3.0, 4.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 2.0), (0.95, 4.0), (1.0, 4.0)] {
            assert!(
                (percentile(&answers, share) - expected).abs() < f64::EPSILON,
                "{share}"
            );
        }
        assert!(percentile(&[], 0.5).abs() < f64::EPSILON);
    }
}
