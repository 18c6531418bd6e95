//! A line chart as SVG: axes, a few ticks, a legend. No more than the results need.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 52.0;
/// Apart for most eyes, in print as well.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// How the x axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Axis {
    Linear,
    /// A step for each factor of ten.
    Decades,
}

/// A chart.
pub(crate) struct Chart<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
    pub(crate) axis: Axis,
    pub(crate) lines: Vec<(&'a str, Vec<(f64, f64)>)>,
}

/// Where a value lies on the paper.
struct Scale {
    low: f64,
    high: f64,
    begin: f64,
    end: f64,
}

impl Scale {
    fn at(&self, value: f64) -> f64 {
        self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)
    }
}

impl Chart<'_> {
    pub(crate) fn svg(&self) -> String {
        let placed = |x: f64| {
            if self.axis == Axis::Decades {
                x.max(1.0).log10()
            } else {
                x
            }
        };
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let most = |value: fn(&(f64, f64)) -> f64| points().map(value).fold(0.0, f64::max);
        let low = match self.axis {
            Axis::Linear => 0.0,
            Axis::Decades => points().map(|point| placed(point.0)).fold(f64::MAX, f64::min),
        };
        let x = Scale {
            low,
            high: placed(most(|point| point.0)).max(low + 1e-9),
            begin: LEFT,
            end: WIDTH - RIGHT,
        };
        let step = round_step(most(|point| point.1).max(1e-9) / 5.0);
        let y = Scale {
            low: 0.0,
            high: (most(|point| point.1) / step).ceil().max(1.0) * step,
            begin: HEIGHT - BOTTOM,
            end: TOP,
        };
        let mut out = String::new();
        self.frame(&mut out);
        self.ticks(&mut out, &x, &y, step);
        for (at, (name, points)) in self.lines.iter().enumerate() {
            let colour = COLOURS[at % COLOURS.len()];
            let path: Vec<String> = points
                .iter()
                .map(|point| format!("{:.1},{:.1}", x.at(placed(point.0)), y.at(point.1)))
                .collect();
            let _ = writeln!(
                out,
                r#"<polyline fill="none" stroke="{colour}" stroke-width="2" points="{}"/>"#,
                path.join(" ")
            );
            let top = TOP + 16.0 * f64::from(u32::try_from(at).unwrap_or_default());
            let left = LEFT + 12.0;
            let _ = writeln!(
                out,
                r#"<rect x="{left}" y="{}" width="12" height="3" fill="{colour}"/><text x="{}" y="{}">{}</text>"#,
                top + 6.0,
                left + 18.0,
                top + 12.0,
                escaped(name)
            );
        }
        out.push_str("</svg>\n");
        out
    }

    fn frame(&self, out: &mut String) {
        let _ = writeln!(
            out,
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{}</text>
<text x="{}" y="{}" text-anchor="middle">{}</text>
<text transform="translate(14 {}) rotate(-90)" text-anchor="middle">{}</text>"##,
            escaped(self.title),
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 10.0,
            escaped(self.x),
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            escaped(self.y)
        );
    }

    fn ticks(&self, out: &mut String, x: &Scale, y: &Scale, step: f64) {
        let mut value = 0.0;
        while value <= y.high + step / 2.0 {
            let at = y.at(value);
            let _ = writeln!(
                out,
                r##"<line x1="{LEFT}" x2="{}" y1="{at:.1}" y2="{at:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"##,
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                short(value)
            );
            value += step;
        }
        let step = match self.axis {
            Axis::Linear => round_step((x.high - x.low) / 6.0),
            Axis::Decades => 1.0,
        };
        let mut place = (x.low / step).ceil() * step;
        while place <= x.high + step / 100.0 {
            let value = if self.axis == Axis::Decades {
                10_f64.powf(place)
            } else {
                place
            };
            let _ = writeln!(
                out,
                r#"<text x="{:.1}" y="{}" text-anchor="middle">{}</text>"#,
                x.at(place),
                HEIGHT - BOTTOM + 18.0,
                short(value)
            );
            place += step;
        }
    }
}

/// The next 1, 2 or 5 of some power of ten.
fn round_step(step: f64) -> f64 {
    let decade = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * decade >= step * 0.999);
    factor.unwrap_or(10.0) * decade
}

/// A number in few characters: `1.5k`, `10M`, `0.02`.
fn short(value: f64) -> String {
    let (value, unit) = match value {
        value if value >= 1e6 => (value / 1e6, "M"),
        value if value >= 1e4 => (value / 1e3, "k"),
        value => (value, ""),
    };
    let text = format!("{value:.2}");
    format!("{}{unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_numbers_short() {
        for (step, expected) in [(0.03, "0.05"), (1.0, "1"), (130.0, "200"), (51_000.0, "100k")] {
            assert_eq!(short(round_step(step)), expected, "{step}");
        }
        assert_eq!([0.0, 1.5, 1_234_567.0].map(short), ["0", "1.5", "1.23M"]);
    }

    #[test]
    fn a_chart_has_its_words_and_a_line_for_each() {
        let chart = Chart {
            title: "a < b",
            x: "recipients",
            y: "MB",
            axis: Axis::Decades,
            lines: vec![
                ("dense", vec![(1e5, 10.0), (1e6, 20.0)]),
                ("sparse", vec![(1e5, 30.0)]),
            ],
        };
        let svg = chart.svg();
        assert!(
            svg.contains("a &lt; b") && svg.contains(">1M<") && svg.contains(">100k<"),
            "{svg}"
        );
        assert_eq!(svg.matches("<polyline").count(), 2);
    }
}
