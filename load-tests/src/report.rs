//! `load-tests report`: RESULTS.md and its plots, from saved results.
//!
//! Input: the JSON files of a folder. Output: a page with a table of all targets, then each scenario with its figures,
//! its cases, and how to repeat it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::compare::read;
use crate::error::LoadError;
use crate::plot::{Axis, Chart};
use crate::results::{CaseResults, Results};
use crate::{scenario, sizing};

/// Columns of a scenario's cases: metric, heading, decimals.
const COLUMNS: [(&str, &str, usize); 8] = [
    ("wall", "wall s", 3),
    ("cpu", "CPU s", 3),
    ("cpu_per_million", "CPU s a million", 3),
    ("peak_mb", "peak MB", 1),
    ("server_cpu", "server's CPU s", 3),
    ("database_cpu_per_million", "PostgreSQL's CPU s a million", 3),
    ("wal_mb_per_million", "log MB a million", 0),
    ("recipients_per_second", "recipients/s", 0),
];

/// Columns that other scenarios have nothing in.
const ONLY_OF_POSTGRESQL: [&str; 2] = ["database_cpu_per_million", "wal_mb_per_million"];

const HEAD: &str = "# Results of the load tests

Made by `load-tests report` from what `load-tests run SCENARIO --save load-tests/results/SCENARIO.json` measured; the
scenarios are in `load-tests/scenarios/`. The figures are ratios made within each turn of a run, told as the median over
the turns. Seconds hold for the machine and the hour named and no other. Every run that counts here was right: its
account was the corpus' truth, and the server saw each recipient once.
";

/// Writes load-tests/RESULTS.md and its plots.
#[derive(Debug, Clone, Args)]
pub struct Report {
    /// Where the results are
    #[arg(long, value_name = "FOLDER")]
    results: Option<PathBuf>,
    /// What is written; the plots go to the folder `plots` beside it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A plot, and the name of its file.
struct Plot {
    name: String,
    title: String,
    svg: String,
}

impl Report {
    /// Writes it.
    ///
    /// # Errors
    /// Results that cannot be read, files that cannot be written.
    pub fn run(&self) -> Result<(), LoadError> {
        let folder = self
            .results
            .clone()
            .unwrap_or_else(|| scenario::folder().join("results"));
        let output = self
            .output
            .clone()
            .unwrap_or_else(|| scenario::folder().join("RESULTS.md"));
        let all = results(&folder)?;
        let plots = output.with_file_name("plots");
        fs::create_dir_all(&plots).map_err(|source| LoadError::Write {
            path: plots.clone(),
            source,
        })?;
        let mut page = HEAD.to_owned();
        targets(&mut page, &all);
        for results in &all {
            section(&mut page, results);
            for plot in plots_of(results) {
                let _ = writeln!(page, "\n![{}](plots/{})", plot.title, plot.name);
                write(&plots.join(plot.name), &plot.svg)?;
            }
            if results.scenario == "shared" {
                page.push_str(&sizing::section(results)?);
            }
        }
        write(&output, &page)
    }
}

fn results(folder: &Path) -> Result<Vec<Results>, LoadError> {
    let entries = fs::read_dir(folder).map_err(|source| LoadError::Read {
        path: folder.into(),
        source,
    })?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn targets(page: &mut String, all: &[Results]) {
    page.push_str("\n## Targets\n\n| figure | target | measured | | scenario |\n|---|---|---|---|---|\n");
    for results in all {
        for figure in results.figures.iter().filter(|figure| figure.met.is_some()) {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} | {} |",
                figure.name,
                figure.target(),
                told(figure.value),
                figure.verdict(),
                results.scenario
            );
        }
    }
}

fn section(page: &mut String, results: &Results) {
    let machine = &results.machine;
    let pinned = if machine.pinned {
        "the program and its server on a core each"
    } else {
        "cores left to the system"
    };
    let _ = writeln!(
        page,
        "\n## {}\n\n{}.\n\n{}, commit {}, medians of {} turns; {}, {} cores, {} GiB, {}, {pinned}.\n\n```console\n{}\n```\n\n| figure | target | median | of the turns |\n|---|---|---|---|",
        results.scenario,
        results.about,
        results.date,
        results.commit,
        results.runs,
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.system,
        results.command
    );
    for figure in &results.figures {
        let turns: Vec<String> = figure.runs.iter().map(|value| told(*value)).collect();
        let _ = writeln!(
            page,
            "| {} | {} {} | {} | {} |",
            figure.name,
            figure.target(),
            figure.verdict(),
            told(figure.value),
            turns.join(", ")
        );
    }
    table(page, results);
}

