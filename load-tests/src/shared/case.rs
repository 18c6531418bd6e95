//! One case: the campaign and its parts, a server where it wants one, the workers, and what all of them used.
//!
//! Metrics of a case, beside those of [`crate::measure`]:
//!
//! | metric | of |
//! |---|---|
//! | `ledger_cpu`, `intake_cpu` | the workers' threads of that name, s |
//! | `server_cpu` | the mock, s |
//! | `round_trip_us` | a byte's way over loopback and back |
//! | `database_cpu`, `database_cpu_per_million` | all of PostgreSQL's processes, s |
//! | `writing_cpu`, `asking_cpu` | of a lone worker's two sessions that are busiest, s |
//! | `commits`, `flushes`, `flush_ms` | runs' transactions; flushes of the WAL, and how long each took |
//! | `wal_mb_per_million`, `wal_images` | WAL, and how many whole pages are in it |
//! | `claim_mb_per_million`, … | tables with their indexes; `claim_pkey` is an index alone |
//! | `index_pages_before` | of the claims' index, before the workers begin |
//! | `vacuum_s`, `forget_s` | afterwards `VACUUM (FREEZE) claim`, then `volley ledger forget`, where numbers were claimed before |

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use benches::{Corpus, Shape, Spread};
use test_postgres::{Database, Server, Settings};
use toml::{Table, Value};

use super::database::{self, Done};
use super::used::{self, Used, Watch};
use crate::campaign::campaign;
use crate::child::{self, Launch};
use crate::error::LoadError;
use crate::scenario::Provider;
use crate::server::Start;

/// For one case.
const TIME_MAX: Duration = Duration::from_mins(10);
const MAX_IN_FLIGHT: i64 = 64;
/// Bytes sent forth and back.
const ECHOES: u32 = 2_000;

pub(super) type Measures = BTreeMap<String, f64>;

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) keeping: Keeping,
    pub(super) workers: u64,
    pub(super) batch_size: u64,
    pub(super) requests_per_second: f64,
    /// Numbers that the campaign has claimed before.
    pub(super) claimed: u64,
    /// The lines of a part are in the order of their numbers.
    pub(super) sorted: bool,
}

/// Where the ledger is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    File,
    Postgres,
}

/// A case in its folder.
struct Stage<'a> {
    case: Case,
    recipients: u64,
    folder: &'a Path,
    ledger: PathBuf,
}

impl Case {
    /// Runs it, and fails unless the mock saw each recipient once.
    pub(super) fn measure(self, recipients: u64) -> Result<Measures, LoadError> {
        let folder = tempfile::tempdir().map_err(|source| LoadError::Write {
            path: "a folder".into(),
            source,
        })?;
        let server = (self.keeping == Keeping::Postgres).then(|| {
            Server::start_with(Settings {
                more: vec!["track_wal_io_timing=on".to_owned()],
                ..Settings::default()
            })
        });
        let database = server.as_ref().map(Server::database);
        let stage = Stage {
            case: self,
            recipients,
            folder: folder.path(),
            ledger: database.as_ref().map_or_else(
                || folder.path().join("volley.db"),
                |database| PathBuf::from(database.url()),
            ),
        };
        stage.measure(server.as_ref().zip(database.as_ref()))
    }
}

