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

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mock_server::{FaultScript, Running};
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

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
        }
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
        let base_url = match &self.mock {
            Some(mock) => format!("{}/v1/public", mock.base_url()),
            None => format!("http://{}/v1/public", closed_port()),
        };
        Campaign::new(self, &base_url)
    }

    /// A voice campaign's file for this sandbox's mock.
    pub(crate) fn voice_campaign(&self) -> Campaign<'_> {
        Campaign::new(self, "")
            .without("octopush")
            .set("campaign.provider", "exotel")
            .set("exotel.base_url", self.mock().base_url())
            .set("exotel.account_sid", "acme1")
            .set("exotel.caller_id", "08012345678")
            .set("exotel.url", "http://my.exotel.com/acme1/exoml/start_voice/4242")
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
        Invocation { command, input: None }
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

/// A campaign file in the making: valid from the start, and fast.
pub(crate) struct Campaign<'a> {
    sandbox: &'a Sandbox,
    table: toml::Table,
}

impl<'a> Campaign<'a> {
    fn new(sandbox: &'a Sandbox, base_url: &str) -> Self {
        let campaign = Self {
            sandbox,
            table: toml::Table::new(),
        };
        campaign
            .set("campaign.name", "spring")
            .set("campaign.provider", "octopush")
            .set("octopush.base_url", base_url)
            .set("octopush.text", TEXT)
            .set("octopush.type", "sms_premium")
            .set("octopush.purpose", "wholesale")
            .set("octopush.sender", "Acme")
            .set("limits.requests_per_second", 2000.0)
            .set("limits.settle", "0s")
    }

    /// Sets `section.key`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        let (section, key) = key.split_once('.').expect("section.key");
        self.section(section).insert(key.to_owned(), value.into());
        self
    }

    /// Takes `section.key` out.
    pub(crate) fn unset(mut self, key: &str) -> Self {
        let (section, key) = key.split_once('.').expect("section.key");
        self.section(section).remove(key);
        self
    }

    /// Takes a section out.
    fn without(mut self, section: &str) -> Self {
        self.table.remove(section);
        self
    }

    fn section(&mut self, name: &str) -> &mut toml::Table {
        self.table
            .entry(name)
            .or_insert_with(|| toml::Table::new().into())
            .as_table_mut()
            .expect("a section")
    }

    /// Writes `campaign.toml`.
    pub(crate) fn write(self) -> PathBuf {
        self.write_as("campaign.toml")
    }

    /// Writes it under another name.
    pub(crate) fn write_as(self, name: &str) -> PathBuf {
        let text = toml::to_string(&self.table).expect("toml");
        self.sandbox.write(name, text)
    }
}

/// A command line that has not been run yet.
pub(crate) struct Invocation {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Invocation {
    /// One more argument.
    pub(crate) fn arg(self, arg: impl AsRef<OsStr>) -> Self {
        self.args([arg])
    }

    /// More arguments.
    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes a variable out of the environment.
    pub(crate) fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// What comes in through a pipe as standard input. Without it standard input is `/dev/null`.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(mut self) -> End {
        let input = self.input.take();
        let mut started = self.start_with(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        });
        let feeder = input.zip(started.take_stdin()).map(|(bytes, mut pipe)| {
            thread::spawn(move || {
                // The reader may stop early: then the pipe breaks, as it does in a shell.
                let _ = pipe.write_all(&bytes);
            })
        });
        let end = started.wait();
        if let Some(feeder) = feeder {
            feeder.join().expect("the feeder");
        }
        end
    }

    /// Starts it, its standard input `/dev/null`, to be signalled or waited for.
    pub(crate) fn start(self) -> Started {
        self.start_with(Stdio::null())
    }

    /// Starts it with a pipe as standard input: see [`Started::take_stdin`].
    pub(crate) fn start_piped(self) -> Started {
        self.start_with(Stdio::piped())
    }

    fn start_with(mut self, stdin: Stdio) -> Started {
        self.command
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the binary");
        // Both pipes are read from the start, so that the process never blocks on a full one.
        let stdout = drain(child.stdout.take().expect("a pipe"));
        let stderr = drain(child.stderr.take().expect("a pipe"));
        Started {
            child: Leash(child),
            stdout,
            stderr,
        }
    }

    /// The command itself, for what this does not cover.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }
}

