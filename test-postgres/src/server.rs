//! A server of PostgreSQL: started, taken away, brought back on the same port over the same folder.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::Database;
use crate::database::{PASSWORD, ROLE, refused};
use crate::guard::Guard;
use crate::memory;
use crate::programs::{INSTALL, LesserUser, Programs, command};

/// Below those that the system gives to outgoing connections: while the server is away none of them may take its port,
/// nor a client that tries to reach it meet itself there.
const PORTS: std::ops::Range<u16> = 15_000..32_000;
/// More than one try only where another program took the port in between.
const PORTS_TRIED: usize = 20;

/// What a server differs in from the usual one.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Its folder lies in memory, where there is room: for tests in which processes die, and the machine does not.
    pub fast: bool,
    /// Connections by TCP must be encrypted, and the server shows this.
    pub tls: Option<Identity>,
    /// Addresses to listen on besides 127.0.0.1, as in `listen_addresses`.
    pub listen: Vec<String>,
    /// More settings, `name=value` as in `postgresql.conf`.
    pub more: Vec<String>,
    /// Where its write-ahead log lies, in segments of a megabyte; not there yet, in a folder of
    /// [`owner`](Server::owner)'s. `None`: with its data.
    pub log_at: Option<PathBuf>,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The chain, the server's own first.
    pub certificate: String,
    /// The private key.
    pub key: String,
}

/// A running server, or one that was taken away. Dropped, it is gone with its folder; so it is when the process ends.
pub struct Server {
    programs: Programs,
    settings: Settings,
    lesser: Option<LesserUser>,
    port: u16,
    guard: Mutex<Guard>,
    databases: AtomicU64,
    /// Last: what the guard has removed already.
    folder: TempDir,
}

/// The one that the tests of a process share, which none of them takes away. It lies in memory, where there is room.
pub fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::start_fast)
}

impl Server {
    /// A server on the disk.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is missing or does not start, with its log.
    pub fn start() -> Self {
        Self::start_with(Settings::default())
    }

    /// A server in memory, where there is room: for tests in which processes die, and the machine does not.
    pub fn start_fast() -> Self {
        Self::start_with(Settings {
            fast: true,
            ..Settings::default()
        })
    }

    /// A server that asks for TLS, with this certificate and key as PEM.
    pub fn start_tls(certificate: &str, key: &str) -> Self {
        Self::start_with(Settings {
            fast: true,
            tls: Some(Identity {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
            }),
            ..Settings::default()
        })
    }

    /// A server of these settings.
    pub fn start_with(settings: Settings) -> Self {
        let programs = Programs::find();
        let programs = programs.unwrap_or_else(|missing| no_such_program(missing));
        let within = if settings.fast {
            memory::folder()
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::Builder::new()
            .prefix("volley-postgres-")
            .tempdir_in(within);
        let folder = folder.expect("a temporary folder");
        let us = fs::metadata(folder.path()).expect("the folder just made").uid();
        let lesser = (us == 0).then(LesserUser::find);
        lay_out(folder.path(), &settings, lesser);
        for _ in 0..PORTS_TRIED {
            let port = free_port();
            let guard = run(&programs, &settings, lesser, folder.path(), port);
            if guard.is_ready() {
                let server = Self {
                    programs,
                    settings,
                    lesser,
                    port,
                    guard: Mutex::new(guard),
                    databases: AtomicU64::new(0),
                    folder,
                };
                server.make_role();
                return server;
            }
            assert!(
                log(folder.path()).contains("could not bind"),
                "PostgreSQL does not start\n{}",
                log(folder.path())
            );
            guard.leave();
        }
        unreachable!("{PORTS_TRIED} ports were free, and taken when PostgreSQL wanted them");
    }

    /// A fresh database.
    pub fn database(&self) -> Database {
        // Nobody may be connected to it, so that several can be made at a time.
        self.made_of("template0")
    }

    /// A fresh database whose tables lie in this folder, which is empty and [`owner`](Self::owner)'s.
    pub fn database_at(&self, folder: &Path) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let folder = folder.display();
        self.administer(&format!("CREATE TABLESPACE {name} LOCATION '{folder}'"));
        self.administer(&format!(
            "CREATE DATABASE {name} OWNER {ROLE} TEMPLATE template0 TABLESPACE {name}"
        ));
        self.reach(name)
    }

