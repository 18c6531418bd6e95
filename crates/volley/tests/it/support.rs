//! A folder, a mock and a campaign file for one test, and the binary run in it.
//!
//! ```ignore
//! let sandbox = Sandbox::new();                                    // a mock with its defaults on a free port
//! sandbox.campaign().set("limits.batch_size", 10).write();         // campaign.toml
//! sandbox.write("contacts.ndjson", contacts(0..25));
//! let end = sandbox.send(&["contacts.ndjson"]).run();              // volley --json send campaign.toml contacts.ndjson
//! end.expect(0);
//! assert_eq!(end.lines("accepted"), 25);
//! assert_eq!(sandbox.mock().stats().together.max_per_recipient, 1);
//! ```

mod campaign;
mod kept;
mod process;
mod provider;
pub(crate) mod terminal;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use mock_server::{FaultScript, Running};
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) use campaign::Campaign;
pub(crate) use kept::{Kept, Over, for_all, for_both_ledgers};
pub(crate) use process::{End, Invocation, Started};
pub(crate) use provider::{Holding, Provider};
pub(crate) use terminal::{Screen, record};

/// The credentials that every run has in its environment, unless a test takes them out.
pub(crate) const LOGIN: &str = "planted-login@example.org";
pub(crate) const KEY: &str = "planted-key-5f0e7c1d9b";

/// A text that a premium marketing campaign to French numbers may have.
pub(crate) const TEXT: &str = "Hello {first_name|there}, 20% off. STOP au 30101";

/// Longer than anything here takes, on a machine that builds at the same time.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of its own, and the mock that runs beside it. Both go when it is dropped.
pub(crate) struct Sandbox {
    dir: TempDir,
    mock: Option<Running>,
    over: Over,
    /// Of a ledger on a server; a file lies in the folder.
    database: Option<kept::Lent>,
}

impl Sandbox {
    /// With a mock that has its default settings.
    pub(crate) fn new() -> Self {
        Self::with_mock("")
    }

    /// With a mock that has these settings (TOML).
    pub(crate) fn with_mock(settings: &str) -> Self {
        let config = mock_server::Config::from_toml(settings).expect("settings of the mock");
        Self {
            mock: Some(mock_server::spawn_thread(config).expect("a mock")),
            ..Self::without_mock()
        }
    }

