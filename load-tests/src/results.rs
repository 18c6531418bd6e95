//! What a scenario came to, as JSON and as text.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::ledger::{Series, as_f64};
use crate::machine::Machine;

/// A change of meaning raises it.
pub const SCHEMA: u32 = 1;

/// The results of one scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Results {
    pub schema: u32,
    pub scenario: String,
    pub about: String,
    pub date: String,
    pub commit: String,
    pub command: String,
    pub machine: Machine,
    pub runs: u32,
    pub cases: Vec<CaseResults>,
    pub figures: Vec<FigureResults>,
}

/// What was measured of one case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CaseResults {
    pub name: String,
    /// Medians over the runs.
    pub median: BTreeMap<String, f64>,
    /// Each run's.
    pub runs: Vec<BTreeMap<String, f64>>,
    /// Of the last run.
    pub series: Series,
    /// A word for the set of bodies that each run sent: the same for the same.
    pub bodies: Option<String>,
}

/// A figure.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct FigureResults {
    pub name: String,
    /// The median over the runs of the figure of each run.
    pub value: f64,
    pub runs: Vec<f64>,
    pub at_most: Option<f64>,
    pub at_least: Option<f64>,
    pub aim: Option<f64>,
    pub met: Option<bool>,
}

impl CaseResults {
    pub(crate) fn new(
        name: &str,
        runs: Vec<BTreeMap<String, f64>>,
        series: Series,
        bodies: Option<String>,
    ) -> Self {
        let names = runs.first().map(|run| run.keys().cloned().collect::<Vec<_>>());
        let median = names
            .unwrap_or_default()
            .into_iter()
            .map(|name| {
                let values = runs.iter().filter_map(|run| run.get(&name).copied()).collect();
                (name, median(values))
            })
            .collect();
        Self {
            name: name.to_owned(),
            median,
            runs,
            series,
            bodies,
        }
    }
}

impl FigureResults {
    /// The target in words; empty without one.
    pub fn target(&self) -> String {
        let mut parts = Vec::new();
        if let Some(most) = self.at_most {
            parts.push(format!("≤ {most}"));
        }
        if let Some(least) = self.at_least {
            parts.push(format!("≥ {least}"));
        }
        if let Some(aim) = self.aim {
            parts.push(format!("aim {aim}"));
        }
        parts.join(", ")
    }

    /// Whether it is met, in a word; empty without a target.
    pub fn verdict(&self) -> &'static str {
        match self.met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "",
        }
    }
}

impl Results {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{}: {}", self.scenario, self.about);
        let _ = writeln!(out, "medians of {} runs; {}\n", self.runs, self.commit);
        let _ = writeln!(
            out,
            "{:<28}{:>9}{:>9}{:>9}{:>9}{:>12}{:>14}",
            "case", "wall s", "cpu s", "sys s", "peak MB", "server cpu", "recipients/s"
        );
        for case in &self.cases {
            let _ = write!(out, "{:<28}", case.name);
            for (name, width, decimals) in [
                ("wall", 9, 3),
                ("cpu", 9, 3),
                ("system", 9, 3),
                ("peak_mb", 9, 1),
                ("server_cpu", 12, 3),
                ("recipients_per_second", 14, 0),
            ] {
                match case.median.get(name) {
                    Some(value) => write!(out, "{value:>width$.decimals$}"),
                    None => write!(out, "{:>width$}", ""),
                }
                .unwrap_or_default();
            }
            out.push('\n');
        }
        out.push('\n');
        for figure in &self.figures {
            let _ = writeln!(
                out,
                "{:>10.3}  {}  {} {}",
                figure.value,
                figure.name,
                figure.target(),
                figure.verdict()
            );
        }
        out
    }
}

/// The middle one; of two middle ones their mean; 0 of none.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[middle],
        _ => values[middle - 1..=middle].iter().sum::<f64>() / as_f64(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        for (values, expected) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![3.0, 1.0], 2.0),
            (vec![9.0, 1.0, 2.0], 2.0),
        ] {
            assert!(
                (median(values.clone()) - expected).abs() < f64::EPSILON,
                "{values:?}"
            );
        }
    }
}