    /// The user and the group that a server runs as, by their numbers; `None`: as the tests do.
    pub fn owner() -> Option<(u32, u32)> {
        let us = fs::metadata("/proc/self").expect("our own process").uid();
        (us == 0).then(|| {
            let LesserUser { user, group } = LesserUser::find();
            (user, group)
        })
    }

    /// A database with all that this one has, to which nobody may be connected.
    pub fn copy_of(&self, database: &Database) -> Database {
        self.made_of(&database.name)
    }

    fn made_of(&self, template: &str) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        // As files, and not through the log: it is empty or nearly so, and there are many.
        self.administer(&format!(
            "CREATE DATABASE {name} OWNER {ROLE} TEMPLATE {template} STRATEGY file_copy"
        ));
        self.reach(name)
    }

    /// Ends who is connected to this database, and gives its room back.
    ///
    /// # Errors
    ///
    /// What PostgreSQL says against it.
    pub fn forget(&self, database: &Database) -> Result<(), String> {
        let postgres = self.reach("postgres".to_owned());
        let dropped = postgres.psql_as(
            "postgres",
            &format!("DROP DATABASE {} WITH (FORCE)", database.name),
        );
        dropped.map(drop)
    }

    /// Changes a setting that can be changed while it runs, for all who connect from now on.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL does not take it.
    pub fn change_setting(&self, name: &str, value: &str) {
        self.administer(&format!("ALTER SYSTEM SET {name} = {value}"));
        self.administer("SELECT pg_reload_conf()");
        let deadline = Instant::now() + Duration::from_mins(1);
        // Each asks over a connection of its own, which has what the postmaster has read by then.
        while self.administer(&format!("SHOW {name}")) != value {
            assert!(
                Instant::now() < deadline,
                "{name} = {value} is not taken\n{}",
                self.log()
            );
        }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder: `data`, the socket, the log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// Runs statements as the superuser, in database `postgres`.
    ///
    /// # Panics
    ///
    /// At the first that fails.
    pub fn administer(&self, sql: &str) -> String {
        let told = self.reach("postgres".to_owned()).psql_as("postgres", sql);
        told.unwrap_or_else(|error| refused(sql, &format!("{error}\n{}", self.log())))
    }

    /// Kills all its processes at once, and waits until they are gone.
    pub fn kill(&self) {
        self.guard().take_away("kill");
    }

    /// Stops it without a checkpoint, and waits until it is gone: connections end, what was not committed is lost.
    pub fn stop(&self) {
        self.guard().take_away("stop");
    }

    /// Halts all its processes: it answers nothing any more, and its connections stay.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn freeze(&self) {
        let postmaster = self.postmaster();
        // First, so that it has no more children.
        signal(postmaster, Signal::STOP);
        for child in children(postmaster) {
            signal(child, Signal::STOP);
        }
    }

    /// Lets them go on.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn thaw(&self) {
        let postmaster = self.postmaster();
        for child in children(postmaster) {
            signal(child, Signal::CONT);
        }
        signal(postmaster, Signal::CONT);
    }

    fn postmaster(&self) -> Pid {
        let file = fs::read_to_string(self.folder.path().join("data/postmaster.pid"));
        let file = file.expect("a server that runs");
        let number = file.lines().next().and_then(|line| line.trim().parse().ok());
        number.and_then(Pid::from_raw).expect("its number")
    }

    /// Brings it back on the same port over the same folder; it recovers what was committed.
    ///
    /// # Panics
    ///
    /// Where it does not start, with its log.
    pub fn start_again(&self) {
        let mut guard = self.guard();
        guard.take_away("stop");
        let again = || {
            run(
                &self.programs,
                &self.settings,
                self.lesser,
                self.folder.path(),
                self.port,
            )
        };
        std::mem::replace(&mut *guard, again()).leave();
        assert!(
            guard.is_ready(),
            "PostgreSQL does not start again\n{}",
            self.log()
        );
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        // It holds whatever happened to a test meanwhile.
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reach(&self, name: String) -> Database {
        Database {
            psql: self.programs.psql.clone(),
            socket: self.folder.path().to_owned(),
            port: self.port,
            name,
        }
    }

    fn make_role(&self) {
        self.administer(&format!("CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The fields' own order would do; here it is said: first the server, then its folder.
        self.guard().take_away("stop");
    }
}

#[expect(
    clippy::panic,
    reason = "this crate is for tests, and this says why they cannot run"
)]
fn no_such_program(missing: &str) -> ! {
    panic!("no {missing} here; {INSTALL}")
}

