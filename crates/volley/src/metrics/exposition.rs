//! Prometheus' text format, version 0.0.4: families with HELP and TYPE, and their samples.
//!
//! Source: <https://prometheus.io/docs/instrumenting/exposition_formats/>, "Text-based format".

use std::fmt::{Display, Write as _};

use crate::pipeline::latency::Latency;

/// What is said of the format in the answer's head.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Labels, as name and value.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// Text in the making.
#[derive(Default)]
pub(super) struct Exposition {
    text: String,
}

/// A family that is open for samples.
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Exposition {
    pub(super) fn counter(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "counter", help)
    }

    pub(super) fn gauge(&mut self, name: &'static str, help: &str) -> Family<'_> {
        self.family(name, "gauge", help)
    }

    pub(super) fn histogram(&mut self, name: &'static str, help: &str, latency: &Latency) {
        let count = latency.count();
        let mut family = self.family(name, "histogram", help);
        for (bound, below) in latency.cumulative() {
            let bound = bound.as_secs_f64().to_string();
            family.write("_bucket", &[("le", &bound)], below);
        }
        family.write("_bucket", &[("le", "+Inf")], count);
        family.write("_sum", &[], latency.sum().as_secs_f64());
        family.write("_count", &[], count);
    }

    /// The help is ours: one line, without a backslash.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        Family {
            text: &mut self.text,
            name,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// The only sample.
    pub(super) fn is(mut self, value: impl Display) {
        self.write("", &[], value);
    }

    /// One of several samples.
    pub(super) fn with(mut self, labels: Labels<'_>, value: impl Display) -> Self {
        self.write("", labels, value);
        self
    }

    fn write(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        // Writing to memory does not fail.
        let _ = write!(self.text, "{}{suffix}", self.name);
        for (place, (name, label)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(label));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{after} {value}");
    }
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn families_have_help_type_and_samples() {
        let mut exposition = Exposition::default();
        exposition
            .counter("a_total", "What is counted.")
            .with(&[("b", "x"), ("c", "q\"\\\n")], 1)
            .with(&[("b", "y")], 0.5);
        exposition.gauge("d", "How it is.").is(2);
        assert_eq!(
            exposition.into_text(),
            "# HELP a_total What is counted.\n# TYPE a_total counter\n\
             a_total{b=\"x\",c=\"q\\\"\\\\\\n\"} 1\na_total{b=\"y\"} 0.5\n\
             # HELP d How it is.\n# TYPE d gauge\nd 2\n"
        );
    }

    #[test]
    fn a_histogram_ends_with_all_of_it() {
        let mut latency = Latency::default();
        latency.observe(Duration::from_millis(250));
        latency.observe(Duration::from_mins(2));
        let mut exposition = Exposition::default();
        exposition.histogram("t_seconds", "How long.", &latency);
        let text = exposition.into_text();
        for line in [
            "t_seconds_bucket{le=\"0.1\"} 0",
            "t_seconds_bucket{le=\"0.25\"} 1",
            "t_seconds_bucket{le=\"60\"} 1",
            "t_seconds_bucket{le=\"+Inf\"} 2",
            "t_seconds_sum 120.25",
            "t_seconds_count 2",
        ] {
            assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        }
    }
}