/// The cases, with those columns that one of them has something in.
fn table(page: &mut String, results: &Results) {
    let has = |metric: &str| results.cases.iter().any(|case| case.median.contains_key(metric));
    let columns: Vec<_> = COLUMNS
        .iter()
        .filter(|(metric, ..)| !ONLY_OF_POSTGRESQL.contains(metric) || has(metric))
        .collect();
    let headings: Vec<&str> = columns.iter().map(|(_, heading, _)| *heading).collect();
    let _ = writeln!(
        page,
        "\n| case | {} |\n|---|{}",
        headings.join(" | "),
        "---:|".repeat(headings.len())
    );
    for case in &results.cases {
        let cells: Vec<String> = columns
            .iter()
            .map(|(metric, _, decimals)| {
                let value = case.median.get(*metric);
                value.map_or_else(String::new, |value| format!("{value:.decimals$}"))
            })
            .collect();
        let _ = writeln!(page, "| {} | {} |", case.name, cells.join(" | "));
    }
}

/// Four digits at most, as many as a ratio is good for.
fn told(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// What is plotted of a scenario: what its cases were made for.
fn plots_of(results: &Results) -> Vec<Plot> {
    let plot = |kind: &str, chart: &Chart<'_>| Plot {
        name: format!("{}-{kind}.svg", results.scenario),
        title: chart.title.to_owned(),
        svg: chart.svg(),
    };
    let mut plots = Vec::new();
    let curves = |curve: fn(&CaseResults) -> &Vec<(f64, f64)>| -> Vec<(&str, Vec<(f64, f64)>)> {
        let drawn = results.cases.iter().filter(|case| !curve(case).is_empty());
        drawn
            .map(|case| (case.name.as_str(), curve(case).clone()))
            .collect()
    };
    if results.scenario == "memory" {
        for (kind, metric, title, y) in [
            ("peak", "peak_mb", "Memory over recipients", "peak MB"),
            (
                "cost",
                "cpu_per_million",
                "Cost per recipient over size",
                "core-seconds a million",
            ),
        ] {
            let chart = Chart {
                title,
                x: "recipients",
                y,
                axis: Axis::Decades,
                lines: by_size(results, metric),
            };
            plots.push(plot(kind, &chart));
        }
        return plots;
    }
    let throughput = curves(|case| &case.series.throughput);
    if ["throughput", "rate", "latency", "peers"].contains(&results.scenario.as_str())
        && !throughput.is_empty()
    {
        let chart = Chart {
            title: "Throughput over time",
            x: "seconds",
            y: "recipients a second",
            axis: Axis::Linear,
            lines: throughput,
        };
        plots.push(plot("throughput", &chart));
    }
    let latency = curves(|case| &case.series.latency);
    if !latency.is_empty() {
        let chart = Chart {
            title: "Answered within, from when the request was due",
            x: "share of the requests",
            y: "ms",
            axis: Axis::Linear,
            lines: latency,
        };
        plots.push(plot("latency", &chart));
    }
    plots
}

/// A line for each family of cases, `dense-1m` and `dense-10m` being one.
fn by_size<'a>(results: &'a Results, metric: &str) -> Vec<(&'a str, Vec<(f64, f64)>)> {
    let mut lines: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for case in &results.cases {
        let family = case.name.split('-').next().unwrap_or_default();
        let (Some(&recipients), Some(&value)) = (case.median.get("recipients"), case.median.get(metric))
        else {
            continue;
        };
        match lines.iter_mut().find(|(name, _)| *name == family) {
            Some((_, points)) => points.push((recipients, value)),
            None => lines.push((family, vec![(recipients, value)])),
        }
    }
    lines
}

fn write(path: &Path, text: &str) -> Result<(), LoadError> {
    fs::write(path, text).map_err(|source| LoadError::Write {
        path: path.into(),
        source,
    })
}