impl Stage<'_> {
    fn measure(&self, server: Option<(&Server, &Database)>) -> Result<Measures, LoadError> {
        let mock = Start {
            program: &beside("mock-server")?,
            args: ["--listen", "127.0.0.1:0"].map(str::to_owned).to_vec(),
            core: None,
            tls: None,
        }
        .start()?;
        self.prepare(&mock.control.address)?;
        self.init()?;
        if let Some((server, database)) = server
            && self.case.claimed > 0
        {
            self.claim(server, database)?;
        }
        let before = server.map(|(_, database)| Done::of(database)).transpose()?;
        let index_before = server
            .map(|(_, database)| database::index_pages(database))
            .transpose()?;
        let mut parents = vec![std::process::id()];
        if let Some((server, _)) = server {
            parents.push(database::postmaster(server)?);
        }
        let watch = Watch::children_of(parents);
        let begun = Instant::now();
        let workers = self.send()?;
        let wall = begun.elapsed().as_secs_f64();
        let used = watch.end();
        let stats = mock.control.stats()?;
        if stats.distinct_recipients != Some(self.recipients) || stats.max_per_recipient != Some(1) {
            return Err(LoadError::Wrong(format!(
                "{}: the mock saw {:?} recipients, one of them {:?} times",
                self.case.name, stats.distinct_recipients, stats.max_per_recipient
            )));
        }
        let mut measures = self.of_workers(&workers, &used, wall)?;
        measures.insert("server_cpu".to_owned(), mock.cpu()?.as_secs_f64());
        if let (Some((_, database)), Some(before)) = (server, before) {
            measures.extend(self.of_database(database, &before, &used)?);
            measures.insert("index_pages_before".to_owned(), index_before.unwrap_or(0.0));
        }
        Ok(measures)
    }

    fn of_workers(&self, workers: &[child::Used], used: &Used, wall: f64) -> Result<Measures, LoadError> {
        let recipients = number(self.recipients);
        let seconds = workers.iter().map(|worker| worker.user + worker.system);
        let cpu: f64 = seconds.map(|seconds| seconds.as_secs_f64()).sum();
        let peak = workers.iter().map(|worker| worker.peak_bytes).max();
        let threads = |name: &str| -> f64 { used.values().filter_map(|threads| threads.get(name)).sum() };
        let measures = [
            ("wall", wall),
            ("cpu", cpu),
            ("cpu_per_million", cpu / recipients * 1e6),
            ("ledger_cpu", threads("ledger")),
            ("intake_cpu", threads("intake")),
            ("peak_mb", number(peak.unwrap_or(0)) / 1e6),
            ("recipients_per_second", recipients / wall),
            ("recipients", recipients),
            ("round_trip_us", round_trip()? * 1e6),
        ];
        Ok(measures.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn of_database(&self, database: &Database, before: &Done, used: &Used) -> Result<Measures, LoadError> {
        let per_million = 1e6 / number(self.recipients);
        let done = Done::of(database)?.since(before);
        let mut each: Vec<f64> = used
            .iter()
            .filter(|(_, threads)| threads.contains_key("postgres"))
            .map(|(process, _)| used::of_process(used, *process))
            .collect();
        each.sort_by(|one, other| other.total_cmp(one));
        let all: f64 = each.iter().sum();
        let nth = |at: usize| each.get(at).copied().unwrap_or(0.0);
        let mut measures = Measures::from(
            [
                ("database_cpu", all),
                ("database_cpu_per_million", all * per_million),
                ("commits", done["commits"]),
                ("flushes", done["flushes"]),
                ("flush_ms", done["flush_ms"] / done["flushes"].max(1.0)),
                ("wal_mb_per_million", done["wal_bytes"] / 1e6 * per_million),
                ("wal_images", done["wal_images"]),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        if self.case.workers == 1 {
            measures.insert("writing_cpu".to_owned(), nth(0));
            measures.insert("asking_cpu".to_owned(), nth(1));
        }
        let claims = number(self.recipients + self.case.claimed);
        for (table, bytes) in database::sizes(database)? {
            let rows = if table.starts_with("claim") {
                claims
            } else {
                number(self.recipients)
            };
            measures.insert(format!("{table}_mb_per_million"), bytes / rows);
        }
        measures.insert("claimed".to_owned(), number(self.case.claimed));
        if self.case.claimed > 0 {
            let begun = Instant::now();
            administer(database, "VACUUM (FREEZE) volley.claim")?;
            measures.insert("vacuum_s".to_owned(), begun.elapsed().as_secs_f64());
            let forgotten = self.forget()?.wall.as_secs_f64();
            measures.insert("forget_s".to_owned(), forgotten);
        }
        Ok(measures)
    }

    /// All numbers of the case, those that are claimed before first.
    fn corpus(&self) -> Corpus {
        Corpus {
            spread: if self.case.claimed > 0 {
                Spread::Sparse
            } else {
                Spread::Dense
            },
            shape: Shape::Plain,
            duplicates_percent: 0,
            invalid_percent: 0,
            ..Corpus::new(1, self.recipients + self.case.claimed)
        }
    }

    /// The campaign, and the workers' parts, line by line: what we hold ourselves would count as the workers' memory.
    fn prepare(&self, address: &str) -> Result<(), LoadError> {
        let mut limits = Table::new();
        for (key, value) in [
            ("max_in_flight", Value::Integer(MAX_IN_FLIGHT)),
            ("batch_size", Value::Integer(self.case.batch_size.cast_signed())),
            ("requests_per_second", Value::Float(self.case.requests_per_second)),
        ] {
            limits.insert(key.to_owned(), value);
        }
        // The money is counted: workers share the row it is counted in.
        for (key, value) in [("unit_price", "0.0495"), ("max_cost", "10000000")] {
            limits.insert(key.to_owned(), Value::String(value.to_owned()));
        }
        let over = Table::from_iter([("limits".to_owned(), Value::Table(limits))]);
        let text = campaign(Provider::Octopush, &format!("http://{address}"), None, &over);
        write(&self.folder.join("campaign.toml"), text.as_bytes())?;
        let mut lines = self
            .corpus()
            .lines()
            .map_err(|exceeded| LoadError::Scenario(exceeded.to_string()))?;
        let mut line = Vec::new();
        for _ in 0..self.case.claimed {
            lines.next_into(&mut line);
            line.clear();
        }
        let each = self.recipients.div_ceil(self.case.workers);
        for worker in 0..self.case.workers {
            let path = self.part(worker);
            let failed = |source| LoadError::Write {
                path: path.clone(),
                source,
            };
            let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
            for _ in 0..each {
                if lines.next_into(&mut line) {
                    out.write_all(&line).map_err(failed)?;
                    line.clear();
                }
            }
            out.flush().map_err(failed)?;
            if self.case.sorted {
                sort(&path)?;
            }
        }
        Ok(())
    }

    fn part(&self, worker: u64) -> PathBuf {
        self.folder.join(format!("part-{worker}.ndjson"))
    }

    /// Claims numbers for the first campaign of the ledger, by no batch. A checkpoint follows, as there would be one every few
    /// minutes.
    fn claim(&self, server: &Server, database: &Database) -> Result<(), LoadError> {
        let path = server.folder().join("claims");
        let failed = |source| LoadError::Write {
            path: path.clone(),
            source,
        };
        let mut lines = self
            .corpus()
            .lines()
            .map_err(|exceeded| LoadError::Scenario(exceeded.to_string()))?;
        let mut out = BufWriter::new(File::create(&path).map_err(failed)?);
        let mut line = Vec::new();
        for _ in 0..self.case.claimed {
            line.clear();
            lines.next_into(&mut line);
            let text = String::from_utf8_lossy(&line);
            let digits = text.split_once('+').map_or("", |(_, rest)| rest);
            let digits = digits.split_once('"').map_or("", |(digits, _)| digits);
            writeln!(out, "1\t{digits}\t0").map_err(failed)?;
        }
        out.flush().map_err(failed)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).map_err(failed)?;
        administer(database, &format!("COPY volley.claim FROM '{}'", path.display()))?;
        administer(database, "VACUUM (ANALYZE) volley.claim")?;
        administer(database, "CHECKPOINT")
    }

    fn init(&self) -> Result<(), LoadError> {
        let args = [
            "ledger".as_ref(),
            "init".as_ref(),
            "--ledger".as_ref(),
            self.ledger.as_os_str(),
        ];
        self.volley("init", &args).map(drop)
    }

    /// Erases all that the campaign has claimed.
    fn forget(&self) -> Result<child::Used, LoadError> {
        let mut args = [
            "ledger",
            "forget",
            "load",
            "--reason",
            "it was measured",
            "--yes",
            "--ledger",
        ]
        .map(OsStr::new)
        .to_vec();
        args.push(self.ledger.as_os_str());
        self.volley("forget", &args)
    }

    /// All workers at once, each on its part.
    fn send(&self) -> Result<Vec<child::Used>, LoadError> {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..self.case.workers)
                .map(|worker| scope.spawn(move || self.send_part(worker)))
                .collect();
            let ended = workers.into_iter().map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(LoadError::Scenario("a worker's thread panicked".to_owned())))
            });
            ended.collect()
        })
    }

    fn send_part(&self, worker: u64) -> Result<child::Used, LoadError> {
        let (campaign, part) = (self.folder.join("campaign.toml"), self.part(worker));
        let args = [
            "send".as_ref(),
            "--json".as_ref(),
            "--progress".as_ref(),
            "never".as_ref(),
            "--ledger".as_ref(),
            self.ledger.as_os_str(),
            campaign.as_os_str(),
            part.as_os_str(),
        ];
        self.volley(&format!("worker-{worker}"), &args)
    }

    fn volley(&self, name: &str, args: &[&OsStr]) -> Result<child::Used, LoadError> {
        let printed = self.folder.join(name);
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
            "{}, {name}: exit {:?}: {}",
            self.case.name, used.exit_code, used.stderr
        )))
    }
}