fn drain(mut pipe: impl std::io::Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has given what it had.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// Kills the process if a failed test leaves it running.
struct Leash(Child);

impl Drop for Leash {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that runs. It is killed when it is dropped.
pub(crate) struct Started {
    child: Leash,
    stdout: thread::JoinHandle<Vec<u8>>,
    stderr: thread::JoinHandle<Vec<u8>>,
}

impl Started {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// The writing end of its standard input, once.
    pub(crate) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.0.stdin.take()
    }

    /// Sends it a signal, by its number.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process(id, signal).expect("a process of our own");
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.0.kill().expect("a process of our own");
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.0.try_wait().expect("a child").is_some()
    }

    /// Waits until it ends.
    pub(crate) fn wait(mut self) -> End {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.0.try_wait().expect("a child") {
                break status;
            }
            if Instant::now() > deadline {
                // Ends what hangs, so that what it said can be shown.
                self.kill();
                let status = self.child.0.wait().expect("a child");
                let end = End::new(status, self.stdout, self.stderr);
                panic!("it hangs\n{end}");
            }
            thread::park_timeout(Duration::from_millis(2));
        };
        End::new(status, self.stdout, self.stderr)
    }
}

/// How a process ended, and what it said.
pub(crate) struct End {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl End {
    fn new(
        status: ExitStatus,
        stdout: thread::JoinHandle<Vec<u8>>,
        stderr: thread::JoinHandle<Vec<u8>>,
    ) -> Self {
        let text = |pipe: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8(pipe.join().expect("a reader")).expect("output in UTF-8")
        };
        Self {
            status,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// The exit code as a shell shows it: 128 and the signal for one that was ended by a signal.
    pub(crate) fn code(&self) -> i32 {
        let signal = || 128 + self.status.signal().unwrap_or(0);
        self.status.code().unwrap_or_else(signal)
    }

    /// Asserts the exit code, that a JSON summary says the same, and that its `read` is the sum of the other counts.
    #[track_caller]
    pub(crate) fn expect(&self, code: i32) -> &Self {
        assert_eq!(self.code(), code, "exit code\n{self}");
        let Some(summary) = self.last_object() else {
            return self;
        };
        assert_eq!(summary["exit_code"], code, "exit_code in the summary\n{self}");
        if let Some(lines) = summary["lines"].as_object() {
            let counts = lines.iter().filter(|(name, _)| *name != "read");
            let sum: u64 = counts.filter_map(|(_, count)| count.as_u64()).sum();
            assert_eq!(lines["read"], sum, "lines.read is the sum of the others\n{self}");
        }
        self
    }

    /// The summary: the last line of stdout.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        self.last_object()
            .unwrap_or_else(|| panic!("the last line of stdout is no JSON object\n{self}"))
    }

    fn last_object(&self) -> Option<Value> {
        let value: Value = serde_json::from_str(self.stdout.lines().last()?).ok()?;
        value.get("exit_code").is_some().then_some(value)
    }

    /// One count of the summary's `lines`.
    #[track_caller]
    pub(crate) fn lines(&self, count: &str) -> u64 {
        self.summary()["lines"][count]
            .as_u64()
            .unwrap_or_else(|| panic!("no count `{count}`\n{self}"))
    }

    /// Asserts that these are the counts of `lines`, that all others are zero, and that `read` is their sum.
    #[track_caller]
    pub(crate) fn expect_lines(&self, counts: &[(&str, u64)]) -> &Self {
        let summary = self.summary();
        let lines = summary["lines"].as_object().expect("lines");
        for (count, found) in lines.iter().filter(|(count, _)| *count != "read") {
            let expected = counts.iter().find(|(name, _)| name == count);
            assert_eq!(found, expected.map_or(0, |(_, n)| *n), "lines.{count}\n{self}");
        }
        let sum: u64 = counts.iter().map(|(_, n)| n).sum();
        assert_eq!(lines["read"], sum, "lines.read is the sum of the others\n{self}");
        self
    }
}

/// Everything, for a failed assertion.
impl std::fmt::Display for End {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "{}\n--- stdout\n{}\n--- stderr\n{}",
            self.status, self.stdout, self.stderr
        )
    }
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
