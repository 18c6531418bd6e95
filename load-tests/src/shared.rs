//! `load-tests shared`: workers that send one campaign at once over a PostgreSQL, against one worker with a file.
//!
//! Everything is on this machine: the workers, the server, and the mock take turns on its cores, so that what is told is what a
//! recipient costs each of them, and what comes out together is the worst case. Cases take turns, and ratios are made within a
//! turn. A run counts only if the mock saw each recipient once.
//! Besides cases for the figures there are some that tell costs apart, for [`crate::sizing`]: small batches, few requests a second and so a
//! batch or two in a transaction, and a table that is large already.

mod case;
mod database;
mod used;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::clock;
use crate::error::LoadError;
use crate::ledger::Series;
use crate::machine::{self, Machine};
use crate::results::{CaseResults, FigureResults, Results, SCHEMA, median};
use case::{Case, Keeping, Measures};

/// As the campaign file has it where it says nothing.
const BATCH_SIZE: u64 = 500;

const WORKER: Case = Case {
    name: "postgres-1",
    keeping: Keeping::Postgres,
    workers: 1,
    batch_size: BATCH_SIZE,
    requests_per_second: 1e6,
    claimed: 0,
    sorted: false,
};

/// Measures workers that share a PostgreSQL, and one with a file beside them.
///
/// Release builds of `volley` and `mock-server` are expected beside this program: cargo build --release
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Recipients, over all workers
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    recipients: u64,
    /// Numbers that are claimed before in the case of a large table
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    claimed: u64,
    /// How often each case is run
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: u32,
    /// Write the results as JSON to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

impl Shared {
    /// Measures, prints, saves.
    ///
    /// # Errors
    /// Anything that keeps it from figures that can be believed.
    pub fn run(&self) -> Result<(), LoadError> {
        let cases = self.cases();
        let mut measured: Vec<Vec<Measures>> = vec![Vec::new(); cases.len()];
        for _ in 0..self.runs {
            for (case, runs) in cases.iter().zip(&mut measured) {
                runs.push(case.measure(self.recipients)?);
            }
        }
        let results = self.results(&cases, &measured);
        if let Some(path) = &self.save {
            let json =
                serde_json::to_string(&results).map_err(|error| LoadError::Scenario(error.to_string()))?;
            fs::write(path, json + "\n").map_err(|source| LoadError::Write {
                path: path.clone(),
                source,
            })?;
        }
        io::stdout()
            .write_all(results.text().as_bytes())
            .map_err(|source| LoadError::Write {
                path: "-".into(),
                source,
            })
    }

    fn cases(&self) -> Vec<Case> {
        let file = Case {
            name: "file",
            keeping: Keeping::File,
            ..WORKER
        };
        let more = |name, workers| Case {
            name,
            workers,
            ..WORKER
        };
        vec![
            file,
            WORKER,
            more("postgres-2", 2),
            more("postgres-4", 4),
            Case {
                name: "small-batches",
                batch_size: 50,
                ..WORKER
            },
            Case {
                name: "paced",
                requests_per_second: 100.0,
                ..WORKER
            },
            Case {
                name: "large-table",
                claimed: self.claimed,
                ..WORKER
            },
            Case {
                name: "large-sorted",
                claimed: self.claimed,
                sorted: true,
                ..WORKER
            },
        ]
    }

    fn results(&self, cases: &[Case], measured: &[Vec<Measures>]) -> Results {
        let of = |name: &str| {
            let at = cases.iter().position(|case| case.name == name);
            at.map_or(&[][..], |at| &measured[at])
        };
        let ratio = |name: &str, (above, metric): (&str, &str), (below, other): (&str, &str)| {
            let turns = of(above).iter().zip(of(below));
            let runs: Vec<f64> = turns
                .filter_map(|(above, below)| Some(above.get(metric)? / below.get(other)?))
                .collect();
            FigureResults {
                name: name.to_owned(),
                value: median(runs.clone()),
                runs,
                at_most: None,
                at_least: None,
                aim: None,
                met: None,
            }
        };
        let (speed, cpu) = ("recipients_per_second", "cpu");
        let figures = vec![
            ratio(
                "CPU of one worker with PostgreSQL ÷ with a file",
                ("postgres-1", cpu),
                ("file", cpu),
            ),
            ratio(
                "CPU of PostgreSQL ÷ CPU of its one worker",
                ("postgres-1", "database_cpu"),
                ("postgres-1", cpu),
            ),
            ratio(
                "recipients a second, one worker with PostgreSQL ÷ with a file",
                ("postgres-1", speed),
                ("file", speed),
            ),
            ratio(
                "recipients a second, 2 workers ÷ 1",
                ("postgres-2", speed),
                ("postgres-1", speed),
            ),
            ratio(
                "recipients a second, 4 workers ÷ 1",
                ("postgres-4", speed),
                ("postgres-1", speed),
            ),
            ratio(
                "CPU of PostgreSQL, numbers far apart in a large table ÷ in an empty one",
                ("large-table", "database_cpu"),
                ("postgres-1", "database_cpu"),
            ),
        ];
        Results {
            schema: SCHEMA,
            scenario: "shared".to_owned(),
            about: format!(
                "Workers over one PostgreSQL 15 with its default settings, {} recipients in parts of their own, the money counted, \
                 nothing limits the rate; workers, server and mock share the machine's cores. In small-batches there are 50 \
                 numbers a request instead of 500, in paced 100 requests a second; in large-table {} numbers all over \
                 the world were claimed before, and in large-sorted its lines are in the order of the numbers besides",
                self.recipients, self.claimed
            ),
            date: clock::now(),
            commit: machine::commit(),
            command: "load-tests shared --save load-tests/results/shared.json".to_owned(),
            machine: Machine::this(false),
            runs: self.runs,
            cases: cases
                .iter()
                .zip(measured)
                .map(|(case, runs)| CaseResults::new(case.name, runs.clone(), Series::default(), None))
                .collect(),
            figures,
        }
    }
}