/// Seconds that a byte takes to another thread of this machine and back, over TCP.
fn round_trip() -> Result<f64, LoadError> {
    let failed = |error: io::Error| LoadError::Server(format!("an echo: {error}"));
    let listener = TcpListener::bind("127.0.0.1:0").map_err(failed)?;
    let mut near = TcpStream::connect(listener.local_addr().map_err(failed)?).map_err(failed)?;
    let (mut far, _) = listener.accept().map_err(failed)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true).map_err(failed)?;
    }
    let echo = thread::spawn(move || {
        let mut byte = [0];
        while far
            .read_exact(&mut byte)
            .and_then(|()| far.write_all(&byte))
            .is_ok()
        {}
    });
    let begun = Instant::now();
    let mut byte = [0];
    for _ in 0..ECHOES {
        near.write_all(&byte)
            .and_then(|()| near.read_exact(&mut byte))
            .map_err(failed)?;
    }
    let each = begun.elapsed().as_secs_f64() / f64::from(ECHOES);
    drop(near);
    // It ends with its stream.
    let _ = echo.join();
    Ok(each)
}

/// Sorts a file's lines; they begin alike up to their numbers.
fn sort(path: &Path) -> Result<(), LoadError> {
    let sorted = Command::new("sort")
        .env("LC_ALL", "C")
        .arg("-o")
        .args([path, path])
        .status();
    match sorted {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(LoadError::Wrong(format!("sort ended with {status}"))),
        Err(source) => Err(LoadError::Start {
            program: "sort".into(),
            source,
        }),
    }
}

fn administer(database: &Database, sql: &str) -> Result<(), LoadError> {
    database
        .psql_as("postgres", sql)
        .map(drop)
        .map_err(|error| LoadError::Server(format!("{sql}: {error}")))
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

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn number(count: u64) -> f64 {
    count as f64
}
