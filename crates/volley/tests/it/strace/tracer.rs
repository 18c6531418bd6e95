//! strace around the binary, or attached to one of its threads.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{End, Invocation, Sandbox, wait_until};

/// Where a trace is written, in the sandbox.
pub(super) const TRACE: &str = "trace";

/// A command line of strace in the making.
pub(super) struct Tracer<'a> {
    sandbox: &'a Sandbox,
    command: Command,
}

/// A strace that is attached to a thread; it ends with that.
pub(super) struct Attached(Child);

impl<'a> Tracer<'a> {
    pub(super) fn new(sandbox: &'a Sandbox) -> Self {
        let mut command = Command::new("strace");
        command.arg("-o").arg(sandbox.path(TRACE));
        Self { sandbox, command }
    }

    /// Tampers with one system call: `CALL:FAULT:when=N`; traces nothing else.
    pub(super) fn inject(self, injection: &str) -> Self {
        let (call, _) = injection.split_once(':').expect("CALL:FAULT");
        self.args([
            "-y",
            "-e",
            &format!("trace={call}"),
            "-e",
            &format!("inject={injection}"),
        ])
    }

    pub(super) fn args<const N: usize>(mut self, args: [&str; N]) -> Self {
        self.command.args(args);
        self
    }

    /// Runs the invocation with all its threads traced from the start.
    pub(super) fn run(mut self, invocation: Invocation) -> End {
        let inner = invocation.into_command();
        self.command
            .arg("-f")
            .arg("--")
            .arg(inner.get_program())
            .args(inner.get_args());
        self.command.env_clear();
        for (name, value) in inner.get_envs() {
            self.command.env(name, value.expect("variables are set alone"));
        }
        let file = |name| File::create(self.sandbox.path(name)).expect("a file");
        self.command
            .current_dir(inner.get_current_dir().expect("the sandbox"))
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"));
        let mut child = Attached(self.command.spawn().expect("strace"));
        let mut status = None;
        wait_until("the traced run to end", || {
            status = child.0.try_wait().expect("a child");
            status.is_some()
        });
        End {
            status: status.expect("it ended"),
            stdout: self.sandbox.read("stdout"),
            stderr: self.sandbox.read("stderr"),
        }
    }

    /// Attaches to one thread; returns once it is traced.
    pub(super) fn attach(mut self, thread: u32) -> Attached {
        self.command.arg("-p").arg(thread.to_string());
        self.command.stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = Attached(self.command.spawn().expect("strace"));
        let said = BufReader::new(child.0.stderr.take().expect("a pipe"));
        let mut lines = said.lines().map(|line| line.expect("text"));
        let first = lines.next().unwrap_or_default();
        assert!(first.contains("attached"), "strace says: {first}");
        // The rest is read too, so that strace never meets a broken pipe.
        std::thread::spawn(move || lines.count());
        child
    }
}

impl Attached {
    pub(super) fn wait(mut self) {
        wait_until("strace to end with its thread", || {
            self.0.try_wait().expect("a child").is_some()
        });
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        // Both fail where it has ended already, which is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