    /// Without a mock: the campaign's `base_url` is one where nothing listens.
    pub(crate) fn without_mock() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a folder"),
            mock: None,
            over: Provider::Octopush.into(),
            database: None,
        }
    }

    /// With campaigns of this provider in place of Octopush's, and its ledger there in place of in a file, an empty one.
    pub(crate) fn of(self, over: impl Into<Over>) -> Self {
        let over = over.into();
        let database = (over.kept == Kept::Server).then(kept::database);
        Self {
            over,
            database,
            ..self
        }
    }

    /// Whose its campaigns are.
    pub(crate) fn provider(&self) -> Provider {
        self.over.provider
    }

    /// The oracle.
    pub(crate) fn mock(&self) -> &Running {
        self.mock.as_ref().expect("a sandbox with a mock")
    }

    /// Replaces the mock's fault script (JSON, as `PUT /__mock/faults` takes it).
    pub(crate) fn faults(&self, rules: &str) {
        let script: FaultScript = serde_json::from_str(rules).expect("a fault script");
        self.mock().set_faults(script).expect("faults that can be done");
    }

    /// A path in the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, contents).expect("a file");
        path
    }

    /// Adds to a file in the folder.
    pub(crate) fn append(&self, name: &str, contents: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new()
            .append(true)
            .open(self.path(name))
            .expect("a file");
        file.write_all(contents.as_ref()).expect("room");
    }

    /// A file in the folder, as text.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    /// A file of JSON lines in the folder.
    pub(crate) fn read_ndjson(&self, name: &str) -> Vec<Value> {
        let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.read(name).lines().map(line).collect()
    }

    /// A campaign file for this sandbox's mock; [`Campaign::write`] puts it there as `campaign.toml`.
    pub(crate) fn campaign(&self) -> Campaign<'_> {
        self.campaign_of(self.provider())
    }

    /// A voice campaign's file for this sandbox's mock.
    pub(crate) fn voice_campaign(&self) -> Campaign<'_> {
        self.campaign_of(Provider::Exotel)
    }

    fn campaign_of(&self, provider: Provider) -> Campaign<'_> {
        let server = match &self.mock {
            Some(mock) => mock.base_url(),
            None => format!("http://{}", closed_port()),
        };
        Campaign::new(self, provider, &server)
    }

    /// `volley ARGS` in this folder, with credentials and nothing else in its environment, standard input empty.
    pub(crate) fn volley<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Invocation {
        let mut command = Command::new(env!("CARGO_BIN_EXE_volley"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("OCTOPUSH_API_LOGIN", LOGIN)
            .env("OCTOPUSH_API_KEY", KEY)
            .env("EXOTEL_API_KEY", KEY)
            .env("EXOTEL_API_TOKEN", KEY)
            .env("TMPDIR", self.dir.path());
        self.in_its_ledger(command)
    }

    /// A program in this folder that finds `volley` in its path, with credentials.
    pub(crate) fn program<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        args: impl IntoIterator<Item = A>,
    ) -> Invocation {
        let binary = Path::new(env!("CARGO_BIN_EXE_volley"));
        let mut path = vec![binary.parent().expect("a folder").to_owned()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").expect("a path")));
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("PATH", std::env::join_paths(path).expect("a path"))
            .env("OCTOPUSH_API_LOGIN", LOGIN)
            .env("OCTOPUSH_API_KEY", KEY)
            .env("TMPDIR", self.dir.path());
        self.in_its_ledger(command)
    }

    fn in_its_ledger(&self, mut command: Command) -> Invocation {
        if self.kept() == Kept::Server {
            command.env("VOLLEY_LEDGER", self.ledger());
        }
        Invocation::new(command)
    }

    /// `volley --json send campaign.toml ARGS`.
    pub(crate) fn send(&self, args: &[&str]) -> Invocation {
        self.with_campaign("send", args)
    }

    /// `volley --json COMMAND campaign.toml ARGS`, after `volley ledger init` where it needs one.
    pub(crate) fn with_campaign(&self, command: &str, args: &[&str]) -> Invocation {
        self.volley(["--json", command, "campaign.toml"].iter().chain(args))
    }

    /// Writes a campaign of this batch size and a file `contacts.ndjson` of the numbers 0 to `recipients`.
    pub(crate) fn prepare(&self, recipients: u32, batch_size: u32) {
        self.campaign().set("limits.batch_size", batch_size).write();
        self.write("contacts.ndjson", contacts(0..recipients));
    }
}

/// The last of the runs that a campaign took, and how many recipients the operator had to free before it.
pub(crate) struct Converged {
    pub(crate) end: End,
    pub(crate) freed: u64,
}

impl Sandbox {
    /// Runs the campaign once its faults are over, as often as it needs: once; or, where Exotel lacks batches in doubt, until
    /// the operator may free them and they were sent.
    pub(crate) fn converge(&self, args: &[&str]) -> Converged {
        let end = self.send(args).run();
        if self.provider() == Provider::Octopush || end.code() != 6 {
            return Converged { end, freed: 0 };
        }
        // A second listing that lacks them.
        let end = self.send(args).run();
        let freed = end.lines("in_doubt");
        self.free_the_absent(freed);
        let end = self.send(args).run();
        Converged { end, freed }
    }

    /// The operator's word on the batches that two listings of Exotel's lacked: not sent. So many recipients, or it fails.
    #[track_caller]
    pub(crate) fn free_the_absent(&self, recipients: u64) {
        let recipients = recipients.to_string();
        let word = [
            "--absent-for",
            "0s",
            "--not-sent",
            "--reason",
            "the listing lacks it",
        ];
        let end = self
            .volley(["--json", "doubt", "resolve", "--all-absent"])
            .args(word)
            .args(["--recipients", &recipients])
            .run();
        end.expect(0);
        assert_eq!(
            end.summary()["recipients"].to_string(),
            recipients,
            "freed\n{end}"
        );
    }
}

/// Checks the rows of a table, so many at a time: most of a row is waiting for a disk or a time-out.
pub(crate) fn check_rows<R: Sync>(at_once: usize, rows: &[R], check: impl Fn(&R) + Sync) {
    let waiting = Mutex::new(rows.iter());
    let next = || {
        waiting
            .lock()
            .expect("no row fails while it takes the next")
            .next()
    };
    thread::scope(|scope| {
        for _ in 0..at_once.min(rows.len()) {
            scope.spawn(|| {
                while let Some(row) = next() {
                    check(row);
                }
            });
        }
    });
}

/// Checks one table for both providers, one beside the other; a failure names the one.
pub(crate) fn for_both(check: impl Fn(Provider) + Sync) {
    kept::side_by_side(Provider::BOTH, check);
}

/// An address of loopback on which nothing listens: it was free a moment ago.
pub(crate) fn closed_port() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address")
}

/// The n-th number.
pub(crate) fn number(nth: u32) -> String {
    format!("+336{nth:08}")
}

/// One NDJSON line for each number.
pub(crate) fn contacts(numbers: Range<u32>) -> String {
    contacts_of(numbers)
}

/// One NDJSON line for each number, in the order given.
pub(crate) fn contacts_of(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut lines = String::new();
    for nth in numbers {
        writeln!(
            lines,
            r#"{{"phone_number":"{}","first_name":"Name{nth}"}}"#,
            number(nth)
        )
        .expect("memory");
    }
    lines
}

/// Waits for a condition; what it waits for is said if it never comes.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// A decimal as summaries and reports write it: a string.
#[track_caller]
pub(crate) fn decimal(value: &Value) -> Decimal {
    let text = value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no decimal string"));
    Decimal::from_str_exact(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The workspace's root.
pub(crate) fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