/// What must lie in the folder before PostgreSQL is run in it.
fn lay_out(folder: &Path, settings: &Settings, lesser: Option<LesserUser>) {
    let host = if settings.tls.is_some() { "hostssl" } else { "host" };
    let access = format!("local all all trust\n{host} all all all scram-sha-256\n");
    let mut files = vec![("password", PASSWORD), ("access", &access)];
    if let Some(identity) = &settings.tls {
        files.push(("certificate", &identity.certificate));
        files.push(("key", &identity.key));
    }
    let give = |path: &Path| {
        if let Some(LesserUser { user, group }) = lesser {
            chown(path, Some(user), Some(group)).expect("root gives files away");
        }
    };
    give(folder);
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).expect("a file in a temporary folder");
        // PostgreSQL takes no key that others could read.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).expect("our own file");
        give(&path);
    }
}

/// Runs PostgreSQL below its guard, making its data first where there are none.
fn run(
    programs: &Programs,
    settings: &Settings,
    lesser: Option<LesserUser>,
    folder: &Path,
    port: u16,
) -> Guard {
    let text = |path: PathBuf| path.to_str().expect("a folder named in UTF-8").to_owned();
    let listen = std::iter::once("127.0.0.1".to_owned()).chain(settings.listen.iter().cloned());
    let mut set = vec![
        format!("listen_addresses={}", listen.collect::<Vec<_>>().join(",")),
        format!("port={port}"),
        format!("unix_socket_directories={}", text(folder.to_owned())),
        format!("hba_file={}", text(folder.join("access"))),
        "max_connections=200".to_owned(),
        // In its folder, so that nothing is left elsewhere by a server that was killed.
        "dynamic_shared_memory_type=mmap".to_owned(),
    ];
    if settings.fast {
        // Memory is not to be filled with a log that nobody reads.
        set.push("max_wal_size=128MB".to_owned());
    }
    if settings.tls.is_some() {
        set.push("ssl=on".to_owned());
        set.push(format!("ssl_cert_file={}", text(folder.join("certificate"))));
        set.push(format!("ssl_key_file={}", text(folder.join("key"))));
    }
    set.extend(settings.more.iter().cloned());
    let mut arguments = vec![
        text(folder.to_owned()),
        lesser.map(LesserUser::prefix).unwrap_or_default(),
        text(programs.initdb.clone()),
        settings.log_at.clone().map_or_else(String::new, |folder| {
            format!("--wal-segsize=1 --waldir={}", text(folder))
        }),
        text(programs.postgres.clone()),
        format!("-D{}", text(folder.join("data"))),
    ];
    arguments.extend(set.into_iter().map(|setting| format!("-c{setting}")));
    Guard::new(command(Path::new("sh")), arguments, &folder.join("log"))
}

fn children(process: Pid) -> Vec<Pid> {
    let process = process.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.expect("a process that runs");
    let numbers = children
        .split_whitespace()
        .filter_map(|number| number.parse().ok());
    numbers.filter_map(Pid::from_raw).collect()
}

/// One that has ended meanwhile needs none.
fn signal(process: Pid, signal: Signal) {
    let _ = kill_process(process, signal);
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_else(|error| format!("no log: {error}"))
}

/// A port that nobody listens on, as of now.
fn free_port() -> u16 {
    let mut ports = std::iter::repeat_with(|| fastrand::u16(PORTS));
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("they do not end")
}
