//! The binary as a process: a command line, what runs, and how it ended.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;

/// A command line that has not been run yet.
pub(crate) struct Invocation {
    command: Command,
    input: Option<Vec<u8>>,
}

impl Invocation {
    pub(super) fn new(command: Command) -> Self {
        Self { command, input: None }
    }

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

    /// In a process group of its own: see [`Started::signal_group`].
    pub(crate) fn in_its_own_group(mut self) -> Self {
        self.command.process_group(0);
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

fn drain(mut pipe: impl std::io::Read + Send + 'static) -> Drain {
    let said = Arc::<Mutex<Vec<u8>>>::default();
    let heard = Arc::clone(&said);
    let thread = thread::spawn(move || {
        let mut block = [0; 4096];
        // A pipe that breaks has given what it had.
        while let Ok(length @ 1..) = pipe.read(&mut block) {
            let mut heard = heard.lock().expect("no reader fails");
            heard.extend_from_slice(&block[..length]);
        }
    });
    Drain { said, thread }
}

/// What a pipe has given so far, and the thread that reads it.
struct Drain {
    said: Arc<Mutex<Vec<u8>>>,
    thread: thread::JoinHandle<()>,
}

impl Drain {
    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().expect("no reader fails")).into_owned()
    }

    fn whole(self) -> String {
        self.thread.join().expect("a reader");
        let said = self.said.lock().expect("no reader fails");
        String::from_utf8(said.clone()).expect("output in UTF-8")
    }
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
    stdout: Drain,
    stderr: Drain,
}

impl Started {
    /// What it has said on stderr so far.
    pub(crate) fn stderr_so_far(&self) -> String {
        self.stderr.so_far()
    }

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

    /// Sends a signal to its process group, which must be its own.
    pub(crate) fn signal_group(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process_group(id, signal).expect("a process group of our own");
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
    pub(crate) fn wait(self) -> End {
        self.wait_longer(Duration::ZERO)
    }

    /// The same of one that is stopped for so long meanwhile.
    pub(crate) fn wait_longer(mut self, stopped: Duration) -> End {
        let deadline = Instant::now() + PATIENCE + stopped;
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
    fn new(status: ExitStatus, stdout: Drain, stderr: Drain) -> Self {
        Self {
            status,
            stdout: stdout.whole(),
            stderr: stderr.whole(),
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
