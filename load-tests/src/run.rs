//! `load-tests run`: a scenario from its file to its figures.
//!
//! The cases take turns, so that what slows the machine slows all of them; a figure is made within each turn, and its
//! median told.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use crate::clock;
use crate::error::LoadError;
use crate::expression::Measured;
use crate::ledger::Series;
use crate::machine::{self, Machine};
use crate::measure::{Run as CaseRun, measure};
use crate::pin::Pins;
use crate::results::{CaseResults, FigureResults, Results, SCHEMA, median};
use crate::scenario::{Case, Scenario};
use crate::stage::{Programs, Stage, Workshop};

/// Runs a scenario of load-tests/scenarios/, and prints what it came to.
///
/// Release builds of `volley` and `mock-server` are expected beside this program: cargo build --release
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Its name, or the path of a .toml file
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
    /// Write the results as JSON to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// How often each case is run, instead of as often as the scenario says
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: Option<u32>,
    /// Multiply each case's recipients, to try a scenario quickly (0.01) or at length
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    scale: f64,
    /// Only the cases whose names begin so
    #[arg(long, value_name = "PREFIX")]
    case: Option<String>,
    /// Another `volley`
    #[arg(long, value_name = "FILE")]
    volley: Option<PathBuf>,
    /// Another `mock-server`
    #[arg(long, value_name = "FILE")]
    mock: Option<PathBuf>,
    /// Leave it to the system which core does what
    #[arg(long)]
    no_pin: bool,
}

impl Run {
    /// Runs it.
    ///
    /// # Errors
    /// Anything that keeps it from figures that can be believed.
    pub fn run(&self) -> Result<(), LoadError> {
        let results = self.measure()?;
        let json =
            serde_json::to_string(&results).map_err(|error| LoadError::Scenario(error.to_string()))? + "\n";
        if let Some(path) = &self.save {
            std::fs::write(path, &json).map_err(|source| LoadError::Write {
                path: path.clone(),
                source,
            })?;
        }
        let text = if self.json { json } else { results.text() };
        io::stdout()
            .write_all(text.as_bytes())
            .map_err(|source| LoadError::Write {
                path: "-".into(),
                source,
            })
    }

    fn measure(&self) -> Result<Results, LoadError> {
        let scenario = self.scenario()?;
        let pins = if self.no_pin {
            Pins::NONE
        } else {
            Pins::of_this_machine()?
        };
        let deadline = Instant::now() + Duration::from_secs(scenario.minutes_max * 60);
        let workshop = Workshop::new(self.programs()?, pins, &scenario, deadline)?;
        let stages = scenario
            .cases
            .iter()
            .map(|case| workshop.prepare(case))
            .collect::<Result<Vec<_>, _>>()?;
        let mut turns = Vec::new();
        for turn in 0..scenario.runs {
            turns.push(take_turns(&workshop, &stages, turn)?);
        }
        Ok(Results {
            schema: SCHEMA,
            scenario: self.scenario.clone(),
            about: scenario.about.clone(),
            date: clock::now(),
            commit: machine::commit(),
            command: std::env::args()
                .skip(1)
                .fold("load-tests".to_owned(), |line, word| line + " " + &word),
            machine: Machine::this(pins != Pins::NONE),
            runs: scenario.runs,
            figures: figures(&scenario, &turns),
            cases: cases(&scenario, turns)?,
        })
    }

    fn scenario(&self) -> Result<Scenario, LoadError> {
        let mut scenario = Scenario::load(&self.scenario)?;
        scenario.runs = self.runs.unwrap_or(scenario.runs);
        for case in &mut scenario.cases {
            case.contacts.recipients = scaled(case.contacts.recipients, self.scale);
        }
        if let Some(prefix) = &self.case {
            scenario.cases.retain(|case| case.name.starts_with(prefix));
            if scenario.cases.is_empty() {
                return Err(LoadError::Scenario(format!("no case begins with {prefix}")));
            }
        }
        Ok(scenario)
    }

    fn programs(&self) -> Result<Programs, LoadError> {
        let own = std::env::current_exe().map_err(|source| LoadError::Start {
            program: "load-tests".into(),
            source,
        })?;
        let beside = |name: &str| own.with_file_name(name);
        let absolute = |path: &PathBuf| {
            std::path::absolute(path).map_err(|source| LoadError::Read {
                path: path.clone(),
                source,
            })
        };
        Ok(Programs {
            volley: absolute(self.volley.as_ref().unwrap_or(&beside("volley")))?,
            mock: absolute(self.mock.as_ref().unwrap_or(&beside("mock-server")))?,
            peers: beside("../peers"),
            own,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "at most 10^8, and a rounded factor"
)]
fn scaled(recipients: u64, factor: f64) -> u64 {
    (recipients as f64 * factor).round() as u64
}

/// Every case once; every second turn backwards, so that none is always the first.
fn take_turns(workshop: &Workshop, stages: &[Stage<'_>], turn: u32) -> Result<Vec<CaseRun>, LoadError> {
    let forwards = turn.is_multiple_of(2);
    let mut runs: Vec<Option<CaseRun>> = stages.iter().map(|_| None).collect();
    for step in 0..stages.len() {
        let at = if forwards { step } else { stages.len() - 1 - step };
        runs[at] = Some(measure(workshop, &stages[at])?);
    }
    Ok(runs.into_iter().flatten().collect())
}

fn figures(scenario: &Scenario, turns: &[Vec<CaseRun>]) -> Vec<FigureResults> {
    let measured: Vec<Measured> = turns
        .iter()
        .map(|runs| {
            let named = scenario.cases.iter().zip(runs);
            named
                .map(|(case, run)| (case.name.clone(), run.metrics.clone()))
                .collect()
        })
        .collect();
    let result = |figure: &crate::scenario::Figure| {
        let runs: Vec<f64> = measured
            .iter()
            .filter_map(|measured| figure.value.value(measured))
            .collect();
        let value = median(runs.clone());
        (!runs.is_empty()).then(|| FigureResults {
            name: figure.name.clone(),
            value,
            runs,
            at_most: figure.at_most,
            at_least: figure.at_least,
            aim: figure.aim,
            met: figure.met(value),
        })
    };
    scenario.figures.iter().filter_map(result).collect()
}

/// Each case's runs together. One seed must put the same set of bodies on the wire, in every turn.
fn cases(scenario: &Scenario, turns: Vec<Vec<CaseRun>>) -> Result<Vec<CaseResults>, LoadError> {
    let mut by_case: Vec<Vec<CaseRun>> = scenario.cases.iter().map(|_| Vec::new()).collect();
    for turn in turns {
        for (runs, run) in by_case.iter_mut().zip(turn) {
            runs.push(run);
        }
    }
    let together = |(case, runs): (&Case, Vec<CaseRun>)| {
        if runs.iter().any(|run| run.bodies != runs[0].bodies) {
            let why = format!("{}: two runs put different bodies on the wire", case.name);
            return Err(LoadError::Wrong(why));
        }
        let mut metrics = Vec::new();
        let (mut series, mut bodies) = (Series::default(), None);
        for run in runs {
            metrics.push(run.metrics);
            (series, bodies) = (run.series, run.bodies);
        }
        Ok(CaseResults::new(&case.name, metrics, series, bodies))
    };
    scenario.cases.iter().zip(by_case).map(together).collect()
}
