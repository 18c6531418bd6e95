//! `load-tests shared`: workers that send one campaign at once over a PostgreSQL, against one worker with a file.
//!
//! Everything is on this machine: the workers, the server, and the mock take turns on its cores, so that what is told is what a
//! recipient costs each of them, and what comes out together is the worst case. Cases take turns, and ratios are made within a
//! turn. A run counts only if the mock saw each recipient once.
//! Sources: proc(5) for what PostgreSQL's processes used: the postmaster's own time and that of its children, those that live and
//! those that have ended.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use benches::{Corpus, Shape, Spread};
use clap::Args;
use test_postgres::{Database, Server};
use toml::{Table, Value};

use crate::campaign::campaign;
use crate::child::{Launch, Used};
use crate::clock;
use crate::error::LoadError;
use crate::ledger::Series;
use crate::machine::{self, Machine};
use crate::results::{CaseResults, FigureResults, Results, SCHEMA, median};
use crate::scenario::Provider;
use crate::server::Start;

/// For one case.
const TIME_MAX: Duration = Duration::from_mins(10);
/// Ticks a second of proc(5), as Linux has them for programs.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures workers that share a PostgreSQL, and one with a file beside them.
///
/// Release builds of `volley` and `mock-server` are expected beside this program: cargo build --release
#[derive(Debug, Clone, Args)]
pub struct Shared {
    /// Recipients, over all workers
    #[arg(long, value_name = "N", default_value_t = 500_000)]
    recipients: u64,
    /// How many workers, a case each
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 2, 4])]
    workers: Vec<u64>,
    /// How often each case is run
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: u32,
    /// Write the results as JSON to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

/// A case: so many workers over a PostgreSQL, or one with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    File,
    Workers(u64),
}

impl Case {
    fn name(self) -> String {
        match self {
            Self::File => "file".to_owned(),
            Self::Workers(count) => format!("postgres-{count}"),
        }
    }

    fn workers(self) -> u64 {
        match self {
            Self::File => 1,
            Self::Workers(count) => count,
        }
    }
}

type Measures = BTreeMap<String, f64>;

