//! `load-tests sizing`: how far one PostgreSQL carries a campaign, beyond this machine.
//!
//! Input: what `load-tests shared` measured here. Its cases that differ in one thing give what each thing costs ([`costs`]); a
//! simulation ([`model`]) puts the costs together again, is held against the cases it was not made from, and is then asked about
//! machines that are not here. What becomes of disks is arithmetic ([`storage`]), held against a case too.

mod costs;
mod model;
mod storage;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use crate::compare::read;
use crate::error::LoadError;
use crate::results::Results;
use crate::scenario;
use costs::{Costs, Measured};
use model::{Cores, Outcome, Setting, Simulation};
use storage::Storage;

/// Batches of each worker: enough that its beginning and its end do not matter.
const BATCHES: usize = 2_000;
/// What is assumed of a server elsewhere: in the same place, with a disk that a cloud gives, and of a provider.
const ROUND_TRIP: f64 = 0.000_3;
const FLUSH: f64 = 0.001;
const ANSWER: f64 = 0.1;

/// Tells how far one PostgreSQL goes, by a simulation that is held against what was measured
#[derive(Debug, Clone, Args)]
pub struct Sizing {
    /// What `load-tests shared --save` wrote
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

impl Sizing {
    /// Prints it.
    ///
    /// # Errors
    /// The results cannot be read, or lack a case.
    pub fn run(&self) -> Result<(), LoadError> {
        let path = self
            .results
            .clone()
            .unwrap_or_else(|| scenario::folder().join("results/shared.json"));
        let text = section(&read(&path)?)?;
        io::stdout()
            .write_all(text.as_bytes())
            .map_err(|source| LoadError::Write {
                path: "-".into(),
                source,
            })
    }
}

/// As a section of RESULTS.md.
///
/// # Errors
/// The results lack a case.
pub(crate) fn section(results: &Results) -> Result<String, LoadError> {
    let costs = Costs::of(results)?;
    let mut page = String::from("\n## sizing\n\n");
    page.push_str(
        "How far one PostgreSQL goes, by a simulation made from the cases above: who waits for whom, with the costs below. \
         docs/workers.md says what follows from it.\n\n```console\nload-tests sizing\n```\n",
    );
    checked(&mut page, results, &costs)?;
    told(&mut page, &costs);
    by_workers(&mut page, &costs);
    by_surroundings(&mut page, &costs);
    disks(&mut page, &Storage::of(results)?);
    Ok(page)
}

fn checked(page: &mut String, results: &Results, costs: &Costs) -> Result<(), LoadError> {
    page.push_str(
        "\nHeld against what was measured. Of postgres-1 and small-batches the simulation knows what cores had to do, of postgres-2 and \
         postgres-4 nothing; of none how long it took.\n\n| case | recipients/s, measured | simulated | ÷ | commits, measured | simulated |\n|---|---:|---:|---:|---:|---:|\n",
    );
    for name in ["postgres-1", "postgres-2", "postgres-4", "small-batches"] {
        let case = Measured::of(results, name)?;
        let simulated = Simulation::new(costs, case.setting(costs, results.machine.cores)).run();
        let measured = case.get("recipients_per_second");
        let _ = writeln!(
            page,
            "| {name} | {measured:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            simulated.recipients_per_second,
            simulated.recipients_per_second / measured,
            case.get("commits"),
            simulated.commits
        );
    }
    Ok(())
}

fn told(page: &mut String, costs: &Costs) {
    page.push_str("\n| what | µs of a core |\n|---|---:|\n");
    for (what, seconds) in [
        (
            "worker, a recipient",
            costs.intake + costs.ledger.recipient + costs.sending.recipient,
        ),
        ("worker, a batch", costs.ledger.batch + costs.sending.batch),
        ("PostgreSQL asked about a number", costs.asking.recipient),
        ("PostgreSQL asked about a batch", costs.asking.batch),
        ("PostgreSQL, a claim", costs.claim),
        ("PostgreSQL, a batch: its intent and its outcome", costs.batch),
        ("PostgreSQL, a transaction", costs.commit),
        ("PostgreSQL behind it, a recipient", costs.background),
        ("the mock, a recipient", costs.mock),
        ("not on a core: a way over loopback and back", costs.round_trip),
    ] {
        let _ = writeln!(page, "| {what} | {:.2} |", seconds * 1e6);
    }
}

fn elsewhere(workers: usize, cores: f64) -> Setting {
    Setting {
        workers,
        batch_size: 500.0,
        max_in_flight: 64,
        batches: BATCHES,
        cores: Cores::Apart(cores),
        round_trip: ROUND_TRIP,
        flush: FLUSH,
        answer: ANSWER,
    }
}

fn by_workers(page: &mut String, costs: &Costs) {
    let cores = [2.0, 4.0, 8.0, 16.0];
    let headings: Vec<String> = cores.iter().map(|cores| format!("{cores} cores")).collect();
    let _ = write!(
        page,
        "\nWorkers on machines of their own, a server of so many such cores, {} ms away, a flush of {} ms, a provider that answers \
         in {} ms without a limit of its own: recipients a second, and what there is no more of.\n\n| workers | {} |\n|---:|{}\n",
        ROUND_TRIP * 1e3,
        FLUSH * 1e3,
        ANSWER * 1e3,
        headings.join(" | "),
        "---:|".repeat(cores.len())
    );
    for workers in [1, 2, 4, 8, 16, 32, 64] {
        let cells = cores.map(|cores| cell(&Simulation::new(costs, elsewhere(workers, cores)).run()));
        let _ = writeln!(page, "| {workers} | {} |", cells.join(" | "));
    }
}

fn by_surroundings(page: &mut String, costs: &Costs) {
    page.push_str(
        "\nThe same with a server of 8 cores and 8 workers, one thing other than above.\n\n| what | recipients/s |\n|---|---:|\n",
    );
    let usual = elsewhere(8, 8.0);
    for (what, setting) in [
        ("as above", usual),
        (
            "0.05 ms away",
            Setting {
                round_trip: 0.000_05,
                ..usual
            },
        ),
        (
            "1 ms away",
            Setting {
                round_trip: 0.001,
                ..usual
            },
        ),
        (
            "5 ms away",
            Setting {
                round_trip: 0.005,
                ..usual
            },
        ),
        (
            "a flush of 0.1 ms",
            Setting {
                flush: 0.000_1,
                ..usual
            },
        ),
        ("a flush of 10 ms", Setting { flush: 0.01, ..usual }),
        (
            "batches of 50",
            Setting {
                batch_size: 50.0,
                ..usual
            },
        ),
        ("a provider that takes 1 s", Setting { answer: 1.0, ..usual }),
    ] {
        let _ = writeln!(
            page,
            "| {what} | {} |",
            cell(&Simulation::new(costs, setting).run())
        );
    }
}

/// How much, and what was busy for most of the time.
fn cell(outcome: &Outcome) -> String {
    let busiest = [
        (outcome.server_cores, "the server's cores"),
        (outcome.writing, "each worker's session"),
        (outcome.budget, "the budget's row"),
        (outcome.flushing, "flushes"),
        (outcome.provider, "requests in flight"),
    ]
    .into_iter()
    .max_by(|one, other| one.0.total_cmp(&other.0));
    let (share, what) = busiest.unwrap_or((0.0, ""));
    format!(
        "{:.0} k: {what}, {:.0} %",
        outcome.recipients_per_second / 1e3,
        share * 100.0
    )
}

fn disks(page: &mut String, storage: &Storage) {
    let (measured, expected) = storage.images_checked();
    let _ = write!(
        page,
        "\nDisks. A number takes {:.0} bytes in the claims and {:.0} in their index for as long as its campaign is open; its share \
         of batches, {:.0} bytes, stays with it. It makes {:.0} bytes of log, and more once a page of the index is hit seldom: \
         after a checkpoint its first change logs it whole ({measured:.0} pages in large-table, {expected:.0} by this \
         arithmetic). `VACUUM (FREEZE)` of the claims took {:.2} s a million, `volley ledger forget` {:.2} s.\n\n\
         | numbers | claims GB | index GB | batches GB | log, bytes a number, max_wal_size 1 GB | 64 GB | vacuum, minutes | forget, minutes |\n\
         |---:|---:|---:|---:|---:|---:|---:|---:|\n",
        storage.heap,
        storage.index,
        storage.batches,
        storage.log,
        storage.vacuum * 1e6,
        storage.forget * 1e6
    );
    for numbers in [1e6, 1e7, 1e8, 1e9, 1e10] {
        let gigabytes = |bytes: f64| bytes * numbers / 1e9;
        let _ = writeln!(
            page,
            "| 10^{:.0} | {:.1} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.0} |",
            numbers.log10(),
            gigabytes(storage.heap),
            gigabytes(storage.index),
            gigabytes(storage.batches),
            storage.log_at(numbers, 0.5e9),
            storage.log_at(numbers, 32e9),
            storage.vacuum * numbers / 60.0,
            storage.forget * numbers / 60.0
        );
    }
}
