//! `load-tests compare`: two results of one scenario, side by side.
//!
//! Times of two invocations differ by what else the machine did, so the figures, which are ratios made within a turn,
//! come first.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::LoadError;
use crate::results::Results;

/// The metrics that are set side by side.
const METRICS: [&str; 4] = ["cpu", "wall", "peak_mb", "server_cpu"];

/// Sets two results of `load-tests run --save` side by side.
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// The results before
    #[arg(value_name = "A.json")]
    before: PathBuf,
    /// The results after
    #[arg(value_name = "B.json")]
    after: PathBuf,
}

impl Compare {
    /// Prints the comparison.
    ///
    /// # Errors
    /// A file that is no result; results of two scenarios.
    pub fn run(&self) -> Result<(), LoadError> {
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        if before.scenario != after.scenario {
            return Err(LoadError::Scenario(format!(
                "{} and {} cannot be compared",
                before.scenario, after.scenario
            )));
        }
        io::stdout()
            .write_all(text(&before, &after).as_bytes())
            .map_err(|source| LoadError::Write {
                path: "-".into(),
                source,
            })
    }
}

/// Reads a result.
pub(crate) fn read(path: &Path) -> Result<Results, LoadError> {
    let bytes = std::fs::read(path).map_err(|source| LoadError::Read {
        path: path.into(),
        source,
    })?;
    serde_json::from_slice(&bytes).map_err(|source| LoadError::Json {
        path: path.into(),
        source,
    })
}

fn text(before: &Results, after: &Results) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}: {} → {}", before.scenario, before.commit, after.commit);
    let mut row = |name: &str, before: f64, after: f64| {
        let _ = writeln!(
            out,
            "{before:>12.3} → {after:>12.3}  × {:<8.3} {name}",
            after / before
        );
    };
    for figure in &before.figures {
        if let Some(other) = after.figures.iter().find(|other| other.name == figure.name) {
            row(&figure.name, figure.value, other.value);
        }
    }
    for case in &before.cases {
        let Some(other) = after.cases.iter().find(|other| other.name == case.name) else {
            continue;
        };
        for metric in METRICS {
            if let (Some(before), Some(after)) = (case.median.get(metric), other.median.get(metric)) {
                row(&format!("{} {metric}", case.name), *before, *after);
            }
        }
    }
    out
}