impl Shared {
    /// Measures, prints, saves.
    ///
    /// # Errors
    /// Anything that keeps it from figures that can be believed.
    pub fn run(&self) -> Result<(), LoadError> {
        let cases: Vec<Case> = std::iter::once(Case::File)
            .chain(self.workers.iter().copied().map(Case::Workers))
            .collect();
        let mut measured: Vec<Vec<Measures>> = vec![Vec::new(); cases.len()];
        for _ in 0..self.runs {
            for (case, runs) in cases.iter().zip(&mut measured) {
                runs.push(self.measure(*case)?);
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

    fn results(&self, cases: &[Case], measured: &[Vec<Measures>]) -> Results {
        let of = |case: Case| {
            cases
                .iter()
                .position(|other| *other == case)
                .map(|at| &measured[at])
        };
        let ratio = |name: &str, metric: &str, above: Case, below: Case| {
            let (above, below) = (of(above)?, of(below)?);
            let runs: Vec<f64> = above
                .iter()
                .zip(below)
                .filter_map(|(above, below)| Some(above.get(metric)? / below.get(metric)?))
                .collect();
            Some(FigureResults {
                name: name.to_owned(),
                value: median(runs.clone()),
                runs,
                at_most: None,
                at_least: None,
                aim: None,
                met: None,
            })
        };
        let mut figures = vec![
            ratio(
                "CPU of one worker with PostgreSQL ÷ with a file",
                "cpu",
                Case::Workers(1),
                Case::File,
            ),
            ratio(
                "CPU of PostgreSQL ÷ CPU of its one worker",
                "database_cpu",
                Case::Workers(1),
                Case::Workers(1),
            ),
        ];
        // That one is of two metrics of the same case.
        if let (Some(runs), Some(Some(figure))) = (of(Case::Workers(1)), figures.get_mut(1)) {
            figure.runs = runs.iter().map(|run| run["database_cpu"] / run["cpu"]).collect();
            figure.value = median(figure.runs.clone());
        }
        for count in self.workers.iter().copied().filter(|count| *count > 1) {
            let name = format!("recipients a second, {count} workers ÷ 1");
            figures.push(ratio(
                &name,
                "recipients_per_second",
                Case::Workers(count),
                Case::Workers(1),
            ));
        }
        Results {
            schema: SCHEMA,
            scenario: "shared".to_owned(),
            about: format!(
                "Workers over one PostgreSQL 15 with its default settings, {} recipients in parts of their own, nothing limits the \
                 rate; workers, server and mock share the machine's cores",
                self.recipients
            ),
            date: clock::now(),
            commit: machine::commit(),
            command: "load-tests shared --save load-tests/results/shared.json".to_owned(),
            machine: Machine::this(false),
            runs: self.runs,
            cases: cases
                .iter()
                .zip(measured)
                .map(|(case, runs)| CaseResults::new(&case.name(), runs.clone(), Series::default(), None))
                .collect(),
            figures: figures.into_iter().flatten().collect(),
        }
    }

    fn measure(&self, case: Case) -> Result<Measures, LoadError> {
        let folder = tempfile::tempdir().map_err(|source| LoadError::Write {
            path: "a folder".into(),
            source,
        })?;
        let mock = beside("mock-server")?;
        let args = ["--listen", "127.0.0.1:0"].map(str::to_owned).to_vec();
        let mock = Start {
            program: &mock,
            args,
            core: None,
            tls: None,
        }
        .start()?;
        self.prepare(folder.path(), case, &mock.control.address)?;
        let server = (case != Case::File).then(Server::start);
        let database = server.as_ref().map(Server::database);
        let ledger = database.as_ref().map_or_else(
            || folder.path().join("volley.db"),
            |database| PathBuf::from(database.url()),
        );
        init(folder.path(), &ledger)?;
        let before = match (&server, &database) {
            (Some(server), Some(database)) => Some(UsedByDatabase::of(server, database)?),
            _ => None,
        };
        let begun = Instant::now();
        let used = send(folder.path(), &ledger, case)?;
        let wall = begun.elapsed().as_secs_f64();
        let stats = mock.control.stats()?;
        if stats.distinct_recipients != Some(self.recipients) || stats.max_per_recipient != Some(1) {
            return Err(LoadError::Wrong(format!(
                "{}: the mock saw {:?} recipients, one of them {:?} times",
                case.name(),
                stats.distinct_recipients,
                stats.max_per_recipient
            )));
        }
        let recipients = number(self.recipients);
        let cpu: f64 = used
            .iter()
            .map(|used| (used.user + used.system).as_secs_f64())
            .sum();
        let peak = used.iter().map(|used| used.peak_bytes).max().unwrap_or(0);
        let mut measures = Measures::from([
            ("wall".to_owned(), wall),
            ("cpu".to_owned(), cpu),
            ("cpu_per_million".to_owned(), cpu / recipients * 1e6),
            ("peak_mb".to_owned(), number(peak) / 1e6),
            ("recipients_per_second".to_owned(), recipients / wall),
            ("recipients".to_owned(), recipients),
        ]);
        if let (Some(before), Some(server), Some(database)) = (before, &server, &database) {
            let after = UsedByDatabase::of(server, database)?;
            let per_million = 1e6 / recipients;
            let seconds = after.cpu_seconds - before.cpu_seconds;
            measures.insert("database_cpu".to_owned(), seconds);
            measures.insert("database_cpu_per_million".to_owned(), seconds * per_million);
            measures.insert(
                "wal_mb_per_million".to_owned(),
                (after.wal_bytes - before.wal_bytes) / 1e6 * per_million,
            );
            measures.insert("commits".to_owned(), after.commits - before.commits);
            measures.extend(sizes(database, per_million)?);
        }
        Ok(measures)
    }

    /// The campaign, and the workers' parts.
    fn prepare(&self, folder: &Path, case: Case, address: &str) -> Result<(), LoadError> {
        let mut limits = Table::new();
        limits.insert("max_in_flight".to_owned(), Value::Integer(64));
        let over = Table::from_iter([("limits".to_owned(), Value::Table(limits))]);
        let text = campaign(Provider::Octopush, &format!("http://{address}"), None, &over);
        write(&folder.join("campaign.toml"), text.as_bytes())?;
        let whole = Corpus {
            spread: Spread::Dense,
            shape: Shape::Plain,
            duplicates_percent: 0,
            invalid_percent: 0,
            ..Corpus::new(1, self.recipients)
        };
        let mut lines = Vec::new();
        whole.write_to(&mut lines).map_err(|source| LoadError::Write {
            path: folder.into(),
            source,
        })?;
        let lines: Vec<&[u8]> = lines.split_inclusive(|byte| *byte == b'\n').collect();
        let workers = usize::try_from(case.workers()).unwrap_or(1);
        for (nth, part) in lines.chunks(lines.len().div_ceil(workers)).enumerate() {
            let path = folder.join(part_name(nth));
            let failed = |source| LoadError::Write {
                path: path.clone(),
                source,
            };
            let mut out = BufWriter::new(fs::File::create(&path).map_err(failed)?);
            part.iter()
                .try_for_each(|line| out.write_all(line))
                .map_err(failed)?;
            out.flush().map_err(failed)?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn number(count: u64) -> f64 {
    count as f64
}

fn part_name(nth: usize) -> String {
    format!("part-{nth}.ndjson")
}

fn write(path: &Path, text: &[u8]) -> Result<(), LoadError> {
    fs::write(path, text).map_err(|source| LoadError::Write {
        path: path.into(),
        source,
    })
}

/// A program beside this one.
fn beside(name: &str) -> Result<PathBuf, LoadError> {
    let this = std::env::current_exe().map_err(|source| LoadError::Start {
        program: name.into(),
        source,
    })?;
    Ok(this.with_file_name(name))
}

fn volley(folder: &Path, name: &str, args: &[&std::ffi::OsStr]) -> Result<Used, LoadError> {
    let printed = folder.join(name);
    fs::create_dir_all(&printed).map_err(|source| LoadError::Write {
        path: printed.clone(),
        source,
    })?;
    let used = Launch {
        program: beside("volley")?,
        args: args.iter().map(OsString::from).collect(),
        folder: &printed,
        stdin: None,
        core: None,
        deadline: Instant::now() + TIME_MAX,
        kill_when: None,
    }
    .run()?;
    if used.exit_code == Some(0) {
        return Ok(used);
    }
    Err(LoadError::Wrong(format!(
        "{name}: exit {:?}: {}",
        used.exit_code, used.stderr
    )))
}

fn init(folder: &Path, ledger: &Path) -> Result<(), LoadError> {
    let args = [
        "ledger".as_ref(),
        "init".as_ref(),
        "--ledger".as_ref(),
        ledger.as_os_str(),
    ];
    volley(folder, "init", &args).map(drop)
}

/// All workers at once, each on its part.
fn send(folder: &Path, ledger: &Path, case: Case) -> Result<Vec<Used>, LoadError> {
    let campaign = folder.join("campaign.toml");
    thread::scope(|scope| {
        let workers: Vec<_> = (0..usize::try_from(case.workers()).unwrap_or(1))
            .map(|nth| {
                let (campaign, part) = (&campaign, folder.join(part_name(nth)));
                scope.spawn(move || {
                    let args = [
                        "send".as_ref(),
                        "--json".as_ref(),
                        "--progress".as_ref(),
                        "never".as_ref(),
                        "--ledger".as_ref(),
                        ledger.as_os_str(),
                        campaign.as_os_str(),
                        part.as_os_str(),
                    ];
                    volley(folder, &format!("worker-{nth}"), &args)
                })
            })
            .collect();
        let ended = workers.into_iter().map(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err(LoadError::Scenario("a worker's thread panicked".to_owned())))
        });
        ended.collect()
    })
}

/// What a server has used so far.
struct UsedByDatabase {
    cpu_seconds: f64,
    wal_bytes: f64,
    commits: f64,
}

impl UsedByDatabase {
    fn of(server: &Server, database: &Database) -> Result<Self, LoadError> {
        Ok(Self {
            cpu_seconds: cpu_seconds(&server.folder().join("data/postmaster.pid"))?,
            wal_bytes: ask(
                database,
                "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')",
            )?,
            commits: ask(
                database,
                "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
            )?,
        })
    }
}

fn ask(database: &Database, sql: &str) -> Result<f64, LoadError> {
    let told = database.psql(sql);
    let number = told.trim().parse();
    number.map_err(|_| LoadError::Server(format!("PostgreSQL said {told:?} to {sql}")))
}

/// How large the tables have become, with their indexes, in MB for a million recipients.
fn sizes(database: &Database, per_million: f64) -> Result<Measures, LoadError> {
    let mut sizes = Measures::new();
    for table in ["claim", "batch", "members", "attempt", "body"] {
        let bytes = ask(
            database,
            &format!("SELECT pg_total_relation_size('volley.{table}')"),
        )?;
        sizes.insert(format!("{table}_mb_per_million"), bytes / 1e6 * per_million);
    }
    Ok(sizes)
}

/// The seconds of all of PostgreSQL's processes: its first one's, those of its children that have ended, and of those that live.
fn cpu_seconds(postmaster: &Path) -> Result<f64, LoadError> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|source| LoadError::Read {
            path: path.into(),
            source,
        })
    };
    let told = read(postmaster)?;
    let pid = told.lines().next().unwrap_or_default().trim();
    let stat = |pid: &str| {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .ok()
            .map(|stat| Stat::of(&stat))
    };
    let Some(first) = stat(pid) else {
        return Err(LoadError::Server("PostgreSQL has ended".to_owned()));
    };
    let mut ticks = first.own + first.of_ended_children;
    let processes = fs::read_dir("/proc").map_err(|source| LoadError::Read {
        path: "/proc".into(),
        source,
    })?;
    for process in processes.flatten() {
        let name = process.file_name();
        let found = name
            .to_str()
            .filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        // One that has ended since counts with its parent.
        if let Some(child) = found.and_then(stat)
            && child.parent == pid
        {
            ticks += child.own;
        }
    }
    Ok(number(ticks) / TICKS_PER_SECOND)
}

/// What proc(5) tells of a process.
struct Stat {
    parent: String,
    own: u64,
    of_ended_children: u64,
}

impl Stat {
    fn of(stat: &str) -> Self {
        // Behind the program's name, which may have spaces and brackets itself.
        let behind = stat.rsplit_once(") ").map_or("", |(_, behind)| behind);
        let fields: Vec<&str> = behind.split(' ').collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|field| field.parse::<u64>().ok())
                .unwrap_or(0)
        };
        Self {
            parent: fields.get(1).copied().unwrap_or_default().to_owned(),
            own: ticks(11) + ticks(12),
            of_ended_children: ticks(13) + ticks(14),
        }
    }
}
